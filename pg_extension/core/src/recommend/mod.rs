//! Stage `recommend`: the high quantile of demand at the lead time, and the units that carry it.

use crate::error::Result;
use crate::sample::Series;
use crate::time::{Micros, ShouldStop, Step};

/// What the direct quantile regression is fitted for.
#[derive(Debug, Clone)]
pub struct DemandSpec { /// Length of a window.
    pub step: Step, /// From decision to ready.
    pub lead: Micros, /// Demand that one unit carries.
    pub unit_capacity: f64, /// Smallest size.
    pub min_units: u32, /// Quantile levels, ascending, each in (0, 1); the last one is the one that sizes.
    pub levels: Vec<f64>, /// Windows at and after this instant are not seen.
    pub until: Micros }

/// A fitted model; serialises to JSON.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DemandModel { #[serde(default)] todo: () }

/// The outcome of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct DemandFit { /// The model; `None` where there was too little to learn from.
    pub model: Option<DemandModel>, /// `ok`, `short`, `constant`.
    pub status: String, /// Rows trained on.
    pub n_train: usize, /// Mean pinball loss on the training rows at each level, demand units.
    pub pinball: Vec<f64> }

/// Demand as seen and expected at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct DemandForecast { /// Demand of the last window before `origin`.
    pub demand: Option<f64>, /// Largest demand in the `peak` before `origin`.
    pub demand_peak: Option<f64>, /// When the demand is expected.
    pub target: Micros, /// Quantiles of demand at `target`, one per level, never falling from level to level.
    pub q: Vec<f64>, /// Largest upper quantile over this origin and the `hold` origins before it.
    pub upper_peak: Option<f64>, /// `ok`, `no_model`, `no_demand`.
    pub status: String }

/// What to predict from.
#[derive(Debug, Clone)]
pub struct DemandQuery { /// End of the last closed window.
    pub origin: Micros, /// How many origins before this one `upper_peak` covers.
    pub hold: usize, /// How far back `demand_peak` reaches.
    pub peak: Micros }

/// Fits. # Errors `InvalidArgument`, `Cancelled`, `TooLarge`.
pub fn fit_demand(_history: &Series, _spec: &DemandSpec, _should_stop: ShouldStop<'_>) -> Result<DemandFit> { todo!() }
/// Predicts; `history` need reach back only [`HISTORY`] before `origin`. # Errors `InvalidArgument`.
pub fn predict_demand(_model: Option<&DemandModel>, _history: &Series, _step: Step, _query: &DemandQuery) -> Result<DemandForecast> { todo!() }
/// How much history a prediction looks at.
pub const HISTORY: Micros = 7 * crate::time::DAY + 4 * 60 * crate::time::MINUTE;
/// The history a fit looks at.
pub const TRAINING: Micros = 90 * crate::time::DAY;

/// Units that carry `demand` at `target_utilization` of `unit_capacity` each, within the limits. # Errors `InvalidArgument`, `NotFinite`.
pub fn required_capacity(_demand: f64, _unit_capacity: f64, _target_utilization: f64, _min_units: u32, _max_units: u32) -> Result<u32> { todo!() }
