//! What is learnt of regressors and events, and what cannot be.

use super::*;
use crate::random::SplitMix;

mod doubt;
mod many;

fn regressor(of: impl Fn(i64) -> f64, n: i64) -> Regressor {
    let ts = (0..n).map(|i| START + i * HOUR).collect();
    Regressor {
        name: "x".into(),
        series: Series::try_new(ts, (0..n).map(of).collect()).unwrap(),
    }
}

fn with(model: &str, regressor: Regressor) -> ForecastSpec {
    ForecastSpec {
        regressors: vec![regressor],
        ..spec(model, 12)
    }
}

fn effect(y: &Series, asked: &ForecastSpec) -> f64 {
    let found = forecast(y, asked, &never).unwrap();
    let mut params = found.report.params.into_iter();
    params.find(|(name, _)| name == "effect_x").unwrap().1
}

/// A regressor by the number of its window.
type Influence = Box<dyn Fn(i64) -> f64>;

/// A wave under noise.
fn noisy(n: usize, size: f64) -> Vec<f64> {
    let mut random = SplitMix(11);
    let noise = |v: f64| v + size * (random.uniform() - 0.5);
    wave(n).into_iter().map(noise).collect()
}

/// Whether an hour is of a weekend.
fn weekend(i: i64) -> f64 {
    f64::from(u8::from((i / 24) % 7 > 4))
}

/// The same, lower by `drop` at weekends.
fn with_weekends(n: usize, drop: f64) -> Vec<f64> {
    let hours = (0..).zip(noisy(n, 5.0));
    hours.map(|(i, v)| v - drop * weekend(i)).collect()
}

/// Mean distance of the forecast from what was expected.
fn distance(found: &Forecast, expected: impl Fn(i64) -> f64) -> f64 {
    let ahead = yhat(found);
    let distances = found.rows.iter().zip(&ahead).map(|(row, v)| {
        let i = (row.ts - START) / HOUR;
        (v - expected(i)).abs()
    });
    distances.sum::<f64>() / ahead.len() as f64
}

/// `wave` at one window.
fn base(i: i64) -> f64 {
    wave(usize::try_from(i).unwrap() + 1)[usize::try_from(i).unwrap()]
}

fn numbers(n: i64, seed: u64) -> Vec<f64> {
    let mut random = SplitMix(seed);
    (0..n).map(|_| random.uniform()).collect()
}

/// A regressor of such numbers.
fn at(values: &[f64], i: i64) -> f64 {
    values[usize::try_from(i).unwrap()]
}

#[test]
fn what_trend_and_season_explain_has_no_effect() {
    // The last is seven weeks of days whose weekends differ: the season of a week is all of it.
    let weeks: Vec<f64> = with_weekends(24 * 49, 40.0);
    let usual = noisy(24 * 25, 5.0);
    let cases: [(&[f64], Influence); 5] = [
        (&usual, Box::new(|i| if i < 600 { 19.99 } else { 24.99 })),
        (&usual, Box::new(|i| if i < 600 { 0.1 } else { 1.1 })),
        (
            &usual,
            Box::new(|i| f64::from(u8::from(i % 24 == 2 && i < 600)) / 3.0),
        ),
        (&usual, Box::new(|i| 0.1 * (i % 24) as f64)),
        (&weeks, Box::new(weekend)),
    ];
    for (y, of) in &cases {
        for model in ["ets", "theta", "mstl", "ridge", "ensemble", "prophet"] {
            // These have no season of weeks.
            if y.len() == weeks.len() && ["ets", "theta", "ridge"].contains(&model) {
                continue;
            }
            let asked = with(model, regressor(of, 24 * 50));
            let (found, without) = (run(y, &asked), run(y, &spec(model, 12)));
            for (a, b) in found.rows.iter().zip(&without.rows) {
                let (a, b) = (a.yhat.unwrap(), b.yhat.unwrap());
                assert!((a - b).abs() < 25.0, "{model} {a} {b}");
            }
        }
    }
    let changed = run(&usual, &with("ets", regressor(&cases[0].1, 900)));
    assert_eq!(
        changed.report.notes,
        ["\"x\" is 24.99 and was always 19.99: its effect is not known"]
    );
}

