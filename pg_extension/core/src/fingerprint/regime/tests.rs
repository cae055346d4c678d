use super::*;
use crate::fingerprint::{Keep, PcaBuilder, PcaModel};

fn set(rows: &[Vec<f64>]) -> VectorSet {
    let mut set = VectorSet::default();
    for (id, x) in (0i64..).zip(rows) {
        set.push(id, &x.iter().map(|x| Some(*x)).collect::<Vec<_>>())
            .unwrap();
    }
    set
}

fn fit(rows: &[Vec<f64>], k: Option<usize>) -> RegimeModel {
    RegimeModel::fit(&set(rows), &RegimeSpec { k, seed: 1 }, &|| false)
        .unwrap()
        .unwrap()
}

/// `n` vectors of `d` values, of which `change` makes what is wanted.
fn rows(
    n: usize,
    d: usize,
    seed: u64,
    change: impl Fn(usize, &mut Vec<f64>, &mut Random),
) -> Vec<Vec<f64>> {
    let mut random = Random::new(seed);
    let row = |idx: usize| {
        let mut x: Vec<f64> = (0..d).map(|_| random.normal()).collect();
        change(idx, &mut x, &mut random);
        x
    };
    (0..n).map(row).collect()
}

/// Adjusted Rand index (Hubert and Arabie 1985).
fn agreement(a: &[usize], b: &[usize]) -> f64 {
    let pairs = |n: usize| (n * n.saturating_sub(1)) as f64 / 2.0;
    let count = |of: &dyn Fn(usize) -> usize, wanted: usize| {
        (0..a.len()).filter(|i| of(*i) == wanted).count()
    };
    let sum = |of: &dyn Fn(usize) -> usize| {
        (0..4096)
            .map(|wanted| pairs(count(of, wanted)))
            .sum::<f64>()
    };
    let (both, in_a, in_b) = (sum(&|i| a[i] * 64 + b[i]), sum(&|i| a[i]), sum(&|i| b[i]));
    let expected = in_a * in_b / pairs(a.len());
    (both - expected) / ((in_a + in_b) / 2.0 - expected)
}

fn labels(model: &RegimeModel, rows: &[Vec<f64>]) -> Vec<usize> {
    let label = |x: &Vec<f64>| {
        model
            .regime_of(&x.iter().map(|x| Some(*x)).collect::<Vec<_>>())
            .unwrap()
            .unwrap()
    };
    rows.iter().map(label).collect()
}

#[test]
fn blobs_that_stand_apart_are_found_and_told_apart() {
    for seed in 0..5 {
        for (k, radius) in [(2usize, 4.0), (3, 4.0), (5, 7.0)] {
            let rows = rows(600, 4, seed, |idx, x, _| {
                let angle = (idx % k) as f64 / k as f64 * std::f64::consts::TAU;
                x[0] += radius * angle.cos();
                x[1] = (x[1] + radius * angle.sin()) * 1e6;
                x[2] = x[2] * 1e-3 + 1e6;
            });
            let model = fit(&rows, None);
            let truth: Vec<usize> = (0..600).map(|idx| idx % k).collect();
            let agreement = agreement(&labels(&model, &rows), &truth);
            assert!(
                model.k() == k && agreement > 0.97,
                "{k}, seed {seed}: {} {agreement}",
                model.k()
            );
        }
    }
}

#[test]
fn one_blob_of_any_shape_is_one_regime() {
    for seed in 0..5 {
        for n in [60, 300, 2000] {
            let normal = rows(n, 4, seed, |_, x, _| x[0] *= 20.0);
            let uniform = rows(n, 2, seed, |_, x, random| {
                x.iter_mut().for_each(|x| *x = random.uniform())
            });
            let skewed = rows(n, 3, seed, |_, x, random| {
                x.iter_mut()
                    .for_each(|x| *x = -(1.0 - random.uniform()).ln())
            });
            let heavy = rows(n, 3, seed, |_, x, _| {
                x.iter_mut().for_each(|x| *x = x.powi(3))
            });
            let counts = rows(n, 2, seed, |_, x, random| {
                x.iter_mut().for_each(|x| {
                    *x = (0..10)
                        .map(|_| f64::from(u8::from(random.uniform() < 0.3)))
                        .sum()
                })
            });
            for (name, rows) in [
                ("normal", normal),
                ("uniform", uniform),
                ("skewed", skewed),
                ("heavy", heavy),
                ("counts", counts),
            ] {
                assert_eq!(fit(&rows, None).k(), 1, "{name}, {n}, seed {seed}");
            }
        }
    }
}

