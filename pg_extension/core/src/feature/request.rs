//! Features of a request log: one state per window.

use crate::error::Result;
use crate::time::{Micros, Step};

/// One request; any part may be missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> { /// When it arrived.
    pub ts: Option<Micros>, /// How long it took, milliseconds.
    pub latency_ms: Option<f64>, /// Bytes sent.
    pub bytes: Option<f64>, /// What kind it was.
    pub kind: Option<&'a str>, /// Who asked.
    pub actor: Option<&'a str>, /// Numeric parameters.
    pub params: &'a [Option<f64>] }

/// Mergeable state of `request_agg`: counts, latency sketch, entropies, correlations.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RequestState { todo: () }

impl RequestState {
    /// Adds one request. # Errors `InvalidArgument` when the number of params changes, `TooLarge`.
    pub fn push(&mut self, _request: &Request<'_>) -> Result<()> { todo!() }
    /// Adds another state. # Errors as [`push`](Self::push).
    pub fn merge(&mut self, _other: &Self) -> Result<()> { todo!() }
    /// Requests seen.
    #[must_use]
    pub fn n(&self) -> u64 { todo!() }
    /// Rows whose latency or bytes were NaN or infinite.
    #[must_use]
    pub fn n_nonfinite(&self) -> u64 { todo!() }
    /// Names of the values of [`values`](Self::values) for params called `param_names`.
    #[must_use]
    pub fn names(_param_names: &[String]) -> Vec<String> { todo!() }
    /// The features: latency quantiles, mean bytes, entropies of kind and actor, correlations with latency.
    #[must_use]
    pub fn values(&self, _n_params: usize) -> Vec<Option<f64>> { todo!() }
    /// Requests per second over a window of `step`.
    #[must_use]
    pub fn rate(&self, _step: Step) -> f64 { todo!() }
    /// The flat form, format byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> { todo!() }
    /// Reads the flat form. # Errors `Corrupt`.
    pub fn from_bytes(_bytes: &[u8]) -> Result<Self> { todo!() }
    /// The text form (JSON).
    #[must_use]
    pub fn to_text(&self) -> String { todo!() }
    /// Reads the text form. # Errors `Corrupt`.
    pub fn from_text(_text: &str) -> Result<Self> { todo!() }
}
