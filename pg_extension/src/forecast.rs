//! Stage `forecast`: a series in, quantiles over a horizon out.

use pgrx::datum::{Array, Interval, JsonB};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::forecast::{self, Forecast, ForecastRow, ForecastSpec};

use crate::convert::varlena::SeriesValue;
use crate::convert::{micros, numbers, required, should_stop, span, spans, timestamp};
use crate::error::{Answer, invalid, report};

/// No model takes options yet; an unknown one must not be passed over in silence.
fn check_options(options: Option<JsonB>) -> Answer<()> {
    match options.map(|options| options.0) {
        None | Some(serde_json::Value::Null) => Ok(()),
        Some(serde_json::Value::Object(known)) => known.keys().next().map_or(Ok(()), |key| {
            Err(invalid(
                format!("option \"{key}\" is not known"),
                "There are no options yet: leave options out.",
            ))
        }),
        Some(other) => Err(invalid(
            format!("options must be a JSON object, not {other}"),
            "There are no options yet: leave options out.",
        )),
    }
}

/// One row of the result, in SQL types.
type Row = (
    Option<TimestampWithTimeZone>,
    Option<i32>,
    bool,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Vec<f64>,
    Option<Vec<f64>>,
    String,
    String,
);

fn to_row(row: ForecastRow, levels: &[f64], forecast: &Forecast) -> Answer<Row> {
    Ok((
        Some(timestamp(row.ts)?),
        Some(row.step),
        row.is_history,
        row.y,
        row.yhat,
        row.lower,
        row.upper,
        levels.to_vec(),
        Some(row.q),
        forecast.model_used.clone(),
        forecast.status.clone(),
    ))
}

/// A series without values still gets a row, which says so.
fn to_rows(mut forecast: Forecast, levels: &[f64]) -> Answer<Vec<Row>> {
    let rows = std::mem::take(&mut forecast.rows);
    if rows.is_empty() {
        let (model, status) = (forecast.model_used, forecast.status);
        return Ok(vec![(
            None,
            None,
            false,
            None,
            None,
            None,
            None,
            levels.to_vec(),
            None,
            model,
            status,
        )]);
    }
    rows.into_iter()
        .map(|row| to_row(row, levels, &forecast))
        .collect()
}

/// Forecasts a series.
#[pg_extern(immutable, parallel_safe, cost = 100000)]
#[allow(clippy::too_many_arguments, reason = "SQL callers name them")]
fn forecast(
    s: Option<SeriesValue>,
    horizon: Option<Interval>,
    model: default!(Option<&str>, "'auto'"),
    level: default!(Option<f64>, "0.95"),
    quantiles: default!(Option<Array<'_, f64>>, "NULL"),
    periods: default!(Option<Array<'_, Interval>>, "NULL"),
    floor: default!(Option<f64>, "NULL"),
    ceiling: default!(Option<f64>, "NULL"),
    as_of: default!(Option<TimestampWithTimeZone>, "NULL"),
    with_history: default!(Option<bool>, "false"),
    options: default!(Option<JsonB>, "'{}'"),
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
    let Some(SeriesValue(series)) = s else {
        return Ok(TableIterator::empty());
    };
    check_options(options)?;
    let spec = ForecastSpec {
        horizon: span(&required(horizon, "horizon")?)?,
        model: required(model, "model")?.to_owned(),
        level: required(level, "level")?,
        quantiles: quantiles
            .map(|array| numbers(&array, "quantiles"))
            .transpose()?
            .unwrap_or_default(),
        periods: periods
            .map(|array| spans(&array, "periods"))
            .transpose()?
            .unwrap_or_default(),
        floor,
        ceiling,
        as_of: as_of.map(micros).transpose()?,
        with_history: required(with_history, "with_history")?,
    };
    let forecast = forecast::forecast(&series, &spec, &should_stop).map_err(report)?;
    Ok(TableIterator::new(to_rows(forecast, &spec.quantiles)?))
}

extension_sql!(
    r#"
ALTER FUNCTION forecast(series, interval, text, float8, float8[], interval[], float8, float8, timestamptz, bool, jsonb) ROWS 60;
COMMENT ON FUNCTION forecast(series, interval, text, float8, float8[], interval[], float8, float8, timestamptz, bool, jsonb) IS
    'Forecast of a series over a horizon: median, bounds at level and further quantiles; the model that made it and a status';
"#,
    name = "forecast_sql",
    requires = ["series_type", forecast]
);
