//! What the model learns, and that it is the same every time and on every scale.

use std::cell::Cell;

use super::*;
use crate::error::ErrorKind;

/// Mean absolute error of the median over the origins `from..`, relative to that of the last value.
fn relative_error(model: &Model, values: &[f64], from: usize) -> f64 {
    let (steps, levels) = (model.steps(), model.levels().len());
    let (mut error, mut naive) = (0.0, 0.0);
    for at in from..values.len() - steps {
        let q = model
            .predict(&[alone(&values[..at])], &|| false)
            .unwrap()
            .remove(0)
            .unwrap();
        for (y, q) in values[at..].iter().zip(q.chunks(levels)) {
            error += (y - q[levels / 2]).abs();
            naive += (y - values[at - 1]).abs();
        }
    }
    error / naive
}

#[test]
fn learns_a_sine_by_heart() {
    let sine: Vec<f64> = (0..400)
        .map(|i| 100.0 + 50.0 * (f64::from(i) * std::f64::consts::TAU / 40.0).sin())
        .collect();
    let spec = Spec {
        validation: 0.0,
        epochs: 60,
        max_updates: 1_000,
        ..small()
    };
    let model = learned(&sine[..350], &spec);
    let error = relative_error(&model, &sine, 350);
    assert!(error < 0.1, "{error}");
}

#[test]
fn beats_the_last_value_on_a_workload_that_it_never_saw() {
    let model = learned(
        &wave(800),
        &Spec {
            max_updates: 400,
            ..small()
        },
    );
    let other: Vec<f64> = wave(300).iter().rev().map(|y| 0.02 * y).collect();
    let error = relative_error(&model, &other, 200);
    assert!(error < 0.6, "{error}");
}

#[test]
fn covariates_that_know_the_future_are_used() {
    // Jumps that nothing but the covariate announces, one step before.
    let level = |i: u32| f64::from((i / 3).wrapping_mul(2_654_435_769) >> 28);
    let values: Vec<f64> = (0..2_000).map(|i| 50.0 + level(i)).collect();
    let ahead: Vec<f64> = (1..=2_000).map(level).collect();
    let spec = Spec {
        steps: 1,
        max_updates: 1_500,
        ..small()
    };
    let seen = |covariates| Workload {
        start: 0,
        values: &values,
        covariates,
    };
    let loss = |covariates| {
        let model = fit(&[seen(covariates)], &spec, &|| false).unwrap().unwrap();
        model.report().validation_loss.unwrap()
    };
    let (with, without) = (loss(&ahead), loss(&[]));
    assert!(with < 0.5 * without, "{with} with, {without} without");
}

#[test]
fn the_same_input_and_seed_give_the_same_bytes() {
    let (values, spec) = (wave(300), small());
    let bytes = learned(&values, &spec).to_bytes();
    assert_eq!(bytes, learned(&values, &spec).to_bytes());
    assert_ne!(
        bytes,
        learned(&values, &Spec { seed: 2, ..spec }).to_bytes()
    );
}

/// The last eight bytes are a checksum of all others: this number is what every machine must arrive at.
#[test]
fn every_machine_arrives_at_the_same_bytes() {
    let values: Vec<f64> = (0..300u32)
        .map(|i| f64::from(100 + i % 24 * (24 - i % 24) + i * 7919 % 13))
        .collect();
    let bytes = learned(
        &values,
        &Spec {
            season: 24,
            ..small()
        },
    )
    .to_bytes();
    let (_, sum) = bytes.split_last_chunk::<8>().unwrap();
    assert_eq!(u64::from_le_bytes(*sum), 713_652_962_725_334_372);
}

#[test]
fn four_times_the_values_are_four_times_the_forecast() {
    let (values, spec) = (wave(300), small());
    let four: Vec<f64> = values.iter().map(|y| 4.0 * y).collect();
    let forecast = |values: &[f64]| {
        let model = learned(values, &spec);
        model
            .predict(&[alone(values)], &|| false)
            .unwrap()
            .remove(0)
            .unwrap()
    };
    let expected: Vec<f64> = forecast(&values).iter().map(|q| 4.0 * q).collect();
    assert_eq!(forecast(&four), expected);
}

#[test]
fn a_forecast_does_not_depend_on_who_else_is_asked_for() {
    let values = wave(300);
    let model = learned(&values, &small());
    let pasts: Vec<_> = (0..40).map(|i| alone(&values[..100 + 5 * i])).collect();
    let together = model.predict(&pasts, &|| false).unwrap();
    for (past, expected) in pasts.iter().zip(&together) {
        assert_eq!(&model.predict(&[*past], &|| false).unwrap()[0], expected);
    }
}

#[test]
fn the_reach_is_enough_of_the_past() {
    let values = wave(600);
    let model = learned(
        &values,
        &Spec {
            season: 40,
            ..small()
        },
    );
    let cut = values.len() - model.reach();
    let recent = Workload {
        start: 5 * MINUTE * i64::try_from(cut).unwrap(),
        ..alone(&values[cut..])
    };
    let found = model.predict(&[alone(&values), recent], &|| false).unwrap();
    let [all, recent] = [0, 1].map(|i| found[i].as_ref().unwrap());
    assert!(
        all.iter()
            .zip(recent)
            .all(|(a, b)| (a - b).abs() < 1e-4 * a)
    );
}

#[test]
fn keeps_what_was_best_on_the_newest_part() {
    let report = learned(
        &wave(600),
        &Spec {
            max_updates: 2_000,
            epochs: 100,
            patience: 2,
            ..small()
        },
    )
    .report();
    assert!(report.epochs < 100, "{report:?}");
    assert!(report.n_validation > 0 && report.validation_loss.is_some());
    let budget = learned(
        &wave(600),
        &Spec {
            max_updates: 7,
            ..small()
        },
    )
    .report();
    assert_eq!(budget.updates, 7);
}

#[test]
fn takes_every_so_many_th_window_when_there_are_too_many() {
    let values = wave(2_000);
    let report = learned(
        &values,
        &Spec {
            max_windows: 100,
            ..small()
        },
    )
    .report();
    assert_eq!(report.stride, 20);
    assert!(report.n_windows + report.n_validation <= 100, "{report:?}");
}

#[test]
fn stops_when_asked_wherever_it_is() {
    let values = wave(300);
    let asked = Cell::new(0);
    let stop_after = |limit: usize| {
        asked.set(0);
        let asked = &asked;
        move || {
            asked.set(asked.get() + 1);
            asked.get() > limit
        }
    };
    let never = stop_after(usize::MAX);
    let updates = fit(&[alone(&values)], &small(), &never)
        .unwrap()
        .unwrap()
        .report()
        .updates;
    let total = asked.get();
    assert!(total as u64 > updates, "asked before every update");
    for limit in [0, 1, total / 2, total - 1] {
        let error = fit(&[alone(&values)], &small(), &stop_after(limit)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
    let model = learned(&values, &small());
    let error = model.predict(&[alone(&values)], &|| true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}
