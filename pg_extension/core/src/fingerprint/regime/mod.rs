//! Operating regimes: vectors in, groups that stand apart out, with what distinguishes each.
//!
//! [`split`] finds how many groups there are, by peaks and the valleys between them; [`mixture`] fits a normal
//! distribution to each, which says where a further vector belongs. Both work in white coordinates ([`whiten`]), so that
//! units do not matter.

mod codec;
mod describe;
mod dip;
mod dither;
mod means;
mod mixture;
mod split;
mod whiten;

pub use describe::RegimeRow;

use serde::{Deserialize, Serialize};

use super::VectorSet;
use super::random::Random;
use super::scatter::Scatter;
use crate::error::{Error, ErrorKind, Result};
use crate::feature::LARGEST;
use crate::sample::flat::reserved;
use crate::time::{ShouldStop, check_stop};
use mixture::Normal;
use whiten::Whitening;

/// Most regimes: more could not be told apart by name.
pub const MAX_REGIMES: usize = 32;

/// Most values of a vector: a covariance of each regime has half their square.
pub const MAX_REGIME_DIMENSION: usize = 64;

/// Of more vectors, this many are drawn to find the regimes. They see one that holds a hundredth of all.
pub const SAMPLE: usize = 20_000;

/// Vectors between two looks at `should_stop`.
const ROWS_PER_LOOK: usize = 1024;

/// How to look for regimes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RegimeSpec {
    /// How many; as many as the data show when `None`.
    pub k: Option<usize>,
    /// Another seed draws another sample and starts elsewhere.
    pub seed: u64,
}

/// Regimes of a set of vectors, most frequent first.
#[derive(Debug, Clone, PartialEq)]
pub struct RegimeModel {
    /// Mean of all vectors.
    mean: Vec<f64>,
    /// Covariance of all vectors, lower triangle by rows.
    covariance: Vec<f64>,
    regimes: Vec<Regime>,
}

/// One regime: the score of a vector x is `offset` − ½ |form · (x − mean) − shift|².
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Regime {
    n: u64,
    /// Mean of its vectors.
    centre: Vec<f64>,
    /// `shift.len()` rows, as long as a vector.
    form: Vec<f64>,
    shift: Vec<f64>,
    offset: f64,
}

impl RegimeModel {
    /// Finds the regimes of a set: as many as stand apart, or `spec.k` as far as vectors allow it. `None` for an empty
    /// set; equal vectors are one regime.
    ///
    /// Two groups stand apart when the vectors of both, seen along the line that separates them best, have two peaks that
    /// chance would make less than once in 2,000 times (Hartigan's dip test), and a valley between at most a third as
    /// dense; a group has eight vectors at least. Of more than [`SAMPLE`] vectors a sample is looked at, counts and centres
    /// are those of all. The same set and seed give the same model to the last bit.
    ///
    /// ```
    /// use prescale_core::fingerprint::{RegimeModel, RegimeSpec, VectorSet};
    /// let mut set = VectorSet::default();
    /// for i in 0..100 {
    ///     let busy = f64::from(i % 2) * 50.0;
    ///     set.push(i.into(), &[Some(busy + f64::from(i * 7 % 10)), Some(f64::from(i * 13 % 10))])?;
    /// }
    /// let model = RegimeModel::fit(&set, &RegimeSpec::default(), &|| false)?.unwrap();
    /// let names = ["load".to_owned(), "noise".to_owned()];
    /// let rows: Vec<_> = model.rows(&names)?.into_iter().map(|row| (row.name, row.n)).collect();
    /// assert_eq!(rows, [("low load".to_owned(), 50), ("high load".to_owned(), 50)]);
    /// assert_eq!(model.regime_of(&[Some(54.0), Some(3.0)])?, Some(2));
    /// # Ok::<(), prescale_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument` for k out of 1 … [`MAX_REGIMES`] or above the number of vectors, `TooLarge` above
    /// [`MAX_REGIME_DIMENSION`] values, `Cancelled`.
    pub fn fit(
        set: &VectorSet,
        spec: &RegimeSpec,
        should_stop: ShouldStop<'_>,
    ) -> Result<Option<Self>> {
        check(set, spec)?;
        if set.n() == 0 {
            return Ok(None);
        }
        let dimension = set.dimension();
        let (_, value) = set.sorted()?;
        let mut random = Random::new(spec.seed);
        let sample = sample(dimension, &value, &mut random)?;
        let whitening = Whitening::fit(dimension, &sample, should_stop)?;
        let rank = whitening.rank();
        let normals = if rank == 0 {
            vec![Normal {
                log_weight: 0.0,
                mean: Vec::new(),
                factor: Vec::new(),
            }]
        } else {
            let spread = dither::spread_ties(dimension, &sample, &mut random, should_stop)?;
            let groups = split::groups(
                dimension,
                &spread,
                spec.k,
                MAX_REGIMES,
                &mut random,
                should_stop,
            )?;
            let white = whitening.apply(&sample)?;
            mixture::fit(rank, &white, &groups, should_stop)?
        };
        let Scatter { mean, covariance } = Scatter::of(dimension, &value, should_stop)?;
        let regimes = normals
            .iter()
            .map(|normal| Regime::new(normal, &whitening, &mean))
            .collect();
        let mut model = Self {
            mean,
            covariance,
            regimes,
        };
        model.count(&value, should_stop)?;
        Ok(Some(model))
    }

