//! Replays a demand series through the reactive rule on a target whose units become ready late.
use crate::error::Result;
use crate::sample::Series;
use crate::time::{Micros, ShouldStop};

/// What the simulated target and rule look like.
#[derive(Debug, Clone)]
pub struct ReactiveSpec { /// Demand that one unit carries.
    pub unit_capacity: f64, /// Utilisation that the rule aims at.
    pub target_utilization: f64, /// Smallest size.
    pub min_units: u32, /// Largest size.
    pub max_units: u32, /// From decision to ready.
    pub ready_after: Micros, /// Scale-in uses the largest size asked for in this long.
    pub scale_in_window: Micros, /// 0.1 in Kubernetes.
    pub tolerance: f64 }

/// One step of a simulation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimulatedStep { /// When.
    pub ts: Micros, /// Demand.
    pub demand: f64, /// Units asked for.
    pub units_total: u32, /// Units ready.
    pub units_ready: u32 }

/// Simulates the reactive rule. # Errors `InvalidArgument`, `Cancelled`.
pub fn simulate_reactive(_demand: &Series, _spec: &ReactiveSpec, _should_stop: ShouldStop<'_>) -> Result<Vec<SimulatedStep>> { todo!() }

/// Units on their way: added units become ready `ready_after` later, removed ones go at once, the youngest first.
#[derive(Debug, Clone, Default)]
pub struct SimulatedTarget { todo: () }

impl SimulatedTarget {
    /// A target with `units` ready.
    #[must_use]
    pub fn new(_units: u32, _ready_after: Micros) -> Self { todo!() }
    /// Asks for `units` at `now`.
    pub fn scale(&mut self, _units: u32, _now: Micros) { todo!() }
    /// Units asked for.
    #[must_use]
    pub fn total(&self) -> u32 { todo!() }
    /// Units ready at `now`.
    #[must_use]
    pub fn ready(&self, _now: Micros) -> u32 { todo!() }
}
