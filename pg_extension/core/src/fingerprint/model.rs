//! Principal components.

use super::decompose::{NO_CORRELATION, Spectrum, at, decompose, spread_out, spreads};
use super::{Component, Keep, PcaState, codec_model};
use crate::error::{Error, ErrorKind, Result};
use crate::feature::{LARGEST, dot};

/// A fitted PCA.
///
/// The eigenvectors of the covariance matrix, or of the correlation matrix when scaled, in descending order of their
/// eigenvalues (Jolliffe 2002, "Principal Component Analysis"). The sign of a component is arbitrary; here its largest
/// loading in size, the first of equally large ones, is positive, so that a refit on similar data gives similar scores.
/// Components without variance (below rounding of the total) do not exist; features without variance have loading 0.
///
/// What a fit leaves out is kept as a summary, from which [`anomaly`](Self::anomaly) judges how far a vector lies outside
/// the components. [`aligned_to`](Self::aligned_to) turns the scores, not the components, into the coordinates of another
/// model.
///
/// ```
/// use prescale_core::fingerprint::{Keep, PcaBuilder, PcaModel};
/// let mut builder = PcaBuilder::default();
/// for x in [1.0, 2.0, 3.0] {
///     builder.push(&[Some(x), Some(-2.0 * x)])?;
/// }
/// let model = PcaModel::fit(&builder.state(), Keep::Variance(0.95), true)?;
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
    pub(super) seen: Vec<Seen>,
    /// Sum of all eigenvalues, kept or not.
    pub(super) total: f64,
    pub(super) eigenvalue: Vec<f64>,
    pub(super) loading: Vec<Vec<f64>>,
    pub(super) residual: Residual,
    /// Orthogonal, by rows, one of each component: what scores are multiplied with. Empty when they are not turned.
    pub(super) rotation: Vec<Vec<f64>>,
}

/// What a fit saw of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It was missing in every vector.
    Never,
    /// It did not vary.
    Constant,
    /// It varied.
    Varying,
}

/// The eigenvalues λ that were not kept.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Residual {
    /// θ₁ = Σ λ.
    pub(super) sum: f64,
    /// θ₂ / θ₁² = Σ λ² / θ₁², one over how many there are when they are equal; 0 when there are none.
    pub(super) square: f64,
    /// θ₃ / θ₁³.
    pub(super) cube: f64,
}

impl Residual {
    /// Ratios, because the squares of eigenvalues need not be finite.
    fn of(eigenvalues: impl Iterator<Item = f64> + Clone) -> Self {
        let sum: f64 = eigenvalues.clone().sum();
        if sum <= 0.0 {
            return Self::default();
        }
        let moment = |power| eigenvalues.clone().map(|x| (x / sum).powi(power)).sum();
        Self {
            sum,
            square: moment(2),
            cube: moment(3),
        }
    }

    /// Of `n` equal eigenvalues.
    pub(super) fn equal(sum: f64, n: usize) -> Self {
        if sum <= 0.0 || n == 0 {
            return Self::default();
        }
        let share = 1.0 / n as f64;
        Self {
            sum,
            square: share,
            cube: share * share,
        }
    }
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
        let known = state.mean();
        let mean: Vec<f64> = known.iter().map(|mean| mean.unwrap_or_default()).collect();
        let mut spread = spreads(&covariance, &mean);
        let seen = known.iter().zip(&spread).map(|(mean, spread)| match mean {
            None => Seen::Never,
            Some(_) if *spread > 0.0 => Seen::Varying,
            Some(_) => Seen::Constant,
        });
        let seen = seen.collect();
        let largest = spread.iter().copied().fold(0.0, f64::max);
        if !scale {
            // Too small to be seen beside the others.
            spread
                .iter_mut()
                .filter(|spread| **spread < NO_CORRELATION * largest)
                .for_each(|spread| *spread = 0.0);
        }
        let Spectrum {
            varying,
            total,
            mut components,
        } = decompose(&covariance, &spread, scale)?;
        let is_real = |(eigenvalue, _): &(f64, Vec<f64>)| {
            *eigenvalue > total * varying.len() as f64 * f64::EPSILON
        };
        components.retain(is_real);
        let n_kept = n_kept(&components, total, keep).min(components.len());
        let left_out = components.split_off(n_kept);
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
            seen,
            total,
            eigenvalue,
            loading,
            residual: Residual::of(left_out.iter().map(|(eigenvalue, _)| *eigenvalue)),
            rotation: Vec::new(),
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

