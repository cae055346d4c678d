//! Models that are kept: fitted to a series, stored as bytes, moved on by one value, asked for a forecast. Which there
//! are, and which is deployed, is in `sql/55_registry.sql`.

use std::sync::Arc;

use pgrx::datum::{Array, Interval, JsonB};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::ErrorKind;
use prescale_core::forecast::lstm::PooledNetwork;
use prescale_core::forecast::{
    Backtest, BacktestRow, BacktestSpec, FitReport, ForecastSpec, Model,
};
use prescale_core::sample::Series;
use prescale_core::time::{Micros, interval_text};
use prescale_core::window;
use serde_json::{Map, Value, json};

use super::{Asked, covariate, to_rows};
use crate::convert::json::Json;
use crate::convert::progress::Progress;
use crate::convert::varlena::SeriesValue;
use crate::convert::{micros, numbers, optional_timestamp, required, should_stop, span, timestamp};
use crate::error::{Answer, invalid, report};
use crate::window::grid;

/// Fits a model to a series, and scores it on the newest horizon.
#[pg_extern(immutable, parallel_safe, cost = 1000000)]
#[allow(clippy::too_many_arguments, reason = "the spec of a model")]
fn fit_series(
    s: Option<SeriesValue>,
    horizon: Option<Interval>,
    model: Option<&str>,
    level: Option<f64>,
    quantiles: Option<Array<'_, f64>>,
    periods: Option<Array<'_, Interval>>,
    floor: Option<f64>,
    ceiling: Option<f64>,
    options: Option<Json>,
    step: Option<Interval>,
    fill: Option<&str>,
    agg: Option<&str>,
    timezone: Option<&str>,
    as_of: default!(Option<TimestampWithTimeZone>, "NULL"),
    label: default!(Option<&str>, "NULL"),
    covariates: default!(Option<Array<'_, SeriesValue>>, "NULL"),
    network: default!(Option<&[u8]>, "NULL"),
    regressors: default!(Option<Json>, "NULL"),
    events: default!(Option<Json>, "NULL"),
    now: default!(Option<TimestampWithTimeZone>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(status, String),
            name!(metrics, JsonB),
            name!(last_ts, Option<TimestampWithTimeZone>),
            name!(state, Option<Vec<u8>>),
        ),
    >,
    ErrorReport,
> {
    let Some(SeriesValue(series)) = s else {
        return Ok(TableIterator::empty());
    };
    let progress = Progress::new();
    if let Some(label) = label {
        progress.show(label);
    }
    let asked = Asked {
        horizon,
        model,
        level,
        quantiles,
        periods,
        floor,
        ceiling,
        as_of,
        options,
        regressors,
        events,
        covariates: None,
    };
    // As it will be of the windows that the series is resampled to.
    let zone = if step.is_some() {
        timezone
    } else {
        series.timezone()
    };
    let mut spec = asked.spec(zone)?;
    // The window of now is not over yet; where most rows are of the future, it is another time for them.
    let now = now.filter(|_| step.is_some()).map(micros).transpose()?;
    let past = |now: &Micros| series.ts().partition_point(|ts| ts <= now);
    let now = now.filter(|now| 2 * past(now) >= series.len());
    spec.as_of = spec.as_of.or(now.map(|now| now.saturating_add(1)));
    let windows = Windows {
        step,
        fill,
        agg,
        timezone,
        as_of: spec.as_of,
    };
    let series = windows.of(series)?;
    spec.covariates = windows.covariates(covariates)?;
    let network = network.map(PooledNetwork::from_bytes).transpose();
    spec.network = network.map_err(report)?.map(Arc::new);
    let fitted = Model::fit_with_report(&series, &spec, &should_stop).map_err(report)?;
    let Some((model, found)) = fitted else {
        let none = ("empty".to_owned(), JsonB(json!({})), None, None);
        return Ok(TableIterator::once(none));
    };
    let score = score(&series, spec)?;
    Ok(TableIterator::once((
        model.status().to_owned(),
        JsonB(metrics(&model, &found, score.as_ref())),
        Some(timestamp(model.last())?),
        Some(model.to_bytes()),
    )))
}

/// The windows that a model reads.
pub(super) struct Windows<'a> {
    pub(super) step: Option<Interval>,
    pub(super) fill: Option<&'a str>,
    pub(super) agg: Option<&'a str>,
    pub(super) timezone: Option<&'a str>,
    pub(super) as_of: Option<Micros>,
}

impl Windows<'_> {
    /// The series in these windows; as it is without a step. It is cut before it is resampled: a window across `as_of`, or a gap filled from behind
    /// it, would look ahead.
    pub(super) fn of(&self, series: Series) -> Answer<Series> {
        self.cut(series, self.fill, self.agg)
    }

    /// Covariates in these windows: means, gaps left open.
    pub(super) fn covariates(
        &self,
        covariates: Option<Array<'_, SeriesValue>>,
    ) -> Answer<Vec<Series>> {
        let Some(covariates) = covariates else {
            return Ok(Vec::new());
        };
        covariates
            .iter()
            .map(|s| self.cut(covariate(s)?, Some("none"), Some("mean")))
            .collect()
    }

    fn cut(&self, series: Series, fill: Option<&str>, agg: Option<&str>) -> Answer<Series> {
        let series = match self.as_of {
            Some(as_of) => series.before(as_of).map_err(report)?,
            None => series,
        };
        let Some(step) = &self.step else {
            return Ok(series);
        };
        let names = [(fill, "fill"), (agg, "agg"), (self.timezone, "timezone")];
        let [fill, agg, timezone] = names.map(|(value, name)| required(value, name));
        let grid = grid(step, fill?, agg?, timezone?)?;
        window::resample(&series, &grid, &should_stop).map_err(report)
    }
}

