//! Decisions, committed before anything is done.

use std::collections::HashMap;

use prescale_core::decide::{Decision, Observation};
use serde::Serialize;
use tokio_postgres::types::{Json, Type};

use crate::clock::{rfc3339, system_time};
use crate::db::{Parameter, Session, column};
use crate::error::Result;
use crate::lead::Lease;
use crate::observe::Wanted;
use prescale_core::decide::Recommendation;
use prescale_core::time::Micros;

/// One decision with everything that it was made from.
#[derive(Debug)]
pub(crate) struct Decided<'a> {
    /// What was wanted.
    pub(crate) wanted: &'a Wanted,
    /// What was seen.
    pub(crate) observation: &'a Observation,
    /// What was decided.
    pub(crate) decision: Decision,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    workload_id: i32,
    origin: Option<String>,
    revision: Option<i32>,
    recommendation: &'a Recommendation,
    observation: &'a Observation,
    decision: &'a Decision,
}

/// Records the decisions of one shard, made at `now`, and returns the numbers of those that are new by workload.
///
/// # Errors
/// Those of a statement; `StaleLease` when another worker leads the shard.
pub(crate) async fn decisions(
    session: &Session,
    lease: &Lease,
    holder: &str,
    decided: &[Decided<'_>],
    now: Micros,
) -> Result<HashMap<i32, i64>> {
    const SQL: &str =
        "SELECT workload_id, decision FROM prescale.record_decision($1, $2, $3, $4, $5)";
    if decided.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row<'_>> = decided.iter().map(Row::from).collect();
    let parameters: [Parameter<'_>; 5] = [
        (&lease.shard, Type::INT4),
        (&lease.generation, Type::INT8),
        (&holder, Type::TEXT),
        (&Json(&rows), Type::JSONB),
        (&system_time(now), Type::TIMESTAMPTZ),
    ];
    let recorded = session
        .rows("record the decisions", SQL, &parameters)
        .await?;
    recorded
        .iter()
        .map(|row| Ok((column(row, 0)?, column(row, 1)?)))
        .collect()
}

impl<'a> From<&'a Decided<'_>> for Row<'a> {
    fn from(decided: &'a Decided<'_>) -> Self {
        let Decided {
            wanted,
            observation,
            decision,
        } = decided;
        Self {
            workload_id: wanted.workload_id,
            origin: wanted.recommendation.origin.and_then(rfc3339),
            revision: wanted.revision,
            recommendation: &wanted.recommendation,
            observation,
            decision,
        }
    }
}
