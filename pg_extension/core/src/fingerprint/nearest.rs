//! How far two fingerprints are apart.

use crate::error::{Error, ErrorKind, Result};

/// Euclidean distance √Σ (a_i − b_i)²; the components of a fingerprint are uncorrelated and their spread is what they
/// explain, so that no weights are needed.
///
/// Both come as iterators, so that a caller may read them where they lie. A sum of squares that leaves the range of a double is computed again in units of the largest difference.
///
/// ```
/// use prescale_core::fingerprint::distance;
/// assert_eq!(distance([1.0, 2.0].into_iter(), [4.0, 6.0].into_iter())?, 5.0);
/// assert!(distance([1.0].iter().copied(), [1.0, 2.0].iter().copied()).is_err());
/// # Ok::<(), prescale_core::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` for different lengths, `NotFinite` for NaN and infinity, `Numeric` when the distance itself
/// exceeds the range of a double.
pub fn distance<I>(a: I, b: I) -> Result<f64>
where
    I: ExactSizeIterator<Item = f64> + Clone,
{
    if a.len() != b.len() {
        let message = format!(
            "one fingerprint has {} values, the other {}",
            a.len(),
            b.len()
        );
        return Err(Error::invalid(message).with_hint("compare fingerprints of one model"));
    }
    let squares: f64 = a
        .clone()
        .zip(b.clone())
        .map(|(a, b)| (a - b) * (a - b))
        .sum();
    // Smaller squares have lost digits to underflow.
    if squares.is_finite() && squares > 1e-280 {
        return Ok(squares.sqrt());
    }
    scaled(a, b)
}

/// The same in units of the largest difference, with the checks that the short way leaves to the sum.
fn scaled(
    a: impl Iterator<Item = f64> + Clone,
    b: impl Iterator<Item = f64> + Clone,
) -> Result<f64> {
    if let Some(x) = a.clone().chain(b.clone()).find(|x| !x.is_finite()) {
        return Err(Error::new(
            ErrorKind::NotFinite,
            format!("a fingerprint holds {x}"),
        ));
    }
    // Halves, because the difference of two numbers near the end of the range is beyond it.
    let half = a.zip(b).map(|(a, b)| a / 2.0 - b / 2.0);
    let largest = half
        .clone()
        .fold(0.0, |largest: f64, d| largest.max(d.abs()));
    if largest == 0.0 {
        return Ok(0.0);
    }
    let squares: f64 = half.map(|d| (d / largest) * (d / largest)).sum();
    let distance = 2.0 * (largest * squares.sqrt());
    if distance.is_finite() {
        Ok(distance)
    } else {
        Err(Error::new(
            ErrorKind::Numeric,
            "a distance exceeds the range of a double",
        )
        .with_hint("leave out values near the end of the range"))
    }
}

#[cfg(test)]
mod tests;
