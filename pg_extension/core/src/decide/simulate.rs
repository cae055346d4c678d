//! Replays a demand series through the reactive rule on a target whose units become ready late.

use std::collections::VecDeque;

use super::size::{Hpa, hpa_units};
use crate::error::{Error, ErrorKind, Result};
use crate::sample::Series;
use crate::time::{Micros, ShouldStop, check_stop};

/// Ticks between two questions whether to stop.
const STOP_EVERY: usize = 4_096;

/// What the simulated target and rule look like.
#[derive(Debug, Clone)]
pub struct ReactiveSpec {
    /// Demand that one unit carries.
    pub unit_capacity: f64,
    /// Utilisation that the rule aims at.
    pub target_utilization: f64,
    /// Smallest size.
    pub min_units: u32,
    /// Largest size.
    pub max_units: u32,
    /// From decision to ready.
    pub ready_after: Micros,
    /// Scale-in uses the largest size asked for in this long.
    pub scale_in_window: Micros,
    /// 0.1 in Kubernetes.
    pub tolerance: f64,
}

/// One step of a simulation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimulatedStep {
    /// Start of the window.
    pub ts: Micros,
    /// Demand in it.
    pub demand: f64,
    /// Units asked for.
    pub units_total: u32,
    /// Units ready at its start.
    pub units_ready: u32,
}

/// Simulates the reactive rule: one tick per sample, at its time.
///
/// At each tick the rule sees the demand of the sample before (the window just ended), asks for
/// ⌈demand / (unit_capacity · target_utilization)⌉ units unless the utilisation is within the tolerance, and scales in
/// only to the largest size asked for within `scale_in_window` (the stabilisation of the Kubernetes HPA). Added units
/// are ready `ready_after` later, removed ones go at once. It starts with the size that the first sample asks for.
///
/// # Errors
/// `InvalidArgument` or `NotFinite` for a specification out of range; `Cancelled`.
pub fn simulate_reactive(
    demand: &Series,
    spec: &ReactiveSpec,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<SimulatedStep>> {
    check(spec)?;
    let rule = Hpa {
        unit_capacity: spec.unit_capacity,
        target_utilization: spec.target_utilization,
        tolerance: spec.tolerance,
    };
    let mut steps = Vec::with_capacity(demand.ts().len());
    let mut wanted = Wanted::default();
    let mut before: Option<(f64, SimulatedTarget)> = None;
    for (i, (&ts, &value)) in demand.ts().iter().zip(demand.value()).enumerate() {
        if i % STOP_EVERY == 0 {
            check_stop(should_stop)?;
        }
        let clamp = |units: u32| units.clamp(spec.min_units, spec.max_units);
        let target = match before.take() {
            None => {
                let first = clamp(hpa_units(value, 0, rule));
                wanted.push(ts, first, spec.scale_in_window);
                SimulatedTarget::new(first, spec.ready_after)
            }
            Some((last, mut target)) => {
                let total = target.total();
                let asked = clamp(hpa_units(last, total, rule));
                let highest = wanted.push(ts, asked, spec.scale_in_window);
                target.scale(
                    if asked > total {
                        asked
                    } else {
                        highest.min(total)
                    },
                    ts,
                );
                target
            }
        };
        steps.push(SimulatedStep {
            ts,
            demand: value,
            units_total: target.total(),
            units_ready: target.ready(ts),
        });
        before = Some((value, target));
    }
    Ok(steps)
}

fn check(spec: &ReactiveSpec) -> Result<()> {
    let numbers = [
        ("unit_capacity", spec.unit_capacity, f64::MIN_POSITIVE),
        (
            "target_utilization",
            spec.target_utilization,
            f64::MIN_POSITIVE,
        ),
        ("tolerance", spec.tolerance, 0.0),
    ];
    for (name, v, least) in numbers {
        if !v.is_finite() {
            return Err(Error::new(ErrorKind::NotFinite, format!("{name} is {v}"))
                .with_hint("give a finite number"));
        }
        if v < least {
            return Err(Error::invalid(format!("{name} is out of range: {v}")));
        }
    }
    if spec.min_units > spec.max_units {
        return Err(Error::invalid(format!(
            "min_units {} exceeds max_units {}",
            spec.min_units, spec.max_units
        )));
    }
    if spec.ready_after < 0 || spec.scale_in_window < 0 {
        return Err(Error::invalid(
            "ready_after and scale_in_window must not be negative",
        ));
    }
    Ok(())
}

/// The largest size asked for within a sliding window: a queue of falling sizes.
#[derive(Debug, Default)]
struct Wanted(VecDeque<(Micros, u32)>);

impl Wanted {
    fn push(&mut self, ts: Micros, units: u32, window: Micros) -> u32 {
        while self.0.back().is_some_and(|&(_, u)| u <= units) {
            self.0.pop_back();
        }
        self.0.push_back((ts, units));
        while self
            .0
            .front()
            .is_some_and(|&(t, _)| t < ts.saturating_sub(window))
        {
            self.0.pop_front();
        }
        self.0.front().map_or(units, |&(_, u)| u)
    }
}

/// Units on their way: added units become ready `ready_after` later, removed ones go at once, the youngest first.
#[derive(Debug, Clone, Default)]
pub struct SimulatedTarget {
    /// Units ready for good.
    ready: u32,
    /// Units on their way: when ready, how many; oldest first.
    coming: VecDeque<(Micros, u32)>,
    ready_after: Micros,
}

impl SimulatedTarget {
    /// A target with `units` ready.
    #[must_use]
    pub fn new(units: u32, ready_after: Micros) -> Self {
        Self {
            ready: units,
            coming: VecDeque::new(),
            ready_after,
        }
    }

    /// Asks for `units` at `now`; time must not go back from one call to the next.
    pub fn scale(&mut self, units: u32, now: Micros) {
        self.settle(now);
        let total = self.total();
        if units > total {
            self.coming
                .push_back((now.saturating_add(self.ready_after), units - total));
            return;
        }
        let mut surplus = total - units;
        while let Some((_, youngest)) = self.coming.back_mut() {
            let removed = surplus.min(*youngest);
            *youngest -= removed;
            surplus -= removed;
            if *youngest > 0 {
                return;
            }
            self.coming.pop_back();
        }
        self.ready -= surplus.min(self.ready);
    }

    /// Units asked for.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.coming
            .iter()
            .fold(self.ready, |sum, &(_, n)| sum.saturating_add(n))
    }

    /// Units ready at `now`.
    #[must_use]
    pub fn ready(&self, now: Micros) -> u32 {
        let arrived = self.coming.iter().filter(|&&(at, _)| at <= now);
        arrived.fold(self.ready, |sum, &(_, n)| sum.saturating_add(n))
    }

    /// Forgets how the units that are ready at `now` came.
    fn settle(&mut self, now: Micros) {
        self.ready = self.ready(now);
        self.coming.retain(|&(at, _)| at > now);
    }
}
