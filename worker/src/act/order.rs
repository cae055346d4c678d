//! What is to be done, and what came of it.

use prescale_core::decide::Observation;
use serde_json::{Value, json};

use super::Target;
use crate::observe::OpenIntent;

/// One decision to carry out.
#[derive(Debug, Clone)]
pub(crate) struct Order<'a> {
    /// Number of the decision.
    pub(crate) decision: i64,
    /// Its workload.
    pub(crate) workload_id: i32,
    /// What to scale.
    pub(crate) target: &'a Target,
    /// Size wanted.
    pub(crate) units: u32,
    /// Units that were ready when it was decided.
    pub(crate) units_ready: u32,
    /// Version of the target that the decision was made on.
    pub(crate) version: Option<&'a str>,
}

/// How an act ended, in the words of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// The target accepted the size.
    Done,
    /// It refused, or did not answer.
    Failed,
    /// It changed since it was observed; the next cycle decides again.
    Conflict,
    /// Not tried, or nobody knows whether it was.
    Abandoned,
}

impl Status {
    /// The word in the table and in metrics.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Conflict => "conflict",
            Self::Abandoned => "abandoned",
        }
    }
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Acted {
    /// Number of the decision.
    pub(crate) decision: i64,
    /// Its workload.
    pub(crate) workload_id: i32,
    /// How it ended.
    pub(crate) status: Status,
    /// Facts for the table: the size reported, or why not.
    pub(crate) result: Value,
    /// Units asked for and ready afterwards, where the target told.
    pub(crate) size: Option<(u32, u32)>,
}

impl Acted {
    /// The target has this size now.
    pub(crate) fn done(order: &Order<'_>, size: (u32, u32), version: Option<&str>) -> Self {
        Self {
            decision: order.decision,
            workload_id: order.workload_id,
            status: Status::Done,
            result: json!({ "units_total": size.0, "version": version }),
            size: Some(size),
        }
    }

    /// Nothing is known to have changed.
    pub(crate) fn without_effect(
        order: &Order<'_>,
        status: Status,
        why: impl Into<String>,
    ) -> Self {
        Self {
            decision: order.decision,
            workload_id: order.workload_id,
            status,
            result: json!({ "why": why.into() }),
            size: None,
        }
    }

    /// What became of an intent whose result nobody recorded: done when the target has the size that was wanted.
    pub(crate) fn settled(intent: &OpenIntent, observation: Option<&Observation>) -> Self {
        let (status, result) = match observation {
            None => (
                Status::Abandoned,
                json!({ "why": "the workload is no longer enabled" }),
            ),
            Some(Observation::Unavailable { why }) => (Status::Abandoned, json!({ "why": why })),
            Some(Observation::Seen {
                units_total,
                version,
                ..
            }) => {
                let is_done = intent.units_desired == Some(*units_total);
                let status = if is_done {
                    Status::Done
                } else {
                    Status::Abandoned
                };
                (
                    status,
                    json!({ "units_total": units_total, "version": version, "observed_later": true }),
                )
            }
        };
        Self {
            decision: intent.decision,
            workload_id: intent.workload_id,
            status,
            result,
            size: None,
        }
    }
}