#[test]
fn units_and_rotation_do_not_matter() {
    let rows = rows(400, 3, 1, |idx, x, _| {
        x[0] += 6.0 * f64::from(u8::from(idx % 3 == 0))
    });
    let turned: Vec<_> = rows
        .iter()
        .map(|x| vec![1e6 * (x[0] + x[1]), 1e-6 * (x[0] - x[1]), x[2] + 1e9])
        .collect();
    assert_eq!(
        labels(&fit(&rows, None), &rows),
        labels(&fit(&turned, None), &turned)
    );
}

#[test]
fn order_of_rows_changes_nothing() {
    let rows = rows(300, 3, 1, |idx, x, _| x[0] += 6.0 * (idx % 2) as f64);
    let mut backwards = VectorSet::default();
    let numbered: Vec<_> = (0i64..).zip(&rows).collect();
    for (id, x) in numbered.into_iter().rev() {
        backwards
            .push(id, &x.iter().map(|x| Some(*x)).collect::<Vec<_>>())
            .unwrap();
    }
    let model = RegimeModel::fit(&backwards, &RegimeSpec { k: None, seed: 1 }, &|| false)
        .unwrap()
        .unwrap();
    assert_eq!(model.to_bytes(), fit(&rows, None).to_bytes());
}

#[test]
fn as_many_as_asked_for() {
    let rows = rows(300, 3, 1, |idx, x, _| x[0] += 6.0 * (idx % 2) as f64);
    for k in [1, 2, 3, 7] {
        assert_eq!(fit(&rows, Some(k)).k(), k);
    }
}

#[test]
fn few_equal_and_constant_vectors_are_one_regime() {
    for rows in [
        vec![vec![1.0, 2.0]],
        vec![vec![1.0, 2.0], vec![3.0, 4.0]],
        vec![vec![1e140, -5.0]; 1000],
    ] {
        let model = fit(&rows, None);
        let table = model.rows(&[]).unwrap();
        assert_eq!(
            (table.len(), table[0].name.as_str(), table[0].n),
            (1, "single", rows.len() as u64)
        );
        assert_eq!(model.regime_of(&[Some(7.0), Some(8.0)]).unwrap(), Some(1));
        assert!(table[0].difference.iter().all(|d| *d == 0.0));
    }
    assert_eq!(
        RegimeModel::fit(&VectorSet::default(), &RegimeSpec::default(), &|| false).unwrap(),
        None
    );
    // A constant column, and one that is the sum of two others, say nothing.
    let rows = rows(200, 5, 1, |idx, x, _| {
        x[0] += 9.0 * (idx % 2) as f64;
        x[3] = x[0] + x[1];
        x[4] = 42.0;
    });
    assert_eq!(fit(&rows, None).k(), 2);
}

#[test]
fn idle_windows_of_equal_vectors_are_a_regime() {
    let rows = rows(400, 3, 1, |idx, x, _| {
        if idx % 2 == 0 {
            x.fill(0.0);
        } else {
            x.iter_mut().for_each(|x| *x += 20.0);
        }
    });
    let model = fit(&rows, None);
    let truth: Vec<usize> = (0..400).map(|idx| idx % 2).collect();
    assert!(model.k() == 2 && agreement(&labels(&model, &rows), &truth) > 0.99);
}

#[test]
fn more_vectors_than_are_looked_at_are_all_counted() {
    let rows = rows(SAMPLE + 5000, 2, 1, |idx, x, _| {
        x[0] += 12.0 * f64::from(u8::from(idx % 10 == 0))
    });
    let table = fit(&rows, None).rows(&[]).unwrap();
    assert_eq!(
        table.iter().map(|row| row.n).collect::<Vec<_>>(),
        [22_500, 2_500]
    );
}

#[test]
fn names_and_differences_say_what_is_special() {
    let rows = rows(300, 3, 1, |idx, x, _| {
        let busy = f64::from(u8::from(idx % 3 == 0));
        x[0] += 100.0 + 50.0 * busy;
        x[1] = 3.0 - 2.0 * busy + 0.1 * x[1];
    });
    let names = ["rate", "entropy", "noise"].map(str::to_owned);
    let table = fit(&rows, None).rows(&names).unwrap();
    assert_eq!(
        (table[1].name.as_str(), table[1].n),
        ("high rate, low entropy", 100)
    );
    assert!((table[1].centre[0] - 150.0).abs() < 0.5 && (table[1].share - 1.0 / 3.0).abs() < 1e-9);
    // 50 over the standard deviation of 0 and 50 in thirds, 23.6, and a little noise.
    assert!(
        (table[1].difference[0] - 2.12).abs() < 0.02,
        "{:?}",
        table[1].difference
    );
    assert!(fit(&rows, None).rows(&names[..2]).is_err());
}

