//! What a series looks like: periods, parts, changes, outliers, named numbers.

use pgrx::datum::{Array, Interval, JsonB};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::feature::series::{self, Regular};
use prescale_core::time::{Micros, interval_text};

use crate::convert::varlena::SeriesValue;
use crate::convert::{int, interval, required, should_stop, spans, step as to_step, timestamp};
use crate::error::{Answer, invalid, report};

/// A series on its grid.
fn regular(SeriesValue(s): &SeriesValue, step: Option<&Interval>) -> Answer<Regular> {
    let step = step.map(to_step).transpose()?;
    Regular::new(s, step, &should_stop).map_err(report)
}

fn lengths(periods: Option<Array<'_, Interval>>) -> Answer<Option<Vec<Micros>>> {
    periods.map(|array| spans(&array, "periods")).transpose()
}

/// The periods of a series.
#[pg_extern(immutable, parallel_safe, cost = 10000)]
fn detect_periods(
    s: Option<SeriesValue>,
    step: default!(Option<Interval>, "NULL"),
    min_score: default!(Option<f64>, "0.6"),
    max_periods: default!(Option<i32>, "3"),
) -> Result<
    TableIterator<'static, (name!(period, Interval), name!(lag, i32), name!(score, f64))>,
    ErrorReport,
> {
    let Some(s) = s else {
        return Ok(TableIterator::empty());
    };
    let most = required(max_periods, "max_periods")?;
    let most = usize::try_from(most).map_err(|_| {
        invalid(
            format!("max_periods must be positive, not {most}"),
            "The default is 3.",
        )
    })?;
    let score = required(min_score, "min_score")?;
    let regular = regular(&s, step.as_ref())?;
    let found = series::detect_periods(&regular, score, most, &should_stop).map_err(report)?;
    let rows = found
        .into_iter()
        .map(|p| Ok((interval(p.period)?, int(p.lag)?, p.score)));
    Ok(TableIterator::new(rows.collect::<Answer<Vec<_>>>()?))
}

