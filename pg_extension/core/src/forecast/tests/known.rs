//! Options, transforms, regressors and events.

use serde_json::json;

use super::*;

fn event(name: &str, from: i64, until: i64) -> Event {
    Event {
        name: name.into(),
        start: START + from * HOUR,
        end: START + until * HOUR,
    }
}

/// A wave with a sale of three hours every fifth day, from the hundredth hour, that adds 100; and the sales, three of them still to come.
fn with_sales(n: i64) -> (Vec<f64>, Vec<Event>) {
    let sales: Vec<Event> = (0..n / 120 + 3)
        .map(|k| event("sale", 100 + 120 * k, 103 + 120 * k))
        .collect();
    let mut y = wave(usize::try_from(n).unwrap());
    for (i, v) in (0..n).zip(&mut y) {
        *v += if i >= 100 && (i - 100) % 120 < 3 {
            100.0
        } else {
            0.0
        };
    }
    (y, sales)
}

#[test]
fn options_are_known_by_model_and_typed() {
    let value = json!({"growth": "flat", "changepoints": 3, "changepoint_range": 1, "daily": 4, "weekly": false, "clean": true});
    let options = Options::from_json("prophet", &value).unwrap();
    assert_eq!(options.prophet.growth, Some(prophet::Growth::Flat));
    assert_eq!(options.prophet.daily, Some(Cycle::Order(4)));
    assert_eq!(options.prophet.weekly, Some(Cycle::Off));
    assert_eq!(options.clean, Some(true));
    let lstm = Options::from_json("lstm", &json!({"updates": 9, "seed": 7})).unwrap();
    assert_eq!((lstm.lstm.updates, lstm.lstm.seed), (Some(9), Some(7)));
    assert!(Options::for_models(&["lstm", "prophet"], &json!({"seed": 1, "daily": true})).is_ok());
    let default = Options::from_json("ets", &json!(null)).unwrap();
    assert_eq!(default, Options::default());
    let refused = |model: &str, value: serde_json::Value| {
        let error = Options::from_json(model, &value).unwrap_err();
        let hint = error.hint().unwrap_or_default().to_owned();
        (error.kind(), error.message().to_owned(), hint)
    };
    assert_eq!(
        refused("ets", json!({"seed": 1})),
        (
            ErrorKind::UnknownName,
            "unknown option \"seed\" of model ets".into(),
            "known: transform, clean".into()
        )
    );
    assert_eq!(
        refused("lstm", json!({"hiden": 8})).2,
        "known: transform, clean, hidden, window, epochs, updates, seed"
    );
    for (key, value, wanted) in [
        ("clean", json!("yes"), "true or false"),
        ("growth", json!("cubic"), "one of linear, logistic, flat"),
        ("changepoints", json!(-1), "a whole number of 0 or more"),
        ("changepoint_range", json!("0.8"), "a number"),
        (
            "daily",
            json!(0),
            "true, false or a number of pairs of sine and cosine",
        ),
        (
            "transform",
            json!("sqrt"),
            "\"none\", \"log\", \"box_cox\" or {\"box_cox\": λ}",
        ),
    ] {
        let (kind, message, _) = refused("prophet", json!({key: value}));
        assert_eq!(kind, ErrorKind::InvalidArgument);
        assert_eq!(
            message,
            format!("option {key:?} must be {wanted}, not {value}")
        );
    }
    let (_, message, _) = refused("ets", json!({"transform": {"box_cox": -1}}));
    assert_eq!(message, "λ of box_cox must be 0 to 2, not -1");
    assert_eq!(refused("ets", json!([1])).0, ErrorKind::InvalidArgument);
    assert_eq!(refused("arima", json!({})).0, ErrorKind::UnknownName);
}

