//! Stage `forecast`: a series in, quantiles over a horizon out.

use crate::error::Result;
use crate::sample::Series;
use crate::time::{Micros, ShouldStop, Step};

/// What to forecast and how.
#[derive(Debug, Clone)]
pub struct ForecastSpec {
    /// Length of the horizon; the number of steps that cover it is forecast.
    pub horizon: Micros,
    /// `auto`, `seasonal_naive`, `ets`, `mstl`.
    pub model: String,
    /// Coverage of `lower`..`upper`, in (0, 1).
    pub level: f64,
    /// Levels of the extra quantiles, each in (0, 1).
    pub quantiles: Vec<f64>,
    /// Seasonal periods; empty = one day and one week where the series is long enough.
    pub periods: Vec<Micros>,
    /// Lower bound of every forecast.
    pub floor: Option<f64>,
    /// Upper bound.
    pub ceiling: Option<f64>,
    /// Later samples are not seen.
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
    /// The sample, in history.
    pub y: Option<f64>,
    /// Point forecast (median).
    pub yhat: Option<f64>,
    /// Lower bound at `level`.
    pub lower: Option<f64>,
    /// Upper bound at `level`.
    pub upper: Option<f64>,
    /// Values at the asked quantile levels.
    pub q: Vec<f64>,
}

/// A finished forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Step used (the series' own or its modal gap).
    pub step: Option<Step>,
    /// Model that made the forecast; the fallback's name where the asked one could not be fitted.
    pub model_used: String,
    /// `ok`, or why it is less: `empty`, `short`, `constant`, `fallback`, …
    pub status: String,
    /// The rows; empty only for an empty series.
    pub rows: Vec<ForecastRow>,
}

/// Forecasts. # Errors `InvalidArgument`, `UnknownName`, `TooLarge`, `Cancelled`; an empty, short or constant series is data (see `status`).
pub fn forecast(
    _series: &Series,
    _spec: &ForecastSpec,
    _should_stop: ShouldStop<'_>,
) -> Result<Forecast> {
    todo!()
}
