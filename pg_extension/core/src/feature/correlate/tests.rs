use proptest::prelude::*;

use super::*;
use crate::sample::SeriesBuilder;
use crate::sample::tests::fixed_seed;
use crate::time::{DAY, MINUTE};

const NEVER: ShouldStop<'static> = &|| false;

fn spec(max_lag: i64, method: Method) -> Correlate {
    Correlate {
        step: None,
        max_lag: Some(max_lag * MINUTE),
        method,
    }
}

/// One value a minute; NaN for a gap.
fn series(values: &[f64]) -> Series {
    let mut builder = SeriesBuilder::default();
    for (minute, &value) in (0i64..).zip(values) {
        builder.push(Some(minute * MINUTE), Some(value)).unwrap();
    }
    builder.finish().unwrap()
}

/// Normal-like noise, the same in every run.
fn noise(seed: u64, n: usize) -> Vec<f64> {
    let mut state = seed;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..n)
        .map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0)
        .collect()
}

/// Noise of which each value remembers the share φ of the one before.
fn remembering(seed: u64, phi: f64, n: usize) -> Vec<f64> {
    let mut last = 0.0;
    noise(seed, n)
        .into_iter()
        .map(|x| {
            last = phi * last + x;
            last
        })
        .collect()
}

fn golden() -> serde_json::Value {
    serde_json::from_str(include_str!("../../../../../tests/golden/aggregate.json")).unwrap()
}

fn check(lags: &[Lagged], golden: &serde_json::Value) {
    let golden = golden.as_array().unwrap();
    assert_eq!(lags.len(), golden.len());
    for (lag, golden) in lags.iter().zip(golden) {
        assert_eq!(Some(lag.lag / MINUTE), golden["lag"].as_i64());
        assert_eq!(Some(lag.n), golden["n"].as_u64());
        for (found, name, tolerance) in [
            (lag.r, "r", 1e-12),
            (lag.n_effective, "n_effective", 1e-8),
            (lag.p_value, "p_value", 1e-8),
        ] {
            let expected = golden[name].as_f64().unwrap();
            let error = (found.unwrap() - expected).abs() / expected.abs().max(1e-3);
            assert!(
                error < tolerance,
                "{name} at {}: {found:?} for {expected}",
                lag.lag
            );
        }
    }
}

#[test]
fn correlations_at_every_lag_are_those_of_scipy() {
    let golden = &golden()["correlate"];
    let column = |name: &str| -> Vec<f64> {
        golden[name]
            .as_array()
            .unwrap()
            .iter()
            .map(|x| x.as_f64().unwrap_or(f64::NAN))
            .collect()
    };
    let (a, b) = (series(&column("a")), series(&column("b")));
    for (name, method) in [("pearson", Method::Pearson), ("spearman", Method::Spearman)] {
        let lags = correlate(&a, &b, &spec(6, method), NEVER).unwrap();
        check(&lags, &golden["lags"][name]);
        let strongest = lags
            .iter()
            .max_by(|a, b| a.r.partial_cmp(&b.r).unwrap())
            .unwrap();
        assert_eq!(strongest.lag, 4 * MINUTE);
    }
}

#[test]
fn a_constant_and_a_short_series_have_no_correlation() {
    let wave = series(&noise(1, 50));
    for other in [series(&[3.0; 50]), series(&[1.0, 2.0, 3.0]), series(&[])] {
        for method in [Method::Pearson, Method::Spearman] {
            let lags = correlate(&wave, &other, &spec(2, method), NEVER).unwrap();
            assert_eq!(lags.len(), 5);
            assert!(lags.iter().all(|lag| (lag.r, lag.p_value) == (None, None)));
        }
    }
    assert!(
        correlate(
            &series(&[]),
            &series(&[1.0]),
            &spec(2, Method::Pearson),
            NEVER
        )
        .unwrap()
        .is_empty()
    );
}

#[test]
fn arguments_outside_their_domain_are_errors() {
    let wave = series(&noise(1, 50));
    let kind = |spec: &Correlate, should_stop: ShouldStop<'_>| {
        correlate(&wave, &wave, spec, should_stop)
            .unwrap_err()
            .kind()
    };
    assert_eq!(
        kind(&spec(-1, Method::Pearson), NEVER),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        kind(&spec(20_000, Method::Pearson), NEVER),
        ErrorKind::TooLarge
    );
    assert_eq!(
        kind(&spec(1, Method::Spearman), &|| true),
        ErrorKind::Cancelled
    );
    assert!("kendall".parse::<Method>().is_err());
}

#[test]
fn windows_of_days_meet_and_series_apart_do_not() {
    let days = |from: i64| -> Series {
        Series::try_new(
            (from..from + 30).map(|day| day * DAY + 5).collect(),
            noise(3, 30),
        )
        .unwrap()
    };
    let one_day = Correlate {
        step: Step::try_new(DAY).ok(),
        max_lag: Some(3 * DAY),
        method: Method::Pearson,
    };
    let lags = correlate(&days(0), &days(2), &one_day, NEVER).unwrap();
    assert!(
        lags.iter()
            .any(|lag| lag.lag == 2 * DAY && lag.r > Some(1.0 - 1e-12))
    );
    let apart = correlate(&days(0), &days(90_000), &one_day, NEVER).unwrap();
    assert!(apart.iter().all(|lag| lag.n == 0));
}

#[test]
fn unrelated_series_that_remember_are_seldom_called_related() {
    // 5 % of p-values are below 0.05 when there is no relation. Taking pairs for independent, it would be most of them.
    let (mut n_below, mut n_naive) = (0, 0);
    for seed in 0..400 {
        let a = series(&remembering(2 * seed + 1, 0.95, 500));
        let b = series(&remembering(2 * seed + 100_001, 0.95, 500));
        let lags = correlate(&a, &b, &spec(0, Method::Pearson), NEVER).unwrap();
        n_below += usize::from(lags[0].p_value.unwrap() < 0.05);
        n_naive += usize::from(correlation_two_sided(lags[0].r.unwrap(), 500.0).unwrap() < 0.05);
    }
    assert!((8..=40).contains(&n_below), "{n_below} of 400");
    assert!(n_naive > 150, "{n_naive} of 400");
}

proptest! {
    #![proptest_config(fixed_seed())]

    #[test]
    fn swapping_the_series_turns_the_lags_around(a in prop::collection::vec(-9i32..9, 0..40), b in prop::collection::vec(-9i32..9, 0..40), spearman: bool) {
        let floats = |xs: &[i32]| series(&xs.iter().map(|&x| if x == 0 { f64::NAN } else { f64::from(x) }).collect::<Vec<_>>());
        let method = if spearman { Method::Spearman } else { Method::Pearson };
        let spec = Correlate { step: Step::try_new(MINUTE).ok(), ..spec(4, method) };
        let forth = correlate(&floats(&a), &floats(&b), &spec, NEVER).unwrap();
        let back = correlate(&floats(&b), &floats(&a), &spec, NEVER).unwrap();
        prop_assert_eq!(forth.len(), back.len());
        for (f, b) in forth.iter().zip(back.iter().rev()) {
            prop_assert_eq!((f.lag, f.n), (-b.lag, b.n));
            prop_assert!(f.r.is_none() == b.r.is_none() && (f.r.unwrap_or(0.0) - b.r.unwrap_or(0.0)).abs() < 1e-12);
            prop_assert!(f.p_value.is_none_or(|p| (0.0..=1.0).contains(&p)));
        }
    }
}
