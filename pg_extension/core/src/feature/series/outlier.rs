//! Single values that do not fit.

use super::Regular;
use super::robust::{MAD_TO_SD, median, running_median};
use super::season::without_seasons;
use crate::error::{Error, ErrorKind, Result};
use crate::time::{Micros, ShouldStop, check_stop};

/// A value that does not fit its surroundings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlier {
    /// Start of its window.
    pub ts: Micros,
    /// What was measured.
    pub y: f64,
    /// What the season and the neighbours let expect.
    pub expected: f64,
    /// Distance between the two in robust standard deviations.
    pub score: f64,
}

/// Neighbours on each side of which the median is expected: half a day of hours. A longer stretch of unusual values is a new
/// level, and for `changepoints`.
const NEIGHBOURS: usize = 12;
/// Neighbours on each side that say how much values scatter there, so that a busy hour may scatter more than a quiet one.
const SCATTER: usize = 60;

/// The values that lie at least `threshold` robust standard deviations from what is expected.
///
/// expected = season + median of the 25 values around, less their season; the seasons are those of a robust
/// [`decompose`](super::decompose) of stiffer seasons for periods of at least 16 cycles, else the smoothed median of each phase. The standard deviation is 1.4826 times the median distance from what is expected, over all windows or over
/// the 121 around the value, whichever is larger; where more than half are exactly as expected, 1.2533 times the mean
/// distance (Iglewicz and Hoaglin 1993). Of normal noise 6 in ten million values exceed 5.
///
/// # Errors
/// `NotFinite` and `InvalidArgument` for a threshold that is no positive number, and as [`decompose`](super::decompose).
pub fn outliers(
    regular: &Regular,
    periods: Option<&[Micros]>,
    threshold: f64,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Outlier>> {
    if !threshold.is_finite() {
        return Err(Error::new(
            ErrorKind::NotFinite,
            format!("threshold is {threshold}"),
        ));
    }
    if threshold <= 0.0 {
        return Err(
            Error::invalid(format!("threshold must be positive, not {threshold}"))
                .with_hint("5 is the default"),
        );
    }
    let steady = without_seasons(regular, periods, should_stop)?;
    let level = running_median(&steady, NEIGHBOURS, should_stop)?;
    let away: Vec<f64> = steady
        .iter()
        .zip(&level)
        .map(|(y, m)| (y - m).abs())
        .collect();
    check_stop(should_stop)?;
    let here = running_median(&away, SCATTER, should_stop)?;
    let measured = || {
        away.iter()
            .zip(&regular.seen)
            .filter(|(_, s)| **s)
            .map(|(d, _)| *d)
    };
    let largest = regular.y.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    let usual = MAD_TO_SD * median(&mut measured().collect::<Vec<_>>());
    let usual = if usual > 1e-12 * largest {
        usual
    } else {
        1.2533 * measured().sum::<f64>() / measured().count().max(1) as f64
    };
    check_stop(should_stop)?;
    let mut found = Vec::new();
    for at in (0..regular.len()).filter(|&at| regular.seen[at] && away[at] > 1e-9 * largest) {
        // Of subnormal numbers not even ratios are in range.
        let score = away[at] / usual.max(MAD_TO_SD * here[at]).max(f64::MIN_POSITIVE);
        if score >= threshold {
            let y = regular.y[at];
            found.push(Outlier {
                ts: regular.ts[at],
                y,
                expected: y - (steady[at] - level[at]),
                score,
            });
        }
    }
    Ok(found)
}
