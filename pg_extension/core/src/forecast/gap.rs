//! Windows without a sample.

use super::clean::median;
use crate::feature::series::fill;

/// Part of the shortest season up to which a gap is filled on a line.
const SHORT: usize = 8;

/// Seasons looked at on either side.
const SEASONS: usize = 3;

/// Fills the windows that are not `seen`: in short gaps on the line between their neighbours, in longer ones with what is usual at their place in the longest of
/// `periods` that knows it, and how far the neighbours are from theirs, on a line between them. A line through a day would pass for a day without a season.
pub(super) fn bridge(y: &mut [f64], seen: &[bool], periods: &[usize]) {
    fill(y, seen);
    let Some(short) = periods.first().map(|m| m / SHORT) else {
        return;
    };
    let known = |i: usize| seen.get(i).is_some_and(|s| *s);
    let mut from = 0;
    for run in seen.chunk_by(|a, b| a == b) {
        let gap = from..from + run.len();
        from = gap.end;
        if run[0] || run.len() <= short || gap.start == 0 || gap.end == y.len() {
            continue;
        }
        let usual = |y: &[f64], i: usize| {
            periods.iter().rev().find_map(|p| {
                let around = (1..=SEASONS).flat_map(|k| [i.checked_sub(k * p), Some(i + k * p)]);
                let places = around.flatten().filter(|i| known(*i));
                let mut values: Vec<f64> = places.map(|i| y[i]).collect();
                (!values.is_empty()).then(|| median(&mut values))
            })
        };
        let apart = |i: usize| usual(y, i).map(|v| y[i] - v);
        let (Some(before), Some(after)) = (apart(gap.start - 1), apart(gap.end)) else {
            continue;
        };
        let filled: Vec<f64> = gap
            .clone()
            .map(|i| {
                let share = (i + 1 - gap.start) as f64 / (run.len() + 1) as f64;
                let apart = before * (1.0 - share) + after * share;
                usual(y, i).map_or(y[i], |v| v + apart)
            })
            .collect();
        y[gap].copy_from_slice(&filled);
    }
}

/// The first window after the last gap that is too long to be learnt from: as long as two of the longest season, with at least four of the shortest one
/// after it (of twelve windows, without a season). What fills it would pass for months of the same.
pub(super) fn after_gap(seen: &[bool], periods: &[usize]) -> usize {
    let longest = periods.last().copied().unwrap_or(12);
    let shortest = periods.first().copied().unwrap_or(12);
    let mut from = 0;
    let mut at = 0;
    for run in seen.chunk_by(|a, b| a == b) {
        at += run.len();
        if !run[0] && run.len() >= 2 * longest && seen.len() - at >= 4 * shortest {
            from = at;
        }
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weeks(n: usize) -> Vec<f64> {
        let at = |i: usize| {
            let weekend = if (i / 24) % 7 > 4 { 40.0 } else { 0.0 };
            100.0 + 0.1 * i as f64 + 30.0 * (std::f64::consts::TAU * i as f64 / 24.0).sin()
                - weekend
        };
        (0..n).map(at).collect()
    }

    #[test]
    fn a_day_is_filled_as_its_season_says_and_an_hour_on_a_line() {
        let whole = weeks(24 * 28);
        // A Saturday, and one hour.
        let gap = 24 * 19..24 * 20;
        let seen: Vec<bool> = (0..whole.len())
            .map(|i| !gap.contains(&i) && i != 100)
            .collect();
        let holed = |i: usize| if seen[i] { whole[i] } else { 0.0 };
        let mut y: Vec<f64> = (0..whole.len()).map(holed).collect();
        bridge(&mut y, &seen, &[24, 168]);
        for i in gap {
            assert!((y[i] - whole[i]).abs() < 1.0, "{i} {} {}", y[i], whole[i]);
        }
        assert!((y[100] - (whole[99] + whole[101]) / 2.0).abs() < 1e-9);
    }

    #[test]
    fn without_a_season_or_its_neighbours_it_is_a_line() {
        let mut y = vec![1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 7.0, 8.0];
        let seen = [true, true, false, false, false, false, true, true];
        for periods in [&[][..], &[4]] {
            bridge(&mut y, &seen, periods);
            assert_eq!(y, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        }
    }
}
