//! A series as trend, seasons and remainder.

use super::loess::Loess;
use super::stl::{StlSpec, base_weights, bisquare, stl, zeros};
use super::{Regular, detect_periods};
use crate::error::{Error, Result};
use crate::time::{Micros, ShouldStop, interval_text};

/// The parts of a series: in every window `y` = trend + sum of the seasons + remainder.
#[derive(Debug, Clone)]
pub struct Decomposition {
    /// Slow level.
    pub trend: Vec<f64>,
    /// Each period, ascending, with its season; `None` for a period of less than two windows or of which the series does
    /// not hold two cycles.
    pub seasonal: Vec<(Micros, Option<Vec<f64>>)>,
    /// What is left; of windows that were not seen, what was filled in minus the parts.
    pub remainder: Vec<f64>,
}

/// Splits a series into trend, seasons and remainder: MSTL (Bandara, Hyndman and Bergmeir 2021), that is STL for each period
/// in turn, shortest first, twice if there are several; seasonal windows of 11, 15, 19, … cycles. Without a period the
/// trend is a (robust) local regression over a third of the windows. Windows that were not seen take no part.
///
/// `periods`: their lengths; `None` for what [`detect_periods`] finds with a score of 0.6.
///
/// # Errors
/// `InvalidArgument` for a period that is not positive, `NotFinite` for values beyond ±1e140, `Cancelled`.
pub fn decompose(
    regular: &Regular,
    periods: Option<&[Micros]>,
    robust: bool,
    should_stop: ShouldStop<'_>,
) -> Result<Decomposition> {
    let periods = wanted(regular, periods, should_stop)?;
    split(regular, &periods, robust, 11, should_stop)
}

/// [`decompose`] with known periods, ascending, and the seasonal window of the first of them.
pub(super) fn split(
    regular: &Regular,
    periods: &[Micros],
    robust: bool,
    width: usize,
    should_stop: ShouldStop<'_>,
) -> Result<Decomposition> {
    let lag = |period: Micros| regular.step.round(period);
    let usable =
        |period: Micros| period >= 2 * regular.step.micros() && 2 * lag(period) <= regular.len();
    let mut seasons = Vec::new();
    for &period in periods {
        let season = if usable(period) {
            Some(zeros(regular.len())?)
        } else {
            None
        };
        seasons.push((period, season));
    }
    let mut rest = zeros(regular.len())?;
    rest.copy_from_slice(&regular.y);
    let mut trend = None;
    let rounds = if periods.iter().filter(|p| usable(**p)).count() > 1 {
        2
    } else {
        1
    };
    for _ in 0..rounds {
        let usable = seasons
            .iter_mut()
            .filter_map(|(period, season)| Some((*period, season.as_mut()?)));
        for (nth, (period, season)) in usable.enumerate() {
            add(&mut rest, season, 1.0);
            let spec = StlSpec::new(lag(period), width + 4 * nth, robust);
            let (found, slow) = stl(&rest, &regular.seen, &spec, should_stop)?;
            *season = found;
            trend = Some(slow);
            add(&mut rest, season, -1.0);
        }
    }
    let trend = match trend {
        Some(trend) => trend,
        None => trend_alone(&rest, &regular.seen, robust, should_stop)?,
    };
    add(&mut rest, &trend, -1.0);
    Ok(Decomposition {
        trend,
        seasonal: seasons,
        remainder: rest,
    })
}

impl Decomposition {
    /// The sum of the seasons in a window.
    #[must_use]
    pub fn season(&self, at: usize) -> f64 {
        self.seasonal
            .iter()
            .filter_map(|(_, season)| season.as_ref()?.get(at))
            .sum()
    }
}

/// The periods asked for, or found, ascending and each once; values whose squares overflow are refused here.
pub(super) fn wanted(
    regular: &Regular,
    periods: Option<&[Micros]>,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Micros>> {
    regular.check_size()?;
    let mut periods = match periods {
        Some(given) => given.to_vec(),
        None => detect_periods(regular, 0.6, 3, should_stop)?
            .iter()
            .map(|found| found.period)
            .collect(),
    };
    if let Some(period) = periods.iter().find(|p| **p <= 0) {
        return Err(Error::invalid(format!(
            "a period must be positive, not {}",
            interval_text(*period)
        ))
        .with_hint("give periods such as '1 day'"));
    }
    periods.sort_unstable();
    periods.dedup();
    Ok(periods)
}

fn add(sum: &mut [f64], part: &[f64], sign: f64) {
    sum.iter_mut()
        .zip(part)
        .for_each(|(sum, part)| *sum += sign * part);
}

fn trend_alone(
    y: &[f64],
    seen: &[bool],
    robust: bool,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<f64>> {
    let window = (y.len() / 3).max(7) | 1;
    let loess = Loess {
        window,
        degree: 1,
        jump: window.div_ceil(10),
    };
    let mut trend = zeros(y.len())?;
    let mut weights = base_weights(seen)?;
    for round in 0..if robust { 5 } else { 1 } {
        if round > 0 {
            let away: Vec<f64> = y.iter().zip(&trend).map(|(y, t)| (y - t).abs()).collect();
            weights = bisquare(&away, seen)?;
        }
        loess.smooth(y, Some(&weights), &mut trend, should_stop)?;
    }
    Ok(trend)
}
