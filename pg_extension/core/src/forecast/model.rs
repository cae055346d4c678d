//! Which model, and what it finds.

use std::str::FromStr;

use super::errors::{Errors, level};
use super::fit::{Fitted, Task, fit, reach, reach_of_path};
use super::grid::Grid;
use super::options::Transform;
use super::parts::Parts;
use super::ridge::frame;
use super::state::State;
use super::uncertainty::Uncertainty;
use super::{auto, ensemble, ets, lstm, prophet, theta};
use crate::error::{Error, ErrorKind, Result};
use crate::time::{ShouldStop, check_stop};

/// A model by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Auto,
    SeasonalNaive,
    LastValue,
    Drift,
    Ets,
    Theta,
    DynamicTheta,
    Mstl,
    Ridge,
    Ensemble,
    Prophet,
    Lstm,
}

const NAMES: [(&str, Kind); 12] = [
    ("auto", Kind::Auto),
    ("seasonal_naive", Kind::SeasonalNaive),
    ("last_value", Kind::LastValue),
    ("ets", Kind::Ets),
    ("mstl", Kind::Mstl),
    ("drift", Kind::Drift),
    ("theta", Kind::Theta),
    ("dynamic_theta", Kind::DynamicTheta),
    ("ridge", Kind::Ridge),
    ("ensemble", Kind::Ensemble),
    ("prophet", Kind::Prophet),
    ("lstm", Kind::Lstm),
];

/// Origins at which a model is judged that does not judge itself.
const ORIGINS: usize = 40;

/// Fewest windows that are called enough.
const ENOUGH: usize = 10;

/// Bounds of models whose settings were chosen before the origins are as wide as their errors and a little more, for seasons that
/// are not what they were.
const STRETCH: f64 = 1.05;

impl Kind {
    pub(super) fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("auto", |(name, _)| name)
    }

    /// Whether it learns from the series without outliers and level shift.
    pub(super) fn is_cleaned(self) -> bool {
        matches!(
            self,
            Self::Ets | Self::Theta | Self::DynamicTheta | Self::Mstl | Self::Ensemble
        )
    }

    /// Those of `periods`, ascending, that it knows a season of when it forecasts `steps` from `n` windows.
    pub(super) fn seasons(self, n: usize, steps: usize, periods: &[usize]) -> &[usize] {
        let known = periods.iter().filter(|p| n / 2 >= **p).count();
        let first = |most: usize| &periods[..known.min(most)];
        let one = first(1);
        match self {
            Self::LastValue | Self::Drift => &[],
            Self::Ets | Self::Theta | Self::DynamicTheta => {
                first(usize::from(one.iter().all(|m| *m <= ets::MAX_SEASON)))
            }
            Self::Ridge => {
                let is_known = one.iter().any(|m| frame::days(n, *m, steps) > 0);
                first(usize::from(is_known))
            }
            Self::Auto => match auto::first(n, periods) {
                (Self::Ridge, reach) => Self::Ridge.seasons(n, steps.min(reach), periods),
                (other, _) => other.seasons(n, steps, periods),
            },
            Self::SeasonalNaive => one,
            Self::Ensemble => first(2),
            Self::Mstl | Self::Prophet | Self::Lstm => periods,
        }
    }

    /// Whether it reads what is known beside the series.
    pub(super) fn reads_covariates(self) -> bool {
        matches!(self, Self::Ridge | Self::Auto | Self::Lstm)
    }

    /// The scale on which it works unless another is asked for: seasons of demand grow with its level, but more slowly, and their noise is
    /// that of counts.
    pub(super) fn transform(self, grid: &Grid, periods: &[usize]) -> Option<Transform> {
        let roots = self == Self::Mstl
            && !periods.is_empty()
            && !grid.is_constant()
            && grid.y.iter().all(|v| *v >= 0.0);
        roots.then_some(Transform::BoxCox(Some(0.5)))
    }

    /// Whether it can learn from `n` windows in which each of `periods` is known twice.
    pub(super) fn can_learn(self, n: usize, periods: &[usize]) -> bool {
        match self {
            Self::SeasonalNaive | Self::Mstl => !periods.is_empty(),
            Self::Ets => n >= ets::MIN_WINDOWS,
            Self::Theta | Self::DynamicTheta => n >= theta::MIN_WINDOWS,
            Self::Ensemble => n >= ensemble::MIN_WINDOWS,
            Self::Ridge => n >= 100,
            Self::Prophet => n >= prophet::series::MIN_WINDOWS,
            Self::Lstm => n >= lstm::series::MIN_WINDOWS,
            Self::Drift => n >= 2,
            Self::Auto | Self::LastValue => true,
        }
    }
}

impl FromStr for Kind {
    type Err = Error;
    fn from_str(s: &str) -> Result<Self> {
        NAMES
            .iter()
            .find(|(name, _)| *name == s)
            .map(|(_, kind)| *kind)
            .ok_or_else(|| {
                let known = NAMES.map(|(name, _)| name).join(", ");
                Error::new(ErrorKind::UnknownName, format!("unknown model {s:?}"))
                    .with_hint(format!("known: {known}"))
            })
    }
}