    /// Scores of one vector, one per component: Σ loading · (x − mean) / scale, turned into the coordinates of the model
    /// that this one is aligned to. Values that are missing, NaN, infinite or beyond ±1e140 count as their mean.
    ///
    /// # Errors
    /// `InvalidArgument` for a wrong length, `Numeric` when a score exceeds the range of a double.
    pub fn project(&self, x: &[Option<f64>]) -> Result<Vec<f64>> {
        let scores = self.scores(&self.standard(x)?);
        let scores = match self.rotation.len() {
            0 => scores,
            n => weighted_sum(&self.rotation, &scores, n),
        };
        finite(scores, "a score")
    }

    /// The vector that has these scores and nothing outside the components: mean + scale · Σ score · loading. What a
    /// vector differs from the reconstruction of its own scores is its residual, whose squared length in standardised
    /// units is the `spe` of [`anomaly`](Self::anomaly).
    ///
    /// # Errors
    /// `InvalidArgument` for another number of scores than there are components or one that is NaN or infinite,
    /// `Numeric` when a value exceeds the range of a double.
    pub fn reconstruct(&self, fingerprint: &[f64]) -> Result<Vec<f64>> {
        if fingerprint.len() != self.loading.len() {
            return Err(Error::invalid(format!(
                "a fingerprint has {} scores, the model {} components",
                fingerprint.len(),
                self.loading.len()
            )));
        }
        if let Some(score) = fingerprint.iter().find(|score| !score.is_finite()) {
            return Err(Error::new(
                ErrorKind::NotFinite,
                format!("a score must be finite, not {score}"),
            ));
        }
        let scores: Vec<f64> = match self.rotation.len() {
            0 => fingerprint.to_vec(),
            _ => self
                .rotation
                .iter()
                .map(|row| dot(row, fingerprint))
                .collect(),
        };
        let standard = weighted_sum(&self.loading, &scores, self.dimension());
        let value = |((z, mean), scale): ((&f64, &f64), &f64)| mean + scale * z;
        let values = standard.iter().zip(&self.mean).zip(&self.scale).map(value);
        finite(values.collect(), "a value")
    }

    /// Deviations from the mean in units of the scale; 0 for what is missing or was never seen.
    pub(super) fn standard(&self, x: &[Option<f64>]) -> Result<Vec<f64>> {
        if x.len() != self.dimension() {
            return Err(Error::invalid(format!(
                "a vector has {} values, the model {}",
                x.len(),
                self.dimension()
            )));
        }
        let places = self.mean.iter().zip(&self.scale).zip(&self.seen);
        let standard = |(x, ((mean, scale), seen)): (&Option<f64>, ((&f64, &f64), &Seen))| {
            x.filter(|x| x.abs() <= LARGEST && *seen != Seen::Never)
                .map_or(0.0, |x| (x - mean) / scale)
        };
        Ok(x.iter().zip(places).map(standard).collect())
    }

    /// Scores in the coordinates of the components.
    pub(super) fn scores(&self, standard: &[f64]) -> Vec<f64> {
        self.loading
            .iter()
            .map(|loading| dot(loading, standard))
            .collect()
    }

    /// What scores are coordinates of: the components, turned as the scores are.
    pub(super) fn axes(&self) -> Vec<Vec<f64>> {
        if self.rotation.is_empty() {
            return self.loading.clone();
        }
        let axis = |j: usize| {
            let column: Vec<f64> = self.rotation.iter().map(|row| at(row, j)).collect();
            weighted_sum(&self.loading, &column, self.dimension())
        };
        (0..self.rotation.len()).map(axis).collect()
    }

    /// The flat form, format byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        codec_model::to_bytes(self)
    }

    /// Reads the flat form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        codec_model::from_bytes(bytes)
    }

    /// Text form (JSON).
    #[must_use]
    pub fn to_text(&self) -> String {
        codec_model::to_text(self)
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_text(text: &str) -> Result<Self> {
        codec_model::from_text(text)
    }
}

/// Σ weight · vector, of vectors of `n` values.
fn weighted_sum(vectors: &[Vec<f64>], weights: &[f64], n: usize) -> Vec<f64> {
    let mut sum = vec![0.0; n];
    for (vector, weight) in vectors.iter().zip(weights) {
        for (sum, x) in sum.iter_mut().zip(vector) {
            *sum += weight * x;
        }
    }
    sum
}

pub(super) fn finite(values: Vec<f64>, what: &str) -> Result<Vec<f64>> {
    if values.iter().all(|x| x.is_finite()) {
        return Ok(values);
    }
    let message = format!("{what} exceeds the range of a double");
    Err(Error::new(ErrorKind::Numeric, message))
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
