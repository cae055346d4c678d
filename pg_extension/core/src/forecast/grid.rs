//! The regular grid a forecast works on.

use std::collections::BTreeMap;

use crate::sample::Series;
use crate::time::{Micros, SECOND, Step};

/// Most windows looked at: two years of minutes, 8 MiB; older ones are left out.
const MAX_WINDOWS: i64 = 1 << 20;

/// Share of the gaps that must agree for the commonest one to be the step; otherwise the times jitter.
const AGREEMENT: usize = 4;

/// A series on a regular grid that ends at its last sample.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) step: Step,
    /// Time of the last window: that of the last sample.
    pub(super) last: Micros,
    /// Every window; gaps filled on the line between their neighbours.
    pub(super) y: Vec<f64>,
    /// Whether a window has a sample of its own.
    pub(super) seen: Vec<bool>,
}

impl Grid {
    /// The samples before `as_of`; `None` where there are none.
    pub(super) fn build(series: &Series, as_of: Option<Micros>, horizon: Micros) -> Option<Self> {
        let end = as_of.map_or(series.ts().len(), |as_of| {
            series.ts().partition_point(|&t| t < as_of)
        });
        let ts = series.ts().get(..end)?;
        let last = *ts.last()?;
        let step = series
            .step()
            .or_else(|| usual_gap(ts))
            .or_else(|| Step::try_new(horizon).ok())?;
        let back = |t: Micros| {
            let span = last.saturating_sub(t);
            span / step.micros()
                + i64::from(span % step.micros() >= step.micros() - step.micros() / 2)
        };
        let first = ts.partition_point(|&t| back(t) >= MAX_WINDOWS);
        let ts = ts.get(first..)?;
        let n = usize::try_from(back(*ts.first()?)).ok()? + 1;
        let mut y = vec![0.0; n];
        let mut count = vec![0_u32; n];
        for (&t, &v) in ts.iter().zip(series.value().get(first..end)?) {
            let idx = n - 1 - usize::try_from(back(t)).ok()?.min(n - 1);
            let (mean, c) = (y.get_mut(idx)?, count.get_mut(idx)?);
            *c += 1;
            *mean += (v - *mean) / f64::from(*c);
        }
        let seen: Vec<bool> = count.iter().map(|&c| c > 0).collect();
        fill(&mut y, &seen);
        Some(Self {
            step,
            last,
            y,
            seen,
        })
    }

    /// Time of the window `idx`.
    pub(super) fn ts(&self, idx: usize) -> Micros {
        let back = i64::try_from(self.y.len() - 1 - idx.min(self.y.len() - 1)).unwrap_or(0);
        self.last
            .saturating_sub(back.saturating_mul(self.step.micros()))
    }

    /// Whether every value is the same.
    pub(super) fn is_constant(&self) -> bool {
        self.y
            .first()
            .is_some_and(|first| self.y.iter().all(|v| v.total_cmp(first).is_eq()))
    }
}

/// The commonest gap between neighbouring times, the smaller of equals; where fewer than a quarter of the gaps agree, the
/// median gap in whole seconds.
fn usual_gap(ts: &[Micros]) -> Option<Step> {
    let mut gaps: Vec<Micros> = ts
        .iter()
        .zip(ts.iter().skip(1))
        .map(|(a, b)| b.saturating_sub(*a))
        .collect();
    gaps.retain(|g| *g > 0);
    let mut counts: BTreeMap<Micros, usize> = BTreeMap::new();
    for g in &gaps {
        *counts.entry(*g).or_default() += 1;
    }
    let (mode, n) = counts
        .into_iter()
        .reduce(|best, next| if next.1 > best.1 { next } else { best })?;
    if n * AGREEMENT >= gaps.len() {
        return Step::try_new(mode).ok();
    }
    gaps.sort_unstable();
    let median = *gaps.get(gaps.len() / 2)?;
    let whole = if median >= SECOND {
        (median + SECOND / 2) / SECOND * SECOND
    } else {
        median
    };
    Step::try_new(whole).ok()
}

/// Fills windows that were not seen on the line between their neighbours; the first and the last one are seen.
fn fill(y: &mut [f64], seen: &[bool]) {
    let mut before = 0;
    for (idx, _) in seen.iter().enumerate().filter(|(_, s)| **s) {
        let gap = idx - before;
        if let (true, Some(&from), Some(&to)) = (gap > 1, y.get(before), y.get(idx)) {
            for (k, v) in y.iter_mut().take(idx).skip(before + 1).enumerate() {
                let share = (k + 1) as f64 / gap as f64;
                *v = from * (1.0 - share) + to * share;
            }
        }
        before = idx;
    }
}
