//! Operating regimes of a set of vectors.

use pgrx::datum::Array;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::fingerprint::{RegimeModel, RegimeSpec};

use crate::convert::varlena::{PcaModelValue, RegimeModelValue, VectorSetValue};
use crate::convert::{bigint, count, int, names as to_names, required, should_stop};
use crate::error::{Answer, report};

/// Finds the regimes of a set.
#[pg_extern(immutable, parallel_safe, cost = 1000000)]
fn regime_fit(
    vectors: Option<VectorSetValue>,
    k: default!(Option<i32>, "NULL"),
    seed: default!(Option<i64>, "1"),
) -> Answer<Option<RegimeModelValue>> {
    let k = k.map(|k| count(k, "k")).transpose()?;
    let spec = RegimeSpec {
        k: k.map(|k| usize::try_from(k).unwrap_or(usize::MAX)),
        seed: required(seed, "seed")?.cast_unsigned(),
    };
    let Some(VectorSetValue(set)) = vectors else {
        return Ok(None);
    };
    let model = RegimeModel::fit(&set, &spec, &should_stop).map_err(report)?;
    Ok(model.map(RegimeModelValue))
}

/// The regimes of a model, most frequent first.
#[pg_extern(immutable, parallel_safe)]
fn regimes(
    model: Option<RegimeModelValue>,
    names: default!(Option<Array<'_, &str>>, "NULL"),
    pca: default!(Option<PcaModelValue>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(regime, i32),
            name!(name, String),
            name!(n, i64),
            name!(share, f64),
            name!(centre, Vec<f64>),
            name!(difference, Vec<f64>),
        ),
    >,
    ErrorReport,
> {
    let Some(RegimeModelValue(model)) = model else {
        return Ok(TableIterator::empty());
    };
    let names = names.map_or(Ok(Vec::new()), |names| to_names(&names, "names"))?;
    let rows = match pca {
        Some(pca) => model.rows_through(&pca.0, &names),
        None => model.rows(&names),
    };
    let row = |row: prescale_core::fingerprint::RegimeRow| {
        Ok((
            int(row.regime)?,
            row.name,
            bigint(row.n)?,
            row.share,
            row.centre,
            row.difference,
        ))
    };
    let rows = rows.map_err(report)?.into_iter().map(row);
    Ok(TableIterator::new(rows.collect::<Answer<Vec<_>>>()?))
}

/// The regime that a vector belongs to.
#[pg_extern(immutable, strict, parallel_safe, cost = 10)]
fn regime_of(model: RegimeModelValue, x: Array<'_, f64>) -> Answer<Option<i32>> {
    let regime = model.0.regime_of(&x.iter().collect::<Vec<_>>());
    regime.map_err(report)?.map(int).transpose()
}

extension_sql!(
    r#"
CREATE TYPE regime_model;
CREATE FUNCTION regime_model_in(cstring) RETURNS regime_model IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'regime_model_in';
CREATE FUNCTION regime_model_out(regime_model) RETURNS cstring IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'regime_model_out';
CREATE FUNCTION regime_model_recv(internal) RETURNS regime_model IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'regime_model_recv';
CREATE FUNCTION regime_model_send(regime_model) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'regime_model_send';
CREATE TYPE regime_model (INPUT = regime_model_in, OUTPUT = regime_model_out, RECEIVE = regime_model_recv, SEND = regime_model_send, STORAGE = extended);
COMMENT ON TYPE regime_model IS 'Operating regimes of a set of vectors, and how to tell which one a further vector belongs to';
COMMENT ON FUNCTION regime_model_in(cstring) IS 'Reads the text form of a regime_model';
COMMENT ON FUNCTION regime_model_out(regime_model) IS 'Text form of a regime_model: JSON';
COMMENT ON FUNCTION regime_model_recv(internal) IS 'Reads the binary form of a regime_model';
COMMENT ON FUNCTION regime_model_send(regime_model) IS 'Binary form of a regime_model';
"#,
    name = "regime_model_type",
    creates = [Type(RegimeModelValue)]
);

extension_sql!(
    r#"
ALTER FUNCTION regimes(regime_model, text[], pca_model) ROWS 4;
COMMENT ON FUNCTION regime_fit(vector_set, int, bigint) IS
    'Finds the regimes of a set of vectors: as many as stand apart, or k; NULL for an empty set; the same set and seed give the same model';
COMMENT ON FUNCTION regimes(regime_model, text[], pca_model) IS
    'Regimes, most frequent first, with what distinguishes each; in terms of the features that pca projected, when it is given';
COMMENT ON FUNCTION regime_of(regime_model, float8[]) IS 'Number of the regime that a vector most probably belongs to; NULL when a value is missing, NaN or infinite';
"#,
    name = "regime_sql",
    requires = [
        "vector_set_type",
        "regime_model_type",
        "pca_model_type",
        regime_fit,
        regimes,
        regime_of
    ]
);
