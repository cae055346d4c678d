//! The state of `pca_agg`.

use super::moments::{Complete, Pair, places, triangle};
use super::{MAX_DIMENSION, codec};
use crate::error::{Error, ErrorKind, Result};
use crate::sample::flat::reserve;

/// Mergeable co-moments of feature vectors: what `pca_agg` gives, collected by [`PcaBuilder`](super::PcaBuilder).
///
/// Missing values count as their mean: with m_i the mean of the values of feature i that are there,
/// cov_ij = Σ (x_i − m_i)(x_j − m_j) / (n − 1) over the vectors that have both, n the number of all vectors. That is the
/// covariance of the vectors with their gaps filled by means, without a second pass. A value that is NaN, infinite or
/// beyond ±1e140 counts as missing and in [`n_nonfinite`](Self::n_nonfinite).
///
/// Order and partition change means and covariances by rounding only: within 1e-9 of the product of the two standard
/// deviations as long as means are below 10⁴ standard deviations, and within 10⁻⁶ up to 10¹² of them; counts not at all. A constant feature has covariance
/// zero exactly.
///
/// ```
/// use prescale_core::fingerprint::PcaBuilder;
/// let mut builder = PcaBuilder::default();
/// builder.push(&[Some(1.0), Some(4.0)])?;
/// builder.push(&[Some(3.0), None])?;
/// let state = builder.state();
/// assert_eq!((state.n(), state.mean()), (2, vec![Some(2.0), Some(4.0)]));
/// assert_eq!(state.covariance(), Some(vec![vec![2.0, 0.0], vec![0.0, 0.0]]));
/// # Ok::<(), prescale_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PcaState {
    pub(super) complete: Complete,
    /// Vectors with gaps, and their moments pair by pair; no pairs as long as there are no such vectors.
    pub(super) n_partial: u64,
    pub(super) partial: Vec<Pair>,
    pub(super) n_missing: u64,
    pub(super) n_nonfinite: u64,
}

impl PcaState {
    /// Adds a vector of the right length with gaps, which are NaN and of which `n_null` were NULL.
    pub(super) fn push_gaps(&mut self, x: &[f64], n_null: usize) -> Result<()> {
        self.make_pairs()?;
        let mut pairs = self.partial.iter_mut();
        for (i, &x_i) in x.iter().enumerate() {
            for (&x_j, pair) in x.iter().take(i + 1).zip(pairs.by_ref()) {
                if !x_i.is_nan() && !x_j.is_nan() {
                    pair.push(x_i, x_j);
                }
            }
        }
        let n_gap = x.iter().filter(|x| x.is_nan()).count();
        self.n_partial = self.n_partial.saturating_add(1);
        self.n_missing = self.n_missing.saturating_add(n_null as u64);
        self.n_nonfinite = self
            .n_nonfinite
            .saturating_add(n_gap.saturating_sub(n_null) as u64);
        Ok(())
    }

    /// Adds another state.
    ///
    /// # Errors
    /// `InvalidArgument` when the lengths differ, `TooLarge` when memory runs out.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if other.n() == 0 {
            return Ok(());
        }
        self.check_dimension(other.dimension())?;
        self.complete.merge(&other.complete);
        if !other.partial.is_empty() {
            self.make_pairs()?;
            self.partial
                .iter_mut()
                .zip(&other.partial)
                .for_each(|(a, b)| a.merge(b));
        }
        self.n_partial = self.n_partial.saturating_add(other.n_partial);
        self.n_missing = self.n_missing.saturating_add(other.n_missing);
        self.n_nonfinite = self.n_nonfinite.saturating_add(other.n_nonfinite);
        Ok(())
    }

    /// The first vector says how long vectors are.
    pub(super) fn check_dimension(&mut self, dimension: usize) -> Result<()> {
        let known = self.dimension();
        if known == dimension && known > 0 {
            return Ok(());
        }
        if dimension > MAX_DIMENSION {
            let message = format!("a vector of {dimension} values is longer than {MAX_DIMENSION}");
            return Err(Error::new(ErrorKind::TooLarge, message)
                .with_hint("choose the values that matter, or add up those that belong together"));
        }
        if dimension == 0 || known > 0 {
            let message = format!("a vector has {dimension} values, the ones before had {known}");
            let message = if known > 0 {
                message
            } else {
                "a vector has no values".to_owned()
            };
            return Err(Error::invalid(message).with_hint(
                "give every row an array of the same length, with NULL for what is missing",
            ));
        }
        self.complete.widen(dimension)
    }

    fn make_pairs(&mut self) -> Result<()> {
        let n = triangle(self.dimension());
        if self.partial.len() < n {
            reserve(&mut self.partial, n)?;
            self.partial.resize(n, Pair::default());
        }
        Ok(())
    }

    /// Vectors seen.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.complete.n.saturating_add(self.n_partial)
    }

    /// Length of the vectors; 0 before the first.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.complete.mean.len()
    }

    /// Values that were NULL.
    #[must_use]
    pub fn n_missing(&self) -> u64 {
        self.n_missing
    }

    /// Values that were NaN or infinite.
    #[must_use]
    pub fn n_nonfinite(&self) -> u64 {
        self.n_nonfinite
    }

    /// The mean of each value; `None` where it was always missing.
    #[must_use]
    pub fn mean(&self) -> Vec<Option<f64>> {
        self.pairs()
            .filter(|((i, j), _)| i == j)
            .map(|(_, pair)| (pair.n > 0).then_some(pair.mean_i))
            .collect()
    }

    /// The covariance matrix by rows; `None` below two vectors.
    #[must_use]
    pub fn covariance(&self) -> Option<Vec<Vec<f64>>> {
        let n = self.n();
        if n < 2 {
            return None;
        }
        let mean: Vec<f64> = self
            .mean()
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect();
        let at = |idx: usize| mean.get(idx).copied().unwrap_or_default();
        let mut rows = vec![vec![0.0; self.dimension()]; self.dimension()];
        for ((i, j), pair) in self.pairs() {
            // The pair's own means are not those of all values: move the centre.
            let moved = pair.n as f64 * (pair.mean_i - at(i)) * (pair.mean_j - at(j));
            let covariance = (pair.comoment + moved) / (n - 1) as f64;
            for (row_idx, column_idx) in [(i, j), (j, i)] {
                if let Some(entry) = rows
                    .get_mut(row_idx)
                    .and_then(|row| row.get_mut(column_idx))
                {
                    *entry = covariance;
                }
            }
        }
        Some(rows)
    }

    /// The moments of every pair over all vectors that have both.
    pub(super) fn pairs(&self) -> impl Iterator<Item = ((usize, usize), Pair)> + '_ {
        places(self.dimension()).enumerate().map(|(idx, place)| {
            let mut pair = self.complete.pair(idx, place);
            if let Some(more) = self.partial.get(idx) {
                pair.merge(more);
            }
            (place, pair)
        })
    }

    /// The flat form, format byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::state_to_bytes(self)
    }

    /// Reads the flat form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        codec::state_from_bytes(bytes)
    }

    /// Text form (JSON).
    #[must_use]
    pub fn to_text(&self) -> String {
        codec::state_to_text(self)
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_text(text: &str) -> Result<Self> {
        codec::state_from_text(text)
    }
}
