//! A latency sketch with what stands beside it: what was left out, and the exact sum.

use serde::{Deserialize, Serialize};

use super::LatencySketch;
use crate::error::{Error, Result};
use crate::feature::exact::ExactSum;
use crate::sample::flat::{FORMAT, Reader, Writer, corrupt};

/// The state of `latency_agg`: a [`LatencySketch`], the exact sum, and counts of the rows that were left out. It depends on
/// the set of rows only. At 1 % it takes less than 32 KiB, whatever the rows.
///
/// ```
/// use prescale_core::feature::LatencySummary;
/// let mut summary = LatencySummary::default();
/// for ms in [Some(2.0), Some(4.0), None, Some(f64::NAN)] {
///     summary.push(ms, None)?;
/// }
/// assert_eq!((summary.mean(), summary.n_null(), summary.n_nonfinite()), (Some(3.0), 1, 1));
/// # Ok::<(), prescale_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct LatencySummary {
    /// `None` while nothing said what its relative error is.
    pub(super) sketch: Option<LatencySketch>,
    pub(super) sum: ExactSum,
    pub(super) n_null: u64,
    pub(super) n_nonfinite: u64,
}

impl LatencySummary {
    /// Adds one row, for a sketch of relative error `rel_err` (0.01 without one). NULL is counted, and so is what is
    /// NaN, infinite or beyond ±1e140.
    ///
    /// # Errors
    /// `InvalidArgument` when `rel_err` is outside 0.001 to 0.5 or not that of the rows before, `TooLarge` when memory
    /// runs out.
    pub fn push(&mut self, value: Option<f64>, rel_err: Option<f64>) -> Result<()> {
        let sketch = match &mut self.sketch {
            Some(sketch) => sketch,
            None => self.sketch.insert(match rel_err {
                Some(rel_err) => LatencySketch::try_new(rel_err)?,
                None => LatencySketch::default(),
            }),
        };
        if let Some(rel_err) = rel_err
            && rel_err.to_bits() != sketch.rel_err.to_bits()
        {
            return Err(Error::invalid(format!(
                "the relative error must be the same in every row, not {} and then {rel_err}",
                sketch.rel_err
            )));
        }
        match value {
            None => self.n_null = self.n_null.saturating_add(1),
            Some(value) if sketch.push(value)? => self.sum.add(value),
            Some(_) => self.n_nonfinite = self.n_nonfinite.saturating_add(1),
        }
        Ok(())
    }

    /// Adds another summary. One without values goes with any relative error.
    ///
    /// # Errors
    /// `InvalidArgument` when both hold values and their relative errors differ, `TooLarge` when memory runs out.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        match (&mut self.sketch, &other.sketch) {
            (_, None) => {}
            (None, Some(_)) => self.sketch.clone_from(&other.sketch),
            (Some(mine), Some(theirs)) if theirs.n == 0 || mine.n == 0 => {
                // Of two without values the finer one stays, whatever the order.
                if mine.n == 0 && (theirs.n > 0 || theirs.rel_err < mine.rel_err) {
                    *mine = theirs.clone();
                }
            }
            (Some(mine), Some(theirs)) => mine.merge(theirs)?,
        }
        self.sum.merge(&other.sum);
        self.n_null = self.n_null.saturating_add(other.n_null);
        self.n_nonfinite = self.n_nonfinite.saturating_add(other.n_nonfinite);
        Ok(())
    }

    /// The sketch; one of 1 % without rows.
    #[must_use]
    pub fn sketch(&self) -> LatencySketch {
        self.sketch.clone().unwrap_or_default()
    }

    /// Values seen.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.sketch.as_ref().map_or(0, LatencySketch::n)
    }

    /// Rows that were NULL.
    #[must_use]
    pub fn n_null(&self) -> u64 {
        self.n_null
    }

    /// Rows that were NaN, infinite or beyond ±1e140.
    #[must_use]
    pub fn n_nonfinite(&self) -> u64 {
        self.n_nonfinite
    }

    /// The sum, exact but for one rounding; zero without values.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum.value()
    }

    /// The mean, never outside the smallest and the largest value; `None` without values.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let (low, high) = self.sketch.as_ref()?.range()?;
        Some((self.sum() / self.n() as f64).clamp(low, high))
    }

    /// The flat form, format byte first: one byte for each bucket of a few values.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(512);
        out.u8(u8::from(self.sketch.is_some()));
        out.varint(self.n_null);
        out.varint(self.n_nonfinite);
        self.sum.write(&mut out);
        if let Some(sketch) = &self.sketch {
            sketch.write(&mut out);
        }
        out.finish()
    }

    /// Reads the flat form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("latency sketch", bytes)?;
        let has_sketch = reader.u8()?;
        let (n_null, n_nonfinite) = (reader.varint()?, reader.varint()?);
        let sum = ExactSum::read(&mut reader)?;
        let sketch = match has_sketch {
            0 => None,
            1 => Some(LatencySketch::read(&mut reader)?),
            _ => return Err(reader.corrupt("it does not say whether it has rows")),
        };
        reader.finish()?;
        Self::try_from(Parts {
            format: FORMAT,
            n_null,
            n_nonfinite,
            sum,
            sketch,
        })
    }

    /// The text form (JSON).
    #[must_use]
    pub fn to_text(&self) -> String {
        // Numbers in structs always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_text(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| corrupt("latency sketch", error))
    }
}

/// The same numbers before they are checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    format: u8,
    n_null: u64,
    n_nonfinite: u64,
    sum: ExactSum,
    sketch: Option<LatencySketch>,
}

impl TryFrom<Parts> for LatencySummary {
    type Error = Error;

    fn try_from(parts: Parts) -> Result<Self> {
        let Parts {
            format,
            n_null,
            n_nonfinite,
            sum,
            sketch,
        } = parts;
        let wrong = |why: &str| corrupt("latency sketch", why);
        if format != FORMAT {
            return Err(wrong("its format is not known"));
        }
        let range = sketch.as_ref().and_then(LatencySketch::range);
        let n = sketch.as_ref().map_or(0, LatencySketch::n) as f64;
        let is_possible = match range {
            // Both bounds and the mean are rounded.
            Some((low, high)) => {
                let slack = 1e-12 * low.abs().max(high.abs());
                (low - slack..=high + slack).contains(&(sum.value() / n))
            }
            None => sum == ExactSum::default(),
        };
        if !is_possible {
            return Err(wrong("its sum is not that of its values"));
        }
        Ok(Self {
            sketch,
            sum,
            n_null,
            n_nonfinite,
        })
    }
}

impl From<LatencySummary> for Parts {
    fn from(summary: LatencySummary) -> Self {
        let LatencySummary {
            sketch,
            sum,
            n_null,
            n_nonfinite,
        } = summary;
        Self {
            format: FORMAT,
            n_null,
            n_nonfinite,
            sum,
            sketch,
        }
    }
}

#[cfg(test)]
mod tests;
