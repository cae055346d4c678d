//! Stage `feedback`: what was decided and what came, in; scores out.

use crate::error::Result;
use crate::sample::Series;
use crate::time::ShouldStop;

/// How supply met demand, per Herbst et al. and the one number `cost` at equal `drop`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score { /// Steps scored.
    pub n: usize, /// Mean of max(d − s, 0)/d.
    pub theta_under: f64, /// Mean of max(s − d, 0)/d.
    pub theta_over: f64, /// Share of time under.
    pub tau_under: f64, /// Share of time over.
    pub tau_over: f64, /// Share of steps where supply and demand move in different directions.
    pub instability: f64, /// Share of the load above supply.
    pub drop: f64, /// Sum of supply over sum of demand.
    pub cost: f64, /// Changes of supply.
    pub actions: usize }

/// Scores `supply` against `demand` at the times of `demand` (supply is carried forward). # Errors `Cancelled`.
pub fn score(_demand: &Series, _supply: &Series, _should_stop: ShouldStop<'_>) -> Result<Score> { todo!() }
/// Pinball loss of a quantile forecast.
#[must_use]
pub fn pinball(level: f64, q: f64, actual: f64) -> f64 { let d = actual - q; if d >= 0.0 { level * d } else { (level - 1.0) * d } }
