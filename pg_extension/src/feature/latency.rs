//! `latency_agg`: quantiles of bounded relative error in one pass.

use pgrx::datum::Array;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::feature::{LatencySummary, MovingLatency};

use crate::aggregate::{Finish, Held, flat_state};
use crate::convert::call::Call;
use crate::convert::varlena::{self, LatencyValue};
use crate::convert::{bigint, numbers, required};
use crate::error::{Answer, report};

flat_state!(LatencySummary);

impl Finish for MovingLatency {
    fn answer(&mut self, _: &Call<'_>) -> Answer<pg_sys::Datum> {
        varlena::store(&self.summary().to_bytes())
    }
}

/// One row of `latency_agg(value)`.
pub(crate) fn push(held: &mut Held<LatencySummary>, call: &Call<'_>) -> Answer<()> {
    held.state.push(call.float8(1), None).map_err(report)
}

/// One row of `latency_agg(value, rel_err)`.
pub(crate) fn push_within(held: &mut Held<LatencySummary>, call: &Call<'_>) -> Answer<()> {
    let rel_err = required(call.float8(2), "rel_err")?;
    held.state
        .push(call.float8(1), Some(rel_err))
        .map_err(report)
}

/// One row of `rollup(latency_sketch)`.
pub(crate) fn push_sketch(held: &mut Held<LatencySummary>, call: &Call<'_>) -> Answer<()> {
    let Some(bytes) = call.bytes(1) else {
        return Ok(());
    };
    held.state
        .merge(&LatencySummary::from_bytes(bytes).map_err(report)?)
        .map_err(report)
}

/// A row that enters a moving window of `latency_agg(value)`.
pub(crate) fn push_moving(held: &mut Held<MovingLatency>, call: &Call<'_>) -> Answer<()> {
    held.state.push(call.float8(1), None).map_err(report)
}

/// A row that enters a moving window of `latency_agg(value, rel_err)`.
pub(crate) fn push_moving_within(held: &mut Held<MovingLatency>, call: &Call<'_>) -> Answer<()> {
    let rel_err = required(call.float8(2), "rel_err")?;
    held.state
        .push(call.float8(1), Some(rel_err))
        .map_err(report)
}

/// The row that leaves a moving window.
pub(crate) fn pop_moving(held: &mut Held<MovingLatency>, call: &Call<'_>) -> Answer<bool> {
    held.state
        .pop(call.float8(1))
        .map(|()| true)
        .map_err(report)
}

/// How many values a sketch has seen.
#[pg_extern(immutable, strict, parallel_safe, name = "n")]
fn latency_n(s: LatencyValue) -> Answer<i64> {
    bigint(s.0.n())
}

/// A quantile.
#[pg_extern(immutable, strict, parallel_safe, name = "quantile")]
fn latency_quantile(s: LatencyValue, p: f64) -> Answer<Option<f64>> {
    s.0.sketch().quantile(p).map_err(report)
}

/// Several quantiles.
#[pg_extern(immutable, strict, parallel_safe, name = "quantile")]
fn latency_quantiles(s: LatencyValue, p: Array<'_, f64>) -> Answer<Vec<Option<f64>>> {
    let sketch = s.0.sketch();
    let p = numbers(&p, "p")?;
    p.into_iter()
        .map(|p| sketch.quantile(p).map_err(report))
        .collect()
}

/// The share of values up to one.
#[pg_extern(immutable, strict, parallel_safe, name = "rank")]
fn latency_rank(s: LatencyValue, v: f64) -> Answer<Option<f64>> {
    s.0.sketch().rank(v).map_err(report)
}

/// The relative error of quantiles.
#[pg_extern(immutable, strict, parallel_safe, name = "error")]
fn latency_error(s: LatencyValue) -> f64 {
    s.0.sketch().rel_err()
}

/// The mean.
#[pg_extern(immutable, strict, parallel_safe, name = "mean")]
fn latency_mean(s: LatencyValue) -> Option<f64> {
    s.0.mean()
}

/// The sum; without values NULL, as of the aggregate.
#[pg_extern(immutable, strict, parallel_safe, name = "sum")]
fn latency_sum(s: LatencyValue) -> Option<f64> {
    (s.0.n() > 0).then(|| s.0.sum())
}

