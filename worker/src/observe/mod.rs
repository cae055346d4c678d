//! What is wanted, as the view `recommendation` says it.

mod recommendation;
mod restore;

pub(crate) use recommendation::{Reading, Wanted, wanted};
pub(crate) use restore::{OpenIntent, capacity, open_intents};
