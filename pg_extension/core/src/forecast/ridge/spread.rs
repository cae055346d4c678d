//! How wrong the regressions are, by the state of the series at the origin.

use super::{Model, Stretch};
use crate::error::Result;
use crate::forecast::l1::cholesky_solve;
use crate::forecast::uncertainty::Uncertainty;
use crate::time::{ShouldStop, check_stop};

/// Most origins.
const ORIGINS: usize = 700;

/// Half-life of an origin's weight in seasons.
const HALF_LIFE: f64 = 4.0;

/// Exponents of level, mean |Δ| over an hour, mean |Δ| over half an hour's lag during two hours and during a day, before evidence:
/// they add up to one, so that the scale of the error is that of the series.
const PRIOR: [f64; 4] = [0.3, 0.2, 0.3, 0.2];

/// Strength of the ridge toward them.
const RIDGE: f64 = 0.05;

/// How much larger than at any earlier origin the scale may be.
const REACH: f64 = 3.0;

/// Errors of regressions that are a little older than the ones used.
const STRETCH: f64 = 1.01;

/// Mean absolute change over a lag, as prefix sums.
struct Roughness(Vec<f64>);

impl Roughness {
    fn new(y: &[f64], lag: usize) -> Self {
        let mut sums = vec![0.0; lag.min(y.len()) + 1];
        let mut sum = 0.0;
        sums.extend(y.iter().zip(y.iter().skip(lag)).map(|(a, b)| {
            sum += (b - a).abs();
            sum
        }));
        Self(sums)
    }

    fn mean(&self, t: usize, k: usize) -> f64 {
        let k = k.min(t + 1);
        (self.0[t + 1] - self.0[t + 1 - k]) / k as f64
    }
}

/// What the errors at earlier origins say.
pub(super) struct Measured {
    /// The uncertainty now; `None` where a horizon has no error.
    pub(super) uncertainty: Option<Uncertainty>,
    /// Mean absolute error in relation to that of the last value.
    pub(super) ratio: f64,
    /// The same in the stretch where it is least. Where the series leaves what was known of it, regressions from before err more than the last
    /// value for a while, and their successors do not: one bad stretch says little about the next forecast.
    pub(super) least_ratio: f64,
}

/// A forecast that was made at an earlier origin.
struct Origin {
    t: usize,
    /// Which stretch it lies in.
    stretch: usize,
    state: [f64; 4],
    /// The forecast at each knot.
    path: Vec<f64>,
    weight: f64,
}

/// Sums of absolute errors: of the regressions, and of the last value.
type Sums = [f64; 2];

/// Judges each stretch by what was learnt before it; the stretches follow each other and end with the series.
pub(super) fn measure(
    model: &Model<'_>,
    stretches: &[Stretch],
    should_stop: ShouldStop<'_>,
) -> Result<Measured> {
    let (y, n, frame) = (model.y, model.y.len(), model.raw());
    let short = Roughness::new(y, 1);
    let long = Roughness::new(y, (frame.hour / 2).max(1));
    let day = frame.season.unwrap_or(4 * frame.hour);
    let least = 1e-3 * long.mean(n - 1, n) + f64::MIN_POSITIVE;
    let state = |t: usize| {
        [
            frame.level(t).abs(),
            short.mean(t, frame.hour),
            long.mean(t, 2 * frame.hour),
            long.mean(t, day),
        ]
        .map(|v| v.max(least).ln())
    };
    let origins = forecasts(model, stretches, state, should_stop)?;
    let knots = model.knots();
    let mut sums = vec![Sums::default(); stretches.len()];
    let (mut scales, mut ratios) = (Vec::new(), Vec::new());
    let now = state(n - 1);
    for (k, &h) in knots.iter().enumerate() {
        let errors: Vec<Judged> = origins
            .iter()
            .filter(|o| o.t + h < n && model.seen[o.t + h])
            .map(|o| {
                let e = y[o.t + h] - o.path[k];
                let [own, naive] = &mut sums[o.stretch];
                *own += e.abs();
                *naive += (y[o.t + h] - y[o.t]).abs();
                (e, o.state, o.weight)
            })
            .collect();
        if errors.is_empty() {
            return Ok(Measured {
                uncertainty: None,
                ratio: f64::INFINITY,
                least_ratio: f64::INFINITY,
            });
        }
        let scale = log_linear(&errors);
        // A power law found among calm states says little about the first storm.
        let largest = errors
            .iter()
            .map(|(_, state, _)| scale(state))
            .reduce(f64::max);
        scales.push(scale(&now).min(REACH * largest.unwrap_or(0.0)));
        ratios.push(
            errors
                .iter()
                .map(|(e, state, weight)| (e / scale(state), *weight))
                .collect::<Vec<_>>(),
        );
    }
    // Neighbouring knots are alike: together they have three times the evidence.
    let pooled = |k: usize| ratios[k.saturating_sub(1)..(k + 2).min(ratios.len())].concat();
    let measured = knots
        .iter()
        .enumerate()
        .map(|(k, h)| (*h, pooled(k)))
        .collect();
    let scale = model.path(&knots, scales.first().copied().unwrap_or(0.0), &scales);
    let total = sums
        .iter()
        .fold(Sums::default(), |a, b| [a[0] + b[0], a[1] + b[1]]);
    Ok(Measured {
        uncertainty: Some(Uncertainty::measured(scale, measured, STRETCH)),
        ratio: relative(total).unwrap_or(1.0),
        least_ratio: sums
            .into_iter()
            .filter_map(relative)
            .reduce(f64::min)
            .unwrap_or(1.0),
    })
}

