//! What a state says without a fit: correlations, and features that do not depend on units.

use super::PcaState;
use super::decompose::{at, spreads};
use crate::distribution::correlation_two_sided;

/// Below five vectors neither a spread nor a correlation says anything: of four independent normal pairs one set in ten
/// has a correlation above 0.9 in size, of five one in 27.
const MIN_VECTORS: u64 = 5;

/// One row of `correlations`.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation {
    /// Place of one value, from 0.
    pub x: usize,
    /// Place of the other, above that of `x`.
    pub y: usize,
    /// Pearson correlation; `None` when one is constant or there are fewer than two vectors.
    pub r: Option<f64>,
    /// Vectors that have both.
    pub n: u64,
    /// Probability of a correlation of this size at least between independent normal values: Student's t with n − 2
    /// degrees of freedom of r √((n − 2) / (1 − r²)). `None` below three vectors that have both.
    pub p_value: Option<f64>,
}

impl PcaState {
    /// The correlation matrix by rows, with the gaps of vectors filled by means; `None` below two vectors, an entry of a
    /// value that is constant is `None` (on the diagonal too).
    #[must_use]
    pub fn correlation(&self) -> Option<Vec<Vec<Option<f64>>>> {
        let covariance = self.covariance()?;
        let mean: Vec<f64> = self
            .mean()
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect();
        let spread = spreads(&covariance, &mean);
        let entry = |i: usize, j: usize, covariance: f64| {
            let (a, b) = (at(&spread, i), at(&spread, j));
            match i == j {
                _ if a <= 0.0 || b <= 0.0 => None,
                true => Some(1.0),
                // The larger first: the same on both sides of the diagonal.
                false => Some((covariance / a.max(b) / a.min(b)).clamp(-1.0, 1.0)),
            }
        };
        let row = |(i, row): (usize, &Vec<f64>)| {
            let entries = row.iter().enumerate();
            entries
                .map(|(j, &covariance)| entry(i, j, covariance))
                .collect()
        };
        Some(covariance.iter().enumerate().map(row).collect())
    }

    /// Every pair of values, in the order (0, 1), (0, 2), …, (1, 2), ….
    #[must_use]
    pub fn correlations(&self) -> Vec<Correlation> {
        let matrix = self.correlation().unwrap_or_default();
        let both = self.pairs().map(|((y, x), pair)| (x, y, pair.n));
        let mut rows: Vec<Correlation> = both
            .filter(|(x, y, _)| x != y)
            .map(|(x, y, n)| {
                let r = matrix.get(x).and_then(|row| row.get(y)).copied().flatten();
                let p_value = r.and_then(|r| correlation_two_sided(r, n as f64));
                Correlation {
                    x,
                    y,
                    r,
                    n,
                    p_value,
                }
            })
            .collect();
        rows.sort_by_key(|row| (row.x, row.y));
        rows
    }

    /// Features of the vectors of a window that do not depend on the unit of any value, with their names, from
    /// `names` for the values:
    ///
    /// - `log_cv_<x>`: ln(standard deviation / |mean|), for each value. Coefficients of variation are positive and differ by
    ///   orders of magnitude; their logarithms are what a distance can compare.
    /// - `fisher_z_<x>_<y>`: artanh of the correlation, for each pair (Fisher 1921), whose error does not depend on its size.
    ///   Correlations beyond ±(1 − 1/n) count as that: more cannot be told from n vectors.
    ///
    /// `None` below five vectors, for constant values and means of zero.
    #[must_use]
    pub fn features(&self, names: &[String]) -> Vec<(String, Option<f64>)> {
        let name = |idx: usize| names.get(idx).cloned().unwrap_or_default();
        let is_enough = self.n() >= MIN_VECTORS;
        let mean: Vec<f64> = self
            .mean()
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect();
        let covariance = self.covariance().unwrap_or_default();
        let spread = spreads(&covariance, &mean);
        let log_cv = |(idx, mean): (usize, &f64)| {
            let value = (at(&spread, idx) / mean.abs()).ln();
            let value = Some(value).filter(|value| is_enough && value.is_finite());
            (format!("log_cv_{}", name(idx)), value)
        };
        let fisher_z = |pair: Correlation| {
            let value = pair.r.filter(|_| pair.n >= MIN_VECTORS).map(|r| {
                // Above 2^53 vectors 1 − 1/n is rounded to 1, whose artanh is infinite.
                let bound = (1.0 - 1.0 / pair.n as f64).min(1.0 - f64::EPSILON);
                r.clamp(-bound, bound).atanh()
            });
            (format!("fisher_z_{}_{}", name(pair.x), name(pair.y)), value)
        };
        mean.iter()
            .enumerate()
            .map(log_cv)
            .chain(self.correlations().into_iter().map(fisher_z))
            .collect()
    }
}
