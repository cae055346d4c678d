use proptest::prelude::*;

use super::*;
use crate::sample::tests::fixed_seed;

fn state(keys: impl IntoIterator<Item = u32>) -> EntropyState {
    let mut state = EntropyState::default();
    keys.into_iter()
        .for_each(|key| state.push(&format!("key {key}")).unwrap());
    state
}

/// Entropy of counts, the obvious way.
fn exact(counts: &[u64]) -> f64 {
    let n: u64 = counts.iter().sum();
    counts
        .iter()
        .map(|&c| c as f64 / n as f64)
        .filter(|p| *p > 0.0)
        .map(|p| -p * p.log2())
        .sum()
}

/// A state of keys with these counts, through the same path as rows.
fn counted(counts: &[u64]) -> EntropyState {
    let mut state = EntropyState::default();
    for (key, &count) in counts.iter().enumerate() {
        state.add(hash(&format!("key {key}")), count).unwrap();
        state.n += count;
    }
    state
}

fn zipf(n_keys: u32, exponent: f64) -> Vec<u64> {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small positive counts"
    )]
    (1..=n_keys)
        .map(|rank| (1e6 / f64::from(rank).powf(exponent)).ceil() as u64)
        .collect()
}

#[test]
fn entropy_is_that_of_the_frequencies() {
    assert_eq!(
        EntropyState::default().entropy(Correction::MillerMadow),
        None
    );
    assert_eq!(state([1; 9]).entropy(Correction::MillerMadow), Some(0.0));
    let four = state((0..1000).map(|k| k % 4));
    assert_eq!(four.entropy(Correction::None), Some(2.0));
    // Three more keys than one, in 1000 rows: 3/(2000 ln 2) bits.
    let corrected = four.entropy(Correction::MillerMadow).unwrap();
    assert!((corrected - 2.0 - 3.0 / (2000.0 * std::f64::consts::LN_2)).abs() < 1e-12);
    assert!(
        (counted(&[1, 2, 3, 10]).entropy(Correction::None).unwrap() - exact(&[1, 2, 3, 10])).abs()
            < 1e-12
    );
}

#[test]
fn hashes_never_change_because_states_are_stored() {
    // FNV-1a of "a" is the published test vector af63dc4c8601ec8c; the mixer is that of MurmurHash3 (fmix64), computed
    // independently in Python.
    assert_eq!(
        [hash(""), hash("a"), hash("GET /cart")],
        [
            0xefd0_1f60_ba99_2926,
            0x82a2_a958_a9be_ce5b,
            0xffa1_3483_acbe_1a2b
        ]
    );
}

#[test]
fn exact_up_to_the_limit_and_flagged_above() {
    let at_limit = state(0..4096);
    assert!(!at_limit.is_approximate());
    assert_eq!(at_limit.entropy(Correction::None), Some(12.0));
    let above = state(0..4097);
    assert!(above.is_approximate() && above.keys.len() <= MAX_KEYS);
}

#[test]
fn many_keys_are_estimated_within_the_stated_error() {
    let mut squares = Vec::new();
    for counts in [
        vec![3; 20_000],
        vec![1; 200_000],
        zipf(20_000, 1.0),
        zipf(200_000, 1.0),
        zipf(200_000, 0.7),
        zipf(50_000, 1.5),
        [vec![1_000_000], vec![1; 100_000]].concat(),
    ] {
        let state = counted(&counts);
        assert!(state.is_approximate());
        let error = (state.entropy(Correction::None).unwrap() - exact(&counts)).abs();
        squares.push(error * error);
        assert!(error < 0.25, "{error} bits");
        assert!((state.n_keys() / counts.len() as f64 - 1.0).abs() < 0.1);
    }
    let rms = (squares.iter().sum::<f64>() / squares.len() as f64).sqrt();
    assert!(rms < 0.1, "{rms} bits");
}

