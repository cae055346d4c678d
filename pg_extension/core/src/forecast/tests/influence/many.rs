//! Many influences, strong ones, and what stands against them: outliers, gaps, units.

use super::*;

fn event(name: String, from: i64, until: i64) -> Event {
    Event {
        name,
        start: START + from * HOUR,
        end: START + until * HOUR,
    }
}

#[test]
fn each_of_fifty_events_has_its_effect() {
    let n = 24 * 30;
    let of = |k: i64| 40.0 + k as f64;
    let mut y = noisy(24 * 30, 4.0);
    let mut events = Vec::new();
    for k in 0..50 {
        for from in [13 * k + 5, n + 13 * k] {
            events.push(event(format!("e{k}"), from, from + 1));
        }
        y[usize::try_from(13 * k + 5).unwrap()] += of(k);
    }
    for model in ["ets", "mstl", "ensemble"] {
        let asked = ForecastSpec {
            events: events.clone(),
            ..spec(model, 24)
        };
        let found = run(&y, &asked);
        for (name, effect) in &found.report.params {
            if let Some(k) = name.strip_prefix("effect_e") {
                let expected = of(k.parse().unwrap());
                assert!(
                    (effect - expected).abs() < 8.0,
                    "{model} {name}: {effect}, not {expected}"
                );
            }
        }
        let expected = |i| {
            base(i)
                + if i % 13 == n % 13 {
                    of((i - n) / 13)
                } else {
                    0.0
                }
        };
        let distance = distance(&found, expected);
        assert!(distance < 6.0, "{model} {distance}");
    }
}

#[test]
fn outliers_within_events_and_beside_many_numbers_change_no_effect() {
    let columns: Vec<Vec<f64>> = (0..10).map(|k| numbers(1_100, k)).collect();
    let of = |k: usize| 5.0 * (k % 5) as f64;
    let mut y = noisy(1_008, 4.0);
    for (i, v) in (0..).zip(&mut y) {
        let all = columns.iter().enumerate();
        *v += all.map(|(k, c)| of(k) * at(c, i)).sum::<f64>();
        *v += if i % 50 < 3 { 100.0 } else { 0.0 };
    }
    // Two of 44 windows of the event are among them.
    for idx in [207, 304, 401, 595, 601] {
        y[idx] += 1e5;
    }
    let named = |(k, c): (usize, &Vec<f64>)| Regressor {
        name: format!("x{k}"),
        ..regressor(|i| at(c, i), 1_100)
    };
    let asked = ForecastSpec {
        regressors: columns.iter().enumerate().map(named).collect(),
        events: (0..22)
            .map(|k| event("e".into(), 50 * k, 50 * k + 3))
            .collect(),
        ..spec("ensemble", 12)
    };
    let params = run(&y, &asked).report.params;
    for (name, effect) in params
        .iter()
        .filter(|(name, _)| name.starts_with("effect_"))
    {
        let expected = name
            .strip_prefix("effect_x")
            .map_or(100.0, |k| of(k.parse().unwrap()));
        assert!(
            (effect - expected).abs() < 3.0,
            "{name}: {effect}, not {expected}"
        );
    }
}

#[test]
fn the_unit_of_a_regressor_does_not_matter() {
    let warmth = numbers(800, 3);
    let y: Vec<f64> = (0..)
        .zip(noisy(720, 4.0))
        .map(|(i, v)| v + 40.0 * at(&warmth, i))
        .collect();
    for model in ["ets", "theta", "mstl", "ridge", "ensemble"] {
        let of = |zero: f64, unit: f64| {
            yhat(&run(
                &y,
                &with(model, regressor(|i| zero + unit * at(&warmth, i), 800)),
            ))
        };
        let plain = of(0.0, 1.0);
        for other in [
            of(273.15, 8.0),
            of(-1e6, 1.0),
            of(0.0, 1e-9),
            of(32.0, -1e6),
        ] {
            for (a, b) in plain.iter().zip(other) {
                assert!((a - b).abs() < 0.05, "{model} {a} {b}");
            }
        }
    }
    // What is left of these after rounding tells nothing.
    for (zero, unit) in [(1e15, 1.0), (0.0, 1e-320)] {
        let found = run(
            &y,
            &with("ets", regressor(|i| zero + unit * at(&warmth, i), 800)),
        );
        assert_eq!(
            found.report.notes,
            ["\"x\" moves too little for its size: counted as constant, subtract what is usual"]
        );
    }
}

#[test]
fn effects_are_sums_also_where_the_model_works_on_roots() {
    let load = numbers(800, 5);
    let far = |i: i64| if i < 720 { at(&load, i) } else { 3.5 };
    let y: Vec<f64> = (0..)
        .zip(noisy(720, 4.0))
        .map(|(i, v)| v + 400.0 * far(i))
        .collect();
    let found = run(&y, &with("mstl", regressor(far, 800)));
    let distance = distance(&found, |i| base(i) + 400.0 * 3.5);
    assert!(distance < 15.0, "{distance}");
    let mut asked = with("ets", regressor(far, 800));
    asked.options.transform = Some(Transform::Log);
    let found = run(&y, &asked);
    assert!(
        found.report.notes[0].contains("far beyond"),
        "{:?}",
        found.report.notes
    );
}

