//! Stage `fingerprint`: feature vectors in, short vectors out.

use pgrx::prelude::*;
use prescale_core::fingerprint::{Keep, PcaBuilder, PcaModel, PcaState};

use crate::aggregate::{Held, flat_state};
use crate::convert::call::Call;
use crate::convert::varlena::{PcaModelValue, PcaStateValue};
use crate::error::{Answer, invalid, report};

pub(crate) mod map;
mod model;
mod nearest;
mod regime;
mod state;

flat_state!(PcaBuilder);

/// One row of `pca_agg(x)`; a NULL array is no vector.
pub(crate) fn push_vector(held: &mut Held<PcaBuilder>, call: &Call<'_>) -> Answer<()> {
    if let Some(values) = call.float8_dense(1) {
        return held.state.push_dense(values).map_err(report);
    }
    match call.float8_array(1, &mut held.elements)? {
        Some(()) => held.state.push(&held.elements).map_err(report),
        None => Ok(()),
    }
}

/// One row of `pca_agg(x1, x2, …)`.
pub(crate) fn push_values(held: &mut Held<PcaBuilder>, call: &Call<'_>) -> Answer<()> {
    held.elements.clear();
    held.elements
        .extend((1..call.n_args()).map(|index| call.float8(index)));
    held.state.push(&held.elements).map_err(report)
}

/// One row of `rollup(pca_state)`.
pub(crate) fn push_state(held: &mut Held<PcaBuilder>, call: &Call<'_>) -> Answer<()> {
    let Some(bytes) = call.bytes(1) else {
        return Ok(());
    };
    held.state
        .add(&PcaState::from_bytes(bytes).map_err(report)?)
        .map_err(report)
}

/// The share of the variance that is kept when nothing else is asked for.
const DEFAULT_VARIANCE: f64 = 0.95;

fn keep(components: Option<i32>, variance: Option<f64>) -> Answer<Keep> {
    match (components, variance) {
        (Some(_), Some(_)) => Err(invalid(
            "components and variance cannot both be given",
            "Give one of the two.",
        )),
        (Some(components), None) => {
            usize::try_from(components)
                .map(Keep::Components)
                .map_err(|_| {
                    invalid(
                        format!("components must be positive, not {components}"),
                        "Give 1 or more.",
                    )
                })
        }
        (None, share) => Ok(Keep::Variance(share.unwrap_or(DEFAULT_VARIANCE))),
    }
}

/// Fits a PCA to a state.
#[pg_extern(immutable, parallel_safe, cost = 10000)]
fn pca_fit(
    state: Option<PcaStateValue>,
    components: default!(Option<i32>, "NULL"),
    variance: default!(Option<f64>, "NULL"),
    scale: default!(Option<bool>, "true"),
) -> Answer<Option<PcaModelValue>> {
    let (Some(state), Some(scale)) = (state, scale) else {
        return Ok(None);
    };
    let model = PcaModel::fit(&state.0, keep(components, variance)?, scale).map_err(report)?;
    Ok(Some(PcaModelValue(model)))
}

extension_sql!(
    r#"
CREATE TYPE pca_state;
CREATE FUNCTION pca_state_in(cstring) RETURNS pca_state IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_state_in';
CREATE FUNCTION pca_state_out(pca_state) RETURNS cstring IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_state_out';
CREATE FUNCTION pca_state_recv(internal) RETURNS pca_state IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_state_recv';
CREATE FUNCTION pca_state_send(pca_state) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_state_send';
CREATE TYPE pca_state (INPUT = pca_state_in, OUTPUT = pca_state_out, RECEIVE = pca_state_recv, SEND = pca_state_send, STORAGE = extended);
COMMENT ON TYPE pca_state IS 'Co-moments of vectors, from which pca_fit makes a model';
COMMENT ON FUNCTION pca_state_in(cstring) IS 'Reads the text form of a pca_state';
COMMENT ON FUNCTION pca_state_out(pca_state) IS 'Text form of a pca_state: JSON';
COMMENT ON FUNCTION pca_state_recv(internal) IS 'Reads the binary form of a pca_state';
COMMENT ON FUNCTION pca_state_send(pca_state) IS 'Binary form of a pca_state';
"#,
    name = "pca_state_type",
    creates = [Type(PcaStateValue)]
);

extension_sql!(
    r#"
CREATE TYPE pca_model;
CREATE FUNCTION pca_model_in(cstring) RETURNS pca_model IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_model_in';
CREATE FUNCTION pca_model_out(pca_model) RETURNS cstring IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_model_out';
CREATE FUNCTION pca_model_recv(internal) RETURNS pca_model IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_model_recv';
CREATE FUNCTION pca_model_send(pca_model) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_model_send';
CREATE TYPE pca_model (INPUT = pca_model_in, OUTPUT = pca_model_out, RECEIVE = pca_model_recv, SEND = pca_model_send, STORAGE = extended);
COMMENT ON TYPE pca_model IS 'A fitted PCA';
COMMENT ON FUNCTION pca_model_in(cstring) IS 'Reads the text form of a pca_model';
COMMENT ON FUNCTION pca_model_out(pca_model) IS 'Text form of a pca_model: JSON';
COMMENT ON FUNCTION pca_model_recv(internal) IS 'Reads the binary form of a pca_model';
COMMENT ON FUNCTION pca_model_send(pca_model) IS 'Binary form of a pca_model';
"#,
    name = "pca_model_type",
    creates = [Type(PcaModelValue)]
);

