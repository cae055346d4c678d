//! The fit: rows of the last 90 days, one set of coefficients per level.

use super::model::{DemandModel, Scaling, check_levels};
use super::optimize::{Problem, Sample, gram_factor};
use super::row::{Lengths, N, Row, Rows, STOP_EVERY, count};
use super::signal::Signal;
use super::{DemandFit, DemandSpec, MAX_LEAD, MIN_STEP, TRAINING};
use crate::error::{Error, ErrorKind, Result};
use crate::forecast::loss::pinball;
use crate::sample::Series;
use crate::time::{DAY, ShouldStop, Step, check_stop, interval_text};

/// Most rows trained on: 91 days of minutes, 18 MiB. Of more rows every k-th is taken, counted from the newest.
const MAX_ROWS: usize = 131_072;

/// Fewest rows for sixteen coefficients, whatever the step.
const MIN_ROWS: usize = 48;

/// A usable origin.
#[derive(Debug)]
struct Example {
    row: Row,
    /// Demand of the target window.
    demand: f64,
    /// The last known demand.
    last: f64,
}

/// Fits the quantiles of demand at the lead time on the windows of `history` that start before `spec.until`.
///
/// Minimises Σ level · ρ((demand − q)/level) per quantile level, where `level` is the mean of the last 3 and 10
/// minutes: errors count in units of demand, that is in money. Origins at less than half the load of the smallest
/// size are left out (there the forecast decides nothing), unless fewer than two days remain; nothing is ever left out
/// because of its target. Windows that were missing are carried forward for up to ten windows as features, never
/// as targets.
///
/// # Errors
/// `InvalidArgument` for a step, lead, capacity or level out of range, `NotFinite` for a capacity that is NaN or infinite,
/// `Cancelled`, `Numeric` when demand and capacity are so far apart that the arithmetic overflows.
pub fn fit_demand(
    history: &Series,
    spec: &DemandSpec,
    should_stop: ShouldStop<'_>,
) -> Result<DemandFit> {
    check(spec)?;
    let signal = Signal::build(
        history,
        spec.step,
        spec.until.saturating_sub(TRAINING),
        spec.until,
    );
    let examples = examples(&signal, spec, should_stop)?;
    let least = (2 * spec.step.round(DAY)).max(MIN_ROWS);
    if examples.len() < least {
        return Ok(DemandFit {
            model: None,
            status: "short".into(),
            n_train: examples.len(),
            pinball: Vec::new(),
        });
    }
    let persistent = examples.iter().all(|e| e.demand.total_cmp(&e.last).is_eq());
    let (model, status) = if persistent {
        (repeat_last(spec), "constant")
    } else {
        (train(&examples, spec, should_stop)?, "ok")
    };
    let pinball = mean_pinball(&model, &examples);
    Ok(DemandFit {
        model: Some(model),
        status: status.into(),
        n_train: examples.len(),
        pinball,
    })
}

fn check(spec: &DemandSpec) -> Result<()> {
    check_step(spec.step)?;
    if !(1..=MAX_LEAD).contains(&spec.lead) {
        return Err(Error::invalid(format!(
            "lead must be above zero and at most {}, not {}",
            interval_text(MAX_LEAD),
            interval_text(spec.lead)
        )));
    }
    check_positive("unit_capacity", spec.unit_capacity)?;
    check_levels(&spec.levels)
}

/// Refuses windows that are too short.
pub(super) fn check_step(step: Step) -> Result<()> {
    if step.micros() < MIN_STEP {
        return Err(Error::invalid(format!(
            "step must be at least {}, not {}",
            interval_text(MIN_STEP),
            interval_text(step.micros())
        )));
    }
    Ok(())
}

/// Refuses what is not a finite number above zero.
pub(super) fn check_positive(name: &str, v: f64) -> Result<()> {
    if !v.is_finite() {
        return Err(Error::new(ErrorKind::NotFinite, format!("{name} is {v}"))
            .with_hint("give a finite number"));
    }
    if v <= 0.0 {
        return Err(Error::invalid(format!("{name} must be positive, not {v}")));
    }
    Ok(())
}

