use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::sample::tests::fixed_seed;
use crate::time::MINUTE;

const HERE: Micros = 1_000 * MINUTE;

fn spec(n: i64, fill: Fill) -> FeatureSpec {
    FeatureSpec {
        step: Step::try_new(MINUTE).unwrap(),
        since: HERE,
        until: HERE + n * MINUTE,
        fill,
        n_metrics: 1,
        correlate: true,
    }
}

/// The window `k` steps after `HERE`.
fn window(k: i64, demand: Option<f64>, metric: Option<f64>) -> RawWindow {
    RawWindow {
        ts: HERE + k * MINUTE,
        n_row: 3,
        n_null: 1,
        n_nonfinite: 0,
        demand,
        metrics: vec![metric],
    }
}

fn rates(windows: &[RawWindow], n: i64, fill: Fill) -> Vec<(Option<f64>, bool)> {
    features(windows, &spec(n, fill))
        .unwrap()
        .iter()
        .map(|row| (row.demand(), row.imputed))
        .collect()
}

#[test]
fn names_follow_the_order_of_values() {
    let metrics = ["cpu".to_owned(), "mem".to_owned()];
    assert_eq!(
        names(&metrics, false),
        ["rate", "rate_change", "cpu", "mem"]
    );
    assert_eq!(
        names(&metrics, true),
        ["rate", "rate_change", "cpu", "mem", "corr_cpu", "corr_mem"]
    );
    let rows = features(&[window(0, Some(1.0), Some(2.0))], &spec(1, Fill::None)).unwrap();
    assert_eq!(rows[0].values, [Some(1.0), None, Some(2.0), None]);
    let without = FeatureSpec {
        correlate: false,
        ..spec(1, Fill::None)
    };
    assert_eq!(
        features(&[window(0, Some(1.0), Some(2.0))], &without).unwrap()[0].values,
        [Some(1.0), None, Some(2.0)]
    );
}

#[test]
fn change_is_per_second_and_reaches_back_before_the_first_window() {
    let rows = features(
        &[window(-1, Some(5.0), None), window(0, Some(35.0), None)],
        &spec(1, Fill::None),
    )
    .unwrap();
    assert_eq!(rows[0].values[1], Some(0.5));
}

#[test]
fn gaps_are_windows_without_rows() {
    let rows = features(
        &[window(0, Some(1.0), None), window(2, Some(3.0), None)],
        &spec(4, Fill::None),
    )
    .unwrap();
    assert_eq!(
        rows.iter().map(|row| row.raw.ts).collect::<Vec<_>>(),
        [0, 1, 2, 3].map(|k| HERE + k * MINUTE)
    );
    assert_eq!(
        rows.iter().map(|row| row.raw.n_row).collect::<Vec<_>>(),
        [3, 0, 3, 0]
    );
    assert_eq!(
        rows[1].raw,
        RawWindow {
            n_row: 0,
            n_null: 0,
            ..window(1, None, None)
        }
    );
    assert!(rows.iter().all(|row| !row.imputed));
}

#[test]
fn gaps_in_demand_are_filled_as_asked() {
    let windows = [
        window(0, Some(1.0), None),
        window(1, None, None),
        window(3, Some(3.0), None),
    ];
    assert_eq!(
        rates(&windows, 4, Fill::None),
        [
            (Some(1.0), false),
            (None, false),
            (None, false),
            (Some(3.0), false)
        ]
    );
    // Window 1 has rows without a demand: that is not zero. Window 2 has no rows: that is.
    assert_eq!(
        rates(&windows, 4, Fill::Zero),
        [
            (Some(1.0), false),
            (None, false),
            (Some(0.0), false),
            (Some(3.0), false)
        ]
    );
    for fill in [Fill::Locf, Fill::Linear] {
        assert_eq!(
            rates(&windows, 4, fill),
            [
                (Some(1.0), false),
                (Some(1.0), true),
                (Some(1.0), true),
                (Some(3.0), false)
            ]
        );
    }
}

#[test]
fn a_value_is_carried_forward_59_windows_and_no_further() {
    let rates = rates(&[window(0, Some(7.0), None)], 61, Fill::Locf);
    assert_eq!((rates[59], rates[60]), ((Some(7.0), true), (None, false)));
}

#[test]
fn correlation_needs_five_measured_pairs_that_vary() {
    let corr = |windows: &[RawWindow]| {
        let n = windows.len() as i64;
        features(windows, &spec(n, Fill::Locf))
            .unwrap()
            .last()
            .unwrap()
            .values[3]
    };
    let line = |n: i64| {
        (0..n)
            .map(|k| window(k, Some(k as f64), Some(3.0 - k as f64)))
            .collect::<Vec<_>>()
    };
    assert_eq!(corr(&line(4)), None);
    assert_eq!(corr(&line(5)), Some(-1.0));
    let constant: Vec<_> = (0..9)
        .map(|k| window(k, Some(k as f64), Some(0.1)))
        .collect();
    assert_eq!(corr(&constant), None);
    // A demand that was carried forward is not a measurement.
    let mut imputed = line(5);
    imputed[2].demand = None;
    assert_eq!(corr(&imputed), None);
}

