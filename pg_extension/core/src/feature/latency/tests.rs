use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::sample::tests::fixed_seed;

fn sketch(values: &[f64]) -> LatencySketch {
    let mut sketch = LatencySketch::default();
    values
        .iter()
        .for_each(|&x| assert!(sketch.push(x).unwrap()));
    sketch
}

/// Values over many sizes and both signs.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-6.0f64..7.0).prop_map(|e| 10f64.powf(e)),
        1 => (-3.0f64..3.0).prop_map(|e| -(10f64.powf(e))),
        1 => prop::sample::select(vec![0.0, -0.0, 1e-12, -1e-12, 1.0, LARGEST, -LARGEST]),
    ]
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(value(), 1..80)
}

#[test]
fn an_empty_sketch_has_no_quantiles() {
    let empty = LatencySketch::default();
    assert_eq!(
        (
            empty.n(),
            empty.quantile(0.5).unwrap(),
            empty.rank(1.0).unwrap()
        ),
        (0, None, None)
    );
    assert_eq!(LatencySketch::from_bytes(&empty.to_bytes()).unwrap(), empty);
}

#[test]
fn a_constant_is_exact() {
    let sketch = sketch(&[0.1; 7]);
    assert_eq!(
        [0.0, 0.5, 1.0].map(|p| sketch.quantile(p).unwrap()),
        [Some(0.1); 3]
    );
}

#[test]
fn numbers_that_are_none_are_not_taken() {
    let mut sketch = LatencySketch::default();
    for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e141] {
        assert!(!sketch.push(x).unwrap());
    }
    assert_eq!(sketch, LatencySketch::default());
}

#[test]
fn arguments_outside_their_domain_are_errors() {
    for rel_err in [0.0, 0.0009, 0.6, f64::NAN] {
        assert_eq!(
            LatencySketch::try_new(rel_err).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
    }
    for p in [-0.1, 1.1, f64::NAN] {
        assert_eq!(
            LatencySketch::default().quantile(p).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
    }
    for value in [f64::NAN, f64::INFINITY] {
        assert_eq!(
            LatencySketch::default().rank(value).unwrap_err().kind(),
            ErrorKind::NotFinite
        );
    }
    let mut fine = LatencySketch::try_new(0.001).unwrap();
    assert!(fine.merge(&LatencySketch::default()).is_err());
}

#[test]
fn an_ordinary_window_takes_few_bytes() {
    let latencies: Vec<_> = (0..10_000).map(|k| 1.0 + f64::from(k % 997)).collect();
    assert!(sketch(&latencies).to_bytes().len() < 700);
}

#[test]
fn the_widest_range_stays_within_the_stated_memory() {
    let wide = sketch(&[1.1e-9, LARGEST, -1.1e-9, -LARGEST]);
    assert!(wide.positive.counts.len() + wide.negative.counts.len() <= 2 * 2_005);
    let mut fine = LatencySketch::try_new(MIN_REL_ERR).unwrap();
    for x in [1.1e-9, LARGEST] {
        fine.push(x).unwrap();
    }
    assert!(fine.positive.counts.len() * 8 < 325_000 / 2);
}

#[test]
fn a_sketch_of_version_0_2_with_every_bucket_is_read_as_one_with_fewer() {
    let mut every = LatencySketch {
        max_buckets: usize::MAX,
        ..LatencySketch::default()
    };
    for x in [2e-9, 1.0, 1e9, LARGEST] {
        every.push(x).unwrap();
    }
    let mut fewer = LatencySketch::default();
    for x in [1.0, LARGEST, 2e-9, 1e9] {
        fewer.push(x).unwrap();
    }
    let read = LatencySketch::from_bytes(&every.to_bytes()).unwrap();
    assert_eq!(read, fewer);
    assert_eq!(read.positive.counts.len(), read.max_buckets);
}

proptest! {
    #![proptest_config(fixed_seed())]

    #[test]
    fn quantiles_are_within_the_relative_error(values in values(), p in 0.0f64..=1.0) {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        // Rounding of ln at the edge of a bucket adds next to nothing.
        let rank = (p * (sorted.len() - 1) as f64).floor();
        let exact = sorted.iter().copied().zip(0u32..).find(|(_, k)| f64::from(*k) >= rank).unwrap().0;
        let floor = ZERO.max(2e-17 * values.iter().fold(0.0, |a: f64, x| a.max(x.abs())));
        let estimate = sketch(&values).quantile(p).unwrap().unwrap();
        prop_assert!((estimate - exact).abs() <= 0.01 * exact.abs() * (1.0 + 1e-9) + floor, "{estimate} for {exact}");
    }

    #[test]
    fn quantiles_never_fall(values in values(), p in 0.0f64..=1.0, q in 0.0f64..=1.0) {
        let sketch = sketch(&values);
        prop_assert!(sketch.quantile(p.min(q)).unwrap() <= sketch.quantile(p.max(q)).unwrap());
    }

    #[test]
    fn ranks_lie_between_those_of_the_values_and_of_their_bucket(values in values(), at in value()) {
        let share = |limit: f64| values.iter().filter(|&&x| x <= limit).count() as f64 / values.len() as f64;
        let rank = sketch(&values).rank(at).unwrap().unwrap();
        let floor = ZERO.max(2e-17 * values.iter().fold(0.0, |a: f64, x| a.max(x.abs())));
        let slack = at.abs() * (2.0 * 0.01 / 0.99) * (1.0 + 1e-9) + 2.0 * floor;
        prop_assert!(share(at) <= rank && rank <= share(at + slack), "{} {} {}", share(at), rank, share(at + slack));
    }

    #[test]
    fn order_and_partition_change_nothing((values, shuffled) in values().prop_flat_map(|v| (Just(v.clone()), Just(v).prop_shuffle())), cut in any::<prop::sample::Index>()) {
        let whole = sketch(&values);
        prop_assert_eq!(&sketch(&shuffled), &whole);
        let (a, b) = shuffled.split_at(cut.index(shuffled.len()));
        let mut merged = sketch(b);
        merged.merge(&sketch(a)).unwrap();
        prop_assert_eq!(merged.to_bytes(), whole.to_bytes());
    }

    #[test]
    fn both_forms_round_trip(values in values()) {
        let sketch = sketch(&values);
        prop_assert_eq!(&LatencySketch::from_bytes(&sketch.to_bytes()).unwrap(), &sketch);
        let text = serde_json::to_string(&sketch).unwrap();
        prop_assert_eq!(&serde_json::from_str::<LatencySketch>(&text).unwrap(), &sketch);
    }

    #[test]
    fn damaged_bytes_never_panic(values in values(), at in any::<prop::sample::Index>(), byte: u8, p in 0.0f64..=1.0) {
        let mut bytes = sketch(&values).to_bytes();
        let cut = at.index(bytes.len());
        prop_assert!(LatencySketch::from_bytes(&bytes[..cut]).is_err());
        bytes[cut] = byte;
        if let Ok(mut read) = LatencySketch::from_bytes(&bytes) {
            let copy = read.clone();
            let _ = read.merge(&copy);
            prop_assert!(read.quantile(p).unwrap().is_none_or(f64::is_finite));
            prop_assert!(read.rank(1.0).unwrap().is_none_or(f64::is_finite));
        }
    }
}
