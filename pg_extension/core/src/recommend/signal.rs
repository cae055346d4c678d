//! Demand on the step grid: where a window is missing for a short while, its last value is carried forward.

use super::maxima::Maxima;
use crate::sample::Series;
use crate::time::{Micros, Step};

/// Windows for which a last value is carried into a gap: long enough for a restart of a collector, short enough that
/// the level (ten minutes) still rests on something seen. The first windows of a long gap are carried too, since at
/// that moment nobody can know how long it will last.
const CARRY: usize = 10;

/// Most windows of one grid: 90 days of 8-second windows, 8 MiB of values. Older windows are left out.
const MAX_WINDOWS: i64 = 1 << 20;

/// Demand per window. `x` is NaN where unknown, else not negative.
#[derive(Debug)]
pub(super) struct Signal {
    base: Micros,
    step: Step,
    x: Maxima,
    real: Vec<bool>,
}

impl Signal {
    /// The windows of `history` that start in `[from, until)`, up to the last one that ends by `until`.
    ///
    /// The grid has the phase of the first time in `history`, so that windows aligned to a time zone stay whole.
    /// Several values of one window are averaged, negative ones count as zero.
    pub(super) fn build(history: &Series, step: Step, from: Micros, until: Micros) -> Self {
        let from = from.max(until.saturating_sub(step.micros().saturating_mul(MAX_WINDOWS)));
        let first = history.ts().partition_point(|&t| t < from);
        let last = history.ts().partition_point(|&t| t < until);
        let ts = history.ts().get(first..last).unwrap_or_default();
        let value = history.value().get(first..last).unwrap_or_default();
        let (Some(&start), Some(&newest)) = (ts.first(), ts.last()) else {
            return Self {
                base: until,
                step,
                x: Maxima::new(Vec::new()),
                real: Vec::new(),
            };
        };
        let phase = history
            .ts()
            .first()
            .map_or(0, |t| t.rem_euclid(step.micros()));
        let base = start.saturating_sub(start.saturating_sub(phase).rem_euclid(step.micros()));
        let n = (windows_before(base, until, step)).max(windows_before(base, newest, step) + 1);
        let mut x = vec![0.0_f64; n];
        let mut count = vec![0_u32; n];
        let (mut idx, mut begin) = (0_usize, base);
        for (&t, &v) in ts.iter().zip(value) {
            // A division a value would be most of the work; on a regular grid the next value is in the next window.
            let passed = t.saturating_sub(begin);
            if passed >= step.micros() {
                let windows = if passed - step.micros() < step.micros() {
                    1
                } else {
                    passed / step.micros()
                };
                idx += usize::try_from(windows).unwrap_or(0);
                begin = begin.saturating_add(windows.saturating_mul(step.micros()));
            }
            if let (Some(mean), Some(c)) = (x.get_mut(idx), count.get_mut(idx)) {
                // A running mean cannot overflow; adding +0 makes a negative zero positive.
                *c += 1;
                let v = v.max(0.0) + 0.0;
                *mean = if *c == 1 {
                    v
                } else {
                    *mean + (v - *mean) / f64::from(*c)
                };
            }
        }
        let real: Vec<bool> = count.iter().map(|&c| c > 0).collect();
        for (mean, seen) in x.iter_mut().zip(&real) {
            if !seen {
                *mean = f64::NAN;
            }
        }
        carry_forward(&mut x);
        Self {
            base,
            step,
            x: Maxima::new(x),
            real,
        }
    }

    /// Windows on the grid; all of them end by the `until` it was built with.
    pub(super) fn len(&self) -> usize {
        self.x.len()
    }

    /// Start of window `idx`.
    pub(super) fn start_of(&self, idx: usize) -> Micros {
        let idx = i64::try_from(idx).unwrap_or(i64::MAX);
        self.base
            .saturating_add(idx.saturating_mul(self.step.micros()))
    }

    /// The value of window `idx`, carried ones included.
    pub(super) fn at(&self, idx: usize) -> Option<f64> {
        self.x.at(idx)
    }

    /// The value of window `idx` if it was seen.
    pub(super) fn seen(&self, idx: usize) -> Option<f64> {
        self.real
            .get(idx)
            .is_some_and(|&r| r)
            .then(|| self.at(idx))
            .flatten()
    }

    /// The windows `[lo, hi)`, cut to the grid; unknown ones are NaN.
    pub(super) fn span(&self, lo: usize, hi: usize) -> &[f64] {
        self.x.span(lo, hi)
    }

    /// Mean of the known windows among the `k` before `end`.
    pub(super) fn mean_before(&self, end: usize, k: usize) -> Option<f64> {
        mean_known(self.span(end.saturating_sub(k), end))
    }

    /// Largest of the known windows among the `k` before `end`.
    pub(super) fn max_before(&self, end: usize, k: usize) -> Option<f64> {
        self.x.max(end.saturating_sub(k), end)
    }
}

/// How many windows from `base` start before `until`.
fn windows_before(base: Micros, until: Micros, step: Step) -> usize {
    if until <= base {
        0
    } else {
        step.cover(until.saturating_sub(base))
    }
}

/// Mean of the values that are not NaN.
pub(super) fn mean_known(x: &[f64]) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0_u32);
    for &v in x {
        if !v.is_nan() {
            sum += v;
            n += 1;
        }
    }
    (n > 0).then(|| sum / f64::from(n))
}

/// Fills the first [`CARRY`] windows of each gap with the value before it.
fn carry_forward(x: &mut [f64]) {
    let mut last = f64::NAN;
    let mut age = 0;
    for v in x {
        if v.is_nan() {
            age += 1;
            if age <= CARRY {
                *v = last;
            }
        } else {
            last = *v;
            age = 0;
        }
    }
}
