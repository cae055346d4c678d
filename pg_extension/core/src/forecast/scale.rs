//! The scales that direct models and experts work on: errors at a high level of the series should not outweigh those at a low one.

use super::clean::median;

/// A value on another scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// As it is.
    Raw,
    /// Its square root.
    Sqrt,
    /// ln(y + offset).
    Log(f64),
}

impl Scale {
    /// The scales that suit `y`: with a negative value the raw one alone.
    pub(super) fn all(y: &[f64]) -> Vec<Self> {
        let mut scales = vec![Self::Raw];
        if y.iter().all(|v| *v >= 0.0) {
            scales.push(Self::Sqrt);
            scales.extend(Self::log(y));
        }
        scales
    }

    /// The logarithm, softened by a tenth of the median (of the mean, where that is zero); `None` with a negative value.
    pub(super) fn log(y: &[f64]) -> Option<Self> {
        if y.iter().any(|v| *v < 0.0) {
            return None;
        }
        let median = median(&mut y.to_vec());
        let typical = if median > 0.0 {
            median
        } else {
            y.iter().sum::<f64>() / y.len() as f64
        };
        (typical > 0.0 && typical.is_finite()).then_some(Self::Log(0.1 * typical))
    }

    pub(super) fn onto(self, y: f64) -> f64 {
        match self {
            Self::Raw => y,
            Self::Sqrt => y.max(0.0).sqrt(),
            Self::Log(offset) => (y.max(0.0) + offset).ln(),
        }
    }

    pub(super) fn back(self, z: f64) -> f64 {
        match self {
            Self::Raw => z,
            Self::Sqrt => z.max(0.0) * z.max(0.0),
            Self::Log(offset) => (z.exp() - offset).max(0.0),
        }
    }
}
