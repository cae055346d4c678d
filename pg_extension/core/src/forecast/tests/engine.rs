//! Stored models, explanations, backtests and reports.

use super::*;

const MODELS: [&str; 11] = [
    "seasonal_naive",
    "last_value",
    "drift",
    "ets",
    "theta",
    "dynamic_theta",
    "mstl",
    "ridge",
    "ensemble",
    "prophet",
    "lstm",
];

#[test]
fn components_add_up_to_the_forecast() {
    let mut y = wave(24 * 20);
    y[100] += 5_000.0;
    for model in MODELS.into_iter().chain(["auto"]) {
        let spec = ForecastSpec {
            floor: Some(150.0),
            ..spec(model, 30)
        };
        let explained = explain(&hourly(&y), &spec, &never).unwrap();
        let (used, rows) = (explained.model_used, explained.rows);
        assert!(used == model || model == "auto", "{used}");
        assert_eq!(rows.len(), y.len() + 30);
        for row in &rows {
            let Some(yhat) = row.yhat else { continue };
            let season: f64 = row.seasonal.iter().map(|s| s.1).sum();
            let whole = row.trend.unwrap() + season + row.event_effect + row.step_change;
            assert!((whole - yhat).abs() < 1e-9, "{model} {row:?}");
            assert_eq!(row.residual, row.y.map(|y| y - yhat));
        }
        let forecast: Vec<f64> = rows
            .iter()
            .filter(|r| !r.is_history)
            .filter_map(|r| r.yhat)
            .collect();
        assert_eq!(forecast, yhat(&run(&y, &spec)), "{model}");
        if ["ets", "mstl"].contains(&model) {
            assert!(
                rows[rows.len() - 1]
                    .seasonal
                    .iter()
                    .any(|s| s.1.abs() > 5.0),
                "{model}"
            );
        }
    }
}

