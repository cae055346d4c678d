//! Correlation: of two series at every lag, and of the ranks of two columns.

use pgrx::datum::Interval;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::feature::{Correlate, RankCorrelation, correlate as correlate_series};

use crate::aggregate::{Finish, Held, State};
use crate::convert::call::Call;
use crate::convert::varlena::SeriesValue;
use crate::convert::{bigint, interval, should_stop, span, step as to_step};
use crate::error::{Answer, report};

impl Finish for RankCorrelation {
    fn answer(&mut self, call: &Call<'_>) -> Answer<pg_sys::Datum> {
        let r = self.correlation(&should_stop).map_err(report)?;
        Ok(r.and_then(IntoDatum::into_datum)
            .unwrap_or_else(|| call.null()))
    }
}

impl State for RankCorrelation {
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

/// One row of `rank_corr_agg(x, y)`.
pub(crate) fn push_pair(held: &mut Held<RankCorrelation>, call: &Call<'_>) -> Answer<()> {
    held.state
        .push(call.float8(1), call.float8(2))
        .map_err(report)
}

/// How two series move together at every lag.
#[pg_extern(immutable, parallel_safe, cost = 10000)]
fn correlate(
    a: Option<SeriesValue>,
    b: Option<SeriesValue>,
    step: default!(Option<Interval>, "NULL"),
    max_lag: default!(Option<Interval>, "NULL"),
    method: default!(Option<&str>, "'pearson'"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(lag, Interval),
            name!(n, i64),
            name!(r, Option<f64>),
            name!(p_value, Option<f64>),
            name!(n_effective, Option<f64>),
        ),
    >,
    ErrorReport,
> {
    let (Some(a), Some(b), Some(method)) = (a, b, method) else {
        return Ok(TableIterator::empty());
    };
    let spec = Correlate {
        step: step.as_ref().map(to_step).transpose()?,
        max_lag: max_lag.as_ref().map(span).transpose()?,
        method: method.parse().map_err(report)?,
    };
    let lags = correlate_series(&a.0, &b.0, &spec, &should_stop).map_err(report)?;
    let rows = lags.into_iter().map(|lag| {
        Ok((
            interval(lag.lag)?,
            bigint(lag.n)?,
            lag.r,
            lag.p_value,
            lag.n_effective,
        ))
    });
    Ok(TableIterator::new(rows.collect::<Answer<Vec<_>>>()?))
}

extension_sql!(
    r#"
CREATE FUNCTION rank_corr_agg_transition(internal, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rank_corr_agg_transition';
CREATE FUNCTION rank_corr_agg_combine(internal, internal) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rank_corr_agg_combine';
CREATE FUNCTION rank_corr_agg_serialize(internal) RETURNS bytea
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rank_corr_agg_serialize';
CREATE FUNCTION rank_corr_agg_deserialize(bytea, internal) RETURNS internal
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rank_corr_agg_deserialize';
CREATE FUNCTION rank_corr_agg_final(internal) RETURNS float8
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rank_corr_agg_final';
-- SSPACE: a day of minutes, 16 bytes each.
CREATE AGGREGATE rank_corr_agg(x float8, y float8) (
    STYPE = internal, SFUNC = rank_corr_agg_transition, FINALFUNC = rank_corr_agg_final, COMBINEFUNC = rank_corr_agg_combine,
    SERIALFUNC = rank_corr_agg_serialize, DESERIALFUNC = rank_corr_agg_deserialize, SSPACE = 24000, PARALLEL = SAFE);
COMMENT ON FUNCTION rank_corr_agg_transition(internal, float8, float8) IS 'Adds a row to the state of rank_corr_agg';
COMMENT ON FUNCTION rank_corr_agg_combine(internal, internal) IS 'Adds one state of rank_corr_agg to another';
COMMENT ON FUNCTION rank_corr_agg_serialize(internal) IS 'Flat form of a state of rank_corr_agg';
COMMENT ON FUNCTION rank_corr_agg_deserialize(bytea, internal) IS 'Reads the flat form of a state of rank_corr_agg';
COMMENT ON FUNCTION rank_corr_agg_final(internal) IS 'Rank correlation of a state of rank_corr_agg';
COMMENT ON AGGREGATE rank_corr_agg(float8, float8) IS
    'Spearman''s rank correlation, as corr is Pearson''s: rows with NULL are left out, NaN makes the result NaN';
ALTER FUNCTION correlate(series, series, interval, interval, text) ROWS 100;
COMMENT ON FUNCTION correlate(series, series, interval, interval, text) IS
    'Correlation of two series at every lag up to max_lag; at a positive lag b follows a. method is pearson or spearman';
"#,
    name = "correlate_sql",
    requires = ["series_type", correlate]
);
