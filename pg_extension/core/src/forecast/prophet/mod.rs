//! Prophet: a trend that bends, seasons as Fourier series, events and regressors (Taylor and Letham 2018,
//! "Forecasting at scale", The American Statistician 72).
//!
//! y(t) = trend(t) · (1 + Σ multiplicative terms) + Σ additive terms + noise. With time and value scaled to 0..1 the
//! model, its priors and its defaults are those of Python's prophet 1.5:
//!
//! | | |
//! |---|---|
//! | trend | z(t) = k·t + m + Σ δⱼ·max(0, t − sⱼ), or cap / (1 + exp(−z)) with z(t) = k·(t − m) + Σ δⱼ·max(0, t − sⱼ), or m |
//! | priors | k, m ~ Normal(0, 5); δ ~ Laplace(0, τ); β ~ Normal(0, prior scale); noise σ ~ Normal⁺(0, ½) |
//!
//! The logistic trend of the paper moves its offset at each changepoint so that the curve stays whole; what then stands
//! in the exponent is this continuous z, which needs no division by a rate that may pass through zero.
//!
//! [`fit`] finds the mode of the posterior, [`Fitted`] is that mode in a form that can be stored, and
//! [`Fitted::predict`] gives the forecast, its parts and quantiles by simulating future changes of the trend.
//! Fitting costs time in proportion to the rows (times columns squared) and memory of a few numbers a row.

use crate::error::Result;
use crate::time::{Micros, ShouldStop};

mod spec;
mod column;
mod table;
mod problem;
mod normal;
mod lasso;
mod optimize;
mod state;
mod predict;
mod simulate;
pub(super) mod series;
#[cfg(test)]
mod tests;

pub use column::{Component, Part};
pub use predict::Prediction;
pub use simulate::Simulation;
pub use spec::{Changepoints, Event, Fourier, Growth, Mode, Regressor, Seasonality, Spec};
pub use state::Fitted;

/// Times with what is known at them, for fitting and for predicting.
///
/// `cap` and `floor` hold nothing, one value for all rows, or one a row.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rows<'a> {
    /// Instants in any order; several may be equal.
    pub times: &'a [Micros],
    /// Saturation of a logistic trend; needed for that growth, not looked at for others.
    pub cap: &'a [f64],
    /// Lower end of a logistic trend; zero where it is empty.
    pub floor: &'a [f64],
    /// One slice for each regressor of the specification, with one value a row.
    pub regressors: &'a [&'a [f64]],
    /// One slice for each event of the specification: instants on the days when it takes place, past and future.
    pub events: &'a [&'a [Micros]],
}

impl<'a> Rows<'a> {
    /// Rows of which only the times matter.
    #[must_use]
    pub fn at(times: &'a [Micros]) -> Self {
        Self {
            times,
            ..Self::default()
        }
    }
}

/// Fits the model to `y` at `rows`: the mode of the posterior, as Stan's optimiser looks for it.
///
/// `None` where there are no two different times: nothing can be learnt. A constant `y` with a linear or flat trend is
/// its own answer and is not fitted.
///
/// ```
/// use prescale_core::forecast::prophet::{Rows, Simulation, Spec, fit};
/// let hours: Vec<i64> = (0..400).map(|i| i * 3_600_000_000).collect();
/// let y: Vec<f64> = (0..400).map(|i| 50.0 + f64::from(i % 24)).collect();
/// let model = fit(&Rows::at(&hours[..300]), &y[..300], &Spec::default(), &|| false)?.unwrap();
/// let simulation = Simulation { paths: 100, seed: 1, levels: vec![0.05, 0.95] };
/// let forecast = model.predict(&Rows::at(&hours[300..]), &simulation, &|| false)?;
/// assert!((forecast.yhat[0] - y[300]).abs() < 3.0);
/// assert!(forecast.quantiles[0][0] < forecast.quantiles[1][0]);
/// # Ok::<(), prescale_core::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` and `TooLarge` for the specification (more than 400 columns or changepoints), lengths that differ,
/// and a cap that is missing or not above its floor; `NotFinite` for values, caps, floors and regressors; `Cancelled`.
pub fn fit(
    rows: &Rows<'_>,
    y: &[f64],
    spec: &Spec,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Fitted>> {
    spec.check()?;
    let Some(history) = table::History::new(rows, y, spec)? else {
        return Ok(None);
    };
    let (problem, start) = problem::Problem::new(&history, spec);
    let mode = if history.is_constant() && spec.growth != Growth::Logistic {
        optimize::Mode::exact(&problem, start)
    } else {
        optimize::maximise(&problem, start, should_stop)?
    };
    Ok(Some(Fitted::new(&history, &problem, mode, spec)))
}
