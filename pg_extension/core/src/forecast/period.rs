//! Which seasons there are.

use super::grid::Grid;
use crate::error::{ErrorKind, Result};
use crate::feature::series::{Regular, detect_periods};
use crate::time::{DAY, Micros, ShouldStop, interval_text};

/// Least score of a season that nobody asked for: noise reaches it once in some hundred series.
const LEAST: f64 = 0.6;

/// Newest windows that are searched for seasons nobody asked for.
const SEARCHED: usize = 1 << 14;

/// The periods in steps of which at least two are known, ascending. Where none are asked for: one day, one week and, from steps of six
/// days on, one year; where none of these is known twice, the best that [`detect_periods`] finds.
pub(super) fn periods(
    asked: &[Micros],
    grid: &Grid,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<usize>> {
    let calendar = [DAY, 7 * DAY, 365 * DAY + DAY / 4];
    let usual = if grid.step.micros() >= 6 * DAY {
        &calendar[2..]
    } else {
        &calendar[..2]
    };
    let mut steps: Vec<usize> = if asked.is_empty() { usual } else { asked }
        .iter()
        .map(|p| grid.step.round(*p))
        .filter(|p| *p >= 2 && is_known_twice(*p, grid))
        .collect();
    if asked.is_empty() && steps.is_empty() {
        steps.extend(detect(grid, should_stop)?);
    }
    steps.sort_unstable();
    steps.dedup();
    Ok(steps)
}

fn is_known_twice(steps: usize, grid: &Grid) -> bool {
    grid.y.len() / 2 >= steps
}

/// What became of periods that were asked for and are not used as they are, a sentence each.
pub(super) fn notes(asked: &[Micros], grid: &Grid) -> Vec<String> {
    let note = |period: &Micros| {
        let steps = grid.step.round(*period);
        let used = i64::try_from(steps).unwrap_or(i64::MAX);
        let used = used.saturating_mul(grid.step.micros());
        let why = if steps < 2 {
            "shorter than two steps, not used".to_owned()
        } else if !is_known_twice(steps, grid) {
            return Some(format!(
                "period {}: fewer than two of it are known, not used",
                interval_text(*period)
            ));
        } else if used == *period {
            return None;
        } else {
            format!("not a whole number of steps, {} used", interval_text(used))
        };
        Some(format!("period {} is {why}", interval_text(*period)))
    };
    asked.iter().filter_map(note).collect()
}

fn detect(grid: &Grid, should_stop: ShouldStop<'_>) -> Result<Option<usize>> {
    let from = grid.y.len().saturating_sub(SEARCHED);
    let newest = Regular {
        step: grid.step,
        ts: (from..grid.y.len()).map(|idx| grid.local(idx)).collect(),
        y: grid.y[from..].to_vec(),
        seen: grid.seen[from..].to_vec(),
    };
    match detect_periods(&newest, LEAST, 1, should_stop) {
        Ok(found) => Ok(found.first().map(|period| period.lag)),
        // Values too large to be squared have no season that could be told.
        Err(error) if error.kind() == ErrorKind::NotFinite => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Series;

    /// Values of a season of `m` windows of eleven minutes, under noise from a fixed linear congruential generator.
    fn seasonal(m: i64) -> Series {
        let mut state = 12_345_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state) / f64::from(u32::MAX) - 0.5
        };
        let y = (0..8 * m).map(|i| (i % m) as f64 / m as f64 * 4.0 + noise());
        let y: Vec<f64> = y.collect();
        Series::try_new((0..8 * m).map(|i| i * 660_000_000).collect(), y).unwrap()
    }

    #[test]
    fn says_which_periods_are_not_used_as_they_were_asked_for() {
        let hour = DAY / 24;
        let series = Series::try_new((0..700).map(|i| i * hour).collect(), vec![1.0; 700]).unwrap();
        let grid = Grid::build(&series, None, DAY).unwrap().unwrap();
        let of = |asked: &[Micros]| notes(asked, &grid);
        assert_eq!(of(&[DAY, 7 * DAY]), Vec::<String>::new());
        assert_eq!(
            of(&[40 * DAY, 3 * hour / 2, hour]),
            [
                "period 40 days: fewer than two of it are known, not used",
                "period 01:30:00 is not a whole number of steps, 02:00:00 used",
                "period 01:00:00 is shorter than two steps, not used"
            ]
        );
    }

    #[test]
    fn finds_seasons_that_nobody_asked_for() {
        for m in [7, 12, 15] {
            let grid = Grid::build(&seasonal(m), None, DAY).unwrap().unwrap();
            assert_eq!(
                periods(&[], &grid, &|| false).unwrap(),
                [usize::try_from(m).unwrap()]
            );
            assert_eq!(periods(&[3 * 660_000_000], &grid, &|| false).unwrap(), [3]);
        }
    }
}
