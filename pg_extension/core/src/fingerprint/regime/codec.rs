//! Flat and text forms of a regime model. Both are read into the same fields, which are checked once.

use serde::{Deserialize, Serialize};

use super::super::moments::{is_comoment, is_mean, places, triangle};
use super::{MAX_REGIME_DIMENSION, MAX_REGIMES, Regime, RegimeModel};
use crate::error::{Error, Result};
use crate::sample::flat::{FORMAT, Reader, Writer, corrupt};

const WHAT: &str = "regime model";

/// A model before it is checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    format: u8,
    mean: Vec<f64>,
    covariance: Vec<f64>,
    regimes: Vec<Regime>,
}

impl RegimeModel {
    /// The flat form, format byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (dimension, rank) = (
            self.dimension(),
            self.regimes.first().map_or(0, |regime| regime.shift.len()),
        );
        let mut out =
            Writer::new(64 + 8 * (triangle(dimension) + self.k() * (rank + 1) * (dimension + 1)));
        out.len(dimension);
        out.len(rank);
        out.f64s(&self.mean);
        out.f64s(&self.covariance);
        out.len(self.k());
        for regime in &self.regimes {
            out.u64(regime.n);
            out.f64s(&regime.centre);
            out.f64s(&regime.form);
            out.f64s(&regime.shift);
            out.f64(regime.offset);
        }
        out.finish()
    }

    /// Reads the flat form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(WHAT, bytes)?;
        let (dimension, rank) = (reader.len(8)?, reader.len(0)?);
        if dimension > MAX_REGIME_DIMENSION || rank > dimension {
            return Err(reader.corrupt("its lengths do not fit together"));
        }
        let (mean, covariance) = (reader.f64s(dimension)?, reader.f64s(triangle(dimension))?);
        let mut regimes = Vec::new();
        for _ in 0..reader.len(8)?.min(MAX_REGIMES + 1) {
            regimes.push(Regime {
                n: reader.u64()?,
                centre: reader.f64s(dimension)?,
                form: reader.f64s(rank * dimension)?,
                shift: reader.f64s(rank)?,
                offset: reader.f64()?,
            });
        }
        reader.finish()?;
        Parts {
            format: FORMAT,
            mean,
            covariance,
            regimes,
        }
        .try_into()
    }

    /// The text form (JSON).
    #[must_use]
    pub fn to_text(&self) -> String {
        let Self {
            mean,
            covariance,
            regimes,
        } = self.clone();
        // Numbers in structs always have a JSON form.
        serde_json::to_string(&Parts {
            format: FORMAT,
            mean,
            covariance,
            regimes,
        })
        .unwrap_or_default()
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_text(text: &str) -> Result<Self> {
        serde_json::from_str::<Parts>(text)
            .map_err(|error| corrupt(WHAT, error))?
            .try_into()
    }
}

impl TryFrom<Parts> for RegimeModel {
    type Error = Error;

    fn try_from(parts: Parts) -> Result<Self> {
        let Parts {
            format,
            mean,
            covariance,
            regimes,
        } = parts;
        let dimension = mean.len();
        if format != FORMAT {
            return Err(corrupt(WHAT, format_args!("format {format} is not known")));
        }
        let rank = regimes.first().map_or(0, |regime| regime.shift.len());
        let fits = |regime: &Regime| {
            regime.centre.len() == dimension
                && regime.shift.len() == rank
                && regime.form.len() == rank * dimension
        };
        let has_lengths = (1..=MAX_REGIME_DIMENSION).contains(&dimension)
            && rank <= dimension
            && (1..=MAX_REGIMES).contains(&regimes.len())
            && covariance.len() == triangle(dimension)
            && regimes.iter().all(fits);
        if !has_lengths {
            return Err(corrupt(WHAT, "its lengths do not fit together"));
        }
        let is_negative = places(dimension)
            .zip(&covariance)
            .any(|((i, j), x)| i == j && *x < 0.0);
        let is_descending = regimes.windows(2).all(|pair| pair[0].n >= pair[1].n);
        let is_possible = mean.iter().all(is_mean)
            && covariance.iter().all(|c| is_comoment(c, 1))
            && regimes
                .iter()
                .flat_map(|regime| &regime.centre)
                .all(is_mean);
        if is_negative
            || !is_possible
            || !is_descending
            || regimes.iter().any(|regime| regime.n == 0)
        {
            return Err(corrupt(WHAT, "its regimes are not those of any fit"));
        }
        Ok(Self {
            mean,
            covariance,
            regimes,
        })
    }
}
