use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::feature::{LARGEST, MovingLatency};
use crate::sample::tests::fixed_seed;

type Row = Option<f64>;

fn summary(rows: &[Row]) -> LatencySummary {
    let mut summary = LatencySummary::default();
    rows.iter()
        .for_each(|&row| summary.push(row, None).unwrap());
    summary
}

fn row() -> impl Strategy<Value = Row> {
    prop_oneof![
        5 => (-3.0f64..6.0).prop_map(|e| Some(10f64.powf(e))),
        2 => (-150.0f64..140.0).prop_map(|e| Some(10f64.powf(e))),
        2 => (-20.0f64..20.0).prop_map(|e| Some(-(10f64.powf(e)))),
        1 => prop::sample::select(vec![None, Some(0.0), Some(-0.0), Some(f64::NAN), Some(f64::INFINITY), Some(1e141), Some(-LARGEST), Some(5e-324)]),
    ]
}

fn rows(n: usize) -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row(), 0..n)
}

/// Bytes that the state holds, room for more included.
fn state_bytes(summary: &LatencySummary) -> usize {
    let counts = summary.sketch.as_ref().map_or(0, |sketch| {
        sketch.positive.counts.capacity() + sketch.negative.counts.capacity()
    });
    size_of::<LatencySummary>() + 8 * counts
}

#[test]
fn any_input_stays_within_32_kib_at_1_percent() {
    let mut state = LatencySummary::default();
    for e in -1600..1400 {
        let size = 10f64.powf(f64::from(e) / 10.0);
        for value in [size, -size, 1.0 / size, -1.7 * size] {
            state.push(Some(value), None).unwrap();
            assert!(state_bytes(&state) <= 32 << 10, "{}", state_bytes(&state));
        }
    }
    let copy = state.clone();
    state.merge(&copy).unwrap();
    assert!(state_bytes(&state) <= 32 << 10);
    // Counts take a byte per seven bits.
    assert!(state.to_bytes().len() < 9000);
}

#[test]
fn sketches_of_different_errors_do_not_merge_unless_one_is_empty() {
    let of = |rel_err, rows: &[Row]| {
        let mut summary = LatencySummary::default();
        rows.iter()
            .for_each(|&row| summary.push(row, Some(rel_err)).unwrap());
        summary
    };
    let mut fine = of(0.005, &[Some(1.0)]);
    let error = fine.merge(&of(0.05, &[Some(1.0)])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let error = fine.push(Some(1.0), Some(0.05)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(
        LatencySummary::default()
            .push(None, Some(f64::NAN))
            .is_err()
    );
    let (empty, none) = (of(0.05, &[None]), LatencySummary::default());
    for order in [
        [&fine, &empty, &none],
        [&none, &empty, &fine],
        [&empty, &fine, &none],
    ] {
        let mut merged = LatencySummary::default();
        order.iter().for_each(|part| merged.merge(part).unwrap());
        assert_eq!(
            (merged.sketch().rel_err(), merged.n(), merged.n_null()),
            (0.005, 1, 1)
        );
    }
}

#[test]
fn quantiles_are_those_of_ddsketch() {
    let golden: serde_json::Value = serde_json::from_str(include_str!(
        "../../../../../../tests/golden/aggregate.json"
    ))
    .unwrap();
    let floats = |value: &serde_json::Value| -> Vec<f64> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|x| x.as_f64().unwrap())
            .collect()
    };
    let cases = golden["latency"].as_array().unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let mut summary = LatencySummary::default();
        for x in floats(&case["values"]) {
            summary.push(Some(x), case["rel_err"].as_f64()).unwrap();
        }
        let (low, high) = summary.sketch().range().unwrap();
        for (p, theirs) in floats(&case["p"])
            .into_iter()
            .zip(floats(&case["quantile"]))
        {
            let ours = summary.sketch().quantile(p).unwrap().unwrap();
            // ddsketch does not use that it knows the smallest and the largest value.
            let theirs = theirs.clamp(low, high);
            assert!(
                (ours - theirs).abs() <= 1e-12 * theirs.abs(),
                "{} {p}: {ours} for {theirs}",
                case["name"]
            );
        }
        // The exact sum, rounded once, is that of Python's fsum.
        assert_eq!(Some(summary.sum()), case["sum"].as_f64());
        assert!((summary.mean().unwrap() / case["mean"].as_f64().unwrap() - 1.0).abs() < 1e-15);
    }
}

