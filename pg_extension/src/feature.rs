//! Stage `feature`: windows in, named numbers out.

use pgrx::datum::{Array, Interval};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::feature;
use prescale_core::feature::request::{Request, RequestState};

use crate::aggregate::{Held, flat_state};
use crate::convert::call::{Call, Time};
use crate::convert::varlena::RequestValue;
use crate::convert::{bigint, names, step as to_step};
use crate::error::{Answer, invalid, report};

pub(crate) mod latency;
pub(crate) mod entropy;
pub(crate) mod correlate;
mod series;

flat_state!(RequestState);

/// One row of `request_agg(ts, latency_ms, bytes, kind, actor [, params])`.
pub(crate) fn push_request(held: &mut Held<RequestState>, call: &Call<'_>) -> Answer<()> {
    if call.float8_array(6, &mut held.elements)?.is_none() {
        held.elements.clear();
    }
    let ts = match call.time(1) {
        Time::At(ts) => Some(ts),
        Time::Null | Time::Infinite => None,
    };
    let request = Request {
        ts,
        latency_ms: call.float8(2),
        bytes: call.float8(3),
        kind: call.text(4)?,
        actor: call.text(5)?,
        params: &held.elements,
    };
    held.state.push(&request).map_err(report)
}

/// One row of `rollup(request_state)`.
pub(crate) fn push_state(held: &mut Held<RequestState>, call: &Call<'_>) -> Answer<()> {
    let Some(bytes) = call.bytes(1) else {
        return Ok(());
    };
    held.state
        .merge(&RequestState::from_bytes(bytes).map_err(report)?)
        .map_err(report)
}

/// How many requests a state has seen.
#[pg_extern(immutable, strict, parallel_safe, name = "n")]
fn request_n(state: RequestValue) -> Answer<i64> {
    bigint(state.0.n())
}

/// What a request state has seen.
#[pg_extern(immutable, strict, parallel_safe, name = "counts")]
fn request_counts(
    s: RequestValue,
) -> Result<
    TableIterator<
        'static,
        (
            name!(n, i64),
            name!(n_nonfinite, i64),
            name!(n_kind, i64),
            name!(n_actor, i64),
            name!(is_approximate, bool),
        ),
    >,
    ErrorReport,
> {
    let state = &s.0;
    Ok(TableIterator::once((
        bigint(state.n())?,
        bigint(state.n_nonfinite())?,
        bigint(state.kind().n_distinct())?,
        bigint(state.actor().n_distinct())?,
        state.is_approximate(),
    )))
}

/// Requests per second over a window of this length.
#[pg_extern(immutable, strict, parallel_safe, name = "rate")]
fn request_rate(s: RequestValue, step: Interval) -> Answer<f64> {
    Ok(s.0.rate(to_step(&step)?))
}

/// The share of requests of a kind.
#[pg_extern(immutable, strict, parallel_safe)]
fn kind_share(s: RequestValue, kind: &str) -> Option<f64> {
    s.0.kind().share(kind)
}

/// The share of requests of an actor.
#[pg_extern(immutable, strict, parallel_safe)]
fn actor_share(s: RequestValue, actor: &str) -> Option<f64> {
    s.0.actor().share(actor)
}

/// The features of a request state by name.
#[pg_extern(immutable, parallel_safe)]
fn features(
    s: Option<RequestValue>,
    param_names: default!(Option<Array<'_, &str>>, "NULL"),
) -> Result<TableIterator<'static, (name!(name, String), name!(value, Option<f64>))>, ErrorReport> {
    let Some(RequestValue(state)) = s else {
        return Ok(TableIterator::empty());
    };
    let params = match param_names {
        Some(array) => names(&array, "param_names")?,
        None => Vec::new(),
    };
    if state.n_params() > 0 && !params.is_empty() && params.len() != state.n_params() {
        let message = format!(
            "param_names holds {} names, but request_agg was given {} parameters",
            params.len(),
            state.n_params()
        );
        return Err(invalid(
            message,
            "Give one name for each parameter, in their order.",
        ));
    }
    let rows = RequestState::names(&params)
        .into_iter()
        .zip(state.values(params.len()));
    Ok(TableIterator::new(rows.collect::<Vec<_>>()))
}

/// Names of the values of a feature vector.
#[pg_extern(immutable, strict, parallel_safe)]
fn feature_names(metrics: Array<'_, &str>, correlate: bool) -> Answer<Vec<String>> {
    Ok(feature::names(&names(&metrics, "metrics")?, correlate))
}

/// Names of the metrics that a request log gives, for parameter columns of these names.
#[pg_extern(immutable, strict, parallel_safe)]
fn request_feature_names(params: Array<'_, &str>) -> Answer<Vec<String>> {
    Ok(RequestState::names(&names(&params, "params")?))
}

extension_sql!(
    r#"
CREATE TYPE request_state;
CREATE FUNCTION request_state_in(cstring) RETURNS request_state IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'request_state_in';
CREATE FUNCTION request_state_out(request_state) RETURNS cstring IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'request_state_out';
CREATE FUNCTION request_state_recv(internal) RETURNS request_state IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'request_state_recv';
CREATE FUNCTION request_state_send(request_state) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'request_state_send';
CREATE TYPE request_state (INPUT = request_state_in, OUTPUT = request_state_out, RECEIVE = request_state_recv, SEND = request_state_send,
    STORAGE = extended);
COMMENT ON TYPE request_state IS 'What was seen of the requests of one window: counts, latency sketch, entropies, correlations';
COMMENT ON FUNCTION request_state_in(cstring) IS 'Reads the text form of a request_state';
COMMENT ON FUNCTION request_state_out(request_state) IS 'Text form of a request_state: JSON';
COMMENT ON FUNCTION request_state_recv(internal) IS 'Reads the binary form of a request_state';
COMMENT ON FUNCTION request_state_send(request_state) IS 'Binary form of a request_state';
"#,
    name = "request_state_type",
    creates = [Type(RequestValue)]
);

