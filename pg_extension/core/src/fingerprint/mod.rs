//! Stage `fingerprint`: feature vectors in, short vectors out (standardise, PCA).

use crate::error::Result;

/// Mergeable co-moments of feature vectors; the state of `pca_agg`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PcaState { todo: () }

impl PcaState {
    /// Adds one vector; missing values count as their mean. # Errors `InvalidArgument` when the length changes or is 0, `TooLarge` above 256 values.
    pub fn push(&mut self, _x: &[Option<f64>]) -> Result<()> { todo!() }
    /// Adds another state. # Errors as [`push`](Self::push).
    pub fn merge(&mut self, _other: &Self) -> Result<()> { todo!() }
    /// Vectors seen.
    #[must_use]
    pub fn n(&self) -> u64 { todo!() }
    /// The flat form, format byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> { todo!() }
    /// Reads the flat form. # Errors `Corrupt`.
    pub fn from_bytes(_bytes: &[u8]) -> Result<Self> { todo!() }
    /// Text form (JSON).
    #[must_use]
    pub fn to_text(&self) -> String { todo!() }
    /// Reads the text form. # Errors `Corrupt`.
    pub fn from_text(_text: &str) -> Result<Self> { todo!() }
}

/// How many components to keep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Keep { /// This many (fewer when the rank is lower).
    Components(usize), /// As many as explain this share of the variance, in (0, 1].
    Variance(f64) }

/// A fitted PCA.
#[derive(Debug, Clone, PartialEq)]
pub struct PcaModel { todo: () }

/// One row of `pca_components`.
#[derive(Debug, Clone, PartialEq)]
pub struct Component { /// Variance along it.
    pub eigenvalue: f64, /// Share of the total variance.
    pub proportion: f64, /// Share of it and all before.
    pub cumulative: f64, /// Loadings; the largest in size is positive.
    pub loading: Vec<f64> }

impl PcaModel {
    /// Fits. # Errors `InvalidArgument` for fewer than two vectors or `keep` outside its domain, `Numeric`.
    pub fn fit(_state: &PcaState, _keep: Keep, _scale: bool) -> Result<Self> { todo!() }
    /// Number of input values.
    #[must_use]
    pub fn dimension(&self) -> usize { todo!() }
    /// The components.
    #[must_use]
    pub fn components(&self) -> Vec<Component> { todo!() }
    /// Scores of one vector; missing values count as their mean. # Errors `InvalidArgument` for a wrong length.
    pub fn project(&self, _x: &[Option<f64>]) -> Result<Vec<f64>> { todo!() }
    /// The flat form, format byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> { todo!() }
    /// Reads the flat form. # Errors `Corrupt`.
    pub fn from_bytes(_bytes: &[u8]) -> Result<Self> { todo!() }
    /// Text form (JSON).
    #[must_use]
    pub fn to_text(&self) -> String { todo!() }
    /// Reads the text form. # Errors `Corrupt`.
    pub fn from_text(_text: &str) -> Result<Self> { todo!() }
}
