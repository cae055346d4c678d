//! The scale on which a model works, and the way back.

use serde::{Deserialize, Serialize};

use super::options::Transform;
use crate::error::{Error, ErrorKind, Result};

/// Newest windows by which λ is chosen.
const LOOKED_AT: usize = 30_000;

/// Distance of the values of λ that are tried.
const GRID: usize = 20;

/// A transform whose λ is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) enum Scaling {
    /// As it is.
    #[default]
    None,
    /// ln y.
    Log,
    /// (y^λ − 1) / λ, λ > 0.
    BoxCox(f64),
}

/// # Errors
/// `InvalidArgument` for a λ outside 0…2: below 0 what is forecast may have no value that it could be transformed back to.
pub(super) fn check(lambda: f64) -> Result<()> {
    if (0.0..=2.0).contains(&lambda) {
        Ok(())
    } else {
        Err(
            Error::invalid(format!("λ of box_cox must be 0 to 2, not {lambda}"))
                .with_hint("0 is the logarithm, 1 leaves the series as it is"),
        )
    }
}

impl Scaling {
    /// The scaling asked for `y` with the shortest period `m`.
    ///
    /// # Errors
    /// `InvalidArgument` for values that have no logarithm or root, and as [`check`].
    pub(super) fn new(asked: Option<Transform>, y: &[f64], m: Option<usize>) -> Result<Self> {
        let Some(asked) = asked else {
            return Ok(Self::None);
        };
        let least = y.iter().copied().fold(f64::INFINITY, f64::min);
        let (name, lambda) = match asked {
            Transform::Log => ("log", 0.0),
            Transform::BoxCox(Some(lambda)) => ("box_cox", lambda),
            // Blocks are compared by the logarithms of their means.
            Transform::BoxCox(None) if least > 0.0 => ("box_cox", guerrero(y, m)),
            Transform::BoxCox(None) => ("box_cox", 0.0),
        };
        check(lambda)?;
        let scaling = if lambda > 0.0 {
            Self::BoxCox(lambda)
        } else {
            Self::Log
        };
        if scaling.try_onto(least).is_none() {
            let message = format!("transform {name} needs positive values, not {least}");
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_hint("leave the transform out, or add a constant to the series"));
        }
        Ok(scaling)
    }

    /// The λ used; that of the logarithm is 0.
    fn lambda(self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::Log => Some(0.0),
            Self::BoxCox(lambda) => Some(lambda),
        }
    }

    /// How many times its range in the past an influence may go beyond it; further its effect is that of the furthest. What is a line on the scale of a
    /// root or logarithm soon runs away from one.
    pub(super) fn reach(self) -> f64 {
        match self {
            Self::None => 3.0,
            Self::Log | Self::BoxCox(_) => 1.0,
        }
    }

    /// `None` for a value that has no logarithm or root.
    pub(super) fn try_onto(self, y: f64) -> Option<f64> {
        let has = match self {
            Self::None => true,
            Self::Log => y > 0.0,
            Self::BoxCox(_) => y >= 0.0,
        };
        has.then(|| self.onto(y))
    }

    /// A bound on the scale of the model; one beyond its end stands there.
    pub(super) fn bound(self, y: f64) -> f64 {
        match self {
            Self::None => y,
            Self::Log => self.onto(y.max(f64::MIN_POSITIVE)),
            Self::BoxCox(_) => self.onto(y.max(0.0)),
        }
    }

    pub(super) fn onto(self, y: f64) -> f64 {
        match self {
            Self::None => y,
            Self::Log => y.ln(),
            Self::BoxCox(lambda) => (y.powf(lambda) - 1.0) / lambda,
        }
    }

    /// Never falls where `z` rises, so that quantiles stay in order.
    pub(super) fn back(self, z: f64) -> f64 {
        match self {
            Self::None => z,
            Self::Log => z.exp(),
            Self::BoxCox(lambda) => (lambda * z + 1.0).max(0.0).powf(1.0 / lambda),
        }
    }
}

/// The scale of effects, and that of the model, on which the series is without them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Scales {
    pub(super) effects: Scaling,
    pub(super) model: Scaling,
}

impl Scales {
    /// `y` without `effect`; `None` for a value that has no logarithm or root.
    pub(super) fn try_onto(self, y: f64, effect: f64) -> Option<f64> {
        self.model.try_onto(y)?;
        Some(self.model.bound(self.effects.try_onto(y)? - effect))
    }

