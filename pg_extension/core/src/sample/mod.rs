//! Stage `sample`: raw observations in, time-ordered values out.
//!
//! Why it exists: measurements arrive in any order, twice, or not at all, and every later stage wants them sorted,
//! finite and counted. Rows go in; a [`Series`] comes out, whose bits depend on the set of rows and not on their order.
//! What could not be used is counted in [`SeriesCounts`], never dropped silently.

pub(crate) mod flat;
mod series;
mod builder;
mod codec;
mod text;

pub use builder::{MAX_ROWS, SeriesBuilder};
pub use series::{Series, SeriesCounts};

#[cfg(test)]
pub(crate) mod tests;
