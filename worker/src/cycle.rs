//! One cycle: lead, observe, decide, record the intent, act, record the result.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use prescale_core::decide::{Observation, decide};
use prescale_core::time::Micros;

use crate::act::{Acted, Limits, Status, Targets};
use crate::clock::Clock;
use crate::db::{Database, Session};
use crate::error::{Error, Result};
use crate::lead::{Lease, Leases};
use crate::log::Changes;
use crate::observe::{self, Reading};
use crate::record::{self, Decided, Size};
use crate::serve::Metrics;
use crate::stop::Stop;

mod follow;
mod tell;

use follow::{orders, settle, sizes};

/// What a cycle works with. Nothing in here is needed for correctness after a restart.
#[derive(Debug)]
pub(crate) struct Cycle {
    database: Database,
    leases: Leases,
    targets: Targets,
    holder: String,
    metrics: Arc<Metrics>,
    /// Shards that may have intents without a result.
    unsettled: BTreeSet<i32>,
    complaints: Changes<String>,
}

/// When a cycle runs, and who may end it.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// Its clock.
    pub(crate) clock: Clock,
    /// The wish to stop.
    pub(crate) stop: Stop,
}

/// What a cycle did, summed over its workloads.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Turn {
    /// Shards led.
    pub(crate) shards: usize,
    /// Workloads decided on.
    pub(crate) workloads: usize,
    /// Acts that the target accepted.
    pub(crate) done: usize,
    /// Demand in the last windows.
    pub(crate) demand: f64,
    /// Forecast demand.
    pub(crate) forecast: f64,
    /// Units asked for, after the acts.
    pub(crate) units_total: u64,
    /// Units ready, after the acts.
    pub(crate) units_ready: u64,
}

/// What came of the decisions of one shard.
#[derive(Debug)]
struct Led {
    acted: Vec<Acted>,
    sizes: Vec<Size>,
}

impl Cycle {
    /// Nothing is connected or led yet.
    pub(crate) fn new(
        database: Database,
        leases: Leases,
        targets: Targets,
        metrics: Arc<Metrics>,
    ) -> Self {
        let holder = leases.holder().to_owned();
        let (unsettled, complaints) = (BTreeSet::new(), Changes::new());
        Self {
            database,
            leases,
            targets,
            holder,
            metrics,
            unsettled,
            complaints,
        }
    }

    /// Runs one cycle.
    ///
    /// # Errors
    /// Whatever ended it early; the next one settles what it left open.
    pub(crate) async fn turn(&mut self, moment: &Moment) -> Result<Turn> {
        let result = self.steps(moment).await;
        if let Err(error) = &result {
            self.database.after(error);
        }
        self.metrics.leads(self.leases.states());
        result
    }

    /// Gives the leases back.
    ///
    /// # Errors
    /// Those of a statement.
    pub(crate) async fn release(&mut self) -> Result<()> {
        match self.database.current() {
            Some(session) => self.leases.release(&session).await,
            None => Ok(()),
        }
    }

    async fn steps(&mut self, moment: &Moment) -> Result<Turn> {
        let session = self.database.session().await?;
        let fresh = self.leases.renew(&session).await?;
        let leases = self.leases.held();
        if leases.is_empty() {
            return Ok(Turn::default());
        }
        let shards: Vec<i32> = leases.iter().map(|lease| lease.shard).collect();
        let reading = observe::wanted(&session, &shards, moment.clock).await?;
        self.begin(&session, &fresh, &reading, moment.clock).await?;
        let limit = Instant::now() + self.leases.step_limit();
        let seen = self
            .targets
            .observe(&reading.wanted, reading.now, limit)
            .await;
        self.report(&reading, &seen);

        let mut decided = self.decide(&reading, &seen);
        let mut turn = Turn {
            shards: leases.len(),
            ..Turn::default()
        };
        for lease in leases {
            let decided = decided.remove(&lease.shard).unwrap_or_default();
            match self
                .lead(&session, &lease, &decided, reading.now, moment)
                .await
            {
                Ok(led) => turn.add(&decided, &led),
                Err(Error::StaleLease { what }) => {
                    tracing::warn!(
                        shard = lease.shard,
                        "lost the lease of the shard when it was to {what}"
                    );
                    self.leases.lost(lease.shard);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(turn)
    }

    /// Shards taken over: their intents may be open, and their simulated targets may have been scaled elsewhere.
    async fn begin(
        &mut self,
        session: &Session,
        fresh: &[i32],
        reading: &Reading,
        clock: Clock,
    ) -> Result<()> {
        self.unsettled.extend(fresh);
        let taken = reading
            .wanted
            .iter()
            .filter(|item| fresh.contains(&item.shard));
        self.targets.forget(taken.map(|item| item.workload_id));
        let unknown = self.targets.unknown(&reading.wanted);
        if !unknown.is_empty() {
            self.targets
                .restore(observe::capacity(session, &unknown, clock).await?);
        }
        Ok(())
    }

    fn decide<'a>(
        &self,
        reading: &'a Reading,
        seen: &'a [Observation],
    ) -> BTreeMap<i32, Vec<Decided<'a>>> {
        let mut decided: BTreeMap<i32, Vec<Decided<'a>>> = BTreeMap::new();
        for (wanted, observation) in reading.wanted.iter().zip(seen) {
            let decision = decide(&wanted.recommendation, observation, reading.now);
            self.metrics.decided(decision.action);
            decided.entry(wanted.shard).or_default().push(Decided {
                wanted,
                observation,
                decision,
            });
        }
        decided
    }

    /// Records and carries out the decisions of one shard, and returns what came of them.
    async fn lead(
        &mut self,
        session: &Session,
        lease: &Lease,
        decided: &[Decided<'_>],
        now: Micros,
        moment: &Moment,
    ) -> Result<Led> {
        if !lease.is_valid(Instant::now()) {
            return Err(Error::StaleLease { what: "decide" });
        }
        if self.unsettled.contains(&lease.shard) {
            let intents = observe::open_intents(session, lease.shard).await?;
            record::results(session, lease, &settle(&intents, decided), moment.clock).await?;
        }
        // Set until the results are in the table, so that a failure on the way is looked at in the next cycle.
        self.unsettled.insert(lease.shard);
        let numbers = record::decisions(session, lease, &self.holder, decided, now).await?;
        let orders = orders(decided, &numbers);
        let limits = Limits {
            deadline: lease.deadline,
            stop: moment.stop.clone(),
        };
        let acted = self.targets.act(&orders, now, &limits).await;
        self.tell(&acted, decided);
        record::results(session, lease, &acted, moment.clock).await?;
        self.unsettled.remove(&lease.shard);
        let sizes = sizes(decided, &acted);
        record::capacities(session, lease, &sizes, moment.clock).await?;
        Ok(Led { acted, sizes })
    }
}

impl Turn {
    fn add(&mut self, decided: &[Decided<'_>], led: &Led) {
        self.workloads += decided.len();
        self.done += led
            .acted
            .iter()
            .filter(|act| act.status == Status::Done)
            .count();
        for Decided { wanted, .. } in decided {
            self.demand += wanted.recommendation.demand.unwrap_or_default();
            self.forecast += wanted.recommendation.forecast.unwrap_or_default();
        }
        for size in &led.sizes {
            self.units_total += u64::from(size.units_total);
            self.units_ready += u64::from(size.units_ready);
        }
    }
}

#[cfg(test)]
mod tests;
