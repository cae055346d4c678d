//! A season taken out before a model and put back after it, and the test whether there is one.

use serde::{Deserialize, Serialize};

/// The 0.95 quantile of the standard normal distribution: a test at 90 %.
pub(super) const Z90: f64 = 1.645;

/// What a season does to a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Season {
    /// Nothing.
    None,
    /// One value per place is added.
    Additive(Vec<f64>),
    /// One factor per place.
    Multiplicative(Vec<f64>),
}

impl Season {
    /// By classical decomposition with period `m`, where the autocorrelation shows one: factors where all values are positive,
    /// sums otherwise.
    pub(super) fn find(y: &[f64], m: usize) -> Self {
        if !is_seasonal(y, m) {
            return Self::None;
        }
        let multiplicative = y.iter().all(|v| *v > 0.0);
        let season = classical(y, m, multiplicative);
        match multiplicative {
            true if season.iter().all(|s| *s > 0.01) => Self::Multiplicative(season),
            true => Self::Additive(classical(y, m, false)),
            false => Self::Additive(season),
        }
    }

    /// Its length, where there is one.
    pub(super) fn period(&self) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Additive(s) | Self::Multiplicative(s) => Some(s.len()),
        }
    }

    /// The value without its season; `place` counts from the first window.
    pub(super) fn off(&self, v: f64, place: u64) -> f64 {
        match self {
            Self::None => v,
            Self::Additive(s) => v - at(s, place, 0.0),
            Self::Multiplicative(s) => v / at(s, place, 1.0),
        }
    }

    /// The value with its season.
    pub(super) fn onto(&self, v: f64, place: u64) -> f64 {
        match self {
            Self::None => v,
            Self::Additive(s) => v + at(s, place, 0.0),
            Self::Multiplicative(s) => v * at(s, place, 1.0),
        }
    }
}

fn at(season: &[f64], place: u64, otherwise: f64) -> f64 {
    usize::try_from(place % season.len().max(1) as u64)
        .ok()
        .and_then(|i| season.get(i))
        .copied()
        .unwrap_or(otherwise)
}

/// Whether the autocorrelation at lag `m` exceeds 1.645·√((1 + 2·Σ_{i<m} rᵢ²) / n), as in the benchmarks of the M4 competition; at
/// least three cycles are needed.
pub(super) fn is_seasonal(y: &[f64], m: usize) -> bool {
    if m < 2 || y.len() < 3 * m {
        return false;
    }
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n;
    let d: Vec<f64> = y.iter().map(|v| v - mean).collect();
    let all: f64 = d.iter().map(|v| v * v).sum();
    if all <= 0.0 {
        return false;
    }
    let r = |lag: usize| {
        d.iter()
            .zip(d.iter().skip(lag))
            .map(|(a, b)| a * b)
            .sum::<f64>()
            / all
    };
    let before: f64 = (1..m).map(|lag| r(lag) * r(lag)).sum();
    r(m).abs() > Z90 * ((1.0 + 2.0 * before) / n).sqrt()
}

/// Mean deviation from (or ratio to) the centred moving average per place; their mean is 0 (or 1).
pub(super) fn classical(y: &[f64], m: usize, multiplicative: bool) -> Vec<f64> {
    let neutral = if multiplicative { 1.0 } else { 0.0 };
    let mut sums = vec![(0.0, 0.0); m];
    let even = m.is_multiple_of(2);
    let width = if even { m + 1 } else { m };
    let half = m / 2;
    let mut inside: f64 = y.iter().take(width).sum();
    for start in 0..(y.len() + 1).saturating_sub(width) {
        let (first, last) = (y[start], y[start + width - 1]);
        let mean = if even {
            (inside - 0.5 * (first + last)) / m as f64
        } else {
            inside / m as f64
        };
        let v = y[start + half];
        let sum = &mut sums[(start + half) % m];
        sum.0 += if multiplicative { v / mean } else { v - mean };
        sum.1 += 1.0;
        inside += y.get(start + width).copied().unwrap_or(0.0) - first;
    }
    let season: Vec<f64> = sums
        .iter()
        .map(|(s, n)| if *n > 0.0 { s / n } else { neutral })
        .collect();
    let mean = season.iter().sum::<f64>() / m as f64;
    season
        .iter()
        .map(|s| if multiplicative { s / mean } else { s - mean })
        .collect()
}
