//! How far effects are believed.

use super::*;

#[test]
fn what_does_not_stand_out_or_hangs_on_few_windows_is_said() {
    let chance = numbers(800, 9);
    let y = noisy(720, 30.0);
    let found = run(&y, &with("ets", regressor(|i| at(&chance, i), 800)));
    assert_eq!(
        found.report.notes,
        ["no effect of \"x\" stands out from the noise"]
    );
    assert_eq!(yhat(&found), yhat(&run(&y, &spec("ets", 12))));
    let warmth = |i: i64| {
        if i == 500 {
            -999.0
        } else {
            20.0 * at(&chance, i)
        }
    };
    let y: Vec<f64> = (0..)
        .zip(noisy(720, 4.0))
        .map(|(i, v)| v + 40.0 * at(&chance, i))
        .collect();
    let found = run(&y, &with("ensemble", regressor(warmth, 800)));
    let note = &found.report.notes[0];
    assert!(
        note.contains("learnt from few values far beyond") && note.ends_with("such as -999"),
        "{note}"
    );
    let distance = distance(&found, |i| base(i) + 40.0 * at(&chance, i));
    assert!(distance < 6.0, "{distance}");
}

#[test]
fn copies_of_an_influence_share_no_doubt() {
    let is_on = |i: i64| f64::from(u8::from(i / 24 % 5 == 4));
    let warmth = numbers(800, 7);
    let mut random = SplitMix(21);
    let near: Vec<f64> = warmth.iter().map(|v| v + 0.02 * random.uniform()).collect();
    let y: Vec<f64> = (0..)
        .zip(noisy(720, 4.0))
        .map(|(i, v)| v + 80.0 * is_on(i) + 40.0 * at(&warmth, i))
        .collect();
    let named = |name: &str, of: &dyn Fn(i64) -> f64| Regressor {
        name: name.into(),
        ..regressor(of, 800)
    };
    let regressors = vec![
        named("open", &|i| 1.0 - is_on(i)),
        named("closed", &is_on),
        named("warm", &|i| at(&warmth, i)),
        named("warm_too", &|i| 32.0 + 1.8 * at(&warmth, i)),
        named("warm_nearly", &|i| at(&near, i)),
    ];
    for model in ["ets", "mstl", "ensemble"] {
        let asked = ForecastSpec {
            regressors: regressors.clone(),
            ..spec(model, 24)
        };
        let found = run(&y, &asked);
        let distance = distance(&found, |i| {
            base(i) + 80.0 * is_on(i) + 40.0 * at(&warmth, i)
        });
        assert!(distance < 8.0, "{model} {distance}");
        let notes = &found.report.notes;
        assert!(
            notes
                .iter()
                .any(|n| n.starts_with("others together move as")),
            "{notes:?}"
        );
    }
}

#[test]
fn a_dozen_windows_tell_a_strong_effect_and_no_weak_ones() {
    let x = numbers(40, 3);
    for n in [12, 16, 23, 24] {
        let mut random = SplitMix(5);
        let y: Vec<f64> = (0..n)
            .map(|i| 100.0 + 50.0 * at(&x, i) + random.uniform())
            .collect();
        let found = effect(&hourly(&y), &with("ets", regressor(|i| at(&x, i), 40)));
        assert!((found - 50.0).abs() < 3.0, "{n} {found}");
        let chance: Vec<Regressor> = (0..5)
            .map(|k| Regressor {
                name: format!("x{k}"),
                ..regressor(|i| at(&numbers(40, 30 + k), i), 40)
            })
            .collect();
        let flat: Vec<f64> = (0..n).map(|_| 100.0 + random.uniform()).collect();
        let asked = ForecastSpec {
            regressors: chance,
            ..spec("ets", 6)
        };
        let distance = distance(&run(&flat, &asked), |_| 100.5);
        assert!(distance < 1.0, "{n} {distance}");
    }
}

#[test]
fn where_no_season_is_known_the_others_are_no_noise() {
    let y = with_weekends(24 * 42, 20.0);
    for (model, hours) in [
        ("last_value", 1),
        ("drift", 30),
        ("ridge", 24),
        ("ridge", 25),
        ("ets", 24),
    ] {
        let asked = ForecastSpec {
            horizon: hours * HOUR,
            ..with(model, regressor(weekend, 24 * 50))
        };
        let found = effect(&hourly(&y), &asked);
        assert!((found + 20.0).abs() < 2.0, "{model} {hours} {found}");
    }
}

#[test]
fn effects_can_be_cancelled() {
    let y = noisy(2_000, 4.0);
    let x = numbers(2_100, 2);
    let asked = with("last_value", regressor(|i| at(&x, i), 2_100));
    let n_asked = std::cell::Cell::new(0_u32);
    let run = |most: u32| {
        n_asked.set(0);
        let stop = || {
            n_asked.set(n_asked.get() + 1);
            n_asked.get() > most
        };
        forecast(&hourly(&y), &asked, &stop)
    };
    run(u32::MAX).unwrap();
    let all = n_asked.get();
    assert!(all > 8, "{all}");
    for most in 0..all {
        assert_eq!(
            run(most).unwrap_err().kind(),
            ErrorKind::Cancelled,
            "{most} of {all}"
        );
    }
}