    /// A bound on the scale of the model.
    pub(super) fn bound(self, y: f64) -> f64 {
        self.model.bound(self.effects.bound(y))
    }

    /// The value of the series that is `z` without `effect`; where the model works on roots, nothing negative.
    pub(super) fn back(self, z: f64, effect: f64) -> f64 {
        let v = self.model.back(z) + effect;
        self.effects.back(match self.model {
            Scaling::None => v,
            Scaling::Log | Scaling::BoxCox(_) => v.max(0.0),
        })
    }

    /// The λ used, if any.
    pub(super) fn lambda(self) -> Option<f64> {
        self.effects.lambda().or(self.model.lambda())
    }
}

/// The λ in 0…1 for which the standard deviation of blocks of a season (two windows, without one) varies least in proportion to their
/// mean^(1 − λ). Cost: windows, and 21 powers a block.
fn guerrero(y: &[f64], m: Option<usize>) -> f64 {
    let y = &y[y.len().saturating_sub(LOOKED_AT)..];
    let block = m.unwrap_or(2).min(y.len() / 2).max(2);
    let pairs: Vec<(f64, f64)> = y
        .rchunks_exact(block)
        .map(|b| {
            let n = b.len() as f64;
            let mean = b.iter().map(|v| v / n).sum::<f64>();
            let square: f64 = b.iter().map(|v| (v / mean - 1.0).powi(2)).sum();
            (mean.ln(), (square / (n - 1.0)).sqrt())
        })
        .collect();
    // sd / mean^(1 − λ) is (sd / mean) · mean^λ; a common factor does not matter, so the mean is taken relative to the usual one.
    let usual = pairs.iter().map(|p| p.0).sum::<f64>() / pairs.len() as f64;
    let variation = |lambda: f64| {
        let ratios: Vec<f64> = pairs
            .iter()
            .map(|(log, cv)| cv * (lambda * (log - usual)).exp())
            .collect();
        let n = ratios.len() as f64;
        let mean = ratios.iter().sum::<f64>() / n;
        let square: f64 = ratios.iter().map(|r| (r - mean).powi(2)).sum();
        (square / n).sqrt() / mean
    };
    let lambdas = (0..=GRID).map(|k| k as f64 / GRID as f64);
    let best = lambdas
        .map(|lambda| (lambda, variation(lambda)))
        .filter(|found| found.1.is_finite())
        .reduce(|a, b| if b.1 < a.1 { b } else { a });
    best.map_or(1.0, |found| found.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_is_the_same() {
        for scaling in [
            Scaling::None,
            Scaling::Log,
            Scaling::BoxCox(0.3),
            Scaling::BoxCox(1.0),
        ] {
            for y in [1e-3, 0.7, 1.0, 42.0, 1e6] {
                assert!((scaling.back(scaling.onto(y)) / y - 1.0).abs() < 1e-9);
            }
            assert_eq!(
                scaling.try_onto(0.0).map(|z| scaling.back(z)),
                (scaling != Scaling::Log).then_some(0.0)
            );
        }
    }

    #[test]
    fn lambda_follows_how_noise_grows_with_the_level() {
        let noise = |i: usize| ((i * 7_919) % 101) as f64 / 50.0 - 1.0;
        let level = |i: usize| 100.0 * (1.0 + (i / 100) as f64);
        let even: Vec<f64> = (0..1_000).map(|i| level(i) + 10.0 * noise(i)).collect();
        let relative: Vec<f64> = (0..1_000)
            .map(|i| level(i) * (1.0 + 0.1 * noise(i)))
            .collect();
        assert!(guerrero(&even, Some(20)) > 0.9);
        assert!(guerrero(&relative, Some(20)) < 0.1);
    }

    #[test]
    fn values_without_logarithm_are_named() {
        let error = Scaling::new(Some(Transform::Log), &[3.0, -2.5, 1.0], None).unwrap_err();
        assert_eq!(
            error.message(),
            "transform log needs positive values, not -2.5"
        );
        assert!(error.hint().is_some());
        assert!(Scaling::new(Some(Transform::BoxCox(Some(-1.0))), &[1.0], None).is_err());
    }
}
