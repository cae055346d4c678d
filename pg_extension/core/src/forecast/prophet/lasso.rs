//! The quadratic problem of one step: normal priors on the smooth parameters, the Laplace prior on the changes of slope.
//!
//! The smooth ones are eliminated by a Schur complement. What remains, ½·d'Sd + h'd + λ·|δ + d|₁, is solved exactly by
//! the feature-sign search of Lee, Battle, Raina and Ng 2006 ("Efficient sparse coding algorithms", NIPS 19): coordinate
//! descent would crawl, neighbouring hinges being nearly parallel.

use super::normal::{Normal, dot};
use super::problem::Problem;
use crate::error::Result;
use crate::time::{ShouldStop, check_stop};

/// Parameters that minimise the linearised loss about `theta` for a known variance of the noise.
///
/// `damping` is the share of each diagonal of JᵀJ that holds the step back; it leaves the fixed point where it is.
/// The search starts from the changes of slope of `near`, which costs or saves time only.
///
/// # Errors
/// `Cancelled`.
pub(super) fn step(
    problem: &Problem<'_>,
    normal: &Normal,
    theta: &[f64],
    variance: f64,
    damping: f64,
    near: &[f64],
    should_stop: ShouldStop<'_>,
) -> Result<Vec<f64>> {
    let (p, a) = (theta.len(), problem.smooth());
    let (smooth, delta) = theta.split_at(a);
    let s = p - a;
    let row = |i: usize| &normal.curvature[i * p..(i + 1) * p];
    let mut factor = vec![0.0; a * a];
    let mut known = vec![0.0; a];
    for i in 0..a {
        factor[i * a..(i + 1) * a].copy_from_slice(&row(i)[..a]);
        factor[i * a + i] += variance * problem.precision[i] + damping * row(i)[i];
        known[i] = normal.gradient[i] + variance * problem.precision[i] * smooth[i];
    }
    let (prior, prior_curvature) = problem.offset_prior(smooth);
    for (i, (slope, by)) in prior.iter().zip(&prior_curvature).enumerate() {
        known[i] += variance * slope;
        for (j, curvature) in by.iter().enumerate() {
            factor[i * a + j] += variance * curvature;
        }
    }
    check_stop(should_stop)?;
    cholesky(&mut factor, a);
    forward(&factor, &mut known);
    check_stop(should_stop)?;
    // Row j: the column of hinge j among the smooth ones, as the factor sees it.
    let mut hinges = vec![0.0; s * a];
    let mut schur = vec![0.0; s * s];
    let mut slope = vec![0.0; s];
    for j in 0..s {
        let (before, rest) = hinges.split_at_mut(j * a);
        let hinge = &mut rest[..a];
        hinge.copy_from_slice(&row(a + j)[..a]);
        forward(&factor, hinge);
        for (i, other) in before.chunks_exact(a).enumerate() {
            let v = row(a + j)[a + i] - dot(hinge, other);
            (schur[j * s + i], schur[i * s + j]) = (v, v);
        }
        let own = row(a + j)[a + j];
        schur[j * s + j] = own - dot(hinge, hinge) + damping * own;
        slope[j] = normal.gradient[a + j] - dot(hinge, &known);
    }
    let lasso = Lasso {
        curvature: schur,
        slope,
        from: delta,
        penalty: variance / problem.tau,
    };
    let found = lasso.solve(&near[a..], should_stop)?;
    for ((hinge, new), old) in hinges.chunks_exact(a).zip(&found).zip(delta) {
        for (k, h) in known.iter_mut().zip(hinge) {
            *k += h * (new - old);
        }
    }
    backward(&factor, &mut known);
    let moved = smooth.iter().zip(&known).map(|(v, step)| v - step);
    Ok(moved.chain(found).collect())
}

/// Minimise ½·(x − from)'·curvature·(x − from) + slope'·(x − from) + penalty·|x|₁.
#[derive(Debug)]
struct Lasso<'a> {
    curvature: Vec<f64>,
    slope: Vec<f64>,
    from: &'a [f64],
    penalty: f64,
}

