//! What a forecast is made of.

use serde::{Deserialize, Serialize};

/// Components over consecutive windows; a forecast is their sum, in the order of the fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Parts {
    /// Level and trend.
    pub(super) trend: Vec<f64>,
    /// Per period in windows, what that season adds.
    pub(super) seasonal: Vec<(usize, Vec<f64>)>,
    /// What regressors and events add, where the model takes them in itself; empty for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) events: Vec<f64>,
}

impl Parts {
    pub(super) fn flat(trend: Vec<f64>) -> Self {
        Self {
            trend,
            ..Self::default()
        }
    }

    pub(super) fn len(&self) -> usize {
        self.trend.len()
    }

    /// The whole at `idx`.
    pub(super) fn sum(&self, idx: usize) -> Option<f64> {
        let season: f64 = self.seasonal.iter().filter_map(|s| s.1.get(idx)).sum();
        Some(self.trend.get(idx)? + season + self.event(idx))
    }

    /// What regressors and events add at `idx`.
    pub(super) fn event(&self, idx: usize) -> f64 {
        self.events.get(idx).copied().unwrap_or(0.0)
    }

    /// The first `steps` windows.
    pub(super) fn take(&self, steps: usize) -> Self {
        let take = |values: &[f64]| values.iter().take(steps).copied().collect();
        Self {
            trend: take(&self.trend),
            seasonal: self.seasonal.iter().map(|(p, s)| (*p, take(s))).collect(),
            events: take(&self.events),
        }
    }

    /// The whole everywhere.
    pub(super) fn sums(&self) -> Vec<f64> {
        (0..self.len()).filter_map(|idx| self.sum(idx)).collect()
    }

    /// Splits the whole `path` that follows `past`: the trend is the mean over the longest of `periods` around a window (the last whole one
    /// near the ends), a season the mean of what is left at the same place in its period, longer ones of what shorter ones
    /// leave, and the rest goes to the trend.
    pub(super) fn split(past: &[f64], path: &[f64], periods: &[usize]) -> Self {
        let all: Vec<f64> = past.iter().chain(path).copied().collect();
        let Some(longest) = periods.iter().copied().filter(|p| *p <= all.len()).max() else {
            return Self::flat(path.to_vec());
        };
        let mut sums = vec![0.0];
        let mut sum = 0.0;
        for v in &all {
            sum += v;
            sums.push(sum);
        }
        let mean = |i: usize| {
            let from = i.saturating_sub(longest / 2).min(all.len() - longest);
            (sums[from + longest] - sums[from]) / longest as f64
        };
        let mut rest: Vec<f64> = all.iter().enumerate().map(|(i, v)| v - mean(i)).collect();
        let mut seasonal = Vec::new();
        for &p in periods.iter().filter(|p| **p <= longest) {
            let mut places = vec![(0.0, 0.0); p];
            for (i, r) in rest.iter().enumerate() {
                let place = &mut places[i % p];
                *place = (place.0 + r, place.1 + 1.0);
            }
            let value = |i: usize| places[i % p].0 / f64::max(places[i % p].1, 1.0);
            for (i, r) in rest.iter_mut().enumerate() {
                *r -= value(i);
            }
            seasonal.push((p, (past.len()..all.len()).map(value).collect::<Vec<f64>>()));
        }
        let trend = path
            .iter()
            .enumerate()
            .map(|(i, v)| v - seasonal.iter().map(|(_, s)| s[i]).sum::<f64>())
            .collect();
        Self {
            trend,
            seasonal,
            ..Self::default()
        }
    }
}