    /// Counts vectors and their centres by regime, drops regimes without any and sorts the rest.
    fn count(&mut self, value: &[f64], should_stop: ShouldStop<'_>) -> Result<()> {
        for (idx, row) in value.chunks_exact(self.mean.len()).enumerate() {
            if idx.is_multiple_of(ROWS_PER_LOOK) {
                check_stop(should_stop)?;
            }
            let best = self.best(row);
            let regime = &mut self.regimes[best];
            regime.n += 1;
            let n = regime.n as f64;
            regime
                .centre
                .iter_mut()
                .zip(row)
                .for_each(|(centre, x)| *centre += (x - *centre) / n);
        }
        self.regimes.retain(|regime| regime.n > 0);
        self.regimes.sort_by(|a, b| {
            let by_centre = a
                .centre
                .iter()
                .zip(&b.centre)
                .map(|(a, b)| a.total_cmp(b))
                .find(|o| o.is_ne());
            b.n.cmp(&a.n)
                .then(by_centre.unwrap_or(std::cmp::Ordering::Equal))
        });
        Ok(())
    }

    /// The regime that a vector most probably belongs to, from 1; `None` when a value is missing, NaN or infinite.
    ///
    /// # Errors
    /// `InvalidArgument` for a wrong length.
    pub fn regime_of(&self, x: &[Option<f64>]) -> Result<Option<usize>> {
        if x.len() != self.mean.len() {
            let message = format!(
                "a vector has {} values, the model {}",
                x.len(),
                self.mean.len()
            );
            return Err(Error::invalid(message));
        }
        let row: Option<Vec<f64>> = x.iter().map(|x| x.filter(|x| x.abs() <= LARGEST)).collect();
        Ok(row.map(|row| self.best(&row) + 1))
    }

    /// The index of the regime with the highest score, the first of equal ones.
    fn best(&self, row: &[f64]) -> usize {
        let scores = self
            .regimes
            .iter()
            .map(|regime| regime.score(row, &self.mean));
        let best = scores
            .enumerate()
            .fold((0, f64::NEG_INFINITY), |best, (idx, score)| {
                if score > best.1 { (idx, score) } else { best }
            });
        best.0
    }

    /// Number of regimes.
    #[must_use]
    pub fn k(&self) -> usize {
        self.regimes.len()
    }

    /// Vectors it was fitted on.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.regimes.iter().map(|regime| regime.n).sum()
    }

    /// Length of the vectors.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.mean.len()
    }
}

impl Regime {
    /// From a normal distribution in white coordinates; without vectors yet.
    fn new(normal: &Normal, whitening: &Whitening, mean: &[f64]) -> Self {
        let (rank, dimension) = (normal.mean.len(), mean.len());
        let (mut form, mut shift, mut offset) = (Vec::new(), Vec::new(), normal.log_weight);
        let mut rest = normal.factor.as_slice();
        for i in 0..rank {
            let (entries, below) = rest.split_at(i + 1);
            let row = (0..dimension).map(|axis| {
                let terms = entries.iter().zip(&whitening.rows);
                terms.map(|(entry, w)| entry * w[axis]).sum::<f64>()
            });
            let row: Vec<f64> = row.collect();
            // The whitening was centred on the sample's mean, the form is on that of all vectors.
            let moved = row
                .iter()
                .zip(whitening.mean.iter().zip(mean))
                .map(|(r, (from, to))| r * (from - to));
            let centre = entries
                .iter()
                .zip(&normal.mean)
                .map(|(entry, mean)| entry * mean);
            shift.push(moved.sum::<f64>() + centre.sum::<f64>());
            form.extend(row);
            offset += entries[i].ln();
            rest = below;
        }
        Self {
            n: 0,
            centre: vec![0.0; dimension],
            form,
            shift,
            offset,
        }
    }

    fn score(&self, row: &[f64], mean: &[f64]) -> f64 {
        let along = |form: &[f64]| -> f64 {
            form.iter()
                .zip(row.iter().zip(mean))
                .map(|(f, (x, mean))| f * (x - mean))
                .sum()
        };
        let rows = self.form.chunks_exact(mean.len());
        let squares = rows
            .zip(&self.shift)
            .map(|(form, shift)| (along(form) - shift) * (along(form) - shift));
        self.offset - 0.5 * squares.sum::<f64>()
    }
}

fn check(set: &VectorSet, spec: &RegimeSpec) -> Result<()> {
    if let Some(k) = spec.k
        && !(1..=MAX_REGIMES).contains(&k)
    {
        return Err(
            Error::invalid(format!("k must be between 1 and {MAX_REGIMES}, not {k}"))
                .with_hint("leave k out to have as many regimes as stand apart"),
        );
    }
    if let Some(k) = spec.k.filter(|k| set.n() > 0 && *k > set.n()) {
        return Err(Error::invalid(format!(
            "k is {k}, but there are {} vectors",
            set.n()
        )));
    }
    if set.dimension() > MAX_REGIME_DIMENSION {
        let message = format!(
            "a vector of {} values is longer than {MAX_REGIME_DIMENSION}",
            set.dimension()
        );
        return Err(Error::new(ErrorKind::TooLarge, message)
            .with_hint("project vectors with pca_project first"));
    }
    Ok(())
}

/// All vectors, or [`SAMPLE`] of them drawn without replacement (selection sampling, Knuth, TAOCP 3.4.2 S).
fn sample(dimension: usize, value: &[f64], random: &mut Random) -> Result<Vec<f64>> {
    let n = value.len() / dimension;
    let mut sample = reserved(n.min(SAMPLE) * dimension)?;
    for (idx, row) in value.chunks_exact(dimension).enumerate() {
        let wanted = SAMPLE.min(n) - sample.len() / dimension;
        if random.uniform() * ((n - idx) as f64) < wanted as f64 {
            sample.extend_from_slice(row);
        }
    }
    Ok(sample)
}

#[cfg(test)]
mod tests;
