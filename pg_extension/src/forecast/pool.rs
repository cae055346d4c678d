//! One network over many series: each gives its share to a pool, the pool is learned from once.

use pgrx::datum::{Array, Interval};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::forecast::lstm::{PooledNetwork, pool_member as member};

use super::Asked;
use super::registry::Windows;
use crate::convert::json::Json;
use crate::convert::progress::Progress;
use crate::convert::varlena::SeriesValue;
use crate::convert::{micros, null_element, required, should_stop};
use crate::error::{Answer, invalid, report};

/// What one series of many gives to a pool.
#[pg_extern(immutable, parallel_safe, cost = 1000)]
#[allow(clippy::too_many_arguments, reason = "the spec of a model")]
fn pool_member(
    s: Option<SeriesValue>,
    covariates: Option<Array<'_, SeriesValue>>,
    step: Option<Interval>,
    fill: Option<&str>,
    agg: Option<&str>,
    timezone: Option<&str>,
    as_of: Option<TimestampWithTimeZone>,
    idx: Option<i64>,
    n: Option<i64>,
) -> Result<Option<Vec<u8>>, ErrorReport> {
    let Some(SeriesValue(series)) = s else {
        return Ok(None);
    };
    let windows = Windows {
        step: Some(required(step, "step")?),
        fill,
        agg,
        timezone,
        as_of: as_of.map(micros).transpose()?,
    };
    let place = (count(idx, "idx")?, count(n, "n")?);
    let covariates = windows.covariates(covariates)?;
    member(&windows.of(series)?, &covariates, windows.as_of, place).map_err(report)
}

fn count(given: Option<i64>, name: &str) -> Answer<usize> {
    let given = required(given, name)?;
    usize::try_from(given).map_err(|_| {
        let message = format!("{name} must not be negative, not {given}");
        invalid(message, "Count the series from 0.")
    })
}

/// Trains one network on a pool.
#[pg_extern(immutable, parallel_safe, cost = 1000000000)]
fn fit_network(
    members: Option<Array<'_, &[u8]>>,
    horizon: Option<Interval>,
    periods: Option<Array<'_, Interval>>,
    options: Option<Json>,
    label: default!(Option<&str>, "NULL"),
) -> Result<Vec<u8>, ErrorReport> {
    let members = required(members, "members")?;
    let members = members
        .iter()
        .map(|m| m.ok_or_else(|| null_element("members")));
    let members: Vec<&[u8]> = members.collect::<Answer<_>>()?;
    let asked = Asked {
        horizon,
        model: Some("lstm"),
        level: Some(0.95),
        quantiles: None,
        periods,
        floor: None,
        ceiling: None,
        as_of: None,
        options,
        regressors: None,
        events: None,
        covariates: None,
    };
    let progress = Progress::new();
    let show = |done: u64, planned: u64| {
        if let Some(label) = label {
            progress.show(&format!("{label}: update {done} of {planned}"));
        }
    };
    let network = PooledNetwork::fit(&members, &asked.spec(None)?, &show, &should_stop);
    network.map(|network| network.to_bytes()).map_err(report)
}

extension_sql!(
    r#"
COMMENT ON FUNCTION pool_member(series, series[], interval, text, text, text, timestamptz, bigint, bigint) IS
    'What series idx of n gives to a pool: its newest windows and their covariates; NULL where it gives nothing';
COMMENT ON FUNCTION fit_network(bytea[], interval, interval[], jsonb, text) IS
    'One network trained on a pool, for fit_series and predict_series; label shows in pg_stat_activity';
"#,
    name = "pool_sql",
    requires = ["series_type", pool_member, fit_network]
);
