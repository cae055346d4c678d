//! What a cycle tells: metrics, and log lines that say a lasting trouble once.

use prescale_core::decide::Observation;

use super::Cycle;
use crate::act::{Acted, Status};
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
        for row in &reading.unreadable {
            if self.complaints.is_news(row.workload.clone(), &row.why) {
                tracing::error!(
                    workload = row.workload,
                    why = row.why,
                    "the recommendation makes no sense"
                );
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

    /// Metrics and a log line for every act.
    pub(super) fn tell(&self, acted: &[Acted], decided: &[Decided<'_>]) {
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
            match act.status {
                Status::Done => {
                    tracing::info!(workload, before, desired, decision = number, "scaled")
                }
                Status::Conflict => tracing::info!(
                    workload,
                    desired,
                    decision = number,
                    result,
                    "the target changed"
                ),
                Status::Failed | Status::Abandoned => {
                    tracing::warn!(
                        workload,
                        before,
                        desired,
                        decision = number,
                        result,
                        "not scaled"
                    );
                }
            }
        }
    }
}
