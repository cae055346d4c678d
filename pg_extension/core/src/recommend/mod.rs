//! Stage `recommend`: the high quantile of demand at the lead time, and the units that carry it.
//!
//! In: the demand of past windows. Out: quantiles of demand when a unit asked for now would be ready, and sizes.
//! The quantile is fitted directly: a linear model of sixteen features of the recent past and of the same time on the
//! last seven days, trained with the pinball loss at each level (Koenker and Bassett 1978), in units of the current
//! level of demand. Lengths are stated in minutes and rounded to whole steps, at least one.
//!
//! Time is counted in windows. At `origin` (the end of the last closed window) exactly the windows that start before
//! `origin` are known; the target is the window that starts `lead` later, when a unit asked for now begins to serve.

use crate::time::{Micros, Step};

mod maxima;
mod signal;
mod row;
mod model;
mod optimize;
mod fit;
mod predict;
mod capacity;
pub mod cost;
#[cfg(test)]
mod tests;

pub use capacity::required_capacity;
pub(crate) use capacity::whole_units;
pub use fit::fit_demand;
pub use model::DemandModel;
pub use predict::predict_demand;

/// How much history a prediction looks at: seven days, and the hours that the shortest features need before them.
pub const HISTORY: Micros = 7 * crate::time::DAY + 4 * 60 * crate::time::MINUTE;

/// Longest time from decision to ready: beyond it no past day can tell what comes.
const MAX_LEAD: Micros = 7 * crate::time::DAY;

/// Shortest windows: features are lengths of minutes, and of shorter windows they would hold too many.
const MIN_STEP: Micros = crate::time::SECOND;

/// The history a fit looks at.
pub const TRAINING: Micros = 90 * crate::time::DAY;

/// What the direct quantile regression is fitted for.
#[derive(Debug, Clone)]
pub struct DemandSpec {
    /// Length of a window.
    pub step: Step,
    /// From decision to ready.
    pub lead: Micros,
    /// Demand that one unit carries.
    pub unit_capacity: f64,
    /// Smallest size.
    pub min_units: u32,
    /// Quantile levels, ascending, each in (0, 1); the last one is the one that sizes.
    pub levels: Vec<f64>,
    /// Windows at and after this instant are not seen.
    pub until: Micros,
}

/// The outcome of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct DemandFit {
    /// The model; `None` where there was too little to learn from.
    pub model: Option<DemandModel>,
    /// `ok`; `short` (no model: fewer than two days of usable windows after the first day); `constant` (every
    /// target equals the value before it: the model repeats the last value).
    pub status: String,
    /// Rows trained on.
    pub n_train: usize,
    /// Mean pinball loss on the training rows at each level, demand units.
    pub pinball: Vec<f64>,
}

/// Demand as seen and expected at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct DemandForecast {
    /// Demand of the last window before `origin`; `None` when the newest window starts more than three steps before it.
    pub demand: Option<f64>,
    /// Largest demand of the windows that start in `[origin − peak, origin)`, at least `demand`.
    pub demand_peak: Option<f64>,
    /// When the demand is expected: the start of the window `lead` after `origin`; `origin` itself without a model.
    pub target: Micros,
    /// Quantiles of demand at `target`, one per level, never falling from level to level; the last one is never below
    /// the last known demand. Empty unless `status` is `ok`.
    pub q: Vec<f64>,
    /// Largest upper quantile over this origin and the `hold` origins before it (those that can be computed).
    pub upper_peak: Option<f64>,
    /// `ok`; `no_model`; `no_demand` (nothing recent); `no_history` (not one of the last seven days is known around this time).
    pub status: String,
}

/// What to predict from.
#[derive(Debug, Clone)]
pub struct DemandQuery {
    /// End of the last closed window.
    pub origin: Micros,
    /// How many origins before this one `upper_peak` covers.
    pub hold: usize,
    /// How far back `demand_peak` reaches.
    pub peak: Micros,
}
