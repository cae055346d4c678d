//! Stage `recommend`: the demand at the lead time, and the units that carry it.

use pgrx::datum::{Array, Interval, JsonB};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::recommend::{self, DemandModel, DemandQuery, DemandSpec};
use prescale_core::sample::SeriesBuilder;
use rust_decimal::Decimal;

use crate::convert::json::{Json, from_json, to_json};
use crate::convert::varlena::SeriesValue;
use crate::convert::{
    count, int, micros, numbers, required, should_stop, span, step as to_step, timestamp,
};
use crate::error::{Answer, invalid, report};

/// Units that carry a demand.
#[pg_extern(immutable, strict, parallel_safe)]
fn required_capacity(
    demand: f64,
    per_unit: f64,
    target_utilization: default!(f64, "0.7"),
    min: default!(i32, "1"),
    max: default!(i32, "1000"),
) -> Answer<i32> {
    let (min, max) = (count(min, "min")?, count(max, "max")?);
    int(
        recommend::required_capacity(demand, per_unit, target_utilization, min, max)
            .map_err(report)?,
    )
}

/// What units cost: money is numeric on both sides, never a float.
#[pg_extern(immutable, strict, parallel_safe)]
fn unit_cost(unit_seconds: i64, price_per_hour: AnyNumeric) -> Answer<AnyNumeric> {
    let Ok(seconds) = u64::try_from(unit_seconds) else {
        return Err(invalid(
            format!("unit_seconds must not be negative, not {unit_seconds}"),
            "Sum units times the seconds that they were there.",
        ));
    };
    let price = price_per_hour.to_string();
    let Ok(decimal) = price.parse::<Decimal>() else {
        return Err(invalid(
            format!("price_per_hour {price} is not a price"),
            "Give a finite number of at most 28 digits.",
        ));
    };
    let cost = recommend::cost::unit_cost(seconds, decimal).map_err(report)?;
    AnyNumeric::try_from(cost.to_string().as_str())
        .map_err(|error| invalid(error.to_string(), "Give a finite price."))
}

/// Fits the quantiles of demand at the lead time.
#[pg_extern(immutable, strict, parallel_safe, cost = 1000000)]
#[allow(clippy::too_many_arguments, reason = "SQL callers name them")]
fn demand_fit(
    history: SeriesValue,
    step: Interval,
    lead: Interval,
    unit_capacity: f64,
    min_units: i32,
    levels: Array<'_, f64>,
    until: TimestampWithTimeZone,
) -> Result<
    TableIterator<
        'static,
        (
            name!(model, Option<JsonB>),
            name!(status, String),
            name!(n_train, i32),
            name!(pinball, Vec<f64>),
        ),
    >,
    ErrorReport,
> {
    let spec = DemandSpec {
        step: to_step(&step)?,
        lead: span(&lead)?,
        unit_capacity,
        min_units: count(min_units, "min_units")?,
        levels: numbers(&levels, "levels")?,
        until: micros(until)?,
    };
    let fit = recommend::fit_demand(&history.0, &spec, &should_stop).map_err(report)?;
    let model = fit.model.as_ref().map(to_json).transpose()?;
    Ok(TableIterator::once((
        model,
        fit.status,
        int(fit.n_train)?,
        fit.pinball,
    )))
}

/// Demand now and at the lead time; without a model only now.
#[pg_extern(immutable, parallel_safe, cost = 10000)]
fn demand_predict(
    model: Option<Json>,
    history: Option<SeriesValue>,
    step: Option<Interval>,
    origin: Option<TimestampWithTimeZone>,
    hold: Option<i32>,
    peak: Option<Interval>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(demand, Option<f64>),
            name!(demand_peak, Option<f64>),
            name!(target, TimestampWithTimeZone),
            name!(q, Vec<f64>),
            name!(upper_peak, Option<f64>),
            name!(status, String),
        ),
    >,
    ErrorReport,
> {
    let model: Option<DemandModel> = model
        .map(|json| from_json(&json, "model", "Pass a model that demand_fit returned."))
        .transpose()?;
    let history = match history {
        Some(history) => history.0,
        None => SeriesBuilder::default().finish().map_err(report)?,
    };
    let hold = usize::try_from(count(required(hold, "hold")?, "hold")?).unwrap_or(usize::MAX);
    let query = DemandQuery {
        origin: micros(required(origin, "origin")?)?,
        hold,
        peak: span(&required(peak, "peak")?)?,
    };
    let step = to_step(&required(step, "step")?)?;
    let f = recommend::predict_demand(model.as_ref(), &history, step, &query, &should_stop)
        .map_err(report)?;
    Ok(TableIterator::once((
        f.demand,
        f.demand_peak,
        timestamp(f.target)?,
        f.q,
        f.upper_peak,
        f.status,
    )))
}

extension_sql!(
    r#"
ALTER FUNCTION demand_fit(series, interval, interval, float8, int, float8[], timestamptz) ROWS 1;
ALTER FUNCTION demand_predict(jsonb, series, interval, timestamptz, int, interval) ROWS 1;
COMMENT ON FUNCTION required_capacity(float8, float8, float8, int, int) IS
    'Units that carry a demand when each is used up to target_utilization of per_unit, between min and max';
COMMENT ON FUNCTION unit_cost(bigint, numeric) IS 'What unit_seconds (units times seconds) cost at price_per_hour a unit, exact, rounded half to even to four places';
COMMENT ON FUNCTION demand_fit(series, interval, interval, float8, int, float8[], timestamptz) IS
    'Fits quantiles of demand at the lead time on windows before until';
COMMENT ON FUNCTION demand_predict(jsonb, series, interval, timestamptz, int, interval) IS
    'Demand before origin, its quantiles at the lead time by a model of demand_fit, and the peak of both';
"#,
    name = "recommend_sql",
    requires = [
        "series_type",
        required_capacity,
        unit_cost,
        demand_fit,
        demand_predict
    ]
);
