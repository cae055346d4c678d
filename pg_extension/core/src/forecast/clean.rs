//! Outliers and a level shift, taken out before a model that they would mislead, and reported.
//!
//! **Outlier**: a window that differs from the median of itself and its six neighbours by more than [`OUTLYING`] typical deviations, after what that difference usually is at the same place of the season (median of the cycles around), and
//! by more than half of the typical size of the series. It is replaced by what was expected. Where more than one in
//! [`RARE`] windows would be, deviations are the nature of the series and nothing is replaced.
//!
//! **Level shift**: of the medians of consecutive seasons (of twelfths of the series, where there is none) one differs from the one before by more than
//! [`SHIFTED`] typical changes and by more than a third of the level, and everything after stays on the new side. What lies before it is
//! multiplied (where all values are positive) or moved to the new level.

use super::season::Z90;

/// Typical deviations that make an outlier.
const OUTLYING: f64 = 15.0;

/// At most one window in so many is an outlier.
const RARE: usize = 50;

/// Typical changes between seasons that make a shift.
const SHIFTED: f64 = 12.0;

/// Newest windows that are cleaned; what lies before is too old for the models that ask.
const LOOKED_AT: usize = 50_000;

/// Neighbours on either side.
const NEAR: usize = 3;

/// What was changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cleaned {
    /// The series without outliers, all of it on the newest level.
    pub(super) y: Vec<f64>,
    /// Windows replaced.
    pub(super) outliers: Vec<usize>,
    /// A shift of level.
    pub(super) shift: Option<Shift>,
}

/// Windows before `at` are y · factor + add on the newest level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shift {
    pub(super) at: usize,
    factor: f64,
    add: f64,
}

impl Shift {
    /// What the level before the shift takes away from `v` on the newest level, at window `idx`.
    pub(super) fn effect(&self, idx: usize, v: f64) -> f64 {
        if idx < self.at {
            (v - self.add) / self.factor - v
        } else {
            0.0
        }
    }
}

/// Cleans `y` of the shortest period `m` (`None`: no season).
pub(super) fn clean(y: &[f64], m: Option<usize>) -> Cleaned {
    let from = y.len().saturating_sub(LOOKED_AT);
    let mut out = y.to_vec();
    let recent = &mut out[from..];
    let outliers = outliers(recent, m);
    for &(idx, expected) in &outliers {
        recent[idx] = expected;
    }
    let shift = shift(recent, m).map(|s| Shift {
        at: s.at + from,
        ..s
    });
    if let Some(Shift { at, factor, add }) = shift {
        out.iter_mut().take(at).for_each(|v| *v = *v * factor + add);
    }
    Cleaned {
        y: out,
        outliers: outliers.iter().map(|o| o.0 + from).collect(),
        shift,
    }
}

/// Windows that lie far off, with what was expected there. The newest few are left: whether they stay is not known yet.
fn outliers(y: &[f64], m: Option<usize>) -> Vec<(usize, f64)> {
    let n = y.len();
    if n < 4 * NEAR + 10 {
        return Vec::new();
    }
    let near: Vec<f64> = (NEAR..n - NEAR)
        .map(|t| median(&mut y[t - NEAR..=t + NEAR].to_vec()))
        .collect();
    let apart: Vec<f64> = near
        .iter()
        .zip(&y[NEAR..])
        .map(|(near, v)| v - near)
        .collect();
    let usual = |i: usize| {
        let Some(m) = m else { return 0.0 };
        let mut cycles: Vec<f64> = around(i, m).filter_map(|j| apart.get(j).copied()).collect();
        median(&mut cycles)
    };
    // Most windows are near their neighbours: only those far off are compared with the season.
    let typical = typical(&mut apart.iter().map(|v| v.abs()).collect::<Vec<_>>());
    let size = 0.5 * median(&mut y.iter().map(|v| v.abs()).collect::<Vec<_>>());
    let limit = (OUTLYING * typical).max(size);
    let found: Vec<(usize, f64)> = apart
        .iter()
        .enumerate()
        .filter(|(_, v)| v.abs() > limit)
        .map(|(i, v)| (i, *v, usual(i)))
        .filter(|(_, v, usual)| (v - usual).abs() > limit)
        .map(|(i, _, usual)| (i + NEAR, near[i] + usual))
        .collect();
    if size > 0.0 && found.len() * RARE <= n {
        found
    } else {
        Vec::new()
    }
}

