//! The targets: reading how big they are and making them the size that was decided. No choice is made here.

mod target;
mod kubernetes;
mod simulated;
mod order;

use std::collections::HashMap;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use prescale_core::decide::Observation;
use prescale_core::time::Micros;

pub(crate) use order::{Acted, Order, Status};
pub(crate) use target::Target;

use crate::config::KubernetesConfig;
use crate::observe::Wanted;
use crate::stop::Stop;
use kubernetes::Kubernetes;
use simulated::Simulations;

/// Everything that can be scaled.
#[derive(Debug)]
pub(crate) struct Targets {
    simulations: Simulations,
    /// `None` in a replay, which must not touch the world.
    kubernetes: Option<Kubernetes>,
    concurrency: usize,
}

/// Until when to go on, and whether to.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// No act starts or lasts longer.
    pub(crate) deadline: Instant,
    /// No act starts after this is set.
    pub(crate) stop: Stop,
}

impl Targets {
    /// Simulated targets, and those of Kubernetes when its configuration is given.
    pub(crate) fn new(kubernetes: Option<KubernetesConfig>, concurrency: usize) -> Self {
        Self {
            simulations: Simulations::default(),
            kubernetes: kubernetes.map(Kubernetes::new),
            concurrency,
        }
    }

    /// Forgets the simulated targets of these workloads: somebody else may have scaled them meanwhile.
    pub(crate) fn forget(&mut self, workloads: impl IntoIterator<Item = i32>) {
        self.simulations.forget(workloads);
    }

    /// Simulated workloads whose size is not in memory.
    pub(crate) fn unknown(&self, wanted: &[Wanted]) -> Vec<i32> {
        let simulated = wanted
            .iter()
            .filter(|item| matches!(item.target, Ok(Target::Simulated(_))));
        simulated
            .map(|item| item.workload_id)
            .filter(|id| !self.simulations.knows(*id))
            .collect()
    }

    /// Takes note of sizes that were recorded before.
    pub(crate) fn restore(&mut self, sizes: Vec<(i32, u32)>) {
        self.simulations.restore(sizes);
    }

    /// Reads all targets, some at the same time, in the order of `wanted`; what takes longer than `deadline` is
    /// unavailable.
    pub(crate) async fn observe(
        &mut self,
        wanted: &[Wanted],
        now: Micros,
        deadline: Instant,
    ) -> Vec<Observation> {
        let (simulations, kubernetes) = (&mut self.simulations, self.kubernetes.as_ref());
        let mut slow = Vec::new();
        let mut seen: Vec<Observation> = Vec::with_capacity(wanted.len());
        for (index, item) in wanted.iter().enumerate() {
            seen.push(match &item.target {
                Err(why) => unavailable(format!("its target is not valid: {why}")),
                Ok(Target::None) => unavailable("it has no target"),
                Ok(Target::Simulated(spec)) => simulations.observe(item.workload_id, spec, now),
                Ok(Target::Kubernetes(scale)) => {
                    if let Some(kubernetes) = kubernetes {
                        slow.push(
                            async move { (index, kubernetes.observe(scale, deadline).await) },
                        );
                    }
                    unavailable("a replay touches simulated targets only")
                }
            });
        }
        let answers: HashMap<usize, Observation> = stream::iter(slow)
            .buffer_unordered(self.concurrency)
            .collect()
            .await;
        for (index, answer) in answers {
            if let Some(slot) = seen.get_mut(index) {
                *slot = answer;
            }
        }
        seen
    }

    /// Carries the orders out, some at the same time.
    pub(crate) async fn act(
        &mut self,
        orders: &[Order<'_>],
        now: Micros,
        limits: &Limits,
    ) -> Vec<Acted> {
        let (simulations, kubernetes) = (&mut self.simulations, self.kubernetes.as_ref());
        let mut slow = Vec::new();
        let mut acted = Vec::with_capacity(orders.len());
        for order in orders {
            match (order.target, kubernetes) {
                (Target::Simulated(spec), _) => acted.push(simulations.scale(order, spec, now)),
                (Target::Kubernetes(scale), Some(kubernetes)) => slow.push(async move {
                    match limits.refusal() {
                        Some(why) => Acted::without_effect(order, Status::Abandoned, why),
                        None => kubernetes.scale(order, scale, limits.deadline).await,
                    }
                }),
                (Target::Kubernetes(_), None) | (Target::None, _) => {
                    acted.push(Acted::without_effect(
                        order,
                        Status::Failed,
                        "there is no target to act on",
                    ));
                }
            }
        }
        let answers: Vec<Acted> = stream::iter(slow)
            .buffer_unordered(self.concurrency)
            .collect()
            .await;
        acted.extend(answers);
        acted
    }

    /// Asks a target to become the size that it has, without doing it; `None` where there is nothing to ask.
    ///
    /// # Errors
    /// Why the target would refuse.
    pub(crate) async fn rehearse(
        &self,
        item: &Wanted,
        units: u32,
        deadline: Instant,
    ) -> Option<Result<(), String>> {
        match (&item.target, &self.kubernetes) {
            (Ok(Target::Kubernetes(scale)), Some(kubernetes)) => {
                Some(kubernetes.rehearse(scale, units, deadline).await)
            }
            _ => None,
        }
    }
}

impl Limits {
    /// Why no further act may start.
    fn refusal(&self) -> Option<&'static str> {
        if self.stop.is_set() {
            Some("the worker is stopping")
        } else if Instant::now() >= self.deadline {
            Some("the lease ran out before the act")
        } else {
            None
        }
    }
}

fn unavailable(why: impl Into<String>) -> Observation {
    Observation::Unavailable { why: why.into() }
}