#[test]
fn a_stored_model_forecasts_the_same_bits() {
    let y = wave(24 * 20);
    for model in MODELS {
        let spec = ForecastSpec {
            quantiles: vec![0.1, 0.9],
            ..spec(model, 24)
        };
        let fitted = Model::fit(&hourly(&y), &spec, &never).unwrap().unwrap();
        let restored = Model::from_bytes(&fitted.to_bytes()).unwrap();
        assert_eq!(fitted, restored);
        assert_eq!(
            restored.predict(24, spec.level, &spec.quantiles).unwrap(),
            run(&y, &spec).rows,
            "{model}"
        );
        assert_eq!((restored.name(), restored.status()), (model, "ok"));
    }
    for bytes in [
        &b""[..],
        b"\x02{}",
        b"\x01{}",
        b"\x01{\"name\":",
        b"\x01\xff\xfe",
    ] {
        assert_eq!(
            Model::from_bytes(bytes).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
    }
}

#[test]
fn a_model_that_observes_goes_on_from_there() {
    let y = wave(24 * 20);
    let (known, new) = y.split_at(24 * 19);
    for (model, goes_on) in MODELS.map(|m| (m, !["ridge", "ensemble", "prophet"].contains(&m))) {
        let mut fitted = Model::fit(&hourly(known), &spec(model, 24), &never)
            .unwrap()
            .unwrap();
        let before = fitted.clone();
        let mut next = fitted.last();
        for v in new {
            next += HOUR;
            assert_eq!(fitted.observe(next, *v).unwrap(), goes_on, "{model}");
        }
        assert_eq!(fitted == before, !goes_on, "{model}");
        if goes_on {
            let rows = fitted.predict(2, 0.9, &[]).unwrap();
            assert_eq!(rows[0].ts, START + 24 * 20 * HOUR);
            assert!(
                (rows[0].yhat.unwrap() - y[24 * 20 - 1]).abs() < 40.0,
                "{model}"
            );
            assert_eq!(
                fitted.observe(next, 1.0).unwrap_err().kind(),
                ErrorKind::InvalidArgument
            );
            assert_eq!(
                fitted.observe(next + HOUR, f64::NAN).unwrap_err().kind(),
                ErrorKind::NotFinite
            );
        } else if model != "prophet" {
            assert_eq!(
                fitted.predict(25, 0.9, &[]).unwrap_err().kind(),
                ErrorKind::TooLarge
            );
        }
    }
}

fn rows_of(y: &[f64], spec: &BacktestSpec) -> Vec<BacktestRow> {
    Backtest::new(&hourly(y), spec, &never)
        .and_then(Iterator::collect)
        .unwrap()
}

#[test]
fn a_backtest_sees_nothing_of_what_it_is_judged_by() {
    let y = wave(24 * 20);
    let spec = BacktestSpec {
        forecast: spec("auto", 24),
        step: DAY,
        windows: 3,
        models: vec!["seasonal_naive".into(), "ets".into()],
    };
    let rows = rows_of(&y, &spec);
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[2].origin, START + 24 * 19 * HOUR);
    let (last, naive) = (&rows[5], &rows[2]);
    assert!(last.n == 24 && last.mase.unwrap() < naive.mase.unwrap() && last.status == "ok");
    let error: f64 = (24 * 19..24 * 20)
        .map(|t| (y[t] - y[t - 24]).abs() / 24.0)
        .sum();
    assert!((naive.mae.unwrap() - error).abs() < 1e-9);
    let scale: f64 = (24..24 * 19)
        .map(|t| (y[t] - y[t - 24]).abs() / (24.0 * 18.0))
        .sum();
    assert!((naive.mase.unwrap() - error / scale).abs() < 1e-9);
    assert!(
        (0.0..=1.0).contains(&last.coverage.unwrap())
            && last.msis.unwrap() > 0.0
            && last.pinball.unwrap() > 0.0
    );
    assert!(last.rmse.unwrap() >= last.mae.unwrap() && last.smape.unwrap() < 10.0);
    let early = BacktestSpec {
        windows: 1_000,
        ..spec
    };
    let rows = rows_of(&y, &early);
    assert_eq!(rows[0].origin, START + (24 * 19 - 1) * HOUR - 999 * DAY);
    assert_eq!(
        (rows[0].n, rows[0].mae, rows[0].status.as_str()),
        (0, None, "no_data")
    );
}

#[test]
fn a_forecast_as_of_an_origin_is_the_one_that_the_backtest_scored() {
    let y = wave(24 * 20);
    let regular: Vec<Micros> = (0..).take(y.len()).map(|i| START + i * HOUR).collect();
    // Up to twenty minutes early or late.
    let jitter = (0..).zip(&regular);
    let jitter = jitter.map(|(i, t)| t + (i * 7_919 % 41 - 20) * MINUTE);
    let jitter: Vec<Micros> = jitter.collect();
    let gaps: Vec<Micros> = (0..)
        .zip(&regular)
        .map(|(i, t)| t + i / 50 * 5 * HOUR)
        .collect();
    for ts in [regular, jitter, gaps] {
        let series = Series::try_new(ts.clone(), y.clone()).unwrap();
        let asked = BacktestSpec {
            forecast: spec("last_value", 6),
            step: HOUR,
            windows: 100,
            models: vec!["last_value".into()],
        };
        let backtest = Backtest::new(&series, &asked, &never).unwrap();
        let cuts = backtest.origins.cuts.clone();
        for (cut, row) in cuts.into_iter().zip(backtest) {
            let origin = row.unwrap().origin;
            let scored = forecast(&series, &asked.of("last_value", Some(cut)), &never).unwrap();
            let again = asked.of("last_value", Some(origin));
            assert_eq!(forecast(&series, &again, &never).unwrap(), scored);
            let (first, next) = (scored.rows[0].ts, ts.partition_point(|t| *t < cut));
            assert_eq!(origin, first.min(ts[next]));
            assert_eq!(origin % MINUTE, 0);
        }
    }
}

