//! What distinguishes a regime from the rest, in numbers and in a few words.

use super::super::PcaModel;
use super::super::moments::places;
use super::RegimeModel;
use crate::error::{Error, Result};

/// A difference of this many standard deviations is worth a word: "large" by Cohen 1988, "Statistical power analysis".
const LARGE: f64 = 0.8;

/// Most features in a name.
const MAX_WORDS: usize = 3;

/// One regime as a row of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct RegimeRow {
    /// Number, from 1 for the most frequent.
    pub regime: usize,
    /// What distinguishes it: `high rate, low entropy_kind`; `single` when it is the only one, `ordinary` when nothing
    /// stands out.
    pub name: String,
    /// Its vectors.
    pub n: u64,
    /// Their share of all.
    pub share: f64,
    /// Mean of its vectors, feature by feature.
    pub centre: Vec<f64>,
    /// (Its mean − mean of the rest) / standard deviation of all, feature by feature; 0 where nothing varies and for a
    /// single regime.
    pub difference: Vec<f64>,
}

impl RegimeModel {
    /// The table of regimes; features are called as `names` say, or `x1`, `x2`, … when there are none.
    ///
    /// # Errors
    /// `InvalidArgument` for a wrong number of names.
    pub fn rows(&self, names: &[String]) -> Result<Vec<RegimeRow>> {
        self.table(
            names,
            self.dimension(),
            |x| x.to_vec(),
            |x| x.to_vec(),
            &self.spread(),
        )
    }

    /// The same in terms of the features that `pca` projected to the vectors: what the components stand for.
    ///
    /// With a_cj what component c adds to feature j: feature j of a regime is the PCA's mean_j + Σ_c a_cj centre_c, its
    /// difference Σ_c a_cj (centre_c − rest_c) over √(Σ_cd a_cj a_dj covariance_cd). What the components leave out of a
    /// feature is not in it.
    ///
    /// # Errors
    /// `InvalidArgument` for a wrong number of names or when the model has another number of components.
    pub fn rows_through(&self, pca: &PcaModel, names: &[String]) -> Result<Vec<RegimeRow>> {
        let n_components = self.dimension();
        if pca.components().len() != n_components {
            let message = format!(
                "the PCA has {} components, the regimes {n_components} values",
                pca.components().len()
            );
            return Err(
                Error::invalid(message).with_hint("pass the model that projected the vectors")
            );
        }
        let middle = pca.reconstruct(&vec![0.0; n_components])?;
        let mut axes = Vec::with_capacity(n_components);
        for component in 0..n_components {
            let mut unit = vec![0.0; n_components];
            unit[component] = 1.0;
            let tip = pca.reconstruct(&unit)?;
            axes.push(
                tip.iter()
                    .zip(&middle)
                    .map(|(tip, middle)| tip - middle)
                    .collect::<Vec<f64>>(),
            );
        }
        let turn = |x: &[f64]| -> Vec<f64> {
            let feature = |j: usize| axes.iter().zip(x).map(|(axis, x)| axis[j] * x).sum();
            (0..middle.len()).map(feature).collect()
        };
        let back = |x: &[f64]| -> Vec<f64> {
            turn(x)
                .iter()
                .zip(&middle)
                .map(|(x, middle)| x + middle)
                .collect()
        };
        let variance = |j: usize| -> f64 {
            let terms = places(n_components).zip(&self.covariance);
            let term = |((c, d), covariance): ((usize, usize), &f64)| {
                let once = axes[c][j] * axes[d][j] * covariance;
                if c == d { once } else { 2.0 * once }
            };
            terms.map(term).sum()
        };
        let spread: Vec<f64> = (0..middle.len())
            .map(|j| variance(j).max(0.0).sqrt())
            .collect();
        self.table(names, middle.len(), back, turn, &spread)
    }

    fn table(
        &self,
        names: &[String],
        n_features: usize,
        place: impl Fn(&[f64]) -> Vec<f64>,
        turn: impl Fn(&[f64]) -> Vec<f64>,
        spread: &[f64],
    ) -> Result<Vec<RegimeRow>> {
        if !names.is_empty() && names.len() != n_features {
            let message = format!(
                "names holds {} names, but there are {n_features} features",
                names.len()
            );
            return Err(Error::invalid(message).with_hint("give one name for each, in their order"));
        }
        let row = |(idx, regime): (usize, &super::Regime)| {
            let from_rest: Vec<f64> = regime
                .centre
                .iter()
                .zip(self.rest(idx))
                .map(|(own, rest)| own - rest)
                .collect();
            let scaled = turn(&from_rest)
                .into_iter()
                .zip(spread)
                .map(|(d, spread)| if *spread > 0.0 { d / spread } else { 0.0 });
            let difference: Vec<f64> = scaled.collect();
            RegimeRow {
                regime: idx + 1,
                name: if self.k() == 1 {
                    "single".to_owned()
                } else {
                    name(&difference, names)
                },
                n: regime.n,
                share: regime.n as f64 / self.n() as f64,
                centre: place(&regime.centre),
                difference,
            }
        };
        Ok(self.regimes.iter().enumerate().map(row).collect())
    }

    /// Mean of the vectors of all other regimes; of its own where there are none.
    fn rest(&self, idx: usize) -> Vec<f64> {
        let others = || {
            self.regimes
                .iter()
                .enumerate()
                .filter(|(other, _)| self.k() == 1 || *other != idx)
        };
        let n: u64 = others().map(|(_, regime)| regime.n).sum();
        let mean = |axis: usize| {
            others()
                .map(|(_, regime)| regime.centre[axis] * (regime.n as f64 / n as f64))
                .sum()
        };
        (0..self.dimension()).map(mean).collect()
    }

    /// Standard deviation of each value.
    fn spread(&self) -> Vec<f64> {
        let squares = places(self.dimension())
            .zip(&self.covariance)
            .filter(|((i, j), _)| i == j);
        squares
            .map(|(_, variance)| variance.max(0.0).sqrt())
            .collect()
    }
}

/// The features that differ most, in words.
fn name(difference: &[f64], names: &[String]) -> String {
    let mut order: Vec<usize> = (0..difference.len())
        .filter(|idx| difference[*idx].abs() >= LARGE)
        .collect();
    order.sort_by(|&a, &b| {
        difference[b]
            .abs()
            .total_cmp(&difference[a].abs())
            .then(a.cmp(&b))
    });
    let word = |&idx: &usize| {
        let side = if difference[idx] > 0.0 { "high" } else { "low" };
        match names.get(idx) {
            Some(name) => format!("{side} {name}"),
            None => format!("{side} x{}", idx + 1),
        }
    };
    match order.is_empty() {
        true => "ordinary".to_owned(),
        false => order
            .iter()
            .take(MAX_WORDS)
            .map(word)
            .collect::<Vec<_>>()
            .join(", "),
    }
}
