//! `entropy_agg`: how evenly rows spread over keys.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::feature::{Correction, KeyCounts};

use crate::aggregate::{Held, flat_state};
use crate::convert::bigint;
use crate::convert::call::Call;
use crate::convert::varlena::KeysValue;
use crate::error::{Answer, report};

flat_state!(KeyCounts);

/// One row of `entropy_agg(key)`.
pub(crate) fn push(held: &mut Held<KeyCounts>, call: &Call<'_>) -> Answer<()> {
    held.state.push(call.text(1)?).map_err(report)
}

/// The row that leaves a moving window; `false` where the window must be computed anew.
pub(crate) fn pop(held: &mut Held<KeyCounts>, call: &Call<'_>) -> Answer<bool> {
    Ok(held.state.take(call.text(1)?))
}

/// One row of `rollup(entropy_state)`.
pub(crate) fn push_state(held: &mut Held<KeyCounts>, call: &Call<'_>) -> Answer<()> {
    let Some(bytes) = call.bytes(1) else {
        return Ok(());
    };
    held.state
        .merge(&KeyCounts::from_bytes(bytes).map_err(report)?)
        .map_err(report)
}

/// How many keys a state has seen.
#[pg_extern(immutable, strict, parallel_safe, name = "n")]
fn keys_n(s: KeysValue) -> Answer<i64> {
    bigint(s.0.state().n())
}

/// How many different keys a state has seen.
#[pg_extern(immutable, strict, parallel_safe)]
fn n_distinct(s: KeysValue) -> Answer<i64> {
    bigint(s.0.state().n_distinct())
}

/// The entropy of the keys.
#[pg_extern(immutable, parallel_safe, name = "entropy")]
fn keys_entropy(
    s: Option<KeysValue>,
    normalized: default!(Option<bool>, "false"),
    correction: default!(Option<&str>, "NULL"),
) -> Answer<Option<f64>> {
    let (Some(keys), Some(normalized)) = (s, normalized) else {
        return Ok(None);
    };
    let correction = correction
        .map_or(Ok(Correction::None), str::parse)
        .map_err(report)?;
    Ok(keys.0.entropy(normalized, correction))
}

/// The share of one key.
#[pg_extern(immutable, strict, parallel_safe, name = "share")]
fn keys_share(s: KeysValue, key: &str) -> Option<f64> {
    s.0.state().share(key)
}

/// What a state has seen, and what was left out.
#[pg_extern(immutable, strict, parallel_safe, name = "counts")]
fn keys_counts(
    s: KeysValue,
) -> Result<
    TableIterator<
        'static,
        (
            name!(n, i64),
            name!(n_null, i64),
            name!(n_distinct, i64),
            name!(is_approximate, bool),
        ),
    >,
    ErrorReport,
> {
    let keys = s.0.state();
    Ok(TableIterator::once((
        bigint(keys.n())?,
        bigint(s.0.n_null())?,
        bigint(keys.n_distinct())?,
        keys.is_approximate(),
    )))
}

extension_sql!(
    r#"
CREATE TYPE entropy_state;
CREATE FUNCTION entropy_state_in(cstring) RETURNS entropy_state IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_state_in';
CREATE FUNCTION entropy_state_out(entropy_state) RETURNS cstring IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_state_out';
CREATE FUNCTION entropy_state_recv(internal) RETURNS entropy_state IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_state_recv';
CREATE FUNCTION entropy_state_send(entropy_state) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_state_send';
CREATE TYPE entropy_state (INPUT = entropy_state_in, OUTPUT = entropy_state_out, RECEIVE = entropy_state_recv, SEND = entropy_state_send,
    STORAGE = extended);
COMMENT ON TYPE entropy_state IS 'How often each key was seen; keys are known by their hash';
COMMENT ON FUNCTION entropy_state_in(cstring) IS 'Reads the text form of an entropy_state';
COMMENT ON FUNCTION entropy_state_out(entropy_state) IS 'Text form of an entropy_state: JSON';
COMMENT ON FUNCTION entropy_state_recv(internal) IS 'Reads the binary form of an entropy_state';
COMMENT ON FUNCTION entropy_state_send(entropy_state) IS 'Binary form of an entropy_state';
"#,
    name = "entropy_state_type",
    creates = [Type(KeysValue)]
);

