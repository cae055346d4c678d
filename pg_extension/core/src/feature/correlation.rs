//! Pearson correlation of few pairs, from scratch.

/// Below five pairs a correlation says nothing: of four independent normal pairs one set in ten exceeds 0.9 in size, of
/// five one in 27.
pub(super) const MIN_PAIRS: usize = 5;

/// r = Σ(x−x̄)(y−ȳ) / √(Σ(x−x̄)² Σ(y−ȳ)²), between −1 and 1; `None` below [`MIN_PAIRS`] pairs or when x or y is
/// constant. Two passes over values that are first mapped onto [0, 1], so that nothing overflows or cancels whatever
/// the units are.
pub(super) fn pearson(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> Option<f64> {
    let n = pairs.clone().count();
    if n < MIN_PAIRS {
        return None;
    }
    let x = Unit::of(pairs.clone().map(|pair| pair.0))?;
    let y = Unit::of(pairs.clone().map(|pair| pair.1))?;
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for pair in pairs {
        let (dx, dy) = (x.at(pair.0) - x.mean, y.at(pair.1) - y.mean);
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    let r = xy / (xx * yy).sqrt();
    r.is_finite().then_some(r.clamp(-1.0, 1.0))
}

/// The linear map of a range onto [0, 1], and the mean there.
struct Unit {
    half_low: f64,
    half_range: f64,
    mean: f64,
}

impl Unit {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let low = values.clone().reduce(f64::min)?;
        let high = values.clone().reduce(f64::max)?;
        // Halves, because the range of finite values need not be finite.
        let mut unit = Self {
            half_low: low / 2.0,
            half_range: high / 2.0 - low / 2.0,
            mean: 0.0,
        };
        if unit.half_range <= 0.0 {
            return None;
        }
        let n = values.clone().count() as f64;
        unit.mean = values.map(|x| unit.at(x)).sum::<f64>() / n;
        Some(unit)
    }

    fn at(&self, x: f64) -> f64 {
        (x / 2.0 - self.half_low) / self.half_range
    }
}
