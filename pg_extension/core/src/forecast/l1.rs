//! Linear median regression, shrunk, over columns of numbers: the engine of the direct models.
//!
//! min Σ w·|y − x·β| + ridge, by iteratively reweighted least squares (Schlossmacher 1973): squares first, then three times
//! with weights w / max(|e| / mean |e|, 1/20). Columns are scaled to a root mean square of one, so that one strength of the
//! ridge fits all of them, and there is no intercept: without evidence β is 0. Cost: 4 · rows · columns² / 2 multiplications.

use std::ops::Range;

/// Rows worked on at a time: their columns stay in the first-level cache.
const CHUNK: usize = 256;

/// Sums kept apart in a dot product, so that they are independent of each other.
const LANES: usize = 8;

/// Reweightings after the first fit; a fourth changed no forecast in the third digit.
const REWEIGHTINGS: usize = 3;

/// Smallest size of an error relative to the mean one, as a weight: 20 rows on the plane count no more than 20 beside it.
const SMALLEST: f32 = 0.05;

/// How much stronger the ridge of doubted columns is; from 5 to 20 errors were the same, below they grew where such columns tell nothing.
const STRONGER: f64 = 5.0;

/// How much further than in all rows a column may go and still count.
const REACH: f64 = 3.0;

/// A number in single precision, for columns.
#[allow(
    clippy::cast_possible_truncation,
    reason = "columns are differences within a series of typical size one"
)]
pub(super) fn single(v: f64) -> f32 {
    v as f32
}

/// Columns of equal length; `f32` holds what a ridge of a hundredth leaves to see, at twice the speed.
pub(super) struct Problem<'a> {
    /// The columns of x.
    pub(super) columns: Vec<&'a [f32]>,
    /// y.
    pub(super) target: &'a [f32],
    /// Weight of each row.
    pub(super) weight: &'a [f32],
    /// Ridge as a share of the sum of weights.
    pub(super) ridge: f64,
    /// Columns of which less is expected: their ridge is [`STRONGER`] times as large.
    pub(super) doubted: Range<usize>,
}

/// Coefficients, and how far their columns went when they were learnt.
#[derive(Debug, Clone)]
pub(super) struct Line {
    beta: Vec<f64>,
    reach: Vec<f64>,
}

impl Line {
    /// x·β, no x further than [`REACH`] times as far as it went: what a column that hardly moved explains is learnt from its
    /// rounding, and the first real movement times such a coefficient would be anything.
    pub(super) fn at<'x>(&self, x: impl Iterator<Item = &'x f64>) -> f64 {
        x.zip(self.beta.iter().zip(&self.reach))
            .map(|(x, (b, reach))| x.clamp(-reach, *reach) * b)
            .sum()
    }
}

impl Problem<'_> {
    /// The coefficients for forecasts from columns of which nobody says how far they will go.
    pub(super) fn line(&self) -> Line {
        let furthest = |column: &&[f32]| column.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let reach = self.columns.iter().map(|c| REACH * f64::from(furthest(c)));
        Line {
            reach: reach.collect(),
            beta: self.solve(),
        }
    }

    /// The coefficients, one per column; zeros where nothing can be learnt.
    pub(super) fn solve(&self) -> Vec<f64> {
        let p = self.columns.len();
        let n = self.target.len();
        let mut columns = self.columns.clone();
        columns.push(self.target);
        let mut weight = self.weight.to_vec();
        let mut scale: Vec<f64> = Vec::new();
        let mut beta = vec![0.0; p];
        for pass in 0..=REWEIGHTINGS {
            let total: f64 = weight.iter().map(|w| f64::from(*w)).sum();
            let mut gram = gram(&columns, &weight);
            if pass == 0 {
                scale = (0..p)
                    .map(|j| inverse_rms(gram[j * (p + 1) + j], total))
                    .collect();
            }
            for i in 0..p {
                for j in 0..=p {
                    let by = scale.get(j).copied().unwrap_or(1.0);
                    gram[i * (p + 1) + j] *= scale[i] * by;
                }
                let square = &mut gram[i * (p + 1) + i];
                let stronger = if self.doubted.contains(&i) {
                    STRONGER
                } else {
                    1.0
                };
                *square += stronger * self.ridge * total + f64::MIN_POSITIVE;
            }
            let Some(solution) = cholesky_solve(&mut gram, p) else {
                break;
            };
            for (b, (s, x)) in beta.iter_mut().zip(scale.iter().zip(&solution)) {
                *b = s * x;
            }
            if pass < REWEIGHTINGS {
                let error = errors(&self.columns, self.target, &beta);
                let mean = error
                    .iter()
                    .zip(self.weight)
                    .map(|(e, w)| f64::from(e.abs() * w))
                    .sum::<f64>()
                    / self.weight.iter().map(|w| f64::from(*w)).sum::<f64>();
                if mean <= 0.0 || mean.is_nan() {
                    break;
                }
                let inverse = single(1.0 / mean);
                for r in 0..n {
                    weight[r] = self.weight[r] / (error[r].abs() * inverse).max(SMALLEST);
                }
            }
        }
        beta
    }
}