extension_sql!(
    r#"
CREATE FUNCTION request_agg_transition(internal, timestamptz, float8, float8, text, text) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'request_agg_transition';
CREATE FUNCTION request_agg_transition(internal, timestamptz, float8, float8, text, text, float8[]) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'request_agg_transition';
CREATE FUNCTION request_rollup_transition(internal, request_state) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'request_rollup_transition';
CREATE FUNCTION request_agg_combine(internal, internal) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'request_agg_combine';
CREATE FUNCTION request_agg_serialize(internal) RETURNS bytea
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'request_agg_serialize';
CREATE FUNCTION request_agg_deserialize(bytea, internal) RETURNS internal
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'request_agg_deserialize';
CREATE FUNCTION request_agg_final(internal) RETURNS request_state
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'request_agg_final';
-- SSPACE: a sketch of some hundred buckets and some hundred keys.
CREATE AGGREGATE request_agg(ts timestamptz, latency_ms float8, bytes float8, kind text, actor text) (
    STYPE = internal, SFUNC = request_agg_transition, FINALFUNC = request_agg_final, COMBINEFUNC = request_agg_combine,
    SERIALFUNC = request_agg_serialize, DESERIALFUNC = request_agg_deserialize, SSPACE = 16000, PARALLEL = SAFE);
CREATE AGGREGATE request_agg(ts timestamptz, latency_ms float8, bytes float8, kind text, actor text, params float8[]) (
    STYPE = internal, SFUNC = request_agg_transition, FINALFUNC = request_agg_final, COMBINEFUNC = request_agg_combine,
    SERIALFUNC = request_agg_serialize, DESERIALFUNC = request_agg_deserialize, SSPACE = 16000, PARALLEL = SAFE);
CREATE AGGREGATE rollup(request_state) (
    STYPE = internal, SFUNC = request_rollup_transition, FINALFUNC = request_agg_final, COMBINEFUNC = request_agg_combine,
    SERIALFUNC = request_agg_serialize, DESERIALFUNC = request_agg_deserialize, SSPACE = 16000, PARALLEL = SAFE);
COMMENT ON FUNCTION request_agg_transition(internal, timestamptz, float8, float8, text, text) IS 'Adds a row to the state of request_agg';
COMMENT ON FUNCTION request_agg_transition(internal, timestamptz, float8, float8, text, text, float8[]) IS
    'Adds a row with parameters to the state of request_agg';
COMMENT ON FUNCTION request_rollup_transition(internal, request_state) IS 'Adds a request_state to the state of rollup';
COMMENT ON FUNCTION request_agg_combine(internal, internal) IS 'Adds one state of request_agg to another';
COMMENT ON FUNCTION request_agg_serialize(internal) IS 'Flat form of a state of request_agg';
COMMENT ON FUNCTION request_agg_deserialize(bytea, internal) IS 'Reads the flat form of a state of request_agg';
COMMENT ON FUNCTION request_agg_final(internal) IS 'request_state of a state of request_agg';
COMMENT ON AGGREGATE request_agg(timestamptz, float8, float8, text, text) IS
    'Collects the requests of one window: latency in milliseconds, bytes, kind and who asked; any column may be NULL';
COMMENT ON AGGREGATE request_agg(timestamptz, float8, float8, text, text, float8[]) IS
    'Collects the requests of one window with numeric parameters, whose correlation with latency is kept';
COMMENT ON AGGREGATE rollup(request_state) IS 'Merges request states into one';

ALTER FUNCTION features(request_state, text[]) ROWS 12;
ALTER FUNCTION counts(request_state) ROWS 1;
COMMENT ON FUNCTION n(request_state) IS 'Number of requests of a request_state';
COMMENT ON FUNCTION counts(request_state) IS 'Requests of a request_state, rows that were not finite, different kinds and actors; above 4,096 of them is_approximate';
COMMENT ON FUNCTION rate(request_state, interval) IS 'Requests per second of a request_state of a window of this length';
COMMENT ON FUNCTION kind_share(request_state, text) IS 'Share of the requests that are of a kind; NULL where it is not known';
COMMENT ON FUNCTION actor_share(request_state, text) IS 'Share of the requests that come from an actor; NULL where it is not known';
COMMENT ON FUNCTION features(request_state, text[]) IS 'Features of a request_state by name; param_names names the parameters given to request_agg';
COMMENT ON FUNCTION feature_names(text[], bool) IS 'Names of the values of a feature vector, for metrics of these names';
COMMENT ON FUNCTION request_feature_names(text[]) IS 'Names of the metrics that a request log gives, for parameters of these names';
"#,
    name = "feature_sql",
    requires = [
        "request_state_type",
        "latency_sql",
        "entropy_sql",
        "correlate_sql",
        request_n,
        request_counts,
        request_rate,
        kind_share,
        actor_share,
        features,
        feature_names,
        request_feature_names
    ]
);