proptest! {
    #![proptest_config(fixed_seed())]

    #[test]
    fn quantiles_are_within_the_stated_error_of_any_input(rows in rows(80), p in 0.0f64..=1.0, rel_err in prop::sample::select(vec![0.001, 0.01, 0.1, 0.5])) {
        let mut summary = LatencySummary::default();
        rows.iter().for_each(|&row| summary.push(row, Some(rel_err)).unwrap());
        let mut sorted: Vec<f64> = rows.iter().flatten().copied().filter(|x| x.abs() <= LARGEST).collect();
        sorted.sort_by(f64::total_cmp);
        let largest = sorted.iter().fold(0.0, |a: f64, x| a.max(x.abs()));
        let rank = (p * (sorted.len().max(1) - 1) as f64).floor();
        let exact = sorted.iter().copied().zip(0u32..).find(|(_, k)| f64::from(*k) >= rank).map(|(x, _)| x);
        let estimate = summary.sketch().quantile(p).unwrap();
        prop_assert_eq!(estimate.is_some(), exact.is_some());
        if let (Some(estimate), Some(exact)) = (estimate, exact) {
            let allowed = rel_err * exact.abs() * (1.0 + 1e-9) + (2e-17 * largest).max(1e-9);
            prop_assert!((estimate - exact).abs() <= allowed, "{} for {}", estimate, exact);
        }
    }

    #[test]
    fn order_and_partition_change_nothing((rows, shuffled) in rows(60).prop_flat_map(|v| (Just(v.clone()), Just(v).prop_shuffle())), cut in any::<prop::sample::Index>()) {
        let whole = summary(&rows).to_bytes();
        prop_assert_eq!(&summary(&shuffled).to_bytes(), &whole);
        let (a, b) = shuffled.split_at(cut.index(shuffled.len() + 1).min(shuffled.len()));
        let mut merged = LatencySummary::default();
        for part in [b, a] {
            merged.merge(&LatencySummary::from_bytes(&summary(part).to_bytes()).unwrap()).unwrap();
        }
        prop_assert_eq!(&merged.to_bytes(), &whole);
        prop_assert_eq!(LatencySummary::from_text(&merged.to_text()).unwrap().to_bytes(), whole);
    }

    #[test]
    fn a_moving_window_equals_the_plain_summary_of_its_rows(rows in rows(60), width in 1usize..20) {
        let mut moving = MovingLatency::default();
        for (end, &row) in rows.iter().enumerate() {
            moving.push(row, None).unwrap();
            if let Some(old) = end.checked_sub(width) {
                moving.pop(rows[old]).unwrap();
            }
            let plain = summary(&rows[(end + 1).saturating_sub(width)..=end]);
            prop_assert_eq!(moving.summary().to_bytes(), plain.to_bytes());
        }
    }

    #[test]
    fn damaged_bytes_never_panic_nor_give_a_sum_out_of_range(rows in rows(40), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = summary(&rows).to_bytes();
        let at = at.index(bytes.len());
        prop_assert!(LatencySummary::from_bytes(&bytes[..at]).is_err());
        bytes[at] = byte;
        if let Ok(read) = LatencySummary::from_bytes(&bytes) {
            prop_assert!(read.mean().is_none_or(f64::is_finite) && read.sum().is_finite());
            let mut twice = read.clone();
            let _ = twice.merge(&read);
        }
    }
}
