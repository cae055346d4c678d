//! Stage `sample`: the type `series`, its aggregates, and what it holds.

use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::sample::{Series, SeriesBuilder};

use crate::aggregate::{Finish, Held, State};
use crate::convert::call::{Call, Time};
use crate::convert::varlena::{self, SeriesValue};
use crate::convert::{bigint, optional_timestamp, should_stop, timestamp};
use crate::error::{Answer, report};

mod source;

impl Finish for SeriesBuilder {
    fn answer(&mut self, _: &Call<'_>) -> Answer<pg_sys::Datum> {
        varlena::store(&self.series_bytes(&should_stop).map_err(report)?)
    }
}

impl State for SeriesBuilder {
    fn merge(&mut self, other: &mut Self) -> prescale_core::Result<()> {
        Self::merge(self, other)
    }
    fn to_bytes(&self) -> Vec<u8> {
        Self::to_bytes(self)
    }
    fn from_bytes(bytes: &[u8]) -> prescale_core::Result<Self> {
        Self::from_bytes(bytes)
    }
}

/// The state of `rate_agg`: a series of a counter's samples.
pub(crate) struct Counter(SeriesBuilder);

impl Default for Counter {
    fn default() -> Self {
        Self(SeriesBuilder::of_counter())
    }
}

impl Finish for Counter {
    fn answer(&mut self, call: &Call<'_>) -> Answer<pg_sys::Datum> {
        self.0.answer(call)
    }
}

impl State for Counter {
    fn merge(&mut self, other: &mut Self) -> prescale_core::Result<()> {
        self.0.merge(&mut other.0)
    }
    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }
    fn from_bytes(bytes: &[u8]) -> prescale_core::Result<Self> {
        SeriesBuilder::from_bytes(bytes).map(Self)
    }
}

/// One row of `series_agg(ts, value)`.
pub(crate) fn push_row(held: &mut Held<SeriesBuilder>, call: &Call<'_>) -> Answer<()> {
    push(&mut held.state, call)
}

/// One row of `rate_agg(ts, counter)`.
pub(crate) fn push_sample(held: &mut Held<Counter>, call: &Call<'_>) -> Answer<()> {
    push(&mut held.state.0, call)
}

fn push(builder: &mut SeriesBuilder, call: &Call<'_>) -> Answer<()> {
    let (ts, value) = match call.time(1) {
        Time::Null => (None, call.float8(2)),
        Time::At(ts) => (Some(ts), call.float8(2)),
        // A row at no point in time is counted like a value that is no number.
        Time::Infinite => (Some(0), Some(f64::NAN)),
    };
    builder.push(ts, value).map_err(report)
}

/// One row of `rollup(series)`.
pub(crate) fn push_series(held: &mut Held<SeriesBuilder>, call: &Call<'_>) -> Answer<()> {
    let Some(bytes) = call.bytes(1) else {
        return Ok(());
    };
    let series = Series::from_bytes(bytes).map_err(report)?;
    held.state.push_series(&series).map_err(report)
}

/// How many values a series holds.
#[pg_extern(immutable, strict, parallel_safe, name = "n")]
fn series_n(series: SeriesValue) -> Answer<i64> {
    bigint(series.0.value().len())
}

/// The rates of a counter whose samples a series holds.
#[pg_extern(immutable, strict, parallel_safe, name = "rate")]
fn series_rate(s: SeriesValue) -> Answer<SeriesValue> {
    s.0.rate().map(SeriesValue).map_err(report)
}

/// How often the counter restarted.
#[pg_extern(immutable, strict, parallel_safe)]
fn n_reset(s: SeriesValue) -> Answer<Option<i64>> {
    s.0.n_reset().map(bigint).transpose()
}

/// What was left out or noticed while a series was built.
#[pg_extern(immutable, strict, parallel_safe)]
fn counts(
    series: SeriesValue,
) -> Result<
    TableIterator<
        'static,
        (
            name!(n, i64),
            name!(n_null, i64),
            name!(n_nonfinite, i64),
            name!(n_dup, i64),
            name!(n_imputed, i64),
            name!(first_ts, Option<TimestampWithTimeZone>),
            name!(last_ts, Option<TimestampWithTimeZone>),
        ),
    >,
    ErrorReport,
> {
    let (ts, seen) = (series.0.ts(), series.0.counts());
    Ok(TableIterator::once((
        bigint(ts.len())?,
        bigint(seen.n_null)?,
        bigint(seen.n_nonfinite)?,
        bigint(seen.n_dup)?,
        bigint(seen.n_imputed)?,
        optional_timestamp(ts.first().copied())?,
        optional_timestamp(ts.last().copied())?,
    )))
}

/// The values of a series, in order.
#[pg_extern(immutable, strict, parallel_safe)]
fn unnest(
    series: SeriesValue,
) -> Result<
    TableIterator<'static, (name!(ts, TimestampWithTimeZone), name!(value, f64))>,
    ErrorReport,
> {
    let rows = series.0.ts().iter().zip(series.0.value());
    let rows: Vec<_> = rows
        .map(|(ts, value)| Ok((timestamp(*ts)?, *value)))
        .collect::<Answer<_>>()?;
    Ok(TableIterator::new(rows))
}

/// Version of the library that the server has loaded.
#[pg_extern(immutable, parallel_safe)]
fn library_version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