#[test]
fn a_transform_keeps_forecasts_positive_and_ordered() {
    let y: Vec<f64> = wave(24 * 15)
        .iter()
        .map(|v| ((v - 200.0) / 15.0).exp())
        .collect();
    for (transform, lambda) in [
        (Transform::Log, 0.0..=0.0),
        (Transform::BoxCox(Some(0.5)), 0.5..=0.5),
        (Transform::BoxCox(None), 0.0..=0.3),
    ] {
        for model in [
            "ets", "mstl", "ridge", "ensemble", "prophet", "lstm", "auto",
        ] {
            let mut asked = ForecastSpec {
                quantiles: vec![0.001, 0.5, 0.999],
                ..spec(model, 24)
            };
            asked.options.transform = Some(transform);
            let f = run(&y, &asked);
            assert_eq!(f.status, "ok", "{model}");
            let found = f.report.params.iter().find(|(name, _)| name == "lambda");
            assert!(lambda.contains(&found.unwrap().1), "{found:?}");
            for row in &f.rows {
                assert!(0.0 <= row.q[0] && row.q[0] <= row.q[1] && row.q[1] <= row.q[2]);
                assert_eq!(Some(row.q[1]), row.yhat);
            }
            let stored = Model::fit(&hourly(&y), &asked, &never).unwrap().unwrap();
            let restored = Model::from_bytes(&stored.to_bytes()).unwrap();
            assert_eq!(
                restored.predict(24, 0.9, &asked.quantiles).unwrap(),
                f.rows,
                "{model}"
            );
        }
    }
    let mut asked = spec("ets", 3);
    asked.options.transform = Some(Transform::Log);
    let negative: Vec<f64> = wave(50).iter().map(|v| v - 200.0).collect();
    let error = forecast(&hourly(&negative), &asked, &never).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(
        error
            .message()
            .starts_with("transform log needs positive values, not -")
    );
    let mut stored = Model::fit(&hourly(&y), &asked, &never).unwrap().unwrap();
    let next = stored.last() + HOUR;
    assert!(!stored.observe(next, 0.0).unwrap());
    assert!(stored.observe(next, 1.0).unwrap());
}

#[test]
fn cleaning_can_be_switched_on_and_off() {
    let mut y = wave(24 * 20);
    y[200] += 2_000.0;
    let outliers = |model: &str, clean: Option<bool>| {
        let mut asked = spec(model, 3);
        asked.options.clean = clean;
        run(&y, &asked).report.outliers.len()
    };
    assert_eq!(outliers("ets", None), 1);
    assert_eq!(outliers("ets", Some(false)), 0);
    assert_eq!(outliers("prophet", None), 0);
    assert_eq!(outliers("prophet", Some(true)), 1);
    assert_eq!(outliers("ridge", Some(true)), 1);
}

#[test]
fn effects_of_events_are_learnt_and_explained() {
    let (y, sales) = with_sales(24 * 25);
    // The sale at hour 700 is 100 hours ahead.
    for model in [
        "ets", "mstl", "ensemble", "ridge", "prophet", "theta", "auto",
    ] {
        let asked = ForecastSpec {
            events: sales.clone(),
            ..spec(model, 104)
        };
        let explained = explain(&hourly(&y), &asked, &never).unwrap();
        let (used, rows) = (explained.model_used, explained.rows);
        assert!(used == model || model == "auto", "{used}");
        for row in &rows {
            let hour = (row.ts - START) / HOUR;
            let is_sale = hour >= 100 && (hour - 100) % 120 < 3;
            let expected = if is_sale { 100.0 } else { 0.0 };
            assert!(
                (row.event_effect - expected).abs() < 10.0,
                "{model} {row:?}"
            );
            if let Some(yhat) = row.yhat {
                let season: f64 = row.seasonal.iter().map(|s| s.1).sum();
                let whole = row.trend.unwrap() + season + row.event_effect + row.step_change;
                assert!((whole - yhat).abs() < 1e-9, "{model} {row:?}");
            }
        }
        let ahead: Vec<f64> = rows[600..].iter().map(|r| r.yhat.unwrap()).collect();
        assert!(
            (ahead[101] - wave(720)[701] - 100.0).abs() < 25.0,
            "{model} {}",
            ahead[101]
        );
        let stored = Model::fit(&hourly(&y), &asked, &never).unwrap().unwrap();
        let restored = Model::from_bytes(&stored.to_bytes()).unwrap();
        let again: Vec<f64> = restored
            .predict(104, 0.9, &[])
            .unwrap()
            .iter()
            .map(|r| r.yhat.unwrap())
            .collect();
        assert_eq!(again, ahead, "{model}");
        // Some keep the path that they made for the horizon.
        let longer = restored.predict(105, 0.9, &[]).map(|rows| rows.len());
        if ["ets", "mstl", "theta"].contains(&model) {
            assert_eq!(longer, Ok(105), "{model}");
        } else {
            assert_eq!(longer.unwrap_err().kind(), ErrorKind::TooLarge, "{model}");
        }
    }
}

