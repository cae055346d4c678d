//! What a `pca_model` does: components, scores, reconstruction, anomalies, and coordinates that survive a refit.

use pgrx::datum::Array;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::convert::varlena::PcaModelValue;
use crate::convert::{int, numbers};
use crate::error::{Answer, report};

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

/// The vector that has these scores.
#[pg_extern(immutable, strict, parallel_safe, cost = 10)]
fn pca_reconstruct(model: PcaModelValue, fingerprint: Array<'_, f64>) -> Answer<Vec<f64>> {
    model
        .0
        .reconstruct(&numbers(&fingerprint, "fingerprint")?)
        .map_err(report)
}

/// How unlike the vectors of the fit a vector is.
#[pg_extern(immutable, strict, parallel_safe, cost = 20)]
fn pca_anomaly(
    model: PcaModelValue,
    x: Array<'_, f64>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(t2, f64),
            name!(spe, f64),
            name!(t2_p_value, f64),
            name!(spe_p_value, f64),
            name!(p_value, f64),
        ),
    >,
    ErrorReport,
> {
    let found = model
        .0
        .anomaly(&x.iter().collect::<Vec<_>>())
        .map_err(report)?;
    Ok(TableIterator::once((
        found.t2,
        found.spe,
        found.t2_p_value,
        found.spe_p_value,
        found.p_value,
    )))
}

/// The model with scores in the coordinates of another one.
#[pg_extern(immutable, parallel_safe, cost = 1000)]
fn pca_align(
    model: Option<PcaModelValue>,
    old: Option<PcaModelValue>,
) -> Answer<Option<PcaModelValue>> {
    match (model, old) {
        (Some(model), Some(old)) => {
            let aligned = model.0.aligned_to(&old.0).map_err(report)?;
            Ok(Some(PcaModelValue(aligned)))
        }
        (model, _) => Ok(model),
    }
}

/// How much of the space of their components two models share.
#[pg_extern(immutable, strict, parallel_safe)]
fn pca_similarity(a: PcaModelValue, b: PcaModelValue) -> Option<f64> {
    a.0.similarity(&b.0)
}

extension_sql!(
    r#"
ALTER FUNCTION pca_components(pca_model) ROWS 5;
ALTER FUNCTION pca_anomaly(pca_model, float8[]) ROWS 1;
COMMENT ON FUNCTION pca_components(pca_model) IS 'Principal components, largest first; the largest loading of each is positive';
COMMENT ON FUNCTION pca_project(pca_model, float8[]) IS 'Scores of a vector; a NULL value counts as the mean of its column';
COMMENT ON FUNCTION pca_reconstruct(pca_model, float8[]) IS 'The vector that has these scores and nothing outside the components';
COMMENT ON FUNCTION pca_anomaly(pca_model, float8[]) IS
    'How unlike the vectors of the fit a vector is: Hotelling''s T2 inside the components, squared prediction error outside, and their p-values';
COMMENT ON FUNCTION pca_align(pca_model, pca_model) IS 'The model with scores in the coordinates of an old one, so that a refit neither flips nor turns them; as it is when the old one is NULL';
COMMENT ON FUNCTION pca_similarity(pca_model, pca_model) IS 'How much of the space of their components two models share: 1 all, 0 nothing';
"#,
    name = "pca_model_sql",
    requires = [
        "pca_model_type",
        pca_components,
        pca_project,
        pca_reconstruct,
        pca_anomaly,
        pca_align,
        pca_similarity
    ]
);
