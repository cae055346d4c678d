//! One network over many series: what short ones gain, what is kept, what is refused.

use super::*;
use crate::error::ErrorKind;
use crate::forecast::tests::learned::small_network;
use crate::forecast::{Forecast, ForecastSpec, Model as Stored, Options, forecast};
use crate::sample::Series;
use std::sync::Arc;

const HORIZON: usize = 6;

/// Hours of a daily wave, one of many: their sizes and phases differ.
fn member(k: u32, n: u32) -> Series {
    let y = (0..n).map(|i| {
        let phase = f64::from(i + 3 * k) * std::f64::consts::TAU / 24.0;
        f64::from(1 + k) * (100.0 + 50.0 * phase.sin() + f64::from((i + k) * 7919 % 11))
    });
    hours(y.collect())
}

/// As they come from `resample`: with a step.
fn hours(y: Vec<f64>) -> Series {
    let ts = (0..y.len()).map(|i| i64::try_from(i).unwrap() * 60 * MINUTE);
    let series = Series::try_new(ts.collect(), y).unwrap();
    let grid = crate::window::Grid {
        step: Step::try_new(60 * MINUTE).unwrap(),
        fill: crate::window::Fill::None,
        agg: crate::window::Agg::Mean,
        timezone: "UTC".into(),
    };
    crate::window::resample(&series, &grid, &|| false).unwrap()
}

fn asked() -> ForecastSpec {
    ForecastSpec {
        horizon: 60 * MINUTE * i64::try_from(HORIZON).unwrap(),
        model: "lstm".into(),
        options: Options {
            lstm: crate::forecast::LstmOptions {
                updates: Some(300),
                ..small_network()
            },
            ..Options::default()
        },
        ..ForecastSpec::default()
    }
}

fn trained(series: &[(Series, Vec<Series>)]) -> PooledNetwork {
    let n = series.len();
    let of =
        |(idx, (s, c)): (usize, &(Series, Vec<Series>))| pool_member(s, c, None, (idx, n)).unwrap();
    let members: Vec<_> = series.iter().enumerate().filter_map(of).collect();
    let members: Vec<&[u8]> = members.iter().map(Vec::as_slice).collect();
    PooledNetwork::fit(&members, &asked(), &|_, _| {}, &|| false).unwrap()
}

fn waves() -> PooledNetwork {
    let all: Vec<_> = (0..10).map(|k| (member(k, 24 * 20), Vec::new())).collect();
    trained(&all)
}

fn with(network: &PooledNetwork) -> ForecastSpec {
    ForecastSpec {
        network: Some(Arc::new(network.clone())),
        ..asked()
    }
}

fn by(network: &PooledNetwork, series: &Series) -> Forecast {
    forecast(series, &with(network), &|| false).unwrap()
}

#[test]
fn a_series_too_short_for_itself_is_forecast_by_what_others_taught() {
    let network = waves();
    let (short, whole) = (member(30, 40), member(30, 40 + 6));
    let found = by(&network, &short);
    assert_eq!(
        (found.status.as_str(), found.model_used.as_str()),
        ("ok", "lstm")
    );
    let last = *short.value().last().unwrap();
    let (mut error, mut naive) = (0.0, 0.0);
    for (row, y) in found.rows.iter().zip(&whole.value()[40..]) {
        error += (row.yhat.unwrap() - y).abs();
        naive += (last - y).abs();
        assert!(row.lower.unwrap() < row.yhat.unwrap() && row.yhat.unwrap() < row.upper.unwrap());
        assert!(row.upper.unwrap() - row.lower.unwrap() < 3_000.0, "{row:?}");
    }
    assert!(error < 0.7 * naive, "{error} against {naive}");
    assert_eq!(
        forecast(&short, &asked(), &|| false).unwrap().status,
        "short"
    );
    // A window that is not known is no window.
    assert_eq!(by(&network, &member(30, 3)).status, "short");
    assert_eq!(by(&network, &hours(vec![5.0; 50])).status, "constant");
}