#[test]
fn parts_add_up_on_another_scale_too() {
    let (y, sales) = with_sales(24 * 25);
    for model in ["ets", "prophet", "ensemble"] {
        let mut asked = ForecastSpec {
            events: sales.clone(),
            ..spec(model, 104)
        };
        asked.options.transform = Some(Transform::BoxCox(Some(0.4)));
        for row in explain(&hourly(&y), &asked, &never).unwrap().rows {
            let Some(yhat) = row.yhat else { continue };
            let season: f64 = row.seasonal.iter().map(|s| s.1).sum();
            let whole = row.trend.unwrap() + season + row.event_effect + row.step_change;
            assert!((whole - yhat).abs() < 1e-9, "{model} {row:?}");
        }
    }
}

#[test]
fn events_are_known_beyond_the_horizon_after_values_are_observed() {
    let (y, sales) = with_sales(24 * 25);
    let asked = ForecastSpec {
        events: sales,
        ..spec("ets", 4)
    };
    let model = Model::fit(&hourly(&y), &asked, &never).unwrap().unwrap();
    let mut model = Model::from_bytes(&model.to_bytes()).unwrap();
    // From hour 600 on; the sale from 700 to 702 is far beyond the horizon of the fit.
    let wave = wave(720);
    for hour in 600..699 {
        let ts = START + hour * HOUR;
        let y = wave[usize::try_from(hour).unwrap()];
        assert!(model.observe(ts, y).unwrap());
    }
    let found = model.forecast(&asked).unwrap();
    assert_eq!((found.status.as_str(), found.rows.len()), ("ok", 4));
    let above = |row: &ForecastRow, hour: usize| row.yhat.unwrap() - wave[hour];
    assert!(above(&found.rows[0], 699).abs() < 25.0);
    assert!((above(&found.rows[1], 700) - 100.0).abs() < 25.0);
    // What the sale adds is not taken for a new level.
    assert!(model.observe(START + 699 * HOUR, wave[699]).unwrap());
    for (hour, usual) in (700..703).zip(&wave[700..]) {
        assert!(model.observe(START + hour * HOUR, usual + 100.0).unwrap());
    }
    let found = model.forecast(&asked).unwrap();
    assert!(above(&found.rows[0], 703).abs() < 25.0, "{found:?}");
}

#[test]
fn a_model_whose_regressors_end_says_so_and_takes_no_more_values() {
    let y = wave(24 * 25);
    let hour = |i: i64| START + i * HOUR;
    let known = Regressor {
        name: "price".into(),
        series: Series::try_new(
            (0..606).map(hour).collect(),
            (0..606).map(|i| (i % 31) as f64).collect(),
        )
        .unwrap(),
    };
    let asked = ForecastSpec {
        regressors: vec![known],
        ..spec("ets", 4)
    };
    let model = Model::fit(&hourly(&y), &asked, &never).unwrap().unwrap();
    let mut model = Model::from_bytes(&model.to_bytes()).unwrap();
    let said = |model: &Model| {
        let found = model.forecast(&asked).unwrap();
        (found.status, found.rows.len())
    };
    for i in 600..606 {
        let left = usize::try_from(606 - i).unwrap().min(4);
        let status = if left < 4 { "refit_needed" } else { "ok" };
        assert_eq!(said(&model), (status.into(), left));
        assert!(model.observe(hour(i), 200.0).unwrap());
    }
    assert_eq!(said(&model), ("refit_needed".into(), 0));
    let before = model.clone();
    assert!(!model.observe(hour(606), 200.0).unwrap());
    assert_eq!(model, before);
    // So does a value after a gap that reaches beyond what is known, and a longer horizon.
    let mut fresh = Model::fit(&hourly(&y), &asked, &never).unwrap().unwrap();
    assert!(!fresh.observe(hour(606), 200.0).unwrap());
    let longer = ForecastSpec {
        horizon: 9 * HOUR,
        ..asked.clone()
    };
    let found = fresh.forecast(&longer).unwrap();
    assert_eq!(
        (found.status.as_str(), found.rows.len()),
        ("refit_needed", 6)
    );
    assert_eq!(
        fresh.predict(9, 0.9, &[]).unwrap_err().kind(),
        ErrorKind::TooLarge
    );
}