/// The forecast of the newest horizon from what came before it.
fn score(series: &Series, spec: ForecastSpec) -> Answer<Option<BacktestRow>> {
    let asked = BacktestSpec {
        step: spec.horizon,
        windows: 1,
        models: vec![spec.model.clone()],
        forecast: spec,
    };
    let mut rows = Backtest::new(series, &asked, &should_stop).map_err(report)?;
    rows.next().transpose().map_err(report)
}

fn metrics(model: &Model, found: &FitReport, score: Option<&BacktestRow>) -> Value {
    let params: Map<String, Value> = found
        .params
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    let periods: Vec<_> = found.periods.iter().map(|p| interval_text(*p)).collect();
    json!({
        "mase": score.and_then(|s| s.mase),
        "smape": score.and_then(|s| s.smape),
        "pinball": score.and_then(|s| s.pinball),
        "coverage": score.and_then(|s| s.coverage),
        "msis": score.and_then(|s| s.msis),
        "mae": score.and_then(|s| s.mae),
        "rmse": score.and_then(|s| s.rmse),
        "n_held_out": score.map_or(0, |s| s.n),
        "model": model.name(),
        "form": found.form,
        "params": params,
        "periods": periods,
        "step": interval_text(model.step().micros()),
        "n_obs": found.n_obs,
        "n_gap": found.n_gap,
        "n_dup": found.n_dup,
        "n_imputed": found.n_imputed,
        "n_outlier": found.outliers.len(),
        "level_shift": found.level_shift.is_some(),
        "aicc": found.aicc,
        "resid_sd": found.resid_sd,
        "notes": found.notes,
    })
}

