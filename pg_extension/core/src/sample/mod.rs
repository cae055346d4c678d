//! Stage `sample`: raw observations in, time-ordered values out.
//!
//! Why it exists: measurements arrive in any order, twice, or not at all, and every later stage wants them sorted,
//! finite and counted. Rows go in; a [`Series`] comes out, whose bits depend on the set of rows and not on their order.
//! What could not be used is counted in [`SeriesCounts`], never dropped silently.

pub(crate) mod flat;
mod series;
mod counter;
mod order;
mod builder;
mod codec;
mod text;

pub use builder::{MAX_ROWS, SeriesBuilder};
pub use series::{Series, SeriesCounts};

/// Larger numbers count as infinite in counters, sketches and co-moments: their squares, summed over 2⁶⁴ rows, stay
/// finite, and so does one in a microsecond per second.
pub(crate) const LARGEST: f64 = 1e140;

#[cfg(test)]
pub(crate) mod tests;
