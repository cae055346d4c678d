//! Median regression of few columns to its end, and how far each coefficient stands out from the noise: the engine of effects.
//!
//! min Σ w·|y − x·β| by iteratively reweighted least squares (Schlossmacher 1973), until no window changes by more than a fiftieth of the usual
//! error; there is no intercept and no shrinkage. Cost per pass: rows · columns² / 2 multiplications; seldom more than ten.

use super::l1::{cholesky_solve, errors, gram, single};
use crate::error::Result;
use crate::time::{ShouldStop, check_stop};

/// Most reweightings of one solution, and of all together but one each.
const PASSES: usize = 20;
const ALL_PASSES: usize = 60;

/// Smallest size of an error relative to the usual one, as a weight.
const SMALLEST: f32 = 0.05;

/// Change that is no longer followed, relative to the usual error where a column is largest.
const CONVERGED: f64 = 0.02;

/// Added to the squares of columns of length one, so that copies of a column share its coefficient.
const STABLE: f64 = 1e-5;

/// 1 / (2 f(0)) of a density f, in medians of the absolute value; the normal one.
const SPREAD: f64 = 1.858;

/// κ² of one column: squares of noise that a coefficient must exceed.
const NOISE: f64 = 2.0;

/// Degrees of freedom at which κ² is doubled.
const FEW: f64 = 20.0;

/// How much the others may inflate the variance of a coefficient; a column beyond is theirs.
const HELD: f64 = 1_000.0;

/// Largest product of autocorrelations that is believed.
const MOST_ALIKE: f64 = 0.9;

/// The regression, which begins where the last solution ended.
pub(super) struct Median<'a> {
    columns: Vec<&'a [f32]>,
    /// Largest size of each column.
    reach: Vec<f64>,
    /// The coefficients.
    pub(super) beta: Vec<f64>,
    weight: Vec<f32>,
    error: Vec<f32>,
    /// The usual size of an error.
    size: f64,
    /// Reweightings so far.
    n_passes: usize,
}

impl<'a> Median<'a> {
    pub(super) fn new(columns: Vec<&'a [f32]>) -> Self {
        let furthest = |column: &&[f32]| column.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        Self {
            reach: columns.iter().map(|c| f64::from(furthest(c))).collect(),
            beta: vec![0.0; columns.len()],
            weight: Vec::new(),
            error: Vec::new(),
            size: 0.0,
            n_passes: 0,
            columns,
        }
    }

    /// Multiplies what was found, for a target in another unit.
    pub(super) fn rescale(&mut self, by: f64) {
        self.beta.iter_mut().for_each(|b| *b *= by);
    }

