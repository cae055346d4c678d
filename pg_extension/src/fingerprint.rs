//! Stage `fingerprint`: feature vectors in, short vectors out.

use pgrx::datum::Array;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::fingerprint::{Keep, PcaModel, PcaState};

use crate::aggregate::{Held, State};
use crate::convert::call::Call;
use crate::convert::varlena::{PcaModelValue, PcaStateValue};
use crate::convert::{bigint, int};
use crate::error::{Answer, invalid, report};

impl State for PcaState {
    fn merge(&mut self, other: &Self) -> prescale_core::Result<()> {
        Self::merge(self, other)
    }
    fn to_bytes(&self) -> Vec<u8> {
        Self::to_bytes(self)
    }
    fn from_bytes(bytes: &[u8]) -> prescale_core::Result<Self> {
        Self::from_bytes(bytes)
    }
    fn answer(&self) -> Vec<u8> {
        Self::to_bytes(self)
    }
}

/// One row of `pca_agg(x)`; a NULL array is no vector.
pub(crate) fn push_vector(held: &mut Held<PcaState>, call: &Call<'_>) -> Answer<()> {
    match call.float8_array(1, &mut held.elements)? {
        Some(()) => held.state.push(&held.elements).map_err(report),
        None => Ok(()),
    }
}

/// One row of `rollup(pca_state)`.
pub(crate) fn push_state(held: &mut Held<PcaState>, call: &Call<'_>) -> Answer<()> {
    let Some(bytes) = call.bytes(1) else {
        return Ok(());
    };
    held.state
        .merge(&PcaState::from_bytes(bytes).map_err(report)?)
        .map_err(report)
}

/// How many vectors a state has seen.
#[pg_extern(immutable, strict, parallel_safe, name = "n")]
fn pca_n(state: PcaStateValue) -> Answer<i64> {
    bigint(state.0.n())
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

/// The components of a PCA, largest first.
#[pg_extern(immutable, strict, parallel_safe)]
fn pca_components(
    model: PcaModelValue,
) -> Result<
    TableIterator<
        'static,
        (
            name!(pc, i32),
            name!(eigenvalue, f64),
            name!(proportion, f64),
            name!(cumulative, f64),
            name!(loading, Vec<f64>),
        ),
    >,
    ErrorReport,
> {
    let components = model.0.components().into_iter().enumerate();
    let rows = components.map(|(i, c)| {
        Ok((
            int(i + 1)?,
            c.eigenvalue,
            c.proportion,
            c.cumulative,
            c.loading,
        ))
    });
    Ok(TableIterator::new(rows.collect::<Answer<Vec<_>>>()?))
}

/// The scores of one vector.
#[pg_extern(immutable, strict, parallel_safe, cost = 10)]
fn pca_project(model: PcaModelValue, x: Array<'_, f64>) -> Answer<Vec<f64>> {
    model
        .0
        .project(&x.iter().collect::<Vec<_>>())
        .map_err(report)
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
-- SSPACE: means and co-moments of 30 values, 8 bytes each.
CREATE AGGREGATE pca_agg(x float8[]) (
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
COMMENT ON AGGREGATE rollup(pca_state) IS 'Merges PCA states into one';

ALTER FUNCTION pca_components(pca_model) ROWS 5;
COMMENT ON FUNCTION n(pca_state) IS 'Number of vectors of a pca_state';
COMMENT ON FUNCTION pca_fit(pca_state, int, float8, bool) IS
    'Fits a PCA with this many components, or as many as explain this share of the variance (0.95); scale divides by standard deviations';
COMMENT ON FUNCTION pca_components(pca_model) IS 'Principal components, largest first; the largest loading of each is positive';
COMMENT ON FUNCTION pca_project(pca_model, float8[]) IS 'Scores of a vector; a NULL value counts as the mean of its column';
"#,
    name = "fingerprint_sql",
    requires = [
        "pca_state_type",
        "pca_model_type",
        pca_n,
        pca_fit,
        pca_components,
        pca_project
    ]
);
