//! How accurate the forecasts are on recorded series: tables of errors, coverage and time per model.
//!
//! `cargo run --release -p prescale-tests --example accuracy -- DATA [traces|m4|all] [MODEL,…] [from=0.7] [until=1] [origins=300] [back=0] [steps=N] [every=1]`
//!
//! DATA is a folder with the files named below (or the variable ACCURACY_DATA). Traces are cut into bins and forecast at `origins` evenly spaced
//! origins in the part `from`…`until` of each; M4 hourly series are forecast over their test part, or `back` hours before it; only each `every`th series; `steps` is
//! 12 bins of 5 minutes, 30 of one minute or 48 hours where it is not given. Errors of
//! traces are relative to those of repeating the last value; those of M4 are summed up as in the competition (OWA, relative to Naive2).
//!
//! | file | columns |
//! |---|---|
//! | web_wc98_1min_a, web_nasa_1min_jul, cluster_cluster2_1min, dc_google2019_5min (.csv.gz) | `ts`, value, … |
//! | m4_hourly_a.csv.gz | `series`, `part` (train, test), `t`, `y` |

use std::time::Instant;

use prescale_core::forecast::{ForecastSpec, forecast, loss::pinball};
use prescale_core::sample::Series;
use prescale_core::time::{MINUTE, Micros, Step};
use prescale_tests::trace::{Trace, text};

/// Levels of the quantiles that are asked for: those of the 90 % interval, and a few between for the pinball loss.
const LEVELS: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

struct Options {
    data: String,
    what: String,
    models: Vec<String>,
    from: f64,
    until: f64,
    origins: usize,
    back: usize,
    steps: Option<usize>,
    every: usize,
}

fn options() -> Options {
    let mut o = Options {
        data: std::env::var("ACCURACY_DATA").unwrap_or_default(),
        what: "all".into(),
        models: vec!["auto".into()],
        from: 0.7,
        until: 1.0,
        origins: 300,
        back: 0,
        steps: None,
        every: 1,
    };
    for arg in std::env::args().skip(1) {
        match arg.split_once('=') {
            Some(("from", v)) => o.from = v.parse().expect("a share"),
            Some(("until", v)) => o.until = v.parse().expect("a share"),
            Some(("origins", v)) => o.origins = v.parse().expect("a number"),
            Some(("back", v)) => o.back = v.parse().expect("a number of hours"),
            Some(("every", v)) => o.every = v.parse().expect("a number"),
            Some(("steps", v)) => o.steps = Some(v.parse().expect("a number")),
            _ if std::path::Path::new(&arg).is_dir() => o.data = arg,
            _ if ["traces", "m4", "all"].contains(&arg.as_str()) => o.what = arg,
            _ => o.models = arg.split(',').map(str::to_owned).collect(),
        }
    }
    o
}

fn main() {
    let o = options();
    if o.what != "m4" {
        traces(&o);
    }
    if o.what != "traces" {
        m4(&o);
    }
}

/// The lines of a compressed file, without its header, as fields.
fn rows(data: &str, file: &str) -> Vec<Vec<String>> {
    let text = text(&format!("{data}/{file}.csv.gz")).expect("a file");
    text.lines()
        .skip(1)
        .map(|l| l.split(',').map(str::to_owned).collect())
        .collect()
}

/// Demand in windows of so many minutes, where any was seen.
fn demand(data: &str, file: &str, bin: i64) -> Vec<Option<f64>> {
    let step = Step::try_new(bin * MINUTE).expect("a step");
    let traces = Trace::read(&format!("{data}/{file}.csv.gz"), step).expect("a trace");
    let known = |v: f64| (!v.is_nan()).then_some(v);
    traces[0].demand().into_iter().map(known).collect()
}

/// Sums over everything forecast by one model.
#[derive(Default)]
struct Score {
    absolute: f64,
    naive: f64,
    n: f64,
    covered90: f64,
    covered95: f64,
    width95: f64,
    pinball: f64,
    seconds: f64,
    forecasts: f64,
    used: std::collections::BTreeMap<String, usize>,
    smape: f64,
    mase: f64,
    msis: f64,
}

