//! Columns of what is known beside the series at an origin, such as the components of a fingerprint.
//!
//! Each covariate gives two, in standard deviations, as shares of the level of the series: its value, and its value less its mean over an hour. Gaps count as the
//! mean.

use super::frame::Frame;
use crate::forecast::scale::Scale;

/// Covariates in standard deviations, with their prefix sums.
#[derive(Default)]
pub(super) struct Beside(Vec<(Vec<f64>, Vec<f64>)>);

impl Beside {
    /// Of rows of `n` windows, NaN for gaps; a covariate that never changes tells nothing.
    pub(super) fn new(rows: &[f64], n: usize) -> Self {
        let width = rows.len() / n.max(1);
        let column = |c: usize| standardised(rows.iter().skip(c).step_by(width));
        let with_sums = |x: Vec<f64>| {
            let sums = x.iter().scan(0.0, |sum, v| {
                *sum += v;
                Some(*sum)
            });
            let sums = std::iter::once(0.0).chain(sums).collect();
            (x, sums)
        };
        Self((0..width).filter_map(column).map(with_sums).collect())
    }

    /// Covariates that change.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Columns at an origin.
    pub(super) fn columns(&self) -> usize {
        2 * self.len()
    }

    /// Appends the columns at origin `t`.
    pub(super) fn append(&self, scale: Scale, frame: &Frame, t: usize, out: &mut Vec<f64>) {
        let level = match scale {
            Scale::Raw | Scale::Sqrt => frame.level(t),
            Scale::Log(_) => 1.0,
        };
        let hour = frame.hour.min(t + 1);
        out.extend(self.0.iter().flat_map(|(x, sums)| {
            let mean = (sums[t + 1] - sums[t + 1 - hour]) / hour as f64;
            [level * x[t], level * (x[t] - mean)]
        }));
    }
}

/// Deviations from the mean in standard deviations, zero for NaN; `None` where there are none.
fn standardised<'a>(x: impl Iterator<Item = &'a f64> + Clone) -> Option<Vec<f64>> {
    let known = x.clone().copied().filter(|v| v.is_finite());
    let n = known.clone().count() as f64;
    let mean = known.clone().map(|v| v / n).sum::<f64>();
    let largest = known.map(|v| (v - mean).abs()).fold(0.0, f64::max);
    if !(largest > 1e-12 * mean.abs() && largest.is_finite()) {
        return None;
    }
    // Squares of shares of the largest stay in range.
    let share = |v: &f64| {
        if v.is_finite() {
            (v - mean) / largest
        } else {
            0.0
        }
    };
    let shares: Vec<f64> = x.map(share).collect();
    let sd = shares.iter().map(|v| v * v / n).sum::<f64>().sqrt();
    Some(shares.into_iter().map(|v| v / sd).collect())
}
