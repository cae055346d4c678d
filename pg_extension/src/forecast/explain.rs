//! What a forecast is made of, and how it came about.

use std::time::Instant;

use pgrx::datum::{Array, Interval, JsonB};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::forecast::{self, ExplainRow};
use prescale_core::time::{check_stop, interval_text};

use super::Asked;
use crate::convert::json::Json;
use crate::convert::varlena::SeriesValue;
use crate::convert::{ROWS_PER_LOOK, bigint, interval, optional_timestamp, should_stop, timestamp};
use crate::error::{Answer, report};

/// One window explained, in SQL types.
type Row = (
    Option<TimestampWithTimeZone>,
    Option<i32>,
    bool,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<JsonB>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    String,
    String,
);

fn to_row(row: ExplainRow, model: &str, status: &str) -> Answer<Row> {
    let seasonal = row
        .seasonal
        .into_iter()
        .map(|(period, value)| (interval_text(period), value.into()));
    Ok((
        Some(timestamp(row.ts)?),
        Some(row.step),
        row.is_history,
        row.y,
        row.y_adjusted,
        row.yhat,
        row.lower,
        row.upper,
        row.trend,
        Some(JsonB(serde_json::Value::Object(seasonal.collect()))),
        Some(row.event_effect),
        Some(row.step_change),
        row.residual,
        model.to_owned(),
        status.to_owned(),
    ))
}

/// Explains a forecast window by window.
#[pg_extern(immutable, parallel_safe, cost = 100000)]
#[allow(clippy::too_many_arguments, reason = "SQL callers name them")]
fn explain_forecast(
    s: Option<SeriesValue>,
    horizon: Option<Interval>,
    model: default!(Option<&str>, "'auto'"),
    level: default!(Option<f64>, "0.95"),
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
            name!(ts, Option<TimestampWithTimeZone>),
            name!(step, Option<i32>),
            name!(is_history, bool),
            name!(y, Option<f64>),
            name!(y_adjusted, Option<f64>),
            name!(yhat, Option<f64>),
            name!(lower, Option<f64>),
            name!(upper, Option<f64>),
            name!(trend, Option<f64>),
            name!(seasonal, Option<JsonB>),
            name!(event_effect, Option<f64>),
            name!(step_change, Option<f64>),
            name!(residual, Option<f64>),
            name!(model_used, String),
            name!(status, String),
        ),
    >,
    ErrorReport,
> {
    let Some(SeriesValue(series)) = s else {
        return Ok(TableIterator::empty());
    };
    let spec = Asked {
        horizon,
        model,
        level,
        quantiles: None,
        periods,
        floor,
        ceiling,
        as_of,
        options,
        regressors,
        events,
        covariates,
    }
    .spec(series.timezone())?;
    let found = forecast::explain(&series, &spec, &should_stop).map_err(report)?;
    let (model, status) = (found.model_used, found.status);
    if found.rows.is_empty() {
        let row = (
            None, None, false, None, None, None, None, None, None, None, None, None, None, model,
            status,
        );
        return Ok(TableIterator::once(row));
    }
    let rows = found.rows.into_iter();
    let rows = rows.enumerate().map(|(idx, row)| {
        if idx.is_multiple_of(ROWS_PER_LOOK) {
            check_stop(&should_stop).map_err(report)?;
        }
        to_row(row, &model, &status)
    });
    Ok(TableIterator::new(rows.collect::<Answer<Vec<Row>>>()?))
}

/// What status means, where it is less than ok.
fn message(status: &str, asked: &str, used: &str) -> Option<String> {
    let said = match status {
        "empty" => "no sample before as_of".into(),
        "constant" => "every value is the same".into(),
        "short" => format!("too few windows for {asked}: {used} was used"),
        "fallback" => format!("{asked} could not be fitted: {used} was used"),
        _ => return None,
    };
    Some(said)
}

/// Reports how a forecast comes about.
#[pg_extern(volatile, parallel_safe, cost = 100000)]
#[allow(clippy::too_many_arguments, reason = "SQL callers name them")]
fn fit_report(
    s: Option<SeriesValue>,
    horizon: default!(Option<Interval>, "'1 hour'"),
    model: default!(Option<&str>, "'auto'"),
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
            name!(model_used, String),
            name!(form, Option<String>),
            name!(params, JsonB),
            name!(step, Option<Interval>),
            name!(periods_used, Vec<Interval>),
            name!(n_obs, i64),
            name!(n_gap, i64),
            name!(n_dup, i64),
            name!(n_imputed, i64),
            name!(outliers, Vec<TimestampWithTimeZone>),
            name!(level_shift, Option<TimestampWithTimeZone>),
            name!(aicc, Option<f64>),
            name!(resid_sd, Option<f64>),
            name!(fit_ms, f64),
            name!(status, String),
            name!(message, Option<String>),
        ),
    >,
    ErrorReport,
> {
    let Some(SeriesValue(series)) = s else {
        return Ok(TableIterator::empty());
    };
    let spec = Asked {
        horizon,
        model,
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
    }
    .spec(series.timezone())?;
    let began = Instant::now();
    let found = forecast::forecast(&series, &spec, &should_stop).map_err(report)?;
    let fit_ms = began.elapsed().as_secs_f64() * 1e3;
    let fit = found.report;
    let params = fit.params.into_iter().map(|(name, v)| (name, v.into()));
    let message = message(&found.status, &spec.model, &found.model_used);
    let said: Vec<_> = message.into_iter().chain(fit.notes).collect();
    Ok(TableIterator::once((
        found.model_used,
        fit.form,
        JsonB(serde_json::Value::Object(params.collect())),
        found.step.map(|step| interval(step.micros())).transpose()?,
        fit.periods
            .into_iter()
            .map(interval)
            .collect::<Answer<Vec<_>>>()?,
        bigint(fit.n_obs)?,
        bigint(fit.n_gap)?,
        bigint(fit.n_dup)?,
        bigint(fit.n_imputed)?,
        fit.outliers
            .into_iter()
            .map(timestamp)
            .collect::<Answer<Vec<_>>>()?,
        optional_timestamp(fit.level_shift)?,
        fit.aicc,
        fit.resid_sd,
        fit_ms,
        found.status,
        (!said.is_empty()).then(|| said.join("; ")),
    )))
}

extension_sql!(
    r#"
ALTER FUNCTION fit_report(series, interval, text, interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, series[]) ROWS 1;
COMMENT ON FUNCTION explain_forecast(series, interval, text, float8, interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, series[]) IS
    'Every window of the past and of the horizon as the sum of what the model makes it of: trend, seasons, events, a change of level';
COMMENT ON FUNCTION fit_report(series, interval, text, interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, series[]) IS
    'How a forecast comes about: the model and its parameters, what was filled in, what was not believed, how long it took';
"#,
    name = "forecast_explain_sql",
    requires = ["series_type", explain_forecast, fit_report]
);
