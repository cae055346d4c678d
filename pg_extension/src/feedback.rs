//! Stage `feedback`: what was decided and what came, in; scores out.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::feedback;
use prescale_core::forecast::loss;

use crate::convert::varlena::SeriesValue;
use crate::convert::{int, should_stop};
use crate::error::{Answer, invalid, report};

/// How a supply met a demand.
#[pg_extern(immutable, strict, parallel_safe, cost = 1000)]
fn score(
    demand: SeriesValue,
    supply: SeriesValue,
) -> Result<
    TableIterator<
        'static,
        (
            name!(n, i32),
            name!(theta_under, f64),
            name!(theta_over, f64),
            name!(tau_under, f64),
            name!(tau_over, f64),
            name!(instability, f64),
            name!(drop_ratio, f64),
            name!(cost_ratio, f64),
            name!(actions, i32),
        ),
    >,
    ErrorReport,
> {
    let s = feedback::score(&demand.0, &supply.0, &should_stop).map_err(report)?;
    Ok(TableIterator::once((
        int(s.n)?,
        s.theta_under,
        s.theta_over,
        s.tau_under,
        s.tau_over,
        s.instability,
        s.drop,
        s.cost,
        int(s.actions)?,
    )))
}

/// Pinball loss of a quantile forecast.
#[pg_extern(immutable, strict, parallel_safe)]
fn pinball(level: f64, q: f64, actual: f64) -> Answer<f64> {
    if level > 0.0 && level < 1.0 {
        Ok(loss::pinball(level, q, actual))
    } else {
        Err(invalid(
            format!("level must be between 0 and 1, not {level}"),
            "The 99th percentile is 0.99.",
        ))
    }
}

extension_sql!(
    r#"
ALTER FUNCTION score(series, series) ROWS 1;
COMMENT ON FUNCTION score(series, series) IS
    'How a supply met a demand: size and share of time of under- and over-supply, instability, share of load above supply, cost';
COMMENT ON FUNCTION pinball(float8, float8, float8) IS 'Pinball loss of the quantile q at level, given what came';
"#,
    name = "feedback_sql",
    requires = ["series_type", score, pinball]
);