/// `None` where the last value never errs.
fn relative([own, naive]: Sums) -> Option<f64> {
    (naive > 0.0).then(|| own / naive)
}

/// Forecasts at up to [`ORIGINS`] origins.
fn forecasts(
    model: &Model<'_>,
    stretches: &[Stretch],
    state: impl Fn(usize) -> [f64; 4],
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Origin>> {
    let n = model.y.len();
    let span = n - stretches.first().map_or(n, |s| s.from);
    let mut origins = Vec::new();
    for t in (0..span)
        .step_by(span.div_ceil(ORIGINS).max(1))
        .map(|back| n - 1 - back)
        .filter(|t| model.seen[*t])
    {
        if origins.len() % 64 == 0 {
            check_stop(should_stop)?;
        }
        let stretch = stretches.partition_point(|s| s.from <= t) - 1;
        origins.push(Origin {
            t,
            stretch,
            state: state(t),
            path: model.at(&stretches[stretch].before, t),
            weight: 0.5_f64.powf(model.age(n, t) / HALF_LIFE),
        });
    }
    Ok(origins)
}

/// An error, the state of the series at its origin, and its weight.
type Judged = (f64, [f64; 4], f64);

/// ln scale = mean + Σ exponent · (state − its mean), by weighted least squares on ln |e|, shrunk to [`PRIOR`].
fn log_linear(errors: &[Judged]) -> impl Fn(&[f64; 4]) -> f64 {
    let total: f64 = errors.iter().map(|e| e.2).sum();
    let mean =
        |of: &dyn Fn(&Judged) -> f64| errors.iter().map(|e| of(e) * e.2).sum::<f64>() / total;
    let typical = mean(&|e| e.0.abs());
    // Zeros have no logarithm, and nearly zero ones would rule the fit.
    let log = move |e: f64| (e.abs().max(0.05 * typical) + f64::MIN_POSITIVE).ln();
    let centre = mean(&|e| log(e.0));
    let middle: [f64; 4] = std::array::from_fn(|k| mean(&|e| e.1[k]));
    let mut gram = vec![0.0; 20];
    for (e, state, weight) in errors {
        let x: [f64; 4] = std::array::from_fn(|k| state[k] - middle[k]);
        let rest = log(*e) - centre - x.iter().zip(PRIOR).map(|(x, p)| x * p).sum::<f64>();
        for i in 0..4 {
            for j in 0..4 {
                gram[i * 5 + j] += weight * x[i] * x[j];
            }
            gram[i * 5 + 4] += weight * x[i] * rest;
        }
    }
    for i in 0..4 {
        gram[i * 6] += RIDGE * total;
    }
    let change = cholesky_solve(&mut gram, 4).unwrap_or_else(|| vec![0.0; 4]);
    let exponent: [f64; 4] = std::array::from_fn(|k| PRIOR[k] + change[k]);
    move |state| {
        (centre
            + (0..4)
                .map(|k| exponent[k] * (state[k] - middle[k]))
                .sum::<f64>())
        .exp()
    }
}
