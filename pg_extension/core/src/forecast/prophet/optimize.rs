//! The mode of the posterior by damped Gauss–Newton steps (Levenberg 1944, Marquardt 1963) that keep the Laplace prior.
//!
//! Stan walks to it by L-BFGS, with one pass over the rows for each of some hundred trial points, and stalls at the
//! corners of the Laplace prior. Here a pass yields the whole normal equations, between passes the step is solved
//! exactly, corners included, and the noise is at its likeliest value throughout. With additive terms and a trend that
//! is not logistic the equations never change, and three passes do.

use super::lasso;
use super::normal::{Normal, pass};
use super::problem::{K, Problem};
use super::spec::Growth;
use crate::error::{Error, ErrorKind, Result};
use crate::time::ShouldStop;

/// Most passes with accepted steps; a dozen is usual.
const MAX_STEPS: usize = 200;

/// Stan's tolerance for relative changes of the objective: 10⁴ times the precision of numbers.
const TOLERANCE: f64 = 1e4 * f64::EPSILON;

/// Most rounds of step and noise between two passes; where the rows outnumber the parameters a dozen do.
const MAX_ROUNDS: usize = 100;

/// Damping that only guards against parallel columns.
const MIN_DAMPING: f64 = 1e-12;

/// Damping at which not even a tiny step gains anything.
const MAX_DAMPING: f64 = 1e8;

/// Where the search ended.
#[derive(Debug)]
pub(super) struct Mode {
    pub(super) theta: Vec<f64>,
    pub(super) sigma: f64,
    /// Log posterior without constants, as Stan's lp__.
    pub(super) objective: f64,
    pub(super) passes: usize,
}

impl Mode {
    /// The start itself, for a series that it describes without error.
    pub(super) fn exact(problem: &Problem<'_>, theta: Vec<f64>) -> Self {
        let variance = problem.variance(0.0);
        Self {
            objective: -problem.loss(&theta, 0.0, variance),
            sigma: variance.sqrt(),
            theta,
            passes: 0,
        }
    }
}

/// A point with what is known there.
#[derive(Debug)]
struct Place {
    theta: Vec<f64>,
    variance: f64,
    loss: f64,
    normal: Normal,
}

/// The mode found from `start`; with a logistic trend the best one of several.
///
/// There the prior of m = −b/k is a wall between positive and negative k, and the first and the last value, by which the
/// start is chosen, may put it on the wrong side or next to the wall, where a bend takes the place of the slope.
///
/// # Errors
/// `Cancelled`; `Numeric` where the posterior is not finite at the start.
pub(super) fn maximise(
    problem: &Problem<'_>,
    start: Vec<f64>,
    should_stop: ShouldStop<'_>,
) -> Result<Mode> {
    let factors: &[f64] = match problem.growth {
        Growth::Logistic => &[10.0, -10.0],
        Growth::Linear | Growth::Flat => &[],
    };
    let mut best = climb(problem, start.clone(), should_stop)?;
    for factor in factors {
        let mut other = start.clone();
        other[K] *= factor;
        let found = climb(problem, other, should_stop)?;
        let passes = best.passes + found.passes;
        if found.objective > best.objective {
            best = found;
        }
        best.passes = passes;
    }
    Ok(best)
}

fn climb(problem: &Problem<'_>, start: Vec<f64>, should_stop: ShouldStop<'_>) -> Result<Mode> {
    let normal = pass(problem, &start, true, should_stop)?;
    let mut here = Place::new(problem, start, normal);
    if !here.loss.is_finite() {
        return Err(Error::new(
            ErrorKind::Numeric,
            "the posterior is not finite at the start",
        )
        .with_hint("caps, floors or regressors are extreme; check their units"));
    }
    // The search for the noise goes down from the size of the values: of several maxima it finds the one with most noise,
    // not one that explains every value of a short series.
    here.variance = 1.0;
    let mut damping = MIN_DAMPING;
    let mut passes = 1;
    for _ in 0..MAX_STEPS {
        let theta = aim(problem, &here, damping, should_stop)?;
        let mut normal = pass(problem, &theta, !problem.is_linear(), should_stop)?;
        passes += 1;
        if problem.is_linear() {
            normal.curvature = std::mem::take(&mut here.normal.curvature);
        }
        let mut next = Place::new(problem, theta, normal);
        let gain = here.loss - next.loss;
        let tolerance = TOLERANCE * here.loss.abs().max(1.0);
        if gain >= 0.0 {
            damping = (damping * 0.1).max(MIN_DAMPING);
            here = next;
        } else {
            damping = (damping * 10.0).max(1e-4);
            if problem.is_linear() {
                std::mem::swap(&mut here.normal.curvature, &mut next.normal.curvature);
            }
        }
        if gain.abs() <= tolerance || damping > MAX_DAMPING {
            break;
        }
    }
    Ok(Mode {
        theta: here.theta,
        sigma: here.variance.sqrt(),
        objective: -here.loss,
        passes,
    })
}

impl Place {
    fn new(problem: &Problem<'_>, theta: Vec<f64>, normal: Normal) -> Self {
        let variance = problem.variance(normal.rss);
        Self {
            loss: problem.loss(&theta, normal.rss, variance),
            theta,
            variance,
            normal,
        }
    }
}

/// The best parameters of the linearised model together with the noise that fits them.
fn aim(
    problem: &Problem<'_>,
    here: &Place,
    damping: f64,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<f64>> {
    let mut variance = here.variance;
    let mut theta = here.theta.clone();
    for _ in 0..MAX_ROUNDS {
        theta = lasso::step(
            problem,
            &here.normal,
            &here.theta,
            variance,
            damping,
            &theta,
            should_stop,
        )?;
        let next = problem.variance(expected(&here.normal, &here.theta, &theta));
        // Half of the digits do: the next step of the outer loop goes on from here.
        if (next - variance).abs() <= 1e-8 * variance {
            break;
        }
        variance = next;
    }
    Ok(theta)
}

/// Sum of squared residuals at `to` by the equations at `from`.
fn expected(normal: &Normal, from: &[f64], to: &[f64]) -> f64 {
    let step: Vec<f64> = to.iter().zip(from).map(|(to, from)| to - from).collect();
    let rows = normal.curvature.chunks_exact(step.len());
    let change: f64 = rows
        .zip(&step)
        .zip(&normal.gradient)
        .map(|((row, d), g)| d * (2.0 * g + super::normal::dot(row, &step)))
        .sum();
    (normal.rss + change).max(0.0)
}
