//! From demand to whole units.

use super::fit::check_positive;
use crate::error::{Error, ErrorKind, Result};

/// Excess over a whole number that counts as rounding: 0.3 / 0.1 is three units, not four.
const ROUNDING: f64 = 1e-9;

/// Units that carry `demand` at `target_utilization` of `unit_capacity` each, within the limits.
///
/// ⌈demand / (unit_capacity · target_utilization)⌉, where an excess of a billionth over a whole number is taken for
/// rounding. Negative demand counts as none.
///
/// ```
/// use prescale_core::recommend::required_capacity;
/// assert_eq!(required_capacity(840.0, 100.0, 0.7, 2, 50)?, 12);
/// # Ok::<(), prescale_core::Error>(())
/// ```
///
/// # Errors
/// `NotFinite` for NaN or infinity; `InvalidArgument` when the capacity or the utilisation is not positive, the
/// utilisation is above 1, or `min_units` exceeds `max_units`.
pub fn required_capacity(
    demand: f64,
    unit_capacity: f64,
    target_utilization: f64,
    min_units: u32,
    max_units: u32,
) -> Result<u32> {
    if !demand.is_finite() {
        return Err(
            Error::new(ErrorKind::NotFinite, format!("demand is {demand}"))
                .with_hint("give a finite number"),
        );
    }
    check_positive("unit_capacity", unit_capacity)?;
    check_positive("target_utilization", target_utilization)?;
    if target_utilization > 1.0 {
        return Err(Error::invalid(format!(
            "target_utilization must be at most 1, not {target_utilization}"
        ))
        .with_hint("70 % is 0.7"));
    }
    if min_units > max_units {
        return Err(Error::invalid(format!(
            "min_units {min_units} exceeds max_units {max_units}"
        )));
    }
    Ok(whole_units(demand / unit_capacity / target_utilization).clamp(min_units, max_units))
}

/// The smallest whole number of units that is not below `units`, rounding forgiven; zero below zero and for NaN.
pub(crate) fn whole_units(units: f64) -> u32 {
    let floor = units.floor();
    let whole = if units - floor <= ROUNDING * units.abs() {
        floor
    } else {
        floor + 1.0
    };
    saturating_u32(whole)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates, and NaN becomes zero: what is wanted
fn saturating_u32(v: f64) -> u32 {
    v as u32
}