/// Forecasts after `past` and compares with what came; `step` is the length of a window. `scale` divides errors.
fn judge(
    score: &mut Score,
    model: &str,
    past: &[Option<f64>],
    ahead: &[Option<f64>],
    step: Micros,
    scale: f64,
) {
    let known: Vec<(Micros, f64)> = (0..)
        .zip(past)
        .filter_map(|(i, v)| Some((i * step, (*v)?)))
        .collect();
    let (ts, value): (Vec<Micros>, Vec<f64>) = known.into_iter().unzip();
    let last = value[value.len() - 1];
    let series = Series::try_new(ts, value).expect("ordered");
    let spec = ForecastSpec {
        horizon: step * i64::try_from(ahead.len()).expect("few"),
        model: model.into(),
        level: 0.95,
        quantiles: LEVELS.to_vec(),
        ..ForecastSpec::default()
    };
    let began = Instant::now();
    let found = forecast(&series, &spec, &|| false).expect("a forecast");
    score.seconds += began.elapsed().as_secs_f64();
    score.forecasts += 1.0;
    *score.used.entry(found.model_used).or_default() += 1;
    let (mut smape, mut mase, mut msis, mut n) = (0.0, 0.0, 0.0, 0.0);
    for (row, y) in found.rows.iter().zip(ahead) {
        let (Some(y), Some(yhat), Some(lower), Some(upper)) = (*y, row.yhat, row.lower, row.upper)
        else {
            continue;
        };
        let e = (y - yhat).abs();
        score.absolute += e;
        score.naive += (y - last).abs();
        score.covered95 += f64::from(u8::from(lower <= y && y <= upper));
        score.covered90 += f64::from(u8::from(row.q[0] <= y && y <= row.q[6]));
        score.width95 += upper - lower;
        score.pinball += row
            .q
            .iter()
            .zip(LEVELS)
            .map(|(q, p)| pinball(p, *q, y))
            .sum::<f64>()
            / LEVELS.len() as f64
            / scale;
        smape += 200.0 * e / (y.abs() + yhat.abs()).max(f64::MIN_POSITIVE);
        mase += e / scale;
        msis += (upper - lower + 40.0 * ((lower - y).max(0.0) + (y - upper).max(0.0))) / scale;
        n += 1.0;
    }
    score.n += n;
    score.smape += smape / f64::max(n, 1.0);
    score.mase += mase / f64::max(n, 1.0);
    score.msis += msis / f64::max(n, 1.0);
}

fn traces(o: &Options) {
    println!(
        "| model | bins | trace | MASE ÷ last value | covers 90 % | covers 95 % | pinball ÷ MAE of last value | ms | used |\n|---|---|---|---|---|---|---|---|---|"
    );
    for model in &o.models {
        for (bin, steps, files) in [
            (
                5,
                12,
                &[
                    "web_wc98_1min_a",
                    "web_nasa_1min_jul",
                    "cluster_cluster2_1min",
                    "dc_google2019_5min",
                ][..],
            ),
            (
                1,
                30,
                &[
                    "web_wc98_1min_a",
                    "web_nasa_1min_jul",
                    "cluster_cluster2_1min",
                ][..],
            ),
        ] {
            let steps = o.steps.unwrap_or(steps);
            let (mut logs, mut covered) = (0.0, 0.0);
            for file in files {
                let y = demand(&o.data, file, bin);
                let (first, end) = (
                    (y.len() as f64 * o.from) as usize,
                    (y.len() as f64 * o.until) as usize - steps,
                );
                let mut score = Score::default();
                for k in 0..o.origins {
                    let origin = first + (end - first) * k / o.origins;
                    if y[origin - 1].is_some() {
                        judge(
                            &mut score,
                            model,
                            &y[..origin],
                            &y[origin..origin + steps],
                            bin * MINUTE,
                            1.0,
                        );
                    }
                }
                let ratio = score.absolute / score.naive;
                logs += ratio.ln();
                covered += score.covered90 / score.n;
                println!(
                    "| {model} | {bin} min | {file} | {ratio:.4} | {:.3} | {:.3} | {:.4} | {:.1} | {:?} |",
                    score.covered90 / score.n,
                    score.covered95 / score.n,
                    score.pinball / score.naive,
                    1e3 * score.seconds / score.forecasts,
                    score.used
                );
            }
            let n = files.len() as f64;
            println!(
                "| {model} | {bin} min | **geometric mean** | **{:.4}** | {:.3} | | | | |",
                (logs / n).exp(),
                covered / n
            );
        }
    }
}

