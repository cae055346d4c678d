//! Changes and outliers that are there and that are not.

use super::*;

fn changes(y: Vec<f64>) -> Vec<Change> {
    changepoints(&regular(y, HOUR), Some(&[]), 1.0, &never).unwrap()
}

fn place(change: &Change) -> usize {
    usize::try_from(change.ts / HOUR).unwrap()
}

#[test]
fn a_shift_of_three_standard_deviations_is_found_where_it_is() {
    let (mut found, mut apart) = (0, 0);
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let at = 100 + (random.uniform() * 200.0) as usize;
        let y = (0..400)
            .map(|t| 10.0 + random.normal() + if t >= at { 3.0 } else { 0.0 })
            .collect();
        let seen = changes(y);
        if let [only] = seen.as_slice() {
            assert_eq!(only.kind, ChangeKind::Level);
            assert!((only.before - 10.0).abs() < 0.6 && (only.after - 13.0).abs() < 0.6);
            assert!(only.score >= 1.0);
            found += 1;
            apart += place(only).abs_diff(at);
        }
    }
    assert!(
        found >= 97 && apart <= 100,
        "{found} found, {apart} windows off in all"
    );
}

#[test]
fn noise_does_not_change() {
    let mut alarms = BTreeMap::new();
    for seed in 0..100 {
        for (name, y) in [
            ("white", Random::new(seed).autoregression(0.0, 500)),
            ("ar 0.3", Random::new(seed).autoregression(0.3, 500)),
            ("short", Random::new(seed).autoregression(0.0, 60)),
        ] {
            *alarms.entry(name).or_insert(0) += usize::from(!changes(y).is_empty());
        }
    }
    assert!(alarms.values().all(|&n| n <= 3), "{alarms:?}");
}

#[test]
fn lone_outliers_and_a_straight_trend_are_no_change() {
    let mut random = Random::new(5);
    let y = (0..400)
        .map(|t| 0.5 * f64::from(t) + random.normal() + if t % 97 == 50 { 80.0 } else { 0.0 })
        .collect();
    assert_eq!(changes(y), []);
}

#[test]
fn slopes_and_variances_change_too() {
    let mut random = Random::new(6);
    let y = (0..400)
        .map(|t| {
            random.normal()
                + if t > 200 {
                    0.2 * f64::from(t - 200)
                } else {
                    0.0
                }
        })
        .collect();
    let seen = changes(y);
    let [only] = seen.as_slice() else {
        panic!("{seen:?}")
    };
    assert_eq!(only.kind, ChangeKind::Trend);
    assert!(place(only).abs_diff(200) < 20 && only.before.abs() < 1e-5);
    assert!((only.after * 3600.0 - 0.2).abs() < 0.02, "{only:?}");
    let y = (0..400)
        .map(|t| random.normal() * if t < 150 { 1.0 } else { 4.0 })
        .collect();
    let seen = changes(y);
    let [only] = seen.as_slice() else {
        panic!("{seen:?}")
    };
    assert_eq!(only.kind, ChangeKind::Variance);
    assert!(place(only).abs_diff(150) < 10, "{only:?}");
    assert!(
        (only.before - 1.0).abs() < 0.3 && (only.after - 4.0).abs() < 1.0,
        "{only:?}"
    );
}

#[test]
fn a_shift_under_a_season_and_in_a_long_series_is_found() {
    let mut random = Random::new(7);
    let day = |t: usize| 20.0 * (std::f64::consts::TAU * t as f64 / 1440.0).sin();
    let y = (0..20_000)
        .map(|t| day(t) + random.normal() + if t >= 12_345 { 3.0 } else { 0.0 })
        .collect();
    let seen = changepoints(&regular(y, MINUTE), None, 1.0, &never).unwrap();
    let levels: Vec<_> = seen
        .iter()
        .filter(|c| c.kind == ChangeKind::Level)
        .collect();
    assert_eq!(levels.len(), 1, "{seen:?}");
    assert!((levels[0].ts / MINUTE - 12_345).abs() < 10, "{seen:?}");
}

#[test]
fn outliers_are_found_under_a_season_and_a_level_shift() {
    let mut random = Random::new(8);
    let usual = |t: usize| {
        100.0
            + 30.0 * (std::f64::consts::TAU * t as f64 / 24.0).sin()
            + if t > 300 { 80.0 } else { 0.0 }
    };
    let mut y: Vec<f64> = (0..600).map(|t| usual(t) + 2.0 * random.normal()).collect();
    for at in [50, 51, 400] {
        y[at] += 25.0;
    }
    let seen = outliers(&regular(y, HOUR), None, 5.0, &never).unwrap();
    let places: Vec<_> = seen.iter().map(|o| o.ts / HOUR).collect();
    assert_eq!(places, [50, 51, 400], "{seen:?}");
    for outlier in &seen {
        let at = usize::try_from(outlier.ts / HOUR).unwrap();
        assert!((outlier.expected - usual(at)).abs() < 6.0 && outlier.score > 5.0);
    }
}

#[test]
fn subnormal_numbers_have_no_infinite_scores() {
    let mut y = vec![0.0; 200];
    y[120] = 1.2e-318;
    let seen = outliers(&regular(y, HOUR), None, 0.5, &never).unwrap();
    assert!(seen.iter().all(|o| o.score.is_finite()), "{seen:?}");
}

#[test]
fn seasons_of_few_cycles_are_neither_changes_nor_outliers() {
    let (mut changed, mut odd) = (0, 0);
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let wave = |t: usize, period: f64| (std::f64::consts::TAU * t as f64 / period).sin();
        let y =
            (0..840).map(|t| 100.0 + 20.0 * wave(t, 24.0) + 8.0 * wave(t, 168.0) + random.normal());
        let mut regular = regular(y.collect(), HOUR);
        // A gap as `Regular` fills it.
        regular.seen[300..311].fill(false);
        let (from, until) = (regular.y[299], regular.y[311]);
        for at in 300..311 {
            regular.y[at] = from + (until - from) * (at - 299) as f64 / 12.0;
        }
        changed += usize::from(
            !changepoints(&regular, None, 1.0, &never)
                .unwrap()
                .is_empty(),
        );
        odd += outliers(&regular, None, 5.0, &never).unwrap().len();
    }
    assert!(changed <= 1 && odd <= 2, "{changed} {odd}");
}

#[test]
fn a_spike_on_a_flat_line_is_an_outlier_and_what_often_happens_is_not() {
    let mut y = vec![5.0; 100];
    y[40] = 6.0;
    let seen = outliers(&regular(y, HOUR), Some(&[]), 5.0, &never).unwrap();
    assert_eq!(seen.len(), 1);
    assert!((seen[0].expected - 5.0).abs() < 1e-12);
    let y = (0..100).map(|t| f64::from(t % 5 == 0)).collect();
    assert_eq!(
        outliers(&regular(y, HOUR), Some(&[]), 5.0, &never).unwrap(),
        []
    );
}