/// The newest shift of level that stayed.
fn shift(y: &[f64], m: Option<usize>) -> Option<Shift> {
    let block = m.unwrap_or(y.len() / 12).max(6);
    // Blocks are counted from the end, so that the newest is whole.
    let start = y.len() % block;
    let levels: Vec<f64> = y[start..]
        .chunks_exact(block)
        .map(|b| median(&mut b.to_vec()))
        .collect();
    if levels.len() < 8 {
        return None;
    }
    let changes: Vec<f64> = levels.windows(2).map(|w| w[1] - w[0]).collect();
    let typical = 1.4826 * median(&mut changes.iter().map(|c| c.abs()).collect::<Vec<_>>());
    let stays = |k: usize| {
        let (before, after) = levels.split_at(k + 1);
        let least = |part: &[f64]| part.iter().copied().fold(f64::INFINITY, f64::min);
        let most = |part: &[f64]| part.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        after.len() >= 2
            && before.len() >= 2
            && (least(after) > most(before) || most(after) < least(before))
    };
    let k = (0..changes.len()).rev().find(|&k| {
        let level = levels[k].abs().max(levels[k + 1].abs());
        // A change may be spread over two blocks: the one that holds it lies between.
        changes[k].abs() > SHIFTED * typical && changes[k].abs() > level / 3.0 && stays(k)
    })?;
    // The block after the border may hold the shift itself.
    let [before, after] = [
        levels[k],
        levels.get(k + 2).copied().unwrap_or(levels[k + 1]),
    ];
    let positive = y.iter().all(|v| *v > 0.0);
    let (factor, add) = if positive {
        (after / before, 0.0)
    } else {
        (1.0, after - before)
    };
    // The first window from which the values are nearer to the last old season as it would be on the new level.
    let border = start + (k + 1) * block;
    let old = |t: usize| {
        if m.is_some() {
            y[border - 2 * block + (t + block - border) % block]
        } else {
            before
        }
    };
    let gain = |t: usize| (y[t] - old(t)).abs() - (y[t] - (old(t) * factor + add)).abs();
    let (first, end) = (border - block, (border + block).min(y.len()));
    let (mut sum, mut best) = (0.0, (0.0, end));
    for t in (first..end).rev() {
        sum += gain(t);
        if sum > best.0 {
            best = (sum, t);
        }
    }
    Some(Shift {
        at: best.1,
        factor,
        add,
    })
}

/// Windows at the place of `i` in the three seasons of `m` before and after it, as far as there are any before; they may lie beyond the end.
pub(super) fn around(i: usize, m: usize) -> impl Iterator<Item = usize> {
    (1..=3)
        .flat_map(move |k| [i.checked_sub(k * m), Some(i + k * m)])
        .flatten()
}

/// The typical deviation, of sizes of deviations; 0 of nothing. Of a smooth series most windows are their own median: it is read off at nine tenths.
pub(super) fn typical(sizes: &mut [f64]) -> f64 {
    let high = sizes.len() * 9 / 10;
    if sizes.is_empty() {
        0.0
    } else {
        *sizes.select_nth_unstable_by(high, f64::total_cmp).1 / Z90
    }
}

/// The middle value, the higher of two; 0 of nothing.
pub(super) fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() {
        0.0
    } else {
        *values.select_nth_unstable_by(middle, f64::total_cmp).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize) -> Vec<f64> {
        (0..n)
            .map(|i| {
                100.0
                    + 30.0 * (std::f64::consts::TAU * i as f64 / 24.0).sin()
                    + ((i * 7_919) % 11) as f64
            })
            .collect()
    }

    #[test]
    fn leaves_what_is_regular() {
        let mut y = wave(480);
        // A peak at every midnight is a season, not an outlier.
        (0..480).step_by(24).for_each(|i| y[i] += 300.0);
        assert_eq!(
            clean(&y, Some(24)),
            Cleaned {
                y: y.clone(),
                ..Cleaned::default()
            }
        );
    }

    #[test]
    fn replaces_a_spike_and_names_it() {
        let mut y = wave(480);
        y[200] += 900.0;
        let cleaned = clean(&y, Some(24));
        assert_eq!(
            (cleaned.outliers.as_slice(), cleaned.shift),
            (&[200][..], None)
        );
        assert!((cleaned.y[200] - wave(480)[200]).abs() < 25.0);
    }

    #[test]
    fn brings_what_lies_before_a_shift_to_the_new_level() {
        let y: Vec<f64> = wave(480)
            .iter()
            .enumerate()
            .map(|(i, v)| if i < 300 { *v } else { 4.0 * v })
            .collect();
        let cleaned = clean(&y, Some(24));
        let shift = cleaned.shift.unwrap();
        assert!((295..=305).contains(&shift.at), "{shift:?}");
        assert!((cleaned.y[..280].iter().sum::<f64>() / 280.0 / 420.0 - 1.0).abs() < 0.1);
        let (idx, v) = (10, cleaned.y[10]);
        assert!((v + shift.effect(idx, v) - y[idx]).abs() < 1e-9);
    }
}
