//! What a worker that starts, or takes over, must know of what happened before.

use tokio_postgres::types::Type;

use crate::clock::Clock;
use crate::db::{Parameter, Session, column};
use crate::error::Result;

/// A decision that was to be acted upon and whose result nobody recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenIntent {
    /// Number of the decision.
    pub(crate) decision: i64,
    /// Its workload.
    pub(crate) workload_id: i32,
    /// Size that was wanted.
    pub(crate) units_desired: Option<u32>,
}

/// The open intents of a shard.
///
/// # Errors
/// Those of a statement.
pub(crate) async fn open_intents(session: &Session, shard: i32) -> Result<Vec<OpenIntent>> {
    const SQL: &str = "SELECT decision, workload, units_desired FROM prescale.decision \
                       WHERE act_status = 'intent' AND shard = $1 ORDER BY decision";
    let rows = session
        .rows("read the open intents", SQL, &[(&shard, Type::INT4)])
        .await?;
    rows.iter()
        .map(|row| {
            let units: Option<i32> = column(row, 2)?;
            let units_desired = units.and_then(|units| u32::try_from(units).ok());
            Ok(OpenIntent {
                decision: column(row, 0)?,
                workload_id: column(row, 1)?,
                units_desired,
            })
        })
        .collect()
}

/// The last recorded size of each of these workloads that has one.
///
/// # Errors
/// Those of a statement.
pub(crate) async fn capacity(
    session: &Session,
    workloads: &[i32],
    clock: Clock,
) -> Result<Vec<(i32, u32)>> {
    const SQL: &str = "SELECT w, c.units_total FROM pg_catalog.unnest($1) w CROSS JOIN LATERAL \
                       (SELECT units_total FROM prescale.capacity WHERE workload = w \
                        AND ts <= coalesce($2, pg_catalog.now()) ORDER BY ts DESC LIMIT 1) c";
    let parameters: [Parameter<'_>; 2] = [
        (&workloads, Type::INT4_ARRAY),
        (&clock.parameter(), Type::TIMESTAMPTZ),
    ];
    let rows = session
        .rows("read the last sizes", SQL, &parameters)
        .await?;
    rows.iter()
        .map(|row| {
            let units: i32 = column(row, 1)?;
            Ok((column(row, 0)?, u32::try_from(units).unwrap_or_default()))
        })
        .collect()
}
