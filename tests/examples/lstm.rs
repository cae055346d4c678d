//! How fast the LSTM trains and forecasts, and what it forecasts on traces.
//!
//! `cargo run --release -p prescale-tests --example lstm -- speed`
//! `cargo run --release -p prescale-tests --example lstm -- accuracy STEP HORIZON trace.csv …` (both in minutes)
//!
//! A trace has a header and a time (RFC 3339) first; its first number is demand. It is averaged to windows of STEP. The first 70 % are
//! learned from, every window of the rest is an origin. Where a trace has more numbers, fingerprints are three principal components of
//! all of them, fitted on the first part. With `daily` instead of `accuracy` a new model is learned every day, from all before.

use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use prescale_core::fingerprint::{Keep, PcaBuilder, PcaModel};
use prescale_core::forecast::loss::pinball;
use prescale_core::forecast::lstm::{Model, Spec, Workload, fit};
use prescale_core::time::{DAY, MINUTE, Micros, SECOND, Step};

/// Levels of the accuracy table: the median and a 90 % interval.
const LEVELS: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// What a model learned from.
const NAMES: [&str; 4] = [
    "itself",
    "itself + fingerprints",
    "all",
    "all + fingerprints",
];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((what, _)) if what == "speed" => speed(),
        Some((what, [step, horizon, files @ ..])) if what == "accuracy" || what == "daily" => {
            accuracy(step.parse()?, horizon.parse()?, files, what == "daily")
        }
        _ => bail!("usage: lstm speed | lstm accuracy|daily STEP HORIZON TRACE.csv…"),
    }
}

/// 2,000 windows of 48, 20 epochs, hidden 32: the task that frameworks are timed on.
fn speed() -> Result<()> {
    let step = Step::try_new(5 * MINUTE)?;
    let spec = Spec {
        validation: 0.0,
        epochs: 20,
        levels: LEVELS.to_vec(),
        max_windows: 10_000,
        ..Spec::new(step, 12, 0)
    };
    let values: Vec<f64> = (0..2_023u32)
        .map(|i| 100.0 + 50.0 * (f64::from(i) / 40.0).sin() + f64::from(i * 7919 % 13))
        .collect();
    let workload = Workload {
        start: 0,
        values: &values,
        covariates: &[],
    };
    let mut times = Vec::new();
    let mut model = None;
    for _ in 0..5 {
        let began = Instant::now();
        model = fit(&[workload], &spec, &|| false)?;
        times.push(began.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let model = model.context("nothing to learn from")?;
    println!("train_s {:.4} (best {:.4})", times[2], times[0]);
    println!("report {:?}", model.report());
    println!("model_bytes {}", model.to_bytes().len());
    let recent = Workload {
        values: &values[values.len() - 100..],
        ..workload
    };
    for n in [1, 32] {
        let many = vec![recent; n];
        let began = Instant::now();
        for _ in 0..200 {
            model.predict(&many, &|| false)?;
        }
        println!("predict_{n}_us {:.1}", began.elapsed().as_secs_f64() * 5e3);
    }
    Ok(())
}

/// A trace on a regular grid.
struct Trace {
    name: String,
    step: Step,
    start: Micros,
    values: Vec<f64>,
    covariates: Vec<f64>,
    n_covariates: usize,
}

impl Trace {
    fn read(path: &Path, step: Step) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let mut rows: Vec<(Micros, Vec<f64>)> = Vec::new();
        for line in text.lines().skip(1) {
            let (ts, rest) = line.split_once(',').context("a row of one column")?;
            let number = |s: &str| s.parse().unwrap_or(f64::NAN);
            rows.push((instant(ts)?, rest.split(',').map(number).collect()));
        }
        let width = rows.first().context("no rows")?.1.len();
        let start = step.floor(rows[0].0);
        let n = usize::try_from((rows[rows.len() - 1].0 - start) / step.micros())? + 1;
        let mut sums = vec![(0.0, 0.0); n * width];
        for (ts, row) in &rows {
            let i = usize::try_from((ts - start) / step.micros())?;
            for (sum, x) in sums[i * width..]
                .iter_mut()
                .zip(row)
                .filter(|(_, x)| !x.is_nan())
            {
                *sum = (sum.0 + x, sum.1 + 1.0);
            }
        }
        let mean: Vec<f64> = sums.iter().map(|(sum, n)| sum / n).collect();
        let (covariates, n_covariates) = fingerprints(&mean, width)?;
        Ok(Self {
            name: path
                .file_stem()
                .map_or(String::new(), |s| s.to_string_lossy().into_owned()),
            step,
            start,
            values: mean.chunks(width).map(|row| row[0]).collect(),
            covariates,
            n_covariates,
        })
    }

    /// The part `from..until`.
    fn part(&self, from: usize, until: usize, with_covariates: bool) -> Workload<'_> {
        let c = self.n_covariates;
        Workload {
            start: self.start + self.step.micros() * i64::try_from(from).unwrap_or(0),
            values: &self.values[from..until],
            covariates: if with_covariates {
                &self.covariates[from * c..until * c]
            } else {
                &[]
            },
        }
    }
}

/// Microseconds of `YYYY-MM-DDTHH:MM:SS`, by the clock that wrote it.
fn instant(text: &str) -> Result<Micros> {
    let part = |from: usize, to: usize| -> Result<i64> {
        Ok(text.get(from..to).context("a short time")?.parse()?)
    };
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    // Days since the epoch of the proleptic Gregorian calendar, years beginning in March.
    let year = if month > 2 { year } else { year - 1 };
    let days =
        year * 365 + year / 4 - year / 100 + year / 400 + (153 * ((month + 9) % 12) + 2) / 5 + day
            - 719_469;
    Ok(days * DAY + (part(11, 13)? * 3600 + part(14, 16)? * 60 + part(17, 19)?) * SECOND)
}

