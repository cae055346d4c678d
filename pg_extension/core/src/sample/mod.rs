//! Stage `sample`: raw observations in, time-ordered values out.

use crate::error::{Error, ErrorKind, Result};
use crate::time::{Micros, Step};

/// What had to be left out or noticed while a series was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SeriesCounts {
    /// Rows whose time or value was NULL.
    pub n_null: u64,
    /// Rows whose value was NaN or infinite.
    pub n_nonfinite: u64,
    /// Rows that share their time with an earlier row (kept, counted).
    pub n_dup: u64,
    /// Values filled in by `resample`.
    pub n_imputed: u64,
}

/// A time-ordered series of finite values. Invariant: `ts` ascending, ties ordered by value, values finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    ts: Vec<Micros>,
    value: Vec<f64>,
    counts: SeriesCounts,
    step: Option<Step>,
    timezone: Option<String>,
}

impl Series {
    /// A series from times and values that are already in order.
    ///
    /// # Errors
    /// `InvalidArgument` when the lengths differ or times fall; `NotFinite` for a NaN or infinite value.
    pub fn try_new(ts: Vec<Micros>, value: Vec<f64>) -> Result<Self> {
        if ts.len() != value.len() {
            return Err(Error::invalid(format!("{} times but {} values", ts.len(), value.len())));
        }
        if ts.windows(2).any(|w| w[0] > w[1]) {
            return Err(Error::invalid("times are not in ascending order"));
        }
        if let Some(bad) = value.iter().find(|v| !v.is_finite()) {
            return Err(Error::new(ErrorKind::NotFinite, format!("value {bad} is not finite")));
        }
        Ok(Self { ts, value, counts: SeriesCounts::default(), step: None, timezone: None })
    }
    /// Times, ascending.
    #[must_use]
    pub fn ts(&self) -> &[Micros] { &self.ts }
    /// Values, finite.
    #[must_use]
    pub fn value(&self) -> &[f64] { &self.value }
    /// What was left out or noticed.
    #[must_use]
    pub fn counts(&self) -> SeriesCounts { self.counts }
    /// The step, when the series came from `resample`.
    #[must_use]
    pub fn step(&self) -> Option<Step> { self.step }
    /// The time zone of the windows, when the series came from `resample`.
    #[must_use]
    pub fn timezone(&self) -> Option<&str> { self.timezone.as_deref() }
    /// A series on a fixed grid (for `window`).
    pub(crate) fn on_grid(ts: Vec<Micros>, value: Vec<f64>, counts: SeriesCounts, step: Step, timezone: &str) -> Self {
        Self { ts, value, counts, step: Some(step), timezone: Some(timezone.to_owned()) }
    }
    /// The flat form, format byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> { todo!() }
    /// Reads the flat form. # Errors `Corrupt`.
    pub fn from_bytes(_bytes: &[u8]) -> Result<Self> { todo!() }
    /// The text form: JSON with epoch microseconds.
    #[must_use]
    pub fn to_text(&self) -> String { todo!() }
    /// Reads the text form. # Errors `Corrupt`.
    pub fn from_text(_text: &str) -> Result<Self> { todo!() }
}

/// Collects rows in any order; the state of `series_agg`.
#[derive(Debug, Clone, Default)]
pub struct SeriesBuilder {
    rows: Vec<(Micros, f64)>,
    counts: SeriesCounts,
}

impl SeriesBuilder {
    /// Adds one row; NULL and non-finite rows are counted, not kept. # Errors `TooLarge` above 64 Mi rows.
    pub fn push(&mut self, _ts: Option<Micros>, _value: Option<f64>) -> Result<()> { todo!() }
    /// Adds all of a finished series (rollup). # Errors `TooLarge`.
    pub fn push_series(&mut self, _series: &Series) -> Result<()> { todo!() }
    /// Adds another state (combine). # Errors `TooLarge`.
    pub fn merge(&mut self, _other: &Self) -> Result<()> { todo!() }
    /// Sorts and finishes.
    #[must_use]
    pub fn finish(self) -> Series { todo!() }
    /// Flat form of the state, for parallel aggregation.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> { todo!() }
    /// Reads the flat form of a state. # Errors `Corrupt`.
    pub fn from_bytes(_bytes: &[u8]) -> Result<Self> { todo!() }
}
