//! One pass over the rows: residuals, and the normal equations of the model linearised at the parameters.
//!
//! The columns of hinges are never made. With u = t − (the knot before it), Σ w·v and Σ w·u·v of each segment give every
//! product with a hinge by suffix sums, so that a row costs the same however many changepoints there are.

use super::problem::{B, BETA, K, Problem, bends};
use super::spec::Growth;
use crate::error::Result;
use crate::time::{ShouldStop, check_stop};

/// Rows computed at once: their columns stay in the fastest cache.
const BLOCK: usize = 128;

/// ½·(sum of squared residuals) and its derivatives by the parameters.
#[derive(Debug)]
pub(super) struct Normal {
    /// Sum of squared residuals.
    pub(super) rss: f64,
    /// Gradient: −Jᵀr.
    pub(super) gradient: Vec<f64>,
    /// JᵀJ, row after row; empty where it was not asked for.
    pub(super) curvature: Vec<f64>,
}

/// Sums over one segment; w is the derivative of the forecast by the bending line.
#[derive(Debug, Clone)]
struct Segment {
    /// Σ w², Σ w²·u, Σ w²·u².
    own: [f64; 3],
    /// Σ w·v and Σ w·u·v for each column and, last, the residual.
    with: Vec<[f64; 2]>,
}

#[derive(Debug)]
struct Sums {
    segments: Vec<Segment>,
    /// Products of the columns with each other (lower triangle) and with the residual (last row).
    columns: Vec<f64>,
    rss: f64,
}

/// # Errors
/// `Cancelled`.
pub(super) fn pass(
    problem: &Problem<'_>,
    theta: &[f64],
    with_curvature: bool,
    should_stop: ShouldStop<'_>,
) -> Result<Normal> {
    let sums = accumulate(problem, theta, with_curvature, should_stop)?;
    let columns = problem.multiplicative.len();
    let parameters = theta.len();
    let mut gradient = vec![0.0; parameters];
    hinge_products(problem, &sums, columns, |i, v| gradient[i] = -v);
    for (j, g) in gradient[BETA..].iter_mut().take(columns).enumerate() {
        *g = -sums.columns[columns * columns + j];
    }
    let mut curvature = Vec::new();
    if with_curvature {
        curvature = vec![0.0; parameters * parameters];
        own_products(problem, &sums, parameters, &mut curvature);
        for j in 0..columns {
            hinge_products(problem, &sums, j, |i, v| {
                curvature[i * parameters + BETA + j] = v;
                curvature[(BETA + j) * parameters + i] = v;
            });
            for i in 0..=j {
                let v = sums.columns[j * columns + i];
                curvature[(BETA + j) * parameters + BETA + i] = v;
                curvature[(BETA + i) * parameters + BETA + j] = v;
            }
        }
    }
    Ok(Normal {
        rss: sums.rss,
        gradient,
        curvature,
    })
}

fn accumulate(
    problem: &Problem<'_>,
    theta: &[f64],
    with_curvature: bool,
    should_stop: ShouldStop<'_>,
) -> Result<Sums> {
    let columns = problem.multiplicative.len();
    let mut sums = Sums {
        segments: vec![
            Segment {
                own: [0.0; 3],
                with: vec![[0.0; 2]; columns + 1],
            };
            problem.knots.len()
        ],
        columns: vec![0.0; (columns + 1) * columns],
        rss: 0.0,
    };
    let (smooth, delta) = theta.split_at(problem.smooth());
    let lines = bends(problem.growth, &problem.knots, smooth[B], smooth[K], delta);
    let mut block = Block::new(columns);
    for (l, rows) in problem.segments.iter().enumerate() {
        let segment = &mut sums.segments[l];
        for start in rows.clone().step_by(BLOCK) {
            check_stop(should_stop)?;
            let rows = start..rows.end.min(start + BLOCK);
            block.evaluate(problem, &smooth[BETA..], rows, problem.knots[l], lines[l]);
            block.add_to(segment, &mut sums.columns, &mut sums.rss, with_curvature);
        }
    }
    Ok(sums)
}

/// Up to [`BLOCK`] rows of one segment.
#[derive(Debug)]
struct Block {
    rows: usize,
    /// Derivative of the forecast by each β, column after column, then the residual.
    columns: Vec<f64>,
    w: Vec<f64>,
    wu: Vec<f64>,
}

impl Block {
    fn new(columns: usize) -> Self {
        Self {
            rows: 0,
            columns: vec![0.0; (columns + 1) * BLOCK],
            w: vec![0.0; BLOCK],
            wu: vec![0.0; BLOCK],
        }
    }

