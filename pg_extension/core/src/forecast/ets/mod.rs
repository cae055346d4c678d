//! Exponential smoothing in state-space form (Hyndman, Koehler, Ord and Snyder 2008): `ets`.
//!
//! Level, trend (none, damped or, in series of up to 200 windows, one that goes on for ever) and season (none, additive,
//! multiplicative), errors additive or multiplicative; of the admissible combinations the one with the least AICc whose forecast does
//! not run away either. With r = y − ŷ the recursions are those of the error-correction form,
//! ```text
//! season additive (or none): ŷ = q + s,  l = q + α·r,    b = φb + β·r,    s = s + γ·r        with q = l + φb
//! season multiplicative:     ŷ = q · s,  l = q + α·r/s,  b = φb + β·r/s,  s = s + γ·r/q
//! ```
//! which multiplicative errors share: they only weigh r by 1/ŷ in the likelihood. Smoothing parameters and the first level and trend
//! are optimised (Nelder and Mead), the first season comes from a decomposition of the first cycles and is
//! refined for the three likeliest forms. Cost: at most 18 fits ·
//! 220 evaluations · windows.

mod fit;
#[cfg(test)]
mod tests;

pub(super) use fit::fit;

use serde::{Deserialize, Serialize};

/// Fewest windows to learn from: five parameters and as many again.
pub(super) const MIN_WINDOWS: usize = 10;

/// Longest season; a longer one would be learnt from a few cycles of many noisy values.
pub(super) const MAX_SEASON: usize = 400;

/// How a component enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Part {
    None,
    Additive,
    /// Damped for a trend, multiplicative for a season.
    Other,
}

/// Which of the forms of exponential smoothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Form {
    pub(super) relative: bool,
    pub(super) trend: Part,
    pub(super) season: Part,
}

impl Form {
    /// In the letters of the literature: error, trend, season.
    pub(super) fn name(self) -> String {
        let trend = match self.trend {
            Part::None => "N",
            Part::Additive => "A",
            Part::Other => "Ad",
        };
        let season = match self.season {
            Part::None => "N",
            Part::Additive => "A",
            Part::Other => "M",
        };
        format!("{}{trend}{season}", if self.relative { "M" } else { "A" })
    }
}

/// A fitted model with its state after the last window; `observe` moves it on by one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ets {
    pub(super) form: Form,
    pub(super) alpha: f64,
    pub(super) beta: f64,
    pub(super) gamma: f64,
    pub(super) phi: f64,
    level: f64,
    slope: f64,
    /// In units, as level and slope: what the series was divided by.
    unit: f64,
    season: Vec<f64>,
    at: usize,
    /// Akaike's criterion with its correction for short series.
    pub(super) aicc: f64,
}

impl Ets {
    /// Length of the season, where there is one.
    pub(super) fn period(&self) -> Option<usize> {
        Some(self.season.len()).filter(|m| *m > 0)
    }

    fn now(&self) -> f64 {
        self.season.get(self.at).copied().unwrap_or(0.0)
    }

    fn join(&self, base: f64, season: f64) -> f64 {
        match self.form.season {
            Part::None => base,
            Part::Additive => base + season,
            Part::Other => base * season,
        }
    }

    /// Level and trend one step ahead, and what the season adds to them, before `y` is seen; then the state after it.
    pub(super) fn observe(&mut self, y: f64) -> (f64, f64) {
        let y = y / self.unit;
        let base = self.level + self.phi * self.slope;
        let season = self.now();
        let ahead = self.join(base, season);
        let (error, seasonal) = match self.form.season {
            Part::Other => ((y - ahead) / season, (y - ahead) / base),
            Part::None | Part::Additive => (y - ahead, y - ahead),
        };
        self.level = base + self.alpha * error;
        self.slope = self.phi * self.slope + self.beta * error;
        if let Some(s) = self.season.get_mut(self.at) {
            *s += self.gamma * seasonal;
            self.at = if self.at + 1 == self.season.len() {
                0
            } else {
                self.at + 1
            };
        }
        (self.unit * base, self.unit * (ahead - base))
    }

    /// Level and trend, and what the season adds to them, for the coming steps.
    pub(super) fn ahead(&self, steps: usize) -> (Vec<f64>, Vec<f64>) {
        let mut base = self.level;
        let mut slope = self.slope;
        (0..steps)
            .map(|h| {
                slope *= self.phi;
                base += slope;
                let season = match self.season.len() {
                    0 => 0.0,
                    m => self.season.get((self.at + h) % m).copied().unwrap_or(0.0),
                };
                (
                    self.unit * base,
                    self.unit * (self.join(base, season) - base),
                )
            })
            .unzip()
    }

    /// The smoothing parameters by name.
    pub(super) fn facts(&self) -> Vec<(String, f64)> {
        let all = [
            ("alpha", self.alpha),
            ("beta", self.beta),
            ("gamma", self.gamma),
            ("phi", self.phi),
        ];
        all.map(|(name, v)| (name.to_owned(), v)).to_vec()
    }

    /// Standard deviation of the error h steps ahead over that one step ahead, as for additive errors:
    /// √(1 + Σ_{j<h} (α + β·(φ + … + φʲ) + γ·[m divides j])²).
    pub(super) fn growth(&self, steps: usize) -> Vec<f64> {
        let (mut variance, mut trend, mut power) = (1.0, 0.0, 1.0);
        let m = self.season.len();
        (1..=steps)
            .map(|h| {
                let sd = f64::sqrt(variance);
                power *= self.phi;
                trend += power;
                let season = if m > 0 && h % m == 0 { self.gamma } else { 0.0 };
                let c = self.alpha + self.beta * trend + season;
                variance += c * c;
                sd
            })
            .collect()
    }
}