/// Three principal components of the rows, fitted on the first 70 %; none of a single number.
fn fingerprints(rows: &[f64], width: usize) -> Result<(Vec<f64>, usize)> {
    if width < 2 {
        return Ok((Vec::new(), 0));
    }
    let vectors: Vec<Vec<Option<f64>>> = rows
        .chunks(width)
        .map(|row| row.iter().map(|x| (!x.is_nan()).then_some(*x)).collect())
        .collect();
    let mut state = PcaBuilder::default();
    for vector in &vectors[..vectors.len() * 7 / 10] {
        state.push(vector)?;
    }
    let model = PcaModel::fit(&state.state(), Keep::Components(3), true)?;
    let mut out = Vec::new();
    for vector in &vectors {
        out.extend(model.project(vector)?);
    }
    let n = out.len() / vectors.len();
    Ok((out, n))
}

fn accuracy(minutes: i64, horizon: i64, files: &[String], daily: bool) -> Result<()> {
    let step = Step::try_new(minutes * MINUTE)?;
    let traces = files
        .iter()
        .map(|f| Trace::read(Path::new(f), step))
        .collect::<Result<Vec<_>>>()?;
    let spec = Spec {
        levels: LEVELS.to_vec(),
        ..Spec::new(step, step.cover(horizon * MINUTE), step.cover(DAY))
    };
    let seen = |t: &Trace| t.values.len() * 7 / 10;
    let learn =
        |pasts: &[Workload<'_>]| fit(pasts, &spec, &|| false)?.context("nothing to learn from");
    println!(
        "{:24} {:20} {:>7} {:>7} {:>8}",
        "trace", "learned from", "MASE/lv", "cover90", "pinball"
    );
    let mut means = vec![(0.0_f64, 0.0); NAMES.len()];
    let mut tell = |kind: usize, trace: &Trace, name: &str, score: &Score| {
        println!("{:24} {name:20} {score}", trace.name);
        means[kind] = (means[kind].0 + score.relative().ln(), means[kind].1 + 1.0);
    };
    let every = if daily { step.cover(DAY) } else { usize::MAX };
    for trace in &traces {
        for with in [false, true] {
            if with && trace.n_covariates == 0 {
                continue;
            }
            let mut score = Score::default();
            let mut from = seen(trace);
            while from < trace.values.len() - spec.steps {
                let until = from
                    .saturating_add(every)
                    .min(trace.values.len() - spec.steps);
                score.add(
                    &learn(&[trace.part(0, from, with)])?,
                    trace,
                    from..until,
                    with,
                )?;
                from = until;
            }
            tell(usize::from(with), trace, NAMES[usize::from(with)], &score);
        }
    }
    let c = traces.first().map_or(0, |t| t.n_covariates);
    for with in [false, true] {
        if traces.len() < 2
            || daily
            || (with && (c == 0 || traces.iter().any(|t| t.n_covariates != c)))
        {
            continue;
        }
        let all: Vec<_> = traces.iter().map(|t| t.part(0, seen(t), with)).collect();
        let model = learn(&all)?;
        for trace in &traces {
            let mut score = Score::default();
            let origins = seen(trace)..trace.values.len() - spec.steps;
            score.add(&model, trace, origins, with)?;
            tell(
                2 + usize::from(with),
                trace,
                NAMES[2 + usize::from(with)],
                &score,
            );
        }
    }
    for (name, (sum, n)) in NAMES.iter().zip(means).filter(|(_, (_, n))| *n > 0.0) {
        println!(
            "geometric mean over {n} traces, {name}: {:.3}",
            f64::exp(sum / n)
        );
    }
    Ok(())
}

/// Sums over origins, steps and levels.
#[derive(Default)]
struct Score {
    error: f64,
    naive: f64,
    loss: f64,
    inside: f64,
    n: f64,
}

impl Score {
    /// Mean absolute error of the median relative to the last value's.
    fn relative(&self) -> f64 {
        self.error / self.naive
    }

    fn add(
        &mut self,
        model: &Model,
        trace: &Trace,
        origins: Range<usize>,
        with: bool,
    ) -> Result<()> {
        let (steps, levels) = (model.steps(), model.levels());
        for origins in origins.collect::<Vec<_>>().chunks(32) {
            let past = |&at: &usize| trace.part(at.saturating_sub(model.reach()), at, with);
            let pasts: Vec<_> = origins.iter().map(past).collect();
            for (&at, q) in origins.iter().zip(model.predict(&pasts, &|| false)?) {
                let last = trace.values[..at].iter().rev().find(|v| !v.is_nan());
                let (Some(q), Some(last)) = (q, last) else {
                    continue;
                };
                let actual = trace.values[at..at + steps]
                    .iter()
                    .zip(q.chunks(levels.len()));
                for (y, q) in actual.filter(|(y, _)| !y.is_nan()) {
                    let pinballs = levels
                        .iter()
                        .zip(q)
                        .map(|(&level, &q)| pinball(level, q, *y));
                    self.loss += pinballs.sum::<f64>() / levels.len() as f64;
                    self.error += (y - q[2]).abs();
                    self.naive += (y - last).abs();
                    self.inside += f64::from(u8::from(*y >= q[0] && *y <= q[4]));
                    self.n += 1.0;
                }
            }
        }
        Ok(())
    }
}

/// Error relative to the last value's, coverage of 5..95 %, pinball loss relative to the last value's mean absolute error.
impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            naive,
            loss,
            inside,
            n,
            ..
        } = self;
        write!(
            f,
            "{:7.3} {:7.3} {:8.4}",
            self.relative(),
            inside / n,
            loss / naive
        )
    }
}
