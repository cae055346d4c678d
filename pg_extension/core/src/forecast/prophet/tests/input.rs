//! Short, constant, broken and extreme input; stopping.

use std::cell::Cell;

use super::super::{Changepoints, Fourier, Growth, Mode, Regressor, Seasonality};
use super::*;
use crate::error::ErrorKind;
use crate::time::DAY;

fn kind(rows: &Rows<'_>, y: &[f64], spec: &Spec) -> ErrorKind {
    fit(rows, y, spec, &|| false).unwrap_err().kind()
}

fn logistic() -> Spec {
    Spec {
        growth: Growth::Logistic,
        ..Spec::default()
    }
}

#[test]
fn nothing_is_learnt_from_less_than_two_instants() {
    let spec = Spec::default();
    assert_eq!(fit(&Rows::at(&[]), &[], &spec, &|| false).unwrap(), None);
    assert_eq!(
        fit(&Rows::at(&[START]), &[1.0], &spec, &|| false).unwrap(),
        None
    );
    assert_eq!(
        fit(&Rows::at(&[START; 9]), &[1.0; 9], &spec, &|| false).unwrap(),
        None
    );
}

#[test]
fn short_series_have_finite_forecasts_within_reason() {
    for growth in [Growth::Linear, Growth::Logistic, Growth::Flat] {
        for mode in [Mode::Additive, Mode::Multiplicative] {
            for n in [2, 3, 4, 7, 11, 12, 25, 39] {
                let (times, y) = (hours(60), demand(60));
                let spec = Spec {
                    growth,
                    seasonality_mode: mode,
                    weekly: Fourier::Order(3),
                    ..Spec::default()
                };
                let cap = [80.0];
                let rows = |times| Rows {
                    cap: &cap,
                    ..Rows::at(times)
                };
                let model = fit(&rows(&times[..n]), &y[..n], &spec, &|| false)
                    .unwrap()
                    .unwrap();
                let found = model
                    .predict(&rows(&times), &Simulation::NONE, &|| false)
                    .unwrap();
                let worst = found.yhat.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
                assert!(worst < 1e4, "{growth:?} {mode:?} {n} rows: {worst}");
            }
        }
    }
}

#[test]
fn a_constant_stays_constant() {
    for value in [0.0, 7.5, -3.0, 1e300, 1e-300] {
        for growth in [Growth::Linear, Growth::Flat] {
            let spec = Spec {
                growth,
                ..Spec::default()
            };
            let model = fitted(&hours(100), &[value; 100], &spec);
            for yhat in forecast(&model, &hours(200)).yhat {
                assert!((yhat - value).abs() <= 1e-9 * value.abs());
            }
        }
    }
    let times = hours(100);
    let rows = Rows {
        cap: &[10.0],
        ..Rows::at(&times)
    };
    let model = fit(&rows, &[5.0; 100], &logistic(), &|| false)
        .unwrap()
        .unwrap();
    let found = model.predict(&rows, &Simulation::NONE, &|| false).unwrap();
    assert!(
        found.yhat.iter().all(|v| (v - 5.0).abs() < 0.05),
        "{:?}",
        &found.yhat[..3]
    );
}

#[test]
fn a_line_without_noise_is_found() {
    let y: Vec<f64> = (0..500).map(|i| 3.0 + 0.25 * f64::from(i)).collect();
    let model = fitted(&hours(500), &y, &Spec::default());
    let found = forecast(&model, &hours(600));
    for (i, yhat) in found.yhat.iter().enumerate() {
        assert!((yhat - 3.0 - 0.25 * i as f64).abs() < 0.05, "{i}: {yhat}");
    }
}

