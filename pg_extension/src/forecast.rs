//! Stage `forecast`: a series in, quantiles over a horizon out.

use pgrx::datum::{Array, Interval};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::forecast::{self, Forecast, ForecastRow, ForecastSpec, Options};
use prescale_core::sample::Series;
use prescale_core::time::check_stop;
use prescale_core::window::Clock;
use serde_json::Value;

use crate::convert::json::{Json, from_json};
use crate::convert::varlena::SeriesValue;
use crate::convert::{
    ROWS_PER_LOOK, micros, numbers, required, should_stop, span, spans, timestamp,
};
use crate::error::{Answer, report};

mod backtest;
mod explain;
mod influence;
mod pool;
mod registry;

const OPTIONS: &str = "Give an object such as {\"transform\": \"log\"}.";

/// What all functions of this stage are asked: the arguments after series and horizon.
struct Asked<'a> {
    horizon: Option<Interval>,
    model: Option<&'a str>,
    level: Option<f64>,
    quantiles: Option<Array<'a, f64>>,
    periods: Option<Array<'a, Interval>>,
    floor: Option<f64>,
    ceiling: Option<f64>,
    as_of: Option<TimestampWithTimeZone>,
    options: Option<Json>,
    regressors: Option<Json>,
    events: Option<Json>,
    covariates: Option<Array<'a, SeriesValue>>,
}

impl Asked<'_> {
    /// With the options that its own model knows; times without an offset are those of `timezone`.
    fn spec(self, timezone: Option<&str>) -> Answer<ForecastSpec> {
        let model = required(self.model, "model")?;
        self.spec_for(&[model], timezone)
    }

    /// With options that one of `models` at least knows.
    fn spec_for(self, models: &[&str], timezone: Option<&str>) -> Answer<ForecastSpec> {
        let clock = Clock::in_zone(timezone).map_err(report)?;
        let options = self.options.as_ref();
        let options = options.map(|json| from_json::<Value>(json, "options", OPTIONS));
        let options = options.transpose()?.unwrap_or_default();
        Ok(ForecastSpec {
            horizon: span(&required(self.horizon, "horizon")?)?,
            model: required(self.model, "model")?.to_owned(),
            level: required(self.level, "level")?,
            quantiles: self
                .quantiles
                .map(|array| numbers(&array, "quantiles"))
                .transpose()?
                .unwrap_or_default(),
            periods: self
                .periods
                .map(|array| spans(&array, "periods"))
                .transpose()?
                .unwrap_or_default(),
            floor: self.floor,
            ceiling: self.ceiling,
            as_of: self.as_of.map(micros).transpose()?,
            with_history: false,
            options: Options::for_models(models, &options).map_err(report)?,
            regressors: influence::regressors(self.regressors.as_ref(), clock)?,
            events: influence::events(self.events.as_ref(), clock)?,
            covariates: self
                .covariates
                .map(|array| array.iter().map(covariate).collect())
                .transpose()?
                .unwrap_or_default(),
            ..ForecastSpec::default()
        })
    }
}

fn covariate(element: Option<SeriesValue>) -> Answer<Series> {
    check_stop(&should_stop).map_err(report)?;
    required(element, "each of covariates").map(|SeriesValue(series)| series)
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
    let rows = rows.into_iter().enumerate().map(|(idx, row)| {
        if idx.is_multiple_of(ROWS_PER_LOOK) {
            check_stop(&should_stop).map_err(report)?;
        }
        to_row(row, levels, &forecast)
    });
    rows.collect()
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
    let spec = Asked {
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
        covariates,
    }
    .spec(series.timezone())?;
    let spec = ForecastSpec {
        with_history: required(with_history, "with_history")?,
        ..spec
    };
    let forecast = forecast::forecast(&series, &spec, &should_stop).map_err(report)?;
    Ok(TableIterator::new(to_rows(forecast, &spec.quantiles)?))
}

extension_sql!(
    r#"
ALTER FUNCTION forecast(series, interval, text, float8, float8[], interval[], float8, float8, timestamptz, bool, jsonb, jsonb, jsonb, series[]) ROWS 60;
COMMENT ON FUNCTION forecast(series, interval, text, float8, float8[], interval[], float8, float8, timestamptz, bool, jsonb, jsonb, jsonb, series[]) IS
    'Forecast of a series over a horizon: median, bounds at level and further quantiles; the model that made it and a status';
"#,
    name = "forecast_sql",
    requires = ["series_type", forecast]
);
