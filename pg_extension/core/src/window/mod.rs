//! Stage `window`: samples in, fixed-step windows out.
//!
//! Why it exists: models want one value per step, and samples come several to a window or not at all. Windows run from
//! the one that holds the first sample to the one that holds the last, without a hole, so that nothing is filled in
//! before or after what was measured. Every value that was not measured says so.
//!
//! **Alignment.** A window holds its start and not its end. Where windows start depends on the step and the time zone
//! only (and for the third rule on when the series starts), so that windows of two series can be joined:
//! 1. A step of whole days: at local midnight, every `n` days counted from Monday 2000-01-03, so that a step of seven
//!    days is the ISO week (the origin is that of TimescaleDB's `time_bucket`). Across a change of daylight saving time a
//!    day has 23 or 25 hours. Where midnight does not exist, the day starts at its first instant; where it exists twice,
//!    at the earlier one; a date that a country skipped has no window.
//! 2. A step that divides the day: all windows are equally long, and local midnight is a boundary where the offset
//!    from UTC allows. It does when every offset in force during the year that starts with the first sample (probed
//!    monthly) leaves the same remainder by the step: always for steps that divide the shift of daylight saving time.
//!    Six-hour windows in Europe/Berlin cannot have all midnights as boundaries and follow rule 3.
//! 3. Any other step: counted from the Unix epoch.

use crate::error::{Error, ErrorKind, Result};
use crate::time::{Micros, Step};

mod calendar;
mod clock;
mod regularize;
mod seasonal;
mod usual;

pub use clock::Clock;
pub use regularize::{regularize, resample};
pub use usual::usual_step;

/// Most windows of one series: half a gigabyte, or 31 years of minutes.
pub const MAX_WINDOWS: usize = 16 << 20;

/// How a window without a sample gets its value. Windows before the first and after the last sample do not exist, so
/// there is always a neighbour on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Stays without a value.
    None,
    /// Zero.
    Zero,
    /// On the straight line in time between the values of its neighbours, taken at the starts of the windows.
    Linear,
    /// The last value before it (last observation carried forward).
    Locf,
    /// What is usual at the same local time of day (for steps that divide a day) or on the same day of the week (for
    /// days), moved to where the gap's neighbours are.
    Seasonal,
}

/// How several samples of one window become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agg {
    /// Arithmetic mean; never outside the smallest and the largest sample.
    Mean,
    /// Sum. A window without samples is filled like any other: for sums that are zero without samples, fill zero.
    Sum,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Number of samples; zero, and not filled, where there are none.
    Count,
    /// Last in time; the largest of several at the last time.
    Last,
}

impl Fill {
    /// Every way to fill with its name in SQL.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("none", Self::None),
        ("zero", Self::Zero),
        ("linear", Self::Linear),
        ("locf", Self::Locf),
        ("seasonal", Self::Seasonal),
    ];
}

impl Agg {
    /// Every way to aggregate with its name in SQL.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("mean", Self::Mean),
        ("sum", Self::Sum),
        ("min", Self::Min),
        ("max", Self::Max),
        ("count", Self::Count),
        ("last", Self::Last),
    ];
}

impl std::str::FromStr for Fill {
    type Err = Error;

    /// Reads one of [`Fill::NAMES`].
    fn from_str(name: &str) -> Result<Self> {
        by_name("fill", name, &Self::NAMES)
    }
}

impl std::str::FromStr for Agg {
    type Err = Error;

    /// Reads one of [`Agg::NAMES`].
    fn from_str(name: &str) -> Result<Self> {
        by_name("aggregate", name, &Self::NAMES)
    }
}

pub(crate) fn by_name<T: Copy>(what: &str, name: &str, known: &[(&str, T)]) -> Result<T> {
    known
        .iter()
        .find(|entry| entry.0 == name)
        .map(|entry| entry.1)
        .ok_or_else(|| {
            let names: Vec<_> = known.iter().map(|entry| entry.0).collect();
            Error::new(
                ErrorKind::UnknownName,
                format!("{what} \"{name}\" is not known"),
            )
            .with_hint(format!("use one of {}", names.join(", ")))
        })
}

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
pub struct Grid {
    /// Length of a window.
    pub step: Step,
    /// Filling.
    pub fill: Fill,
    /// Aggregation.
    pub agg: Agg,
    /// IANA time zone that windows are aligned to; see the module's text.
    pub timezone: String,
}

#[cfg(test)]
mod tests;
