//! How wrong a model was at earlier origins, and what that says about the next forecast.
//!
//! An error is divided by the scale of its step and by the level of the series at its origin, so that errors of different
//! origins are comparable; the quantiles of those ratios, signed, are multiplied back. Ranks are those of conformal prediction,
//! ⌈(n + 1)·p⌉; beyond the largest ratio the normal distribution extrapolates.

use serde::{Deserialize, Serialize};

use crate::distribution::normal_quantile;

/// Fewest errors whose quantiles mean something; below, the normal distribution stands in.
const MIN_ERRORS: usize = 8;

/// Coverage that `stretch` is stated for.
const STATED: f64 = 0.9;

/// Ratios of errors to their scale, ascending, each with the share of the weight up to and with it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Ratios {
    pub(super) value: Vec<f64>,
    pub(super) share: Vec<f64>,
}

impl Ratios {
    fn new(mut pairs: Vec<(f64, f64)>) -> Self {
        pairs.retain(|(v, w)| v.is_finite() && *w > 0.0);
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = pairs.iter().map(|p| p.1).sum();
        let mut sum = 0.0;
        let share = pairs.iter().map(|p| {
            sum += p.1;
            sum / total
        });
        Self {
            share: share.collect(),
            value: pairs.iter().map(|p| p.0).collect(),
        }
    }

    /// The ratio that a share `p` ≥ ½ does not exceed.
    fn upper(&self, p: f64) -> f64 {
        let n = self.value.len() as f64;
        let known = n / (n + 1.0);
        let largest = self.value.last().copied().unwrap_or(0.0);
        if p > known {
            return largest * normal_quantile(p) / normal_quantile(known.max(0.75));
        }
        let position = p / known - 1e-12;
        let idx = self.share.partition_point(|s| *s < position);
        self.value.get(idx).copied().unwrap_or(largest)
    }
}

/// The error of a forecast: its scale per step and the distribution around it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Uncertainty {
    /// Scale of the error per step.
    scale: Vec<f64>,
    /// Steps whose errors were measured, ascending; between them ratios are interpolated.
    knots: Vec<usize>,
    /// Per knot, the errors above the forecast and, with their sign turned, below it; the same twice where sides are not told apart.
    sides: Vec<[Ratios; 2]>,
    /// Root of the mean square of the ratios.
    deviation: f64,
    /// By how much bounds are wider than the errors measured, at a coverage of 0.9; more beyond.
    stretch: f64,
    /// Another one that takes over, and its share per step.
    other: Option<(Box<Uncertainty>, Vec<f64>)>,
    /// How far bounds may be from the forecast: ratios to a level that was nearly nothing tell of no distance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    furthest: Option<f64>,
}

impl Uncertainty {
    /// That of a model that never errs, over `steps`.
    pub(super) fn exact(steps: usize) -> Self {
        Self {
            scale: vec![0.0; steps],
            knots: Vec::new(),
            sides: Vec::new(),
            deviation: 0.0,
            stretch: 1.0,
            other: None,
            furthest: None,
        }
    }

    /// From signed ratios with their weights, per measured step.
    pub(super) fn measured(
        scale: Vec<f64>,
        ratios: Vec<(usize, Vec<(f64, f64)>)>,
        stretch: f64,
    ) -> Self {
        let all: Vec<f64> = ratios
            .iter()
            .flat_map(|r| &r.1)
            .map(|p| p.0 * p.0)
            .collect();
        let (knots, sides) = ratios
            .into_iter()
            .map(|(knot, pairs)| {
                let turned = pairs.iter().map(|(v, w)| (-v, *w)).collect();
                (knot, [Ratios::new(pairs), Ratios::new(turned)])
            })
            .unzip();
        let deviation = (all.iter().sum::<f64>() / all.len().max(1) as f64).sqrt();
        Self {
            scale,
            knots,
            sides,
            deviation,
            stretch,
            other: None,
            furthest: None,
        }
    }

    /// All ratios, always in the same order.
    pub(super) fn ratios(&mut self) -> Vec<&mut Ratios> {
        let mut all: Vec<_> = self.sides.iter_mut().flatten().collect();
        if let Some((other, _)) = &mut self.other {
            all.extend(other.ratios());
        }
        all
    }

    /// The same distribution around errors of another scale.
    pub(super) fn with_scale(&self, scale: Vec<f64>) -> Self {
        Self {
            scale,
            ..self.clone()
        }
    }

