//! The worker: everything that touches the world.
//!
//! It moves data between the extension's tables and the scaled targets and calls
//! [`prescale_core::decide::decide`] in between; it holds no threshold and no replica arithmetic. The flow of one
//! cycle is `lead → observe → decide → record the intent → act → record the result`, and all state that correctness
//! needs is in the database, so that the process may die at any line.

pub mod config;
mod cli;
mod clock;
mod error;
mod log;
mod db;
mod lead;
mod observe;
mod act;
mod record;
mod cycle;
mod maintain;
mod run;
mod replay;
mod check;
mod serve;
mod stop;

pub use check::{Report, check};
pub use cli::start;
pub use config::Config;
pub use error::{Error, Result};
pub use replay::{Replay, ReplayOutcome, replay};
pub use run::run;
