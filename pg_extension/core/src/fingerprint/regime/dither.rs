//! Equal numbers in a column, spread: each value of a count would be a peak of its own otherwise.

use super::super::random::Random;
use super::super::scatter::Scatter;
use crate::error::Result;
use crate::sample::flat::reserved;
use crate::time::ShouldStop;

/// At most this share of the standard deviation each way: values closer than one standard deviation, such as counts, become
/// a continuum, and two values far apart stay apart.
const MOST: f64 = 0.5;

/// Moves each of several equal numbers of a column by chance, at most half the way to the next number.
pub(super) fn spread_ties(
    dimension: usize,
    value: &[f64],
    random: &mut Random,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<f64>> {
    let mut out: Vec<f64> = reserved(value.len())?;
    out.extend_from_slice(value);
    for (axis, spread) in Scatter::of(dimension, value, should_stop)?
        .spread()
        .into_iter()
        .enumerate()
    {
        let mut column: Vec<f64> = reserved(value.len() / dimension)?;
        column.extend(value.iter().skip(axis).step_by(dimension));
        column.sort_unstable_by(f64::total_cmp);
        for x in out.iter_mut().skip(axis).step_by(dimension) {
            let (start, end) = (
                column.partition_point(|other| other < x),
                column.partition_point(|other| other <= x),
            );
            if end - start > 1 {
                let gap = |other: Option<&f64>| {
                    other
                        .map_or(f64::INFINITY, |other| (other - *x).abs() / 2.0)
                        .min(MOST * spread)
                };
                let before = gap(start.checked_sub(1).and_then(|at| column.get(at)));
                let after = gap(column.get(end));
                *x += (before + after) * random.uniform() - before;
            }
        }
    }
    Ok(out)
}
