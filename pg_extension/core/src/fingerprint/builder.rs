//! The state of `pca_agg` while rows come in.

use super::moments::{BLOCK, Complete};
use super::{MAX_DIMENSION, PcaState};
use crate::error::Result;
use crate::feature::LARGEST;
use crate::sample::flat::reserve;

/// Collects vectors for a [`PcaState`].
///
/// Vectors without gaps are kept as deviations from the first of them, column by column, in a block of 32; a full block is
/// centred at its own mean and its co-moments are added by Chan's formula. Deviations cost no digits where the mean is
/// far larger than the spread (of mean 10⁹ and standard deviation 10⁻³ nine digits of a covariance are right), and
/// columns of a block are multiplied as fast as the processor can load them. Vectors with gaps go pair by pair.
///
/// Memory: 8 · d · (32 + 1 + d / 2) bytes for vectors of d values, 340 kB at most, and 1 MB more once there are gaps.
///
/// ```
/// use prescale_core::fingerprint::PcaBuilder;
/// let mut builder = PcaBuilder::default();
/// builder.push_dense([1.0, 4.0].into_iter())?;
/// builder.push(&[Some(3.0), None])?;
/// assert_eq!(builder.state().mean(), vec![Some(2.0), Some(4.0)]);
/// # Ok::<(), prescale_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct PcaBuilder {
    /// Merged states and vectors with gaps; knows the length of vectors.
    rest: PcaState,
    /// The first vector without gaps.
    origin: Vec<f64>,
    /// Of full blocks, relative to `origin`.
    moments: Complete,
    /// Vectors that have come since, relative to `origin`: column by column, [`BLOCK`] places each.
    block: Vec<f64>,
    n_block: usize,
}

impl PcaBuilder {
    /// Adds one vector; `None` is a gap. A number that is NaN, infinite or beyond ±1e140 is one too, and is counted.
    ///
    /// # Errors
    /// `InvalidArgument` when the length changes or is 0, `TooLarge` above [`MAX_DIMENSION`] values or when memory
    /// runs out.
    pub fn push(&mut self, x: &[Option<f64>]) -> Result<()> {
        if x.iter().all(Option::is_some) {
            return self.push_dense(x.iter().map(|x| x.unwrap_or_default()));
        }
        self.rest.check_dimension(x.len())?;
        let n_null = x.iter().filter(|value| value.is_none()).count();
        let values = x.iter().map(|value| value.unwrap_or(f64::NAN));
        self.push_gaps(values, n_null)
    }

    /// Adds one vector in which nothing is NULL.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_dense(&mut self, x: impl ExactSizeIterator<Item = f64> + Clone) -> Result<()> {
        self.rest.check_dimension(x.len())?;
        if self.origin.is_empty() {
            if !x.clone().all(is_usable) {
                return self.push_gaps(x, 0);
            }
            self.begin(x.clone())?;
        }
        let (columns, _) = self.block.as_chunks_mut::<BLOCK>();
        let mut usable = true;
        for ((column, origin), x) in columns.iter_mut().zip(&self.origin).zip(x.clone()) {
            usable &= is_usable(x);
            if let Some(slot) = column.get_mut(self.n_block) {
                *slot = x - origin;
            }
        }
        if !usable {
            return self.push_gaps(x, 0);
        }
        self.n_block += 1;
        if self.n_block == BLOCK {
            self.moments.add_block(&mut self.block, BLOCK);
            self.n_block = 0;
        }
        Ok(())
    }

    fn begin(&mut self, x: impl ExactSizeIterator<Item = f64>) -> Result<()> {
        let n = x.len();
        reserve(&mut self.block, n * BLOCK)?;
        self.moments.widen(n)?;
        reserve(&mut self.origin, n)?;
        self.block.resize(n * BLOCK, 0.0);
        self.origin.extend(x);
        Ok(())
    }

    fn push_gaps(&mut self, x: impl ExactSizeIterator<Item = f64>, n_null: usize) -> Result<()> {
        let mut values = [0.0; MAX_DIMENSION];
        let n = x.len();
        for (slot, x) in values.iter_mut().zip(x) {
            *slot = if is_usable(x) { x } else { f64::NAN };
        }
        self.rest
            .push_gaps(values.get(..n).unwrap_or_default(), n_null)
    }

    /// Adds a finished state.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn add(&mut self, state: &PcaState) -> Result<()> {
        self.rest.merge(state)
    }

    /// Adds what another one has collected.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.add(&other.state())
    }

    /// The flat form of the state.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.state().to_bytes()
    }

    /// Goes on from the flat form of a state.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(Self {
            rest: PcaState::from_bytes(bytes)?,
            ..Self::default()
        })
    }

    /// The state of what has come so far.
    #[must_use]
    pub fn state(&self) -> PcaState {
        let (mut moments, mut block) = (self.moments.clone(), self.block.clone());
        moments.add_block(&mut block, self.n_block);
        for (mean, origin) in moments.mean.iter_mut().zip(&self.origin) {
            *mean += origin;
        }
        let mut state = self.rest.clone();
        state.complete.merge(&moments);
        state
    }
}

fn is_usable(x: f64) -> bool {
    x.abs() <= LARGEST
}
