use proptest::prelude::*;

use super::*;
use crate::sample::tests::fixed_seed;
use crate::time::MINUTE;

/// A request with one param, of owned parts.
#[derive(Debug, Clone)]
struct Row {
    latency_ms: Option<f64>,
    bytes: Option<f64>,
    kind: Option<String>,
    actor: Option<String>,
    param: Option<f64>,
}

fn row() -> impl Strategy<Value = Row> {
    let number = |top: f64| prop_oneof![8 => (0.0..top).prop_map(Some), 1 => Just(None), 1 => prop::sample::select(vec![Some(f64::NAN), Some(f64::INFINITY), Some(1e200)])];
    let key = || prop::option::of((0u8..6).prop_map(|k| format!("k{k}")));
    (number(1e4), number(1e6), key(), key(), number(10.0)).prop_map(
        |(latency_ms, bytes, kind, actor, param)| Row {
            latency_ms,
            bytes,
            kind,
            actor,
            param,
        },
    )
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row(), 0..60)
}

fn state(rows: &[Row]) -> RequestState {
    let mut state = RequestState::default();
    for row in rows {
        let request = Request {
            ts: Some(0),
            latency_ms: row.latency_ms,
            bytes: row.bytes,
            kind: row.kind.as_deref(),
            actor: row.actor.as_deref(),
            params: &[row.param],
        };
        state.push(&request).unwrap();
    }
    state
}

fn is_close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
        (a, b) => a == b,
    }
}

#[test]
fn features_have_the_order_of_their_names() {
    let names = RequestState::names(&["items".to_owned()]);
    assert_eq!(
        names,
        [
            "latency_p50_ms",
            "latency_p95_ms",
            "latency_p99_ms",
            "bytes_mean",
            "entropy_kind",
            "entropy_actor",
            "corr_bytes",
            "corr_items"
        ]
    );
    let row = |k: u32| Row {
        latency_ms: Some(f64::from(k)),
        bytes: Some(f64::from(k) * 10.0),
        kind: Some(format!("{}", k % 2)),
        actor: Some("one".to_owned()),
        param: Some(f64::from(k) * -2.0),
    };
    let rows: Vec<_> = (1..=1000).map(row).collect();
    let values = state(&rows).values(1);
    assert_eq!(values.len(), names.len());
    for (value, expected, within) in [
        (values[0], 500.0, 0.01 * 500.0),
        (values[1], 950.0, 0.01 * 950.0),
        (values[2], 990.0, 0.01 * 990.0),
        (values[3], 5005.0, 0.0),
        (
            values[4],
            1.0 + 1.0 / (2000.0 * std::f64::consts::LN_2),
            1e-12,
        ),
        (values[5], 0.0, 0.0),
        (values[6], 1.0, 1e-12),
        (values[7], -1.0, 1e-12),
    ] {
        assert!(
            (value.unwrap() - expected).abs() <= within,
            "{value:?} instead of {expected}"
        );
    }
}

#[test]
fn no_rows_give_no_values_and_a_rate_of_zero() {
    let empty = RequestState::default();
    assert_eq!(empty.values(2), vec![None; 9]);
    assert_eq!(
        (empty.n(), empty.rate(Step::try_new(MINUTE).unwrap())),
        (0, 0.0)
    );
    assert_eq!(RequestState::from_bytes(&empty.to_bytes()).unwrap(), empty);
    assert_eq!(RequestState::from_text(&empty.to_text()).unwrap(), empty);
}

#[test]
fn rows_with_a_number_that_is_none_are_counted_once_and_used_where_they_can_be() {
    let broken = Row {
        latency_ms: Some(f64::NAN),
        bytes: Some(f64::INFINITY),
        kind: Some("a".into()),
        actor: None,
        param: Some(1e300),
    };
    let state = state(&[
        broken.clone(),
        Row {
            bytes: Some(4.0),
            param: None,
            ..broken
        },
    ]);
    assert_eq!((state.n(), state.n_nonfinite()), (2, 2));
    assert_eq!(
        state.values(1)[..5],
        [None, None, None, Some(4.0), Some(0.0)]
    );
    assert!((state.rate(Step::try_new(MINUTE).unwrap()) - 2.0 / 60.0).abs() < 1e-15);
}

#[test]
fn the_number_of_params_is_fixed_by_the_first_request_that_has_some() {
    let with = |params: &[Option<f64>]| {
        let mut state = RequestState::default();
        state
            .push(&Request {
                params,
                ..Request::default()
            })
            .unwrap();
        state
    };
    let mut state = with(&[]);
    assert_eq!(state.n_params(), 0);
    state.merge(&with(&[Some(1.0)])).unwrap();
    state.push(&Request::default()).unwrap();
    assert_eq!((state.n(), state.n_params()), (3, 1));
    let error = state.merge(&with(&[None, None])).unwrap_err();
    assert_eq!(
        error.message(),
        "a request has 2 params, the ones before had 1"
    );
    assert_eq!(state.n(), 3);
    let many = vec![None; MAX_PARAMS + 1];
    for mut state in [state, RequestState::default()] {
        let error = state
            .push(&Request {
                params: &many,
                ..Request::default()
            })
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }
}

