//! Minimises the weighted, smoothed pinball loss: L-BFGS (Nocedal and Wright 2006, algorithm 7.4), deterministic.

use std::collections::VecDeque;

use super::row::N;
use crate::error::{Error, ErrorKind, Result};
use crate::time::{ShouldStop, check_stop};

/// Half-width of the interval of residuals in which the loss is a parabola, in units of the level of demand.
pub(super) const SMOOTHING: f64 = 0.02;

/// Penalty on half the square of each standardised coefficient but the intercept.
const RIDGE: f64 = 1e-3;

/// Pairs of steps that L-BFGS remembers; the problem has sixteen dimensions.
const MEMORY: usize = 12;

/// Most iterations; typical fits take a dozen.
const MAX_ITERATIONS: usize = 200;

/// Most halvings of a step before the direction is given up: a billionth of it remains.
const MAX_HALVINGS: usize = 30;

/// Share of the decrease that the slope promises which a step must reach (the usual constant of Armijo's rule).
const ENOUGH: f64 = 1e-4;

/// Stop when an iteration gains less than this share of the loss: far below what a forecast could show.
const MIN_GAIN: f64 = 1e-7;

/// A row ready to train on: standardised features, target in units of the level, weight (mean 1).
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) z: [f64; N],
    pub(super) y: f64,
    pub(super) weight: f64,
}

/// One level's problem.
#[derive(Debug)]
pub(super) struct Problem<'a> {
    pub(super) samples: &'a [Sample],
    pub(super) level: f64,
    /// Lower Cholesky factor of the Gram matrix: the metric in which the problem is round.
    pub(super) metric: &'a [[f64; N]; N],
}

impl Problem<'_> {
    /// Loss and gradient at `beta`: mean of weight · ρ(y − zβ), plus the ridge.
    ///
    /// ρ is the pinball loss convolved with a box of half-width [`SMOOTHING`]; it is convex and its slope is continuous.
    pub(super) fn loss(&self, beta: &[f64; N]) -> (f64, [f64; N]) {
        let (mut loss, mut gradient) = (0.0, [0.0; N]);
        for s in self.samples {
            let r = s.y - dot(&s.z, beta);
            let slope =
                (r / (2.0 * SMOOTHING) + self.level - 0.5).clamp(self.level - 1.0, self.level);
            let inside = r.abs() < SMOOTHING;
            let bend = if inside {
                (r * r / SMOOTHING + SMOOTHING) / 4.0 + (self.level - 0.5) * r
            } else {
                slope * r
            };
            loss += s.weight * bend;
            let pull = s.weight * slope;
            for (g, z) in gradient.iter_mut().zip(&s.z) {
                *g -= pull * z;
            }
        }
        let share = 1.0 / super::row::count(self.samples.len().max(1));
        loss *= share;
        for (j, (g, b)) in gradient.iter_mut().zip(beta).enumerate() {
            let ridge = if j == 0 { 0.0 } else { RIDGE };
            *g = *g * share + ridge * b;
            loss += 0.5 * ridge * b * b;
        }
        (loss, gradient)
    }

    /// The coefficients of least loss, starting from `start`.
    ///
    /// # Errors
    /// `Cancelled`; `Numeric` when the loss is not finite.
    pub(super) fn minimise(
        &self,
        start: [f64; N],
        should_stop: ShouldStop<'_>,
    ) -> Result<[f64; N]> {
        let mut here = self.at(start);
        if !here.loss.is_finite() {
            return Err(Error::new(
                ErrorKind::Numeric,
                "the loss of the demand model is not finite",
            )
            .with_hint("demand or unit_capacity is extreme; check their units"));
        }
        let mut memory: VecDeque<Pair> = VecDeque::with_capacity(MEMORY);
        for _ in 0..MAX_ITERATIONS {
            let direction = self.direction(&here.gradient, &memory);
            let Some(next) = self.line_search(&here, &direction, should_stop)? else {
                if memory.is_empty() {
                    break;
                }
                // What was learnt about the curvature no longer holds: start again from the metric alone.
                memory.clear();
                continue;
            };
            remember(&mut memory, &here, &next);
            let gain = here.loss - next.loss;
            here = next;
            if gain <= MIN_GAIN * here.loss.abs() {
                break;
            }
        }
        Ok(here.beta)
    }

    fn at(&self, beta: [f64; N]) -> Point {
        let (loss, gradient) = self.loss(&beta);
        Point {
            beta,
            loss,
            gradient,
        }
    }

    /// The first step of 1, ½, ¼ … that lowers the loss enough (Armijo); `None` where none does.
    fn line_search(
        &self,
        from: &Point,
        direction: &[f64; N],
        should_stop: ShouldStop<'_>,
    ) -> Result<Option<Point>> {
        let slope = dot(direction, &from.gradient);
        if slope.is_nan() || slope >= 0.0 {
            return Ok(None);
        }
        let mut length = 1.0;
        for _ in 0..MAX_HALVINGS {
            check_stop(should_stop)?;
            let mut beta = from.beta;
            add_scaled(&mut beta, length, direction);
            let next = self.at(beta);
            if next.loss <= from.loss + ENOUGH * length * slope {
                return Ok(Some(next));
            }
            length *= 0.5;
        }
        Ok(None)
    }

    /// Minus the inverse Hessian estimate times the gradient (two-loop recursion).
    fn direction(&self, gradient: &[f64; N], memory: &VecDeque<Pair>) -> [f64; N] {
        let mut q = *gradient;
        let mut alphas = Vec::with_capacity(memory.len());
        for p in memory.iter().rev() {
            let alpha = p.rho * dot(&p.s, &q);
            add_scaled(&mut q, -alpha, &p.y);
            alphas.push(alpha);
        }
        let mut r = self.solve(&q);
        if let Some(p) = memory.back() {
            let gamma = 1.0 / (p.rho * dot(&p.y, &self.solve(&p.y)));
            r = r.map(|v| v * gamma);
        }
        for (p, alpha) in memory.iter().zip(alphas.iter().rev()) {
            let omega = p.rho * dot(&p.y, &r);
            add_scaled(&mut r, alpha - omega, &p.s);
        }
        r.map(|v| -v)
    }

    /// Solves metric · metricᵀ · x = v.
    fn solve(&self, v: &[f64; N]) -> [f64; N] {
        let mut x = *v;
        for i in 0..N {
            for j in 0..i {
                x[i] -= self.metric[i][j] * x[j];
            }
            x[i] /= self.metric[i][i];
        }
        for i in (0..N).rev() {
            for j in i + 1..N {
                x[i] -= self.metric[j][i] * x[j];
            }
            x[i] /= self.metric[i][i];
        }
        x
    }
}