#[test]
fn what_goes_further_than_ever_is_bounded() {
    let mut random = SplitMix(2);
    let jitter: Vec<f64> = (0..700).map(|_| random.uniform()).collect();
    for size in [1e-2, 1e-9] {
        let of = |i: i64| {
            let step = if i < 600 { 20.0 } else { 25.0 };
            step + size * jitter[usize::try_from(i).unwrap()]
        };
        for model in ["ets", "ridge", "prophet"] {
            let found = run(&noisy(600, 5.0), &with(model, regressor(of, 700)));
            let without = run(&noisy(600, 5.0), &spec(model, 12));
            for (a, b) in found.rows.iter().zip(&without.rows) {
                assert!(
                    (a.yhat.unwrap() - b.yhat.unwrap()).abs() < 10.0,
                    "{model} {a:?} {b:?}"
                );
            }
            assert!(
                found.report.notes[0].contains("far beyond 20."),
                "{:?}",
                found.report.notes
            );
        }
    }
    // Three times its range further is no more than a change of price.
    let of = |i: i64| {
        if i >= 600 {
            40.0
        } else {
            f64::from(10 + 10 * u8::from(i / 37 % 2 == 0))
        }
    };
    let y: Vec<f64> = (0..)
        .zip(noisy(600, 5.0))
        .map(|(i, v)| v - 3.0 * of(i))
        .collect();
    let found = run(&y, &with("ets", regressor(of, 700)));
    for (row, v) in found.rows.iter().zip(&wave(612)[600..]) {
        assert!((row.yhat.unwrap() - v + 120.0).abs() < 15.0, "{row:?}");
    }
    assert_eq!(found.report.notes, Vec::<String>::new());
}

#[test]
fn effects_of_rare_events_are_whole_however_close_the_rest_fits() {
    for (every, size) in [
        (170, 0.0),
        (170, 0.01),
        (170, 0.1),
        (170, 3.0),
        (53, 0.0),
        (1_000, 0.0),
    ] {
        let is_on = |i: i64| f64::from(u8::from(i % every == every - 1));
        let mut random = SplitMix(11);
        let y: Vec<f64> = (0..2_880)
            .map(|i| 100.0 + (i % 24) as f64 + size * random.uniform() + 300.0 * is_on(i))
            .collect();
        for model in ["ets", "theta", "ridge"] {
            let found = effect(&hourly(&y), &with(model, regressor(is_on, 3_000)));
            assert!(
                (found - 300.0).abs() < 6.0,
                "{model} {every} {size} {found}"
            );
        }
    }
}

#[test]
fn windows_without_a_sample_tell_nothing_of_effects() {
    let is_on = |i: i64| f64::from(u8::from(i % 100 == 99));
    let y: Vec<f64> = (0..)
        .zip(noisy(2_880, 5.0))
        .map(|(i, v)| v + 300.0 * is_on(i))
        .collect();
    for share in [0.2, 0.6] {
        let mut random = SplitMix(4);
        let (ts, kept): (Vec<Micros>, Vec<f64>) = (0..)
            .map(|i| START + i * HOUR)
            .zip(&y)
            .filter(|_| random.uniform() >= share)
            .unzip();
        let series = Series::try_new(ts, kept).unwrap();
        let found = effect(&series, &with("ets", regressor(is_on, 3_000)));
        assert!((found - 300.0).abs() < 15.0, "{share} {found}");
    }
}

#[test]
fn gaps_of_regressors_are_filled_where_they_end() {
    let y = wave(600);
    let all = regressor(|i| (i % 31) as f64, 700);
    let without = |from: i64, until: i64, n: i64| {
        let ts: Vec<Micros> = (0..n).filter(|i| !(from..until).contains(i)).collect();
        let value = ts.iter().map(|i| (i % 31) as f64).collect();
        let ts = ts.into_iter().map(|i| START + i * HOUR).collect();
        Regressor {
            series: Series::try_new(ts, value).unwrap(),
            ..all.clone()
        }
    };
    let whole = run(&y, &with("ets", all.clone()));
    // 596 to 604 lie on a line.
    let (from, until) = (31 * 19 + 8, 31 * 19 + 14);
    for n in [700, 612] {
        let filled = run(&y, &with("ets", without(from, until, n)));
        for (a, b) in whole.rows.iter().zip(&filled.rows) {
            assert!(
                (a.yhat.unwrap() - b.yhat.unwrap()).abs() < 1e-6,
                "{a:?} {b:?}"
            );
        }
    }
    let ahead = run(&y, &with("ets", without(605, 614, 700)));
    assert_eq!(ahead.rows.len(), 12);
    for n in [0, 300, 600, 611] {
        let error = forecast(&hourly(&y), &with("ets", without(0, 0, n)), &never).unwrap_err();
        let at = if n == 0 { 0 } else { n };
        let day = crate::time::time_text(START + at * HOUR);
        assert_eq!(
            error.message(),
            format!("regressor \"x\" has no value for the window at {day}")
        );
    }
}

