//! Co-moments of vectors, with and without gaps, by Welford's update and Chan's merge (Chan, Golub and LeVeque 1983,
//! "Algorithms for computing the sample variance"): deviations from means, so that a large mean costs no digits.
//!
//! Matrices are symmetric and held as their lower triangle, row by row: (0,0), (1,0), (1,1), (2,0), …

use super::MAX_DIMENSION;
use crate::error::Result;
use crate::feature::LARGEST;
use crate::sample::flat::reserve;

/// Vectors in a block. Its columns stay in the first-level cache up to 128 values; longer blocks were not faster.
pub(super) const BLOCK: usize = 32;

/// Products that are summed side by side: what two vector registers hold, so that additions need not wait for each other.
const LANES: usize = 8;

/// Entries of the triangle of a `dimension` × `dimension` matrix.
pub(super) fn triangle(dimension: usize) -> usize {
    dimension * (dimension + 1) / 2
}

/// The (row, column) of each entry of a triangle.
pub(super) fn places(dimension: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..dimension).flat_map(|i| (0..=i).map(move |j| (i, j)))
}

/// Whether values within ±[`LARGEST`] can have this mean. Twice as much leaves room for rounding.
pub(super) fn is_mean(mean: &f64) -> bool {
    mean.abs() <= 2.0 * LARGEST
}

/// Whether `n` pairs of such values can have this co-moment.
pub(super) fn is_comoment(comoment: &f64, n: u64) -> bool {
    comoment.abs() <= n as f64 * 8.0 * LARGEST * LARGEST
}

/// Vectors without gaps: one count and one mean serve all pairs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Complete {
    pub(super) n: u64,
    pub(super) mean: Vec<f64>,
    /// Σ (x_i − x̄_i)(x_j − x̄_j).
    pub(super) comoment: Vec<f64>,
}

impl Complete {
    /// Makes room for vectors of `dimension` values.
    pub(super) fn widen(&mut self, dimension: usize) -> Result<()> {
        reserve(&mut self.mean, dimension)?;
        reserve(&mut self.comoment, triangle(dimension))?;
        self.mean.resize(dimension, 0.0);
        self.comoment.resize(triangle(dimension), 0.0);
        Ok(())
    }

    /// Adds `n` vectors, at the first places of columns of [`BLOCK`]; the block is used up.
    pub(super) fn add_block(&mut self, block: &mut [f64], n: usize) {
        if n == 0 {
            return;
        }
        let (columns, _) = block.as_chunks_mut::<BLOCK>();
        let mut deltas = [0.0; MAX_DIMENSION];
        for ((column, delta), mean) in columns.iter_mut().zip(&mut deltas).zip(&self.mean) {
            *delta = centre(column, n) - mean;
        }
        let share = n as f64 / (self.n as f64 + n as f64);
        let weight = self.n as f64 * share;
        let mut comoments = self.comoment.iter_mut();
        for (i, (a, d_i)) in columns.iter().zip(&deltas).enumerate() {
            let before = columns.iter().zip(&deltas).take(i + 1);
            for ((b, d_j), comoment) in before.zip(comoments.by_ref()) {
                *comoment += dot(a, b) + d_i * d_j * weight;
            }
        }
        for (mean, delta) in self.mean.iter_mut().zip(&deltas) {
            *mean += delta * share;
        }
        self.n = self.n.saturating_add(n as u64);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let (n_a, n_b) = (self.n as f64, other.n as f64);
        if other.n == 0 {
            return;
        }
        let n = n_a + n_b;
        let delta: Vec<f64> = other
            .mean
            .iter()
            .zip(&self.mean)
            .map(|(b, a)| b - a)
            .collect();
        let mut rest = self.comoment.iter_mut().zip(&other.comoment);
        for (i, d_i) in delta.iter().enumerate() {
            for (d_j, (c, more)) in delta.iter().take(i + 1).zip(rest.by_ref()) {
                *c += more + d_i * d_j * (n_a * (n_b / n));
            }
        }
        for (mean, d) in self.mean.iter_mut().zip(&delta) {
            *mean += d * (n_b / n);
        }
        self.n = self.n.saturating_add(other.n);
    }

    /// The moments of the pair at one place of the triangle.
    pub(super) fn pair(&self, idx: usize, (i, j): (usize, usize)) -> Pair {
        let at = |column: &[f64], idx: usize| column.get(idx).copied().unwrap_or_default();
        if self.n == 0 {
            return Pair::default();
        }
        Pair {
            n: self.n,
            mean_i: at(&self.mean, i),
            mean_j: at(&self.mean, j),
            comoment: at(&self.comoment, idx),
        }
    }
}

/// Turns the first `n` places into deviations from their mean and the others into zeros; gives the mean.
fn centre(column: &mut [f64; BLOCK], n: usize) -> f64 {
    let (values, unused) = column.split_at_mut(n);
    unused.fill(0.0);
    let mean = values.iter().sum::<f64>() / n as f64;
    values.iter_mut().for_each(|x| *x -= mean);
    mean
}

fn dot(a: &[f64; BLOCK], b: &[f64; BLOCK]) -> f64 {
    let mut sums = [0.0; LANES];
    let (a, b) = (a.as_chunks::<LANES>().0, b.as_chunks::<LANES>().0);
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

/// Moments of two values over the vectors that have both.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Pair {
    pub(super) n: u64,
    pub(super) mean_i: f64,
    pub(super) mean_j: f64,
    pub(super) comoment: f64,
}

impl Pair {
    pub(super) fn push(&mut self, x_i: f64, x_j: f64) {
        self.n = self.n.saturating_add(1);
        let n = self.n as f64;
        let d_i = x_i - self.mean_i;
        self.mean_i += d_i / n;
        self.mean_j += (x_j - self.mean_j) / n;
        self.comoment += d_i * (x_j - self.mean_j);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        if self.n == 0 || other.n == 0 {
            if self.n == 0 {
                *self = *other;
            }
            return;
        }
        let (n_a, n_b) = (self.n as f64, other.n as f64);
        let n = n_a + n_b;
        let (d_i, d_j) = (other.mean_i - self.mean_i, other.mean_j - self.mean_j);
        self.n = self.n.saturating_add(other.n);
        self.mean_i += d_i * (n_b / n);
        self.mean_j += d_j * (n_b / n);
        self.comoment += other.comoment + d_i * d_j * (n_a * (n_b / n));
    }
}
