//! Named numbers where they are hard to have.

use proptest::prelude::*;

use super::*;

fn named(y: Vec<f64>) -> BTreeMap<&'static str, Value> {
    let values = features(&regular(y, MINUTE), &never).unwrap();
    NAMES.into_iter().zip(values).collect()
}

#[test]
fn what_does_not_exist_says_why() {
    let empty = named(Vec::new());
    assert_eq!(empty["n"], Ok(0.0));
    assert!(
        empty
            .iter()
            .all(|(name, value)| *name == "n" || *value == Err("no values")),
        "{empty:?}"
    );
    let one = named(vec![2.0]);
    for (name, value) in [
        ("mean", Ok(2.0)),
        ("median", Ok(2.0)),
        ("longest_flat", Ok(1.0)),
        ("trend_slope", Err("too short")),
        ("acf_1", Err("too short")),
    ] {
        assert_eq!(one[name], value, "{name}");
    }
    let constant = named(vec![0.1; 300]);
    for (name, value) in [
        ("sd", Ok(0.0)),
        ("cv", Ok(0.0)),
        ("mean_change", Ok(0.0)),
        ("longest_flat", Ok(300.0)),
        ("permutation_entropy", Ok(0.0)),
        ("skewness", Err("constant")),
        ("acf_1", Err("constant")),
        ("spectral_entropy", Err("constant")),
        ("hurst", Err("constant")),
        ("crossing_rate", Ok(0.0)),
    ] {
        assert_eq!(constant[name].map(|v| v.abs()), value, "{name}");
    }
    assert_eq!(named(vec![-1.0, 1.0, -1.0, 1.0])["cv"], Err("mean is zero"));
    assert_eq!(named(vec![-1.0, 1.0, -1.0, 1.0])["hurst"], Err("too short"));
    assert_eq!(
        named(vec![1e200, -1e200, 1e200])["skewness"],
        Err("out of range")
    );
    let line = named((0..100).map(f64::from).collect());
    assert_eq!(line["dominant_period"], Err("constant"));
    assert_eq!(line["diff_acf_1"], Err("constant"));
    assert!((line["trend_r"].unwrap() - 1.0).abs() < 1e-12);
}

#[test]
fn small_deviations_around_a_large_mean_keep_their_digits() {
    let mut random = Random::new(2);
    let d: Vec<f64> = (0..500)
        .map(|_| (random.normal() * 1024.0).round() / 1_048_576.0)
        .collect();
    let (small, large) = (named(d.clone()), named(d.iter().map(|v| v + 1e9).collect()));
    for name in [
        "sd",
        "skewness",
        "kurtosis",
        "acf_1",
        "hurst",
        "spectral_entropy",
        "stability",
        "complexity",
    ] {
        let (a, b) = (small[name].unwrap(), large[name].unwrap());
        assert!((a - b).abs() <= 1e-3 * a.abs().max(0.1), "{name}: {a} {b}");
    }
}

/// Numbers that do not depend on the unit.
const FREE: [&str; 25] = [
    "skewness",
    "kurtosis",
    "outlier_share",
    "trend_r",
    "complexity",
    "reversal_asymmetry",
    "crossing_rate",
    "longest_above_mean",
    "longest_flat",
    "permutation_entropy",
    "stability",
    "lumpiness",
    "acf_1",
    "acf_2",
    "acf_5",
    "acf_first_zero",
    "acf_first_min",
    "pacf_2",
    "diff_acf_1",
    "spectral_entropy",
    "spectral_centroid",
    "dominant_period",
    "dominant_share",
    "trend_strength",
    "hurst",
];

proptest! {
    #![proptest_config(crate::sample::tests::fixed_seed())]

    #[test]
    fn scale_and_origin_change_no_shape(seed in 0_u64..1000, scale in -20_i32..20, shift in -8_i32..8) {
        let y: Vec<f64> = Random::new(seed).walk(150);
        let (scale, shift) = (2_f64.powi(scale), f64::from(shift));
        let (a, b) = (named(y.clone()), named(y.iter().map(|v| scale * (v + shift)).collect()));
        for name in FREE {
            let (a, b) = (a[name].unwrap(), b[name].unwrap());
            prop_assert!((a - b).abs() <= 1e-6 * a.abs().max(1.0), "{}: {} {}", name, a, b);
        }
    }

    #[test]
    fn any_values_give_numbers_or_reasons(y in prop::collection::vec(prop_oneof![any::<f64>(), -3.0..3.0, Just(0.0)], 0..200)) {
        let y: Vec<f64> = y.into_iter().filter(|v| v.is_finite()).collect();
        prop_assert!(features(&regular(y.clone(), MINUTE), &never).unwrap().iter().all(|v| v.is_err() || v.unwrap().is_finite()));
        let regular = regular(y, MINUTE);
        for result in [detect_periods(&regular, 0.6, 3, &never).map(|_| ()), changepoints(&regular, None, 1.0, &never).map(|_| ()), outliers(&regular, None, 5.0, &never).map(|_| ())] {
            prop_assert!(result.is_ok() || result.unwrap_err().kind() == ErrorKind::NotFinite);
        }
    }
}
