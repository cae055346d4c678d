//! The posterior to maximise, over one vector of parameters.
//!
//! Parameters stand as b, k, β of each column, δ of each changepoint; all but δ are called smooth. The line is
//! k·t + b + Σ δⱼ·max(0, t − knotⱼ) for every growth: b is m, but −k·m for a logistic trend, in which the line is linear
//! in b and would not be in m. k is the slope of the hinge at 0.

use std::ops::Range;

use super::column::Group;
use super::spec::{Growth, Mode, Spec};
use super::table::History;

/// Variance of the normal prior of k and m.
const TREND_VARIANCE: f64 = 25.0;

/// Place of b, k and the first β among the parameters.
pub(super) const B: usize = 0;
pub(super) const K: usize = 1;
pub(super) const BETA: usize = 2;

/// Everything about the posterior but the parameters.
#[derive(Debug)]
pub(super) struct Problem<'a> {
    pub(super) history: &'a History,
    pub(super) growth: Growth,
    /// Time of each row, 0..1.
    pub(super) t: Vec<f64>,
    /// Cap less floor of each row on the scale of y; empty unless growth is logistic.
    pub(super) cap: Vec<f64>,
    /// 0, then the changepoints; where there are none one at 0 as in Prophet, which doubles the slope.
    pub(super) knots: Vec<f64>,
    /// Rows from each knot up to the next.
    pub(super) segments: Vec<Range<usize>>,
    /// Whether each column is a share of the trend.
    pub(super) multiplicative: Vec<bool>,
    /// 1 / variance of the normal prior of each smooth parameter; 0 for b of a logistic trend, whose prior is that of m.
    pub(super) precision: Vec<f64>,
    /// Scale of the Laplace prior of δ.
    pub(super) tau: f64,
}

impl<'a> Problem<'a> {
    /// The problem and the parameters at which Prophet starts: a line (or logistic curve) through both ends, the mean
    /// for a flat trend, all else zero.
    pub(super) fn new(history: &'a History, spec: &Spec) -> (Self, Vec<f64>) {
        let scale = history.scale;
        let t: Vec<f64> = history
            .table
            .inputs
            .times
            .iter()
            .map(|at| scale.t(*at))
            .collect();
        let mut knots = vec![0.0];
        knots.extend(history.changepoints.iter().map(|at| scale.t(*at)));
        if history.changepoints.is_empty() {
            knots.push(0.0);
        }
        let mut starts: Vec<usize> = knots
            .iter()
            .map(|knot| t.partition_point(|t| t < knot))
            .collect();
        starts.push(t.len());
        let segments = starts.windows(2).map(|pair| pair[0]..pair[1]).collect();
        let each = |g: &Group| std::iter::repeat_n(g.clone(), g.width());
        let columns: Vec<Group> = history.groups.iter().flat_map(each).collect();
        let mut precision = vec![1.0 / TREND_VARIANCE; BETA];
        if spec.growth == Growth::Logistic {
            precision[B] = 0.0;
        }
        precision.extend(
            columns
                .iter()
                .map(|c| 1.0 / (c.prior_scale * c.prior_scale)),
        );
        let table = &history.table;
        let problem = Self {
            history,
            growth: spec.growth,
            cap: table
                .cap
                .iter()
                .zip(&table.floor)
                .map(|(cap, floor)| (cap - floor) / scale.y)
                .collect(),
            segments,
            multiplicative: columns
                .iter()
                .map(|c| c.mode == Mode::Multiplicative)
                .collect(),
            precision,
            tau: spec.changepoints.prior_scale,
            t,
            knots,
        };
        let start = problem.start();
        (problem, start)
    }

