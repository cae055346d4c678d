use proptest::prelude::*;

use super::*;
use crate::time::{DAY, MINUTE, SECOND};

mod beside;
mod days;
mod engine;
mod floors;
mod golden;
mod influence;
mod known;
mod known_then;
pub(super) mod learned;

const HOUR: Micros = 60 * MINUTE;
const START: Micros = 19_000 * DAY;

fn never() -> bool {
    false
}

fn hourly(values: &[f64]) -> Series {
    let n = i64::try_from(values.len()).unwrap();
    Series::try_new((0..n).map(|i| START + i * HOUR).collect(), values.to_vec()).unwrap()
}

fn spec(model: &str, hours: i64) -> ForecastSpec {
    ForecastSpec {
        horizon: hours * HOUR,
        model: model.into(),
        level: 0.9,
        options: Options {
            lstm: learned::small_network(),
            ..Options::default()
        },
        ..ForecastSpec::default()
    }
}

fn run(values: &[f64], spec: &ForecastSpec) -> Forecast {
    forecast(&hourly(values), spec, &never).unwrap()
}

/// A daily wave with a slow rise and a small repeating disturbance.
fn wave(n: usize) -> Vec<f64> {
    let at = |i: usize| {
        let hour = i as f64;
        let disturbance = ((i * 7_919) % 101) as f64 / 50.0 - 1.0;
        200.0 + 0.05 * hour + 50.0 * (std::f64::consts::TAU * hour / 24.0).sin() + 3.0 * disturbance
    };
    (0..n).map(at).collect()
}

fn yhat(f: &Forecast) -> Vec<f64> {
    f.rows
        .iter()
        .filter(|r| !r.is_history)
        .map(|r| r.yhat.unwrap())
        .collect()
}

#[test]
fn the_seasonal_naive_forecast_is_the_last_season() {
    let y = wave(24 * 6);
    let f = run(&y, &spec("seasonal_naive", 30));
    let expected: Vec<f64> = y[24 * 5..]
        .iter()
        .chain(&y[24 * 5..24 * 5 + 6])
        .copied()
        .collect();
    assert_eq!(yhat(&f), expected);
    assert_eq!(
        (f.model_used.as_str(), f.status.as_str(), f.step),
        ("seasonal_naive", "ok", Step::try_new(HOUR).ok())
    );
    assert_eq!(
        (f.rows[0].ts, f.rows[0].step, f.rows[29].step),
        (START + 144 * HOUR, 1, 30)
    );
}

#[test]
fn mstl_follows_season_and_trend() {
    let y = wave(24 * 15);
    let f = run(&y[..24 * 14], &spec("mstl", 24));
    assert_eq!((f.model_used.as_str(), f.status.as_str()), ("mstl", "ok"));
    let worst = yhat(&f)
        .iter()
        .zip(&y[24 * 14..])
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(worst < 8.0, "{worst}");
}

#[test]
fn auto_names_the_model_that_it_took() {
    let seasonal = run(&wave(24 * 10), &spec("auto", 24));
    assert_eq!(seasonal.model_used, "ensemble");
    let level: Vec<f64> = (0..30).map(|i| 10.0 + f64::from(i * 13 % 7)).collect();
    assert_eq!(run(&level, &spec("auto", 3)).model_used, "ensemble");
    let few = run(&[1.0, 2.0, 3.0], &spec("auto", 3));
    assert_eq!(
        (few.model_used.as_str(), few.status.as_str()),
        ("last_value", "short")
    );
}

#[test]
fn an_empty_series_has_no_rows() {
    let f = run(&[], &spec("auto", 3));
    assert_eq!(
        f,
        Forecast {
            step: None,
            model_used: "none".into(),
            status: "empty".into(),
            rows: vec![],
            report: FitReport::default(),
        }
    );
    let early = ForecastSpec {
        as_of: Some(START),
        ..spec("auto", 3)
    };
    assert_eq!(run(&wave(50), &early).status, "empty");
}

#[test]
fn one_sample_is_repeated_without_bounds() {
    let f = run(
        &[7.0],
        &ForecastSpec {
            quantiles: vec![0.5],
            ..spec("auto", 3)
        },
    );
    assert_eq!(
        (f.status.as_str(), f.step, f.rows.len()),
        ("short", Step::try_new(3 * HOUR).ok(), 1)
    );
    assert_eq!(
        (f.rows[0].yhat, f.rows[0].lower, f.rows[0].q.len()),
        (Some(7.0), None, 0)
    );
    let two = run(&[7.0, 9.0], &spec("auto", 3));
    assert_eq!(two.rows.len(), 3);
    assert!(two.rows[2].upper.unwrap() - 9.0 > two.rows[0].upper.unwrap() - 9.0);
}

