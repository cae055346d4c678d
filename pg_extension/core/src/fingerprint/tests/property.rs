use proptest::prelude::*;

use super::*;
use crate::sample::tests::fixed_seed;

const WIDTH: usize = 5;

/// Vectors whose features differ in size, repeat each other, stay constant and have gaps.
fn rows() -> impl Strategy<Value = Vec<Vector>> {
    let small = || prop::option::weighted(0.9, -10.0f64..10.0);
    let row = (small(), small(), any::<bool>()).prop_map(|(a, b, has_all)| {
        let gap = if has_all { Some(0.0) } else { None };
        vec![
            a,
            b.map(|b| b * 1e6 + 1e7),
            a.map(|a| a * -3.0),
            Some(42.0),
            b.zip(gap).map(|(b, _)| b * 1e-9),
        ]
    });
    prop::collection::vec(row, 2..40)
}

/// Covariance of the vectors with their gaps filled by means, the obvious way.
fn slow_covariance(rows: &[Vector]) -> Vec<Vec<f64>> {
    let mean = |i: usize| {
        let present: Vec<f64> = rows.iter().filter_map(|row| row[i]).collect();
        present.iter().sum::<f64>() / (present.len() as f64).max(1.0)
    };
    let deviation: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| {
            (0..WIDTH)
                .map(|i| row[i].map_or(0.0, |x| x - mean(i)))
                .collect()
        })
        .collect();
    let entry = |i: usize, j: usize| {
        deviation.iter().map(|d| d[i] * d[j]).sum::<f64>() / (rows.len() - 1) as f64
    };
    (0..WIDTH)
        .map(|i| (0..WIDTH).map(|j| entry(i, j)).collect())
        .collect()
}

fn agree(a: &[Vec<f64>], b: &[Vec<f64>]) -> bool {
    let is_close =
        |i: usize, j: usize| (a[i][j] - b[i][j]).abs() <= 1e-9 * (b[i][i] * b[j][j]).sqrt();
    (0..WIDTH).all(|i| (0..WIDTH).all(|j| is_close(i, j)))
}