#[test]
fn a_backtest_looks_no_further_than_as_of_and_says_where_it_is() {
    let y = wave(24 * 20);
    let series = hourly(&y);
    let spec = |as_of| BacktestSpec {
        forecast: ForecastSpec {
            as_of,
            ..spec("last_value", 24)
        },
        step: 24 * HOUR,
        windows: 2,
        models: vec!["last_value".into(), "drift".into()],
    };
    let (cut, whole) = (spec(Some(START + 24 * 10 * HOUR)), spec(None));
    let rows = rows_of(&y, &cut);
    assert_eq!(rows, rows_of(&y[..24 * 10], &whole));
    let mut backtest = Backtest::new(&series, &cut, &never).unwrap();
    assert_eq!(backtest.ahead(), Some(("last_value", 1)));
    backtest.nth(2);
    assert_eq!(backtest.ahead(), Some(("drift", 2)));
    backtest.next();
    assert_eq!((backtest.ahead(), backtest.next()), (None, None));
    let unknown = BacktestSpec {
        models: vec!["magic".into()],
        ..spec(None)
    };
    assert!(Backtest::new(&series, &unknown, &never).is_err());
}

#[test]
fn the_report_says_what_was_changed() {
    let mut y = wave(24 * 20);
    y[200] += 2_000.0;
    let f = run(&y, &spec("ets", 24));
    assert_eq!(f.report.outliers, [START + 200 * HOUR]);
    assert_eq!(
        (
            f.report.n_obs,
            f.report.n_gap,
            f.report.n_dup,
            f.report.level_shift
        ),
        (480, 0, 0, None)
    );
    assert_eq!(f.report.periods, [DAY, 7 * DAY]);
    assert!(
        f.report.form.is_some()
            && f.report.aicc.unwrap().is_finite()
            && f.report.resid_sd.unwrap() > 0.0
    );
    // What a model does not use is not reported.
    assert!(run(&y, &spec("last_value", 24)).report.outliers.is_empty());
    let shifted: Vec<f64> = wave(24 * 20)
        .iter()
        .enumerate()
        .map(|(i, v)| if i < 250 { *v } else { 3.0 * v })
        .collect();
    let report = run(&shifted, &spec("ensemble", 24)).report;
    let shift = (report.level_shift.unwrap() - START) / HOUR;
    assert!((245..=255).contains(&shift), "{shift}");
}

#[test]
fn seasons_of_any_length_are_found() {
    // Values every ten days: neither a day nor a week, and a year is not known twice.
    let y: Vec<f64> = (0..60)
        .map(|i| 50.0 + f64::from(i % 5) * 10.0 + f64::from(i * 7_919 % 13) / 10.0)
        .collect();
    let series =
        Series::try_new((0..60).map(|i| START + i * 10 * DAY).collect(), y.clone()).unwrap();
    let asked = ForecastSpec {
        horizon: 100 * DAY,
        ..spec("auto", 1)
    };
    let f = forecast(&series, &asked, &never).unwrap();
    assert_eq!(f.report.periods, [50 * DAY]);
    let worst = f
        .rows
        .iter()
        .enumerate()
        .map(|(h, r)| (r.yhat.unwrap() - y[h]).abs())
        .fold(0.0, f64::max);
    assert!(worst < 5.0, "{worst}");
}

