//! The theta method (Assimakopoulos and Nikolopoulos 2000): `theta`, and optimised and dynamic `dynamic_theta`
//! (Fiorucci, Pellegrini, Louzada, Petropoulos and Koehler 2016).
//!
//! One step ahead: ŷ = l + (1 − 1/θ) · ((1 − α)ᵗ · A + (1 − (1 − α)ᵗ⁺¹) / α · B), l = α·y + (1 − α)·l, where A + B·t is the line through
//! all of the series (`theta`, θ = 2) or through what was seen until then (`dynamic_theta`, θ optimised). A season that the
//! autocorrelation at its lag shows (at 90 %) is divided out before, or subtracted where values are not positive.

use serde::{Deserialize, Serialize};

use super::optimise::nelder_mead;
use super::parts::Parts;
use super::season::Season;
use crate::error::Result;
use crate::time::ShouldStop;

/// Fewest windows to learn from.
pub(super) const MIN_WINDOWS: usize = 5;

const BUDGET: usize = 150;

/// A fitted model and its state after the last window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Theta {
    pub(super) alpha: f64,
    pub(super) theta: f64,
    dynamic: bool,
    level: f64,
    mean: f64,
    a: f64,
    b: f64,
    /// Windows seen.
    t: u64,
    season: Season,
}

impl Theta {
    /// What is expected of the next value, without its season.
    fn expected(&self) -> f64 {
        self.expected_after((1.0 - self.alpha).powf(self.t as f64))
    }

    /// The same where `rest`, the share that the start still has, is known.
    fn expected_after(&self, rest: f64) -> f64 {
        self.level
            + (1.0 - 1.0 / self.theta)
                * (rest * self.a + (1.0 - rest * (1.0 - self.alpha)) / self.alpha * self.b)
    }

    fn learn(&mut self, y: f64) {
        let t = self.t as f64;
        self.level = self.alpha * y + (1.0 - self.alpha) * self.level;
        if self.dynamic {
            self.mean = (t * self.mean + y) / (t + 1.0);
            self.b = ((t - 1.0) * self.b + 6.0 * (y - self.mean) / (t + 1.0)) / (t + 2.0);
            self.a = self.mean - self.b * (t + 2.0) / 2.0;
        }
        self.t += 1;
    }

    /// Length of the season, where there is one.
    pub(super) fn period(&self) -> Option<usize> {
        self.season.period()
    }

    /// Level and trend one step ahead, and what the season adds to them, before `y` is seen; then the state after it.
    pub(super) fn observe(&mut self, y: f64) -> (f64, f64) {
        let (place, base) = (self.t, self.expected());
        let ahead = self.season.onto(base, place);
        self.learn(self.season.off(y, place));
        (base, ahead - base)
    }

    /// Level and trend, and what the season adds to them, for the coming steps.
    pub(super) fn ahead(&self, steps: usize) -> (Vec<f64>, Vec<f64>) {
        let mut state = self.clone();
        (0..steps)
            .map(|_| {
                let base = state.expected();
                let whole = state.season.onto(base, state.t);
                state.learn(base);
                (base, whole - base)
            })
            .unzip()
    }
}

/// Fits `y` of period `m` (0 or 1: none); returns the model and its forecasts one step ahead. `None` below [`MIN_WINDOWS`].
pub(super) fn fit(
    y: &[f64],
    m: usize,
    dynamic: bool,
    should_stop: ShouldStop<'_>,
) -> Result<Option<(Theta, Parts)>> {
    if y.len() < MIN_WINDOWS {
        return Ok(None);
    }
    let season = Season::find(y, m);
    let z: Vec<f64> = y.iter().zip(0..).map(|(v, t)| season.off(*v, t)).collect();
    let (a, b) = line(&z);
    let first = z.first().copied().unwrap_or(0.0);
    let spread = z.iter().map(|v| (v - first).abs()).sum::<f64>() / z.len() as f64;
    let start = |x: &[f64]| {
        let alpha = 0.01 + 0.98 / (1.0 + (-x.first().copied().unwrap_or(0.0)).exp());
        let level = first / 2.0 + spread * x.get(1).copied().unwrap_or(0.0);
        let theta = if dynamic {
            1.0 + x.get(2).copied().unwrap_or(0.0).exp()
        } else {
            2.0
        };
        let (a, b) = if dynamic { (first, 0.0) } else { (a, b) };
        Theta {
            alpha,
            theta,
            dynamic,
            level,
            mean: first,
            a,
            b,
            t: 0,
            season: season.clone(),
        }
    };
    let mut loss = |x: &[f64]| {
        let mut model = start(x);
        let skip = usize::from(dynamic) * 3;
        let (mut sum, mut rest) = (0.0, 1.0);
        for (t, v) in z.iter().enumerate() {
            let e = v - model.expected_after(rest);
            rest *= 1.0 - model.alpha;
            model.learn(*v);
            sum += if t >= skip { e * e } else { 0.0 };
        }
        sum
    };
    let (from, edge) = if dynamic {
        (vec![0.0, 0.0, 0.0], vec![1.0, 0.5, 1.0])
    } else {
        (vec![0.0, 0.0], vec![1.0, 0.5])
    };
    let (x, least) = nelder_mead(&mut loss, &from, &edge, BUDGET, should_stop)?;
    if !least.is_finite() {
        return Ok(None);
    }
    let mut model = start(&x);
    let (trend, season) = y.iter().map(|v| model.observe(*v)).unzip();
    let seasonal = model.period().map(|p| (p, season)).into_iter().collect();
    let past = Parts {
        trend,
        seasonal,
        ..Parts::default()
    };
    Ok(Some((model, past)))
}

/// A and B of the line A + B·t through z₁, z₂, …
fn line(z: &[f64]) -> (f64, f64) {
    let n = z.len() as f64;
    let mean = z.iter().sum::<f64>() / n;
    let weighted = z
        .iter()
        .zip(1..)
        .map(|(v, t)| v * f64::from(t))
        .sum::<f64>()
        / n;
    let b = 6.0 / (n * n - 1.0) * (2.0 * weighted - (n + 1.0) * mean);
    (mean - b * (n + 1.0) / 2.0, b)
}
