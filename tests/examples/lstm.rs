//! How fast the LSTM trains and forecasts, and what it forecasts on traces.
//!
//! `cargo run --release -p prescale-tests --example lstm -- speed`
//! `cargo run --release -p prescale-tests --example lstm -- accuracy STEP HORIZON TRACE…` (both in minutes)
//!
//! For traces see `prescale_tests::trace`. The first 70 % are learned from, every window of the rest is an origin. Where a trace has more numbers,
//! fingerprints are three principal components of all of them, fitted on the first part. With `daily` instead of `accuracy` a new model is learned every day, from all before.

use std::ops::Range;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use prescale_core::forecast::loss::pinball;
use prescale_core::forecast::lstm::{Model, Spec, Workload, fit};
use prescale_core::time::{DAY, MINUTE, Step};
use prescale_tests::trace::Trace;

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
        _ => bail!("usage: lstm speed | lstm accuracy|daily STEP HORIZON TRACE…"),
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

/// A trace, its demand and its fingerprints.
struct Told {
    trace: Trace,
    values: Vec<f64>,
    covariates: Vec<f64>,
    n_covariates: usize,
}

impl Told {
    fn of(trace: Trace) -> Result<Self> {
        let values = trace.demand();
        let prints = trace.fingerprints(values.len() * 7 / 10)?;
        Ok(Self {
            values,
            n_covariates: prints.first().map_or(0, Vec::len),
            covariates: prints.concat(),
            trace,
        })
    }

    /// The part `from..until`.
    fn part(&self, from: usize, until: usize, with_covariates: bool) -> Workload<'_> {
        let c = self.n_covariates;
        Workload {
            start: self.trace.ts(from),
            values: &self.values[from..until],
            covariates: if with_covariates {
                &self.covariates[from * c..until * c]
            } else {
                &[]
            },
        }
    }
}

fn accuracy(minutes: i64, horizon: i64, files: &[String], daily: bool) -> Result<()> {
    let step = Step::try_new(minutes * MINUTE)?;
    let mut traces = Vec::new();
    for file in files {
        traces.extend(Trace::read(file, step)?.into_iter().map(Told::of));
    }
    let traces = traces.into_iter().collect::<Result<Vec<_>>>()?;
    let spec = Spec {
        levels: LEVELS.to_vec(),
        ..Spec::new(step, step.cover(horizon * MINUTE), step.cover(DAY))
    };
    let seen = |t: &Told| t.values.len() * 7 / 10;
    let learn =
        |pasts: &[Workload<'_>]| fit(pasts, &spec, &|| false)?.context("nothing to learn from");
    println!(
        "{:24} {:20} {:>7} {:>7} {:>8}",
        "trace", "learned from", "MASE/lv", "cover90", "pinball"
    );
    let mut means = vec![(0.0_f64, 0.0); NAMES.len()];
    let mut tell = |kind: usize, trace: &Told, name: &str, score: &Score| {
        println!("{:24} {name:20} {score}", trace.trace.name);
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
        trace: &Told,
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
