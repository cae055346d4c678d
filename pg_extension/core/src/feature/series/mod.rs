//! What a series looks like: its periods, its parts, where it changes, what is unusual, and named numbers of it all.
//!
//! Every function here first lays the series on a grid of equal steps ([`Regular`]): of the step that is given, else of
//! the step the series knows from `resample`, else of the commonest gap between its rows. A window holds the mean of its
//! samples; windows without one are filled on the line between their neighbours and are known to be filled, so that they
//! count for nothing where values are weighed.
//!
//! Memory: 17 bytes a window for the grid, and as much again for each array that a function names. Loops ask
//! `should_stop` at least every few million operations.

mod grid;
mod fft;
mod robust;
mod comb;
mod week;
mod period;
mod loess;
mod stl;
mod decompose;
mod season;
mod change;
mod outlier;
mod values;
mod shape;

pub use change::{Change, ChangeKind, changepoints};
pub use decompose::{Decomposition, decompose};
pub use grid::Regular;
pub(crate) use grid::fill;
pub use outlier::{Outlier, outliers};
pub use period::{Period, detect_periods};
pub use stl::{StlSpec, stl};
pub use values::{NAMES, Value, features};

/// A number as an index: not a number and negative numbers give 0, what is too large the largest.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, which is what is wanted"
)]
fn index(x: f64) -> usize {
    x as usize
}

#[cfg(test)]
mod tests;