/// The smallest value.
#[pg_extern(immutable, strict, parallel_safe, name = "min")]
fn latency_min(s: LatencyValue) -> Option<f64> {
    s.0.sketch().range().map(|(low, _)| low)
}

/// The largest value.
#[pg_extern(immutable, strict, parallel_safe, name = "max")]
fn latency_max(s: LatencyValue) -> Option<f64> {
    s.0.sketch().range().map(|(_, high)| high)
}

/// What a sketch has seen and what was left out.
#[pg_extern(immutable, strict, parallel_safe, name = "counts")]
fn latency_counts(
    s: LatencyValue,
) -> Result<
    TableIterator<'static, (name!(n, i64), name!(n_null, i64), name!(n_nonfinite, i64))>,
    ErrorReport,
> {
    Ok(TableIterator::once((
        bigint(s.0.n())?,
        bigint(s.0.n_null())?,
        bigint(s.0.n_nonfinite())?,
    )))
}

extension_sql!(
    r#"
CREATE TYPE latency_sketch;
CREATE FUNCTION latency_sketch_in(cstring) RETURNS latency_sketch IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_sketch_in';
CREATE FUNCTION latency_sketch_out(latency_sketch) RETURNS cstring IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_sketch_out';
CREATE FUNCTION latency_sketch_recv(internal) RETURNS latency_sketch IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_sketch_recv';
CREATE FUNCTION latency_sketch_send(latency_sketch) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_sketch_send';
CREATE TYPE latency_sketch (INPUT = latency_sketch_in, OUTPUT = latency_sketch_out, RECEIVE = latency_sketch_recv, SEND = latency_sketch_send,
    STORAGE = extended);
COMMENT ON TYPE latency_sketch IS 'Distribution of values, with quantiles of bounded relative error, and their exact sum';
COMMENT ON FUNCTION latency_sketch_in(cstring) IS 'Reads the text form of a latency_sketch';
COMMENT ON FUNCTION latency_sketch_out(latency_sketch) IS 'Text form of a latency_sketch: JSON';
COMMENT ON FUNCTION latency_sketch_recv(internal) IS 'Reads the binary form of a latency_sketch';
COMMENT ON FUNCTION latency_sketch_send(latency_sketch) IS 'Binary form of a latency_sketch';
"#,
    name = "latency_sketch_type",
    creates = [Type(LatencyValue)]
);

