//! Tests of the LSTM: its network against PyTorch, what it learns, what it refuses.

mod network;
mod learn;
mod input;
mod pooled;

use super::*;
use crate::time::{DAY, MINUTE};

/// A step of five minutes.
fn step() -> Step {
    Step::try_new(5 * MINUTE).unwrap()
}

/// A small and quick task: 4 steps ahead, 3 levels.
fn small() -> Spec {
    Spec {
        window: 16,
        hidden: 8,
        levels: vec![0.1, 0.5, 0.9],
        max_updates: 60,
        ..Spec::new(step(), 4, 0)
    }
}

/// A smooth wave above zero, 40 steps long, with a ripple that does not repeat.
fn wave(n: u32) -> Vec<f64> {
    (0..n)
        .map(|i| {
            100.0
                + 50.0 * (f64::from(i) * std::f64::consts::TAU / 40.0).sin()
                + f64::from(i * 7919 % 11)
        })
        .collect()
}

fn alone(values: &[f64]) -> Workload<'_> {
    Workload {
        start: 0,
        values,
        covariates: &[],
    }
}

fn learned(values: &[f64], spec: &Spec) -> Model {
    fit(&[alone(values)], spec, &|| false).unwrap().unwrap()
}