extension_sql!(
    r#"
CREATE TYPE series;
CREATE FUNCTION series_in(cstring) RETURNS series IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'series_in';
CREATE FUNCTION series_out(series) RETURNS cstring IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'series_out';
CREATE FUNCTION series_recv(internal) RETURNS series IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'series_recv';
CREATE FUNCTION series_send(series) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'series_send';
CREATE TYPE series (INPUT = series_in, OUTPUT = series_out, RECEIVE = series_recv, SEND = series_send, STORAGE = extended);
COMMENT ON TYPE series IS 'Time-ordered finite values, with counts of what was left out';
COMMENT ON FUNCTION series_in(cstring) IS 'Reads the text form of a series';
COMMENT ON FUNCTION series_out(series) IS 'Text form of a series: JSON with microseconds since 1970';
COMMENT ON FUNCTION series_recv(internal) IS 'Reads the binary form of a series';
COMMENT ON FUNCTION series_send(series) IS 'Binary form of a series';
"#,
    name = "series_type",
    creates = [Type(SeriesValue)]
);

extension_sql!(
    r#"
CREATE FUNCTION series_agg_transition(internal, timestamptz, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'series_agg_transition';
CREATE FUNCTION series_rollup_transition(internal, series) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'series_rollup_transition';
CREATE FUNCTION series_agg_combine(internal, internal) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'series_agg_combine';
CREATE FUNCTION series_agg_serialize(internal) RETURNS bytea
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'series_agg_serialize';
CREATE FUNCTION series_agg_deserialize(bytea, internal) RETURNS internal
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'series_agg_deserialize';
CREATE FUNCTION series_agg_final(internal) RETURNS series
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'series_agg_final';
-- SSPACE: a day of minutes, 16 bytes each; it steers the planner between hashing and sorting.
CREATE AGGREGATE series_agg(ts timestamptz, value float8) (
    STYPE = internal, SFUNC = series_agg_transition, FINALFUNC = series_agg_final, COMBINEFUNC = series_agg_combine,
    SERIALFUNC = series_agg_serialize, DESERIALFUNC = series_agg_deserialize, SSPACE = 24000, PARALLEL = SAFE);
CREATE FUNCTION rate_agg_transition(internal, timestamptz, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rate_agg_transition';
CREATE FUNCTION rate_agg_combine(internal, internal) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rate_agg_combine';
CREATE FUNCTION rate_agg_serialize(internal) RETURNS bytea
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rate_agg_serialize';
CREATE FUNCTION rate_agg_deserialize(bytea, internal) RETURNS internal
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rate_agg_deserialize';
CREATE FUNCTION rate_agg_final(internal) RETURNS series
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rate_agg_final';
CREATE AGGREGATE rate_agg(ts timestamptz, counter float8) (
    STYPE = internal, SFUNC = rate_agg_transition, FINALFUNC = rate_agg_final, COMBINEFUNC = rate_agg_combine,
    SERIALFUNC = rate_agg_serialize, DESERIALFUNC = rate_agg_deserialize, SSPACE = 24000, PARALLEL = SAFE);
CREATE AGGREGATE rollup(series) (
    STYPE = internal, SFUNC = series_rollup_transition, FINALFUNC = series_agg_final, COMBINEFUNC = series_agg_combine,
    SERIALFUNC = series_agg_serialize, DESERIALFUNC = series_agg_deserialize, SSPACE = 24000, PARALLEL = SAFE);
COMMENT ON FUNCTION series_agg_transition(internal, timestamptz, float8) IS 'Adds a row to the state of series_agg';
COMMENT ON FUNCTION series_rollup_transition(internal, series) IS 'Adds a series to the state of rollup';
COMMENT ON FUNCTION series_agg_combine(internal, internal) IS 'Adds one state of series_agg to another';
COMMENT ON FUNCTION series_agg_serialize(internal) IS 'Flat form of a state of series_agg';
COMMENT ON FUNCTION series_agg_deserialize(bytea, internal) IS 'Reads the flat form of a state of series_agg';
COMMENT ON FUNCTION series_agg_final(internal) IS 'Series of a state of series_agg';
COMMENT ON AGGREGATE series_agg(timestamptz, float8) IS 'Collects rows in any order into a series; NULL, NaN and infinite rows are counted and left out';
COMMENT ON AGGREGATE rollup(series) IS 'Merges series into one';

COMMENT ON FUNCTION rate_agg_transition(internal, timestamptz, float8) IS 'Adds a row to the state of rate_agg';
COMMENT ON FUNCTION rate_agg_combine(internal, internal) IS 'Adds one state of rate_agg to another';
COMMENT ON FUNCTION rate_agg_serialize(internal) IS 'Flat form of a state of rate_agg';
COMMENT ON FUNCTION rate_agg_deserialize(bytea, internal) IS 'Reads the flat form of a state of rate_agg';
COMMENT ON FUNCTION rate_agg_final(internal) IS 'Series of a state of rate_agg';
COMMENT ON AGGREGATE rate_agg(timestamptz, float8) IS
    'Rate per second of a counter between its samples, in any order; where it falls it restarted at zero';

ALTER FUNCTION counts(series) ROWS 1;
COMMENT ON FUNCTION rate(series) IS 'Rate per second of the counter whose samples a series holds';
COMMENT ON FUNCTION n_reset(series) IS 'How often the counter restarted that a series of rates comes from; NULL for another series';
COMMENT ON FUNCTION n(series) IS 'Number of values of a series';
COMMENT ON FUNCTION counts(series) IS 'What was left out or noticed while a series was built';
COMMENT ON FUNCTION unnest(series) IS 'Values of a series, in the order of time';
COMMENT ON FUNCTION library_version() IS 'Version of the library that the server has loaded';
"#,
    name = "sample_sql",
    requires = [
        "series_type",
        series_n,
        series_rate,
        n_reset,
        counts,
        unnest,
        library_version
    ]
);
