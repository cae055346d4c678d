use super::*;
use crate::error::ErrorKind;

mod anomaly;
mod golden;
mod property;

type Vector = Vec<Option<f64>>;

fn state(rows: &[Vector]) -> PcaState {
    let mut builder = PcaBuilder::default();
    rows.iter().for_each(|row| builder.push(row).unwrap());
    builder.state()
}

const GAP: f64 = f64::NAN;

/// Ten vectors with gaps; the last feature does not vary.
fn golden_rows() -> Vec<Vector> {
    let rows = [
        [2.5, 2.4, 100.5, 7.0],
        [0.5, 0.7, GAP, 7.0],
        [2.2, 2.9, 98.25, 7.0],
        [1.9, 2.2, 103.0, 7.0],
        [3.1, 3.0, 99.75, 7.0],
        [2.3, GAP, 101.5, 7.0],
        [2.0, 1.6, 97.0, 7.0],
        [1.0, 1.1, GAP, 7.0],
        [GAP, 1.6, 104.25, 7.0],
        [1.1, 0.9, 102.0, 7.0],
    ];
    rows.iter()
        .map(|row| row.iter().map(|x| x.is_finite().then_some(*x)).collect())
        .collect()
}

fn assert_close(actual: &[f64], expected: &[f64]) {
    // Both sides come from different algorithms in double precision on numbers of about 100: 1e-12 is 50 units in the
    // last place of the largest.
    assert_eq!(actual.len(), expected.len());
    let is_close = actual
        .iter()
        .zip(expected)
        .all(|(a, b)| (a - b).abs() <= 1e-12 * b.abs().max(1.0));
    assert!(is_close, "{actual:?} instead of {expected:?}");
}

#[test]
fn components_agree_with_scikit_learn() {
    // scikit-learn 1.9.1: PCA().fit(SimpleImputer().fit_transform(X)), for the scaled one after dividing by the standard
    // deviation with n − 1; signs by our rule.
    let golden = [
        (
            false,
            [4.642042168459525, 1.0742311612601205, 0.061778367811218676],
            [
                0.8033922871342964,
                0.18591580994665932,
                0.010691902919044222,
            ],
            [
                [
                    -0.11130817819245534,
                    -0.13368686280896003,
                    0.9847529193558021,
                    0.0,
                ],
                [
                    0.6929546198909177,
                    0.699835351845248,
                    0.17333313324195093,
                    0.0,
                ],
                [
                    0.7123372686019669,
                    -0.7016824802002231,
                    -0.014741531153621423,
                    0.0,
                ],
            ],
        ),
        (
            true,
            [2.0267843337156695, 0.8740262864239644, 0.0991893798603663],
            [0.6755947779052232, 0.2913420954746548, 0.0330631266201221],
            [
                [
                    0.6623281160236335,
                    0.6713471553493405,
                    -0.33258752792149715,
                    0.0,
                ],
                [
                    0.26694862457840035,
                    0.20331706504244879,
                    0.9420194280895828,
                    0.0,
                ],
                [
                    -0.7000427833784764,
                    0.7127097361948082,
                    0.04455259109010842,
                    0.0,
                ],
            ],
        ),
    ];
    for (scale, eigenvalue, proportion, loading) in golden {
        let components = PcaModel::fit(&state(&golden_rows()), Keep::Components(4), scale)
            .unwrap()
            .components();
        assert_eq!(components.len(), 3);
        let mut cumulative = 0.0;
        for (k, component) in components.iter().enumerate() {
            cumulative += proportion[k];
            assert_close(
                &[
                    component.eigenvalue,
                    component.proportion,
                    component.cumulative,
                ],
                &[eigenvalue[k], proportion[k], cumulative],
            );
            assert_close(&component.loading, &loading[k]);
        }
    }
}

#[test]
fn scores_agree_with_scikit_learn_and_gaps_count_as_the_mean() {
    let model = PcaModel::fit(&state(&golden_rows()), Keep::Components(3), true).unwrap();
    let rows = golden_rows();
    assert_close(
        &model.project(&rows[0]).unwrap(),
        &[1.087341305595237, 0.24751413157373825, -0.08110780247255679],
    );
    assert_close(
        &model.project(&rows[1]).unwrap(),
        &[-2.087229589429906, -0.7468527241693601, 0.21016166528084398],
    );
    assert_close(
        &model
            .project(&[None, Some(f64::NAN), Some(f64::INFINITY), None])
            .unwrap(),
        &[0.0; 3],
    );
    assert_eq!(
        model.project(&[None]).unwrap_err().message(),
        "a vector has 1 values, the model 4"
    );
}

