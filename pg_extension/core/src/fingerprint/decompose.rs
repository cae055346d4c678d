//! Eigenvalues and eigenvectors of a covariance matrix, in an order and with signs that rounding does not choose.

use linfa_linalg::eigh::EighInto;
use ndarray::Array2;

use super::MAX_DIMENSION;
use crate::error::{Error, ErrorKind, Result};

/// A spread below this share of the mean is rounding (45 units in the last place), not variance: scaled to one it would
/// drown what varies.
pub(super) const NO_SPREAD: f64 = 1e-14;

/// Correlations and relative spreads below this are set to zero: they are rounding (of 1e-16) many times over, and their
/// squares, which the decomposition takes, would not be told from zero.
pub(super) const NO_CORRELATION: f64 = 1e-30;

/// Loadings whose sizes differ by less are equally large: rounding must not choose the sign.
const TIE: f64 = 1e-9;

/// The standard deviation of each feature; zero where it is rounding.
pub(super) fn spreads(covariance: &[Vec<f64>], mean: &[f64]) -> Vec<f64> {
    let rows = covariance.iter().zip(mean).enumerate();
    rows.map(|(idx, (row, mean))| spread(at(row, idx), *mean))
        .collect()
}

/// The standard deviation; zero where it is rounding.
pub(super) fn spread(variance: f64, mean: f64) -> f64 {
    let spread = variance.max(0.0).sqrt();
    if spread > NO_SPREAD * mean.abs() {
        spread
    } else {
        0.0
    }
}

pub(super) fn at(xs: &[f64], idx: usize) -> f64 {
    xs.get(idx).copied().unwrap_or_default()
}

/// What a covariance matrix decomposes into.
pub(super) struct Spectrum {
    /// Places of the features that vary.
    pub(super) varying: Vec<usize>,
    /// Sum of all eigenvalues.
    pub(super) total: f64,
    /// Eigenvalues in descending order with their vectors, which have an entry for each feature that varies.
    pub(super) components: Vec<(f64, Vec<f64>)>,
}

/// Decomposes the covariances of features with some spread, or with `scale` their correlations.
///
/// # Errors
/// `Numeric` when the decomposition breaks down.
pub(super) fn decompose(covariance: &[Vec<f64>], spread: &[f64], scale: bool) -> Result<Spectrum> {
    let varying: Vec<usize> = (0..spread.len())
        .filter(|&idx| at(spread, idx) > 0.0)
        .collect();
    let entry = |a: usize, b: usize| {
        let (Some(&i), Some(&j)) = (varying.get(a), varying.get(b)) else {
            return 0.0;
        };
        let covariance = covariance.get(i).map_or(0.0, |row| at(row, j));
        let correlation = if i == j {
            1.0
        } else {
            covariance / at(spread, i) / at(spread, j)
        };
        match scale {
            _ if correlation.abs() < NO_CORRELATION => 0.0,
            true => correlation,
            false => covariance,
        }
    };
    let total: f64 = (0..varying.len()).map(|a| entry(a, a)).sum();
    let components = eigenvectors(varying.len(), entry)?;
    Ok(Spectrum {
        varying,
        total,
        components,
    })
}

/// Puts the loadings of the varying features at their places, zero elsewhere.
pub(super) fn spread_out(loading: &[f64], varying: &[usize], dimension: usize) -> Vec<f64> {
    let mut out = vec![0.0; dimension];
    for (&idx, &x) in varying.iter().zip(loading) {
        if let Some(slot) = out.get_mut(idx) {
            *slot = x;
        }
    }
    out
}

/// Eigenvalues in descending order with their vectors, of a matrix whose entries are asked for places below `n`.
pub(super) fn eigenvectors(
    n: usize,
    entry: impl Fn(usize, usize) -> f64,
) -> Result<Vec<(f64, Vec<f64>)>> {
    if n == 0 {
        return Ok(Vec::new());
    }
    // Columns 2 KiB apart share two sets of the first-level cache, which makes 256 six times slower than 255 or 257. A
    // row and a column of zeros change nothing: they stay by themselves, with a vector that has nothing else in it.
    let padded = n + usize::from(n.is_multiple_of(MAX_DIMENSION));
    let matrix = Array2::from_shape_fn((padded, padded), |(a, b)| {
        if a.max(b) < n { entry(a, b) } else { 0.0 }
    });
    // The decomposition does not end on NaN.
    if matrix.iter().any(|x| !x.is_finite()) {
        return Err(Error::new(
            ErrorKind::Numeric,
            "a covariance exceeds the range of a double",
        ));
    }
    let (values, vectors) = matrix.eigh_into().map_err(|error| {
        Error::new(
            ErrorKind::Numeric,
            format!("no eigenvectors were found: {error}"),
        )
    })?;
    let mut components: Vec<(f64, Vec<f64>)> = Vec::with_capacity(n);
    for (&value, column) in values.iter().zip(vectors.columns()) {
        let (head, padding): (Vec<f64>, f64) = (
            column.iter().copied().take(n).collect(),
            column.iter().skip(n).sum(),
        );
        if padding.abs() < 0.5 {
            components.push((value, with_sign(head)));
        }
    }
    components.sort_by(|a, b| b.0.total_cmp(&a.0));
    let is_unit = |vector: &[f64]| (vector.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-9;
    if components
        .iter()
        .any(|(value, vector)| !value.is_finite() || !is_unit(vector))
    {
        return Err(Error::new(
            ErrorKind::Numeric,
            "an eigenvector is not of length one",
        ));
    }
    Ok(components)
}

/// Turns a vector so that its largest loading in size, the first of equally large ones, is positive.
fn with_sign(mut vector: Vec<f64>) -> Vec<f64> {
    let largest = vector
        .iter()
        .fold(0.0f64, |largest, x| largest.max(x.abs()));
    let leading = vector.iter().find(|x| x.abs() >= largest * (1.0 - TIE));
    if leading.is_some_and(|x| *x < 0.0) {
        vector.iter_mut().for_each(|x| *x = -*x);
    }
    vector
}
