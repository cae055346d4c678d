//! Stage `feature`: windows in, named numbers out.

use crate::error::Result;
use crate::time::{Micros, Step};
use crate::window::Fill;

pub mod request;

/// What one scan of a source saw in one window of one workload.
#[derive(Debug, Clone, PartialEq)]
pub struct RawWindow {
    /// Start of the window.
    pub ts: Micros,
    /// Rows that fell into it.
    pub n_row: u32,
    /// Of these, rows whose demand was NULL.
    pub n_null: u32,
    /// Of these, rows whose demand was NaN or infinite.
    pub n_nonfinite: u32,
    /// Demand, in the unit of the workload; `None` where no row had a value.
    pub demand: Option<f64>,
    /// The custom metrics (narrow, wide) or request features, in the order of the source's names.
    pub metrics: Vec<Option<f64>>,
}

/// One window with its features.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureRow {
    /// The window (gaps are present, with `n_row` = 0).
    pub raw: RawWindow,
    /// Whether `demand` was filled in.
    pub imputed: bool,
    /// Values in the order of [`names`].
    pub values: Vec<Option<f64>>,
}

/// What the features of a source are called: `rate`, `rate_change`, the metrics, then for narrow and wide
/// sources `corr_<metric>`.
#[must_use]
pub fn names(_metrics: &[String], _correlate: bool) -> Vec<String> { todo!() }

/// How many windows before the first one `features` must be given to be independent of where it starts.
pub const LOOKBACK: usize = 60;

/// What `features` needs to know.
#[derive(Debug, Clone)]
pub struct FeatureSpec { /// Length of a window.
    pub step: Step, /// First window that is returned.
    pub since: Micros, /// End of the last window that is returned (exclusive).
    pub until: Micros, /// How gaps in demand are filled.
    pub fill: Fill, /// Number of metrics in each window.
    pub n_metrics: usize, /// Whether to correlate each metric with demand over the trailing [`LOOKBACK`] windows.
    pub correlate: bool }

/// Completes the windows of one workload (ascending, gaps allowed, starting up to [`LOOKBACK`] windows before
/// `since`) and computes their features. # Errors `InvalidArgument` for windows out of order or off the grid.
pub fn features(_windows: &[RawWindow], _spec: &FeatureSpec) -> Result<Vec<FeatureRow>> { todo!() }
