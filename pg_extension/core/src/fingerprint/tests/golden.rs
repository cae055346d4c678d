//! Against numpy, scipy and scikit-learn: tests/golden/make_pca.py.

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Golden {
    rows: Vec<Vec<f64>>,
    new: Vec<Vec<f64>>,
    model: Vec<Model>,
    correlation: Vec<(usize, usize, f64, f64)>,
    log_cv: Vec<f64>,
}

#[derive(Deserialize)]
struct Model {
    scale: bool,
    kept: usize,
    eigenvalue: Vec<f64>,
    proportion: Vec<f64>,
    cumulative: Vec<f64>,
    loading: Vec<Vec<f64>>,
    score: Vec<Vec<f64>>,
    reconstruction: Vec<Vec<f64>>,
    /// T², SPE, and the p-values of both and of both together.
    anomaly: Vec<Vec<f64>>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../../../tests/golden/pca.json")).unwrap()
}

fn state_of(rows: &[Vec<f64>]) -> PcaState {
    let mut builder = PcaBuilder::default();
    for row in rows {
        builder.push_dense(row.iter().copied()).unwrap();
    }
    builder.state()
}

fn present(row: &[f64]) -> Vector {
    row.iter().copied().map(Some).collect()
}

/// Both sides are eigenvectors in double precision of a matrix whose smallest gap is a hundredth of its size: 1e-10 leaves
/// three digits to spare.
fn assert_agree(actual: &[f64], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len());
    for (a, b) in actual.iter().zip(expected) {
        assert!(
            (a - b).abs() <= 1e-10 * b.abs().max(1.0),
            "{actual:?} instead of {expected:?}"
        );
    }
}

#[test]
fn every_component_and_its_share_agree_with_scikit_learn() {
    let golden = golden();
    for expected in &golden.model {
        let model =
            PcaModel::fit(&state_of(&golden.rows), Keep::Components(6), expected.scale).unwrap();
        let components = model.components();
        let column = |f: fn(&Component) -> f64| components.iter().map(f).collect::<Vec<_>>();
        assert_agree(&column(|c| c.eigenvalue), &expected.eigenvalue);
        assert_agree(&column(|c| c.proportion), &expected.proportion);
        assert_agree(&column(|c| c.cumulative), &expected.cumulative);
        for (component, loading) in components.iter().zip(&expected.loading) {
            assert_agree(&component.loading, loading);
        }
    }
}

#[test]
fn scores_reconstructions_and_anomalies_agree() {
    let golden = golden();
    for expected in &golden.model {
        let model = PcaModel::fit(
            &state_of(&golden.rows),
            Keep::Components(expected.kept),
            expected.scale,
        )
        .unwrap();
        for (k, row) in golden.new.iter().enumerate() {
            let score = model.project(&present(row)).unwrap();
            assert_agree(&score, &expected.score[k]);
            assert_agree(
                &model.reconstruct(&score).unwrap(),
                &expected.reconstruction[k],
            );
            let found = model.anomaly(&present(row)).unwrap();
            assert_agree(
                &[
                    found.t2,
                    found.spe,
                    found.t2_p_value,
                    found.spe_p_value,
                    found.p_value,
                ],
                &expected.anomaly[k],
            );
        }
    }
}

#[test]
fn correlations_and_variation_agree_with_scipy() {
    let golden = golden();
    let state = state_of(&golden.rows);
    let correlations = state.correlations();
    assert_eq!(correlations.len(), golden.correlation.len());
    for (found, (x, y, r, p_value)) in correlations.iter().zip(golden.correlation) {
        assert_eq!((found.x, found.y, found.n), (x, y, 60));
        assert_agree(&[found.r.unwrap(), found.p_value.unwrap()], &[r, p_value]);
        assert_agree(&[state.correlation().unwrap()[y][x].unwrap()], &[r]);
    }
    let names: Vec<String> = ["a", "b", "c", "d", "e", "f"].map(str::to_owned).into();
    let features = state.features(&names);
    assert_eq!(features.len(), 6 + 15);
    assert_eq!(
        (
            features[1].0.as_str(),
            features[6].0.as_str(),
            features[20].0.as_str()
        ),
        ("log_cv_b", "fisher_z_a_b", "fisher_z_e_f")
    );
    let log_cv: Vec<f64> = features
        .iter()
        .take(6)
        .map(|(_, value)| value.unwrap())
        .collect();
    assert_agree(&log_cv, &golden.log_cv);
    assert_agree(
        &[features[6].1.unwrap()],
        &[correlations[0].r.unwrap().atanh()],
    );
}
