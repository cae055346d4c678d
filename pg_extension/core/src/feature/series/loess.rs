//! Local regression (Cleveland, 1979), as STL uses it.

use crate::error::Result;
use crate::time::{ShouldStop, check_stop};

/// How one smoothing is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loess {
    /// Points that take part in each local fit, odd; more points than there are widen the weights instead.
    pub(super) window: usize,
    /// Degree of the local polynomial: 0 or 1.
    pub(super) degree: u8,
    /// The fit is computed at every `jump`-th point and on lines between them.
    pub(super) jump: usize,
}

impl Loess {
    /// Smooths `y` with weights (1 each where there are none) into `out`, which is as long.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(super) fn smooth(
        &self,
        y: &[f64],
        weights: Option<&[f64]>,
        out: &mut [f64],
        should_stop: ShouldStop<'_>,
    ) -> Result<()> {
        let n = y.len();
        if n < 2 {
            out.copy_from_slice(y);
            return Ok(());
        }
        let mut work = 0;
        let jump = self.jump.clamp(1, n - 1);
        let half = self.window.div_ceil(2);
        let mut at = 0_usize;
        let mut before = 0;
        loop {
            work += self.window.min(n);
            if work > 1 << 21 {
                work = 0;
                check_stop(should_stop)?;
            }
            // The window is centred, except at the ends, where it stays inside.
            let left = (at + 1)
                .saturating_sub(half)
                .min(n.saturating_sub(self.window));
            let right = (left + self.window).min(n);
            out[at] = self.at(y, weights, at as f64, left..right).unwrap_or(y[at]);
            for between in before + 1..at {
                let share = (between - before) as f64 / (at - before) as f64;
                out[between] = out[before] + (out[at] - out[before]) * share;
            }
            if at == n - 1 {
                return Ok(());
            }
            before = at;
            at = (at + jump).min(n - 1);
        }
    }

    /// The local fit at `x` from the points of `range`; `None` where none of them has weight.
    pub(super) fn at(
        &self,
        y: &[f64],
        weights: Option<&[f64]>,
        x: f64,
        range: std::ops::Range<usize>,
    ) -> Option<f64> {
        let n = y.len();
        let reach = (x - range.start as f64).max(range.end as f64 - 1.0 - x);
        let reach = reach
            + if self.window > n {
                ((self.window - n) / 2) as f64
            } else {
                0.0
            };
        let (near, far) = (0.001 * reach, 0.999 * reach);
        let weight = |k: usize| {
            let distance = (k as f64 - x).abs();
            let w = if distance > far {
                0.0
            } else if distance > near {
                let ratio = distance / reach;
                let cube = 1.0 - ratio * ratio * ratio;
                cube * cube * cube
            } else {
                1.0
            };
            weights.map_or(w, |weights| w * weights[k])
        };
        let (mut sum, mut sum_x) = (0.0, 0.0);
        for k in range.clone() {
            let w = weight(k);
            sum += w;
            sum_x += w * k as f64;
        }
        if sum <= 0.0 {
            return None;
        }
        let centre = sum_x / sum;
        let (mut sum_y, mut sum_xx, mut sum_xy) = (0.0, 0.0, 0.0);
        for k in range {
            let w = weight(k);
            let away = k as f64 - centre;
            sum_y += w * y[k];
            sum_xx += w * away * away;
            sum_xy += w * away * y[k];
        }
        // Points at one place have no slope; the bound is that of the original.
        let sloped = self.degree > 0 && (sum_xx / sum).sqrt() > 0.001 * (n as f64 - 1.0);
        let slope = if sloped { sum_xy / sum_xx } else { 0.0 };
        Some(sum_y / sum + slope * (x - centre))
    }
}
