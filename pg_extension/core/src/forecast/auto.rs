//! The one front door: which model makes the forecast that nobody asked a model for.

use super::fit::{Fitted, Task};
use super::model::{Found, Kind, attempt};
use super::parts::Parts;
use super::ridge::LEAST_ERROR;
use super::state::State;
use crate::error::Result;
use crate::time::ShouldStop;

/// Fewest windows in a season whose parts `ridge` tells apart.
const FINE: usize = 48;

/// A step up to one such part of the season is `ridge`'s.
const SHORT: usize = 96;

/// A step beyond one such part of the season is `ensemble`'s; between the two the forecast passes over from one to the other.
const LONG: usize = 6;

/// Up to one such part of the season the last value is what has to be beaten.
const GUARDED: usize = 24;

/// Which model comes first in a forecast from `n` windows, and up to which step.
pub(super) fn first(n: usize, periods: &[usize]) -> (Kind, usize) {
    let fine = periods.first().filter(|m| **m >= FINE);
    match fine.map_or(0, |m| m / LONG) {
        reach if reach > 0 && Kind::Ridge.can_learn(n, periods) => (Kind::Ridge, reach),
        _ if Kind::Ensemble.can_learn(n, periods) => (Kind::Ensemble, 0),
        _ => (Kind::Ets, 0),
    }
}

/// By the step in seasons: `ridge` where it is short and the season has many windows, passing over into `ensemble`; without a season
/// `ensemble`. `last_value` takes the place of both where the horizon is short and `ridge` erred more in every stretch of the past that it was
/// measured in.
pub(super) fn choose(task: &Task<'_>, should_stop: ShouldStop<'_>) -> Result<Option<Found>> {
    let n = task.y.len();
    let season = task.periods.first().copied().filter(|m| *m >= FINE);
    let (kind, reach) = first(n, task.periods);
    let near = if kind == Kind::Ridge {
        attempt(
            Kind::Ridge,
            &Task {
                steps: task.steps.min(reach),
                ..*task
            },
            should_stop,
        )?
    } else {
        None
    };
    let worse = |found: &Found| {
        found
            .fitted
            .facts
            .iter()
            .any(|(name, v)| name == LEAST_ERROR && *v >= 1.0)
    };
    let near = match near {
        Some(found) if !worse(&found) => Some(found),
        Some(_) if task.steps * GUARDED <= season.unwrap_or(0) => {
            return attempt(Kind::LastValue, task, should_stop);
        }
        _ => None,
    };
    let share = |h: usize| {
        ((reach + 1).saturating_sub(h) as f64 / (reach as f64 * (1.0 - LONG as f64 / SHORT as f64)))
            .min(1.0)
    };
    let far = match &near {
        Some(_) if share(1) >= 1.0 && share(task.steps) >= 1.0 => None,
        _ if Kind::Ensemble.can_learn(n, task.periods) => {
            attempt(Kind::Ensemble, task, should_stop)?
        }
        _ => None,
    };
    match (near, far) {
        (Some(near), Some(far)) => Ok(Some(blend(near, far, task, share))),
        (Some(near), None) if near.fitted.state.ahead(task.steps).len() == task.steps => {
            Ok(Some(near))
        }
        (_, Some(far)) => Ok(Some(far)),
        _ if Kind::Ets.can_learn(n, task.periods) => attempt(Kind::Ets, task, should_stop),
        _ => Ok(None),
    }
}

/// `near` with its share per step, and `far` for the rest.
fn blend(near: Found, far: Found, task: &Task<'_>, share: impl Fn(usize) -> f64) -> Found {
    let (a, b) = (
        near.fitted.state.ahead(task.steps).sums(),
        far.fitted.state.ahead(task.steps).sums(),
    );
    let shares: Vec<f64> = (1..=task.steps)
        .map(|h| if h <= a.len() { share(h) } else { 0.0 })
        .collect();
    let path: Vec<f64> = b
        .iter()
        .enumerate()
        .map(|(h, b)| {
            a.get(h)
                .map_or(*b, |a| shares[h] * a + (1.0 - shares[h]) * b)
        })
        .collect();
    let periods: Vec<usize> = task.periods.iter().copied().take(2).collect();
    let state = State::Path(Parts::split(task.y, &path, &periods));
    let uncertainty = match (near.uncertainty, far.uncertainty) {
        (Some(own), Some(other)) => {
            Some(own.passing_to(other, shares.iter().map(|s| 1.0 - s).collect()))
        }
        (own, other) => other.or(own),
    };
    let past = if near.fitted.past.len() > 0 {
        near.fitted.past
    } else {
        far.fitted.past
    };
    let facts = near
        .fitted
        .facts
        .into_iter()
        .chain(far.fitted.facts)
        .collect();
    Found {
        uncertainty,
        fitted: Fitted {
            state,
            past,
            facts,
            ..far.fitted
        },
        ..near
    }
}
