//! Stage `fingerprint`: feature vectors in, short vectors out (standardise, PCA).
//!
//! Why it exists: a workload has dozens of features, most of which move together. A few numbers that hold nearly all of
//! their variance can be compared, searched and fed to a model. A [`PcaBuilder`] collects vectors in a mergeable
//! [`PcaState`]; fitting it gives a [`PcaModel`], which projects vectors and tells unusual ones.

mod moments;
mod state;
mod builder;
mod correlation;
mod decompose;
mod model;
mod anomaly;
mod align;
mod codec;
mod codec_model;
mod random;
mod scatter;
mod vectors;
mod tsne;
mod nearest;
mod regime;

pub use anomaly::Anomaly;
pub use builder::PcaBuilder;
pub use correlation::Correlation;
pub use model::PcaModel;
pub use nearest::distance;
pub use regime::{MAX_REGIME_DIMENSION, MAX_REGIMES, RegimeModel, RegimeRow, RegimeSpec, SAMPLE};
pub use state::PcaState;
pub use tsne::{MAX_ITERATIONS, MAX_MAP_ROWS, MAX_NEIGHBOURS, Map, MapSpec, tsne};
pub use vectors::{MAX_NUMBERS, VectorSet};

/// Most values of a vector: a state with gaps then takes 1.3 MB, and a fit 40 ms,
/// which cannot be interrupted.
pub const MAX_DIMENSION: usize = 256;

/// How many components to keep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Keep {
    /// This many (fewer when the rank is lower).
    Components(usize),
    /// As many as explain this share of the variance, in (0, 1].
    Variance(f64),
}

/// One row of `pca_components`.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Variance along it.
    pub eigenvalue: f64,
    /// Share of the total variance, that of the components left out included.
    pub proportion: f64,
    /// Share of it and all before.
    pub cumulative: f64,
    /// Loadings, a vector of length 1; the largest in size is positive.
    pub loading: Vec<f64>,
}

#[cfg(test)]
mod tests;
