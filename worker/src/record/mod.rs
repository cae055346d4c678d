//! What is written: decisions before the act, results and sizes after it. One statement each, however many workloads.

mod decision;
mod outcome;

pub(crate) use decision::{Decided, decisions};
pub(crate) use outcome::{Size, capacities, results};
