//! Stage `feature`: windows in, named numbers out.
//!
//! Why it exists: a forecast and a fingerprint need, for every window of a workload, the same numbers in the same
//! order, also for windows in which nothing happened. [`features`] completes windows that one scan of a source
//! produced; [`request`] condenses the rows of a request log into one mergeable state per window. The sketches inside
//! that state stand on their own too: [`LatencySummary`] and [`KeyCounts`]. [`correlate()`] says how two series move
//! together, and which of them goes first.

use crate::time::{Micros, Step};
use crate::window::Fill;

mod row;
mod correlation;
mod exact;
mod latency;
mod entropy;
mod comoment;
mod rank;
mod correlate;
pub mod request;
pub mod series;

pub use correlate::{Correlate, Lagged, MAX_LAGS, Method, correlate};
pub use entropy::{Correction, EntropyState, KeyCounts, MAX_KEYS};
pub use latency::{LatencySketch, LatencySummary, MovingLatency};
pub use rank::{MAX_PAIRS, RankCorrelation};
pub use row::features;

pub(crate) use crate::sample::LARGEST;

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
    /// The window as it was seen (gaps are present, with `n_row` = 0 and no demand); see [`demand`](Self::demand) for
    /// the demand with its gaps filled.
    pub raw: RawWindow,
    /// Whether the demand was filled in.
    pub imputed: bool,
    /// Values in the order of [`names`].
    pub values: Vec<Option<f64>>,
}

impl FeatureRow {
    /// The demand, filled where the workload's filling allows; the same as the feature `rate`.
    #[must_use]
    pub fn demand(&self) -> Option<f64> {
        self.values.first().copied().flatten()
    }
}

/// What the features of a source are called: `rate`, `rate_change`, the metrics, then for narrow and wide
/// sources `corr_<metric>`.
///
/// ```
/// let names = prescale_core::feature::names(&["cpu".into()], true);
/// assert_eq!(names, ["rate", "rate_change", "cpu", "corr_cpu"]);
/// ```
#[must_use]
pub fn names(metrics: &[String], correlate: bool) -> Vec<String> {
    let correlated = if correlate { metrics } else { &[] };
    ["rate", "rate_change"]
        .into_iter()
        .map(str::to_owned)
        .chain(metrics.iter().cloned())
        .chain(correlated.iter().map(|metric| format!("corr_{metric}")))
        .collect()
}

/// How many windows before the first one `features` must be given to be independent of where it starts: an hour of
/// minutes, enough pairs for a correlation whose standard error under independence is 0.13.
pub const LOOKBACK: usize = 60;

/// What `features` needs to know.
#[derive(Debug, Clone)]
pub struct FeatureSpec {
    /// Length of a window.
    pub step: Step,
    /// First window that is returned.
    pub since: Micros,
    /// End of the last window that is returned (exclusive).
    pub until: Micros,
    /// How gaps in demand are filled.
    pub fill: Fill,
    /// Number of metrics in each window.
    pub n_metrics: usize,
    /// Whether to correlate each metric with demand over the trailing [`LOOKBACK`] windows.
    pub correlate: bool,
}

/// Σ a · b, in order.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests;
