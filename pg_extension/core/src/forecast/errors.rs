//! Errors at earlier origins, as they are collected.

use super::uncertainty::Uncertainty;

/// Fewest origins for which the two sides are told apart; below, sizes without sign are counted.
const SIDED: f64 = 60.0;

/// Origins that weigh as much as the model's own growth of the error with the horizon.
const GROWTH_ORIGINS: f64 = 51.0;

/// Steps on either side over which the mean error per step is smoothed.
const SMOOTH: usize = 3;

/// Most steps of a horizon whose errors are kept; of a longer one evenly spread.
const MOST_STEPS: usize = 4_096;

/// Errors as they are collected, origin after origin.
#[derive(Debug)]
pub(super) struct Errors<'a> {
    /// Growth of the error with the horizon, by the model.
    growth: &'a [f64],
    /// Step, error over growth and level, per step of each origin.
    ratios: Vec<(usize, f64)>,
    origins: usize,
    absolute: f64,
    relative: f64,
}

impl<'a> Errors<'a> {
    pub(super) fn new(growth: &'a [f64]) -> Self {
        Self {
            growth,
            ratios: Vec::new(),
            origins: 0,
            absolute: 0.0,
            relative: 0.0,
        }
    }

    /// One origin: the forecast, what was seen (`None`: nothing) and the level there.
    pub(super) fn add<'b>(
        &mut self,
        point: impl Iterator<Item = &'b f64>,
        seen: impl Iterator<Item = Option<f64>>,
        level: f64,
    ) {
        let before = self.ratios.len();
        for (h, (point, actual)) in point.zip(seen).enumerate().step_by(self.stride()) {
            let Some(actual) = actual else { continue };
            let e = actual - point;
            let growth = self
                .growth
                .get(h.min(self.growth.len().saturating_sub(1)))
                .copied()
                .unwrap_or(1.0);
            self.ratios.push((h + 1, e / (growth * level)));
            self.absolute += e.abs();
            self.relative += 2.0 * e.abs() / (actual.abs() + point.abs()).max(f64::MIN_POSITIVE);
        }
        self.origins += usize::from(self.ratios.len() > before);
    }

    /// Every how many-th step is kept.
    fn stride(&self) -> usize {
        self.growth.len().div_ceil(MOST_STEPS).max(1)
    }

    /// Mean absolute error; infinite where nothing was measured.
    pub(super) fn mean_absolute(&self) -> f64 {
        if self.ratios.is_empty() {
            f64::INFINITY
        } else {
            self.absolute / self.ratios.len() as f64
        }
    }

    /// Mean of 2·|e| / (|y| + |ŷ|).
    pub(super) fn mean_relative(&self) -> f64 {
        if self.ratios.is_empty() {
            f64::INFINITY
        } else {
            self.relative / self.ratios.len() as f64
        }
    }

    /// What the errors say about a forecast of `steps` from where the level is `level`; `None` without an error.
    pub(super) fn finish(mut self, steps: usize, level: f64, stretch: f64) -> Option<Uncertainty> {
        self.ratios.retain(|(_, r)| r.is_finite());
        if self.ratios.is_empty() {
            return None;
        }
        let shape = self.shape(steps);
        if !shape.iter().any(|s| *s > 0.0) {
            return Some(Uncertainty::exact(steps));
        }
        let growth = |h: usize| {
            self.growth
                .get(h.min(self.growth.len().saturating_sub(1)))
                .copied()
                .unwrap_or(1.0)
        };
        let scale = shape
            .iter()
            .enumerate()
            .map(|(h, s)| s * growth(h) * level)
            .collect();
        let sided = self.origins as f64 >= SIDED;
        let pairs = self.ratios.iter().flat_map(|(h, r)| {
            let r = r / shape.get(h - 1).or(shape.last()).copied().unwrap_or(1.0);
            if sided {
                vec![(r, 1.0)]
            } else {
                vec![(r, 0.5), (-r, 0.5)]
            }
        });
        Some(Uncertainty::measured(
            scale,
            vec![(1, pairs.collect())],
            stretch,
        ))
    }

    /// Factor per step between the growth by the model and that measured: mean |ratio| per step, smoothed over its neighbours, mixed in
    /// squares with the mean over all steps, the more of the former the more origins there are.
    fn shape(&self, steps: usize) -> Vec<f64> {
        let known = self
            .ratios
            .iter()
            .map(|r| r.0)
            .max()
            .unwrap_or(1)
            .max(steps);
        let mut sums = vec![(0.0, 0.0); known];
        for (h, r) in &self.ratios {
            if let Some(sum) = sums.get_mut(h - 1) {
                *sum = (sum.0 + r.abs(), sum.1 + 1.0);
            }
        }
        let total =
            |part: &[(f64, f64)]| part.iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        let mean = |(sum, n): (f64, f64)| if n > 0.0 { sum / n } else { 0.0 };
        let all = mean(total(&sums)).max(f64::MIN_POSITIVE);
        let smooth = SMOOTH.max(self.stride());
        let trust = self.origins as f64 / (self.origins as f64 + GROWTH_ORIGINS);
        (0..known)
            .map(|h| {
                let near = total(
                    sums.get(h.saturating_sub(smooth)..(h + smooth + 1).min(known))
                        .unwrap_or_default(),
                );
                let own = if near.1 > 0.0 { mean(near) } else { all };
                // Where no error was made there is no share of it either.
                let squares = trust * own * own + (1.0 - trust) * all * all;
                squares.sqrt().max(f64::MIN_POSITIVE)
            })
            .collect()
    }
}

/// Root of the level of `y` before window `t`: the mean of the last 24 windows, at least a twentieth of that of all before; 1 with negative values.
pub(super) fn level(y: &[f64], t: usize) -> f64 {
    let past = y.get(..t).unwrap_or_default();
    let near = past.get(t.saturating_sub(24)..).unwrap_or_default();
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    let level = mean(near).max(0.05 * mean(past));
    if level > 0.0 && past.iter().all(|v| *v >= 0.0) {
        level.sqrt()
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_without_errors_has_finite_bounds() {
        let mut errors = Errors::new(&[1.0]);
        errors.add([0.0].iter(), std::iter::once(Some(0.0)), 1.0);
        let u = errors.finish(1, 1.0, 1.0).unwrap();
        assert!((0.0..1e-9).contains(&u.offset(1, 0.9)));
    }

    #[test]
    fn scale_follows_the_growth_that_was_measured() {
        let growth = [1.0; 20];
        let mut errors = Errors::new(&growth);
        let actual: Vec<Option<f64>> = (1..=20).map(|h| Some(f64::from(h))).collect();
        for _ in 0..500 {
            errors.add([0.0; 20].iter(), actual.iter().copied(), 1.0);
        }
        let u = errors.finish(20, 2.0, 1.0).unwrap();
        assert!(u.offset(20, 0.9) > 4.0 * u.offset(1, 0.9));
    }

    #[test]
    fn a_model_that_never_erred_has_bounds_on_its_forecast() {
        let mut errors = Errors::new(&[1.0]);
        errors.add([7.0; 5].iter(), [Some(7.0); 5].into_iter(), 1.0);
        let u = errors.finish(5, 1.0, 1.05).unwrap();
        assert!((1..=5).all(|h| u.offset(h, 0.99).abs() < f64::MIN_POSITIVE));
    }
}