#[test]
fn as_many_components_are_kept_as_asked() {
    let n = |keep| {
        PcaModel::fit(&state(&golden_rows()), keep, false)
            .unwrap()
            .components()
            .len()
    };
    assert_eq!([1, 2, 3, 9].map(|k| n(Keep::Components(k))), [1, 2, 3, 3]);
    assert_eq!(
        [0.5, 0.8033922, 0.81, 0.95, 0.99, 1.0].map(|share| n(Keep::Variance(share))),
        [1, 1, 2, 2, 3, 3]
    );
    for keep in [
        Keep::Components(0),
        Keep::Variance(0.0),
        Keep::Variance(1.01),
        Keep::Variance(f64::NAN),
    ] {
        let error = PcaModel::fit(&state(&golden_rows()), keep, true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}

#[test]
fn what_does_not_vary_has_no_components() {
    let constant = state(&vec![vec![Some(0.1), None, Some(-3.0)]; 5]);
    for scale in [false, true] {
        let model = PcaModel::fit(&constant, Keep::Variance(0.95), scale).unwrap();
        assert!(model.components().is_empty());
        assert!(
            model
                .project(&[Some(5.0), Some(5.0), Some(5.0)])
                .unwrap()
                .is_empty()
        );
        assert_eq!(PcaModel::from_bytes(&model.to_bytes()).unwrap(), model);
    }
    for rows in [&[][..], &[vec![Some(1.0)]]] {
        let error = PcaModel::fit(&state(rows), Keep::Variance(0.95), true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}

#[test]
fn rounding_noise_is_not_a_feature() {
    let noisy: Vec<_> = (0..50)
        .map(|k| vec![Some(f64::from(k)), Some(0.1 + f64::from(k % 3) * 1e-17)])
        .collect();
    let model = PcaModel::fit(&state(&noisy), Keep::Components(2), true).unwrap();
    assert_eq!(
        model
            .components()
            .iter()
            .map(|c| c.loading.clone())
            .collect::<Vec<_>>(),
        [[1.0, 0.0]]
    );
}

#[test]
fn equally_large_loadings_do_not_let_rounding_choose_the_sign() {
    for seed in 1..20u32 {
        let x = |k: u32| f64::from(k.wrapping_mul(2_654_435_761).wrapping_mul(seed) >> 8) / 1e5;
        let rows: Vec<_> = (0..40)
            .map(|k| vec![Some(x(k)), Some(x(k) + x(k + 1_000))])
            .collect();
        let components = PcaModel::fit(&state(&rows), Keep::Components(2), true)
            .unwrap()
            .components();
        for component in components {
            assert!(component.loading[0] > 0.7);
        }
    }
}

#[test]
fn the_longest_vectors_fit_too() {
    let mut builder = PcaBuilder::default();
    // Marsaglia's xorshift: enough for independent columns.
    let mut bits = 1u32;
    let mut draw = || {
        bits ^= bits << 13;
        bits ^= bits >> 17;
        bits ^= bits << 5;
        f64::from(bits)
    };
    for _ in 0..300 {
        let vector: Vec<f64> = (0..256).map(|_| draw()).collect();
        builder.push_dense(vector.into_iter()).unwrap();
    }
    let components = PcaModel::fit(&builder.state(), Keep::Components(256), true)
        .unwrap()
        .components();
    assert_eq!(components.len(), 256);
    assert!((components[255].cumulative - 1.0).abs() < 1e-9);
    let is_unit =
        |c: &Component| (c.loading.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-12;
    assert!(components.iter().all(is_unit));
}

#[test]
fn features_far_smaller_than_the_others_do_not_disturb_them() {
    // Their squares vanish: the eigenvectors were once off by 6e-5.
    let rows: Vec<Vector> = (0..40)
        .map(|k| {
            let x = f64::from(k * k % 17);
            vec![
                Some(x * 1e90),
                Some((x + f64::from(k % 5)) * 1e-40),
                Some(f64::from(k % 7) * 1e-90),
                Some(x + f64::from(k % 3)),
            ]
        })
        .collect();
    for scale in [false, true] {
        let components = PcaModel::fit(&state(&rows), Keep::Variance(1.0), scale)
            .unwrap()
            .components();
        for (a_idx, a) in components.iter().enumerate() {
            for b in components.iter().take(a_idx) {
                let dot: f64 = a.loading.iter().zip(&b.loading).map(|(a, b)| a * b).sum();
                assert!(dot.abs() < 1e-12);
            }
        }
        assert_eq!(components.len(), if scale { 4 } else { 1 });
    }
}

#[test]
fn vectors_of_other_lengths_are_refused() {
    let mut builder = PcaBuilder::default();
    builder.push(&[Some(1.0), Some(2.0)]).unwrap();
    assert_eq!(
        builder.push(&[Some(1.0)]).unwrap_err().message(),
        "a vector has 1 values, the ones before had 2"
    );
    assert_eq!(
        builder.push(&[]).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
    let mut empty = PcaBuilder::default();
    assert_eq!(
        empty.push(&[]).unwrap_err().message(),
        "a vector has no values"
    );
    let is_refused = |builder: &mut PcaBuilder, n: usize| {
        let dense = builder.push_dense(vec![1.0; n].into_iter());
        let gaps = builder.push(&vec![None; n]);
        [dense, gaps].map(|refused| refused.unwrap_err().kind())
    };
    for n in [MAX_DIMENSION + 1, 1_000_000] {
        assert_eq!(is_refused(&mut empty, n), [ErrorKind::TooLarge; 2]);
    }
    empty.push(&[None]).unwrap();
    assert_eq!(
        builder.merge(&empty).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
    assert_eq!(builder.state().n(), 1);
}

#[test]
fn numbers_that_are_none_count_as_missing_and_are_counted() {
    let odd = state(&[
        vec![Some(1.0), Some(f64::NAN)],
        vec![None, Some(1e200)],
        vec![Some(2.0), Some(3.0)],
    ]);
    assert_eq!((odd.n(), odd.n_missing(), odd.n_nonfinite()), (3, 1, 2));
    assert_eq!(odd.mean(), [Some(1.5), Some(3.0)]);
    let mut builder = PcaBuilder::default();
    builder.push_dense([1.0, f64::NAN].into_iter()).unwrap();
    builder.push_dense([2.0, 3.0].into_iter()).unwrap();
    let dense = builder.state();
    assert_eq!(
        (dense.n_missing(), dense.n_nonfinite(), dense.mean()),
        (0, 1, vec![Some(1.5), Some(3.0)])
    );
}

#[test]
fn large_means_cost_few_digits() {
    // Sums of squares would have none left: 1e18 squared deviations of 1 in 16 digits.
    let rows: Vec<_> = (0..1000)
        .map(|k| vec![Some(1e9 + f64::from(k % 7)), Some(f64::from(k % 7))])
        .collect();
    let covariance = state(&rows).covariance().unwrap();
    assert!((covariance[0][0] / covariance[1][1] - 1.0).abs() < 1e-6);
    assert!((covariance[1][0] / covariance[1][1] - 1.0).abs() < 1e-6);
}

#[test]
fn forms_that_no_fit_gives_are_refused() {
    let text = PcaModel::fit(&state(&golden_rows()), Keep::Components(2), true)
        .unwrap()
        .to_text();
    assert!(PcaModel::from_text(&text).is_ok());
    for (from, to) in [
        ("\"format\":2", "\"format\":3"),
        ("\"format\":2", "\"format\":0"),
        ("\"seen\":[2", "\"seen\":[3"),
        ("\"seen\":[2", "\"seen\":[2,2"),
        ("\"residual\":[0", "\"residual\":[9"),
        ("\"rotation\":[]", "\"rotation\":[[1,0],[1,0]]"),
        ("\"scale\":[0", "\"scale\":[-0"),
        ("\"loading\":[[", "\"loading\":[[9,"),
        ("\"total\":3", "\"total\":1"),
        ("\"total\":3", "\"total\":9e299"),
        ("\"n\":", "\"m\":"),
    ] {
        let damaged = text.replacen(from, to, 1);
        assert_ne!(damaged, text, "{from}");
        assert_eq!(
            PcaModel::from_text(&damaged).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
    }
    let text = state(&golden_rows()).to_text();
    for (from, to) in [
        ("\"format\":1", "\"format\":0"),
        ("\"n_partial\":4", "\"n_partial\":0"),
        ("\"mean\":[", "\"mean\":[1,"),
        ("\"comoment\":[", "\"comoment\":[-"),
    ] {
        let damaged = text.replacen(from, to, 1);
        assert_ne!(damaged, text, "{from}");
        assert_eq!(
            PcaState::from_text(&damaged).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
    }
    let text = state(&[vec![Some(1.0)], vec![Some(3.0)]]).to_text();
    assert!(PcaState::from_text(&text).is_ok());
    for (from, to) in [
        ("\"mean\":[2.0]", "\"mean\":[3e140]"),
        ("\"comoment\":[2.0]", "\"comoment\":[3e281]"),
    ] {
        let damaged = text.replacen(from, to, 1);
        assert_ne!(damaged, text, "{to}");
        assert_eq!(
            PcaState::from_text(&damaged).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
    }
}
