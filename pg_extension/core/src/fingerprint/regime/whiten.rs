//! Coordinates in which vectors have mean zero, variance one and no correlation: in them no unit and no rotation counts.

use super::super::scatter::Scatter;
use crate::error::Result;
use crate::sample::flat::reserved;
use crate::time::ShouldStop;

/// Directions with less than this share of the variance are rounding.
const LEAST_SHARE: f64 = 1e-9;

/// An affine map to white coordinates.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Whitening {
    pub(super) mean: Vec<f64>,
    /// One row a white coordinate; fewer than there are values when some do not vary or depend on others.
    pub(super) rows: Vec<Vec<f64>>,
}

impl Whitening {
    /// Of vectors in rows. One vector, or equal ones, have no white coordinates.
    pub(super) fn fit(
        dimension: usize,
        value: &[f64],
        should_stop: ShouldStop<'_>,
    ) -> Result<Self> {
        let scatter = Scatter::of(dimension, value, should_stop)?;
        // Correlations, so that a unit does not decide what is rounding.
        let spread = scatter.spread();
        let axes = scatter.axes(&spread)?;
        let total: f64 = axes.iter().map(|(variance, _)| variance).sum();
        let row = |(variance, axis): &(f64, Vec<f64>)| {
            let entries = axis.iter().zip(&spread);
            let entry = |(a, spread): (&f64, &f64)| {
                if *spread > 0.0 {
                    a / variance.sqrt() / spread
                } else {
                    0.0
                }
            };
            entries.map(entry).collect()
        };
        let kept = axes
            .iter()
            .filter(|(variance, _)| *variance > LEAST_SHARE * total);
        let rows = kept.map(row).collect();
        Ok(Self {
            mean: scatter.mean,
            rows,
        })
    }

    /// Number of white coordinates.
    pub(super) fn rank(&self) -> usize {
        self.rows.len()
    }

    /// White coordinates of vectors in rows.
    pub(super) fn apply(&self, value: &[f64]) -> Result<Vec<f64>> {
        let dimension = self.mean.len().max(1);
        let mut out = reserved(value.len() / dimension * self.rank())?;
        for row in value.chunks_exact(dimension) {
            out.extend(self.rows.iter().map(|w| {
                let terms = w.iter().zip(row.iter().zip(&self.mean));
                terms.map(|(w, (x, mean))| w * (x - mean)).sum::<f64>()
            }));
        }
        Ok(out)
    }
}
