//! Against independent tools; see tests/golden/make_series.py.

use super::*;

#[derive(Deserialize)]
struct Golden {
    features: Vec<Named>,
    stl: BTreeMap<String, Split>,
}

#[derive(Deserialize)]
struct Named {
    y: Vec<f64>,
    values: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Split {
    y: Vec<f64>,
    trend: Vec<f64>,
    seasonal: Seasonal,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Seasonal {
    One(Vec<f64>),
    Many(Vec<Vec<f64>>),
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../../../../tests/golden/series.json")).unwrap()
}

/// The values are rounded to twelve digits; some are differences of larger numbers.
fn is_near(ours: f64, theirs: f64) -> bool {
    (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0)
}

#[test]
fn features_agree_with_numpy_scipy_statsmodels_tsfresh_and_catch22() {
    for Named { y, values } in golden().features {
        let ours = features(&regular(y, MINUTE), &never).unwrap();
        assert_eq!(values.len(), NAMES.len());
        for (name, ours) in NAMES.iter().zip(ours) {
            let theirs = values[*name];
            assert!(
                is_near(ours.unwrap(), theirs),
                "{name}: {ours:?}, not {theirs}"
            );
        }
    }
}

fn farthest(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}

fn mean_distance(a: &[f64], b: &[f64]) -> f64 {
    let squares: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    (squares / a.len() as f64).sqrt()
}

#[test]
fn stl_agrees_with_statsmodels() {
    for (name, split) in golden().stl {
        let Seasonal::One(theirs) = split.seasonal else {
            continue;
        };
        let mut spec = StlSpec::new(24, 11, name == "robust");
        spec.jumps = false;
        let seen = vec![true; split.y.len()];
        let (seasonal, trend) = stl(&split.y, &seen, &spec, &never).unwrap();
        assert!(
            farthest(&seasonal, &theirs) < 1e-8,
            "{name} {}",
            farthest(&seasonal, &theirs)
        );
        assert!(
            farthest(&trend, &split.trend) < 1e-8,
            "{name} {}",
            farthest(&trend, &split.trend)
        );
    }
}

#[test]
fn two_seasons_agree_with_statsmodels_up_to_the_lines_between_every_tenth_point() {
    let split = golden().stl.remove("two").unwrap();
    let Seasonal::Many(theirs) = split.seasonal else {
        panic!("two seasons were written");
    };
    let y = regular(split.y, HOUR);
    let parts = decompose(&y, Some(&[70 * HOUR, 24 * HOUR]), true, &never).unwrap();
    let sd = 7.0; // of the values
    for ((_, ours), theirs) in parts.seasonal.iter().zip(&theirs) {
        let apart = mean_distance(ours.as_ref().unwrap(), theirs);
        assert!(apart < 0.03 * sd, "{apart}");
    }
    assert!(mean_distance(&parts.trend, &split.trend) < 0.03 * sd);
}

#[test]
fn parts_add_up_and_gaps_take_no_part() {
    let mut random = Random::new(3);
    let usual = |t: usize| 50.0 + 10.0 * (std::f64::consts::TAU * t as f64 / 24.0).sin();
    let mut y: Vec<f64> = (0..400).map(|t| usual(t) + random.normal()).collect();
    let mut regular = regular(std::mem::take(&mut y), HOUR);
    for at in 100..130 {
        // What stands in a gap must not matter.
        regular.y[at] = 1e6;
        regular.seen[at] = false;
    }
    let parts = decompose(&regular, Some(&[DAY]), true, &never).unwrap();
    for at in 0..400 {
        let sum = parts.trend[at] + parts.season(at) + parts.remainder[at];
        assert!((sum - regular.y[at]).abs() <= 1e-9);
        let expected = parts.trend[at] + parts.season(at);
        assert!(
            (expected - usual(at)).abs() < 4.0,
            "{at}: {expected} {}",
            usual(at)
        );
    }
}
