//! Mean, covariance and principal axes of vectors that are all there, in two passes.

use super::decompose::{eigenvectors, spread};
use super::moments::{places, triangle};
use crate::error::Result;
use crate::time::{ShouldStop, check_stop};

/// Vectors between two looks at `should_stop`.
const ROWS_PER_LOOK: usize = 1024;

/// Mean and covariance of vectors in rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scatter {
    pub(super) mean: Vec<f64>,
    /// Lower triangle by rows; zero below two vectors.
    pub(super) covariance: Vec<f64>,
}

impl Scatter {
    pub(super) fn of(dimension: usize, value: &[f64], should_stop: ShouldStop<'_>) -> Result<Self> {
        let rows = || value.chunks_exact(dimension.max(1));
        let n = rows().len();
        let mut mean = vec![0.0; dimension];
        for row in rows() {
            // Not a sum: it would leave the range before the mean does.
            mean.iter_mut()
                .zip(row)
                .for_each(|(mean, x)| *mean += x / n as f64);
        }
        let mut covariance = vec![0.0; triangle(dimension)];
        let mut deviation = vec![0.0; dimension];
        for (idx, row) in rows().enumerate() {
            if idx.is_multiple_of(ROWS_PER_LOOK) {
                check_stop(should_stop)?;
            }
            deviation
                .iter_mut()
                .zip(row.iter().zip(&mean))
                .for_each(|(d, (x, mean))| *d = x - mean);
            let mut rest = covariance.as_mut_slice();
            for (i, d_i) in deviation.iter().enumerate() {
                let (entries, below) = rest.split_at_mut(i + 1);
                entries
                    .iter_mut()
                    .zip(&deviation)
                    .for_each(|(entry, d_j)| *entry += d_i * d_j);
                rest = below;
            }
        }
        let divisor = n.saturating_sub(1).max(1) as f64;
        covariance.iter_mut().for_each(|entry| *entry /= divisor);
        Ok(Self { mean, covariance })
    }

    /// The standard deviation of each value; zero where it is rounding.
    pub(super) fn spread(&self) -> Vec<f64> {
        let variances = places(self.mean.len())
            .zip(&self.covariance)
            .filter(|((i, j), _)| i == j);
        variances
            .zip(&self.mean)
            .map(|((_, variance), mean)| spread(*variance, *mean))
            .collect()
    }

    /// Principal axes of the values, each divided by its `unit`: (variance along it, axis) in descending order. Values whose
    /// unit is zero take no part.
    pub(super) fn axes(&self, unit: &[f64]) -> Result<Vec<(f64, Vec<f64>)>> {
        let entry = |i: usize, j: usize| {
            let covariance = self.covariance[triangle(i.max(j)) + i.min(j)];
            let scaled = covariance / unit[i] / unit[j];
            if unit[i] > 0.0 && unit[j] > 0.0 {
                scaled
            } else {
                0.0
            }
        };
        eigenvectors(self.mean.len(), entry)
    }
}
