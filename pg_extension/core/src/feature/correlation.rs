//! Pearson correlation of few pairs, from scratch.

use super::LOOKBACK;

/// Below five pairs a correlation says nothing: of four independent normal pairs one set in ten exceeds 0.9 in size, of
/// five one in 27.
pub(super) const MIN_PAIRS: usize = 5;

/// r = Σ(x−x̄)(y−ȳ) / √(Σ(x−x̄)² Σ(y−ȳ)²), between −1 and 1, of at most the first [`LOOKBACK`] pairs of which neither
/// is NaN; `None` below [`MIN_PAIRS`] of them or when x or y is constant. Two passes over values that are first mapped
/// onto [0, 1], so that nothing overflows or cancels whatever the units are.
pub(super) fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    // On the stack: this runs once per window and metric.
    let (mut xs, mut ys) = ([0.0; LOOKBACK], [0.0; LOOKBACK]);
    let pairs = x.iter().zip(y).filter(|(x, y)| !x.is_nan() && !y.is_nan());
    let mut n = 0;
    for ((slot_x, slot_y), (&x, &y)) in xs.iter_mut().zip(&mut ys).zip(pairs) {
        (*slot_x, *slot_y) = (x, y);
        n += 1;
    }
    if n < MIN_PAIRS {
        return None;
    }
    let (xs, ys) = (xs.get_mut(..n)?, ys.get_mut(..n)?);
    to_deviations(xs);
    to_deviations(ys);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // A constant has deviations 0/0.
    let r = dot(xs, ys) / (dot(xs, xs) * dot(ys, ys)).sqrt();
    r.is_finite().then_some(r.clamp(-1.0, 1.0))
}

/// Maps values onto [0, 1] and takes off their mean; NaN when all are equal.
pub(super) fn to_deviations(values: &mut [f64]) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Halves, because the range of finite values need not be finite.
    let range = high / 2.0 - low / 2.0;
    values
        .iter_mut()
        .for_each(|x| *x = (*x / 2.0 - low / 2.0) / range);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter_mut().for_each(|x| *x -= mean);
}
