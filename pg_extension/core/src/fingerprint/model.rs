//! Principal components.

use linfa_linalg::eigh::EighInto;
use ndarray::Array2;

use super::{Component, Keep, MAX_DIMENSION, PcaState, codec};
use crate::error::{Error, ErrorKind, Result};
use crate::feature::LARGEST;

/// A spread below this share of the mean is rounding (45 units in the last place), not variance: scaled to one it would
/// drown what varies.
const NO_SPREAD: f64 = 1e-14;

/// Correlations and relative spreads below this are set to zero: they are rounding (of 1e-16) many times over, and their
/// squares, which the decomposition takes, would not be told from zero.
const NO_CORRELATION: f64 = 1e-30;

/// Loadings whose sizes differ by less are equally large: rounding must not choose the sign.
const TIE: f64 = 1e-9;

/// A fitted PCA.
///
/// The eigenvectors of the covariance matrix, or of the correlation matrix when scaled, in descending order of their
/// eigenvalues (Jolliffe 2002, "Principal Component Analysis"). The sign of a component is arbitrary; here its largest
/// loading in size, the first of equally large ones, is positive, so that a refit on similar data gives similar scores.
/// Components without variance (below rounding of the total) do not exist; features without variance have loading 0.
///
/// ```
/// use prescale_core::fingerprint::{Keep, PcaModel, PcaState};
/// let mut state = PcaState::default();
/// for x in [1.0, 2.0, 3.0] {
///     state.push(&[Some(x), Some(-2.0 * x)])?;
/// }
/// let model = PcaModel::fit(&state, Keep::Variance(0.95), true)?;
/// assert_eq!(model.components().len(), 1);
/// assert!((model.project(&[Some(3.0), Some(-6.0)])?[0] - 2f64.sqrt()).abs() < 1e-12);
/// # Ok::<(), prescale_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PcaModel {
    pub(super) n: u64,
    pub(super) is_scaled: bool,
    pub(super) mean: Vec<f64>,
    /// What a value is divided by after its mean is taken off; 1 unless scaled and varying.
    pub(super) scale: Vec<f64>,
    /// Sum of all eigenvalues, kept or not.
    pub(super) total: f64,
    pub(super) eigenvalue: Vec<f64>,
    pub(super) loading: Vec<Vec<f64>>,
}

impl PcaModel {
    /// Fits. With `scale`, every feature counts the same (correlation matrix); without, by its variance in its unit.
    /// When nothing varies there are no components, and a projection is empty.
    ///
    /// # Errors
    /// `InvalidArgument` for fewer than two vectors or `keep` outside its domain, `Numeric` when the decomposition
    /// breaks down (numbers near the ends of the range).
    pub fn fit(state: &PcaState, keep: Keep, scale: bool) -> Result<Self> {
        check(keep)?;
        let Some(covariance) = state.covariance() else {
            return Err(Error::invalid(format!(
                "a fit needs two vectors at least, not {}",
                state.n()
            )));
        };
        let mean: Vec<f64> = state
            .mean()
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect();
        let spread = spreads(&covariance, &mean, scale);
        let varying: Vec<usize> = (0..mean.len())
            .filter(|&idx| at(&spread, idx) > 0.0)
            .collect();
        let entry = |a: usize, b: usize| {
            let (Some(&i), Some(&j)) = (varying.get(a), varying.get(b)) else {
                return 0.0;
            };
            let covariance = covariance.get(i).map_or(0.0, |row| at(row, j));
            let correlation = if i == j {
                1.0
            } else {
                covariance / at(&spread, i) / at(&spread, j)
            };
            match scale {
                _ if correlation.abs() < NO_CORRELATION => 0.0,
                true => correlation,
                false => covariance,
            }
        };
        let total: f64 = (0..varying.len()).map(|a| entry(a, a)).sum();
        let mut components = decompose(varying.len(), entry)?;
        components
            .retain(|(eigenvalue, _)| *eigenvalue > total * varying.len() as f64 * f64::EPSILON);
        components.truncate(n_kept(&components, total, keep));
        let (eigenvalue, short): (Vec<_>, Vec<_>) = components.into_iter().unzip();
        let loading = short
            .iter()
            .map(|loading| spread_out(loading, &varying, mean.len()))
            .collect();
        let scales = spread
            .iter()
            .map(|&spread| if scale && spread > 0.0 { spread } else { 1.0 })
            .collect();
        Ok(Self {
            n: state.n(),
            is_scaled: scale,
            mean,
            scale: scales,
            total,
            eigenvalue,
            loading,
        })
    }