#[test]
fn a_constant_series_stays_what_it_is() {
    for model in ["auto", "mstl", "ets", "seasonal_naive"] {
        let f = run(
            &[5.0; 60],
            &ForecastSpec {
                quantiles: vec![0.01, 0.99],
                ..spec(model, 2)
            },
        );
        assert_eq!(f.status, "constant");
        let row = &f.rows[1];
        assert_eq!(
            (row.yhat, row.lower, row.upper, row.q.as_slice()),
            (Some(5.0), Some(5.0), Some(5.0), &[5.0, 5.0][..])
        );
    }
}

#[test]
fn a_series_too_short_for_the_model_says_so() {
    let f = run(&wave(14), &spec("mstl", 3));
    assert_eq!(
        (f.model_used.as_str(), f.status.as_str()),
        ("last_value", "short")
    );
    let f = run(&wave(6), &spec("ets", 3));
    assert_eq!(
        (f.model_used.as_str(), f.status.as_str()),
        ("last_value", "short")
    );
}

#[test]
fn gaps_are_filled_on_a_line_and_duplicates_averaged() {
    let ts = [0, 1, 1, 2, 5, 6].map(|h| START + h * HOUR).to_vec();
    let series = Series::try_new(ts, vec![1.0, 2.0, 4.0, 4.0, 10.0, 9.0]).unwrap();
    let f = forecast(
        &series,
        &ForecastSpec {
            with_history: true,
            ..spec("last_value", 1)
        },
        &never,
    )
    .unwrap();
    let y: Vec<_> = f.rows.iter().map(|r| r.y).collect();
    assert_eq!(
        y,
        [
            Some(1.0),
            Some(3.0),
            Some(4.0),
            None,
            None,
            Some(10.0),
            Some(9.0),
            None
        ]
    );
    // One step ahead the last value is forecast, filled ones included.
    let fitted: Vec<_> = f.rows.iter().map(|r| r.yhat).collect();
    assert_eq!(
        fitted,
        [
            None,
            Some(1.0),
            Some(3.0),
            Some(4.0),
            Some(6.0),
            Some(8.0),
            Some(10.0),
            Some(9.0)
        ]
    );
    assert_eq!(
        f.rows.iter().map(|r| r.step).collect::<Vec<_>>(),
        [-6, -5, -4, -3, -2, -1, 0, 1]
    );
}

#[test]
fn times_that_jitter_have_a_step_all_the_same() {
    let jitter = |i: i64| START + i * MINUTE + (i * i * 7_919_377 + i * 104_729) % SECOND;
    let series = Series::try_new((0..50).map(jitter).collect(), wave(50)).unwrap();
    let f = forecast(
        &series,
        &ForecastSpec {
            horizon: 5 * MINUTE,
            ..spec("ets", 1)
        },
        &never,
    )
    .unwrap();
    assert_eq!(
        (f.step, f.rows.len(), f.rows[0].ts),
        (Step::try_new(MINUTE).ok(), 5, jitter(49) + MINUTE)
    );
}

#[test]
fn samples_from_as_of_on_are_not_seen() {
    let y = wave(24 * 12);
    let cut = ForecastSpec {
        as_of: Some(START + 24 * 11 * HOUR),
        with_history: true,
        ..spec("auto", 12)
    };
    let plain = ForecastSpec {
        as_of: None,
        ..cut.clone()
    };
    assert_eq!(run(&y, &cut), run(&y[..24 * 11], &plain));
}

#[test]
fn floor_and_ceiling_bound_everything() {
    let bounded = ForecastSpec {
        floor: Some(190.0),
        ceiling: Some(220.0),
        quantiles: vec![0.01, 0.99],
        ..spec("auto", 24)
    };
    for row in run(&wave(24 * 10), &bounded).rows {
        let all = [row.yhat, row.lower, row.upper]
            .into_iter()
            .flatten()
            .chain(row.q);
        assert!(all.into_iter().all(|v| (190.0..=220.0).contains(&v)));
    }
}

