//! Which model, and what it finds.

use std::str::FromStr;

use super::calibrate::{Calibration, calibrate};
use super::grid::Grid;
use super::{naive, smooth};
use crate::error::{Error, ErrorKind, Result};
use crate::time::{DAY, Micros, ShouldStop, Step, check_stop};

/// A model by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Auto,
    SeasonalNaive,
    LastValue,
    Ets,
    Mstl,
}

const NAMES: [(&str, Kind); 5] = [
    ("auto", Kind::Auto),
    ("seasonal_naive", Kind::SeasonalNaive),
    ("last_value", Kind::LastValue),
    ("ets", Kind::Ets),
    ("mstl", Kind::Mstl),
];

impl Kind {
    pub(super) fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("auto", |(name, _)| name)
    }

    /// Whether it can learn from `n` windows in which each of `periods` is known twice.
    fn can_learn(self, n: usize, periods: &[usize]) -> bool {
        match self {
            Self::SeasonalNaive | Self::Mstl => !periods.is_empty(),
            Self::Ets => n >= smooth::MIN_WINDOWS,
            Self::Auto | Self::LastValue => true,
        }
    }

    /// Earlier origins at which it is judged; naive models cost nothing to fit again.
    pub(super) fn origins(self) -> usize {
        match self {
            Self::SeasonalNaive | Self::LastValue => 40,
            Self::Auto | Self::Ets | Self::Mstl => 4,
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

/// A fitted model over the horizon.
#[derive(Debug)]
pub(super) struct Fitted {
    /// Point forecast per step.
    pub(super) point: Vec<f64>,
    /// Standard deviation of its error per step, up to a common factor; positive.
    pub(super) spread: Vec<f64>,
    /// Forecasts one step ahead for the newest windows of the past, oldest first.
    pub(super) fitted: Vec<f64>,
}

/// What was found: a model, how uncertain it is, and how it came to be chosen.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) status: &'static str,
    pub(super) fitted: Fitted,
    pub(super) calibration: Option<Calibration>,
}

/// The periods in steps of which at least two are known, ascending; one day and one week where none are asked for.
pub(super) fn periods(asked: &[Micros], step: Step, n: usize) -> Vec<usize> {
    let default = [DAY, 7 * DAY];
    let asked = if asked.is_empty() {
        &default[..]
    } else {
        asked
    };
    let mut steps: Vec<usize> = asked
        .iter()
        .map(|p| step.round(*p))
        .filter(|p| *p >= 2 && n / 2 >= *p)
        .collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

/// Fits one model to `y`; `None` where it cannot be fitted.
pub(super) fn fit(kind: Kind, y: &[f64], periods: &[usize], steps: usize) -> Option<Fitted> {
    let known = |times: usize| {
        periods
            .iter()
            .copied()
            .filter(|p| y.len() / times >= *p)
            .collect::<Vec<_>>()
    };
    let found = match kind {
        Kind::SeasonalNaive => naive::seasonal(y, &known(1), steps),
        Kind::LastValue | Kind::Auto => naive::last_value(y, steps),
        Kind::Ets => smooth::ets(y, steps),
        Kind::Mstl => smooth::mstl(y, &known(2), steps),
    }?;
    let finite = found
        .point
        .iter()
        .chain(&found.spread)
        .chain(&found.fitted)
        .all(|v| v.is_finite());
    (finite && found.spread.iter().all(|s| *s > 0.0)).then_some(found)
}

/// Fits the asked model, or the best that can be fitted.
pub(super) fn run(
    asked: Kind,
    grid: &Grid,
    periods: &[usize],
    steps: usize,
    should_stop: ShouldStop<'_>,
) -> Result<Found> {
    if grid.is_constant() && grid.y.len() > 1 {
        return Ok(constant(grid, steps));
    }
    let candidates: &[Kind] = match asked {
        Kind::Auto if !periods.is_empty() => &[Kind::Mstl, Kind::SeasonalNaive],
        Kind::Auto if Kind::Ets.can_learn(grid.y.len(), periods) => &[Kind::Ets, Kind::LastValue],
        Kind::Auto | Kind::LastValue => &[Kind::LastValue],
        Kind::SeasonalNaive => &[Kind::SeasonalNaive],
        Kind::Ets => &[Kind::Ets],
        Kind::Mstl => &[Kind::Mstl],
    };
    let mut best: Option<Found> = None;
    for &kind in candidates {
        if !kind.can_learn(grid.y.len(), periods) {
            continue;
        }
        let Some(found) = attempt(kind, grid, periods, steps, should_stop)? else {
            continue;
        };
        if best.as_ref().is_none_or(|b| found.error() < b.error()) {
            best = Some(found);
        }
    }
    let short = grid.y.len() < smooth::MIN_WINDOWS
        || !(asked == Kind::Auto || asked.can_learn(grid.y.len(), periods));
    match best {
        Some(found) => Ok(Found {
            status: if short { "short" } else { "ok" },
            ..found
        }),
        None => simpler(short, grid, periods, steps, should_stop),
    }
}

impl Found {
    /// Mean absolute error at the rolling origins; infinite where it is not known.
    fn error(&self) -> f64 {
        self.calibration
            .as_ref()
            .map_or(f64::INFINITY, Calibration::mean_absolute_error)
    }
}

/// What remains when the asked model cannot be fitted.
fn simpler(
    short: bool,
    grid: &Grid,
    periods: &[usize],
    steps: usize,
    should_stop: ShouldStop<'_>,
) -> Result<Found> {
    let status = if short { "short" } else { "fallback" };
    for kind in [Kind::SeasonalNaive, Kind::LastValue] {
        if let Some(found) = attempt(kind, grid, periods, steps, should_stop)? {
            return Ok(Found { status, ..found });
        }
    }
    Err(Error::new(
        ErrorKind::Numeric,
        "no model gives finite values for this series",
    )
    .with_hint("values near the largest float overflow; scale them down"))
}

fn attempt(
    kind: Kind,
    grid: &Grid,
    periods: &[usize],
    steps: usize,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Found>> {
    check_stop(should_stop)?;
    let Some(fitted) = fit(kind, &grid.y, periods, steps) else {
        return Ok(None);
    };
    let calibration = calibrate(kind, &fitted, grid, periods, should_stop)?;
    Ok(Some(Found {
        kind,
        status: "ok",
        fitted,
        calibration,
    }))
}

fn constant(grid: &Grid, steps: usize) -> Found {
    let value = grid.y.last().copied().unwrap_or(0.0);
    let fitted = Fitted {
        point: vec![value; steps],
        spread: vec![1.0; steps],
        fitted: vec![value; grid.y.len() - 1],
    };
    let calibration = Some(Calibration::exact());
    Found {
        kind: Kind::LastValue,
        status: "constant",
        fitted,
        calibration,
    }
}