fn m4(o: &Options) {
    let h = o.steps.unwrap_or(48);
    const M: usize = 24;
    let mut series: Vec<(String, Vec<f64>, usize)> = Vec::new();
    for r in rows(&o.data, "m4_hourly_a") {
        if series.last().is_none_or(|s| s.0 != r[0]) {
            series.push((r[0].clone(), Vec::new(), 0));
        }
        let s = series.last_mut().expect("pushed");
        s.1.push(r[3].parse().expect("a number"));
        s.2 += usize::from(r[1] == "train");
    }
    let mut naive2 = (0.0, 0.0);
    let mut scores: Vec<Score> = o.models.iter().map(|_| Score::default()).collect();
    let series: Vec<_> = series.into_iter().step_by(o.every).collect();
    for (_, y, train) in &series {
        let (past, ahead) = (&y[..train - o.back], &y[train - o.back..train - o.back + h]);
        let scale = past
            .iter()
            .zip(&past[M..])
            .map(|(a, b)| (b - a).abs())
            .sum::<f64>()
            / (past.len() - M) as f64;
        for (f, a) in naive2_forecast(past, M, h).iter().zip(ahead) {
            naive2.0 +=
                200.0 * (f - a).abs() / (f.abs() + a.abs()).max(f64::MIN_POSITIVE) / h as f64;
            naive2.1 += (f - a).abs() / scale / h as f64;
        }
        let [past, ahead] =
            [past, ahead].map(|part| part.iter().map(|v| Some(*v)).collect::<Vec<_>>());
        for (model, score) in o.models.iter().zip(&mut scores) {
            judge(score, model, &past, &ahead, 60 * MINUTE, scale);
        }
    }
    let n = series.len() as f64;
    println!(
        "\n{n} M4 hourly series, {} hours before their test part; Naive2: sMAPE {:.2}, MASE {:.3}",
        o.back,
        naive2.0 / n,
        naive2.1 / n
    );
    println!(
        "| model | sMAPE | MASE | OWA | covers 90 % | covers 95 % | MSIS (95 %) | pinball | ms | used |\n|---|---|---|---|---|---|---|---|---|---|"
    );
    for (model, s) in o.models.iter().zip(&scores) {
        println!(
            "| {model} | {:.2} | {:.3} | **{:.4}** | {:.3} | {:.3} | {:.2} | {:.4} | {:.1} | {:?} |",
            s.smape / n,
            s.mase / n,
            0.5 * (s.smape / naive2.0 + s.mase / naive2.1),
            s.covered90 / s.n,
            s.covered95 / s.n,
            s.msis / n,
            s.pinball / s.n,
            1e3 * s.seconds / s.forecasts,
            s.used
        );
    }
}

/// The benchmark of the M4 competition: the last value, seasonally adjusted by factors where the autocorrelation at the season's lag
/// shows one at 90 %.
fn naive2_forecast(y: &[f64], m: usize, steps: usize) -> Vec<f64> {
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n;
    let square: f64 = y.iter().map(|v| (v - mean).powi(2)).sum();
    let r = |lag: usize| {
        y.iter()
            .zip(&y[lag..])
            .map(|(a, b)| (a - mean) * (b - mean))
            .sum::<f64>()
            / square
    };
    let limit = 1.645 * ((1.0 + 2.0 * (1..m).map(|k| r(k).powi(2)).sum::<f64>()) / n).sqrt();
    let mut factor = vec![1.0; m];
    if r(m).abs() > limit {
        let mut sums = vec![(0.0, 0.0); m];
        for t in m / 2..y.len() - m / 2 {
            let around = &y[t - m / 2..=t + m / 2];
            let centred = (around.iter().sum::<f64>() - 0.5 * (around[0] + around[m])) / m as f64;
            let s = &mut sums[t % m];
            *s = (s.0 + y[t] / centred, s.1 + 1.0);
        }
        factor = sums.iter().map(|(s, n)| s / n).collect();
        let mean = factor.iter().sum::<f64>() / m as f64;
        factor.iter_mut().for_each(|f| *f /= mean);
    }
    let last = y[y.len() - 1] / factor[(y.len() - 1) % m];
    (0..steps)
        .map(|h| last * factor[(y.len() + h) % m])
        .collect()
}