#[test]
fn a_series_that_errs_more_than_the_others_has_wider_bounds() {
    let network = waves();
    let quiet = member(4, 24 * 20);
    let noisy: Vec<f64> = quiet
        .value()
        .iter()
        .zip(0u32..)
        .map(|(y, i)| y + 150.0 * f64::from(i.wrapping_mul(2_654_435_769) >> 16) / 65_536.0)
        .collect();
    let width = |series: &Series| {
        let found = by(&network, series);
        found
            .report
            .params
            .iter()
            .find(|p| p.0 == "width_to_pool")
            .unwrap()
            .1
    };
    assert!(width(&quiet) < 1.3, "{}", width(&quiet));
    assert!(width(&hours(noisy)) > width(&quiet));
}

#[test]
fn a_stored_series_needs_its_network_and_forecasts_the_same_bits() {
    let network = waves();
    let series = member(2, 24 * 20);
    let (model, _) = Stored::fit_with_report(&series, &with(&network), &|| false)
        .unwrap()
        .unwrap();
    let bytes = model.to_bytes();
    // One horizon of widths, the newest eight days; no weights.
    assert!(bytes.len() < 8_000, "{}", bytes.len());
    let mut back = Stored::from_bytes(&bytes).unwrap();
    assert!(back.is_pooled());
    assert_eq!(
        back.predict(6, 0.9, &[]).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
    let restored = PooledNetwork::from_bytes(&network.to_bytes()).unwrap();
    assert_eq!(restored, network);
    back.share(&restored).unwrap();
    assert_eq!(
        back.predict(6, 0.9, &[0.3]).unwrap(),
        model.predict(6, 0.9, &[0.3]).unwrap()
    );
    assert_eq!(
        back.predict(6, 0.95, &[]).unwrap(),
        by(&network, &series).rows
    );
    assert_eq!(back.to_bytes(), bytes);
    // Without the network it is moved on like with it; windows between are missing.
    let mut alone = Stored::from_bytes(&bytes).unwrap();
    for (model, hours) in [(&mut back, [1, 4]), (&mut alone, [1, 4])] {
        for h in hours {
            assert!(
                model
                    .observe_with(series.ts()[479] + h * 60 * MINUTE, 300.0, &[])
                    .unwrap()
            );
        }
    }
    alone.share(&restored).unwrap();
    assert_eq!(
        alone.predict(6, 0.9, &[]).unwrap(),
        back.predict(6, 0.9, &[]).unwrap()
    );
    // Where the newest window is gone the last value stands in.
    assert!(
        alone
            .observe_with(series.ts()[479] + 900 * 60 * MINUTE, 7.0, &[])
            .unwrap()
    );
    let rows = alone.predict(3, 0.9, &[]).unwrap();
    assert!(
        rows.iter()
            .all(|row| (row.yhat.unwrap() - 7.0).abs() < 1e-9)
    );
    let other = trained(&[(member(1, 400), vec![member(2, 400)])]);
    let error = back.share(&other).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn covariates_tell_what_comes_and_missing_ones_stay_as_they_were() {
    // Jumps that nothing but the covariate announces, one window before.
    let level = |i: u32, k: u32| f64::from((i / 3 + 977 * k).wrapping_mul(2_654_435_769) >> 28);
    let series = |k: u32| {
        let y = (0..400).map(|i| 50.0 + level(i, k)).collect();
        let ahead = (1..=400).map(|i| level(i, k)).collect();
        (hours(y), vec![hours(ahead)])
    };
    let all: Vec<_> = (0..6).map(series).collect();
    let alone: Vec<_> = all.iter().map(|(s, _)| (s.clone(), Vec::new())).collect();
    let loss = |network: &PooledNetwork| {
        network
            .model
            .as_ref()
            .unwrap()
            .report()
            .validation_loss
            .unwrap()
    };
    let network = trained(&all);
    let (with_it, without) = (loss(&network), loss(&trained(&alone)));
    assert!(with_it < without, "{with_it} with, {without} without");
    let (series, covariates) = series(9);
    let spec = ForecastSpec {
        covariates,
        ..with(&network)
    };
    let (model, _) = Stored::fit_with_report(&series, &spec, &|| false)
        .unwrap()
        .unwrap();
    assert_eq!(model.n_covariates(), 1);
    let next = |covariates: &[Option<f64>]| {
        let mut model = model.clone();
        assert!(
            model
                .observe_with(series.ts()[399] + 60 * MINUTE, 55.0, covariates)
                .unwrap()
        );
        model.predict(6, 0.9, &[]).unwrap()
    };
    assert_eq!(next(&[]), next(&[None]));
    assert_eq!(next(&[]), next(&[Some(f64::NAN)]));
    assert_eq!(next(&[]), next(&[Some(level(400, 9))]));
    assert_ne!(next(&[]), next(&[Some(level(400, 9) + 5.0)]));
}

#[test]
fn equal_series_give_equal_bytes_and_every_fit_can_be_cancelled() {
    assert_eq!(waves().to_bytes(), waves().to_bytes());
    let asked_for = std::cell::Cell::new(0);
    let members: Vec<_> = (0..3)
        .map(|k| {
            pool_member(&member(k, 300), &[], None, (0, 1))
                .unwrap()
                .unwrap()
        })
        .collect();
    let members: Vec<&[u8]> = members.iter().map(Vec::as_slice).collect();
    let learn = |limit: usize| {
        asked_for.set(0);
        let told = std::cell::Cell::new(0);
        let found = PooledNetwork::fit(
            &members,
            &asked(),
            &|done, planned| {
                assert!(told.replace(done) < done && done <= planned);
            },
            &|| {
                asked_for.set(asked_for.get() + 1);
                asked_for.get() > limit
            },
        );
        found.map(|_| told.get())
    };
    assert!(learn(usize::MAX).unwrap() >= 50);
    let all = asked_for.get();
    for limit in [0, all / 2, all - 1] {
        assert_eq!(learn(limit).unwrap_err().kind(), ErrorKind::Cancelled);
    }
}

#[test]
fn nothing_to_learn_from_is_no_network_and_foreign_bytes_are_refused() {
    let none = trained(&[]);
    assert!(!none.is_trained() && !trained(&[(member(0, 5), vec![])]).is_trained());
    assert_eq!(by(&none, &member(0, 300)).status, "short");
    assert_eq!(PooledNetwork::from_bytes(&none.to_bytes()).unwrap(), none);
    assert_eq!(
        pool_member(&hours(vec![0.0; 9]), &[], None, (0, 1)).unwrap(),
        None
    );
    let many = vec![member(0, 20); 33];
    let error = pool_member(&member(0, 20), &many, None, (0, 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let network = waves().to_bytes();
    let bytes = pool_member(&member(0, 300), &[], None, (0, 1))
        .unwrap()
        .unwrap();
    let fit = |members: &[&[u8]]| PooledNetwork::fit(members, &asked(), &|_, _| {}, &|| false);
    for n in 0..60 {
        let cut = |bytes: &[u8]| bytes[..bytes.len() - 1 - 7 * n].to_vec();
        assert!(PooledNetwork::from_bytes(&cut(&network)).is_err());
        assert!(fit(&[&cut(&bytes)]).is_err());
    }
    let minutes = ForecastSpec {
        model: "ets".into(),
        ..with(&none)
    };
    let error = forecast(&member(0, 300), &minutes, &|| false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn the_newest_horizon_is_not_learned() {
    let network = |newest: f64| {
        let mut y = member(1, 400).value().to_vec();
        y[400 - HORIZON..].fill(newest);
        trained(&[(member(0, 400), Vec::new()), (hours(y), Vec::new())])
    };
    // What is hidden counts in the unit of the series, which the network does not see: weights differ by rounding only.
    let by_value = |newest: f64| by(&network(newest), &member(5, 400));
    for (a, b) in by_value(200.0).rows.iter().zip(&by_value(250.0).rows) {
        assert!((a.yhat.unwrap() - b.yhat.unwrap()).abs() < 0.01 * a.yhat.unwrap());
    }
}

#[test]
fn a_pool_of_any_number_of_series_is_bounded() {
    for n in [1, 50, 1_000, 10_000, 1_000_000, usize::MAX] {
        for covariates in [0, 3, 32] {
            let every = (0..100_000.min(n))
                .filter(|idx| pool::share(*idx, n, covariates).is_some())
                .count();
            assert!(every > 0);
            assert_eq!(pool::share(n, n, covariates), None);
            let each = pool::share(0, n, covariates).unwrap();
            assert!(each * (1 + covariates) <= 8 << 20);
            if n <= 100_000 {
                assert!(every * each * (1 + covariates) <= 8 << 20);
            }
            assert!(n > 100_000 || each >= 4_096 / 2, "{n} {covariates}: {each}");
        }
    }
}
