//! Stage `window`: series in, windows of equal length out.

use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::window::{self, Grid};

use crate::convert::varlena::SeriesValue;
use crate::convert::{int, should_stop, step as to_step, timestamp};
use crate::error::{Answer, report};

pub(crate) fn grid(step: &Interval, fill: &str, agg: &str, timezone: &str) -> Answer<Grid> {
    Ok(Grid {
        step: to_step(step)?,
        fill: fill.parse().map_err(report)?,
        agg: agg.parse().map_err(report)?,
        timezone: timezone.to_owned(),
    })
}

/// The windows of a series, as a series that knows its step and time zone.
#[pg_extern(immutable, strict, parallel_safe, cost = 1000)]
fn resample(
    s: SeriesValue,
    step: Interval,
    fill: default!(&str, "'linear'"),
    agg: default!(&str, "'mean'"),
    timezone: default!(&str, "'UTC'"),
) -> Answer<SeriesValue> {
    window::resample(&s.0, &grid(&step, fill, agg, timezone)?, &should_stop)
        .map(SeriesValue)
        .map_err(report)
}

/// The windows of a series, one row each.
#[pg_extern(immutable, strict, parallel_safe, cost = 1000)]
fn regularize(
    s: SeriesValue,
    step: Interval,
    fill: default!(&str, "'linear'"),
    agg: default!(&str, "'mean'"),
    timezone: default!(&str, "'UTC'"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(ts, TimestampWithTimeZone),
            name!(y, Option<f64>),
            name!(imputed, bool),
            name!(n_raw, i32),
        ),
    >,
    ErrorReport,
> {
    let grid = grid(&step, fill, agg, timezone)?;
    let windows = window::regularize(&s.0, &grid, &should_stop).map_err(report)?;
    let rows = windows
        .into_iter()
        .map(|w| Ok((timestamp(w.ts)?, w.y, w.imputed, int(w.n_raw)?)));
    Ok(TableIterator::new(rows.collect::<Answer<Vec<_>>>()?))
}

extension_sql!(
    r#"
COMMENT ON FUNCTION resample(series, interval, text, text, text) IS
    'Series of equal steps; fill is none, zero, linear, locf or seasonal, agg is mean, sum, min, max, count or last';
COMMENT ON FUNCTION regularize(series, interval, text, text, text) IS
    'Every window of a series; imputed says whether y was filled in, n_raw how many values fell into it';
"#,
    name = "window_sql",
    requires = [resample, regularize]
);
