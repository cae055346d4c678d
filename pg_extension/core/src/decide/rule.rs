//! The rule itself.
use super::{Decision, Observation, Recommendation};
use crate::time::Micros;

/// Decides. Never lowers capacity on missing, stale or wrong data.
#[must_use]
pub fn decide(_recommendation: &Recommendation, _observation: &Observation, _now: Micros) -> Decision { todo!() }
/// The reactive rule alone (Kubernetes HPA): size for `demand`, keeping `current` within the tolerance.
#[must_use]
pub fn reactive_units(_demand: f64, _current: u32, _recommendation: &Recommendation) -> u32 { todo!() }
