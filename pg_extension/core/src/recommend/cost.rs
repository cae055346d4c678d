//! Money: exact decimals, rounded once at the end.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::error::{Error, ErrorKind, Result};

/// Decimal places of an amount: a hundredth of a cent, below any cloud's price list.
const PLACES: u32 = 4;

/// What `unit_seconds` (units × seconds) cost at `price_per_hour` a unit.
///
/// `unit_seconds / 3600 · price_per_hour`, computed as one product and one division, rounded half to even to four
/// places, so that a sum of many reports has no drift.
///
/// ```
/// use prescale_core::recommend::cost::unit_cost;
/// let hour_of_ten = unit_cost(36_000, "0.0416".parse()?)?;
/// assert_eq!(hour_of_ten, "0.4160".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// `TooLarge` when the amount exceeds the 28 digits of a decimal.
pub fn unit_cost(unit_seconds: u64, price_per_hour: Decimal) -> Result<Decimal> {
    Decimal::from(unit_seconds)
        .checked_mul(price_per_hour)
        .and_then(|amount| amount.checked_div(Decimal::from(3_600)))
        .map(|amount| amount.round_dp_with_strategy(PLACES, RoundingStrategy::MidpointNearestEven))
        .ok_or_else(|| {
            Error::new(
                ErrorKind::TooLarge,
                format!("{unit_seconds} unit seconds at {price_per_hour} an hour"),
            )
            .with_hint("check the unit of the price")
        })
}