/// Σ (x_i − x̄_i)(x_j − x̄_j) of whole numbers of units, exactly: n Σ x_i x_j − Σ x_i Σ x_j, over n.
fn exact_comoment(rows: &[Vec<i128>], i: usize, j: usize) -> f64 {
    let sum = |f: &dyn Fn(&Vec<i128>) -> i128| rows.iter().map(f).sum::<i128>();
    let n = rows.len() as i128;
    let times_n = n * sum(&|row| row[i] * row[j]) - sum(&|row| row[i]) * sum(&|row| row[j]);
    times_n as f64 / n as f64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..fixed_seed() })]

    #[test]
    fn a_mean_far_above_the_spread_costs_few_digits(draws in prop::collection::vec(prop::array::uniform3(-20_000i64..20_000), 2..400), cut in any::<prop::sample::Index>()) {
        // Units of 2⁻²³ are what doubles near 10⁹ are multiples of: mean 10⁹, standard deviation about 10⁻³.
        let unit = (-23f64).exp2();
        let whole = |row: &[i64; 3]| -> Vec<i128> { row.iter().map(|x| i128::from(*x) + (1_000_000_000i128 << 23)).collect() };
        let exact: Vec<Vec<i128>> = draws.iter().map(whole).collect();
        let mut builder = PcaBuilder::default();
        let (mut first, mut second) = (PcaBuilder::default(), PcaBuilder::default());
        let cut = cut.index(exact.len() + 1);
        for (k, row) in exact.iter().enumerate() {
            let values = row.iter().map(|x| *x as f64 * unit);
            builder.push_dense(values.clone()).unwrap();
            let part = if k < cut { &mut first } else { &mut second };
            part.push_dense(values).unwrap();
        }
        first.merge(&second).unwrap();
        let n = (exact.len() - 1) as f64;
        let expected = |i: usize, j: usize| exact_comoment(&exact, i, j) * unit * unit / n;
        // A finished state holds means to 2⁻²⁴; one that still collects, to all digits.
        for (covariance, tolerance) in [(builder.state().covariance().unwrap(), 1e-12), (first.state().covariance().unwrap(), 1e-3 / (exact.len() as f64).sqrt())] {
            for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
                let scale = (expected(i, i) * expected(j, j)).sqrt();
                prop_assert!((covariance[i][j] - expected(i, j)).abs() <= tolerance * scale, "{} instead of {}", covariance[i][j], expected(i, j));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..fixed_seed() })]

    #[test]
    fn covariance_agrees_with_filling_by_means(rows in rows()) {
        let covariance = state(&rows).covariance().unwrap();
        prop_assert!(agree(&covariance, &slow_covariance(&rows)), "{:?} {:?}", covariance, slow_covariance(&rows));
    }

    #[test]
    fn order_and_partition_change_rounding_at_most((rows, shuffled) in rows().prop_flat_map(|r| (Just(r.clone()), Just(r).prop_shuffle())), cut in any::<prop::sample::Index>()) {
        let whole = state(&rows);
        let (a, b) = shuffled.split_at(cut.index(shuffled.len() + 1));
        let mut merged = PcaState::from_bytes(&state(b).to_bytes()).unwrap();
        merged.merge(&state(a)).unwrap();
        prop_assert_eq!((merged.n(), merged.n_missing()), (whole.n(), whole.n_missing()));
        prop_assert!(agree(&merged.covariance().unwrap(), &whole.covariance().unwrap()));
        // What is constant stays so to the last bit.
        prop_assert!(merged.covariance().unwrap()[3].iter().all(|x| x.abs() <= 0.0));
    }

    #[test]
    fn components_are_orthonormal_eigenvectors(rows in rows(), scale: bool) {
        let state = state(&rows);
        let model = PcaModel::fit(&state, Keep::Variance(1.0), scale).unwrap();
        let covariance = state.covariance().unwrap();
        let components = model.components();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let largest = components.first().map_or(0.0, |c| c.eigenvalue);
        for (a_idx, a) in components.iter().enumerate() {
            for (b_idx, b) in components.iter().enumerate() {
                prop_assert!((dot(&a.loading, &b.loading) - f64::from(u8::from(a_idx == b_idx))).abs() < 1e-10);
            }
            prop_assert!(a.loading[3].abs() <= 0.0);
            for (i, row) in covariance.iter().enumerate() {
                let standard: Vec<f64> = row.iter().enumerate().map(|(j, c)| c / model.scale[i] / model.scale[j]).collect();
                prop_assert!((dot(&standard, &a.loading) - a.eigenvalue * a.loading[i]).abs() <= 1e-10 * largest);
            }
        }
        prop_assert!(components.last().is_none_or(|last| (last.cumulative - 1.0).abs() < 1e-9));
    }

    #[test]
    fn scaled_scores_do_not_depend_on_units(rows in rows()) {
        let in_other_units: Vec<Vector> = rows.iter().map(|row| row.iter().zip([1.0, 8.0, 0.5, 2.0, 1024.0]).map(|(x, unit)| x.map(|x| x * unit)).collect()).collect();
        let plain = PcaModel::fit(&state(&rows), Keep::Components(2), true).unwrap();
        let other = PcaModel::fit(&state(&in_other_units), Keep::Components(2), true).unwrap();
        for (a, b) in rows.iter().zip(&in_other_units) {
            prop_assert_eq!(plain.project(a).unwrap(), other.project(b).unwrap());
        }
    }

    #[test]
    fn both_forms_round_trip(rows in rows(), scale: bool) {
        let state = state(&rows);
        prop_assert_eq!(&PcaState::from_bytes(&state.to_bytes()).unwrap(), &state);
        prop_assert_eq!(&PcaState::from_text(&state.to_text()).unwrap(), &state);
        let model = PcaModel::fit(&state, Keep::Variance(0.95), scale).unwrap();
        prop_assert_eq!(&PcaModel::from_bytes(&model.to_bytes()).unwrap(), &model);
        prop_assert_eq!(&PcaModel::from_text(&model.to_text()).unwrap(), &model);
    }

    #[test]
    fn damaged_bytes_never_panic(rows in rows(), at in any::<prop::sample::Index>(), byte: u8) {
        let state = state(&rows);
        let mut bytes = state.to_bytes();
        let cut = at.index(bytes.len());
        prop_assert_eq!(PcaState::from_bytes(&bytes[..cut]).unwrap_err().kind(), ErrorKind::Corrupt);
        bytes[cut] = byte;
        if let Ok(mut read) = PcaState::from_bytes(&bytes) {
            read.merge(&state).unwrap();
            let _ = PcaModel::fit(&read, Keep::Variance(0.95), true);
            let _ = PcaModel::fit(&read, Keep::Variance(0.95), false);
        }
        let mut bytes = PcaModel::fit(&state, Keep::Components(2), true).unwrap().to_bytes();
        let cut = at.index(bytes.len());
        prop_assert_eq!(PcaModel::from_bytes(&bytes[..cut]).unwrap_err().kind(), ErrorKind::Corrupt);
        bytes[cut] = byte;
        if let Ok(read) = PcaModel::from_bytes(&bytes) {
            let _ = read.project(&rows[0]);
        }
    }
}