    /// Returns how far the coefficients moved, in usual errors where a column is largest.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(super) fn solve(
        &mut self,
        target: &[f32],
        weight: &[f32],
        should_stop: ShouldStop<'_>,
    ) -> Result<f64> {
        let before = self.beta.clone();
        let mut columns = self.columns.clone();
        columns.push(target);
        self.weight = weight.to_vec();
        self.look(target);
        let mut is_start = self.beta.iter().all(|b| b.abs() <= 0.0);
        let passes = ALL_PASSES.saturating_sub(self.n_passes).clamp(1, PASSES);
        for _ in 0..passes {
            check_stop(should_stop)?;
            self.n_passes += 1;
            let mut weighted = weight.to_vec();
            if !is_start {
                if self.size <= 0.0 {
                    break;
                }
                let inverse = single(1.0 / self.size);
                for (w, e) in weighted.iter_mut().zip(&self.error) {
                    *w /= (e.abs() * inverse).max(SMALLEST);
                }
            }
            is_start = false;
            let (mut gram, scale) = self.normal(gram(&columns, &weighted));
            let Some(solution) = cholesky_solve(&mut gram, self.beta.len()) else {
                break;
            };
            let mut furthest = 0.0_f64;
            for (j, x) in solution.iter().enumerate() {
                let beta = scale[j] * x;
                furthest = furthest.max((beta - self.beta[j]).abs() * self.reach[j]);
                self.beta[j] = beta;
            }
            self.look(target);
            if furthest <= CONVERGED * self.size {
                break;
            }
        }
        let moved = self.beta.iter().zip(&before).zip(&self.reach);
        let furthest = moved.map(|((now, before), reach)| (now - before).abs() * reach);
        Ok(furthest.fold(0.0, f64::max) / self.size.max(f64::MIN_POSITIVE))
    }

    /// The coefficients that the non-negative garrote leaves: β · (1 − κ² / t²)₊, where the least that has nothing left goes first and the others take over what they
    /// can of it; and which columns went because the others hold them. The variance is that of a median regression, times how much alike neighbours are in the
    /// error and in the column (Bartlett), with a degree of freedom less for each column and each of `seasons` places; κ² grows with the number of columns and
    /// where few degrees are left.
    pub(super) fn garrote(&self, seasons: usize) -> (Vec<f64>, Vec<bool>) {
        let p = self.beta.len();
        let n = self.weight.iter().filter(|w| **w > 0.0).count() as f64;
        let mut columns = self.columns.clone();
        columns.push(&self.error);
        let (normal, scale) = self.normal(gram(&columns, &self.weight));
        let free = (n - (p + seasons) as f64).max(1.0);
        let noise = (NOISE + (p as f64).ln()) * (1.0 + FEW / free);
        let limit = 3.0 * self.size;
        let clipped = |i: usize| f64::from(self.error[i]).clamp(-limit, limit);
        let of_error = alike(&self.weight, clipped);
        let variance = (SPREAD * self.size).powi(2) * n / free;
        let variance: Vec<f64> = (0..p)
            .map(|j| {
                let of_column = alike(&self.weight, |i| f64::from(self.columns[j][i]));
                let both = (of_error * of_column).clamp(0.0, MOST_ALIKE);
                variance * (1.0 + both) / (1.0 - both)
            })
            .collect();
        let mut left = Left::new(&normal, p);
        for (j, scale) in scale.iter().enumerate() {
            // In columns of length one.
            if *scale > 0.0 {
                left.beta[j] = self.beta[j] / scale;
            } else {
                left.is_gone[j] = true;
            }
        }
        let mut is_held = vec![false; p];
        while let Some(j) = left
            .most(|j| left.inverse[j][j])
            .filter(|j| left.inverse[*j][*j] > HELD)
        {
            left.leave(j);
            is_held[j] = true;
        }
        let spent = |left: &Left, j: usize| {
            let t = left.beta[j] * left.beta[j] / left.inverse[j][j];
            noise * variance[j] / t.max(f64::MIN_POSITIVE)
        };
        while let Some(j) = left
            .most(|j| spent(&left, j))
            .filter(|j| spent(&left, *j) >= 1.0)
        {
            left.leave(j);
        }
        let whole = |j: usize| left.beta[j] * scale[j] * (1.0 - spent(&left, j)).max(0.0);
        let beta = (0..p).map(|j| if left.is_gone[j] { 0.0 } else { whole(j) });
        (beta.collect(), is_held)
    }

    /// What the columns explain of each window.
    pub(super) fn explained(&self) -> Vec<f64> {
        let mut explained = vec![0.0; self.error.len()];
        for (column, beta) in self.columns.iter().zip(&self.beta) {
            for (e, x) in explained.iter_mut().zip(*column) {
                *e += beta * f64::from(*x);
            }
        }
        explained
    }

    /// Errors, and their usual size: the median without as many of the least as there are columns, which these made small.
    fn look(&mut self, target: &[f32]) {
        self.error = errors(&self.columns, target, &self.beta);
        let counted = self
            .error
            .iter()
            .zip(&self.weight)
            .filter(|(_, w)| **w > 0.0);
        let mut sizes: Vec<f32> = counted.map(|(e, _)| e.abs()).collect();
        let least = self.beta.len().min(sizes.len());
        let middle = least + (sizes.len() - least) / 2;
        self.size = if middle < sizes.len() {
            f64::from(*sizes.select_nth_unstable_by(middle, f32::total_cmp).1)
        } else {
            0.0
        };
    }

    /// The equations with columns of length one, and what they are multiplied by.
    fn normal(&self, mut gram: Vec<f64>) -> (Vec<f64>, Vec<f64>) {
        let p = self.beta.len();
        let length = |j: usize| {
            let square = gram[j * (p + 1) + j];
            if square > 0.0 {
                1.0 / square.sqrt()
            } else {
                0.0
            }
        };
        let scale: Vec<f64> = (0..p).map(length).collect();
        for i in 0..p {
            for j in 0..=p {
                gram[i * (p + 1) + j] *= scale[i] * scale.get(j).copied().unwrap_or(1.0);
            }
            gram[i * (p + 1) + i] += STABLE;
        }
        (gram, scale)
    }
}

/// Autocorrelation of neighbours that both count.
fn alike(weight: &[f32], value: impl Fn(usize) -> f64) -> f64 {
    let (mut square, mut product) = (0.0, 0.0);
    for i in (0..weight.len()).filter(|i| weight[*i] > 0.0) {
        square += value(i) * value(i);
        if i > 0 && weight[i - 1] > 0.0 {
            product += value(i) * value(i - 1);
        }
    }
    if square > 0.0 { product / square } else { 0.0 }
}

/// Coefficients of columns of length one and the inverse of their products, from which columns leave one by one.
struct Left {
    beta: Vec<f64>,
    inverse: Vec<Vec<f64>>,
    is_gone: Vec<bool>,
}

impl Left {
    fn new(normal: &[f64], p: usize) -> Self {
        let column = |j: usize| {
            let mut system = normal.to_vec();
            for i in 0..p {
                system[i * (p + 1) + p] = f64::from(u8::from(i == j));
            }
            cholesky_solve(&mut system, p).unwrap_or_else(|| vec![0.0; p])
        };
        Self {
            beta: vec![0.0; p],
            inverse: (0..p).map(column).collect(),
            is_gone: vec![false; p],
        }
    }

    /// The column of those left of which `of` is largest.
    fn most(&self, of: impl Fn(usize) -> f64) -> Option<usize> {
        let left = (0..self.beta.len()).filter(|j| !self.is_gone[*j]);
        left.max_by(|a, b| of(*a).total_cmp(&of(*b)))
    }

    /// Takes a column away: the least squares of the others without it.
    fn leave(&mut self, j: usize) {
        let (own, beta) = (self.inverse[j].clone(), self.beta[j]);
        for i in 0..self.beta.len() {
            let share = self.inverse[i][j] / own[j];
            self.beta[i] -= share * beta;
            for (inverse, own) in self.inverse[i].iter_mut().zip(&own) {
                *inverse -= share * own;
            }
        }
        self.is_gone[j] = true;
    }
}
