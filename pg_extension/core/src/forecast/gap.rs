//! Windows without a sample.

use std::ops::Range;

use super::clean::{around, median};
use crate::feature::series::fill;

/// Part of the shortest season up to which a gap is filled on a line, where the season is no more bent than it varies.
const SHORT: usize = 8;

/// How much further than usual a season is from a line that is bent.
const BENT: f64 = 4.0;

/// Windows on either side of a gap whose median says how far the series is from what is usual, and fewest values of which a median says something.
const NEAR: usize = 3;
const FEWEST: usize = 3;

/// How often gaps are filled with the levels of what was filled before.
const TURNS: usize = 2;

/// Fills the windows that are not `seen`: in short gaps on the line between their neighbours, in longer ones and where the season is bent with what is usual at their
/// place in the longest of `periods` that knows it, above the level of each season, and the line between what the windows around are above theirs; nothing
/// beyond what was seen. A line through a day would pass for a day without a season. Levels of what is filled are better the second time.
pub(super) fn bridge(y: &mut [f64], seen: &[bool], periods: &[usize]) {
    if seen.iter().all(|s| *s) {
        return;
    }
    fill(y, seen);
    let (Some(shortest), Some(longest)) = (periods.first(), periods.last()) else {
        return;
    };
    let known = || y.iter().zip(seen).filter(|(_, s)| **s).map(|(v, _)| *v);
    let low = known().fold(f64::INFINITY, f64::min);
    let high = known().fold(f64::NEG_INFINITY, f64::max);
    let line = y.to_vec();
    for _ in 0..TURNS {
        let levels = levels(y, *longest);
        let usual = Usual {
            above: y.iter().zip(levels).map(|(v, level)| v - level).collect(),
            seen,
            periods,
        };
        for gap in gaps(seen).filter(|gap| gap.start > 0 && gap.end < seen.len()) {
            let before = usual.apart(y, (0..gap.start).rev().take(*shortest));
            let after = usual.apart(y, (gap.end..y.len()).take(*shortest));
            let (Some(mut before), Some(mut after)) = (before, after) else {
                continue;
            };
            if before.is_sure && !after.is_sure {
                after = before;
            } else if after.is_sure && !before.is_sure {
                before = after;
            }
            let mut is_bent = false;
            let fill = |i: usize| {
                let share = (i + 1 - gap.start) as f64 / (gap.len() + 1) as f64;
                let apart = before.by * (1.0 - share) + after.by * share;
                let Some((middle, varies)) = usual.at(i) else {
                    return line[i];
                };
                let filled = (middle + apart).clamp(low, high);
                is_bent |= (filled - line[i]).abs() > BENT * varies;
                filled
            };
            let filled: Vec<f64> = gap.clone().map(fill).collect();
            if gap.len() > shortest / SHORT || is_bent {
                y[gap].copy_from_slice(&filled);
            }
        }
    }
}

/// What is usual in the seasons of a series.
struct Usual<'a> {
    /// The series above its levels.
    above: Vec<f64>,
    seen: &'a [bool],
    periods: &'a [usize],
}

/// How far the windows beside a gap are from what is usual at their places.
#[derive(Clone, Copy)]
struct Apart {
    by: f64,
    /// Whether they are enough to tell.
    is_sure: bool,
}

impl Usual<'_> {
    /// What is usual above the level at the place of window `i`, and how far it varies; `None` where no season knows the place.
    fn at(&self, i: usize) -> Option<(f64, f64)> {
        self.periods.iter().rev().find_map(|p| {
            let known = around(i, *p).filter(|i| self.seen.get(*i) == Some(&true));
            let mut values: Vec<f64> = known.map(|i| self.above[i]).collect();
            let middle = (!values.is_empty()).then(|| median(&mut values))?;
            if values.len() < FEWEST {
                return Some((middle, f64::INFINITY));
            }
            values.iter_mut().for_each(|v| *v = (*v - middle).abs());
            Some((middle, median(&mut values)))
        })
    }

    /// Of the first seen ones of the windows `near`.
    fn apart(&self, y: &[f64], near: impl Iterator<Item = usize>) -> Option<Apart> {
        let near = near.filter(|i| self.seen[*i]).take(NEAR);
        let mut apart: Vec<f64> = near.filter_map(|i| Some(y[i] - self.at(i)?.0)).collect();
        (!apart.is_empty()).then(|| Apart {
            is_sure: apart.len() >= FEWEST,
            by: median(&mut apart),
        })
    }
}

/// Every run of windows that are not seen.
fn gaps(seen: &[bool]) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    seen.chunk_by(|a, b| a == b).filter_map(move |run| {
        let at = from..from + run.len();
        from = at.end;
        (!run[0]).then_some(at)
    })
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
    let is_end =
        |gap: &Range<usize>| gap.len() >= 2 * longest && seen.len() - gap.end >= 4 * shortest;
    gaps(seen).filter(is_end).last().map_or(0, |gap| gap.end)
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
    fn a_day_is_filled_as_its_season_says() {
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
        assert!((y[100] - whole[100]).abs() < 1.0);
    }

    #[test]
    fn a_trend_goes_on_through_gaps() {
        let mut random = crate::random::SplitMix(3);
        // Half of the windows at random, and twelve days.
        for (slope, is_outage, most) in [(0.2, false, 1.0), (-0.2, false, 1.0), (0.2, true, 0.1)] {
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

    /// A peak an hour long, every day.
    fn peaks(n: usize) -> Vec<f64> {
        let at = |i: usize| {
            if i % 24 == 9 {
                500.0
            } else {
                2.0 + (i * 7 % 3) as f64 / 10.0
            }
        };
        (0..n).map(at).collect()
    }

    #[test]
    fn a_peak_is_not_lost_in_a_short_gap_and_nothing_is_beyond_what_was_seen() {
        let whole = peaks(24 * 28);
        for (gap, spoilt) in [
            (657..658, None),
            (656..659, None),
            (658..669, Some((657, 460.0))),
            (650..657, Some((657, 540.0))),
        ] {
            let mut y = whole.clone();
            if let Some((idx, v)) = spoilt {
                y[idx] = v;
            }
            y[gap.clone()].fill(0.0);
            let seen: Vec<bool> = (0..y.len()).map(|i| !gap.contains(&i)).collect();
            bridge(&mut y, &seen, &[24, 168]);
            for i in gap {
                assert!((y[i] - whole[i]).abs() < 6.0 && y[i] >= 2.0, "{i} {}", y[i]);
            }
        }
    }

    #[test]
    fn one_bad_sample_beside_a_gap_moves_nothing() {
        let whole = weeks(24 * 28);
        for bad in [0.0, 900.0] {
            // Before a gap; after one, as the last of all; between two.
            for (gaps, at) in [
                ([651..669, 0..0], 650),
                ([540..671, 0..0], 671),
                ([640..655, 656..669], 655),
            ] {
                let mut y = whole.clone();
                y[at] = bad;
                let is_gap = |i: usize| gaps.iter().any(|gap| gap.contains(&i));
                let seen: Vec<bool> = (0..y.len()).map(|i| !is_gap(i)).collect();
                bridge(&mut y, &seen, &[24, 168]);
                for i in (0..y.len()).filter(|i| is_gap(*i)) {
                    assert!(
                        (y[i] - whole[i]).abs() < 30.0,
                        "{bad} {at} {i}: {}, not {}",
                        y[i],
                        whole[i]
                    );
                }
            }
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
