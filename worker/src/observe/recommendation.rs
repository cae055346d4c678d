//! Reads the view `recommendation`.

use std::time::SystemTime;

use prescale_core::decide::{Mode, Recommendation};
use prescale_core::time::Micros;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::act::Target;
use crate::clock::{Clock, micros};
use crate::db::{Parameter, Session, column};
use crate::error::Result;

/// One enabled workload.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Number of the workload.
    pub(crate) workload_id: i32,
    /// Its name.
    pub(crate) workload: String,
    /// Its shard.
    pub(crate) shard: i32,
    /// What is scaled, or why that cannot be told.
    pub(crate) target: std::result::Result<Target, String>,
    /// Which revision of the forecast this is.
    pub(crate) revision: Option<i32>,
    /// What core decides on.
    pub(crate) recommendation: Recommendation,
}

/// A workload whose row makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// Its name.
    pub(crate) workload: String,
    /// What is wrong.
    pub(crate) why: String,
}

/// The workloads of some shards, and the instant at which they were read.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The instant, by the clock of the cycle.
    pub(crate) now: Micros,
    /// Ordered by number.
    pub(crate) wanted: Vec<Wanted>,
    /// Rows that make no sense.
    pub(crate) unreadable: Vec<Unreadable>,
}

const SQL: &str = "
SELECT now.at, workload_id, workload, shard, target, revision,
       mode, origin, demand, demand_peak, forecast, forecast_peak, unit_capacity, target_utilization, headroom,
       min_units, max_units, tolerance, band_out, band_slack, band_in, max_scale_out, max_scale_in,
       (pg_catalog.date_part('epoch', stale_after) * 1000000)::bigint, paused_out, paused_in
FROM (SELECT coalesce($2, pg_catalog.now()) AS at) now
LEFT JOIN prescale.recommendation ON shard = ANY ($1)
ORDER BY workload_id";

/// Reads every enabled workload of `shards` at once.
///
/// # Errors
/// Those of a statement, and a row that does not follow the contract.
pub(crate) async fn wanted(session: &Session, shards: &[i32], clock: Clock) -> Result<Reading> {
    let parameters: [Parameter<'_>; 2] = [
        (&shards, Type::INT4_ARRAY),
        (&clock.parameter(), Type::TIMESTAMPTZ),
    ];
    let rows = session
        .rows("read the recommendations", SQL, &parameters)
        .await?;
    let now: Option<SystemTime> = rows.first().map(|row| column(row, 0)).transpose()?;
    let mut reading = Reading {
        now: now.map_or(0, micros),
        wanted: Vec::new(),
        unreadable: Vec::new(),
    };
    for row in &rows {
        let Some(workload_id) = column(row, 1)? else {
            continue;
        };
        let workload: String = column(row, 2)?;
        match recommendation(row)? {
            Ok(recommendation) => reading.wanted.push(Wanted {
                workload_id,
                workload,
                shard: column(row, 3)?,
                target: column::<Option<_>>(row, 4)?
                    .map_or_else(|| Ok(Target::None), |json| Target::parse(&json)),
                revision: column(row, 5)?,
                recommendation,
            }),
            Err(why) => reading.unreadable.push(Unreadable { workload, why }),
        }
    }
    Ok(reading)
}

/// The columns that core decides on; the inner error is a value that core's type cannot hold.
fn recommendation(row: &Row) -> Result<std::result::Result<Recommendation, String>> {
    let mode: String = column(row, 6)?;
    let origin: Option<SystemTime> = column(row, 7)?;
    let units = [
        Some(column(row, 15)?),
        Some(column(row, 16)?),
        column(row, 21)?,
        column(row, 22)?,
    ];
    let checked = mode_of(&mode).and_then(|mode| Ok((mode, checked(units)?)));
    let (mode, [min_units, max_units, max_scale_out, max_scale_in]) = match checked {
        Ok(checked) => checked,
        Err(why) => return Ok(Err(why)),
    };
    Ok(Ok(Recommendation {
        mode,
        origin: origin.map(micros),
        demand: column(row, 8)?,
        demand_peak: column(row, 9)?,
        forecast: column(row, 10)?,
        forecast_peak: column(row, 11)?,
        unit_capacity: column(row, 12)?,
        target_utilization: column(row, 13)?,
        headroom: column(row, 14)?,
        min_units: min_units.unwrap_or_default(),
        max_units: max_units.unwrap_or_default(),
        tolerance: column(row, 17)?,
        band_out: column(row, 18)?,
        band_slack: column(row, 19)?,
        band_in: column(row, 20)?,
        max_scale_out,
        max_scale_in,
        stale_after: column(row, 23)?,
        paused_out: column(row, 24)?,
        paused_in: column(row, 25)?,
    }))
}

fn mode_of(word: &str) -> std::result::Result<Mode, String> {
    match word {
        "observe" => Ok(Mode::Observe),
        "floor" => Ok(Mode::Floor),
        "out" => Ok(Mode::Out),
        "full" => Ok(Mode::Full),
        other => Err(format!("mode \"{other}\" is not known")),
    }
}

fn checked(units: [Option<i32>; 4]) -> std::result::Result<[Option<u32>; 4], String> {
    let mut result = [None; 4];
    for (slot, number) in result.iter_mut().zip(units) {
        *slot = number
            .map(|number| {
                u32::try_from(number)
                    .map_err(|_| format!("a number of units is negative: {number}"))
            })
            .transpose()?;
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_the_words_of_the_contract() {
        assert_eq!(mode_of("full"), Ok(Mode::Full));
        assert_eq!(
            mode_of("Full"),
            Err("mode \"Full\" is not known".to_owned())
        );
    }

    #[test]
    fn a_negative_number_of_units_is_named() {
        assert_eq!(
            checked([Some(1), Some(9), None, Some(0)]),
            Ok([Some(1), Some(9), None, Some(0)])
        );
        assert_eq!(
            checked([Some(-1), None, None, None]),
            Err("a number of units is negative: -1".to_owned())
        );
    }
}
