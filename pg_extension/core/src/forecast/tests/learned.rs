//! The models that are learned by descent: `prophet` and `lstm`.

use std::cell::Cell;

use super::*;

const LEARNED: [&str; 2] = ["prophet", "lstm"];

/// Enough to see that a network learns.
pub(in crate::forecast) fn small_network() -> LstmOptions {
    LstmOptions {
        updates: Some(30),
        hidden: Some(8),
        window: Some(16),
        ..LstmOptions::default()
    }
}

#[test]
fn series_of_every_kind_get_a_status() {
    for model in LEARNED {
        for (n, used, status) in [
            (1, "last_value", "short"),
            (2, "last_value", "short"),
            (11, "prophet", "ok"),
            (99, "prophet", "ok"),
        ] {
            let f = run(&wave(n), &spec(model, 2));
            if model == "lstm" && n > 2 {
                assert_eq!(f.status, "short", "{n}");
            } else {
                assert_eq!(
                    (f.model_used.as_str(), f.status.as_str()),
                    (used, status),
                    "{n}"
                );
            }
            assert!(f.rows.iter().all(|r| r.yhat.unwrap().is_finite()));
        }
        assert_eq!(run(&[], &spec(model, 2)).status, "empty");
        assert_eq!(run(&[3.0; 200], &spec(model, 2)).status, "constant");
        assert_eq!(run(&wave(200), &spec(model, 2)).status, "ok");
        let far = ForecastSpec {
            horizon: 1_000_000 * HOUR,
            ..spec(model, 1)
        };
        let error = forecast(&hourly(&wave(200)), &far, &never).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        let long = ForecastSpec {
            periods: vec![365 * DAY],
            ..spec(model, 2)
        };
        assert_eq!(run(&wave(200), &long).status, "ok");
    }
}

#[test]
fn gaps_duplicates_and_uneven_times_are_no_obstacle() {
    let y = wave(24 * 20);
    let ts: Vec<Micros> = (0..24 * 20)
        .map(|i| START + i * HOUR + if i > 300 { 40 * DAY } else { 0 } + i * i * 7_919 % MINUTE)
        .map(|ts| ts - ts % if ts % 7 == 0 { HOUR } else { 1 })
        .collect();
    let mut sorted = ts;
    sorted.sort_unstable();
    let series = Series::try_new(sorted, y).unwrap();
    for model in LEARNED {
        let f = forecast(&series, &spec(model, 24), &never).unwrap();
        assert_eq!(f.status, "ok", "{model}");
        assert!(f.report.n_gap > 900);
        for row in &f.rows {
            assert!((0.0..500.0).contains(&row.yhat.unwrap()), "{model} {row:?}");
        }
    }
}

#[test]
fn prophet_follows_season_and_trend_with_narrow_bounds() {
    let y = wave(24 * 30);
    let f = run(&y[..24 * 28], &spec("prophet", 48));
    let inside = f
        .rows
        .iter()
        .zip(&y[24 * 28..])
        .filter(|(r, y)| (r.lower.unwrap()..=r.upper.unwrap()).contains(y))
        .count();
    assert!(inside >= 40, "{inside}");
    assert!(
        f.rows
            .iter()
            .all(|r| r.upper.unwrap() - r.lower.unwrap() < 20.0)
    );
}

#[test]
fn prophet_takes_its_options() {
    let y: Vec<f64> = (0..480)
        .map(|i| {
            100.0 / (1.0 + (-(f64::from(i) - 300.0) / 60.0).exp())
                + f64::from(i * 7_919 % 11) / 10.0
        })
        .collect();
    let ask = |growth, ceiling| {
        let mut asked = ForecastSpec {
            ceiling,
            ..spec("prophet", 240)
        };
        asked.options.prophet.growth = Some(growth);
        forecast(&hourly(&y), &asked, &never)
    };
    let error = ask(prophet::Growth::Logistic, None).unwrap_err();
    assert_eq!(error.message(), "logistic growth needs a ceiling");
    let saturating = ask(prophet::Growth::Logistic, Some(104.0)).unwrap();
    let last = yhat(&saturating)[239];
    assert!((95.0..=104.0).contains(&last), "{last}");
    let linear = ask(prophet::Growth::Linear, None).unwrap();
    assert!(yhat(&linear)[239] > 110.0);
    assert_eq!(
        saturating.report.form.as_deref(),
        Some("logistic, additive")
    );
    let mut asked = spec("prophet", 24);
    asked.options.prophet.daily = Some(Cycle::Off);
    asked.options.prophet.weekly = Some(Cycle::Off);
    let plain = explain(&hourly(&wave(480)), &asked, &never).unwrap().rows;
    assert!(
        plain
            .iter()
            .all(|r| r.seasonal.is_empty() || r.seasonal.len() == 2)
    );
    asked.options.prophet.changepoint_range = Some(2.0);
    let error = forecast(&hourly(&wave(480)), &asked, &never).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn lstm_takes_its_options_and_is_the_same_for_a_seed() {
    let y = wave(24 * 20);
    let ask = |change: &dyn Fn(&mut LstmOptions)| {
        let mut asked = spec("lstm", 24);
        change(&mut asked.options.lstm);
        forecast(&hourly(&y), &asked, &never)
    };
    let plain = ask(&|_| {}).unwrap();
    assert_eq!(plain, ask(&|_| {}).unwrap());
    assert_ne!(yhat(&plain), yhat(&ask(&|o| o.seed = Some(2)).unwrap()));
    let error = ask(&|o| o.hidden = Some(7)).unwrap_err();
    assert_eq!(error.message(), "hidden must be 8 to 64, not 7");
    let updates = |f: &Forecast| f.report.params.iter().find(|p| p.0 == "updates").unwrap().1;
    assert!((updates(&plain) - 30.0).abs() < 0.5);
    assert!(updates(&ask(&|o| o.epochs = Some(1)).unwrap()) < 20.0);
}

#[test]
fn a_horizon_longer_than_the_network_goes_on_from_its_medians() {
    let f = run(&wave(24 * 20), &spec("lstm", 200));
    assert_eq!((f.status.as_str(), f.rows.len()), ("ok", 200));
    let width = |h: usize| f.rows[h].upper.unwrap() - f.rows[h].lower.unwrap();
    assert!(width(199) > width(59));
    assert!(
        f.rows
            .iter()
            .all(|r| (0.0..600.0).contains(&r.yhat.unwrap()))
    );
}

#[test]
fn every_fit_can_be_cancelled_anywhere() {
    let y = wave(24 * 20);
    for model in LEARNED {
        let asked = Cell::new(0);
        let count = || {
            asked.set(asked.get() + 1);
            false
        };
        forecast(&hourly(&y), &spec(model, 24), &count).unwrap();
        let all = asked.get();
        assert!(all > 30, "{model} {all}");
        for at in [0, 1, all / 3, all / 2, all - 1] {
            let left = Cell::new(at);
            let stop = || {
                left.set(left.get() - 1);
                left.get() < 0
            };
            let error = forecast(&hourly(&y), &spec(model, 24), &stop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Cancelled, "{model} {at}");
        }
    }
}
