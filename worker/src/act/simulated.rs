//! Simulated targets, which live in this process and follow the clock of the cycle.

use std::collections::HashMap;

use prescale_core::decide::Observation;
use prescale_core::decide::simulate::SimulatedTarget;
use prescale_core::time::Micros;

use super::order::{Acted, Order};
use super::target::SimulatedSpec;

/// One simulated target and what it was made from.
#[derive(Debug)]
struct Simulation {
    ready_after: Micros,
    target: SimulatedTarget,
}

/// The simulated targets by workload.
#[derive(Debug, Default)]
pub(super) struct Simulations {
    running: HashMap<i32, Simulation>,
    /// Sizes recorded by an earlier worker, until the target is made from them.
    recorded: HashMap<i32, u32>,
}

impl Simulations {
    /// Whether the size of this one is in memory.
    pub(super) fn knows(&self, workload: i32) -> bool {
        self.running.contains_key(&workload)
    }

    /// Forgets these.
    pub(super) fn forget(&mut self, workloads: impl IntoIterator<Item = i32>) {
        for workload in workloads {
            self.running.remove(&workload);
            self.recorded.remove(&workload);
        }
    }

    /// Takes note of recorded sizes; their units count as ready, since nobody knows when they were asked for.
    pub(super) fn restore(&mut self, sizes: Vec<(i32, u32)>) {
        self.recorded.extend(sizes);
    }

    /// The target as it is at `now`.
    pub(super) fn observe(
        &mut self,
        workload: i32,
        spec: &SimulatedSpec,
        now: Micros,
    ) -> Observation {
        let target = self.target(workload, spec);
        Observation::Seen {
            units_total: target.total(),
            units_ready: target.ready(now),
            version: None,
        }
    }

    /// Makes the target the size ordered.
    pub(super) fn scale(&mut self, order: &Order<'_>, spec: &SimulatedSpec, now: Micros) -> Acted {
        let target = self.target(order.workload_id, spec);
        target.scale(order.units, now);
        Acted::done(order, (target.total(), target.ready(now)), None)
    }

    fn target(&mut self, workload: i32, spec: &SimulatedSpec) -> &mut SimulatedTarget {
        let recorded = self.recorded.remove(&workload);
        let simulation = self.running.entry(workload).or_insert_with(|| Simulation {
            ready_after: spec.ready_after,
            target: SimulatedTarget::new(recorded.unwrap_or(spec.units), spec.ready_after),
        });
        if simulation.ready_after != spec.ready_after {
            let units = simulation.target.total();
            *simulation = Simulation {
                ready_after: spec.ready_after,
                target: SimulatedTarget::new(units, spec.ready_after),
            };
        }
        &mut simulation.target
    }
}
