//! What fingerprints add to forecasts of recorded traces.
//!
//! `cargo run --release -p prescale-tests --example fingerprint -- MODEL,… STEP HORIZON TRACE… [from=0.7] [until=1] [origins=300]` (in minutes)
//!
//! A trace is a CSV file or `FILE:COLUMN`, one trace for each value of that column: a time first, then numbers, the first of which is demand; see
//! `prescale_tests::trace`. Fingerprints are three principal components of all numbers of a window, fitted on the part before `from`. `ridge`, `auto` and `lstm` read
//! them as covariates; `prophet` as regressors, a horizon late so that they are known ahead. Each origin has a forecast with them and one without.

use anyhow::{Context, Result, bail};
use prescale_core::forecast::{ForecastSpec, Regressor, forecast};
use prescale_core::sample::Series;
use prescale_core::time::{MINUTE, Step};
use prescale_tests::trace::Trace;

#[derive(Clone, Copy)]
struct Part {
    from: f64,
    until: f64,
    origins: usize,
}

fn main() -> Result<()> {
    let (mut plain, mut part) = (
        Vec::new(),
        Part {
            from: 0.7,
            until: 1.0,
            origins: 300,
        },
    );
    for arg in std::env::args().skip(1) {
        match arg.split_once('=') {
            Some(("from", v)) => part.from = v.parse()?,
            Some(("until", v)) => part.until = v.parse()?,
            Some(("origins", v)) => part.origins = v.parse()?,
            _ => plain.push(arg),
        }
    }
    let [models, step, horizon, files @ ..] = &plain[..] else {
        bail!("usage: fingerprint MODEL,… STEP HORIZON TRACE…");
    };
    let (step, horizon) = (
        Step::try_new(step.parse::<i64>()? * MINUTE)?,
        horizon.parse::<i64>()? * MINUTE,
    );
    let mut traces = Vec::new();
    for file in files {
        traces.extend(Trace::read(file, step)?);
    }
    println!(
        "| model | trace | without | with | covers 90 % without | with |\n|---|---|---|---|---|---|"
    );
    for model in models.split(',') {
        let mut logs = [0.0; 2];
        for trace in &traces {
            let [without, with] = judge(model, trace, horizon, part)?;
            println!(
                "| {model} | {} | {:.4} | {:.4} | {:.3} | {:.3} |",
                trace.name,
                without.relative(),
                with.relative(),
                without.coverage(),
                with.coverage()
            );
            logs[0] += without.relative().ln();
            logs[1] += with.relative().ln();
        }
        let [without, with] = logs.map(|sum| f64::exp(sum / traces.len() as f64));
        println!(
            "| {model} | **geometric mean of {}** | **{without:.4}** | **{with:.4}** | | |",
            traces.len()
        );
    }
    Ok(())
}

/// Sums over origins and steps.
#[derive(Default)]
struct Score {
    error: f64,
    naive: f64,
    inside: f64,
    n: f64,
}

impl Score {
    /// Mean absolute error relative to the last value's.
    fn relative(&self) -> f64 {
        self.error / self.naive
    }

    /// Share within the bounds.
    fn coverage(&self) -> f64 {
        self.inside / self.n
    }
}

/// Without fingerprints, and with them.
fn judge(model: &str, trace: &Trace, horizon: i64, part: Part) -> Result<[Score; 2]> {
    let (y, steps) = (trace.demand(), trace.step.cover(horizon));
    let first = (y.len() as f64 * part.from) as usize;
    let end = (y.len() as f64 * part.until) as usize - steps;
    let prints = trace.fingerprints(first)?;
    let width = prints
        .first()
        .with_context(|| format!("{} has one number only", trace.name))?
        .len();
    let column = |c: usize, known: usize| -> Result<Series> {
        series(trace, prints[..known].iter().map(|row| row[c]))
    };
    let mut scores = [Score::default(), Score::default()];
    for k in 0..part.origins {
        let origin = first + (end - first) * k / part.origins;
        if y[origin - 1].is_nan() {
            continue;
        }
        let past = series(trace, y[..origin].iter().copied())?;
        for (score, with) in scores.iter_mut().zip([false, true]) {
            let mut spec = ForecastSpec {
                horizon,
                model: model.into(),
                level: 0.9,
                ..ForecastSpec::default()
            };
            if with && model == "prophet" {
                for c in 0..width {
                    let late = prints[..origin].iter().map(|row| row[c]);
                    let none = std::iter::repeat_n(f64::NAN, steps);
                    spec.regressors.push(Regressor {
                        name: format!("c{c}"),
                        series: series(trace, none.chain(late))?,
                    });
                }
            } else if with {
                spec.covariates = (0..width)
                    .map(|c| column(c, origin))
                    .collect::<Result<_>>()?;
            }
            let found = forecast(&past, &spec, &|| false)?;
            for (row, y_true) in found.rows.iter().zip(&y[origin..]) {
                let (Some(yhat), Some(lower), Some(upper)) = (row.yhat, row.lower, row.upper)
                else {
                    continue;
                };
                if !y_true.is_nan() {
                    score.error += (y_true - yhat).abs();
                    score.naive += (y_true - y[origin - 1]).abs();
                    score.inside += f64::from(u8::from((lower..=upper).contains(y_true)));
                    score.n += 1.0;
                }
            }
        }
    }
    Ok(scores)
}

/// The windows that are known.
fn series(trace: &Trace, values: impl Iterator<Item = f64>) -> Result<Series> {
    let known = values.enumerate().filter(|(_, v)| !v.is_nan());
    let (ts, values) = known.map(|(idx, v)| (trace.ts(idx), v)).unzip();
    Ok(Series::try_new(ts, values)?)
}
