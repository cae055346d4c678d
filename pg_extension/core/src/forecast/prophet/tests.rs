//! Against Python's prophet and the mode found by scipy, against slow obvious versions, and on what no series should be.

use super::{Fitted, Prediction, Rows, Simulation, Spec, fit};
use crate::time::{MINUTE, Micros};

mod golden;
mod sums;
mod paths;
mod state;
mod input;

const HOUR: Micros = 60 * MINUTE;
const START: Micros = 1_704_067_200_000_000;

fn hours(n: i64) -> Vec<Micros> {
    (0..n).map(|i| START + i * HOUR).collect()
}

/// Demand with a day, a trend that turns and a little deterministic noise.
fn demand(n: i64) -> Vec<f64> {
    (0..n)
        .map(|i| {
            let t = i as f64;
            let noise = ((t * 12.9898).sin() * 43_758.545_3).fract();
            50.0 + 0.02 * t - 0.05 * (t - 150.0).max(0.0)
                + 8.0 * (t / 24.0 * std::f64::consts::TAU).sin()
                + noise
        })
        .collect()
}

fn fitted(times: &[Micros], y: &[f64], spec: &Spec) -> Fitted {
    fit(&Rows::at(times), y, spec, &|| false).unwrap().unwrap()
}

fn forecast(model: &Fitted, times: &[Micros]) -> Prediction {
    model
        .predict(&Rows::at(times), &Simulation::NONE, &|| false)
        .unwrap()
}
