//! What is known at `as_of`, and what gaps and rare values do to a forecast.

use super::*;
use crate::window::{Agg, Fill, Grid, resample};

/// Sums of windows of an hour, of samples every ten minutes.
fn sums(series: &Series) -> Series {
    let grid = Grid {
        step: Step::try_new(HOUR).unwrap(),
        fill: Fill::None,
        agg: Agg::Sum,
        timezone: "UTC".into(),
    };
    resample(series, &grid, &never).unwrap()
}

#[test]
fn windows_are_known_when_they_are_over() {
    let n = 6 * 24 * 20;
    let ts: Vec<Micros> = (0..n).map(|i| START + i * 10 * MINUTE).collect();
    let samples = Series::try_new(ts, (0..n).map(|i| (i % 7) as f64).collect()).unwrap();
    let windows = sums(&samples);
    let lead = sums(
        &Series::try_new(
            samples.ts().to_vec(),
            samples.ts().iter().map(|t| (t % DAY) as f64).collect(),
        )
        .unwrap(),
    );
    for minutes in [0, 10, 30, 50, 60, 90] {
        let as_of = START + 400 * HOUR + minutes * MINUTE;
        let over = sums(&samples.before(as_of - minutes % 60 * MINUTE).unwrap());
        for model in ["last_value", "ets", "ridge"] {
            let asked = ForecastSpec {
                as_of: Some(as_of),
                with_history: true,
                covariates: if model == "ridge" {
                    vec![lead.clone()]
                } else {
                    Vec::new()
                },
                ..spec(model, 3)
            };
            let cut = lead.before(over.ts()[over.len() - 1] + 1).unwrap();
            let then = ForecastSpec {
                as_of: None,
                covariates: if model == "ridge" {
                    vec![cut]
                } else {
                    Vec::new()
                },
                ..asked.clone()
            };
            let found = forecast(&windows, &asked, &never).unwrap();
            assert_eq!(
                found,
                forecast(&over, &then, &never).unwrap(),
                "{model} {minutes}"
            );
            assert_eq!(
                found.rows.iter().find(|r| !r.is_history).unwrap().ts,
                as_of - minutes % 60 * MINUTE
            );
        }
    }
    let asked = BacktestSpec {
        forecast: spec("last_value", 3),
        step: HOUR,
        windows: 4,
        models: vec!["last_value".into()],
    };
    for row in Backtest::new(&windows, &asked, &never).unwrap() {
        let row = row.unwrap();
        let again = ForecastSpec {
            as_of: Some(row.origin),
            ..spec("last_value", 3)
        };
        assert_eq!(
            forecast(&windows, &again, &never).unwrap().rows[0].ts,
            row.origin
        );
        assert_eq!(row.n, 3);
    }
}

#[test]
fn what_lies_before_a_huge_gap_is_left_out() {
    let y = wave(1_000);
    let at = |i: i64| START + if i < 700 { i } else { i + 90 * 24 } * HOUR;
    let gap = Series::try_new((0..1_000).map(at).collect(), y.clone()).unwrap();
    let after = Series::try_new((700..1_000).map(at).collect(), y[700..].to_vec()).unwrap();
    for model in ["ets", "theta", "dynamic_theta", "mstl"] {
        let asked = spec(model, 24);
        let [a, b] = [&gap, &after].map(|s| forecast(s, &asked, &never).unwrap());
        assert_eq!(yhat(&a), yhat(&b), "{model}");
        let facts = &a.report.params;
        assert!(
            facts.contains(&("learnt_from".into(), 300.0)),
            "{model} {facts:?}"
        );
    }
    // A gap of a day is bridged.
    let short = |i: i64| START + if i < 700 { i } else { i + 24 } * HOUR;
    let short = Series::try_new((0..1_000).map(short).collect(), y).unwrap();
    let found = forecast(&short, &spec("ets", 24), &never).unwrap();
    assert!(
        found
            .report
            .params
            .iter()
            .all(|(name, _)| name != "learnt_from")
    );
}

#[test]
fn bounds_of_rare_values_are_no_further_than_the_series_ever_went() {
    let mut random = crate::random::SplitMix(9);
    let y: Vec<f64> = (0..1_000)
        .map(|_| {
            if random.uniform() < 0.02 {
                1.0 + (4.0 * random.uniform()).floor()
            } else {
                0.0
            }
        })
        .collect();
    for model in ["lstm", "ridge", "ets", "auto", "mstl"] {
        let asked = ForecastSpec {
            level: 0.99,
            ..spec(model, 24)
        };
        for row in run(&y[..720], &asked).rows {
            assert!(row.upper.unwrap() <= 20.0, "{model} {row:?}");
        }
    }
}

#[test]
fn the_rest_of_seasons_is_forecast_by_either_model() {
    let y = wave(24 * 30);
    let with = |rest| {
        let mut asked = spec("mstl", 24);
        asked.options.rest = rest;
        run(&y, &asked)
    };
    assert_eq!(with(None), with(Some(Rest::Ets)));
    let theta = with(Some(Rest::Theta));
    assert!(
        theta
            .report
            .params
            .iter()
            .any(|(name, v)| name == "theta" && (*v - 2.0).abs() < 1e-12)
    );
    assert!(
        theta
            .rows
            .iter()
            .zip(with(None).rows)
            .all(|(a, b)| (a.yhat.unwrap() - b.yhat.unwrap()).abs() < 10.0)
    );
}

#[test]
fn a_value_that_no_fit_takes_is_not_observed() {
    let mut model = Model::fit(&hourly(&wave(200)), &spec("ets", 3), &never)
        .unwrap()
        .unwrap();
    let before = model.clone();
    let error = model.observe(model.last() + HOUR, 1e300).unwrap_err();
    assert_eq!((error.kind(), model), (ErrorKind::TooLarge, before));
}

#[test]
fn shares_of_windows_within_events_add_up() {
    let grid = grid::Grid::build(&hourly(&[1.0; 10]), None, HOUR)
        .unwrap()
        .unwrap();
    let at = |minutes: i64| START + minutes * MINUTE;
    let cover = |spans: &[(Micros, Micros)]| grid.cover(spans.iter().copied(), 12);
    let mut expected = [0.0; 12];
    assert_eq!(
        cover(&[(at(-90), at(0)), (at(720), at(900)), (at(5), at(5))]),
        expected
    );
    (expected[0], expected[1], expected[2], expected[3]) = (0.5, 1.0, 1.0, 0.25);
    assert_eq!(cover(&[(at(30), at(195))]), expected);
    assert_eq!(
        cover(&[(at(30), at(195)), (at(45), at(100))])[..4],
        [0.75, 1.0, 1.0, 0.25]
    );
    assert_eq!(cover(&[(Micros::MIN, Micros::MAX); 3]), [1.0; 12]);
    assert!((cover(&[(at(61), at(62))])[1] - 1.0 / 60.0).abs() < 1e-15);
}
