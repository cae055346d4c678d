//! What [`fit`](super::fit) accepts.

use super::shape::Shape;
use super::window::Frame;
use super::{Spec, Workload};
use crate::error::{Error, ErrorKind, Result};
use crate::time::{ShouldStop, check_stop};

/// Longest past of one workload: the same as of a forecast.
const MAX_VALUES: usize = 1 << 20;

/// Most covariates: more would be most of the network.
pub(in crate::forecast) const MAX_COVARIATES: usize = 32;

/// Most weights: eight megabytes of model.
pub(super) const MAX_WEIGHTS: usize = 2_000_000;

/// Beyond, a value no longer fits the arithmetic; no demand comes near.
const MAX_VALUE: f64 = 1e60;

/// The sizes of the network that `spec` asks for.
pub(super) fn spec(spec: &Spec, covariates: usize) -> Result<(Frame, Shape)> {
    within("epochs", spec.epochs, 1, 10_000)?;
    within("patience", spec.patience, 1, 10_000)?;
    within("max_windows", spec.max_windows, 1, MAX_VALUES)?;
    if spec.max_updates == 0 {
        return Err(Error::invalid("max_updates must be positive, not 0"));
    }
    within("learning_rate", spec.learning_rate, 1e-6, 0.1)?;
    within("validation", spec.validation, 0.0, 0.5)?;
    let frame = Frame {
        window: spec.window,
        steps: spec.steps,
        season: spec.season,
        covariates,
        step: spec.step,
    };
    let shape = shape(&frame, spec.hidden, &spec.levels)?;
    Ok((frame, shape))
}

/// The network for windows of `frame`.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the network computes in f32"
)]
pub(super) fn shape(frame: &Frame, hidden: usize, levels: &[f64]) -> Result<Shape> {
    within("window", frame.window, 4, 256)?;
    within("steps", frame.steps, 1, 256)?;
    within("season", frame.season, 0, MAX_VALUES)?;
    covariates(frame.covariates)?;
    within("hidden", hidden, 8, 64)?;
    within("number of levels", levels.len(), 1, 32)?;
    if !hidden.is_multiple_of(8) {
        return Err(Error::invalid(format!(
            "hidden must be a multiple of 8, not {hidden}"
        )));
    }
    for level in levels {
        if !(*level > 0.0 && *level < 1.0) {
            return Err(
                Error::invalid(format!("level must be between 0 and 1, not {level}"))
                    .with_hint("95 % is 0.95"),
            );
        }
    }
    if let Some(pair) = levels.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(Error::invalid(format!(
            "levels must ascend, not {} before {}",
            pair[0], pair[1]
        )));
    }
    let shape = Shape {
        window: frame.window,
        inputs: frame.inputs(),
        hidden,
        direct: frame.direct(),
        steps: frame.steps,
        levels: levels.iter().map(|level| *level as f32).collect(),
    };
    match shape.weights() {
        n if n > MAX_WEIGHTS => Err(Error::new(
            ErrorKind::TooLarge,
            format!("the network has {n} weights, more than {MAX_WEIGHTS}"),
        )
        .with_hint("ask for fewer steps or levels")),
        _ => Ok(shape),
    }
}

/// Whether a network may read `n` covariates.
pub(super) fn covariates(n: usize) -> Result<()> {
    within("number of covariates", n, 0, MAX_COVARIATES)
}

/// How many covariates the workloads have per step: the same number each, `known` where that is given.
pub(super) fn workloads(
    workloads: &[Workload<'_>],
    known: Option<usize>,
    should_stop: ShouldStop<'_>,
) -> Result<usize> {
    let mut covariates = known;
    for (i, workload) in workloads.iter().enumerate() {
        check_stop(should_stop)?;
        let (n, c) = (workload.values.len(), workload.covariates.len());
        if n > MAX_VALUES {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("workload {i} has {n} values, more than {MAX_VALUES}"),
            )
            .with_hint("use a longer step or a shorter past"));
        }
        let numbers = workload.values.iter().chain(workload.covariates);
        if let Some(bad) = numbers.into_iter().find(|x| x.is_infinite()) {
            return Err(Error::new(
                ErrorKind::NotFinite,
                format!("workload {i} has the number {bad}"),
            ));
        }
        if let Some(bad) = workload.values.iter().find(|x| x.abs() > MAX_VALUE) {
            return Err(Error::invalid(format!(
                "workload {i} has the value {bad}, beyond {MAX_VALUE}"
            )));
        }
        if n == 0 {
            continue;
        }
        if c % n != 0 || *covariates.get_or_insert(c / n) != c / n {
            let expected = covariates.unwrap_or(0);
            return Err(Error::invalid(format!(
                "workload {i} has {c} covariates for {n} values, not {expected} each"
            )));
        }
    }
    Ok(covariates.unwrap_or(0))
}

fn within<T: PartialOrd + std::fmt::Display>(name: &str, value: T, low: T, high: T) -> Result<()> {
    if (&low..=&high).contains(&&value) {
        Ok(())
    } else {
        Err(Error::invalid(format!(
            "{name} must be {low} to {high}, not {value}"
        )))
    }
}