#[test]
fn any_order_and_partition_of_many_keys_gives_the_same_state() {
    let keys: Vec<u32> = (0..30_000)
        .map(|k: u32| k.wrapping_mul(2_654_435_761) % 9_001)
        .collect();
    let whole = state(keys.iter().copied());
    assert!(whole.is_approximate());
    assert_eq!(state(keys.iter().rev().copied()), whole);
    for cuts in [
        [0, 0],
        [1, 2],
        [3_000, 29_000],
        [10_000, 20_000],
        [30_000, 30_000],
    ] {
        let (head, rest) = keys.split_at(cuts[0]);
        let (middle, tail) = rest.split_at(cuts[1] - cuts[0]);
        for order in [
            [head, middle, tail],
            [tail, head, middle],
            [middle, tail, head],
        ] {
            let mut merged = EntropyState::default();
            for part in order {
                merged.merge(&state(part.iter().copied())).unwrap();
            }
            assert_eq!(merged, whole);
            assert_eq!(merged.to_bytes(), whole.to_bytes());
            assert_eq!(
                merged.entropy(Correction::None),
                whole.entropy(Correction::None)
            );
        }
    }
}

#[test]
fn both_forms_round_trip_exact_and_approximate() {
    for state in [
        EntropyState::default(),
        state([1, 2, 2, 7]),
        state(0..9_000),
    ] {
        assert_eq!(EntropyState::from_bytes(&state.to_bytes()).unwrap(), state);
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<EntropyState>(&text).unwrap(), state);
    }
}

#[test]
fn states_that_no_rows_give_are_refused() {
    for text in [
        r#"{"format":2,"level":0,"keys":[],"buckets":[]}"#,
        r#"{"format":1,"level":1,"keys":[],"buckets":[]}"#,
        r#"{"format":1,"level":0,"keys":[],"buckets":[1]}"#,
        r#"{"format":1,"level":0,"keys":[[2,1],[1,1]],"buckets":[]}"#,
        r#"{"format":1,"level":0,"keys":[[1,0]],"buckets":[]}"#,
        r#"{"format":1,"level":0,"keys":[[1,18446744073709551615],[2,1]],"buckets":[]}"#,
    ] {
        assert!(
            serde_json::from_str::<EntropyState>(text).is_err(),
            "{text}"
        );
    }
}

proptest! {
    #![proptest_config(fixed_seed())]

    #[test]
    fn never_above_the_logarithm_of_the_number_of_keys(keys in prop::collection::vec(0u32..20, 1..60)) {
        let state = state(keys.iter().copied());
        let entropy = state.entropy(Correction::None).unwrap();
        prop_assert!((0.0..=state.n_keys().log2() + 1e-12).contains(&entropy));
    }

    #[test]
    fn damaged_bytes_never_panic(keys in prop::collection::vec(0u32..20, 0..60), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = state(keys).to_bytes();
        let cut = at.index(bytes.len());
        prop_assert!(EntropyState::from_bytes(&bytes[..cut]).is_err());
        bytes[cut] = byte;
        if let Ok(mut read) = EntropyState::from_bytes(&bytes) {
            let copy = read.clone();
            read.merge(&copy).unwrap();
            prop_assert!(read.entropy(Correction::MillerMadow).is_none_or(f64::is_finite));
        }
    }
}

#[test]
fn entropies_are_those_of_scipy() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../../../../../tests/golden/aggregate.json")).unwrap();
    let cases = golden["entropy"].as_array().unwrap();
    assert!(cases.len() > 5);
    for case in cases {
        let mut keys = KeyCounts::default();
        for (key, count) in case["counts"].as_array().unwrap().iter().enumerate() {
            for _ in 0..count.as_u64().unwrap().min(100_000) {
                keys.push(Some(&format!("{key}"))).unwrap();
            }
        }
        for (found, name) in [
            (keys.entropy(false, Correction::None), "bits"),
            (keys.entropy(false, Correction::MillerMadow), "miller_madow"),
            (keys.entropy(true, Correction::None), "normalized"),
        ] {
            let (found, expected) = (found.unwrap(), case[name].as_f64().unwrap());
            assert!(
                (found - expected).abs() < 1e-11,
                "{name}: {found} for {expected}"
            );
        }
    }
}
