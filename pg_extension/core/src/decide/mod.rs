//! Stage `decide`: an observation and a recommendation in, one decision with its reasons out.
//!
//! A pure function. The worker, SQL and simulations all call this one.

use serde::{Deserialize, Serialize};

use crate::time::Micros;

mod rule;
pub mod simulate;

pub use rule::{decide, reactive_units};

/// How much a workload lets prescale do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode { /// Decide and record, never act.
    Observe, /// Raise to the predicted size, never lower.
    Floor, /// Scale out on either rule, in on the reactive rule only.
    Out, /// Scale out and in on the forecast, never below the reactive rule.
    Full }

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
    Seen { /// Units asked for (spec).
        units_total: u32, /// Units ready.
        units_ready: u32, /// The target's own version.
        version: Option<String> },
    /// It could not be read.
    Unavailable { /// Why.
        why: String },
}

/// Which way a decision goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action { /// No change.
    Hold, /// More units.
    ScaleOut, /// Fewer units.
    ScaleIn }

/// Why. The code is stable, the text is for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason { /// One of the codes in docs/contract.md.
    pub code: String, /// In words, with the numbers.
    pub text: String }

/// One decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision { /// Size before; `None` when the target could not be read.
    pub units_before: Option<u32>, /// Size wanted; equals `units_before` for a hold.
    pub units_desired: Option<u32>, /// Which way.
    pub action: Action, /// Whether to act (false for a hold, in observe, and when nothing may be done).
    pub act: bool, /// What the forecast alone asks for.
    pub units_predicted: Option<u32>, /// What the reactive rule alone asks for.
    pub units_reactive: Option<u32>, /// Every reason, in the order in which it took part.
    pub reasons: Vec<Reason> }