extension_sql!(
    r#"
CREATE FUNCTION pca_agg_transition(internal, float8[]) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_transition';
CREATE FUNCTION pca_agg_transition(internal, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_values_transition';
CREATE FUNCTION pca_agg_transition(internal, float8, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_values_transition';
CREATE FUNCTION pca_agg_transition(internal, float8, float8, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_values_transition';
CREATE FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_values_transition';
CREATE FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_values_transition';
CREATE FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_values_transition';
CREATE FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8, float8, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_values_transition';
CREATE FUNCTION pca_rollup_transition(internal, pca_state) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_rollup_transition';
CREATE FUNCTION pca_agg_combine(internal, internal) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_combine';
CREATE FUNCTION pca_agg_serialize(internal) RETURNS bytea
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_serialize';
CREATE FUNCTION pca_agg_deserialize(bytea, internal) RETURNS internal
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_deserialize';
CREATE FUNCTION pca_agg_final(internal) RETURNS pca_state
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_final';
-- SSPACE: a block of 32 vectors of 20 values, their means and co-moments, 8 bytes each.
CREATE AGGREGATE pca_agg(x float8[]) (
    STYPE = internal, SFUNC = pca_agg_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);
CREATE AGGREGATE pca_agg(x1 float8, x2 float8) (
    STYPE = internal, SFUNC = pca_agg_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);
CREATE AGGREGATE pca_agg(x1 float8, x2 float8, x3 float8) (
    STYPE = internal, SFUNC = pca_agg_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);
CREATE AGGREGATE pca_agg(x1 float8, x2 float8, x3 float8, x4 float8) (
    STYPE = internal, SFUNC = pca_agg_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);
CREATE AGGREGATE pca_agg(x1 float8, x2 float8, x3 float8, x4 float8, x5 float8) (
    STYPE = internal, SFUNC = pca_agg_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);
CREATE AGGREGATE pca_agg(x1 float8, x2 float8, x3 float8, x4 float8, x5 float8, x6 float8) (
    STYPE = internal, SFUNC = pca_agg_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);
CREATE AGGREGATE pca_agg(x1 float8, x2 float8, x3 float8, x4 float8, x5 float8, x6 float8, x7 float8) (
    STYPE = internal, SFUNC = pca_agg_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);
CREATE AGGREGATE pca_agg(x1 float8, x2 float8, x3 float8, x4 float8, x5 float8, x6 float8, x7 float8, x8 float8) (
    STYPE = internal, SFUNC = pca_agg_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);
CREATE AGGREGATE rollup(pca_state) (
    STYPE = internal, SFUNC = pca_rollup_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);
COMMENT ON FUNCTION pca_agg_transition(internal, float8[]) IS 'Adds a vector to the state of pca_agg';
COMMENT ON FUNCTION pca_rollup_transition(internal, pca_state) IS 'Adds a pca_state to the state of rollup';
COMMENT ON FUNCTION pca_agg_combine(internal, internal) IS 'Adds one state of pca_agg to another';
COMMENT ON FUNCTION pca_agg_serialize(internal) IS 'Flat form of a state of pca_agg';
COMMENT ON FUNCTION pca_agg_deserialize(bytea, internal) IS 'Reads the flat form of a state of pca_agg';
COMMENT ON FUNCTION pca_agg_final(internal) IS 'pca_state of a state of pca_agg';
COMMENT ON AGGREGATE pca_agg(float8[]) IS 'Collects vectors of one length; a NULL value counts as the mean of its column, a NULL vector is left out';
COMMENT ON FUNCTION pca_agg_transition(internal, float8, float8) IS 'Adds a vector of 2 columns to the state of pca_agg';
COMMENT ON AGGREGATE pca_agg(float8, float8) IS 'Collects vectors made of 2 columns, as pca_agg(float8[]) does';
COMMENT ON FUNCTION pca_agg_transition(internal, float8, float8, float8) IS 'Adds a vector of 3 columns to the state of pca_agg';
COMMENT ON AGGREGATE pca_agg(float8, float8, float8) IS 'Collects vectors made of 3 columns, as pca_agg(float8[]) does';
COMMENT ON FUNCTION pca_agg_transition(internal, float8, float8, float8, float8) IS 'Adds a vector of 4 columns to the state of pca_agg';
COMMENT ON AGGREGATE pca_agg(float8, float8, float8, float8) IS 'Collects vectors made of 4 columns, as pca_agg(float8[]) does';
COMMENT ON FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8) IS 'Adds a vector of 5 columns to the state of pca_agg';
COMMENT ON AGGREGATE pca_agg(float8, float8, float8, float8, float8) IS 'Collects vectors made of 5 columns, as pca_agg(float8[]) does';
COMMENT ON FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8, float8) IS 'Adds a vector of 6 columns to the state of pca_agg';
COMMENT ON AGGREGATE pca_agg(float8, float8, float8, float8, float8, float8) IS 'Collects vectors made of 6 columns, as pca_agg(float8[]) does';
COMMENT ON FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8, float8, float8) IS 'Adds a vector of 7 columns to the state of pca_agg';
COMMENT ON AGGREGATE pca_agg(float8, float8, float8, float8, float8, float8, float8) IS 'Collects vectors made of 7 columns, as pca_agg(float8[]) does';
COMMENT ON FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8, float8, float8, float8) IS 'Adds a vector of 8 columns to the state of pca_agg';
COMMENT ON AGGREGATE pca_agg(float8, float8, float8, float8, float8, float8, float8, float8) IS 'Collects vectors made of 8 columns, as pca_agg(float8[]) does';
COMMENT ON AGGREGATE rollup(pca_state) IS 'Merges PCA states into one';

COMMENT ON FUNCTION pca_fit(pca_state, int, float8, bool) IS
    'Fits a PCA with this many components, or as many as explain this share of the variance (0.95); scale divides by standard deviations';
"#,
    name = "fingerprint_sql",
    requires = ["pca_state_sql", "pca_model_sql", pca_fit]
);
