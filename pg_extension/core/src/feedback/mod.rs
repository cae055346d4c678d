//! Stage `feedback`: what was decided and what came, in; scores out.

mod score;

pub use score::{Score, score};

#[cfg(test)]
mod tests;