#[test]
fn gaps_ramps_and_outliers_make_no_effects() {
    let y: Vec<f64> = with_weekends(24 * 49, 40.0);
    let mut random = SplitMix(6);
    let (ts, kept): (Vec<Micros>, Vec<f64>) = (0..)
        .map(|i| START + i * HOUR)
        .zip(&y)
        .filter(|_| random.uniform() >= 0.3)
        .unzip();
    let holes = Series::try_new(ts, kept).unwrap();
    let none: [(&str, Influence); 3] = [
        ("weekend", Box::new(weekend)),
        ("hour", Box::new(|i| (i % 24) as f64)),
        ("ramp", Box::new(|i| i as f64)),
    ];
    for (name, of) in &none {
        let found = effect(&holes, &with("mstl", regressor(of, 24 * 50)));
        assert!(found.abs() < 1e-9, "{name} {found}");
        let found = forecast(&holes, &with("mstl", regressor(of, 24 * 50)), &never).unwrap();
        assert_eq!(
            found.report.notes,
            ["\"x\" is explained by trend and season: no effect of its own"]
        );
    }
    let flat: Vec<f64> = (0..700).map(|i| 100.0 + f64::from(i.min(500))).collect();
    let found = effect(&hourly(&flat), &with("mstl", regressor(|i| i as f64, 720)));
    assert!(found.abs() < 1e-9, "{found}");
    // An outlier that no event can have caused.
    let mut spoilt = noisy(720, 5.0);
    let rare = |i: i64| f64::from(u8::from(i % 170 == 20));
    for (i, v) in (0..).zip(&mut spoilt) {
        *v += 300.0 * rare(i);
    }
    for idx in [100, 333, 555] {
        spoilt[idx] = 1e6;
    }
    let found = effect(&hourly(&spoilt), &with("ets", regressor(rare, 800)));
    assert!((found - 300.0).abs() < 15.0, "{found}");
}

#[test]
fn a_model_without_a_season_of_weeks_learns_the_weekend() {
    let y: Vec<f64> = with_weekends(24 * 42, 150.0);
    for model in ["ets", "theta"] {
        let asked = ForecastSpec {
            horizon: 168 * HOUR,
            ..with(model, regressor(weekend, 24 * 50))
        };
        let expected = wave(24 * 49);
        for (i, row) in (24 * 42..).zip(run(&y, &asked).rows) {
            let expected = expected[usize::try_from(i).unwrap()] - 150.0 * weekend(i);
            assert!(
                (row.yhat.unwrap() - expected).abs() < 40.0,
                "{model} {row:?}"
            );
        }
    }
}

#[test]
fn many_numbers_without_meaning_explain_little() {
    let y = noisy(100, 20.0);
    let mut random = SplitMix(8);
    let regressors: Vec<Regressor> = (0..40)
        .map(|k| {
            let values: Vec<f64> = (0..120).map(|_| random.uniform()).collect();
            let one = regressor(|i| values[usize::try_from(i).unwrap()], 120);
            Regressor {
                name: format!("x{k}"),
                ..one
            }
        })
        .collect();
    let asked = ForecastSpec {
        regressors,
        ..spec("ets", 12)
    };
    let without = run(&y, &spec("ets", 12));
    for (a, b) in run(&y, &asked).rows.iter().zip(&without.rows) {
        assert!(
            (a.yhat.unwrap() - b.yhat.unwrap()).abs() < 20.0,
            "{a:?} {b:?}"
        );
    }
}

#[test]
fn an_event_where_the_series_is_not_known_teaches_nothing() {
    let is_on = |i: i64| f64::from(u8::from((300..304).contains(&i) || i > 700));
    let (ts, y): (Vec<Micros>, Vec<f64>) = (0..)
        .zip(noisy(700, 5.0))
        .filter(|(i, _)| !(298..306).contains(i))
        .map(|(i, v)| (START + i * HOUR, v))
        .unzip();
    let series = Series::try_new(ts, y).unwrap();
    let found = forecast(&series, &with("ets", regressor(is_on, 800)), &never).unwrap();
    let without = forecast(&series, &spec("ets", 12), &never).unwrap();
    assert_eq!(yhat(&found), yhat(&without));
    assert_eq!(
        found.report.notes,
        ["\"x\" moves only where the series is not known: its effect is not"]
    );
}
