//! What each rule alone asks for.

use super::Recommendation;
use crate::recommend::whole_units;

/// The numbers of the reactive rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hpa {
    pub(super) unit_capacity: f64,
    pub(super) target_utilization: f64,
    pub(super) tolerance: f64,
}

/// The reactive rule alone (Kubernetes HPA), before limits: size for `demand`, keeping `current` within the tolerance.
///
/// ⌈demand / (unit_capacity · target_utilization)⌉, or `current` while
/// |demand / (current · unit_capacity · target_utilization) − 1| ≤ tolerance. A demand or policy that is not a usable
/// number keeps `current`.
#[must_use]
pub fn reactive_units(demand: f64, current: u32, recommendation: &Recommendation) -> u32 {
    let rule = Hpa {
        unit_capacity: recommendation.unit_capacity,
        target_utilization: recommendation.target_utilization,
        tolerance: recommendation.tolerance,
    };
    hpa_units(demand, current, rule)
}

/// [`reactive_units`] of its numbers.
pub(super) fn hpa_units(demand: f64, current: u32, rule: Hpa) -> u32 {
    let carried = rule.unit_capacity * rule.target_utilization;
    let usable = demand.is_finite() && carried.is_finite() && carried > 0.0;
    let ratio = demand / (f64::from(current) * carried);
    // Rounding must not turn a utilisation exactly on the tolerance into a change.
    let tolerated = (ratio - 1.0).abs() <= rule.tolerance * (1.0 + 1e-9);
    if !usable || (current > 0 && tolerated) {
        current
    } else {
        whole_units(demand / carried)
    }
}

/// What the forecast asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Predicted {
    /// Size with the band.
    pub(super) units: u32,
    /// Size without it, for the peak of the forecast.
    pub(super) least: u32,
}

/// The controller with a band; `None` without a forecast. Without a peak the size is never lowered.
pub(super) fn predicted(recommendation: &Recommendation, total: u32) -> Option<Predicted> {
    let r = recommendation;
    let forecast = r.forecast?;
    let per_unit = |demand: f64| r.headroom * demand / r.unit_capacity;
    let now = per_unit(forecast);
    let peak = per_unit(r.forecast_peak.unwrap_or(forecast).max(forecast));
    let least = whole_units(peak);
    let units = if whole_units(now) > total {
        whole_units(now * (1.0 + r.band_out))
    } else if r.forecast_peak.is_some() && f64::from(total) > peak * (1.0 + r.band_slack) {
        whole_units(peak * (1.0 + r.band_in)).min(total)
    } else {
        total
    };
    Some(Predicted { units, least })
}

/// What the reactive rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reactive {
    /// Size with the scale-in window: never below what the peak of demand asks for.
    pub(super) units: u32,
}

/// The reactive rule with its scale-in window; `None` without a demand. Without a peak the size is never lowered.
pub(super) fn reactive(recommendation: &Recommendation, total: u32) -> Option<Reactive> {
    let demand = recommendation.demand?;
    let now = reactive_units(demand, total, recommendation);
    let units = match recommendation.demand_peak {
        _ if now > total => now,
        Some(peak) => reactive_units(peak.max(demand), total, recommendation).min(total),
        None => total,
    };
    Some(Reactive { units })
}