#[test]
fn awkward_series_get_forecasts() {
    let negative: Vec<f64> = wave(24 * 20).iter().map(|v| v - 200.0).collect();
    let sparse: Vec<f64> = (0..480).map(|i| f64::from(u8::from(i % 17 == 0))).collect();
    let stretch: Vec<f64> = wave(480)
        .iter()
        .enumerate()
        .map(|(i, v)| if (100..300).contains(&i) { 7.0 } else { *v })
        .collect();
    let huge: Vec<f64> = wave(480).iter().map(|v| v * 1e130).collect();
    let tiny: Vec<f64> = wave(480).iter().map(|v| v * 1e-130).collect();
    for y in [negative, sparse, stretch, huge, tiny] {
        for model in MODELS.into_iter().chain(["auto"]) {
            let f = run(
                &y,
                &ForecastSpec {
                    quantiles: vec![0.01, 0.5, 0.99],
                    ..spec(model, 48)
                },
            );
            assert_eq!(f.rows.len(), 48);
            assert!(
                f.rows
                    .iter()
                    .all(|r| r.yhat.unwrap().is_finite() && r.q[0] <= r.q[1] && r.q[1] <= r.q[2]),
                "{model}"
            );
            assert_eq!(f.status, "ok", "{model}");
        }
    }
}

#[test]
fn a_flat_series_that_moves_is_forecast_near_it() {
    let last = |n: usize, flat: f64, moved: &[f64]| {
        let mut y = vec![flat; n];
        y.extend(moved);
        y
    };
    let mut quiet = last(300, 5.0, &[9.0]);
    for (i, v) in (0_u32..).zip(&mut quiet) {
        *v += 1e-12 * f64::from(i * i).sin();
    }
    // Growth without a season, with the spikes of a service that restarts.
    let mut grown: Vec<f64> = (0..500)
        .map(|i| 0.2 * 1.01_f64.powi(i) * (1.0 + 0.3 * f64::from(i * 7_919 % 13)))
        .collect();
    grown[400] = 106.0;
    for y in [
        last(299, 5.0, &[9.0]),
        last(698, 5.0, &[9.0, 9.0]),
        last(1_999, 5.0, &[500.0, 5.0]),
        last(199, 0.0, &[9.0]),
        quiet,
        grown,
    ] {
        let low = y.iter().copied().fold(f64::INFINITY, f64::min);
        let high = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for model in MODELS.into_iter().chain(["auto"]) {
            for steps in [2, 180] {
                for row in run(&y, &spec(model, steps)).rows {
                    let slack = 7.0 * (high - low);
                    let near = low - slack..=high + slack;
                    assert!(near.contains(&row.yhat.unwrap()), "{model} {steps} {row:?}");
                    // A network whose series never moved has no width for its first movement.
                    let wide = low - 10.0 * slack..=high + 10.0 * slack;
                    let bounds = [row.lower.unwrap(), row.upper.unwrap()];
                    assert!(
                        model == "lstm" || bounds.iter().all(|v| wide.contains(v)),
                        "{model} {steps} {row:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn values_whose_squares_overflow_are_refused() {
    let y: Vec<f64> = wave(200).iter().map(|v| v * 1e155).collect();
    let error = forecast(&hourly(&y), &spec("last_value", 2), &never).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
fn parts_of_a_past_that_has_not_settled_are_left_out() {
    let y: Vec<f64> = (0..60)
        .map(|i| (50.0 + 50.0 * (f64::from(i) * std::f64::consts::TAU / 24.0).sin()).round())
        .map(|v| v.max(1.0))
        .collect();
    for transform in [Transform::Log, Transform::BoxCox(Some(0.3))] {
        for model in ["ets", "dynamic_theta", "mstl"] {
            let mut asked = spec(model, 4);
            asked.options.transform = Some(transform);
            for row in explain(&hourly(&y), &asked, &never).unwrap().rows {
                let parts = row.seasonal.iter().map(|s| s.1).chain(row.trend);
                let whole: f64 = parts.clone().sum::<f64>() + row.event_effect + row.step_change;
                assert!(parts.into_iter().all(f64::is_finite), "{model} {row:?}");
                assert!(
                    (whole - row.yhat.unwrap_or(0.0)).abs() < 1e-7,
                    "{model} {row:?}"
                );
            }
        }
    }
}