#[test]
fn what_never_takes_place_changes_nothing() {
    let mut shapes = vec![wave(190), noisy(100, 30.0)];
    // A path that runs away.
    shapes.push(
        (0..190)
            .map(|i| f64::from((i - 185).max(0)).powi(2) * 10.0 + f64::from(i * 7 % 11) / 100.0)
            .collect(),
    );
    for y in &shapes {
        for model in ["ridge", "ets", "mstl", "ensemble", "auto", "drift"] {
            let without = run(y, &spec(model, 3));
            let asked = ForecastSpec {
                events: vec![event("never".into(), 90_000, 90_001)],
                ..spec(model, 3)
            };
            let with = run(y, &asked);
            assert_eq!(
                (yhat(&with), with.status),
                (yhat(&without), without.status),
                "{model}"
            );
        }
    }
}

#[test]
fn a_flag_of_a_season_that_the_model_lacks_is_learnt() {
    let quarter = |i: i64| START + i * 15 * MINUTE;
    let is_weekend = |i: i64| f64::from(u8::from((i / 96) % 7 > 4));
    let mut random = SplitMix(4);
    let course = |i: i64| {
        200.0 + 50.0 * (std::f64::consts::TAU * i as f64 / 96.0).sin() - 60.0 * is_weekend(i)
    };
    // Saturday begins.
    let n = 96 * 40;
    let ts: Vec<Micros> = (0..n).map(quarter).collect();
    let y = (0..n)
        .map(|i| course(i) + 4.0 * random.uniform() - 2.0)
        .collect();
    let series = Series::try_new(ts, y).unwrap();
    let flag = Regressor {
        name: "x".into(),
        series: Series::try_new(
            (0..n + 96).map(quarter).collect(),
            (0..n + 96).map(is_weekend).collect(),
        )
        .unwrap(),
    };
    for model in ["auto", "ridge", "ets", "last_value"] {
        let asked = ForecastSpec {
            regressors: vec![flag.clone()],
            ..spec(model, 1)
        };
        let found = forecast(&series, &asked, &never).unwrap();
        for (i, row) in (n..).zip(&found.rows) {
            let distance = (row.yhat.unwrap() - course(i)).abs();
            assert!(distance < 15.0, "{model} {distance}");
        }
    }
}

#[test]
fn an_event_within_a_gap_is_not_learnt_as_its_opposite() {
    let is_on = |i: i64| f64::from(u8::from(i / 24 % 5 == 4));
    let y: Vec<f64> = (0..)
        .zip(noisy(24 * 40, 4.0))
        .map(|(i, v)| v + 100.0 * is_on(i))
        .collect();
    // The newest of these days was not seen.
    let (ts, kept): (Vec<Micros>, Vec<f64>) = (0..)
        .zip(&y)
        .filter(|(i, _)| !(24 * 39..24 * 39 + 20).contains(i))
        .map(|(i, v)| (START + i * HOUR, *v))
        .unzip();
    let holed = Series::try_new(ts, kept).unwrap();
    for model in ["ets", "theta", "mstl", "ensemble", "seasonal_naive"] {
        let asked = with(model, regressor(is_on, 24 * 45));
        let of = |series: &Series| {
            let found = forecast(series, &asked, &never).unwrap();
            distance(&found, |i| base(i) + 100.0 * is_on(i))
        };
        let (holed, whole) = (of(&holed), of(&hourly(&y)));
        assert!(holed < whole + 2.0, "{model} {holed} {whole}");
    }
}

#[test]
fn what_varies_more_at_a_peak_is_no_outlier_there() {
    // A job at two o'clock, of 500 ± 35; sometimes with a flag that does nothing, or adds 200.
    let is_flagged = |i: i64| {
        f64::from(u8::from(
            i % 24 == 2 && [3, 11, 18, 26, 40, 51, 57].contains(&(i / 24)),
        ))
    };
    for size in [0.0, 200.0] {
        let mut random = SplitMix(17);
        let y: Vec<f64> = (0..24 * 56)
            .map(|i| {
                let (job, noise) = if i % 24 == 2 {
                    (500.0, 70.0)
                } else {
                    (0.0, 3.0)
                };
                20.0 + 5.0 * (std::f64::consts::TAU * i as f64 / 24.0).sin()
                    + job
                    + noise * (random.uniform() - 0.5)
                    + size * is_flagged(i)
            })
            .collect();
        let found = effect(
            &hourly(&y),
            &with("ensemble", regressor(is_flagged, 24 * 60)),
        );
        assert!((found - size).abs() < 45.0, "{size} {found}");
    }
}
