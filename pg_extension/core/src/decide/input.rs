//! What is known, and whether it can be used.

use super::Recommendation;

/// The first number of the recommendation that no rule can work with, in words; `None` when all are fine.
pub(super) fn bad_input(r: &Recommendation) -> Option<String> {
    let positive = [
        ("unit_capacity", r.unit_capacity),
        ("target_utilization", r.target_utilization),
        ("headroom", r.headroom),
    ];
    let not_negative = [
        ("tolerance", Some(r.tolerance)),
        ("band_out", Some(r.band_out)),
        ("band_slack", Some(r.band_slack)),
        ("band_in", Some(r.band_in)),
        ("demand", r.demand),
        ("demand_peak", r.demand_peak),
        ("forecast", r.forecast),
        ("forecast_peak", r.forecast_peak),
    ];
    for (name, v) in positive {
        if !(v.is_finite() && v > 0.0) {
            return Some(format!("{name} is {v}, not a number above zero"));
        }
    }
    for (name, v) in not_negative {
        if let Some(v) = v.filter(|v| !(v.is_finite() && *v >= 0.0)) {
            return Some(format!("{name} is {v}, not a number from zero"));
        }
    }
    (r.min_units > r.max_units).then(|| {
        format!(
            "min_units {} exceeds max_units {}",
            r.min_units, r.max_units
        )
    })
}

/// A number for people: at most three decimals, no trailing zeros; very large or small ones with an exponent.
pub(super) fn number(v: f64) -> String {
    if v.abs() >= 1e12 || (v.abs() < 1e-3 && v.abs() > 0.0) {
        return format!("{v:.3e}");
    }
    let text = format!("{v:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A span of microseconds for people: whole seconds.
pub(super) fn seconds(micros: i64) -> String {
    format!("{} s", micros / crate::time::SECOND)
}

/// `1 unit`, `2 units`.
pub(super) fn units(n: u32) -> String {
    if n == 1 {
        "1 unit".to_owned()
    } else {
        format!("{n} units")
    }
}