/// Forecasts from a stored model.
#[pg_extern(immutable, parallel_safe, cost = 10000)]
fn predict_series(
    state: Option<&[u8]>,
    horizon: Option<Interval>,
    level: Option<f64>,
    quantiles: Option<Array<'_, f64>>,
    network: default!(Option<&[u8]>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(ts, Option<TimestampWithTimeZone>),
            name!(step, Option<i32>),
            name!(is_history, bool),
            name!(y, Option<f64>),
            name!(yhat, Option<f64>),
            name!(lower, Option<f64>),
            name!(upper, Option<f64>),
            name!(levels, Vec<f64>),
            name!(q, Option<Vec<f64>>),
            name!(model_used, String),
            name!(status, String),
        ),
    >,
    ErrorReport,
> {
    let Some(state) = state else {
        return Ok(TableIterator::empty());
    };
    let mut model = Model::from_bytes(state).map_err(report)?;
    if let Some(network) = network.filter(|_| model.is_pooled()) {
        let network = PooledNetwork::from_bytes(network).map_err(report)?;
        model.share(&network).map_err(report)?;
    }
    let usual = ForecastSpec::default();
    let spec = ForecastSpec {
        horizon: span(&required(horizon, "horizon")?)?,
        level: level.unwrap_or(usual.level),
        quantiles: quantiles
            .map(|array| numbers(&array, "quantiles"))
            .transpose()?
            .unwrap_or_default(),
        ..usual
    };
    let found = model.forecast(&spec).map_err(report)?;
    Ok(TableIterator::new(to_rows(found, &spec.quantiles)?))
}

/// Moves a stored model on by the value of one window, and its covariates.
#[pg_extern(immutable, parallel_safe, cost = 1000)]
fn observe_series(
    state: Option<&[u8]>,
    ts: Option<TimestampWithTimeZone>,
    y: Option<f64>,
    covariates: default!(Option<Array<'_, f64>>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(status, String),
            name!(last_ts, Option<TimestampWithTimeZone>),
            name!(new_state, Option<Vec<u8>>),
        ),
    >,
    ErrorReport,
> {
    let (Some(state), Some(ts), Some(y)) = (state, ts, y) else {
        return Ok(TableIterator::empty());
    };
    let mut model = Model::from_bytes(state).map_err(report)?;
    let ts = micros(ts)?;
    let covariates: Vec<Option<f64>> = covariates.iter().flat_map(|c| c.iter()).collect();
    let (given, read) = (covariates.len(), model.n_covariates());
    // A simpler model in the place of one that reads them reads none.
    if given > 0 && read > 0 && given != read {
        return Err(invalid(
            format!("{given} covariates for a model that reads {read}"),
            "Give one for each column in covariates of the spec, in that order; NULL for one that is not known.",
        ));
    }
    let status = match model.observe_with(ts, y, &covariates) {
        Ok(true) => "ok",
        Ok(false) => "refit_needed",
        // A time that does not follow on the last one: rows come late, and from clocks that are wrong.
        Err(error) if error.kind() == ErrorKind::InvalidArgument => {
            if ts.saturating_sub(model.last()) < model.step().micros() {
                "late"
            } else {
                "too_far"
            }
        }
        Err(error) => return Err(report(error)),
    };
    let moved = status == "ok";
    Ok(TableIterator::once((
        status.to_owned(),
        optional_timestamp(moved.then(|| model.last()))?,
        moved.then(|| model.to_bytes()),
    )))
}

extension_sql!(
    r#"
ALTER FUNCTION fit_series(series, interval, text, float8, float8[], interval[], float8, float8, jsonb, interval, text, text, text, timestamptz, text, series[], bytea, jsonb, jsonb, timestamptz) ROWS 1;
ALTER FUNCTION predict_series(bytea, interval, float8, float8[], bytea) ROWS 60;
ALTER FUNCTION observe_series(bytea, timestamptz, float8, float8[]) ROWS 1;
COMMENT ON FUNCTION fit_series(series, interval, text, float8, float8[], interval[], float8, float8, jsonb, interval, text, text, text, timestamptz, text, series[], bytea, jsonb, jsonb, timestamptz) IS
    'A model fitted to a series, resampled before if there is a step, with its scores on the newest horizon; label shows in pg_stat_activity; a network is one of fit_network';
COMMENT ON FUNCTION predict_series(bytea, interval, float8, float8[], bytea) IS 'Forecast of a stored model from the last window it has seen, with the network that it was fitted with';
COMMENT ON FUNCTION observe_series(bytea, timestamptz, float8, float8[]) IS 'A stored model after the value of one more window; new_state is NULL unless status is ok';
"#,
    name = "registry_sql",
    requires = ["series_type", fit_series, predict_series, observe_series]
);