#[test]
fn regressors_must_reach_over_the_horizon() {
    // What they do is no season: a price that changes every 31 hours.
    let price = |i: i64| ((i / 31) * 7_919 % 13) as f64;
    let mut y = wave(24 * 25);
    for (i, v) in (0..).zip(&mut y) {
        *v -= 5.0 * price(i);
    }
    let known = |n: i64| Regressor {
        name: "price".into(),
        series: Series::try_new(
            (0..n).map(|i| START + i * HOUR).collect(),
            (0..n).map(price).collect(),
        )
        .unwrap(),
    };
    for model in ["ets", "prophet", "ensemble"] {
        let asked = |n: i64| ForecastSpec {
            regressors: vec![known(n)],
            ..spec(model, 48)
        };
        let f = run(&y, &asked(648));
        let error = |f: &Forecast| -> f64 {
            let expected = wave(648);
            f.rows
                .iter()
                .zip(600..)
                .map(|(r, i)| (r.yhat.unwrap() - expected[i] + 5.0 * price(i as i64)).abs() / 48.0)
                .sum()
        };
        let without = run(&y, &spec(model, 48));
        assert!(
            error(&f) < 8.0 && error(&f) < 0.7 * error(&without),
            "{model} {} {}",
            error(&f),
            error(&without)
        );
        let missing = forecast(&hourly(&y), &asked(640), &never).unwrap_err();
        assert_eq!(
            missing.message(),
            "regressor \"price\" has no value for the window at 2022-02-03 16:00:00+00"
        );
    }
}

#[test]
fn influences_without_sense_are_refused() {
    let refused = |events: Vec<Event>| {
        let asked = ForecastSpec {
            events,
            ..spec("ets", 3)
        };
        forecast(&hourly(&wave(50)), &asked, &never).unwrap_err()
    };
    let backward = refused(vec![event("sale", 5, 5)]);
    assert_eq!(backward.kind(), ErrorKind::InvalidArgument);
    assert!(
        backward
            .message()
            .starts_with("event \"sale\" ends at 2022-01-08 05:00:00+00")
    );
    let many = (0..51)
        .map(|i| event(&format!("event {i}"), i, i + 1))
        .collect();
    assert_eq!(refused(many).kind(), ErrorKind::TooLarge);
    let twice = Regressor {
        name: "price".into(),
        series: Series::try_new(vec![START, START, START + HOUR], vec![1.0, 2.0, 2.0]).unwrap(),
    };
    let asked = ForecastSpec {
        regressors: vec![twice],
        ..spec("ets", 1)
    };
    let twice = forecast(&hourly(&wave(50)), &asked, &never).unwrap_err();
    assert_eq!(
        (twice.kind(), twice.message()),
        (
            ErrorKind::InvalidArgument,
            "regressor \"price\" has two values at 2022-01-08 00:00:00+00: 1 and 2"
        )
    );
    // Events outside of what is looked at change nothing.
    let asked = ForecastSpec {
        events: vec![event("past", -900, -800), event("future", 900, 1_000)],
        ..spec("ets", 3)
    };
    assert_eq!(
        yhat(&run(&wave(50), &asked)),
        yhat(&run(&wave(50), &spec("ets", 3)))
    );
}
