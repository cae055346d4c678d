//! The computations of prescale: from samples to a scaling decision, and back from its outcome.
//!
//! One module per stage, in the order of the flow; a stage uses earlier stages only. Everything here is a pure
//! function of its arguments: `now`, seeds and configuration come in, nothing is read from a clock, a file, the
//! environment or a random source, and no thread is started. Equal input gives bit-identical output.

pub mod error;
pub mod time;
pub mod distribution;
mod random;
pub mod sample;
pub mod window;
pub mod feature;
pub mod fingerprint;
pub mod forecast;
pub mod recommend;
pub mod decide;
pub mod feedback;

pub use error::{Error, ErrorKind, Result};