#[test]
fn correlation_agrees_with_numpy() {
    // numpy.corrcoef([3, 1, 4, 1, 5, 9, 2, 6], [2, 7, 1, 8, 2, 8, 1, 8])[0, 1]; the tolerance is rounding.
    let (x, y) = (
        [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0],
        [2.0, 7.0, 1.0, 8.0, 2.0, 8.0, 1.0, 8.0],
    );
    let windows: Vec<_> = (0i64..)
        .zip(x.iter().zip(y))
        .map(|(k, (&x, y))| window(k, Some(x), Some(y)))
        .collect();
    let r = features(&windows, &spec(8, Fill::None)).unwrap()[7].values[3].unwrap();
    assert!((r - GOLDEN_CORRELATION).abs() < 1e-14, "{r}");
}

const GOLDEN_CORRELATION: f64 = 0.20965531907301216;

#[test]
fn numbers_that_are_none_count_as_missing() {
    let windows = [
        window(0, Some(f64::INFINITY), Some(f64::NAN)),
        window(1, Some(f64::MAX), None),
        window(2, Some(-f64::MAX), None),
    ];
    let rows = features(&windows, &spec(3, Fill::None)).unwrap();
    assert_eq!(rows[0].values, [None, None, None, None]);
    assert_eq!((rows[0].raw.demand, rows[0].raw.n_nonfinite), (None, 1));
    // The change from the largest to the smallest number is beyond the range.
    assert_eq!(rows[2].values[..2], [Some(-f64::MAX), None]);
}

#[test]
fn wrong_windows_and_ranges_are_refused() {
    let one = |k| window(k, Some(1.0), None);
    let off_grid = RawWindow {
        ts: HERE + 1,
        ..one(0)
    };
    let without_metric = RawWindow {
        metrics: vec![],
        ..one(0)
    };
    for windows in [
        vec![one(1), one(0)],
        vec![one(0), one(0)],
        vec![off_grid],
        vec![without_metric],
    ] {
        assert_eq!(
            features(&windows, &spec(2, Fill::None)).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
    }
    let reversed = FeatureSpec {
        until: HERE - MINUTE,
        ..spec(1, Fill::None)
    };
    let cut = FeatureSpec {
        until: HERE + 1,
        ..spec(1, Fill::None)
    };
    for spec in [reversed, cut] {
        assert_eq!(
            features(&[], &spec).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
    }
    let endless = FeatureSpec {
        step: Step::try_new(1).unwrap(),
        since: i64::MIN,
        until: i64::MAX,
        ..spec(1, Fill::None)
    };
    assert_eq!(
        features(&[], &endless).unwrap_err().kind(),
        ErrorKind::TooLarge
    );
    assert!(features(&[], &spec(0, Fill::None)).unwrap().is_empty());
}

fn windows() -> impl Strategy<Value = Vec<RawWindow>> {
    let number = || {
        prop::option::weighted(
            0.8,
            prop_oneof![(-3i32..4).prop_map(f64::from), -1e6f64..1e6],
        )
    };
    prop::collection::vec((1i64..4, number(), number()), 0..150).prop_map(|steps| {
        let mut k = -80;
        steps
            .into_iter()
            .map(|(skip, demand, metric)| {
                k += skip;
                window(k, demand, metric)
            })
            .collect()
    })
}

fn bits(rows: &[FeatureRow]) -> Vec<(i64, bool, Vec<Option<u64>>)> {
    rows.iter()
        .map(|row| {
            (
                row.raw.ts,
                row.imputed,
                row.values.iter().map(|x| x.map(f64::to_bits)).collect(),
            )
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..fixed_seed() })]

    #[test]
    fn where_it_starts_changes_no_bit(windows in windows(), start in 0i64..150, fill in prop::sample::select(vec![Fill::None, Fill::Zero, Fill::Linear, Fill::Locf])) {
        let whole = features(&windows, &spec(200, fill)).unwrap();
        let since = HERE + start * MINUTE;
        let given: Vec<_> = windows.iter().filter(|w| w.ts >= since - LOOKBACK as i64 * MINUTE).cloned().collect();
        let part = features(&given, &FeatureSpec { since, ..spec(200, fill) }).unwrap();
        let later: Vec<_> = whole.into_iter().filter(|row| row.raw.ts >= since).collect();
        prop_assert_eq!(bits(&part), bits(&later));
    }

    #[test]
    fn where_it_ends_changes_no_bit(windows in windows(), n in 0i64..200) {
        let whole = features(&windows, &spec(200, Fill::Linear)).unwrap();
        let given: Vec<_> = windows.iter().filter(|w| w.ts < HERE + n * MINUTE).cloned().collect();
        let part = features(&given, &spec(n, Fill::Linear)).unwrap();
        prop_assert_eq!(bits(&part), bits(&whole[..part.len()]));
    }

    #[test]
    fn units_change_the_rate_and_not_the_correlation(windows in windows()) {
        let scaled: Vec<_> = windows.iter().map(|w| RawWindow { demand: w.demand.map(|x| x * 1024.0), ..w.clone() }).collect();
        let plain = features(&windows, &spec(200, Fill::Locf)).unwrap();
        for (a, b) in plain.iter().zip(features(&scaled, &spec(200, Fill::Locf)).unwrap()) {
            prop_assert_eq!(a.values[0].map(|x| x * 1024.0), b.values[0]);
            prop_assert_eq!(a.values[1].map(|x| x * 1024.0), b.values[1]);
            prop_assert_eq!(a.values[3], b.values[3]);
            prop_assert!(a.values[3].is_none_or(|r| r.abs() <= 1.0));
        }
    }
}