#[test]
fn regimes_of_components_are_told_in_features() {
    let rows = rows(300, 4, 1, |idx, x, _| {
        let busy = f64::from(u8::from(idx % 3 == 0));
        *x = vec![
            100.0 + 50.0 * busy + x[0],
            3.0 - 2.0 * busy + 0.1 * x[1],
            x[2],
            7.0,
        ];
    });
    let mut state = PcaBuilder::default();
    rows.iter().for_each(|x| {
        state
            .push(&x.iter().map(|x| Some(*x)).collect::<Vec<_>>())
            .unwrap()
    });
    let pca = PcaModel::fit(&state.state(), Keep::Variance(1.0), true).unwrap();
    let project = |x: &Vec<f64>| {
        pca.project(&x.iter().map(|x| Some(*x)).collect::<Vec<_>>())
            .unwrap()
    };
    let model = fit(&rows.iter().map(project).collect::<Vec<_>>(), None);
    let names = ["rate", "entropy", "noise", "fixed"].map(str::to_owned);
    let (through, direct) = (
        model.rows_through(&pca, &names).unwrap(),
        fit(&rows, None).rows(&names).unwrap(),
    );
    for (a, b) in through.iter().zip(&direct) {
        assert_eq!((&a.name, a.n), (&b.name, b.n));
        let pairs = a
            .centre
            .iter()
            .zip(&b.centre)
            .chain(a.difference.iter().zip(&b.difference));
        pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-9, "{a} {b}"));
    }
    assert!(
        fit(&rows, None)
            .rows_through(
                &PcaModel::fit(&state.state(), Keep::Components(2), true).unwrap(),
                &[]
            )
            .is_err()
    );
}

#[test]
fn vectors_with_gaps_belong_nowhere_and_wrong_lengths_are_errors() {
    let model = fit(&rows(50, 2, 1, |_, _, _| ()), None);
    assert_eq!(model.regime_of(&[Some(1.0), None]).unwrap(), None);
    assert_eq!(model.regime_of(&[Some(f64::NAN), Some(1.0)]).unwrap(), None);
    assert_eq!(
        model.regime_of(&[Some(1.0)]).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn wrong_arguments_and_a_stop() {
    let kind = |rows: &[Vec<f64>], k| {
        RegimeModel::fit(&set(rows), &RegimeSpec { k, seed: 1 }, &|| true)
            .unwrap_err()
            .kind()
    };
    let small = rows(20, 2, 1, |_, _, _| ());
    for k in [0, 21, MAX_REGIMES + 1] {
        assert_eq!(kind(&small, Some(k)), ErrorKind::InvalidArgument);
    }
    assert_eq!(
        kind(&rows(20, 65, 1, |_, _, _| ()), None),
        ErrorKind::TooLarge
    );
    assert_eq!(kind(&small, None), ErrorKind::Cancelled);
}

#[test]
fn flat_and_text_forms_round_trip_and_others_are_refused() {
    let model = fit(
        &rows(200, 3, 1, |idx, x, _| x[0] += 9.0 * (idx % 2) as f64),
        None,
    );
    let bytes = model.to_bytes();
    assert_eq!(RegimeModel::from_bytes(&bytes).unwrap(), model);
    assert_eq!(RegimeModel::from_text(&model.to_text()).unwrap(), model);
    for len in 0..bytes.len() {
        assert_eq!(
            RegimeModel::from_bytes(&bytes[..len]).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
    }
    // Any byte changed: an error, or a model that answers.
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut other = bytes.clone();
            other[at] ^= flip;
            if let Ok(model) = RegimeModel::from_bytes(&other) {
                let regime = model
                    .regime_of(&[Some(1.0), Some(2.0), Some(3.0)])
                    .unwrap()
                    .unwrap();
                assert!(regime <= model.k() && model.rows(&[]).unwrap().len() == model.k());
            }
        }
    }
    let mut far: serde_json::Value = serde_json::from_str(&model.to_text()).unwrap();
    far["regimes"][0]["centre"][1] = 2.5e207.into();
    assert_eq!(
        RegimeModel::from_text(&far.to_string()).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    for text in [
        "",
        "{}",
        "[]",
        r#"{"format":1,"mean":[],"covariance":[],"regimes":[]}"#,
    ] {
        assert_eq!(
            RegimeModel::from_text(text).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
    }
}

mod golden;
