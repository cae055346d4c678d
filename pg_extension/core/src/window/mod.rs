//! Stage `window`: samples in, fixed-step windows out.

use crate::error::Result;
use crate::sample::Series;
use crate::time::{Micros, Step};

/// How a window without a sample gets its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill { /// Stays without a value.
    None, /// Zero.
    Zero, /// On the line between its neighbours.
    Linear, /// The last value before it.
    Locf }

/// How several samples of one window become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agg { /// Arithmetic mean.
    Mean, /// Sum.
    Sum, /// Smallest.
    Min, /// Largest.
    Max, /// Number of samples.
    Count, /// Last in time.
    Last }

impl std::str::FromStr for Fill { type Err = crate::Error; fn from_str(_s: &str) -> Result<Self> { todo!() } }
impl std::str::FromStr for Agg { type Err = crate::Error; fn from_str(_s: &str) -> Result<Self> { todo!() } }

/// One window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Start of the window.
    pub ts: Micros,
    /// Its value; `None` where nothing was seen and nothing could be filled in.
    pub y: Option<f64>,
    /// Whether the value was filled in.
    pub imputed: bool,
    /// Samples that fell into it.
    pub n_raw: u32,
}

/// How to cut a series into windows.
#[derive(Debug, Clone)]
pub struct Grid { /// Length of a window.
    pub step: Step, /// Filling.
    pub fill: Fill, /// Aggregation.
    pub agg: Agg, /// IANA time zone that daily windows are aligned to.
    pub timezone: String }

/// Every window from the first to the last sample. # Errors `TooLarge` above 16 Mi windows, `UnknownName` for a time zone.
pub fn regularize(_series: &Series, _grid: &Grid) -> Result<Vec<Window>> { todo!() }
/// The windows as a series that knows its step and time zone; windows without a value are left out. # Errors as [`regularize`].
pub fn resample(_series: &Series, _grid: &Grid) -> Result<Series> { todo!() }
