//! How unlike the vectors of a fit a vector is: inside the components (Hotelling's T²) and outside of them (SPE).

use super::PcaModel;
use super::decompose::NO_SPREAD;
use super::model::{Residual, Seen, finite};
use crate::distribution::{f_upper, normal_upper};
use crate::error::{Error, ErrorKind, Result};
use crate::feature::dot;

/// A residual below this share of a vector's squared length is rounding: a hundred units in the last place of each value.
const ROUNDING: f64 = 100.0 * f64::EPSILON;

/// One row of `pca_anomaly`.
#[derive(Debug, Clone, PartialEq)]
pub struct Anomaly {
    /// Hotelling's T²: Σ score² / eigenvalue. 0 without components.
    pub t2: f64,
    /// Squared prediction error (Q): Σ (z − ẑ)², z the standardised vector, ẑ its reconstruction.
    pub spe: f64,
    /// Probability of a larger T².
    pub t2_p_value: f64,
    /// Probability of a larger SPE.
    pub spe_p_value: f64,
    /// Both together.
    pub p_value: f64,
}

impl PcaModel {
    /// How likely a vector as unusual as this one is, if it comes from where the vectors of the fit came from and is
    /// normally distributed.
    ///
    /// - T² of a new vector, times n (n − k) / (k (n² − 1)), has an F distribution with k and n − k degrees of freedom
    ///   (Jackson 1991, "A User's Guide to Principal Components", 1.7), n vectors and k components. It says nothing
    ///   (p = 1) without components or when n ≤ k.
    /// - SPE: (SPE / θ₁) to the power of h₀ = 1 − 2 θ₁ θ₃ / (3 θ₂²) is about normal, with θ_i the sums of the i-th powers
    ///   of the eigenvalues that were not kept (Jackson and Mudholkar 1979, "Control procedures for residuals associated
    ///   with principal component analysis"). Where all that varied was kept, SPE is 0 with p = 1, unless the vector
    ///   breaks what held exactly among the vectors of the fit: then p = 0.
    /// - A value that did not vary in the fit and now differs has p = 0, and its squared difference counts in SPE. A value
    ///   that was missing in the fit, or is missing now, counts as its mean.
    /// - Both: the two are independent, so q = p₁ p₂ gives p = q (1 − ln q) (Fisher's method); where one of them has
    ///   nothing to say it is the other.
    ///
    /// # Errors
    /// `NotFinite` for a value that is NaN or infinite: a mean in its place would make it look usual; `InvalidArgument` for a wrong
    /// length, `Numeric` when a distance exceeds the range of a double.
    pub fn anomaly(&self, x: &[Option<f64>]) -> Result<Anomaly> {
        if let Some(bad) = x.iter().flatten().find(|v| !v.is_finite()) {
            let message = format!("a value must be finite, not {bad}");
            return Err(Error::new(ErrorKind::NotFinite, message));
        }
        let standard = self.standard(x)?;
        let scores = self.scores(&standard);
        let t2: f64 = scores
            .iter()
            .zip(&self.eigenvalue)
            .map(|(s, l)| s * s / l)
            .sum();
        let length = dot(&standard, &standard);
        let spe = self.spe(&standard, &scores);
        finite(vec![t2, spe, length], "a distance")?;
        let rounding = ROUNDING * self.dimension() as f64 * (length + self.total);
        let spe = if spe <= rounding && self.residual.sum <= 0.0 {
            0.0
        } else {
            spe
        };
        let t2_p_value = self.t2_p_value(t2);
        let spe_p_value = if self.is_new(&standard) {
            0.0
        } else {
            self.residual.p_value(spe)
        };
        let p_value = match (self.has_t2(), self.residual.sum > 0.0 || spe_p_value < 1.0) {
            (true, true) => both(t2_p_value, spe_p_value),
            (true, false) => t2_p_value,
            (false, _) => spe_p_value,
        };
        Ok(Anomaly {
            t2,
            spe,
            t2_p_value,
            spe_p_value,
            p_value,
        })
    }

    /// By differences, not as length minus squared scores, which would cancel.
    fn spe(&self, standard: &[f64], scores: &[f64]) -> f64 {
        let mut rest = standard.to_vec();
        for (loading, score) in self.loading.iter().zip(scores) {
            for (rest, loading) in rest.iter_mut().zip(loading) {
                *rest -= score * loading;
            }
        }
        dot(&rest, &rest)
    }

    fn has_t2(&self) -> bool {
        !self.loading.is_empty() && self.n > self.loading.len() as u64
    }

    fn t2_p_value(&self, t2: f64) -> f64 {
        if !self.has_t2() {
            return 1.0;
        }
        let (n, k) = (self.n as f64, self.loading.len() as f64);
        // n² − 1 in factors, which stay exact for any count of vectors.
        f_upper(t2 * (n / (n - 1.0)) * ((n - k) / (n + 1.0)) / k, k, n - k)
    }

    /// Whether a value that never varied differs by more than rounding.
    fn is_new(&self, standard: &[f64]) -> bool {
        standard
            .iter()
            .zip(&self.mean)
            .zip(&self.seen)
            .any(|((z, mean), seen)| *seen == Seen::Constant && z.abs() > NO_SPREAD * mean.abs())
    }
}

impl Residual {
    fn p_value(&self, spe: f64) -> f64 {
        if self.sum <= 0.0 {
            return if spe > 0.0 { 0.0 } else { 1.0 };
        }
        let h = 1.0 - 2.0 * self.cube / (3.0 * self.square * self.square);
        let ratio = spe / self.sum;
        let deviation = (2.0 * self.square).sqrt();
        // Near zero the power becomes the logarithm; between, the difference would cancel.
        if h.abs() < 1e-6 {
            return normal_upper((ratio.ln() + self.square) / deviation);
        }
        normal_upper((ratio.powf(h) - 1.0 - self.square * h * (h - 1.0)) / (deviation * h))
    }
}

/// Fisher's method for two probabilities.
fn both(a: f64, b: f64) -> f64 {
    let product = a * b;
    if product <= 0.0 {
        0.0
    } else {
        (product * (1.0 - product.ln())).min(1.0)
    }
}