/// The rows to train on.
fn examples(
    signal: &Signal,
    spec: &DemandSpec,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Example>> {
    let lengths = Lengths::new(spec.step, spec.lead);
    let (lead, day) = (lengths.lead, lengths.day);
    let rows =
        Rows::new(signal, lengths, spec.unit_capacity, spec.min_units).with_memo(should_stop)?;
    let stride = signal.len().div_ceil(MAX_ROWS).max(1);
    let newest = signal.len().saturating_sub(lead);
    let mut out = Vec::new();
    // The first origin of the grid is the one that is a whole number of strides before the newest.
    for t in (newest % stride..newest).step_by(stride) {
        if (t / stride).is_multiple_of(STOP_EVERY) {
            check_stop(should_stop)?;
        }
        let (Some(demand), Some(last)) = (signal.seen(t + lead), signal.at(t.saturating_sub(1)))
        else {
            continue;
        };
        if let Some(row) = rows.row(t) {
            out.push(Example { row, demand, last });
        }
    }
    let busy = 0.5 * spec.unit_capacity * f64::from(spec.min_units);
    if out.iter().filter(|e| e.row.level >= busy).count() >= 2 * day {
        out.retain(|e| e.row.level >= busy);
    }
    Ok(out)
}

/// A model whose every quantile is the last known demand.
fn repeat_last(spec: &DemandSpec) -> DemandModel {
    let mut coef = [0.0; N];
    coef[1] = 1.0;
    DemandModel::new(spec, &Scaling::NONE, &vec![coef; spec.levels.len()])
}

fn train(
    examples: &[Example],
    spec: &DemandSpec,
    should_stop: ShouldStop<'_>,
) -> Result<DemandModel> {
    let scaling = scaling(examples);
    let mean_level = examples.iter().map(|e| e.row.level).sum::<f64>() / count(examples.len());
    let samples: Vec<Sample> = examples
        .iter()
        .map(|e| Sample {
            z: scaling.apply(&e.row.x),
            y: e.demand / e.row.level,
            weight: e.row.level / mean_level,
        })
        .collect();
    let metric = gram_factor(&samples);
    let mut start = [0.0; N];
    start[0] = 1.0;
    let mut coef = Vec::with_capacity(spec.levels.len());
    for &level in &spec.levels {
        let problem = Problem {
            samples: &samples,
            level,
            metric: &metric,
        };
        start = problem.minimise(start, should_stop)?;
        coef.push(start);
    }
    Ok(DemandModel::new(spec, &scaling, &coef))
}

/// Weighted mean and standard deviation of each feature; the first one, constant, is left alone.
fn scaling(examples: &[Example]) -> Scaling {
    let mut out = Scaling::NONE;
    let total: f64 = examples.iter().map(|e| e.row.level).sum();
    for j in 1..N {
        let mean = examples
            .iter()
            .map(|e| e.row.level * e.row.x[j])
            .sum::<f64>()
            / total;
        let square = |e: &Example| e.row.level * (e.row.x[j] - mean) * (e.row.x[j] - mean);
        let deviation = (examples.iter().map(square).sum::<f64>() / total).sqrt();
        out.mean[j] = mean;
        // A feature that never moved is centred away; dividing by rounding noise would make it loud when it does.
        out.scale[j] = if deviation > 1e-9 * mean.abs().max(1.0) {
            deviation
        } else {
            1.0
        };
    }
    out
}

fn mean_pinball(model: &DemandModel, examples: &[Example]) -> Vec<f64> {
    let mut sum = vec![0.0; model.levels.len()];
    for e in examples {
        let q = model.quantiles(&e.row, e.last).unwrap_or_default();
        for ((sum, q), level) in sum.iter_mut().zip(q).zip(&model.levels) {
            *sum += pinball(*level, q, e.demand);
        }
    }
    sum.iter().map(|s| s / count(examples.len())).collect()
}