/// Coefficients with what the loss is there.
#[derive(Debug)]
struct Point {
    beta: [f64; N],
    loss: f64,
    gradient: [f64; N],
}

/// A step and the change of the gradient along it.
#[derive(Debug)]
struct Pair {
    s: [f64; N],
    y: [f64; N],
    rho: f64,
}

/// Keeps a pair whose curvature is more than rounding of the gradient; where the loss is straight there is none.
fn remember(memory: &mut VecDeque<Pair>, from: &Point, to: &Point) {
    let (s, y) = (sub(&to.beta, &from.beta), sub(&to.gradient, &from.gradient));
    let curvature = dot(&s, &y);
    if curvature > 1e-9 * (dot(&s, &s) * dot(&from.gradient, &from.gradient)).sqrt() {
        if memory.len() == MEMORY {
            memory.pop_front();
        }
        memory.push_back(Pair {
            s,
            y,
            rho: 1.0 / curvature,
        });
    }
}

/// Lower Cholesky factor of the weighted Gram matrix of the samples plus a small ridge; what a constant feature lacks
/// in variance the ridge supplies.
pub(super) fn gram_factor(samples: &[Sample]) -> [[f64; N]; N] {
    let mut a = [[0.0; N]; N];
    for s in samples {
        for (i, row) in a.iter_mut().enumerate() {
            let wz = s.weight * s.z[i];
            for (v, z) in row.iter_mut().zip(&s.z).take(i + 1) {
                *v += wz * z;
            }
        }
    }
    let share = 1.0 / super::row::count(samples.len().max(1));
    for (i, row) in a.iter_mut().enumerate() {
        for v in row.iter_mut() {
            *v *= share;
        }
        row[i] += 1e-3;
    }
    cholesky(a)
}

fn cholesky(mut a: [[f64; N]; N]) -> [[f64; N]; N] {
    for i in 0..N {
        for j in 0..=i {
            let known: f64 = a[i].iter().zip(&a[j]).take(j).map(|(p, q)| p * q).sum();
            let rest = a[i][j] - known;
            a[i][j] = if i == j {
                rest.max(1e-12).sqrt()
            } else {
                rest / a[j][j]
            };
        }
    }
    a
}

/// Four running sums, so that the compiler may use vector registers; the order is fixed, hence the result.
fn dot(a: &[f64; N], b: &[f64; N]) -> f64 {
    let mut sum = [0.0; 4];
    for (a, b) in a.chunks_exact(4).zip(b.chunks_exact(4)) {
        for ((s, a), b) in sum.iter_mut().zip(a).zip(b) {
            *s += a * b;
        }
    }
    (sum[0] + sum[1]) + (sum[2] + sum[3])
}

fn sub(a: &[f64; N], b: &[f64; N]) -> [f64; N] {
    let mut out = *a;
    add_scaled(&mut out, -1.0, b);
    out
}

fn add_scaled(a: &mut [f64; N], k: f64, b: &[f64; N]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += k * b;
    }
}