    fn evaluate(
        &mut self,
        problem: &Problem<'_>,
        beta: &[f64],
        rows: std::ops::Range<usize>,
        knot: f64,
        (value, slope): (f64, f64),
    ) {
        let n = rows.len();
        self.rows = n;
        let mut from = 0;
        for group in &problem.history.groups {
            let size = group.width() * n;
            let out = &mut self.columns[from..from + size];
            problem.history.table.inputs.fill(group, rows.clone(), out);
            from += size;
        }
        let (columns, residual) = self.columns.split_at_mut(from);
        let residual = &mut residual[..n];
        residual.copy_from_slice(&problem.history.y[rows.clone()]);
        let mut share = [1.0; BLOCK];
        for ((column, beta), multiplicative) in columns
            .chunks_exact(n)
            .zip(beta)
            .zip(&problem.multiplicative)
        {
            let (into, factor) = if *multiplicative {
                (&mut share[..n], *beta)
            } else {
                (&mut *residual, -*beta)
            };
            for (v, x) in into.iter_mut().zip(column) {
                *v += factor * x;
            }
        }
        let mut trend = [value; BLOCK];
        for (i, row) in rows.enumerate() {
            let u = problem.t[row] - knot;
            self.w[i] = share[i];
            match problem.growth {
                Growth::Linear => trend[i] += slope * u,
                Growth::Logistic => {
                    let level = 1.0 / (1.0 + (-(value + slope * u)).exp());
                    trend[i] = problem.cap[row] * level;
                    self.w[i] *= trend[i] * (1.0 - level);
                }
                Growth::Flat => {}
            }
            self.wu[i] = self.w[i] * u;
            residual[i] -= trend[i] * share[i];
        }
        for (column, multiplicative) in columns.chunks_exact_mut(n).zip(&problem.multiplicative) {
            if *multiplicative {
                for (x, trend) in column.iter_mut().zip(&trend) {
                    *x *= trend;
                }
            }
        }
    }

    fn add_to(
        &self,
        segment: &mut Segment,
        products: &mut [f64],
        rss: &mut f64,
        with_curvature: bool,
    ) {
        let n = self.rows;
        let (w, wu) = (&self.w[..n], &self.wu[..n]);
        let width = segment.with.len() - 1;
        let all: Vec<&[f64]> = self.columns.chunks_exact(n).take(width + 1).collect();
        let residual = all[width];
        *rss += dot(residual, residual);
        let first = if with_curvature { 0 } else { width };
        for (j, column) in all.iter().enumerate().skip(first) {
            segment.with[j][0] += dot(w, column);
            segment.with[j][1] += dot(wu, column);
            let into = &mut products[j * width..];
            for (product, other) in into.iter_mut().zip(all.iter().take((j + 1).min(width))) {
                *product += dot(column, other);
            }
        }
        if with_curvature {
            segment.own[0] += dot(w, w);
            segment.own[1] += dot(w, wu);
            segment.own[2] += dot(wu, wu);
        }
    }
}

/// Products of the offset and of each hinge with column `j` (the residual after the last).
fn hinge_products(problem: &Problem<'_>, sums: &Sums, j: usize, mut put: impl FnMut(usize, f64)) {
    let (mut level, mut hinge) = (0.0, 0.0);
    let mut later = 1.0;
    for (l, segment) in sums.segments.iter().enumerate().rev() {
        let knot = problem.knots[l];
        hinge += (later - knot) * level + segment.with[j][1];
        level += segment.with[j][0];
        later = knot;
        if problem.growth != Growth::Flat {
            put(place(problem, l), hinge);
        }
    }
    put(B, level);
}

/// Products of the offset and the hinges with each other.
fn own_products(problem: &Problem<'_>, sums: &Sums, parameters: usize, out: &mut [f64]) {
    let mut own = [0.0; 3];
    let mut later = 1.0;
    let mut put = |i: usize, j: usize, v: f64| {
        out[i * parameters + j] = v;
        out[j * parameters + i] = v;
    };
    for (l, segment) in sums.segments.iter().enumerate().rev() {
        let gap = later - problem.knots[l];
        own[2] += gap * (2.0 * own[1] + gap * own[0]) + segment.own[2];
        own[1] += gap * own[0] + segment.own[1];
        own[0] += segment.own[0];
        later = problem.knots[l];
        if problem.growth == Growth::Flat {
            continue;
        }
        put(B, place(problem, l), own[1]);
        // An earlier hinge is this one plus the distance of their knots, wherever this one is not zero.
        for (e, earlier) in problem.knots.iter().enumerate().take(l + 1) {
            put(
                place(problem, e),
                place(problem, l),
                own[2] + (later - earlier) * own[1],
            );
        }
    }
    put(B, B, own[0]);
}

/// The parameter of the hinge at knot `l`.
fn place(problem: &Problem<'_>, l: usize) -> usize {
    if l == 0 { K } else { problem.smooth() + l - 1 }
}

/// Eight running sums, so that the compiler may use vector registers; the order is fixed, hence the result.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (mut a, mut b) = (a.chunks_exact(8), b.chunks_exact(8));
    for (a, b) in a.by_ref().zip(b.by_ref()) {
        for ((s, a), b) in sums.iter_mut().zip(a).zip(b) {
            *s += a * b;
        }
    }
    let rest: f64 = a
        .remainder()
        .iter()
        .zip(b.remainder())
        .map(|(a, b)| a * b)
        .sum();
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
    ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7)) + rest
}
