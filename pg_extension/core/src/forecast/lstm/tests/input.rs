//! Odd data get an answer, wrong arguments and foreign bytes an error.

use super::*;
use crate::error::ErrorKind;

fn kind(workloads: &[Workload<'_>], spec: &Spec) -> ErrorKind {
    fit(workloads, spec, &|| false).unwrap_err().kind()
}

#[test]
fn too_little_to_learn_from_is_no_model() {
    for values in [&[][..], &[1.0], &[1.0; 5], &[f64::NAN; 100]] {
        assert_eq!(fit(&[alone(values)], &small(), &|| false).unwrap(), None);
    }
    assert_eq!(fit(&[], &small(), &|| false).unwrap(), None);
}

#[test]
fn a_constant_is_forecast_as_that_constant() {
    for level in [0.0, 5.0, -3.0, 1e-30, 1e30] {
        let values = [level; 200];
        let model = learned(
            &values,
            &Spec {
                max_updates: 300,
                ..small()
            },
        );
        let q = model
            .predict(&[alone(&values)], &|| false)
            .unwrap()
            .remove(0)
            .unwrap();
        let near = |q: &f64| {
            (q - level).abs() <= 0.05 * level.abs() + 1.0 * f64::from(u8::from(level == 0.0))
        };
        assert!(q.iter().all(near), "{level}: {q:?}");
    }
}

#[test]
fn missing_values_are_looked_over() {
    let mut values = wave(400);
    for i in (0..400).filter(|i| i % 7 == 3 || (200..230).contains(i)) {
        values[i] = f64::NAN;
    }
    let model = learned(
        &values,
        &Spec {
            season: 40,
            max_updates: 300,
            ..small()
        },
    );
    let q = model
        .predict(&[alone(&values)], &|| false)
        .unwrap()
        .remove(0)
        .unwrap();
    assert!(q.iter().all(|q| (40.0..170.0).contains(q)), "{q:?}");
    let gone = [&values[..300], &[f64::NAN; 20]].concat();
    let pasts = [alone(&gone), alone(&[]), alone(&values[..300])];
    let found = model.predict(&pasts, &|| false).unwrap();
    assert_eq!(
        found.iter().map(Option::is_some).collect::<Vec<_>>(),
        [false, false, true]
    );
}

#[test]
fn extreme_values_stay_finite() {
    let values: Vec<f64> = wave(300)
        .iter()
        .map(|y| y * 1e57)
        .chain([0.0, -1e60, 1e60])
        .collect();
    let model = learned(&values, &small());
    let q = model
        .predict(&[alone(&values)], &|| false)
        .unwrap()
        .remove(0)
        .unwrap();
    assert!(q.iter().all(|q| q.is_finite()), "{q:?}");
}

#[test]
fn wrong_arguments_are_refused() {
    let values = wave(100);
    let ok = [alone(&values)];
    let invalid = [
        Spec {
            window: 3,
            ..small()
        },
        Spec {
            window: 257,
            ..small()
        },
        Spec {
            steps: 0,
            ..small()
        },
        Spec {
            steps: 1_000_000,
            ..small()
        },
        Spec {
            hidden: 12,
            ..small()
        },
        Spec {
            hidden: 72,
            ..small()
        },
        Spec {
            levels: vec![],
            ..small()
        },
        Spec {
            levels: vec![0.5, 0.5],
            ..small()
        },
        Spec {
            levels: vec![0.9, 0.1],
            ..small()
        },
        Spec {
            levels: vec![0.0],
            ..small()
        },
        Spec {
            levels: vec![f64::NAN],
            ..small()
        },
        Spec {
            epochs: 0,
            ..small()
        },
        Spec {
            max_updates: 0,
            ..small()
        },
        Spec {
            max_windows: 0,
            ..small()
        },
        Spec {
            patience: 0,
            ..small()
        },
        Spec {
            validation: 0.6,
            ..small()
        },
        Spec {
            validation: f64::NAN,
            ..small()
        },
        Spec {
            learning_rate: 0.0,
            ..small()
        },
        Spec {
            season: 1 << 21,
            ..small()
        },
    ];
    for spec in invalid {
        assert_eq!(kind(&ok, &spec), ErrorKind::InvalidArgument, "{spec:?}");
    }
    let many: Vec<f64> = (1..=32u8).map(|i| f64::from(i) / 33.0).collect();
    let large = Spec {
        steps: 256,
        levels: many,
        hidden: 64,
        season: 300,
        ..small()
    };
    assert_eq!(
        fit(&ok, &large, &|| false)
            .map(|_| ())
            .map_err(|e| e.kind()),
        Ok(())
    );
}

#[test]
fn wrong_workloads_are_refused() {
    let values = wave(100);
    let with = |covariates| Workload {
        covariates,
        ..alone(&values)
    };
    let spec = small();
    assert_eq!(
        kind(&[with(&values[..50])], &spec),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        kind(&[with(&values), with(&[])], &spec),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        kind(&[alone(&[1.0, f64::INFINITY])], &spec),
        ErrorKind::NotFinite
    );
    assert_eq!(
        kind(&[alone(&[1.0, -1e61])], &spec),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        kind(&[alone(&vec![1.0; (1 << 20) + 1])], &spec),
        ErrorKind::TooLarge
    );
    let too_wide = vec![0.0; 3_300];
    assert_eq!(kind(&[with(&too_wide)], &spec), ErrorKind::InvalidArgument);
    let model = learned(&values, &spec);
    let error = model.predict(&[with(&values)], &|| false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn a_model_survives_its_bytes() {
    let values = wave(200);
    let covariates: Vec<f64> = values
        .iter()
        .flat_map(|y| [y.sin(), 1.0, f64::NAN])
        .collect();
    let workload = Workload {
        covariates: &covariates,
        ..alone(&values)
    };
    let model = fit(
        &[workload],
        &Spec {
            season: 288,
            ..small()
        },
        &|| false,
    )
    .unwrap()
    .unwrap();
    let back = Model::from_bytes(&model.to_bytes()).unwrap();
    assert_eq!(back, model);
    let of = |model: &Model| model.predict(&[workload], &|| false).unwrap();
    assert_eq!(of(&back), of(&model));
    assert!(of(&model)[0].is_some());
}

#[test]
fn foreign_and_damaged_bytes_are_refused() {
    let bytes = learned(
        &wave(100),
        &Spec {
            max_updates: 3,
            ..small()
        },
    )
    .to_bytes();
    let kind = |bytes: &[u8]| Model::from_bytes(bytes).unwrap_err().kind();
    for n in 0..200.min(bytes.len()) {
        assert_eq!(kind(&bytes[..n]), ErrorKind::Corrupt);
        assert_eq!(kind(&bytes[..bytes.len() - 1 - n]), ErrorKind::Corrupt);
        let mut damaged = bytes.clone();
        damaged[n] ^= 1;
        assert_eq!(kind(&damaged), ErrorKind::Corrupt);
        // The checksum is no secret: sizes are checked for themselves.
        let body = damaged.len() - 8;
        let sum = codec::checksum(&damaged[..body]);
        damaged[body..].copy_from_slice(&sum.to_le_bytes());
        let _ = Model::from_bytes(&damaged);
        damaged[n] = 0xff;
        let sum = codec::checksum(&damaged[..body]);
        damaged[body..].copy_from_slice(&sum.to_le_bytes());
        let _ = Model::from_bytes(&damaged);
    }
    assert_eq!(kind(&[bytes.as_slice(), &[0]].concat()), ErrorKind::Corrupt);
}

#[test]
fn the_calendar_is_close_to_sine_and_cosine() {
    for i in 0..1_000 {
        let p = f64::from(i) / 1_000.0;
        let exact = (p * std::f64::consts::TAU).sin();
        assert!((f64::from(window::wave(p)) - exact).abs() < 2e-3, "{p}");
    }
    assert_eq!(step().round(DAY), 288);
}
