//! Windows without a sample.

use super::clean::median;
use crate::feature::series::fill;

/// Part of the shortest season up to which a gap is filled on a line.
const SHORT: usize = 8;

/// Seasons looked at on either side.
const SEASONS: usize = 3;

/// How often gaps are filled with the levels of what was filled before.
const TURNS: usize = 2;

/// Fills the windows that are not `seen`: in short gaps on the line between their neighbours, in longer ones with what is usual at their place in the longest of
/// `periods` that knows it, above the level of each season, and the line between what the neighbours are above theirs. A line through a day would pass for a day
/// without a season. Levels of what is filled are better the second time.
pub(super) fn bridge(y: &mut [f64], seen: &[bool], periods: &[usize]) {
    fill(y, seen);
    let (Some(shortest), Some(longest)) = (periods.first(), periods.last()) else {
        return;
    };
    let is_long = |run: &[bool]| !run[0] && run.len() > shortest / SHORT;
    if !seen.chunk_by(|a, b| a == b).any(is_long) {
        return;
    }
    for _ in 0..TURNS {
        let levels = levels(y, *longest);
        let above: Vec<f64> = y.iter().zip(levels).map(|(v, level)| v - level).collect();
        let usual = |i: usize| {
            periods.iter().rev().find_map(|p| {
                let around = (1..=SEASONS).flat_map(|k| [i.checked_sub(k * p), Some(i + k * p)]);
                let known = around.flatten().filter(|i| seen.get(*i) == Some(&true));
                let mut values: Vec<f64> = known.map(|i| above[i]).collect();
                (!values.is_empty()).then(|| median(&mut values))
            })
        };
        let mut from = 0;
        for run in seen.chunk_by(|a, b| a == b) {
            let gap = from..from + run.len();
            from = gap.end;
            if !is_long(run) || gap.start == 0 || gap.end == y.len() {
                continue;
            }
            let [before, after] = [gap.start - 1, gap.end].map(|i| Some(y[i] - usual(i)?));
            let (Some(before), Some(after)) = (before, after) else {
                continue;
            };
            for i in gap.clone() {
                let share = (i + 1 - gap.start) as f64 / (run.len() + 1) as f64;
                if let Some(usual) = usual(i) {
                    y[i] = usual + before * (1.0 - share) + after * share;
                }
            }
        }
    }
}

/// The level of each window: the mean of the `width` windows around it; at the ends the line through the outermost means goes on.
pub(super) fn levels(values: &[f64], width: usize) -> Vec<f64> {
    let n = values.len();
    let width = width.clamp(1, n.max(1));
    let mut sums = vec![0.0];
    let mut sum = 0.0;
    for v in values {
        sum += v;
        sums.push(sum);
    }
    let mean = |from: usize| (sums[from + width] - sums[from]) / width as f64;
    let level = |i: usize| {
        let from = i.saturating_sub(width / 2).min(n - width);
        let off = i as f64 - (from + width / 2) as f64;
        let slope = if n < 2 * width {
            0.0
        } else if off < 0.0 {
            (mean(width) - mean(0)) / width as f64
        } else {
            (mean(n - width) - mean(n - 2 * width)) / width as f64
        };
        mean(from) + slope * off
    };
    (0..n).map(level).collect()
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
    fn a_trend_goes_on_through_gaps() {
        let mut random = crate::random::SplitMix(3);
        // Half of the windows at random, and twelve days.
        for (slope, is_outage, most) in [(0.2, false, 0.95), (-0.2, false, 0.95), (0.2, true, 0.1)]
        {
            let of = |(i, v): (usize, &f64)| v + slope * i as f64;
            let whole: Vec<f64> = weeks(24 * 35).iter().enumerate().map(of).collect();
            let seen: Vec<bool> = (0..whole.len())
                .map(|i| match i {
                    0 => true,
                    _ if is_outage => !(300..588).contains(&i),
                    _ => i + 1 == whole.len() || random.uniform() < 0.5,
                })
                .collect();
            let at = |i: usize| if seen[i] { whole[i] } else { 0.0 };
            let mut y: Vec<f64> = (0..whole.len()).map(at).collect();
            let mut line = y.clone();
            fill(&mut line, &seen);
            bridge(&mut y, &seen, &[24, 168]);
            let distance = |filled: &[f64]| -> f64 {
                filled.iter().zip(&whole).map(|(a, b)| (a - b).abs()).sum()
            };
            let (filled, line) = (distance(&y), distance(&line));
            assert!(filled < most * line, "{slope} {is_outage} {filled} {line}");
        }
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
