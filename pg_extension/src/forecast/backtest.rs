//! How good forecasts of a series would have been.

use std::time::Instant;

use pgrx::datum::{Array, Interval};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::forecast::{self, Backtest, BacktestRow, BacktestSpec};

use super::Asked;
use crate::convert::json::Json;
use crate::convert::progress::Progress;
use crate::convert::varlena::SeriesValue;
use crate::convert::{bigint, count, names, numbers, required, should_stop, span, timestamp};
use crate::error::{Answer, report};

/// One model at one origin, in SQL types.
type Row = (
    String,
    Option<TimestampWithTimeZone>,
    i64,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    f64,
    String,
);

fn to_row(row: BacktestRow, fit_ms: f64) -> Answer<Row> {
    Ok((
        row.model,
        Some(timestamp(row.origin)?),
        bigint(row.n)?,
        row.mae,
        row.rmse,
        row.smape,
        row.mase,
        row.pinball,
        row.coverage,
        row.msis,
        fit_ms,
        row.status,
    ))
}

/// Which models are tried, and from where.
fn rounds(
    asked: Asked<'_>,
    step: Option<Interval>,
    windows: Option<i32>,
    models: Option<Array<'_, &str>>,
    timezone: Option<&str>,
) -> Answer<BacktestSpec> {
    let step = step.map(|step| span(&step)).transpose()?;
    let models = names(&required(models, "models")?, "models")?;
    let forecast = asked.spec_for(
        &models.iter().map(String::as_str).collect::<Vec<_>>(),
        timezone,
    )?;
    Ok(BacktestSpec {
        step: step.unwrap_or(forecast.horizon),
        windows: count(required(windows, "windows")?, "windows")? as usize,
        models,
        forecast,
    })
}

