use super::*;

/// Marsaglia's xorshift and the Box–Muller transform: normal numbers with a fixed seed.
struct Normal(u64);

impl Normal {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn next(&mut self) -> f64 {
        let (radius, angle) = (self.uniform(), self.uniform());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// Eight values with two common causes, in units that differ.
    fn vector(&mut self) -> Vector {
        let (a, b) = (self.next(), self.next());
        let unit = [1.0, 1e3, 1e-3, 5.0, 1.0, 40.0, 1.0, 7.0];
        let value = |(i, unit): (usize, f64)| {
            let common = if i % 2 == 0 { a } else { 0.7 * b + 0.3 * a };
            Some(unit * (100.0 + common + 0.6 * self.next()))
        };
        unit.into_iter().enumerate().map(value).collect()
    }
}

fn fit(n: usize, keep: Keep, scale: bool, normal: &mut Normal) -> PcaModel {
    let rows: Vec<Vector> = (0..n).map(|_| normal.vector()).collect();
    PcaModel::fit(&state(&rows), keep, scale).unwrap()
}

/// The largest distance between the distribution of the values and the uniform one (Kolmogorov–Smirnov).
fn distance(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let gap = |(i, p): (usize, &f64)| (p - i as f64 / n).abs().max((p - (i + 1) as f64 / n).abs());
    values.iter().enumerate().map(gap).fold(0.0, f64::max)
}

#[test]
fn p_values_of_normal_vectors_are_uniform() {
    let mut normal = Normal(11);
    for scale in [true, false] {
        let model = fit(5_000, Keep::Components(2), scale, &mut normal);
        let found: Vec<Anomaly> = (0..4_000)
            .map(|_| model.anomaly(&normal.vector()).unwrap())
            .collect();
        let far = |p: fn(&Anomaly) -> f64| distance(found.iter().map(p).collect());
        // A uniform sample of 4,000 stays below 0.026 in 99 of 100 cases; the transform of SPE is an approximation.
        assert!(far(|a| a.t2_p_value) < 0.026);
        assert!(far(|a| a.spe_p_value) < 0.035, "{}", far(|a| a.spe_p_value));
        assert!(far(|a| a.p_value) < 0.035, "{}", far(|a| a.p_value));
    }
}

#[test]
fn few_vectors_do_not_make_t2_an_alarm() {
    // With a χ² in place of the F a tenth of the vectors would fall below 0.01.
    let (mut n_below, mut n) = (0, 0);
    for seed in 1..200 {
        let mut normal = Normal(seed * 7_919);
        let model = fit(15, Keep::Components(8), true, &mut normal);
        for _ in 0..20 {
            n += 1;
            n_below += usize::from(model.anomaly(&normal.vector()).unwrap().t2_p_value < 0.01);
        }
    }
    assert!(
        (n_below as f64 / f64::from(n) - 0.01).abs() < 0.006,
        "{n_below} of {n}"
    );
}

#[test]
fn what_breaks_a_correlation_is_seen_outside_and_what_is_extreme_inside() {
    let mut normal = Normal(3);
    let model = fit(2_000, Keep::Components(2), true, &mut normal);
    let mut broken: Vector = normal.vector();
    broken[0] = Some(104.0);
    broken[2] = Some(0.096);
    let found = model.anomaly(&broken).unwrap();
    assert!(
        found.spe_p_value < 1e-6 && found.p_value < 1e-5,
        "{found:?}"
    );
    let extreme: Vector = model
        .reconstruct(&[20.0, 0.0])
        .unwrap()
        .into_iter()
        .map(Some)
        .collect();
    let found = model.anomaly(&extreme).unwrap();
    assert!(
        found.t2_p_value < 1e-9 && found.spe < 1e-20 && found.spe_p_value > 0.99,
        "{found:?}"
    );
}

#[test]
fn all_kept_leaves_no_error_and_nothing_kept_no_t2() {
    let mut normal = Normal(5);
    let model = fit(100, Keep::Components(8), true, &mut normal);
    let found = model.anomaly(&normal.vector()).unwrap();
    assert_eq!(
        (found.spe, found.spe_p_value, found.p_value),
        (0.0, 1.0, found.t2_p_value)
    );
    let constant = PcaModel::fit(
        &state(&vec![vec![Some(2.0), None]; 9]),
        Keep::Variance(0.95),
        true,
    )
    .unwrap();
    let same = constant.anomaly(&[Some(2.0), Some(1e9)]).unwrap();
    assert_eq!((same.t2, same.spe, same.p_value), (0.0, 0.0, 1.0));
    let other = constant.anomaly(&[Some(3.0), None]).unwrap();
    assert_eq!((other.t2, other.spe, other.p_value), (0.0, 1.0, 0.0));
}

#[test]
fn what_held_exactly_and_no_longer_does_is_certain() {
    let rows: Vec<Vector> = (0..50)
        .map(|k| f64::from(k * k % 17))
        .map(|x| vec![Some(x), Some(3.0 * x + 1.0), Some(5.0)])
        .collect();
    let model = PcaModel::fit(&state(&rows), Keep::Variance(1.0), true).unwrap();
    for row in &rows {
        let found = model.anomaly(row).unwrap();
        assert_eq!((found.spe, found.spe_p_value), (0.0, 1.0));
    }
    for broken in [[4.0, 12.0, 5.0], [4.0, 13.0, 5.1]] {
        let found = model.anomaly(&broken.map(Some)).unwrap();
        assert!(found.p_value <= 0.0, "{found:?}");
    }
}

#[test]
fn a_projection_and_its_reconstruction_are_inverse() {
    let mut normal = Normal(9);
    let model = fit(300, Keep::Components(3), true, &mut normal);
    let score = [1.5, -0.25, 0.5];
    let x: Vector = model
        .reconstruct(&score)
        .unwrap()
        .into_iter()
        .map(Some)
        .collect();
    for (a, b) in model.project(&x).unwrap().iter().zip(score) {
        assert!((a - b).abs() < 1e-9);
    }
    assert_eq!(
        model.reconstruct(&[1.0]).unwrap_err().message(),
        "a fingerprint has 1 scores, the model 3 components"
    );
    assert_eq!(
        model.reconstruct(&[f64::NAN, 0.0, 0.0]).unwrap_err().kind(),
        ErrorKind::NotFinite
    );
}

#[test]
fn a_refit_in_the_coordinates_of_the_old_model_gives_the_old_scores() {
    // Four causes of nearly equal size: the eigenvectors of two weeks are turned into one another.
    let week = |seed: u64| -> Vec<Vector> {
        let mut normal = Normal(seed);
        let row = |_| -> Vector {
            let causes: Vec<f64> = (0..4).map(|_| normal.next()).collect();
            (0..8)
                .map(|i| Some(causes[i / 2] + 0.3 * normal.next()))
                .collect()
        };
        (0..400).map(row).collect()
    };
    let (old_rows, new_rows) = (week(21), week(22));
    let model =
        |rows: &[Vector], k| PcaModel::fit(&state(rows), Keep::Components(k), true).unwrap();
    let old = model(&old_rows, 4);
    let distance = |a: &PcaModel, b: &PcaModel| {
        let apart = |row: &Vector| {
            let scores = a
                .project(row)
                .unwrap()
                .into_iter()
                .zip(b.project(row).unwrap());
            scores.map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
        };
        (new_rows.iter().map(apart).sum::<f64>() / new_rows.len() as f64).sqrt()
    };
    let plain = model(&new_rows, 4);
    let aligned = plain.aligned_to(&old).unwrap();
    assert!(
        distance(&plain, &old) > 1.0 && distance(&aligned, &old) < 0.4,
        "{} {}",
        distance(&plain, &old),
        distance(&aligned, &old)
    );
    assert!(plain.similarity(&old).unwrap() > 0.95);
    // Only the scores are turned.
    assert_eq!(aligned.components(), plain.components());
    assert_eq!(
        aligned.anomaly(&new_rows[0]).unwrap(),
        plain.anomaly(&new_rows[0]).unwrap()
    );
    let (a, b) = (
        aligned.project(&new_rows[0]).unwrap(),
        plain.project(&new_rows[0]).unwrap(),
    );
    for (a, b) in aligned
        .reconstruct(&a)
        .unwrap()
        .iter()
        .zip(plain.reconstruct(&b).unwrap())
    {
        assert!((a - b).abs() < 1e-9);
    }
    // A chain of refits stays where it began, and components that come and go keep to the end.
    let chain = model(&old_rows, 6).aligned_to(&aligned).unwrap();
    let back = model(&new_rows, 4).aligned_to(&chain).unwrap();
    assert!(distance(&back, &old) < 0.4, "{}", distance(&back, &old));
    for model in [&aligned, &chain, &back] {
        assert_eq!(&PcaModel::from_bytes(&model.to_bytes()).unwrap(), model);
        assert_eq!(&PcaModel::from_text(&model.to_text()).unwrap(), model);
    }
    let other = PcaModel::fit(&state(&golden_rows()), Keep::Components(2), true).unwrap();
    assert_eq!(
        other.aligned_to(&old).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
    assert_eq!(other.similarity(&old), None);
}

#[test]
fn models_of_the_first_format_are_read() {
    let rows: Vec<Vector> = (0..40)
        .map(f64::from)
        .map(|k| {
            vec![
                Some(k),
                Some(k + (k * 7.0) % 5.0),
                Some((k * 31.0) % 17.0),
                Some(4.0),
            ]
        })
        .collect();
    let model = PcaModel::fit(&state(&rows), Keep::Components(1), true).unwrap();
    let (text, bytes) = (model.to_text(), model.to_bytes());
    let old_text = format!("{}}}", text.split(",\"seen\"").next().unwrap()).replacen(
        "\"format\":2",
        "\"format\":1",
        1,
    );
    // What format 2 added: a byte for each value, three numbers, and an empty rotation.
    let mut old_bytes = bytes[..bytes.len() - 4 - 24 - 8].to_vec();
    old_bytes[0] = 1;
    let old = PcaModel::from_text(&old_text).unwrap();
    assert_eq!(PcaModel::from_bytes(&old_bytes).unwrap(), old);
    assert_eq!(old.components(), model.components());
    assert_eq!(
        old.project(&rows[3]).unwrap(),
        model.project(&rows[3]).unwrap()
    );
    // What was left out is taken for equal parts.
    let (guess, exact) = (
        old.anomaly(&rows[3]).unwrap(),
        model.anomaly(&rows[3]).unwrap(),
    );
    assert_eq!((guess.t2, guess.spe), (exact.t2, exact.spe));
    assert!((guess.spe_p_value - exact.spe_p_value).abs() < 0.2);
}

#[test]
fn what_is_constant_has_no_correlation() {
    let rows: Vec<Vector> = (0..9)
        .map(|k| vec![Some(f64::from(k)), Some(7.0), None, Some(f64::from(k * k))])
        .collect();
    let state = state(&rows);
    let matrix = state.correlation().unwrap();
    assert_eq!(
        (matrix[0][0], matrix[1][1], matrix[0][1], matrix[2][3]),
        (Some(1.0), None, None, None)
    );
    let known: Vec<_> = state
        .correlations()
        .into_iter()
        .filter(|c| c.r.is_some())
        .collect();
    assert_eq!(
        known.iter().map(|c| (c.x, c.y, c.n)).collect::<Vec<_>>(),
        [(0, 3, 9)]
    );
    let features = state.features(&[]);
    assert_eq!(
        features.iter().filter(|(_, value)| value.is_some()).count(),
        3
    );
    for n in 0..5 {
        let few = super::state(&rows[..n]);
        assert!(few.features(&[]).iter().all(|(_, value)| value.is_none()));
        assert_eq!(few.correlation().is_some(), n > 1);
    }
}

#[test]
fn moments_that_no_left_out_components_have_are_refused() {
    let model = fit(300, Keep::Components(3), true, &mut Normal(9));
    assert_eq!(PcaModel::from_text(&model.to_text()).unwrap(), model);
    for (square, cube) in [(1e-308, 1e-308), (0.5, 1e-308), (0.5, 1.0), (0.5, 0.2)] {
        let mut other = model.clone();
        (other.residual.square, other.residual.cube) = (square, cube);
        assert_eq!(
            PcaModel::from_text(&other.to_text()).unwrap_err().kind(),
            ErrorKind::Corrupt,
            "{square} {cube}"
        );
        assert!(PcaModel::from_bytes(&other.to_bytes()).is_err());
    }
}