/// A series as trend, seasons and remainder.
#[pg_extern(immutable, parallel_safe, cost = 100000)]
fn decompose(
    s: Option<SeriesValue>,
    periods: default!(Option<Array<'_, Interval>>, "NULL"),
    robust: default!(Option<bool>, "true"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(ts, TimestampWithTimeZone),
            name!(y, Option<f64>),
            name!(trend, f64),
            name!(seasonal, JsonB),
            name!(remainder, Option<f64>),
        ),
    >,
    ErrorReport,
> {
    let Some(s) = s else {
        return Ok(TableIterator::empty());
    };
    let regular = regular(&s, None)?;
    let periods = lengths(periods)?;
    let parts = series::decompose(
        &regular,
        periods.as_deref(),
        required(robust, "robust")?,
        &should_stop,
    )
    .map_err(report)?;
    let names: Vec<_> = parts
        .seasonal
        .iter()
        .map(|(period, _)| interval_text(*period))
        .collect();
    Ok(TableIterator::new((0..regular.len()).map(move |at| {
        let seasons = names.iter().zip(&parts.seasonal);
        let seasons = seasons
            .map(|(name, (_, season))| (name.clone(), season.as_ref().map(|s| s[at]).into()));
        let seen = |value: f64| regular.seen[at].then_some(value);
        let ts = crate::convert::call::raise(timestamp(regular.ts[at]));
        (
            ts,
            seen(regular.y[at]),
            parts.trend[at],
            JsonB(serde_json::Value::Object(seasons.collect())),
            seen(parts.remainder[at]),
        )
    })))
}

/// Where a series changes.
#[pg_extern(immutable, parallel_safe, cost = 100000)]
fn changepoints(
    s: Option<SeriesValue>,
    step: default!(Option<Interval>, "NULL"),
    periods: default!(Option<Array<'_, Interval>>, "NULL"),
    penalty: default!(Option<f64>, "1"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(ts, TimestampWithTimeZone),
            name!(kind, &'static str),
            name!(before, f64),
            name!(after, f64),
            name!(score, f64),
        ),
    >,
    ErrorReport,
> {
    let Some(s) = s else {
        return Ok(TableIterator::empty());
    };
    let regular = regular(&s, step.as_ref())?;
    let periods = lengths(periods)?;
    let penalty = required(penalty, "penalty")?;
    let found = series::changepoints(&regular, periods.as_deref(), penalty, &should_stop)
        .map_err(report)?;
    let rows = found
        .into_iter()
        .map(|c| Ok((timestamp(c.ts)?, c.kind.name(), c.before, c.after, c.score)));
    Ok(TableIterator::new(rows.collect::<Answer<Vec<_>>>()?))
}

/// The values of a series that do not fit.
#[pg_extern(immutable, parallel_safe, cost = 100000)]
fn outliers(
    s: Option<SeriesValue>,
    step: default!(Option<Interval>, "NULL"),
    periods: default!(Option<Array<'_, Interval>>, "NULL"),
    threshold: default!(Option<f64>, "5"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(ts, TimestampWithTimeZone),
            name!(y, f64),
            name!(expected, f64),
            name!(score, f64),
        ),
    >,
    ErrorReport,
> {
    let Some(s) = s else {
        return Ok(TableIterator::empty());
    };
    let regular = regular(&s, step.as_ref())?;
    let periods = lengths(periods)?;
    let threshold = required(threshold, "threshold")?;
    let found =
        series::outliers(&regular, periods.as_deref(), threshold, &should_stop).map_err(report)?;
    let rows = found
        .into_iter()
        .map(|o| Ok((timestamp(o.ts)?, o.y, o.expected, o.score)));
    Ok(TableIterator::new(rows.collect::<Answer<Vec<_>>>()?))
}

/// The features of a series by name.
#[pg_extern(immutable, parallel_safe, cost = 10000, name = "features")]
fn series_features(
    s: Option<SeriesValue>,
    step: default!(Option<Interval>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(name, &'static str),
            name!(value, Option<f64>),
            name!(status, &'static str),
        ),
    >,
    ErrorReport,
> {
    let Some(s) = s else {
        return Ok(TableIterator::empty());
    };
    let values = series::features(&regular(&s, step.as_ref())?, &should_stop).map_err(report)?;
    let rows = series::NAMES.into_iter().zip(values);
    Ok(TableIterator::new(rows.map(|(name, value)| {
        (name, value.ok(), value.err().unwrap_or("ok"))
    })))
}

/// The features of a series as a vector.
#[pg_extern(immutable, parallel_safe, cost = 10000)]
fn feature_values(
    s: Option<SeriesValue>,
    step: default!(Option<Interval>, "NULL"),
) -> Answer<Option<Vec<Option<f64>>>> {
    let Some(s) = s else {
        return Ok(None);
    };
    let values = series::features(&regular(&s, step.as_ref())?, &should_stop).map_err(report)?;
    Ok(Some(values.into_iter().map(Result::ok).collect()))
}

/// Names of the features of a series.
#[pg_extern(immutable, parallel_safe)]
fn series_feature_names() -> Vec<&'static str> {
    series::NAMES.to_vec()
}

extension_sql!(
    r#"
ALTER FUNCTION detect_periods(series, interval, float8, int) ROWS 2;
ALTER FUNCTION changepoints(series, interval, interval[], float8) ROWS 3;
ALTER FUNCTION outliers(series, interval, interval[], float8) ROWS 5;
ALTER FUNCTION features(series, interval) ROWS 46;
COMMENT ON FUNCTION detect_periods(series, interval, float8, int) IS
    'Periods of a series, best first; score 0.6 is what noise reaches once in some hundred series';
COMMENT ON FUNCTION decompose(series, interval[], bool) IS
    'Every window of a series as trend + sum of the seasons + remainder (MSTL); periods are found where none are given';
COMMENT ON FUNCTION changepoints(series, interval, interval[], float8) IS
    'Where level, trend or variance of a series change, what it was before and after; a larger penalty finds fewer';
COMMENT ON FUNCTION outliers(series, interval, interval[], float8) IS
    'Values that lie at least threshold robust standard deviations from what season and neighbours let expect';
COMMENT ON FUNCTION features(series, interval) IS 'Features of a series by name; where a value does not exist, status says why';
COMMENT ON FUNCTION feature_values(series, interval) IS 'Features of a series in the order of series_feature_names, NULL where a value does not exist';
COMMENT ON FUNCTION series_feature_names() IS 'Names of the features of a series, in the order of feature_values';
"#,
    name = "feature_series_sql",
    requires = [
        "series_type",
        detect_periods,
        decompose,
        changepoints,
        outliers,
        series_features,
        feature_values,
        series_feature_names
    ]
);