#[test]
fn a_constant_latency_correlates_with_nothing() {
    let row = |k: u32| Row {
        latency_ms: Some(0.1),
        bytes: Some(f64::from(k)),
        kind: None,
        actor: None,
        param: None,
    };
    let mut merged = state(&(0..50).map(row).collect::<Vec<_>>());
    merged
        .merge(&state(&(50..99).map(row).collect::<Vec<_>>()))
        .unwrap();
    assert_eq!(merged.values(1)[4..], [None, None, None, None]);
    assert_eq!(merged.values(0)[0], Some(0.1));
}

#[test]
fn parts_that_saw_more_rows_than_there_were_are_corrupt() {
    let row = Row {
        latency_ms: Some(1.0),
        bytes: None,
        kind: None,
        actor: None,
        param: None,
    };
    let text = state(&[row]).to_text().replacen("\"n\":1", "\"n\":0", 1);
    assert_eq!(
        RequestState::from_text(&text).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..fixed_seed() })]

    #[test]
    fn order_and_partition_change_rounding_at_most((rows, shuffled) in rows().prop_flat_map(|r| (Just(r.clone()), Just(r).prop_shuffle())), cut in any::<prop::sample::Index>()) {
        let whole = state(&rows);
        let (a, b) = shuffled.split_at(if shuffled.is_empty() { 0 } else { cut.index(shuffled.len()) });
        let mut merged = RequestState::from_bytes(&state(b).to_bytes()).unwrap();
        merged.merge(&state(a)).unwrap();
        prop_assert_eq!((merged.n(), merged.n_nonfinite()), (whole.n(), whole.n_nonfinite()));
        prop_assert_eq!(&merged.latency, &whole.latency);
        prop_assert_eq!((&merged.kind, &merged.actor), (&whole.kind, &whole.actor));
        for (a, b) in merged.values(1).into_iter().zip(whole.values(1)) {
            prop_assert!(is_close(a, b), "{:?} {:?}", a, b);
        }
    }

    #[test]
    fn correlations_agree_with_two_passes(rows in rows()) {
        let usable = |x: Option<f64>| x.filter(|x| x.abs() < 1e140);
        let pairs = rows.iter().filter_map(|row| usable(row.latency_ms).zip(usable(row.bytes)));
        let (x, y): (Vec<_>, Vec<_>) = pairs.unzip();
        let expected = super::super::correlation::pearson(&x, &y);
        prop_assert!(is_close(state(&rows).values(1)[6], expected));
    }

    #[test]
    fn both_forms_round_trip(rows in rows()) {
        let state = state(&rows);
        prop_assert_eq!(&RequestState::from_bytes(&state.to_bytes()).unwrap(), &state);
        prop_assert_eq!(&RequestState::from_text(&state.to_text()).unwrap(), &state);
    }

    #[test]
    fn damaged_bytes_never_panic(rows in rows(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = state(&rows).to_bytes();
        let cut = at.index(bytes.len());
        prop_assert_eq!(RequestState::from_bytes(&bytes[..cut]).unwrap_err().kind(), ErrorKind::Corrupt);
        bytes[cut] = byte;
        if let Ok(mut read) = RequestState::from_bytes(&bytes) {
            let copy = read.clone();
            read.merge(&copy).unwrap();
            prop_assert_eq!(read.values(1).len(), 8);
        }
    }
}

#[test]
fn features_are_those_of_numpy_and_scipy() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../../../../../tests/golden/aggregate.json")).unwrap();
    let golden = &golden["request"];
    let (latency, bytes, param) = (&golden["latency_ms"], &golden["bytes"], &golden["param"]);
    let n = latency.as_array().unwrap().len();
    let rows: Vec<_> = (0..n)
        .map(|k| Row {
            latency_ms: latency[k].as_f64(),
            bytes: bytes[k].as_f64(),
            kind: golden["kind"][k].as_str().map(str::to_owned),
            actor: golden["actor"][k].as_str().map(str::to_owned),
            param: param[k].as_f64(),
        })
        .collect();
    let state = state(&rows);
    let values = state.values(1);
    for (value, exact) in values.iter().zip(golden["quantile"].as_array().unwrap()) {
        assert!((value.unwrap() / exact.as_f64().unwrap() - 1.0).abs() <= 0.01);
    }
    let names = [
        "bytes_mean",
        "entropy_kind",
        "entropy_actor",
        "corr_bytes",
        "corr_param",
    ];
    for (value, name) in values[3..].iter().zip(names) {
        let (found, expected) = (value.unwrap(), golden[name].as_f64().unwrap());
        assert!(
            (found - expected).abs() <= 1e-12 * expected.abs().max(1.0),
            "{name}: {found} for {expected}"
        );
    }
    assert_eq!(state.kind().share("page"), golden["share_page"].as_f64());
    let rate = state.rate(Step::try_new(MINUTE).unwrap());
    assert!((rate - n as f64 / 60.0).abs() < 1e-12);
}
