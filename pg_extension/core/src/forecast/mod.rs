//! Stage `forecast`: a series in, quantiles over a horizon out.
//!
//! The series is put on a regular grid: its own step, else the usual gap between its times, counted back from the last
//! sample; samples of one window are averaged, windows without a sample lie on the line between their neighbours.
//!
//! | model | point forecast |
//! |---|---|
//! | `seasonal_naive` | the value one season ago, of the season that repeats best |
//! | `last_value` | the last value |
//! | `ets` | exponential smoothing with additive errors, without trend or with a damped one (by AICc) |
//! | `mstl` | seasons by LOESS (Bandara, Hyndman and Bergmeir 2021), the rest by `ets` |
//! | `auto` | of `mstl` and `seasonal_naive` where at least two seasons are known, else of `ets` and `last_value`, the one with the smaller mean absolute error at the rolling origins below |
//!
//! **Uncertainty** is measured, not assumed: the model is fitted again at earlier origins (up to four; forty for the two
//! naive ones), its errors over the following windows are divided by the growth of the model's own standard deviation
//! with the horizon (√seasons for the naive ones), and the empirical quantiles of their sizes are multiplied back.
//! Bounds and quantiles are symmetric about the point forecast, which is the median. With fewer than eight such errors
//! the normal distribution stands in; where nothing earlier is long enough, the errors one step ahead have to do.

use crate::error::{Error, ErrorKind, Result};
use crate::sample::Series;
use crate::time::{Micros, ShouldStop, Step};

pub mod loss;

mod grid;
mod model;
mod naive;
mod smooth;
mod calibrate;
mod rows;
#[cfg(test)]
mod tests;

use grid::Grid;
use model::Kind;

/// Most steps of one forecast: ten weeks of minutes.
const MAX_STEPS: usize = 100_000;

/// Most seasonal periods: each one adds to the time of a decomposition, which cannot be stopped inside.
const MAX_PERIODS: usize = 3;

/// What to forecast and how.
#[derive(Debug, Clone)]
pub struct ForecastSpec {
    /// Length of the horizon; the number of steps that cover it is forecast.
    pub horizon: Micros,
    /// `auto`, `seasonal_naive`, `last_value`, `ets`, `mstl`.
    pub model: String,
    /// Coverage of `lower`..`upper`, in (0, 1).
    pub level: f64,
    /// Levels of the extra quantiles, each in (0, 1).
    pub quantiles: Vec<f64>,
    /// Seasonal periods; empty = one day and one week. Those of which fewer than two are known are not used.
    pub periods: Vec<Micros>,
    /// Lower bound of every forecast.
    pub floor: Option<f64>,
    /// Upper bound.
    pub ceiling: Option<f64>,
    /// Samples at or after this instant are not seen.
    pub as_of: Option<Micros>,
    /// Whether the fitted past is returned too.
    pub with_history: bool,
}

/// One forecast row.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastRow {
    /// Start of the window forecast.
    pub ts: Micros,
    /// 1 for the first step after the last sample; 0 and below in history.
    pub step: i32,
    /// Whether the row is in the past.
    pub is_history: bool,
    /// The sample, in history; `None` where it was filled in.
    pub y: Option<f64>,
    /// Point forecast (median); in history the forecast one step ahead, where the model has one.
    pub yhat: Option<f64>,
    /// Lower bound at `level`; `None` where a single sample leaves nothing to measure.
    pub lower: Option<f64>,
    /// Upper bound at `level`.
    pub upper: Option<f64>,
    /// Values at the asked quantile levels, in their order; empty in history and where there are no bounds.
    pub q: Vec<f64>,
}

/// A finished forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Step used: the series' own, else its usual gap; the horizon where a single sample has neither; `None` if empty.
    pub step: Option<Step>,
    /// Model that made the forecast; the fallback's name where the asked one could not be fitted; `none` if empty.
    pub model_used: String,
    /// `ok`; `empty` (no sample before `as_of`); `constant` (every value is the same); `short` (too little for the asked
    /// model: a simpler one was used); `fallback` (the asked model could not be fitted: a simpler one was used).
    pub status: String,
    /// The rows; empty only for an empty series.
    pub rows: Vec<ForecastRow>,
}

/// Forecasts `series` over `spec.horizon`.
///
/// At most the newest 1,048,576 windows are looked at; `ets` learns from the newest 2,000 and `mstl` from the newest
/// 30,000 of them, so that the part that cannot be stopped stays below 200 ms.
///
/// # Errors
/// `InvalidArgument`, `UnknownName`, `NotFinite` and `TooLarge` (above 100,000 steps or three periods) for the specification;
/// `Cancelled`. An empty, short or constant series is data: see [`Forecast::status`].
pub fn forecast(
    series: &Series,
    spec: &ForecastSpec,
    should_stop: ShouldStop<'_>,
) -> Result<Forecast> {
    let kind = check(spec)?;
    let Some(grid) = Grid::build(series, spec.as_of, spec.horizon) else {
        return Ok(Forecast {
            step: None,
            model_used: "none".into(),
            status: "empty".into(),
            rows: Vec::new(),
        });
    };
    let steps = grid.step.cover(spec.horizon);
    if steps > MAX_STEPS {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("the horizon is {steps} steps, more than {MAX_STEPS}"),
        )
        .with_hint("shorten the horizon or resample to a longer step"));
    }
    let periods = model::periods(&spec.periods, grid.step, grid.y.len());
    let found = model::run(kind, &grid, &periods, steps, should_stop)?;
    Ok(Forecast {
        step: Some(grid.step),
        rows: rows::rows(&grid, &found, spec),
        model_used: found.kind.name().into(),
        status: found.status.into(),
    })
}

fn check(spec: &ForecastSpec) -> Result<Kind> {
    let kind = spec.model.parse()?;
    if spec.horizon <= 0 {
        return Err(Error::invalid(format!(
            "horizon must be positive, not {} microseconds",
            spec.horizon
        ))
        .with_hint("give a horizon such as '1 hour'"));
    }
    check_level("level", spec.level)?;
    for &q in &spec.quantiles {
        check_level("quantile", q)?;
    }
    if let Some(bad) = spec.periods.iter().find(|p| **p <= 0) {
        return Err(
            Error::invalid(format!("a period must be positive, not {bad} microseconds"))
                .with_hint("give periods such as '1 day'"),
        );
    }
    if spec.periods.len() > MAX_PERIODS {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("{} periods, more than {MAX_PERIODS}", spec.periods.len()),
        )
        .with_hint("a day and a week explain most demand"));
    }
    for (name, bound) in [("floor", spec.floor), ("ceiling", spec.ceiling)] {
        if let Some(bad) = bound.filter(|b| !b.is_finite()) {
            return Err(Error::new(ErrorKind::NotFinite, format!("{name} is {bad}"))
                .with_hint("leave it out"));
        }
    }
    match (spec.floor, spec.ceiling) {
        (Some(floor), Some(ceiling)) if floor > ceiling => Err(Error::invalid(format!(
            "floor {floor} is above ceiling {ceiling}"
        ))),
        _ => Ok(kind),
    }
}

fn check_level(name: &str, level: f64) -> Result<()> {
    if level > 0.0 && level < 1.0 {
        Ok(())
    } else {
        Err(
            Error::invalid(format!("{name} must be between 0 and 1, not {level}"))
                .with_hint("95 % is 0.95"),
        )
    }
}
