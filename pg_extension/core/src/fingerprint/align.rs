//! Scores that a refit does not flip or turn.

use linfa_linalg::svd::SVDInto;
use ndarray::Array2;

use super::PcaModel;
use super::decompose::at;
use crate::error::{Error, ErrorKind, Result};
use crate::feature::dot;

/// How much less a component counts that has no counterpart: it keeps its own place where the others leave it free.
const OWN_PLACE: f64 = 1e-6;

impl PcaModel {
    /// The same model with scores in the coordinates of `old`, as far as the two have them in common.
    ///
    /// Components are eigenvectors: where eigenvalues are close, a few more rows turn them into one another, and a sign is a
    /// convention. The subspace of the components, the reconstruction and anomalies do not depend on that. So the scores
    /// are multiplied with the orthogonal matrix R that brings them closest to those of the old model: it minimises
    /// Σ ‖Rᵀ s_new − s_old‖² over the vectors of the new fit (orthogonal Procrustes, Schönemann 1966), which is the
    /// orthogonal factor of Λ Lᵀ A, with eigenvalues Λ and loadings L of the new components and axes A of the old scores.
    /// Components that the old model did not have come last.
    ///
    /// # Errors
    /// `InvalidArgument` when the models are about vectors of different lengths, `Numeric` when the decomposition breaks
    /// down.
    pub fn aligned_to(&self, old: &Self) -> Result<Self> {
        if self.dimension() != old.dimension() {
            return Err(Error::invalid(format!(
                "one model is about vectors of {} values, the other of {}",
                self.dimension(),
                old.dimension()
            )));
        }
        let mut aligned = self.clone();
        aligned.rotation = self.rotation_to(&old.axes())?;
        Ok(aligned)
    }

    fn rotation_to(&self, axes: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
        let n = self.loading.len();
        let largest = at(&self.eigenvalue, 0);
        if n == 0 {
            return Ok(Vec::new());
        }
        let product = Array2::from_shape_fn((n, n), |(i, j)| {
            let weight = at(&self.eigenvalue, i) / largest;
            match (self.loading.get(i), axes.get(j)) {
                (Some(loading), Some(axis)) => weight * dot(loading, axis),
                _ if i == j => weight * OWN_PLACE,
                _ => 0.0,
            }
        });
        let broken = |error| {
            Error::new(
                ErrorKind::Numeric,
                format!("no rotation was found: {error}"),
            )
        };
        let (u, _, v) = product
            .svd_into(true, true)
            .map_err(|error| broken(error.to_string()))?;
        let (Some(u), Some(v)) = (u, v) else {
            return Err(broken("no singular vectors".to_owned()));
        };
        Ok(u.dot(&v).outer_iter().map(|row| row.to_vec()).collect())
    }

    /// How much of the space of the components two models share, between 0 and 1: the mean squared cosine of the angles
    /// between the two (Krzanowski 1979, "Between-groups comparison of principal components"). `None` when one of them
    /// has no components or they are about vectors of different lengths.
    #[must_use]
    pub fn similarity(&self, other: &Self) -> Option<f64> {
        let n = self.loading.len().min(other.loading.len());
        if n == 0 || self.dimension() != other.dimension() {
            return None;
        }
        let squares = self.loading.iter().map(|a| {
            let square = |b: &Vec<f64>| dot(a, b).powi(2);
            other.loading.iter().map(square).sum::<f64>()
        });
        Some((squares.sum::<f64>() / n as f64).min(1.0))
    }
}
