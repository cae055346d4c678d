//! What came of decisions, and how big the targets really are.

use serde::Serialize;
use serde_json::Value;
use tokio_postgres::types::{Json, Type};

use crate::act::{Acted, Status};
use crate::clock::Clock;
use crate::db::{Parameter, Session};
use crate::error::Result;
use crate::lead::Lease;

/// What came of one decision.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome<'a> {
    decision: i64,
    status: Status,
    result: &'a Value,
}

impl<'a> From<&'a Acted> for Outcome<'a> {
    fn from(acted: &'a Acted) -> Self {
        Self {
            decision: acted.decision,
            status: acted.status,
            result: &acted.result,
        }
    }
}

/// The size of one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Size {
    /// Its workload.
    pub(crate) workload_id: i32,
    /// Units asked for.
    pub(crate) units_total: u32,
    /// Units ready.
    pub(crate) units_ready: u32,
}

/// Records what came of the decisions of one shard.
///
/// # Errors
/// Those of a statement; `StaleLease` when another worker leads the shard.
pub(crate) async fn results(
    session: &Session,
    lease: &Lease,
    acted: &[Acted],
    clock: Clock,
) -> Result<()> {
    const SQL: &str = "SELECT prescale.record_result($1, $2, $3, coalesce($4, pg_catalog.now()))";
    let outcomes: Vec<Outcome<'_>> = acted.iter().map(Outcome::from).collect();
    write(session, "record the results", SQL, lease, &outcomes, clock).await
}

/// Records the sizes of the targets of one shard; the database keeps those that changed.
///
/// # Errors
/// Those of a statement; `StaleLease` when another worker leads the shard.
pub(crate) async fn capacities(
    session: &Session,
    lease: &Lease,
    sizes: &[Size],
    clock: Clock,
) -> Result<()> {
    const SQL: &str = "SELECT prescale.record_capacity($1, $2, $3, coalesce($4, pg_catalog.now()))";
    write(session, "record the sizes", SQL, lease, sizes, clock).await
}

async fn write<T: Serialize + std::fmt::Debug + Sync>(
    session: &Session,
    what: &'static str,
    sql: &str,
    lease: &Lease,
    items: &[T],
    clock: Clock,
) -> Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let parameters: [Parameter<'_>; 4] = [
        (&lease.shard, Type::INT4),
        (&lease.generation, Type::INT8),
        (&Json(items), Type::JSONB),
        (&clock.parameter(), Type::TIMESTAMPTZ),
    ];
    session.rows(what, sql, &parameters).await.map(|_| ())
}
