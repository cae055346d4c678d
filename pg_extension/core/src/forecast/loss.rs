//! How good a quantile forecast was.

/// Pinball loss of a quantile forecast `q` at `level`: level · (actual − q) from below, (1 − level) · (q − actual)
/// from above. Its mean is least for the true quantile (Koenker and Bassett 1978).
///
/// ```
/// use prescale_core::forecast::loss::pinball;
/// assert_eq!(pinball(0.75, 10.0, 14.0), 3.0);
/// assert_eq!(pinball(0.75, 14.0, 10.0), 1.0);
/// ```
#[must_use]
pub fn pinball(level: f64, q: f64, actual: f64) -> f64 {
    let d = actual - q;
    if d >= 0.0 {
        level * d
    } else {
        (level - 1.0) * d
    }
}
