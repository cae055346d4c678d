//! Storing a model and what it refuses.

use super::super::{Event, Growth, Mode, Regressor};
use super::*;
use crate::error::ErrorKind;

fn rich() -> (Fitted, Vec<Micros>, Vec<f64>) {
    let (times, x) = (hours(400), demand(400));
    let spec = Spec {
        growth: Growth::Logistic,
        events: vec![Event {
            name: "sale".into(),
            before: 1,
            after: 0,
            prior_scale: 10.0,
            mode: Mode::Multiplicative,
        }],
        regressors: vec![Regressor {
            name: "load".into(),
            prior_scale: 10.0,
            standardise: None,
            mode: Mode::Additive,
        }],
        ..Spec::default()
    };
    let rows = Rows {
        times: &times,
        cap: &[100.0],
        floor: &[-5.0],
        regressors: &[&x],
        events: &[&times[100..101]],
    };
    (
        fit(&rows, &demand(400), &spec, &|| false).unwrap().unwrap(),
        times,
        x,
    )
}

#[test]
fn a_stored_model_forecasts_the_same_bits() {
    let (model, times, x) = rich();
    let again: Fitted = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
    let rows = Rows {
        times: &times,
        cap: &[100.0],
        floor: &[-5.0],
        regressors: &[&x],
        events: &[&times[100..101]],
    };
    let simulation = Simulation {
        paths: 100,
        seed: 1,
        levels: vec![0.1, 0.9],
    };
    let run = |m: &Fitted| m.predict(&rows, &simulation, &|| false).unwrap();
    assert_eq!(model, again);
    assert_eq!(run(&model), run(&again));
}

#[test]
fn equal_histories_give_equal_bits() {
    assert_eq!(rich().0, rich().0);
}

#[test]
fn a_model_edited_by_hand_is_refused() {
    let (model, times, _) = rich();
    let edits: [fn(&mut Fitted); 11] = [
        |m| m.format = 2,
        |m| m.end = m.start,
        |m| m.y_scale = 0.0,
        |m| m.sigma = f64::NAN,
        |m| m.k = f64::INFINITY,
        |m| {
            m.beta.pop();
        },
        |m| {
            m.delta.pop();
        },
        |m| m.changepoints.reverse(),
        |m| {
            m.groups.pop();
        },
        |m| {
            m.groups[0].source = super::super::column::Source::Fourier {
                period: 0,
                order: 3,
            }
        },
        |m| {
            m.groups[0].source = super::super::column::Source::Fourier {
                period: 1,
                order: usize::MAX,
            }
        },
    ];
    for (i, edit) in edits.iter().enumerate() {
        let mut bad = model.clone();
        edit(&mut bad);
        let error = bad
            .predict(&Rows::at(&times), &Simulation::NONE, &|| false)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "edit {i}: {error}");
    }
    let text = serde_json::to_string(&model).unwrap();
    for end in (0..text.len()).step_by(97) {
        assert!(serde_json::from_str::<Fitted>(&text[..end]).is_err());
    }
}
