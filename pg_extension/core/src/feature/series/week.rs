//! The week, told from its days.

use super::comb::{Test, evidence, whitened, whitened_ranks};
use super::index;
use super::period::means;
use crate::error::Result;
use crate::feature::dot;
use crate::time::{ShouldStop, check_stop};

/// Fewest days that tell a week: three weeks of changes from one day to the next. Of short windows a day may be longer than any memory.
const MIN_DAYS: usize = 22;

/// Whether days repeat every seven days: their means, how strongly each follows the usual day, and where it lies in the
/// direction in which days differ most.
pub(super) fn week_of_days(
    y: &[f64],
    per_day: f64,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<f64>> {
    let width = index(per_day);
    if width < 4 || per_day.fract() > 0.0 || y.len() / width < MIN_DAYS {
        return Ok(Vec::new());
    }
    let whole = &y[y.len() % width..];
    let n = (whole.len() / width) as f64;
    let mut usual = vec![0.0; width];
    for day in whole.chunks_exact(width) {
        usual.iter_mut().zip(day).for_each(|(u, v)| *u += v / n);
    }
    check_stop(should_stop)?;
    let centre = means(&usual, width).into_iter().sum::<f64>();
    let shape: Vec<f64> = usual.iter().map(|u| u - centre).collect();
    let along = |direction: &[f64]| -> Vec<f64> {
        whole
            .chunks_exact(width)
            .map(|day| dot(day, direction))
            .collect()
    };
    let test = Test {
        period: 7.0,
        known: &[],
        within: None,
    };
    let main = largest_difference(whole, &usual, should_stop)?;
    let series = [means(whole, width), along(&shape), along(&main)];
    let evidence = series
        .iter()
        .flat_map(|z| [whitened(z), whitened_ranks(z)])
        .flatten()
        .filter_map(|d| evidence(&d, &test))
        .collect();
    Ok(evidence)
}

/// The direction in which days differ most from the usual one: the first spherical principal component (Locantore et al.
/// 1999: every day at length one, so that a single odd day does not decide), by ten steps of power iteration.
fn largest_difference(
    days: &[f64],
    usual: &[f64],
    should_stop: ShouldStop<'_>,
) -> Result<Vec<f64>> {
    let mut direction = vec![1.0; usual.len()];
    for _ in 0..10 {
        check_stop(should_stop)?;
        let mut next = vec![0.0; usual.len()];
        for day in days.chunks_exact(usual.len()) {
            let (mut along, mut square) = (0.0, f64::MIN_POSITIVE);
            for ((v, u), d) in day.iter().zip(usual).zip(&direction) {
                along += (v - u) * d;
                square += (v - u) * (v - u);
            }
            let weight = along / square;
            next.iter_mut()
                .zip(day.iter().zip(usual))
                .for_each(|(n, (v, u))| *n += weight * (v - u));
        }
        let length = dot(&next, &next).sqrt().max(f64::MIN_POSITIVE);
        direction = next;
        direction.iter_mut().for_each(|d| *d /= length);
    }
    Ok(direction)
}