#[test]
fn gaps_duplicates_and_disorder_are_fine() {
    let (times, y) = (hours(400), demand(400));
    let whole = fitted(&times, &y, &Spec::default());
    let mut order: Vec<usize> = (0..400).collect();
    order.rotate_left(123);
    order.swap(5, 300);
    let mixed: Vec<Micros> = order.iter().map(|i| times[*i]).collect();
    let values: Vec<f64> = order.iter().map(|i| y[*i]).collect();
    assert_eq!(whole, fitted(&mixed, &values, &Spec::default()));
    let kept: Vec<usize> = (0..400)
        .filter(|i| !(50..200).contains(i) && i % 7 != 3)
        .collect();
    let twice: Vec<Micros> = kept.iter().flat_map(|i| [times[*i], times[*i]]).collect();
    let values: Vec<f64> = kept
        .iter()
        .flat_map(|i| [y[*i] - 0.5, y[*i] + 0.5])
        .collect();
    let found = forecast(&fitted(&twice, &values, &Spec::default()), &times);
    let worst = kept
        .iter()
        .map(|i| (found.yhat[*i] - y[*i]).abs())
        .fold(0.0, f64::max);
    assert!(worst < 3.0, "{worst}");
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let (times, y) = (hours(50), demand(50));
    let rows = Rows::at(&times);
    let mut broken = y.clone();
    broken[7] = f64::NAN;
    assert_eq!(kind(&rows, &broken, &Spec::default()), ErrorKind::NotFinite);
    broken[7] = f64::INFINITY;
    assert_eq!(kind(&rows, &broken, &Spec::default()), ErrorKind::NotFinite);
    assert_eq!(
        kind(&rows, &y[1..], &Spec::default()),
        ErrorKind::InvalidArgument
    );
    assert_eq!(kind(&rows, &y, &logistic()), ErrorKind::InvalidArgument);
    assert_eq!(
        kind(
            &Rows {
                cap: &[9.0],
                floor: &[9.0],
                ..rows
            },
            &y,
            &logistic()
        ),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        kind(
            &Rows {
                cap: &[9.0, 9.0],
                ..rows
            },
            &y,
            &logistic()
        ),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        kind(
            &Rows {
                cap: &[f64::NAN],
                ..rows
            },
            &y,
            &logistic()
        ),
        ErrorKind::NotFinite
    );
    let load = Regressor {
        name: "load".into(),
        prior_scale: 10.0,
        standardise: None,
        mode: Mode::Additive,
    };
    let with = |regressors: Vec<Regressor>| Spec {
        regressors,
        ..Spec::default()
    };
    assert_eq!(
        kind(&rows, &y, &with(vec![load.clone()])),
        ErrorKind::InvalidArgument
    );
    let known = Rows {
        regressors: &[&y[..], &y[..]],
        ..rows
    };
    assert_eq!(
        kind(&known, &y, &with(vec![load.clone(), load.clone()])),
        ErrorKind::InvalidArgument
    );
    let bad = |f: fn(&mut Spec)| {
        let mut spec = Spec::default();
        f(&mut spec);
        kind(&rows, &y, &spec)
    };
    assert_eq!(bad(|s| s.changepoints.count = 401), ErrorKind::TooLarge);
    assert_eq!(
        bad(|s| s.changepoints.range = 1.5),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        bad(|s| s.changepoints.range = f64::NAN),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        bad(|s| s.changepoints.prior_scale = 0.0),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        bad(|s| s.changepoints.at = Some(vec![START - 1])),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        bad(|s| s.daily = Fourier::Order(0)),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        bad(|s| (s.daily, s.weekly) = (Fourier::Order(200), Fourier::Order(1))),
        ErrorKind::TooLarge
    );
    let model = fitted(&times, &y, &Spec::default());
    let far = Simulation {
        paths: 10_001,
        seed: 0,
        levels: vec![0.5],
    };
    assert_eq!(
        model.predict(&rows, &far, &|| false).unwrap_err().kind(),
        ErrorKind::TooLarge
    );
    let level = Simulation {
        paths: 10,
        seed: 0,
        levels: vec![1.0],
    };
    assert_eq!(
        model.predict(&rows, &level, &|| false).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn extreme_times_and_values_end_in_a_number_or_an_error() {
    let y = demand(40);
    for times in [
        (0..40).map(|i| Micros::MIN + i).collect::<Vec<_>>(),
        (0..40)
            .map(|i| if i < 20 { Micros::MIN } else { Micros::MAX })
            .collect(),
        (0..40).map(|i| i * i * i * DAY).collect(),
    ] {
        let model = fitted(&times, &y, &Spec::default());
        assert!(forecast(&model, &times).yhat.iter().all(|v| v.is_finite()));
        let far = model.predict(
            &Rows::at(&[Micros::MIN, Micros::MAX]),
            &Simulation::NONE,
            &|| false,
        );
        assert!(far.is_ok());
    }
    let times = hours(40);
    let huge: Vec<f64> = y
        .iter()
        .enumerate()
        .map(|(i, v)| if i % 2 == 0 { v * 1e306 } else { -v * 1e306 })
        .collect();
    let model = fitted(&times, &huge, &Spec::default());
    assert!(forecast(&model, &times).yhat.iter().all(|v| v.is_finite()));
}

#[test]
fn a_regressor_out_of_all_proportion_ends_in_a_number_or_an_error() {
    let (times, y) = (hours(60), demand(60));
    for size in [1e-300, 1e12, 1e160, 1e300] {
        for standardise in [Some(true), Some(false)] {
            let spec = Spec {
                regressors: vec![Regressor {
                    name: "load".into(),
                    prior_scale: 10.0,
                    standardise,
                    mode: Mode::Multiplicative,
                }],
                ..Spec::default()
            };
            let load: Vec<f64> = (0..60).map(|i| size * f64::from(i % 7)).collect();
            let rows = Rows {
                regressors: &[&load],
                ..Rows::at(&times)
            };
            match fit(&rows, &y, &spec, &|| false) {
                Ok(model) => {
                    let found = model
                        .unwrap()
                        .predict(&rows, &Simulation::NONE, &|| false)
                        .unwrap();
                    assert!(found.yhat.iter().all(|v| v.is_finite()));
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Numeric),
            }
        }
    }
}

#[test]
fn periods_longer_than_the_history_and_many_columns_are_fine() {
    let (times, y) = (hours(200), demand(200));
    let spec = Spec {
        yearly: Fourier::Order(10),
        weekly: Fourier::Order(40),
        seasonalities: vec![Seasonality {
            name: "decade".into(),
            period: 3_650 * DAY,
            order: 5,
            prior_scale: 1e9,
            mode: Mode::Additive,
        }],
        changepoints: Changepoints {
            count: 60,
            ..Spec::default().changepoints
        },
        ..Spec::default()
    };
    let found = forecast(&fitted(&times, &y, &spec), &times);
    let worst = found
        .yhat
        .iter()
        .zip(&y)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(worst < 2.0, "{worst}");
}

#[test]
fn stops_wherever_it_is_asked_to() {
    let (times, y) = (hours(400), demand(400));
    let asked = Cell::new(0_usize);
    let count = || {
        asked.set(asked.get() + 1);
        false
    };
    let spec = Spec {
        seasonality_mode: Mode::Multiplicative,
        ..Spec::default()
    };
    let model = fit(&Rows::at(&times), &y, &spec, &count).unwrap().unwrap();
    let total = asked.replace(0);
    assert!(total > 50);
    for after in (0..total).step_by(total / 20) {
        asked.set(0);
        let stop = || asked.replace(asked.get() + 1) >= after;
        let error = fit(&Rows::at(&times), &y, &spec, &stop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert_eq!(asked.get(), after + 1);
    }
    let simulation = Simulation {
        paths: 10,
        seed: 0,
        levels: vec![0.5],
    };
    let stopped = model.predict(&Rows::at(&times), &simulation, &|| true);
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Cancelled);
}
