//! Counts and times in OpenMetrics. Labels have few values: no workload is one of them.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prescale_core::decide::Action;
use prescale_core::time::Micros;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::act::Status;
use crate::error::Error;

type Label = [(&'static str, String); 1];
type Seconds = Gauge<f64, AtomicU64>;

/// From a cycle without workloads to one that outlasts its lease.
const CYCLE_BUCKETS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
/// From nothing to do to a first training of everything.
const REFRESH_BUCKETS: [f64; 11] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0,
];

/// Everything that the worker counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    cycles: Family<Label, Counter>,
    cycle: Histogram,
    decisions: Family<Label, Counter>,
    acts: Family<Label, Counter>,
    refresh: Histogram,
    refresh_failures: Counter,
    lease_held: Family<Label, Gauge>,
    connected: Gauge,
    age: Seconds,
    workloads: Gauge,
    unavailable: Gauge,
}

impl Metrics {
    /// All at zero.
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("prescale_worker"),
            cycles: Family::default(),
            cycle: Histogram::new(CYCLE_BUCKETS),
            decisions: Family::default(),
            acts: Family::default(),
            refresh: Histogram::new(REFRESH_BUCKETS),
            refresh_failures: Counter::default(),
            lease_held: Family::default(),
            connected: Gauge::default(),
            age: Seconds::default(),
            workloads: Gauge::default(),
            unavailable: Gauge::default(),
        };
        metrics.register_cycle();
        metrics.register_state();
        metrics
    }

    fn register_cycle(&mut self) {
        let Self {
            registry,
            cycles,
            cycle,
            decisions,
            acts,
            refresh,
            refresh_failures,
            ..
        } = self;
        registry.register(
            "cycles",
            "Cycles by result: ok, or the kind of failure",
            cycles.clone(),
        );
        registry.register_with_unit("cycle", "Length of a cycle", Unit::Seconds, cycle.clone());
        registry.register(
            "decisions",
            "Decisions by action, holds included",
            decisions.clone(),
        );
        registry.register("acts", "Acts by result", acts.clone());
        registry.register_with_unit(
            "refresh",
            "Length of a refresh",
            Unit::Seconds,
            refresh.clone(),
        );
        registry.register(
            "refresh_failures",
            "Refreshes that failed",
            refresh_failures.clone(),
        );
    }

    fn register_state(&mut self) {
        let Self {
            registry,
            lease_held,
            connected,
            age,
            workloads,
            unavailable,
            ..
        } = self;
        registry.register(
            "lease_held",
            "1 where this worker leads the shard",
            lease_held.clone(),
        );
        registry.register(
            "database_connected",
            "1 while the database is connected",
            connected.clone(),
        );
        let text = "Age of the oldest data that a workload was decided on";
        registry.register_with_unit("recommendation_age", text, Unit::Seconds, age.clone());
        registry.register(
            "workloads",
            "Workloads in the last cycle",
            workloads.clone(),
        );
        registry.register(
            "targets_unavailable",
            "Targets that the last cycle could not read",
            unavailable.clone(),
        );
        registry.register(
            "build",
            "The program",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
    }

    /// The text for a scraper.
    ///
    /// # Errors
    /// Those of the formatter.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// A cycle ended.
    pub(crate) fn cycled(&self, failure: Option<&Error>, length: Duration) {
        let result = failure.map_or("ok", Error::label);
        self.cycles
            .get_or_create(&[("result", result.to_owned())])
            .inc();
        self.cycle.observe(length.as_secs_f64());
        self.connected
            .set(i64::from(!failure.is_some_and(Error::is_disconnected)));
    }

    /// A decision was made.
    pub(crate) fn decided(&self, action: Action) {
        let word = match action {
            Action::Hold => "hold",
            Action::ScaleOut => "scale_out",
            Action::ScaleIn => "scale_in",
        };
        self.decisions
            .get_or_create(&[("action", word.to_owned())])
            .inc();
    }

    /// An act ended.
    pub(crate) fn acted(&self, status: Status) {
        self.acts
            .get_or_create(&[("result", status.word().to_owned())])
            .inc();
    }

    /// A refresh ended.
    pub(crate) fn refreshed(&self, succeeded: bool, length: Duration) {
        self.refresh.observe(length.as_secs_f64());
        if !succeeded {
            self.refresh_failures.inc();
        }
    }

    /// Who leads what.
    pub(crate) fn leads(&self, states: impl Iterator<Item = (i32, bool)>) {
        for (shard, held) in states {
            self.lease_held
                .get_or_create(&[("shard", shard.to_string())])
                .set(i64::from(held));
        }
    }

    /// What the cycle saw: how many workloads, how many targets without an answer, and the age of the oldest data.
    pub(crate) fn saw(&self, workloads: usize, unavailable: usize, oldest: Option<Micros>) {
        self.workloads
            .set(i64::try_from(workloads).unwrap_or(i64::MAX));
        self.unavailable
            .set(i64::try_from(unavailable).unwrap_or(i64::MAX));
        let age = oldest
            .and_then(|age| u64::try_from(age).ok())
            .map(Duration::from_micros);
        self.age.set(age.unwrap_or_default().as_secs_f64());
    }
}
