//! Windows of days by the clock of a time zone.

use super::*;
use crate::window::{Agg, Fill, Grid, resample};

/// Means of local days from `from` on, of samples every hour; Mondays are twice as high.
fn days(zone: &str, from: Micros, n: i64) -> Series {
    let ts: Vec<Micros> = (0..24 * n).map(|i| from + i * HOUR).collect();
    let value = |ts: &Micros| {
        if (ts / DAY).rem_euclid(7) == 4 {
            200.0
        } else {
            100.0
        }
    };
    let hours = Series::try_new(ts.clone(), ts.iter().map(value).collect()).unwrap();
    let grid = Grid {
        step: Step::try_new(DAY).unwrap(),
        fill: Fill::None,
        agg: Agg::Mean,
        timezone: zone.into(),
    };
    resample(&hours, &grid, &never).unwrap()
}

/// 2024-10-10 22:00 UTC, midnight in Berlin; clocks went back on October 27.
const OCTOBER: Micros = 1_728_597_600 * SECOND;

/// So many midnights of Berlin from `OCTOBER` on.
fn midnights(n: i64) -> Vec<Micros> {
    let at = |k| OCTOBER + k * DAY + if k > 16 { HOUR } else { 0 };
    (0..n).map(at).collect()
}

#[test]
fn days_start_at_midnight_before_and_after_clocks_change() {
    let series = days("Europe/Berlin", OCTOBER - 100 * DAY, 110);
    for model in ["seasonal_naive", "ets", "prophet", "auto"] {
        let spec = ForecastSpec {
            with_history: true,
            horizon: 20 * DAY,
            ..spec(model, 1)
        };
        let found = forecast(&series, &spec, &never).unwrap();
        let past = found.rows.iter().filter(|row| row.is_history);
        assert!(
            past.map(|row| row.ts).eq(series.ts().iter().copied()),
            "{model}"
        );
        let ahead = found.rows.iter().filter(|row| !row.is_history);
        assert!(
            ahead
                .map(|row| row.ts)
                .eq(midnights(30).into_iter().skip(10)),
            "{model}"
        );
    }
}

#[test]
fn stored_models_and_backtests_keep_the_clock() {
    let series = days("Europe/Berlin", OCTOBER - 100 * DAY, 110);
    let spec = ForecastSpec {
        horizon: 10 * DAY,
        ..spec("ets", 1)
    };
    let model = Model::fit(&series, &spec, &never).unwrap().unwrap();
    let mut model = Model::from_bytes(&model.to_bytes()).unwrap();
    let rows = model.predict(10, 0.9, &[]).unwrap();
    assert!(
        rows.iter()
            .map(|row| row.ts)
            .eq(midnights(20).into_iter().skip(10))
    );
    for ts in midnights(25).into_iter().skip(10) {
        assert!(model.observe(ts, 100.0).unwrap());
        assert_eq!(model.last(), ts);
    }
    let long = days("Europe/Berlin", OCTOBER - 100 * DAY, 130);
    let spec = BacktestSpec {
        step: 10 * DAY,
        windows: 2,
        models: vec!["seasonal_naive".into()],
        forecast: spec,
    };
    let rows: Vec<BacktestRow> = Backtest::new(&long, &spec, &never)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let origins: Vec<Micros> = rows.iter().map(|row| row.origin).collect();
    // The last day has 23 of its hours: it is there all the same.
    let n = long.ts().iter().filter(|ts| **ts >= OCTOBER).count();
    let known = midnights(31);
    assert_eq!(origins, [known[n - 20], known[n - 10]]);
    assert!(rows.iter().all(|row| row.n == 10));
}

#[test]
fn events_are_days_by_the_clock() {
    let series = days("Europe/Berlin", OCTOBER - 100 * DAY, 110);
    let sale = |k: i64| Event {
        name: "sale".into(),
        start: midnights(31)[usize::try_from(k).unwrap()],
        end: midnights(31)[usize::try_from(k + 1).unwrap()],
    };
    let mut y = series.value().to_vec();
    let at = |ts: Micros| series.ts().iter().position(|t| *t == ts).unwrap();
    y[at(sale(2).start)] += 500.0;
    y[at(sale(6).start)] += 500.0;
    let raised = Series::on_grid(
        series.ts().to_vec(),
        y,
        series.counts(),
        Step::try_new(DAY).unwrap(),
        "Europe/Berlin",
    );
    let spec = ForecastSpec {
        horizon: 15 * DAY,
        events: vec![sale(2), sale(6), sale(20)],
        ..spec("ets", 1)
    };
    let found = forecast(&raised, &spec, &never).unwrap();
    let high: Vec<Micros> = found
        .rows
        .iter()
        .filter(|row| row.yhat.unwrap() > 400.0)
        .map(|row| row.ts)
        .collect();
    assert_eq!(high, [sale(20).start]);
}

#[test]
fn a_zone_that_nobody_knows_is_refused() {
    let series = days("UTC", OCTOBER, 40);
    let step = Step::try_new(DAY).unwrap();
    let lost = Series::on_grid(
        series.ts().to_vec(),
        series.value().to_vec(),
        series.counts(),
        step,
        "Mars/Olympus",
    );
    let error = forecast(&lost, &spec("ets", 24), &never).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownName);
    let hours = Series::on_grid(
        series.ts().to_vec(),
        series.value().to_vec(),
        series.counts(),
        Step::try_new(HOUR).unwrap(),
        "Europe/Berlin",
    );
    let found = forecast(&hours, &spec("ets", 2), &never).unwrap();
    assert_eq!(found.rows[0].ts, hours.ts()[hours.len() - 1] + HOUR);
}

#[test]
fn regressors_of_a_shorter_step_count_to_the_day_they_lie_in() {
    let series = days("Europe/Berlin", OCTOBER - 100 * DAY, 100);
    let on = |ts: Micros| f64::from(u8::from((ts + 2 * HOUR).div_euclid(DAY) % 3 == 0));
    let hours: Vec<Micros> = (-24..24 * 104)
        .map(|i| OCTOBER - 100 * DAY + i * HOUR)
        .collect();
    let known = Regressor {
        name: "on".into(),
        series: Series::try_new(hours.clone(), hours.iter().map(|ts| on(*ts)).collect()).unwrap(),
    };
    let y: Vec<f64> = series
        .ts()
        .iter()
        .map(|ts| 100.0 + 50.0 * on(*ts))
        .collect();
    let step = Step::try_new(DAY).unwrap();
    let raised = Series::on_grid(
        series.ts().to_vec(),
        y,
        series.counts(),
        step,
        "Europe/Berlin",
    );
    let spec = ForecastSpec {
        horizon: 3 * DAY,
        regressors: vec![known],
        ..spec("ets", 1)
    };
    for row in forecast(&raised, &spec, &never).unwrap().rows {
        let expected = 100.0 + 50.0 * on(row.ts);
        assert!((row.yhat.unwrap() - expected).abs() < 5.0, "{row:?}");
    }
}
