//! Sets of vectors, and the map of one.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::fingerprint::{self, MapSpec, VectorSet};

use crate::aggregate::{Held, flat_state};
use crate::convert::call::Call;
use crate::convert::progress::Progress;
use crate::convert::varlena::VectorSetValue;
use crate::convert::{bigint, count, int, required, should_stop};
use crate::error::{Answer, report};

flat_state!(VectorSet);

/// One row of `vector_agg(id, x)`; a NULL id or array is no vector.
pub(crate) fn push_vector(held: &mut Held<VectorSet>, call: &Call<'_>) -> Answer<()> {
    match (call.int8(1), call.float8_array(2, &mut held.elements)?) {
        (Some(id), Some(())) => held.state.push(id, &held.elements).map_err(report),
        _ => Ok(()),
    }
}

/// One row of `rollup(vector_set)`.
pub(crate) fn push_set(held: &mut Held<VectorSet>, call: &Call<'_>) -> Answer<()> {
    let Some(bytes) = call.bytes(1) else {
        return Ok(());
    };
    held.state
        .merge(&VectorSet::from_bytes(bytes).map_err(report)?)
        .map_err(report)
}

/// What is in a set and what was left out.
#[pg_extern(immutable, strict, parallel_safe, name = "counts")]
fn vector_counts(
    vectors: VectorSetValue,
) -> Result<
    TableIterator<
        'static,
        (
            name!(n, i64),
            name!(dimension, i32),
            name!(n_null, i64),
            name!(n_nonfinite, i64),
        ),
    >,
    ErrorReport,
> {
    let set = vectors.0;
    Ok(TableIterator::once((
        bigint(set.n())?,
        int(set.dimension())?,
        bigint(set.n_null())?,
        bigint(set.n_nonfinite())?,
    )))
}

/// Draws the map of a set.
#[pg_extern(immutable, parallel_safe, cost = 1000000)]
fn tsne(
    vectors: Option<VectorSetValue>,
    perplexity: default!(Option<f64>, "30"),
    seed: default!(Option<i64>, "1"),
    iterations: default!(Option<i32>, "1000"),
) -> Result<TableIterator<'static, (name!(id, i64), name!(x, f64), name!(y, f64))>, ErrorReport> {
    let spec = MapSpec {
        perplexity: required(perplexity, "perplexity")?,
        seed: required(seed, "seed")?.cast_unsigned(),
        iterations: usize::try_from(count(required(iterations, "iterations")?, "iterations")?)
            .unwrap_or(usize::MAX),
    };
    let Some(VectorSetValue(set)) = vectors else {
        return Ok(TableIterator::empty());
    };
    let progress = Progress::new();
    let show =
        |done: usize| progress.show(&format!("tsne: iteration {done} of {}", spec.iterations));
    let map = fingerprint::tsne(&set, &spec, &should_stop, &show).map_err(report)?;
    if map.perplexity < spec.perplexity && map.places.len() > 1 {
        let (asked, used, n) = (spec.perplexity, map.perplexity, map.places.len());
        notice!("perplexity {asked} is too large for {n} vectors: {used:.2} was used");
    }
    Ok(TableIterator::new(map.places))
}

extension_sql!(
    r#"
CREATE TYPE vector_set;
CREATE FUNCTION vector_set_in(cstring) RETURNS vector_set IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_set_in';
CREATE FUNCTION vector_set_out(vector_set) RETURNS cstring IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_set_out';
CREATE FUNCTION vector_set_recv(internal) RETURNS vector_set IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_set_recv';
CREATE FUNCTION vector_set_send(vector_set) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_set_send';
CREATE TYPE vector_set (INPUT = vector_set_in, OUTPUT = vector_set_out, RECEIVE = vector_set_recv, SEND = vector_set_send, STORAGE = extended);
COMMENT ON TYPE vector_set IS 'Vectors of one length with their ids, for tsne and regime_fit';
COMMENT ON FUNCTION vector_set_in(cstring) IS 'Reads the text form of a vector_set';
COMMENT ON FUNCTION vector_set_out(vector_set) IS 'Text form of a vector_set: JSON';
COMMENT ON FUNCTION vector_set_recv(internal) IS 'Reads the binary form of a vector_set';
COMMENT ON FUNCTION vector_set_send(vector_set) IS 'Binary form of a vector_set';
"#,
    name = "vector_set_type",
    creates = [Type(VectorSetValue)]
);

extension_sql!(
    r#"
CREATE FUNCTION vector_agg_transition(internal, bigint, float8[]) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_agg_transition';
CREATE FUNCTION vector_rollup_transition(internal, vector_set) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_rollup_transition';
CREATE FUNCTION vector_agg_combine(internal, internal) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_agg_combine';
CREATE FUNCTION vector_agg_serialize(internal) RETURNS bytea
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_agg_serialize';
CREATE FUNCTION vector_agg_deserialize(bytea, internal) RETURNS internal
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_agg_deserialize';
CREATE FUNCTION vector_agg_final(internal) RETURNS vector_set
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_agg_final';
-- SSPACE: a thousand vectors of seven values.
CREATE AGGREGATE vector_agg(id bigint, x float8[]) (
    STYPE = internal, SFUNC = vector_agg_transition, FINALFUNC = vector_agg_final, COMBINEFUNC = vector_agg_combine,
    SERIALFUNC = vector_agg_serialize, DESERIALFUNC = vector_agg_deserialize, SSPACE = 64000, PARALLEL = SAFE);
CREATE AGGREGATE rollup(vector_set) (
    STYPE = internal, SFUNC = vector_rollup_transition, FINALFUNC = vector_agg_final, COMBINEFUNC = vector_agg_combine,
    SERIALFUNC = vector_agg_serialize, DESERIALFUNC = vector_agg_deserialize, SSPACE = 64000, PARALLEL = SAFE);
COMMENT ON FUNCTION vector_agg_transition(internal, bigint, float8[]) IS 'Adds a vector to the state of vector_agg';
COMMENT ON FUNCTION vector_rollup_transition(internal, vector_set) IS 'Adds a vector_set to the state of rollup';
COMMENT ON FUNCTION vector_agg_combine(internal, internal) IS 'Adds one state of vector_agg to another';
COMMENT ON FUNCTION vector_agg_serialize(internal) IS 'Flat form of a state of vector_agg';
COMMENT ON FUNCTION vector_agg_deserialize(bytea, internal) IS 'Reads the flat form of a state of vector_agg';
COMMENT ON FUNCTION vector_agg_final(internal) IS 'vector_set of a state of vector_agg';
COMMENT ON AGGREGATE vector_agg(bigint, float8[]) IS 'Collects vectors of one length with their ids; those with a NULL, NaN or infinite value are counted and left out';
COMMENT ON AGGREGATE rollup(vector_set) IS 'Merges sets of vectors into one';

ALTER FUNCTION counts(vector_set) ROWS 1;
ALTER FUNCTION tsne(vector_set, float8, bigint, int) ROWS 1000;
COMMENT ON FUNCTION counts(vector_set) IS 'Number and length of the vectors of a set, and of those left out for a NULL, or for NaN or infinity';
COMMENT ON FUNCTION tsne(vector_set, float8, bigint, int) IS
    'Map of a set of vectors (t-SNE): a place in two dimensions for each, neighbours close together; the same set and seed give the same map';
"#,
    name = "map_sql",
    requires = ["vector_set_type", vector_counts, tsne]
);