extension_sql!(
    r#"
CREATE FUNCTION latency_agg_transition(internal, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_transition';
CREATE FUNCTION latency_agg_transition(internal, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_within_transition';
CREATE FUNCTION latency_rollup_transition(internal, latency_sketch) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_rollup_transition';
CREATE FUNCTION latency_agg_combine(internal, internal) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_combine';
CREATE FUNCTION latency_agg_serialize(internal) RETURNS bytea
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_serialize';
CREATE FUNCTION latency_agg_deserialize(bytea, internal) RETURNS internal
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_deserialize';
CREATE FUNCTION latency_agg_final(internal) RETURNS latency_sketch
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_final';
CREATE FUNCTION latency_agg_moving(internal, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_moving';
CREATE FUNCTION latency_agg_moving(internal, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_within_moving';
CREATE FUNCTION latency_agg_inverse(internal, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_inverse';
CREATE FUNCTION latency_agg_inverse(internal, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_inverse';
CREATE FUNCTION latency_agg_moving_final(internal) RETURNS latency_sketch
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_moving_final';
-- SSPACE: some hundred buckets, 8 bytes each, and the exact sum.
CREATE AGGREGATE latency_agg(value float8) (
    STYPE = internal, SFUNC = latency_agg_transition, FINALFUNC = latency_agg_final, COMBINEFUNC = latency_agg_combine,
    SERIALFUNC = latency_agg_serialize, DESERIALFUNC = latency_agg_deserialize, SSPACE = 6000, PARALLEL = SAFE,
    MSTYPE = internal, MSFUNC = latency_agg_moving, MINVFUNC = latency_agg_inverse, MFINALFUNC = latency_agg_moving_final, MSSPACE = 12000);
CREATE AGGREGATE latency_agg(value float8, rel_err float8) (
    STYPE = internal, SFUNC = latency_agg_transition, FINALFUNC = latency_agg_final, COMBINEFUNC = latency_agg_combine,
    SERIALFUNC = latency_agg_serialize, DESERIALFUNC = latency_agg_deserialize, SSPACE = 6000, PARALLEL = SAFE,
    MSTYPE = internal, MSFUNC = latency_agg_moving, MINVFUNC = latency_agg_inverse, MFINALFUNC = latency_agg_moving_final, MSSPACE = 12000);
CREATE AGGREGATE rollup(latency_sketch) (
    STYPE = internal, SFUNC = latency_rollup_transition, FINALFUNC = latency_agg_final, COMBINEFUNC = latency_agg_combine,
    SERIALFUNC = latency_agg_serialize, DESERIALFUNC = latency_agg_deserialize, SSPACE = 6000, PARALLEL = SAFE);
COMMENT ON FUNCTION latency_agg_transition(internal, float8) IS 'Adds a row to the state of latency_agg';
COMMENT ON FUNCTION latency_agg_transition(internal, float8, float8) IS 'Adds a row to the state of latency_agg with a relative error';
COMMENT ON FUNCTION latency_rollup_transition(internal, latency_sketch) IS 'Adds a latency_sketch to the state of rollup';
COMMENT ON FUNCTION latency_agg_combine(internal, internal) IS 'Adds one state of latency_agg to another';
COMMENT ON FUNCTION latency_agg_serialize(internal) IS 'Flat form of a state of latency_agg';
COMMENT ON FUNCTION latency_agg_deserialize(bytea, internal) IS 'Reads the flat form of a state of latency_agg';
COMMENT ON FUNCTION latency_agg_final(internal) IS 'latency_sketch of a state of latency_agg';
COMMENT ON FUNCTION latency_agg_moving(internal, float8) IS 'Adds a row to a moving window of latency_agg';
COMMENT ON FUNCTION latency_agg_moving(internal, float8, float8) IS 'Adds a row to a moving window of latency_agg with a relative error';
COMMENT ON FUNCTION latency_agg_inverse(internal, float8) IS 'Takes the oldest row out of a moving window of latency_agg';
COMMENT ON FUNCTION latency_agg_inverse(internal, float8, float8) IS 'Takes the oldest row out of a moving window of latency_agg with a relative error';
COMMENT ON FUNCTION latency_agg_moving_final(internal) IS 'latency_sketch of a moving window of latency_agg';
COMMENT ON AGGREGATE latency_agg(float8) IS 'Collects values into a sketch whose quantiles are within 1 %; NULL, NaN and infinite values are counted and left out';
COMMENT ON AGGREGATE latency_agg(float8, float8) IS 'Collects values into a sketch whose quantiles are within a relative error of 0.001 to 0.5, the same in every row';
COMMENT ON AGGREGATE rollup(latency_sketch) IS 'Merges latency sketches of one relative error into one';

ALTER FUNCTION counts(latency_sketch) ROWS 1;
COMMENT ON FUNCTION n(latency_sketch) IS 'Number of values of a latency_sketch';
COMMENT ON FUNCTION quantile(latency_sketch, float8) IS 'Value below which a share p of the values lies, within the relative error';
COMMENT ON FUNCTION quantile(latency_sketch, float8[]) IS 'Values below which shares p of the values lie, within the relative error';
COMMENT ON FUNCTION rank(latency_sketch, float8) IS 'Share of the values that are at most v';
COMMENT ON FUNCTION error(latency_sketch) IS 'Relative error of the quantiles of a latency_sketch';
COMMENT ON FUNCTION mean(latency_sketch) IS 'Mean of the values of a latency_sketch, exact but for rounding';
COMMENT ON FUNCTION sum(latency_sketch) IS 'Sum of the values of a latency_sketch, exact but for one rounding';
COMMENT ON FUNCTION min(latency_sketch) IS 'Smallest value of a latency_sketch, exactly';
COMMENT ON FUNCTION max(latency_sketch) IS 'Largest value of a latency_sketch, exactly';
COMMENT ON FUNCTION counts(latency_sketch) IS 'Values of a latency_sketch, and rows that were left out: NULL, and NaN or infinite';
"#,
    name = "latency_sql",
    requires = [
        "latency_sketch_type",
        latency_n,
        latency_quantile,
        latency_quantiles,
        latency_rank,
        latency_error,
        latency_mean,
        latency_sum,
        latency_min,
        latency_max,
        latency_counts
    ]
);
