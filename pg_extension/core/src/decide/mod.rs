//! Stage `decide`: an observation and a recommendation in, one decision with its reasons out.
//!
//! A pure function. The worker, SQL and simulations all call this one.
//!
//! **Predicted size**, with g = headroom · forecast / unit_capacity and p the same of `forecast_peak`: where ⌈g⌉ exceeds
//! the size, ⌈g · (1 + band_out)⌉; else where the size exceeds p · (1 + band_slack), ⌈p · (1 + band_in)⌉; else no change.
//!
//! **Reactive size** (Kubernetes HPA): ⌈demand / (unit_capacity · target_utilization)⌉, no change while the utilisation
//! is within `tolerance` of its target; scale-in only to what `demand_peak` asks for.
//!
//! | mode | size |
//! |---|---|
//! | `observe` | as `full`, recorded and never acted on |
//! | `floor` | the predicted size where that is larger |
//! | `out` | the larger of both where that is larger; else what the reactive rule asks for, not below p |
//! | `full` | the predicted size, not below the reactive rule with its scale-in window |
//!
//! Without a fresh origin nothing is computed and the size is held. Without a forecast the reactive rule decides alone
//! (in `floor` nothing does); without a demand nothing is lowered. Then, in this order: limits, rates, pauses. The lower
//! limit is policy, not data, and is applied however old the data are; the upper one lowers the size only when the data are
//! fresh and the mode may lower at all.
//!
//! Reasons, in the order in which they can occur:
//!
//! | code | meaning |
//! |---|---|
//! | `target_unavailable` | the target could not be read; nothing is decided |
//! | `bad_input` | a number of the recommendation is NaN, infinite or out of range; the size is held |
//! | `no_data` | no window was closed yet; the size is held |
//! | `stale_data` | the last window closed longer ago than `stale_after`; the size is held |
//! | `clock_skew` | the last window closes in the future; its data count as fresh |
//! | `no_forecast` | there is no forecast; the reactive rule is alone |
//! | `no_forecast_peak` | there is no peak of the forecast; the forecast lowers nothing |
//! | `predicted_out`, `predicted_in`, `predicted_hold` | what the forecast alone asks for |
//! | `no_demand` | there is no current demand; nothing is lowered |
//! | `no_demand_peak` | there is no peak of the demand; the reactive rule lowers nothing |
//! | `reactive_out`, `reactive_in`, `reactive_hold` | what the reactive rule alone asks for |
//! | `kept_by_reactive` | the reactive rule kept the size above the predicted one |
//! | `kept_by_forecast` | the forecast kept the size above the reactive one |
//! | `kept_by_mode` | the mode does not allow the change that was asked for |
//! | `limit_min`, `limit_max` | `min_units` or `max_units` changed the size |
//! | `limit_max_kept` | the size exceeds `max_units` and may not be lowered now |
//! | `rate_out`, `rate_in` | `max_scale_out` or `max_scale_in` cut the change |
//! | `paused_out`, `paused_in` | changes in this direction are paused |
//! | `observe_only` | mode `observe`: decided, not acted on |

use serde::{Deserialize, Serialize};

use crate::time::Micros;

mod size;
mod input;
mod rule;
pub mod simulate;
#[cfg(test)]
mod tests;

pub use rule::decide;
pub use size::reactive_units;

/// How much a workload lets prescale do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Decide and record, never act.
    Observe,
    /// Raise to the predicted size, never lower.
    Floor,
    /// Scale out on either rule, in on the reactive rule only.
    Out,
    /// Scale out and in on the forecast, never below the reactive rule.
    Full,
}

/// What is wanted, from the view `recommendation`. Demand is in the workload's own unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// Mode of the workload.
    pub mode: Mode,
    /// End of the last closed window; `None` before the first.
    pub origin: Option<Micros>,
    /// Demand in the last window.
    pub demand: Option<f64>,
    /// Largest demand in the scale-in window.
    pub demand_peak: Option<f64>,
    /// High quantile of demand at the lead time.
    pub forecast: Option<f64>,
    /// Largest such quantile over the hold ticks.
    pub forecast_peak: Option<f64>,
    /// Demand that one unit carries.
    pub unit_capacity: f64,
    /// Utilisation at which the reactive rule sizes.
    pub target_utilization: f64,
    /// Factor on the forecast.
    pub headroom: f64,
    /// Smallest size.
    pub min_units: u32,
    /// Largest size.
    pub max_units: u32,
    /// Tolerance of the reactive rule (0.1 in Kubernetes).
    pub tolerance: f64,
    /// Extra share added when scaling out (qa).
    pub band_out: f64,
    /// Surplus share at which to scale in (qb).
    pub band_slack: f64,
    /// Extra share kept when scaling in (qc).
    pub band_in: f64,
    /// Most units added by one decision; `None` = no limit.
    pub max_scale_out: Option<u32>,
    /// Most units removed by one decision; `None` = no limit.
    pub max_scale_in: Option<u32>,
    /// Age of `origin` beyond which the data are stale, microseconds.
    pub stale_after: Micros,
    /// No scale-out until told otherwise.
    pub paused_out: bool,
    /// No scale-in until told otherwise.
    pub paused_in: bool,
}

/// What the target looks like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Observation {
    /// It was read.
    Seen {
        /// Units asked for (spec).
        units_total: u32,
        /// Units ready.
        units_ready: u32,
        /// The target's own version.
        version: Option<String>,
    },
    /// It could not be read.
    Unavailable {
        /// Why.
        why: String,
    },
}

/// Which way a decision goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// No change.
    Hold,
    /// More units.
    ScaleOut,
    /// Fewer units.
    ScaleIn,
}

/// Why. The code is stable, the text is for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// One of the codes in the table above.
    pub code: String,
    /// In words, with the numbers.
    pub text: String,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Size before; `None` when the target could not be read.
    pub units_before: Option<u32>,
    /// Size wanted; equals `units_before` for a hold.
    pub units_desired: Option<u32>,
    /// Which way.
    pub action: Action,
    /// Whether to act (false for a hold, in observe, and when nothing may be done).
    pub act: bool,
    /// What the forecast alone asks for.
    pub units_predicted: Option<u32>,
    /// What the reactive rule alone asks for.
    pub units_reactive: Option<u32>,
    /// Every reason, in the order in which it took part.
    pub reasons: Vec<Reason>,
}