    /// Leaves the distribution out, which is stored elsewhere.
    pub(super) fn keep_scale(&mut self) {
        self.knots.clear();
        self.sides.clear();
    }

    /// Takes the distribution of `other` in.
    pub(super) fn adopt(&mut self, other: &Self) {
        let furthest = self.furthest;
        *self = other.with_scale(std::mem::take(&mut self.scale));
        self.furthest = furthest;
    }

    /// The same for values multiplied by `unit`.
    pub(super) fn times(mut self, unit: f64) -> Self {
        self.scale.iter_mut().for_each(|s| *s *= unit);
        self
    }

    /// With bounds no further from the forecast than `furthest`, where that is a distance.
    pub(super) fn within(mut self, furthest: f64) -> Self {
        self.furthest = (furthest > 0.0 && furthest.is_finite()).then_some(furthest);
        self
    }

    /// That of a forecast of which `other` makes up a share per step: as if both always erred to the same side.
    pub(super) fn passing_to(self, other: Self, share: Vec<f64>) -> Self {
        Self {
            other: Some((Box::new(other), share)),
            ..self
        }
    }

    /// Distance of the quantile at level `p` from the forecast at `step` (from 1): negative below one half, 0 at it. Beyond the
    /// last step the scale of that one holds.
    pub(super) fn offset(&self, step: usize, p: f64) -> f64 {
        let scale = self
            .scale
            .get(step.min(self.scale.len()).saturating_sub(1))
            .copied()
            .unwrap_or(0.0);
        let (side, level, sign) = if p < 0.5 {
            (1, 1.0 - p, -1.0)
        } else {
            (0, p, 1.0)
        };
        if level <= 0.5 {
            return 0.0;
        }
        let covered = 2.0 * level - 1.0;
        let beyond = ((covered - STATED) / 0.075).max(0.0);
        let stretch = 1.0 + (self.stretch - 1.0) * (1.0 + beyond);
        let own = sign * scale * stretch * self.ratio(step, side, level);
        let whole = self.other.as_ref().map_or(own, |(other, share)| {
            let share = share
                .get(step.saturating_sub(1))
                .or(share.last())
                .copied()
                .unwrap_or(0.0);
            (1.0 - share) * own + share * other.offset(step, p)
        });
        self.furthest.map_or(whole, |far| whole.clamp(-far, far))
    }

    fn ratio(&self, step: usize, side: usize, p: f64) -> f64 {
        let at = |k: usize| {
            self.sides
                .get(k)
                .and_then(|s| s.get(side))
                .map_or(0.0, |ratios| {
                    if ratios.value.len() < MIN_ERRORS {
                        self.deviation * normal_quantile(p)
                    } else {
                        ratios.upper(p).max(0.0)
                    }
                })
        };
        let next = self.knots.partition_point(|k| *k < step);
        let Some(&right) = self.knots.get(next) else {
            return at(self.knots.len().saturating_sub(1));
        };
        let Some(&left) = next.checked_sub(1).and_then(|k| self.knots.get(k)) else {
            return at(next);
        };
        let way = (step - left) as f64 / (right - left) as f64;
        at(next - 1) * (1.0 - way) + at(next) * way
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_have_conformal_ranks() {
        let pairs = (1..=19).map(|v| (f64::from(v), 1.0)).collect();
        let u = Uncertainty::measured(vec![2.0; 3], vec![(1, pairs)], 1.0);
        assert!(
            (u.offset(1, 0.95) - 38.0).abs() < 1e-12 && (u.offset(2, 0.6) - 24.0).abs() < 1e-12
        );
        assert!(
            u.offset(3, 0.99) > 38.0
                && u.offset(1, 0.1).abs() < 1e-12
                && u.offset(1, 0.5).abs() < 1e-12
        );
    }

    #[test]
    fn quantiles_never_cross_and_sides_differ() {
        let skewed = (0..200)
            .map(|k| ((f64::from(k) / 40.0).exp() - 4.0, 1.0 + f64::from(k % 3)))
            .collect();
        let u = Uncertainty::measured(vec![1.0, 2.0], vec![(1, skewed)], 1.2);
        let levels: Vec<f64> = (1..100)
            .map(|p| u.offset(2, f64::from(p) / 100.0))
            .collect();
        assert!(levels.windows(2).all(|w| w[0] <= w[1]));
        assert!(u.offset(1, 0.95) > -2.0 * u.offset(1, 0.05));
    }
}
