//! What a `pca_state` says by itself: counts, means, covariances, correlations and features without units.

use pgrx::datum::Array;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::fingerprint::PcaState;

use crate::convert::array::Matrix;
use crate::convert::varlena::PcaStateValue;
use crate::convert::{bigint, names};
use crate::error::{Answer, invalid};

/// How many vectors a state has seen.
#[pg_extern(immutable, strict, parallel_safe, name = "n")]
fn pca_n(state: PcaStateValue) -> Answer<i64> {
    bigint(state.0.n())
}

/// How many vectors a state has seen, and what was missing.
#[pg_extern(immutable, strict, parallel_safe, name = "counts")]
fn pca_counts(
    state: PcaStateValue,
) -> Result<
    TableIterator<
        'static,
        (
            name!(n, i64),
            name!(n_missing, i64),
            name!(n_nonfinite, i64),
        ),
    >,
    ErrorReport,
> {
    let PcaStateValue(state) = state;
    Ok(TableIterator::once((
        bigint(state.n())?,
        bigint(state.n_missing())?,
        bigint(state.n_nonfinite())?,
    )))
}

/// The mean of each value.
#[pg_extern(immutable, strict, parallel_safe, name = "mean")]
fn pca_mean(state: PcaStateValue) -> Vec<Option<f64>> {
    state.0.mean()
}

/// The covariance matrix.
#[pg_extern(immutable, strict, parallel_safe)]
fn covariance(state: PcaStateValue) -> Option<Matrix> {
    let rows = state.0.covariance()?;
    let known = |row: Vec<f64>| row.into_iter().map(Some).collect();
    Some(Matrix(rows.into_iter().map(known).collect()))
}

/// The correlation matrix.
#[pg_extern(immutable, strict, parallel_safe)]
fn corr_matrix(state: PcaStateValue) -> Option<Matrix> {
    state.0.correlation().map(Matrix)
}

/// The correlations of all pairs of values.
#[pg_extern(immutable, parallel_safe)]
fn correlations(
    state: Option<PcaStateValue>,
    names: default!(Option<Array<'_, &str>>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(x, String),
            name!(y, String),
            name!(r, Option<f64>),
            name!(n, i64),
            name!(p_value, Option<f64>),
        ),
    >,
    ErrorReport,
> {
    let Some(PcaStateValue(state)) = state else {
        return Ok(TableIterator::empty());
    };
    let names = value_names(&state, names)?;
    let name = |idx: usize| names.get(idx).cloned().unwrap_or_default();
    let rows = state
        .correlations()
        .into_iter()
        .map(|c| Ok((name(c.x), name(c.y), c.r, bigint(c.n)?, c.p_value)));
    Ok(TableIterator::new(rows.collect::<Answer<Vec<_>>>()?))
}

/// Features of a window of vectors that do not depend on units.
#[pg_extern(immutable, parallel_safe, name = "features")]
fn pca_features(
    state: Option<PcaStateValue>,
    names: default!(Option<Array<'_, &str>>, "NULL"),
) -> Result<TableIterator<'static, (name!(name, String), name!(value, Option<f64>))>, ErrorReport> {
    let Some(PcaStateValue(state)) = state else {
        return Ok(TableIterator::empty());
    };
    let rows = state.features(&value_names(&state, names)?);
    Ok(TableIterator::new(rows))
}

/// The names given, or x1, x2, ….
fn value_names(state: &PcaState, given: Option<Array<'_, &str>>) -> Answer<Vec<String>> {
    let n = state.dimension();
    let Some(given) = given else {
        return Ok((1..=n).map(|i| format!("x{i}")).collect());
    };
    let given = names(&given, "names")?;
    if n > 0 && given.len() != n {
        return Err(invalid(
            format!("names holds {} names, vectors {n} values", given.len()),
            "Give one name for each value, in their order.",
        ));
    }
    Ok(given)
}

extension_sql!(
    r#"
ALTER FUNCTION correlations(pca_state, text[]) ROWS 50;
ALTER FUNCTION features(pca_state, text[]) ROWS 50;
COMMENT ON FUNCTION n(pca_state) IS 'Number of vectors of a pca_state';
ALTER FUNCTION counts(pca_state) ROWS 1;
COMMENT ON FUNCTION counts(pca_state) IS 'Number of vectors, of values that were NULL, and of values that were NaN or infinite';
COMMENT ON FUNCTION mean(pca_state) IS 'Mean of each value; NULL where it was always missing';
COMMENT ON FUNCTION covariance(pca_state) IS 'Covariance matrix, a missing value counting as its mean; NULL below two vectors';
COMMENT ON FUNCTION corr_matrix(pca_state) IS 'Correlation matrix, a missing value counting as its mean; NULL below two vectors and where a value is constant';
COMMENT ON FUNCTION correlations(pca_state, text[]) IS 'Pearson correlation of every pair of values with its p-value; names names the values';
COMMENT ON FUNCTION features(pca_state, text[]) IS
    'Features of a window of vectors without units: logarithms of coefficients of variation, Fisher''s z of correlations; names names the values';
"#,
    name = "pca_state_sql",
    requires = [
        "pca_state_type",
        pca_n,
        pca_counts,
        pca_mean,
        covariance,
        corr_matrix,
        correlations,
        pca_features
    ]
);
