//! The step of a series that does not know its own.

use crate::time::{Micros, SECOND, Step};

/// Share of the gaps that must agree for the commonest one to be the step; otherwise the times jitter.
const AGREEMENT: usize = 4;

/// Most gaps that are looked at, evenly spread: they tell the commonest as well, and sorting them stays below 50 ms.
const MOST: usize = 1 << 20;

/// The commonest gap between neighbouring times, the smaller of equals; where fewer than a quarter of the gaps agree, the
/// median gap in whole seconds. `None` for less than two different times.
#[must_use]
pub fn usual_step(ts: &[Micros]) -> Option<Step> {
    let stride = ts.len().div_ceil(MOST).max(1);
    let pairs = ts.iter().zip(ts.iter().skip(1)).step_by(stride);
    let mut gaps: Vec<Micros> = pairs
        .map(|(a, b)| b.saturating_sub(*a))
        .filter(|gap| *gap > 0)
        .collect();
    gaps.sort_unstable();
    let longest = gaps
        .chunk_by(|a, b| a == b)
        .reduce(|best, next| if next.len() > best.len() { next } else { best })?;
    if longest.len() * AGREEMENT >= gaps.len() {
        return Step::try_new(*longest.first()?).ok();
    }
    let median = *gaps.get(gaps.len() / 2)?;
    let whole = if median >= SECOND {
        (median + SECOND / 2) / SECOND * SECOND
    } else {
        median
    };
    Step::try_new(whole).ok()
}