/// What was found: a model, how uncertain it is, and how it came to be chosen.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) status: &'static str,
    pub(super) fitted: Fitted,
    /// `None` where a single sample leaves nothing to measure.
    pub(super) uncertainty: Option<Uncertainty>,
}

/// Fits the asked model, or the best that can be fitted.
pub(super) fn run(
    asked: Kind,
    grid: &Grid,
    task: &Task<'_>,
    should_stop: ShouldStop<'_>,
) -> Result<Found> {
    let n = task.y.len();
    if grid.is_constant() && n > 1 {
        return Ok(constant(task));
    }
    // What is trained already need not learn.
    let enough = match task.setting.network {
        Some(network) => network.is_trained(),
        None => asked.can_learn(n, task.periods),
    };
    let found = if asked == Kind::Auto {
        auto::choose(task, should_stop)?
    } else if enough {
        attempt(asked, task, should_stop)?
    } else {
        None
    };
    let short = n < ENOUGH || !enough;
    let found = match found {
        Some(found) => Found {
            status: if short { "short" } else { "ok" },
            ..found
        },
        None => simpler(short, task, should_stop)?,
    };
    let near = reach(task.y, reach_of_path(n, task.steps));
    let furthest = (near.end() - near.start()) / 2.0;
    Ok(Found {
        uncertainty: found.uncertainty.map(|u| u.within(furthest)),
        ..found
    })
}

/// What remains when the asked model cannot be fitted.
fn simpler(short: bool, task: &Task<'_>, should_stop: ShouldStop<'_>) -> Result<Found> {
    let status = if short { "short" } else { "fallback" };
    for kind in [Kind::SeasonalNaive, Kind::LastValue] {
        if let Some(found) = attempt(kind, task, should_stop)? {
            return Ok(Found { status, ..found });
        }
    }
    Err(Error::new(
        ErrorKind::Numeric,
        "no model gives finite values for this series",
    )
    .with_hint("values near the largest float overflow; scale them down"))
}

pub(super) fn attempt(
    kind: Kind,
    task: &Task<'_>,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Found>> {
    check_stop(should_stop)?;
    let Some(mut fitted) = fit(kind, task, should_stop)? else {
        return Ok(None);
    };
    let uncertainty = match fitted.uncertainty.take() {
        Some(own) => Some(own),
        None => measure(kind, &fitted, task, should_stop)?,
    };
    Ok(Some(Found {
        kind,
        status: "ok",
        fitted,
        uncertainty,
    }))
}

/// Fits the model again to an earlier part, lets it observe the rest value by value and collects its errors at up to forty origins
/// on the way. Where that part is too short, the errors one step ahead of the model itself have to do.
fn measure(
    kind: Kind,
    whole: &Fitted,
    task: &Task<'_>,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Uncertainty>> {
    let n = task.y.len();
    let ahead = task.steps.min((n / 6).max(1));
    let back = (3 * ahead).max(ORIGINS + ahead).min(n / 3).max(1);
    let cut = n.saturating_sub(back);
    let mut errors = Errors::new(&whole.growth);
    let earlier = Task {
        y: &task.y[..cut],
        clean: &task.clean[..cut],
        seen: &task.seen[..cut],
        steps: ahead,
        ..*task
    };
    if let Some(earlier) = if cut > 0 {
        fit(kind, &earlier, should_stop)?
    } else {
        None
    } {
        let mut state = earlier.state;
        let stride = (back - ahead.min(back)).div_ceil(ORIGINS).max(1);
        for t in cut..n {
            if (t - cut).is_multiple_of(stride) && t + ahead <= n {
                check_stop(should_stop)?;
                let seen = task
                    .y
                    .iter()
                    .zip(task.seen)
                    .skip(t)
                    .map(|(v, s)| s.then_some(*v));
                errors.add(state.ahead(ahead).sums().iter(), seen, level(task.y, t));
            }
            if !state.observe(task.learnt(kind)[t]) {
                break;
            }
        }
    }
    let one_ahead = whole.past.sums();
    let from = n - one_ahead.len().min(n);
    if errors.mean_absolute().is_infinite() {
        for (t, fitted) in (from..).zip(&one_ahead) {
            let seen = task
                .y
                .get(t)
                .zip(task.seen.get(t))
                .map(|(v, s)| s.then_some(*v));
            errors.add(std::iter::once(fitted), seen.into_iter(), level(task.y, t));
        }
    }
    Ok(errors.finish(task.steps, level(task.y, n), STRETCH))
}

fn constant(task: &Task<'_>) -> Found {
    let value = task.y.last().copied().unwrap_or(0.0);
    let n = task.y.len();
    let fitted = Fitted {
        state: State::Line {
            last: value,
            first: value,
            n: n as u64,
            drift: false,
        },
        past: Parts::flat(vec![value; n - 1]),
        growth: vec![1.0; task.steps],
        ..Fitted::default()
    };
    Found {
        kind: Kind::LastValue,
        status: "constant",
        fitted,
        uncertainty: Some(Uncertainty::exact(task.steps)),
    }
}