    /// Number of input values.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.mean.len()
    }

    /// Vectors it was fitted on.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.n
    }

    /// The components.
    #[must_use]
    pub fn components(&self) -> Vec<Component> {
        let mut sum = 0.0;
        let component = |(&eigenvalue, loading): (&f64, &Vec<f64>)| {
            sum += eigenvalue;
            let (proportion, cumulative) = (eigenvalue / self.total, (sum / self.total).min(1.0));
            Component {
                eigenvalue,
                proportion,
                cumulative,
                loading: loading.clone(),
            }
        };
        self.eigenvalue
            .iter()
            .zip(&self.loading)
            .map(component)
            .collect()
    }

    /// Scores of one vector, one per component: Σ loading · (x − mean) / scale. Values that are missing, NaN, infinite
    /// or beyond ±1e140 count as their mean.
    ///
    /// # Errors
    /// `InvalidArgument` for a wrong length, `Numeric` when a score exceeds the range of a double.
    pub fn project(&self, x: &[Option<f64>]) -> Result<Vec<f64>> {
        if x.len() != self.dimension() {
            return Err(Error::invalid(format!(
                "a vector has {} values, the model {}",
                x.len(),
                self.dimension()
            )));
        }
        let standard = |((x, mean), scale): ((&Option<f64>, &f64), &f64)| {
            x.filter(|x| x.abs() <= LARGEST)
                .map_or(0.0, |x| (x - mean) / scale)
        };
        let standard: Vec<f64> = x
            .iter()
            .zip(&self.mean)
            .zip(&self.scale)
            .map(standard)
            .collect();
        let scores = self
            .loading
            .iter()
            .map(|loading| loading.iter().zip(&standard).map(|(l, z)| l * z).sum());
        let scores: Vec<f64> = scores.collect();
        if scores.iter().all(|score| score.is_finite()) {
            Ok(scores)
        } else {
            Err(Error::new(
                ErrorKind::Numeric,
                "a score exceeds the range of a double",
            ))
        }
    }

    /// The flat form, format byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::model_to_bytes(self)
    }

    /// Reads the flat form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        codec::model_from_bytes(bytes)
    }

    /// Text form (JSON).
    #[must_use]
    pub fn to_text(&self) -> String {
        codec::model_to_text(self)
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_text(text: &str) -> Result<Self> {
        codec::model_from_text(text)
    }
}

/// The standard deviation of each feature; zero where it is rounding, or too small to be seen beside the others.
fn spreads(covariance: &[Vec<f64>], mean: &[f64], scale: bool) -> Vec<f64> {
    let spread = |(idx, (row, mean)): (usize, (&Vec<f64>, &f64))| {
        let spread = at(row, idx).max(0.0).sqrt();
        if spread > NO_SPREAD * mean.abs() {
            spread
        } else {
            0.0
        }
    };
    let mut spreads: Vec<f64> = covariance
        .iter()
        .zip(mean)
        .enumerate()
        .map(spread)
        .collect();
    let largest = spreads.iter().copied().fold(0.0, f64::max);
    if !scale {
        spreads
            .iter_mut()
            .filter(|spread| **spread < NO_CORRELATION * largest)
            .for_each(|spread| *spread = 0.0);
    }
    spreads
}

fn at(xs: &[f64], idx: usize) -> f64 {
    xs.get(idx).copied().unwrap_or_default()
}

fn check(keep: Keep) -> Result<()> {
    match keep {
        Keep::Components(0) => Err(Error::invalid("a fit keeps one component at least, not 0")),
        Keep::Variance(share) if !(share > 0.0 && share <= 1.0) => Err(Error::invalid(format!(
            "the share of variance is above 0 and at most 1, not {share}"
        ))),
        Keep::Components(_) | Keep::Variance(_) => Ok(()),
    }
}

/// Eigenvalues in descending order with their vectors.
fn decompose(n: usize, entry: impl Fn(usize, usize) -> f64) -> Result<Vec<(f64, Vec<f64>)>> {
    if n == 0 {
        return Ok(Vec::new());
    }
    // Columns 2 KiB apart share two sets of the first-level cache, which makes 256 six times slower than 255 or 257. A
    // row and a column of zeros change nothing: they stay by themselves, with a vector that has nothing else in it.
    let padded = n + usize::from(n.is_multiple_of(MAX_DIMENSION));
    let matrix = Array2::from_shape_fn((padded, padded), |(a, b)| entry(a, b));
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

fn n_kept(components: &[(f64, Vec<f64>)], total: f64, keep: Keep) -> usize {
    match keep {
        Keep::Components(n) => n,
        Keep::Variance(share) => {
            let mut sum = 0.0;
            // Rounding must not ask for one component more.
            let is_short = |(eigenvalue, _): &&(f64, Vec<f64>)| {
                let is_short = sum < share * total * (1.0 - 1e-12);
                sum += eigenvalue;
                is_short
            };
            components.iter().take_while(is_short).count()
        }
    }
}

/// Puts the loadings of the varying features at their places, zero elsewhere.
fn spread_out(loading: &[f64], varying: &[usize], dimension: usize) -> Vec<f64> {
    let mut out = vec![0.0; dimension];
    for (&idx, &x) in varying.iter().zip(loading) {
        if let Some(slot) = out.get_mut(idx) {
            *slot = x;
        }
    }
    out
}
