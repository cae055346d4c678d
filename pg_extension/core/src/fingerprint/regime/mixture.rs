//! Normal distributions fitted to groups, from which every vector gets the group that it most probably belongs to.

use super::super::moments::{places, triangle};
use crate::error::{Error, ErrorKind, Result};
use crate::sample::flat::reserved;
use crate::time::{ShouldStop, check_stop};

/// Most passes of EM; from separated groups it stands still after a few.
const MAX_PASSES: usize = 100;

/// EM ends when a pass raises the mean log likelihood by less.
const TOLERANCE: f64 = 1e-6;

/// Added to every variance, in units of the variance of all: a group of equal vectors keeps a volume.
const RIDGE: f64 = 1e-6;

/// Rows between two looks at `should_stop`, and fewer when rows are long.
const ENTRIES_PER_LOOK: usize = 1 << 16;

/// One normal distribution; `factor` is the inverse of the Cholesky factor of its covariance, lower triangle by rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Normal {
    pub(super) log_weight: f64,
    pub(super) mean: Vec<f64>,
    pub(super) factor: Vec<f64>,
}

/// Sums over the vectors of one group, each with its weight.
#[derive(Clone)]
struct Sums {
    n: f64,
    x: Vec<f64>,
    xx: Vec<f64>,
}

/// A mixture of normal distributions by EM (Dempster, Laird and Rubin 1977) from groups. Covariances are drawn towards
/// the one within groups as if `rank` + 2 more vectors had it, which keeps those of small groups from collapsing (Fraley
/// and Raftery 2007, "Bayesian regularization for normal mixture estimation").
pub(super) fn fit(
    rank: usize,
    value: &[f64],
    groups: &[Vec<u32>],
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Normal>> {
    let n = value.len() / rank;
    let mut sums = Vec::with_capacity(groups.len());
    for group in groups {
        let mut sum = Sums::new(rank);
        for idx in group {
            let start = *idx as usize * rank;
            sum.add(&value[start..start + rank], 1.0);
        }
        sums.push(sum);
    }
    let within = within(&sums, n);
    let mut normals = normals(&sums, &within, n)?;
    let mut before = f64::NEG_INFINITY;
    let rows_per_look = (ENTRIES_PER_LOOK / (groups.len() * triangle(rank))).max(1);
    for _ in 0..MAX_PASSES {
        sums.iter_mut().for_each(|sum| *sum = Sums::new(rank));
        let mut total = 0.0;
        let mut share: Vec<f64> = reserved(groups.len())?;
        for (idx, row) in value.chunks_exact(rank).enumerate() {
            if idx.is_multiple_of(rows_per_look) {
                check_stop(should_stop)?;
            }
            share.clear();
            share.extend(normals.iter().map(|normal| normal.log_density(row)));
            let most = share.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = share.iter().map(|log| (log - most).exp()).sum();
            total += most + sum.ln();
            for (log, sums) in share.iter().zip(&mut sums) {
                let share = (log - most).exp() / sum;
                // What is less does not reach the last digit.
                if share > f64::EPSILON {
                    sums.add(row, share);
                }
            }
        }
        normals = self::normals(&sums, &within, n)?;
        if total / (n as f64) < before + TOLERANCE {
            break;
        }
        before = total / n as f64;
    }
    Ok(normals)
}

impl Sums {
    fn new(rank: usize) -> Self {
        Self {
            n: 0.0,
            x: vec![0.0; rank],
            xx: vec![0.0; triangle(rank)],
        }
    }

    fn add(&mut self, row: &[f64], weight: f64) {
        self.n += weight;
        let mut rest = self.xx.as_mut_slice();
        for (i, (sum, x)) in self.x.iter_mut().zip(row).enumerate() {
            *sum += weight * x;
            let (entries, below) = rest.split_at_mut(i + 1);
            let scaled = weight * x;
            entries
                .iter_mut()
                .zip(row)
                .for_each(|(entry, other)| *entry += scaled * other);
            rest = below;
        }
    }

    /// Σ w (x − mean)(x − mean)ᵀ. White coordinates lie around zero, so that nothing cancels.
    fn scatter(&self) -> Vec<f64> {
        let n = self.n.max(f64::MIN_POSITIVE);
        let entries = places(self.x.len()).zip(&self.xx);
        entries
            .map(|((i, j), xx)| xx - self.x[i] * self.x[j] / n)
            .collect()
    }
}

fn within(sums: &[Sums], n: usize) -> Vec<f64> {
    let mut within = vec![0.0; sums.first().map_or(0, |sum| sum.xx.len())];
    for sum in sums {
        within
            .iter_mut()
            .zip(sum.scatter())
            .for_each(|(entry, more)| *entry += more / n as f64);
    }
    within
}

fn normals(sums: &[Sums], within: &[f64], n: usize) -> Result<Vec<Normal>> {
    let normal = |sum: &Sums| {
        let rank = sum.x.len();
        let prior = (rank + 2) as f64;
        let mut covariance: Vec<f64> = sum.scatter();
        for (((i, j), entry), within) in places(rank).zip(&mut covariance).zip(within) {
            *entry = (*entry + prior * within) / (sum.n + prior) + if i == j { RIDGE } else { 0.0 };
        }
        Ok(Normal {
            log_weight: (sum.n / n as f64).max(f64::MIN_POSITIVE).ln(),
            mean: sum
                .x
                .iter()
                .map(|x| x / sum.n.max(f64::MIN_POSITIVE))
                .collect(),
            factor: inverse_factor(rank, covariance)?,
        })
    };
    sums.iter().map(normal).collect()
}

impl Normal {
    /// Logarithm of weight times density, less what all have in common.
    pub(super) fn log_density(&self, row: &[f64]) -> f64 {
        let (mut log, mut rest) = (self.log_weight, self.factor.as_slice());
        for i in 0..row.len() {
            let (entries, below) = rest.split_at(i + 1);
            let terms = entries.iter().zip(row.iter().zip(&self.mean));
            let z: f64 = terms.map(|(f, (x, mean))| f * (x - mean)).sum();
            log += entries[i].ln() - 0.5 * z * z;
            rest = below;
        }
        log
    }
}

/// The inverse of the Cholesky factor of a covariance, both lower triangles by rows.
fn inverse_factor(rank: usize, mut a: Vec<f64>) -> Result<Vec<f64>> {
    let at = |i: usize, j: usize| triangle(i) + j;
    for i in 0..rank {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| a[at(i, k)] * a[at(j, k)]).sum();
            let left = a[at(i, j)] - known;
            if i == j && !(left > 0.0 && left.is_finite()) {
                return Err(Error::new(
                    ErrorKind::Numeric,
                    "a covariance is not positive definite",
                ));
            }
            a[at(i, j)] = if i == j {
                left.sqrt()
            } else {
                left / a[at(j, j)]
            };
        }
    }
    let mut inverse = vec![0.0; a.len()];
    for j in 0..rank {
        inverse[at(j, j)] = 1.0 / a[at(j, j)];
        for i in j + 1..rank {
            let known: f64 = (j..i).map(|k| a[at(i, k)] * inverse[at(k, j)]).sum();
            inverse[at(i, j)] = -known / a[at(i, i)];
        }
    }
    Ok(inverse)
}