/// Scores models at earlier origins of a series.
#[pg_extern(volatile, parallel_safe, cost = 1000000)]
#[allow(clippy::too_many_arguments, reason = "SQL callers name them")]
fn backtest(
    s: Option<SeriesValue>,
    horizon: Option<Interval>,
    step: default!(Option<Interval>, "NULL"),
    windows: default!(Option<i32>, "5"),
    models: default!(
        Option<Array<'_, &str>>,
        "'{auto,ensemble,ets,theta,mstl,seasonal_naive,last_value}'"
    ),
    level: default!(Option<f64>, "0.95"),
    quantiles: default!(Option<Array<'_, f64>>, "NULL"),
    periods: default!(Option<Array<'_, Interval>>, "NULL"),
    floor: default!(Option<f64>, "NULL"),
    ceiling: default!(Option<f64>, "NULL"),
    as_of: default!(Option<TimestampWithTimeZone>, "NULL"),
    options: default!(Option<Json>, "'{}'"),
    regressors: default!(Option<Json>, "NULL"),
    events: default!(Option<Json>, "NULL"),
    covariates: default!(Option<Array<'_, SeriesValue>>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(model, String),
            name!(origin, Option<TimestampWithTimeZone>),
            name!(n, i64),
            name!(mae, Option<f64>),
            name!(rmse, Option<f64>),
            name!(smape, Option<f64>),
            name!(mase, Option<f64>),
            name!(pinball, Option<f64>),
            name!(coverage, Option<f64>),
            name!(msis, Option<f64>),
            name!(fit_ms, f64),
            name!(status, String),
        ),
    >,
    ErrorReport,
> {
    let Some(SeriesValue(series)) = s else {
        return Ok(TableIterator::empty());
    };
    let asked = Asked {
        horizon,
        model: Some("auto"),
        level,
        quantiles,
        periods,
        floor,
        ceiling,
        as_of,
        options,
        regressors,
        events,
        covariates,
    };
    let spec = rounds(asked, step, windows, models, series.timezone())?;
    let mut backtest = Backtest::new(&series, &spec, &should_stop).map_err(report)?;
    if backtest.ahead().is_none() {
        // A series without values still gets rows, which say so.
        let empty = |model: String| {
            let status = "empty".to_owned();
            (
                model, None, 0, None, None, None, None, None, None, None, 0.0, status,
            )
        };
        return Ok(TableIterator::new(
            spec.models.clone().into_iter().map(empty),
        ));
    }
    let progress = Progress::new();
    let mut rows = Vec::new();
    while let Some((model, round)) = backtest.ahead() {
        progress.show(&format!(
            "backtest: {model}, origin {round} of {}",
            spec.windows
        ));
        let began = Instant::now();
        if let Some(row) = backtest.next() {
            let row = row.map_err(report)?;
            rows.push(to_row(row, began.elapsed().as_secs_f64() * 1e3)?);
        }
    }
    Ok(TableIterator::new(rows))
}

/// Measures whether bounds hold what they promise.
#[pg_extern(immutable, parallel_safe, cost = 1000000)]
#[allow(clippy::too_many_arguments, reason = "SQL callers name them")]
fn calibration(
    s: Option<SeriesValue>,
    horizon: Option<Interval>,
    step: default!(Option<Interval>, "NULL"),
    windows: default!(Option<i32>, "20"),
    models: default!(Option<Array<'_, &str>>, "'{auto}'"),
    levels: default!(Option<Array<'_, f64>>, "'{0.5,0.8,0.9,0.95,0.99}'"),
    periods: default!(Option<Array<'_, Interval>>, "NULL"),
    floor: default!(Option<f64>, "NULL"),
    ceiling: default!(Option<f64>, "NULL"),
    as_of: default!(Option<TimestampWithTimeZone>, "NULL"),
    options: default!(Option<Json>, "'{}'"),
    regressors: default!(Option<Json>, "NULL"),
    events: default!(Option<Json>, "NULL"),
    covariates: default!(Option<Array<'_, SeriesValue>>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(model, String),
            name!(level, f64),
            name!(n, i64),
            name!(coverage, Option<f64>),
            name!(below, Option<f64>),
            name!(above, Option<f64>),
            name!(width, Option<f64>),
            name!(pinball, Option<f64>),
            name!(msis, Option<f64>),
        ),
    >,
    ErrorReport,
> {
    let Some(SeriesValue(series)) = s else {
        return Ok(TableIterator::empty());
    };
    let asked = Asked {
        horizon,
        model: Some("auto"),
        level: Some(0.95),
        quantiles: None,
        periods,
        floor,
        ceiling,
        as_of,
        options,
        regressors,
        events,
        covariates,
    };
    let spec = rounds(asked, step, windows, models, series.timezone())?;
    let levels = numbers(&required(levels, "levels")?, "levels")?;
    let found = forecast::calibration(&series, &spec, &levels, &should_stop).map_err(report)?;
    let rows = found.into_iter().map(|row| {
        Ok((
            row.model,
            row.level,
            bigint(row.n)?,
            row.coverage,
            row.below,
            row.above,
            row.width,
            row.pinball,
            row.msis,
        ))
    });
    Ok(TableIterator::new(rows.collect::<Answer<Vec<_>>>()?))
}

extension_sql!(
    r#"
ALTER FUNCTION backtest(series, interval, interval, int, text[], float8, float8[], interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, series[]) ROWS 35;
COMMENT ON FUNCTION backtest(series, interval, interval, int, text[], float8, float8[], interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, series[]) IS
    'How good models would have been: forecasts at earlier origins of the series, each from what was known then, scored by what came';
ALTER FUNCTION calibration(series, interval, interval, int, text[], float8[], interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, series[]) ROWS 5;
COMMENT ON FUNCTION calibration(series, interval, interval, int, text[], float8[], interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, series[]) IS
    'Whether bounds hold what they promise: at earlier origins of the series, how often the value lay within the bounds of each level';
"#,
    name = "forecast_backtest_sql",
    requires = ["series_type", backtest, calibration]
);