extension_sql!(
    r#"
CREATE FUNCTION entropy_agg_transition(internal, text) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_agg_transition';
CREATE FUNCTION entropy_rollup_transition(internal, entropy_state) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_rollup_transition';
CREATE FUNCTION entropy_agg_combine(internal, internal) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_agg_combine';
CREATE FUNCTION entropy_agg_serialize(internal) RETURNS bytea
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_agg_serialize';
CREATE FUNCTION entropy_agg_deserialize(bytea, internal) RETURNS internal
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_agg_deserialize';
CREATE FUNCTION entropy_agg_final(internal) RETURNS entropy_state
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_agg_final';
CREATE FUNCTION entropy_agg_inverse(internal, text) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_agg_inverse';
-- SSPACE: some hundred keys, 16 bytes each.
CREATE AGGREGATE entropy_agg(key text) (
    STYPE = internal, SFUNC = entropy_agg_transition, FINALFUNC = entropy_agg_final, COMBINEFUNC = entropy_agg_combine,
    SERIALFUNC = entropy_agg_serialize, DESERIALFUNC = entropy_agg_deserialize, SSPACE = 4000, PARALLEL = SAFE,
    MSTYPE = internal, MSFUNC = entropy_agg_transition, MINVFUNC = entropy_agg_inverse, MFINALFUNC = entropy_agg_final, MSSPACE = 4000);
CREATE AGGREGATE rollup(entropy_state) (
    STYPE = internal, SFUNC = entropy_rollup_transition, FINALFUNC = entropy_agg_final, COMBINEFUNC = entropy_agg_combine,
    SERIALFUNC = entropy_agg_serialize, DESERIALFUNC = entropy_agg_deserialize, SSPACE = 4000, PARALLEL = SAFE);
COMMENT ON FUNCTION entropy_agg_transition(internal, text) IS 'Adds a row to the state of entropy_agg';
COMMENT ON FUNCTION entropy_rollup_transition(internal, entropy_state) IS 'Adds an entropy_state to the state of rollup';
COMMENT ON FUNCTION entropy_agg_combine(internal, internal) IS 'Adds one state of entropy_agg to another';
COMMENT ON FUNCTION entropy_agg_serialize(internal) IS 'Flat form of a state of entropy_agg';
COMMENT ON FUNCTION entropy_agg_deserialize(bytea, internal) IS 'Reads the flat form of a state of entropy_agg';
COMMENT ON FUNCTION entropy_agg_final(internal) IS 'entropy_state of a state of entropy_agg';
COMMENT ON FUNCTION entropy_agg_inverse(internal, text) IS 'Takes the oldest row out of a moving window of entropy_agg';
COMMENT ON AGGREGATE entropy_agg(text) IS 'Counts keys; NULL is counted apart. Above 4,096 different keys the entropy is approximate';
COMMENT ON AGGREGATE rollup(entropy_state) IS 'Merges counted keys into one state';

ALTER FUNCTION counts(entropy_state) ROWS 1;
COMMENT ON FUNCTION n(entropy_state) IS 'Number of keys of an entropy_state';
COMMENT ON FUNCTION n_distinct(entropy_state) IS 'Number of different keys of an entropy_state; an estimate above 4,096';
COMMENT ON FUNCTION entropy(entropy_state, bool, text) IS
    'Shannon entropy of the keys in bits; normalized as a share of the most that so many keys can have; correction is none or miller_madow';
COMMENT ON FUNCTION share(entropy_state, text) IS 'Share of the rows that have a key; NULL where it is not known';
COMMENT ON FUNCTION counts(entropy_state) IS 'Keys of an entropy_state, rows that were NULL, different keys, and whether there were too many to count each';
"#,
    name = "entropy_sql",
    requires = [
        "entropy_state_type",
        keys_n,
        n_distinct,
        keys_entropy,
        keys_share,
        keys_counts
    ]
);
