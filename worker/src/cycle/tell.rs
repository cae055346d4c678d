//! What a cycle tells: metrics, and log lines that say a lasting trouble once.

use prescale_core::decide::Observation;

use super::Cycle;
use crate::act::{Acted, Status, Target};
use crate::observe::Reading;
use crate::record::Decided;

impl Cycle {
    /// Metrics and log lines of what was seen; a lasting trouble is logged once.
    pub(super) fn report(&mut self, reading: &Reading, seen: &[Observation]) {
        let mut unavailable = 0;
        for (wanted, observation) in reading.wanted.iter().zip(seen) {
            match observation {
                Observation::Seen { .. } => {
                    if self.complaints.is_over(&wanted.workload) {
                        tracing::info!(workload = wanted.workload, "the target can be read again");
                    }
                }
                // A workload without a target is forecast only, and meant to be.
                Observation::Unavailable { .. } if wanted.target == Ok(Target::None) => {}
                Observation::Unavailable { why } => {
                    unavailable += 1;
                    if self.complaints.is_news(wanted.workload.clone(), why) {
                        tracing::warn!(
                            workload = wanted.workload,
                            why,
                            "the target cannot be read"
                        );
                    }
                }
            }
        }
        for item in &reading.skipped {
            let why = item.why.to_string();
            if self.complaints.is_news(item.workload.clone(), &why) {
                tracing::warn!(workload = item.workload, why, "the workload is left out");
            }
        }
        let oldest = reading
            .wanted
            .iter()
            .filter_map(|item| item.recommendation.origin)
            .min();
        let age = oldest.map(|origin| reading.now.saturating_sub(origin));
        self.metrics.saw(reading.wanted.len(), unavailable, age);
    }

    /// Metrics of every act, and a log line for each that succeeds or fails in a new way.
    pub(super) fn tell(&mut self, acted: &[Acted], decided: &[Decided<'_>]) {
        for act in acted {
            self.metrics.acted(act.status);
            let made = decided
                .iter()
                .find(|made| made.wanted.workload_id == act.workload_id);
            let Some(Decided {
                wanted, decision, ..
            }) = made
            else {
                continue;
            };
            let (workload, before, desired) = (
                &wanted.workload,
                decision.units_before,
                decision.units_desired,
            );
            let (number, result) = (act.decision, act.result.to_string());
            // Beside what is remembered of reading the target, under the plain name.
            let topic = format!("scaling {workload}");
            if act.status == Status::Done {
                self.complaints.is_over(&topic);
                tracing::info!(workload, before, desired, decision = number, "scaled");
            } else if self.complaints.is_news(topic, &result) {
                let status = act.status.word();
                tracing::warn!(
                    workload,
                    before,
                    desired,
                    decision = number,
                    status,
                    result,
                    "not scaled"
                );
            }
        }
    }
}
