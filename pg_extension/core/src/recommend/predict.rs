//! The prediction at one origin.

use super::fit::check_step;
use super::row::{Lengths, Rows};
use super::signal::Signal;
use super::{DemandForecast, DemandModel, DemandQuery, HISTORY};
use crate::error::{Error, Result};
use crate::sample::Series;
use crate::time::{ShouldStop, Step, check_stop, interval_text};

/// Windows that the newest one may be late before there is no current demand to speak of.
const LATE: usize = 3;

/// Predicts demand at `query.origin` from the windows of `history` that start before it.
///
/// `history` need reach back only [`HISTORY`] before `origin`; what is older is not looked at. Without a model the
/// answer still carries the demand, so that the reactive rule can work.
///
/// # Errors
/// `InvalidArgument` for a negative `peak`, a `step` below a second or not the model's; `Corrupt` for a model that is
/// damaged; `Cancelled`.
pub fn predict_demand(
    model: Option<&DemandModel>,
    history: &Series,
    step: Step,
    query: &DemandQuery,
    should_stop: ShouldStop<'_>,
) -> Result<DemandForecast> {
    check_step(step)?;
    if query.peak < 0 {
        return Err(Error::invalid(format!(
            "peak must not be negative, but is {}",
            interval_text(query.peak)
        )));
    }
    let origin = query.origin;
    let held = step
        .micros()
        .saturating_mul(i64::try_from(query.hold).unwrap_or(i64::MAX));
    let reach = HISTORY.saturating_add(held).max(query.peak);
    let signal = Signal::build(history, step, origin.saturating_sub(reach), origin);
    let now = signal.len();
    let demand = (now.saturating_sub(LATE)..now)
        .rev()
        .find_map(|i| signal.seen(i));
    let mut out = DemandForecast {
        demand,
        demand_peak: demand.map(|d| recent_peak(&signal, query, step).map_or(d, |p| p.max(d))),
        target: origin,
        q: Vec::new(),
        upper_peak: None,
        status: "ok".into(),
    };
    // Rows that stopped arriving are more urgent than a model that is still to come.
    let Some(model) = model else {
        out.status = if demand.is_some() {
            "no_model"
        } else {
            "no_demand"
        }
        .into();
        return Ok(out);
    };
    model.check()?;
    if model.step() != step {
        return Err(Error::invalid(format!(
            "the model has steps of {:?}, the demand of {step:?}",
            model.step()
        ))
        .with_hint("fit the workload again after its step was changed"));
    }
    let lengths = Lengths::new(step, model.lead);
    out.target = origin.saturating_add(lead_micros(&lengths, step));
    if demand.is_none() {
        out.status = "no_demand".into();
        return Ok(out);
    }
    let rows = Rows::new(&signal, lengths, model.unit_capacity, model.min_units);
    let at = |t: usize| {
        let last = signal.at(t.checked_sub(1)?)?;
        model.quantiles(&rows.row(t)?, last)
    };
    match at(now) {
        Some(q) => {
            out.upper_peak = q.last().copied();
            for t in now.saturating_sub(query.hold)..now {
                check_stop(should_stop)?;
                let upper = at(t).and_then(|q| q.last().copied());
                out.upper_peak = upper.into_iter().chain(out.upper_peak).reduce(f64::max);
            }
            out.q = q;
        }
        None => out.status = "no_history".into(),
    }
    Ok(out)
}

/// Largest seen demand of the windows that start in `[origin − peak, origin)`.
fn recent_peak(signal: &Signal, query: &DemandQuery, step: Step) -> Option<f64> {
    let now = signal.len();
    let first = if query.peak == 0 {
        now
    } else {
        now.saturating_sub(step.cover(query.peak))
    };
    (first..now)
        .filter(|&i| signal.start_of(i) >= query.origin.saturating_sub(query.peak))
        .filter_map(|i| signal.seen(i))
        .reduce(f64::max)
}

fn lead_micros(lengths: &Lengths, step: Step) -> i64 {
    i64::try_from(lengths.lead)
        .unwrap_or(i64::MAX)
        .saturating_mul(step.micros())
}
