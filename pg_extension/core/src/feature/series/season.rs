//! A series without its seasons, for what must not be misled by them.

use super::Regular;
use super::decompose::{split, wanted};
use super::grid::fill;
use super::robust::median;
use super::stl::zeros;
use crate::error::Result;
use crate::time::{Micros, ShouldStop, check_stop};

/// Cycles from which a season may change in the course of time, as STL lets it, and values that go into each phase of one
/// that may not. With fewer, a season would explain the noise, too, and what is left would look as if it were all outliers.
const ENOUGH: usize = 16;

/// Cycles over which a season is smoothed: thrice as many as in `decompose`, since what it explains of the noise is lost.
const WIDTH: usize = 35;

/// The values less their seasons: of a robust decomposition for periods of at least 16 cycles, else the same in each cycle.
/// Windows that were not seen are on the line between their neighbours.
///
/// # Errors
/// As [`decompose`](super::decompose).
pub(super) fn without_seasons(
    regular: &Regular,
    periods: Option<&[Micros]>,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<f64>> {
    let mut periods = wanted(regular, periods, should_stop)?;
    periods.retain(|&p| p >= 2 * regular.step.micros());
    let lag = |period: Micros| regular.step.round(period);
    let (often, seldom): (Vec<_>, Vec<_>) = periods
        .iter()
        .copied()
        .partition(|p| ENOUGH * lag(*p) <= regular.len());
    let mut y = zeros(regular.len())?;
    y.copy_from_slice(&regular.y);
    if !often.is_empty() {
        let parts = split(regular, &often, true, WIDTH, should_stop)?;
        y.iter_mut()
            .enumerate()
            .for_each(|(at, v)| *v -= parts.season(at));
    }
    for lag in seldom
        .into_iter()
        .map(lag)
        .filter(|lag| 2 * lag <= regular.len())
    {
        let profile = profile(&y, &regular.seen, lag, should_stop)?;
        y.iter_mut()
            .zip(profile.iter().cycle())
            .for_each(|(v, p)| *v -= p);
    }
    // What was filled in knows nothing of the season.
    fill(&mut y, &regular.seen);
    Ok(y)
}

/// The usual course of a period around its mean: the median of each phase over the cycles, less a moving mean over one
/// cycle, and smoothed over so many phases that 16 values go into each.
fn profile(y: &[f64], seen: &[bool], lag: usize, should_stop: ShouldStop<'_>) -> Result<Vec<f64>> {
    let n = y.len();
    let mut sums = zeros(n + 1)?;
    for (at, v) in y.iter().enumerate() {
        sums[at + 1] = sums[at] + v;
    }
    let level = |at: usize| {
        let from = at.saturating_sub(lag / 2).min(n - lag);
        (sums[from + lag] - sums[from]) / lag as f64
    };
    let mut phases = Vec::with_capacity(lag);
    for phase in 0..lag {
        if phase % 4096 == 0 {
            check_stop(should_stop)?;
        }
        let cycle = (phase..n).step_by(lag).filter(|&at| seen[at]);
        phases.push(median(
            &mut cycle.map(|at| y[at] - level(at)).collect::<Vec<_>>(),
        ));
    }
    let centre = phases.iter().sum::<f64>() / lag as f64;
    let half = (ENOUGH * lag).div_ceil(n) / 2;
    let around =
        |phase: usize| (0..=2 * half).map(move |k| (phase + lag + k - half.min(lag)) % lag);
    let mean = |phase| around(phase).map(|p| phases[p]).sum::<f64>() / (2 * half + 1) as f64;
    Ok((0..lag).map(|phase| mean(phase) - centre).collect())
}
