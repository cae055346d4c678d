//! Stage `decide`: an observation and a recommendation in, one decision with its reasons out.

use pgrx::datum::{Interval, JsonB};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prescale_core::decide::simulate::{self, ReactiveSpec};
use prescale_core::decide::{self, Observation, Recommendation};

use crate::convert::json::{Json, from_json, to_json};
use crate::convert::varlena::SeriesValue;
use crate::convert::{count, int, micros, should_stop, span, timestamp};
use crate::error::{Answer, report};

const RECOMMENDATION: &str =
    "Its fields are those of the view recommendation, with times and lengths in microseconds.";

const OBSERVATION: &str =
    r#"For example {"state": "seen", "units_total": 3, "units_ready": 3, "version": null}."#;

/// The decision that the worker would make.
#[pg_extern(immutable, strict, parallel_safe, cost = 100)]
fn decide(recommendation: Json, observation: Json, now: TimestampWithTimeZone) -> Answer<JsonB> {
    let recommendation: Recommendation =
        from_json(&recommendation, "recommendation", RECOMMENDATION)?;
    let observation: Observation = from_json(&observation, "observation", OBSERVATION)?;
    to_json(&decide::decide(&recommendation, &observation, micros(now)?))
}

/// Replays a demand through the reactive rule.
#[pg_extern(immutable, strict, parallel_safe, cost = 10000)]
#[allow(clippy::too_many_arguments, reason = "SQL callers name them")]
fn simulate_reactive(
    demand: SeriesValue,
    unit_capacity: f64,
    target_utilization: default!(f64, "0.7"),
    min_units: default!(i32, "1"),
    max_units: default!(i32, "1000"),
    ready_after: default!(Interval, "'5 min'"),
    scale_in_window: default!(Interval, "'5 min'"),
    tolerance: default!(f64, "0.1"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(ts, TimestampWithTimeZone),
            name!(demand, f64),
            name!(units_total, i32),
            name!(units_ready, i32),
        ),
    >,
    ErrorReport,
> {
    let spec = ReactiveSpec {
        unit_capacity,
        target_utilization,
        min_units: count(min_units, "min_units")?,
        max_units: count(max_units, "max_units")?,
        ready_after: span(&ready_after)?,
        scale_in_window: span(&scale_in_window)?,
        tolerance,
    };
    let steps = simulate::simulate_reactive(&demand.0, &spec, &should_stop).map_err(report)?;
    let rows = steps.into_iter().map(|s| {
        Ok((
            timestamp(s.ts)?,
            s.demand,
            int(s.units_total)?,
            int(s.units_ready)?,
        ))
    });
    Ok(TableIterator::new(rows.collect::<Answer<Vec<_>>>()?))
}

extension_sql!(
    r#"
COMMENT ON FUNCTION decide(jsonb, jsonb, timestamptz) IS
    'The decision, with its reasons, that the worker would make on a recommendation and an observation at this time';
COMMENT ON FUNCTION simulate_reactive(series, float8, float8, int, int, interval, interval, float8) IS
    'Replays a demand through the reactive rule (Kubernetes HPA) on units that become ready late';
"#,
    name = "decide_sql",
    requires = ["series_type", decide, simulate_reactive]
);