    fn start(&self) -> Vec<f64> {
        let y = &self.history.y;
        let (first, last) = (y[0], y[y.len() - 1]);
        let mut theta = vec![0.0; self.precision.len() + self.knots.len() - 1];
        (theta[B], theta[K]) = match self.growth {
            Growth::Linear => (first, last - first),
            Growth::Flat => (y.iter().sum::<f64>() / y.len() as f64, 0.0),
            Growth::Logistic => {
                // Both ends are taken into the open range below their caps.
                let odds = |y: f64, cap: f64| cap / y.clamp(0.01 * cap, 0.99 * cap);
                let (mut odds0, odds1) =
                    (odds(first, self.cap[0]), odds(last, self.cap[y.len() - 1]));
                if (odds0 - odds1).abs() <= 0.01 {
                    odds0 *= 1.05;
                }
                let (log0, log1) = ((odds0 - 1.0).ln(), (odds1 - 1.0).ln());
                (-log0, log0 - log1)
            }
        };
        theta
    }

    /// Number of parameters without a corner in their prior.
    pub(super) fn smooth(&self) -> usize {
        self.precision.len()
    }

    /// Whether the residuals are linear in the parameters.
    pub(super) fn is_linear(&self) -> bool {
        self.growth != Growth::Logistic && !self.multiplicative.contains(&true)
    }

    /// Minus the log density of the parameters before seeing data, without constants.
    pub(super) fn prior(&self, theta: &[f64]) -> f64 {
        let (smooth, delta) = theta.split_at(self.smooth());
        let squares: f64 = smooth
            .iter()
            .zip(&self.precision)
            .map(|(v, p)| v * v * p)
            .sum();
        let corners = delta.iter().map(|d| d.abs()).sum::<f64>() / self.tau;
        let m = match self.growth {
            Growth::Logistic => offset(smooth[B], smooth[K]),
            Growth::Linear | Growth::Flat => 0.0,
        };
        squares / 2.0 + corners + m * m / (2.0 * TREND_VARIANCE)
    }

    /// First derivatives by b and k of the prior of m where the trend is logistic, b²/(50·k²), and a positive definite
    /// stand-in for the second ones: the mixed one is halved, with which the true matrix would not be.
    pub(super) fn offset_prior(&self, smooth: &[f64]) -> ([f64; 2], [[f64; 2]; 2]) {
        if self.growth != Growth::Logistic {
            return ([0.0; 2], [[0.0; 2]; 2]);
        }
        let k = smooth[K];
        let m = offset(smooth[B], k);
        let unit = 1.0 / (TREND_VARIANCE * k * k);
        (
            [-m * k * unit, -m * m * k * unit],
            [[unit, m * unit], [m * unit, 3.0 * m * m * unit]],
        )
    }

    /// Minus the log posterior without constants: what Stan calls −lp__.
    pub(super) fn loss(&self, theta: &[f64], rss: f64, variance: f64) -> f64 {
        let n = self.t.len() as f64;
        n / 2.0 * variance.ln() + 2.0 * variance + rss / (2.0 * variance) + self.prior(theta)
    }

    /// The variance of the noise that is likeliest for a sum of squared residuals.
    ///
    /// Setting the derivative of the loss by σ to zero: 4·σ⁴ + n·σ² = rss.
    pub(super) fn variance(&self, rss: f64) -> f64 {
        // A series without noise would have σ = 0 and no maximum: finer than this share of its scale is not resolved.
        const MIN_SIGMA: f64 = 1e-5;
        let n = self.t.len() as f64;
        let variance = 2.0 * rss / (n + (n * n + 16.0 * rss).sqrt());
        variance.max(MIN_SIGMA * MIN_SIGMA)
    }
}

/// m of a logistic trend: where its exponent is zero.
pub(super) fn offset(b: f64, k: f64) -> f64 {
    -b / k
}

/// The bending line from each knot on: value there, and slope. A flat one has the value `b` for ever.
pub(super) fn bends(
    growth: Growth,
    knots: &[f64],
    b: f64,
    k: f64,
    delta: &[f64],
) -> Vec<(f64, f64)> {
    if growth == Growth::Flat {
        return vec![(b, 0.0); knots.len()];
    }
    let mut at = vec![(b, k)];
    let (mut value, mut slope) = (b, k);
    for (pair, change) in knots.windows(2).zip(delta) {
        value += slope * (pair[1] - pair[0]);
        slope += change;
        at.push((value, slope));
    }
    at
}
