use serde_json::Value;

use super::*;

fn golden(name: &str) -> Vec<Vec<f64>> {
    let text = include_str!("../../../../tests/golden/pca.json");
    let all: Value = serde_json::from_str(text).unwrap();
    serde_json::from_value(all[name].clone()).unwrap()
}

/// Largest relative difference from scipy, of results that are not beyond what a double holds.
fn worst(name: &str, tail: impl Fn(&[f64]) -> f64) -> f64 {
    let rows = golden(name);
    assert!(rows.len() > 6);
    let difference = |row: &Vec<f64>| {
        let (expected, arguments) = row.split_last().unwrap();
        let actual = tail(arguments);
        if *expected < 1e-300 {
            actual
        } else {
            (actual / expected - 1.0).abs()
        }
    };
    rows.iter().map(difference).fold(0.0, f64::max)
}

#[test]
fn tails_agree_with_scipy() {
    assert!(worst("normal", |x| normal_upper(x[0])) < 1e-12);
    assert!(worst("chi_squared", |x| chi_squared_upper(x[0], x[1])) < 1e-11);
    // Logarithms of the gamma function of 10⁵ have lost five digits.
    assert!(worst("f", |x| f_upper(x[0], x[1], x[2])) < 1e-8);
    // Above 10⁶ degrees of freedom the normal distribution stands in.
    assert!(worst("t", |x| t_two_sided(x[0], x[1])) < 1e-5);
}

#[test]
fn the_ends_of_the_range_are_certain() {
    let certain = [
        f_upper(0.0, 3.0, 9.0),
        chi_squared_upper(0.0, 3.0),
        t_two_sided(0.0, 4.0),
    ];
    assert!(certain.iter().all(|p| *p >= 1.0));
    let impossible = [
        f_upper(f64::INFINITY, 3.0, 9.0),
        chi_squared_upper(f64::INFINITY, 3.0),
        normal_upper(f64::INFINITY),
    ];
    assert!(impossible.iter().all(|p| *p <= 0.0));
    assert!(f_upper(f64::NAN, 3.0, 9.0).is_nan() && normal_upper(f64::NAN).is_nan());
}

#[test]
fn correlations_have_the_tails_of_closed_forms() {
    // With four pairs the p-value is 1 − |r|, with three that of Cauchy's distribution.
    for r in [0.0f64, 0.1, 0.5, 0.9, 0.999_999, 1.0] {
        let p = correlation_two_sided(r, 4.0).unwrap();
        assert!((p - (1.0 - r)).abs() < 1e-13, "{r}: {p}");
        let cauchy = 1.0 - 2.0 / std::f64::consts::PI * r.asin();
        assert!(
            (correlation_two_sided(-r, 3.0).unwrap() - cauchy).abs() < 1e-9,
            "{r}"
        );
    }
    assert_eq!(correlation_two_sided(0.5, 2.0), None);
    assert_eq!(correlation_two_sided(1.0, 100.0), Some(0.0));
}

#[test]
fn correlations_have_the_p_values_of_scipy() {
    let golden: Value =
        serde_json::from_str(include_str!("../../../../tests/golden/aggregate.json")).unwrap();
    let cases = golden["p_value"].as_array().unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        let [r, n, p] = ["r", "n", "p"].map(|name| case[name].as_f64().unwrap());
        let found = correlation_two_sided(r, n).unwrap();
        assert!((found / p - 1.0).abs() < 1e-9, "{r} {n}: {found} for {p}");
    }
}

#[test]
fn normal_quantiles_are_those_of_the_tables() {
    for (p, z) in [
        (0.5, 0.0),
        (0.75, 0.674_489_75),
        (0.975, 1.959_963_985),
        (0.995, 2.575_829_304),
    ] {
        assert!((normal_quantile(p) - z).abs() < 1e-8, "{p}");
    }
}
