//! Exponential smoothing and seasonal decomposition, by the crate augurs.

use augurs::ets::{AutoETS, FittedAutoETS};
use augurs::mstl::stlrs;
use augurs::{Fit, Predict};

use super::model::Fitted;

/// Fewest windows that exponential smoothing learns from: its five parameters and as many again.
pub(super) const MIN_WINDOWS: usize = 10;

/// Most windows that exponential smoothing learns from; older ones have no weight that matters.
const ETS_WINDOWS: usize = 2_000;

/// Most windows that are decomposed: twenty days of minutes, or three years of hours.
const MSTL_WINDOWS: usize = 30_000;

/// Coverage of one standard deviation of a normal distribution.
const ONE_SIGMA: f64 = 0.682_689_492_137_085_9;

/// Exponential smoothing with additive errors; without trend or with a damped one, by AICc.
///
/// Only these two: an undamped trend runs away over a long horizon, and the intervals of multiplicative errors are
/// simulated by the library from an unseeded generator. Values are standardised first, so that the optimiser's
/// tolerances mean the same for bytes and for ratios.
pub(super) fn ets(y: &[f64], steps: usize) -> Option<Fitted> {
    let y = y.get(y.len().saturating_sub(ETS_WINDOWS)..)?;
    if y.len() < MIN_WINDOWS {
        return None;
    }
    let (centre, scale) = standardise(y)?;
    let z: Vec<f64> = y.iter().map(|v| (v - centre) / scale).collect();
    let level = AutoETS::new(1, "ANN").ok().and_then(|m| m.fit(&z).ok());
    let trend = AutoETS::new(1, "AAN")
        .and_then(|m| m.damped(true))
        .ok()
        .and_then(|m| m.fit(&z).ok());
    let aicc = |m: &FittedAutoETS| m.model().aicc();
    let model = [level, trend]
        .into_iter()
        .flatten()
        .reduce(|a, b| if aicc(&b) < aicc(&a) { b } else { a })?;
    let ahead = model.predict(steps, ONE_SIGMA).ok()?;
    let upper = ahead.intervals?.upper;
    let past = model.predict_in_sample(None).ok()?;
    let back = |v: &f64| centre + scale * v;
    Some(Fitted {
        spread: upper
            .iter()
            .zip(&ahead.point)
            .map(|(u, p)| scale * (u - p))
            .collect(),
        point: ahead.point.iter().map(back).collect(),
        fitted: past.point.iter().map(back).collect(),
    })
}

/// Seasons by LOESS, what remains by [`ets`].
pub(super) fn mstl(y: &[f64], periods: &[usize], steps: usize) -> Option<Fitted> {
    let y = y.get(y.len().saturating_sub(MSTL_WINDOWS)..)?;
    let periods: Vec<usize> = periods
        .iter()
        .copied()
        .filter(|p| y.len() / 2 >= *p)
        .collect();
    let (centre, scale) = standardise(y)?;
    let z: Vec<f64> = y.iter().map(|v| (v - centre) / scale).collect();
    let parts = stlrs::MstlParams::new().fit(&z, &periods).ok()?;
    let rest: Vec<f64> = parts
        .trend()
        .iter()
        .zip(parts.remainder())
        .map(|(t, r)| centre + scale * (t + r))
        .collect();
    let mut found = ets(&rest, steps)?;
    let n_past = found.fitted.len();
    for (season, period) in parts.seasonal().iter().zip(&periods) {
        let last = season.get(season.len().checked_sub(*period)?..)?;
        for (v, s) in found.point.iter_mut().zip(last.iter().cycle()) {
            *v += scale * s;
        }
        for (v, s) in found
            .fitted
            .iter_mut()
            .zip(season.get(season.len().checked_sub(n_past)?..)?)
        {
            *v += scale * s;
        }
    }
    Some(found)
}

/// Mean and standard deviation; `None` for a constant or when they overflow.
fn standardise(y: &[f64]) -> Option<(f64, f64)> {
    let n = y.len() as f64;
    let mean = y.iter().map(|v| v / n).sum::<f64>();
    let deviation = (y.iter().map(|v| (v - mean) * (v - mean) / n).sum::<f64>()).sqrt();
    (mean.is_finite() && deviation.is_finite() && deviation > 0.0).then_some((mean, deviation))
}