impl Lasso<'_> {
    fn solve(&self, near: &[f64], should_stop: ShouldStop<'_>) -> Result<Vec<f64>> {
        let n = near.len();
        let mut x = near.to_vec();
        let mut sign: Vec<f64> = x
            .iter()
            .map(|v| if *v == 0.0 { 0.0 } else { v.signum() })
            .collect();
        let mut value = self.value(&x);
        // Every round lowers the value, so no set of signs comes twice; in practice a few rounds a changepoint do.
        for _ in 0..20 * n + 20 {
            check_stop(should_stop)?;
            let settled = self.improve(&mut x, &mut sign, &mut value);
            if settled && !self.activate(&x, &mut sign) {
                break;
            }
        }
        Ok(x)
    }

    fn gradient(&self, x: &[f64]) -> Vec<f64> {
        let step: Vec<f64> = x.iter().zip(self.from).map(|(x, f)| x - f).collect();
        let rows = self.curvature.chunks_exact(step.len().max(1));
        rows.zip(&self.slope)
            .map(|(row, slope)| dot(row, &step) + slope)
            .collect()
    }

    fn value(&self, x: &[f64]) -> f64 {
        let gradient = self.gradient(x);
        let steps = x.iter().zip(self.from).map(|(x, f)| x - f);
        let smooth: f64 = steps
            .zip(&gradient)
            .zip(&self.slope)
            .map(|((d, g), s)| d * (g + s))
            .sum();
        smooth / 2.0 + self.penalty * x.iter().map(|v| v.abs()).sum::<f64>()
    }

    /// Lets the zero that pulls hardest against the penalty move; `false` when none does.
    fn activate(&self, x: &[f64], sign: &mut [f64]) -> bool {
        let gradient = self.gradient(x);
        let zeros = (0..x.len()).filter(|i| sign[*i] == 0.0);
        let hardest = zeros.max_by(|i, j| gradient[*i].abs().total_cmp(&gradient[*j].abs()));
        match hardest {
            Some(i) if gradient[i].abs() > self.penalty * (1.0 + 1e-12) => {
                sign[i] = -gradient[i].signum();
                true
            }
            _ => false,
        }
    }

    /// Goes to the minimum for the present signs, or to the lowest point on the way where a value passes zero.
    /// `true` when that minimum was reached or nothing lower was found: what moves is then at its best.
    fn improve(&self, x: &mut Vec<f64>, sign: &mut [f64], value: &mut f64) -> bool {
        let active: Vec<usize> = (0..x.len()).filter(|i| sign[*i] != 0.0).collect();
        let target = self.target(&active, x, sign);
        let towards = |share: f64| {
            let mut y = x.clone();
            for (i, t) in active.iter().zip(&target) {
                y[*i] += share * (t - y[*i]);
            }
            y
        };
        let mut best: Option<(f64, Vec<f64>, bool)> = None;
        let mut offer = |y: Vec<f64>, whole: bool| {
            let v = self.value(&y);
            if v < best.as_ref().map_or(*value, |b| b.0) {
                best = Some((v, y, whole));
            }
        };
        let mut crosses = false;
        for (i, t) in active.iter().zip(&target) {
            if x[*i] * t < 0.0 {
                let mut y = towards(x[*i] / (x[*i] - t));
                y[*i] = 0.0;
                offer(y, false);
                crosses = true;
            }
        }
        offer(towards(1.0), !crosses);
        let settled = match best {
            Some((v, y, whole)) => {
                (*value, *x) = (v, y);
                whole
            }
            None => true,
        };
        for (s, v) in sign.iter_mut().zip(x.iter()) {
            *s = if *v == 0.0 { 0.0 } else { v.signum() };
        }
        settled
    }

    /// Minimum over the active ones for fixed signs, the others staying at zero.
    fn target(&self, active: &[usize], x: &[f64], sign: &[f64]) -> Vec<f64> {
        let (n, m) = (x.len(), active.len());
        let gradient = self.gradient(x);
        let mut factor = vec![0.0; m * m];
        for (row, i) in factor.chunks_exact_mut(m.max(1)).zip(active) {
            for (v, j) in row.iter_mut().zip(active) {
                *v = self.curvature[i * n + j];
            }
        }
        let mut step: Vec<f64> = active
            .iter()
            .map(|i| gradient[*i] + self.penalty * sign[*i])
            .collect();
        cholesky(&mut factor, m);
        forward(&factor, &mut step);
        backward(&factor, &mut step);
        active.iter().zip(&step).map(|(i, d)| x[*i] - d).collect()
    }
}

/// Lower Cholesky factor in place, row after row; a pivot lost to rounding becomes tiny instead of negative.
fn cholesky(a: &mut [f64], n: usize) {
    for i in 0..n {
        let (above, rest) = a.split_at_mut(i * n);
        let row = &mut rest[..n];
        for (j, other) in above.chunks_exact(n).enumerate() {
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        let pivot = row[i] - dot(&row[..i], &row[..i]);
        row[i] = pivot.max(1e-14 * row[i]).max(f64::MIN_POSITIVE).sqrt();
    }
}

/// Solves L·x = v in place.
fn forward(l: &[f64], v: &mut [f64]) {
    let n = v.len();
    for (i, row) in l.chunks_exact(n.max(1)).enumerate() {
        v[i] = (v[i] - dot(&row[..i], &v[..i])) / row[i];
    }
}

/// Solves Lᵀ·x = v in place.
fn backward(l: &[f64], v: &mut [f64]) {
    let n = v.len();
    for (i, row) in l.chunks_exact(n.max(1)).enumerate().rev() {
        v[i] /= row[i];
        let known = v[i];
        for (v, l) in v.iter_mut().zip(&row[..i]) {
            *v -= l * known;
        }
    }
}
