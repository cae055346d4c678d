//! Against other tools, see tests/golden/make_map.py.

use super::super::dip::dip;
use super::super::means::k_means;
use super::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    dip: Vec<Dip>,
    inertia: Vec<Inertia>,
}

#[derive(Deserialize)]
struct Dip {
    x: Vec<f64>,
    dip: f64,
}

#[derive(Deserialize)]
struct Inertia {
    dimension: usize,
    value: Vec<f64>,
    k: usize,
    inertia: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../../../../tests/golden/map.json")).unwrap()
}

#[test]
fn dips_are_those_of_diptest() {
    for case in golden().dip {
        let mut x = case.x;
        x.sort_by(f64::total_cmp);
        assert!(
            (dip(&x) - case.dip).abs() < 1e-12,
            "{} {}",
            dip(&x),
            case.dip
        );
    }
}

#[test]
fn inertia_is_within_a_hundredth_of_scikit_learn() {
    for case in golden().inertia {
        let mut random = Random::new(1);
        let run = |_| {
            k_means(case.dimension, &case.value, case.k, &mut random, &|| false)
                .unwrap()
                .inertia
        };
        let best = (0..10).map(run).fold(f64::INFINITY, f64::min);
        assert!(best <= case.inertia * 1.01, "{best} {}", case.inertia);
    }
}