#[test]
fn history_has_the_fit_where_the_model_has_one() {
    let y = wave(24 * 10);
    for model in ["seasonal_naive", "ets", "mstl"] {
        let f = run(
            &y,
            &ForecastSpec {
                with_history: true,
                ..spec(model, 2)
            },
        );
        let (past, ahead): (Vec<_>, Vec<_>) = f.rows.iter().partition(|r| r.is_history);
        assert_eq!((past.len(), ahead.len()), (y.len(), 2), "{model}");
        assert!(past.iter().zip(&y).all(|(r, y)| r.y == Some(*y)), "{model}");
        assert!(
            past.iter()
                .rev()
                .take(200)
                .all(|r| r.yhat.is_some() && r.upper >= r.yhat),
            "{model}"
        );
        assert!(
            f.rows
                .windows(2)
                .all(|w| w[1].ts - w[0].ts == HOUR && w[1].step - w[0].step == 1),
            "{model}"
        );
    }
}

#[test]
fn wrong_arguments_are_refused_with_a_hint() {
    let refused = |change: &dyn Fn(&mut ForecastSpec)| {
        let mut spec = spec("auto", 3);
        change(&mut spec);
        let e = forecast(&hourly(&wave(50)), &spec, &never).unwrap_err();
        (
            e.kind(),
            e.message().to_owned(),
            e.hint().unwrap_or_default().to_owned(),
        )
    };
    let (kind, message, hint) = refused(&|s| s.model = "arima".into());
    assert_eq!(
        (kind, message.as_str()),
        (ErrorKind::UnknownName, "unknown model \"arima\"")
    );
    assert_eq!(
        hint,
        "known: auto, seasonal_naive, last_value, ets, mstl, drift, theta, dynamic_theta, ridge, ensemble, prophet, lstm"
    );
    assert_eq!(refused(&|s| s.horizon = 0).0, ErrorKind::InvalidArgument);
    assert_eq!(
        refused(&|s| s.level = 95.0).1,
        "level must be between 0 and 1, not 95"
    );
    assert_eq!(
        refused(&|s| s.quantiles = vec![0.5, f64::NAN]).0,
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        refused(&|s| s.periods = vec![-1]).0,
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        refused(&|s| s.periods = vec![DAY; 4]).0,
        ErrorKind::TooLarge
    );
    assert_eq!(
        refused(&|s| s.floor = Some(f64::NEG_INFINITY)).0,
        ErrorKind::NotFinite
    );
    assert_eq!(
        refused(&|s| (s.floor, s.ceiling) = (Some(2.0), Some(1.0))).0,
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        refused(&|s| s.horizon = 100_001 * HOUR).1,
        "the horizon is 100001 steps, more than 100000"
    );
    let stopped = forecast(&hourly(&wave(50)), &spec("ets", 3), &|| true).unwrap_err();
    assert_eq!(stopped.kind(), ErrorKind::Cancelled);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_series_gives_ordered_finite_rows(
        y in prop::collection::vec(prop_oneof![-1e3..1e3_f64, Just(0.0), -1e9..1e9_f64], 1..80),
        model in prop::sample::select(vec!["auto", "seasonal_naive", "last_value", "drift", "ets", "theta", "dynamic_theta", "mstl", "ridge", "ensemble", "prophet", "lstm"]),
        hours in 1_i64..30
    ) {
        let spec = ForecastSpec { quantiles: vec![0.1, 0.5, 0.9], periods: vec![6 * HOUR], ..spec(model, hours) };
        let f = run(&y, &spec);
        prop_assert_eq!(&f, &run(&y, &spec));
        prop_assert!(y.len() == 1 || f.rows.len() == usize::try_from(hours).unwrap());
        for row in &f.rows {
            prop_assert!(row.yhat.unwrap().is_finite());
            if let (Some(lower), Some(upper)) = (row.lower, row.upper) {
                prop_assert!(lower <= row.yhat.unwrap() && row.yhat.unwrap() <= upper && (upper - lower).is_finite());
                prop_assert!(row.q[0] <= row.q[1] && row.q[1] <= row.q[2]);
                prop_assert_eq!(Some(row.q[1]), row.yhat);
            }
        }
    }

    #[test]
    fn the_forecast_moves_with_the_scale_of_the_series(model in prop::sample::select(vec!["auto", "ets", "mstl", "theta", "ridge", "ensemble", "prophet"])) {
        let y = wave(24 * 5);
        let scaled: Vec<f64> = y.iter().map(|v| 1024.0 * v).collect();
        let (a, b) = (run(&y, &spec(model, 6)), run(&scaled, &spec(model, 6)));
        prop_assert_eq!(&a.model_used, &b.model_used);
        for (a, b) in yhat(&a).iter().zip(yhat(&b)) {
            prop_assert!((1024.0 * a - b).abs() <= 1e-6 * b.abs());
        }
    }
}