/// y − x·β of each row.
pub(super) fn errors(columns: &[&[f32]], target: &[f32], beta: &[f64]) -> Vec<f32> {
    let mut error = target.to_vec();
    for (column, b) in columns.iter().zip(beta) {
        let b = single(*b);
        for (e, x) in error.iter_mut().zip(*column) {
            *e -= b * x;
        }
    }
    error
}

fn inverse_rms(square: f64, total: f64) -> f64 {
    if square > 0.0 {
        (total / square).sqrt()
    } else {
        0.0
    }
}

/// Upper triangle of XᵀWX, X's last column being the target; row-major, (p + 1)².
pub(super) fn gram(columns: &[&[f32]], weight: &[f32]) -> Vec<f64> {
    let q = columns.len();
    let mut sums = vec![0.0; q * q];
    let mut weighted = [0.0_f32; CHUNK];
    for from in (0..weight.len()).step_by(CHUNK) {
        let until = weight.len().min(from + CHUNK);
        let weighted = &mut weighted[..until - from];
        for i in 0..q {
            for (w, (a, b)) in weighted
                .iter_mut()
                .zip(weight[from..until].iter().zip(&columns[i][from..until]))
            {
                *w = a * b;
            }
            let mut j = i;
            while j + 4 <= q {
                let d = dot4(weighted, [0, 1, 2, 3].map(|k| &columns[j + k][from..until]));
                for (k, d) in d.iter().enumerate() {
                    sums[i * q + j + k] += f64::from(*d);
                }
                j += 4;
            }
            while j < q {
                sums[i * q + j] += f64::from(dot(weighted, &columns[j][from..until]));
                j += 1;
            }
        }
    }
    for i in 0..q {
        for j in 0..i {
            sums[i * q + j] = sums[j * q + i];
        }
    }
    sums
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for l in 0..LANES {
            sums[l] += a[l] * b[l];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// Four dot products that share their first factor.
fn dot4(a: &[f32], b: [&[f32]; 4]) -> [f32; 4] {
    let mut sums = [[0.0_f32; LANES]; 4];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let b = b.map(<[f32]>::as_chunks::<LANES>);
    for (i, a) in a.iter().enumerate() {
        for k in 0..4 {
            let b = &b[k].0[i];
            for l in 0..LANES {
                sums[k][l] += a[l] * b[l];
            }
        }
    }
    let mut out = [0.0; 4];
    for k in 0..4 {
        let rest: f32 = a_rest.iter().zip(b[k].1).map(|(a, b)| a * b).sum();
        out[k] = sums[k].iter().sum::<f32>() + rest;
    }
    out
}

/// Solves the leading p × p block against the last column; `None` where it is not positive definite.
pub(super) fn cholesky_solve(gram: &mut [f64], p: usize) -> Option<Vec<f64>> {
    let q = p + 1;
    for j in 0..p {
        for i in j..p {
            let mut sum = gram[i * q + j];
            for k in 0..j {
                sum -= gram[i * q + k] * gram[j * q + k];
            }
            if i == j {
                if sum <= 0.0 || sum.is_nan() {
                    return None;
                }
                gram[j * q + j] = sum.sqrt();
            } else {
                gram[i * q + j] = sum / gram[j * q + j];
            }
        }
    }
    let mut x: Vec<f64> = (0..p).map(|i| gram[i * q + p]).collect();
    for i in 0..p {
        for k in 0..i {
            x[i] -= gram[i * q + k] * x[k];
        }
        x[i] /= gram[i * q + i];
    }
    for i in (0..p).rev() {
        for k in i + 1..p {
            x[i] -= gram[k * q + i] * x[k];
        }
        x[i] /= gram[i * q + i];
    }
    Some(x)
}
