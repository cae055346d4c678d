//! Periods that are there and periods that are not.

use super::*;

fn found(y: Vec<f64>, step: Micros) -> Vec<Micros> {
    let periods = detect_periods(&regular(y, step), 0.6, 3, &never).unwrap();
    periods.iter().map(|p| p.period).collect()
}

fn traces() -> BTreeMap<String, Vec<f64>> {
    serde_json::from_str(include_str!(
        "../../../../../../tests/data/traces_hourly.json"
    ))
    .unwrap()
}

#[test]
fn a_day_of_microseconds_takes_no_memory() {
    assert_eq!(
        found((0..300).map(|i| f64::from(i * i % 7)).collect(), 1),
        [7]
    );
}

#[test]
fn days_and_weeks_of_real_traces_are_found() {
    for (name, y) in traces() {
        let periods = found(y, HOUR);
        assert!(periods.contains(&DAY), "{name}: {periods:?}");
        assert!(
            periods.iter().all(|p| [DAY, 7 * DAY].contains(p)),
            "{name}: {periods:?}"
        );
        if ["nasa", "cluster2"].contains(&name.as_str()) {
            assert!(periods.contains(&(7 * DAY)), "{name}: {periods:?}");
        }
    }
}

#[test]
fn outliers_gaps_and_level_shifts_hide_no_period() {
    let mut random = Random::new(1);
    for (name, mut y) in traces() {
        let (n, mean) = (y.len(), y.iter().sum::<f64>() / y.len() as f64);
        y[n / 3..].iter_mut().for_each(|v| *v += 2.0 * mean);
        for _ in 0..n / 50 {
            y[(random.uniform() * n as f64) as usize] = 30.0 * mean;
        }
        let mut damaged = regular(y, HOUR);
        for at in (0..n).filter(|at| at % 9 == 0 || (n / 2..n / 2 + 30).contains(at)) {
            damaged.seen[at] = false;
        }
        let series = Series::try_new(
            (0..n)
                .filter(|&at| damaged.seen[at])
                .map(|at| damaged.ts[at])
                .collect(),
            (0..n)
                .filter(|&at| damaged.seen[at])
                .map(|at| damaged.y[at])
                .collect(),
        );
        let damaged = Regular::new(&series.unwrap(), Step::try_new(HOUR).ok(), &never).unwrap();
        let periods = detect_periods(&damaged, 0.6, 3, &never).unwrap();
        assert!(
            periods.iter().any(|p| p.period == DAY),
            "{name}: {periods:?}"
        );
    }
}

#[test]
fn periods_of_any_length_and_step_are_found() {
    let wave = |period: f64, n: usize, noise: f64| -> Vec<f64> {
        let mut random = Random::new(n as u64);
        (0..n)
            .map(|t| (std::f64::consts::TAU * t as f64 / period).sin() + noise * random.normal())
            .collect()
    };
    for period in [5_usize, 17, 100, 333] {
        let lags: Vec<_> = detect_periods(
            &regular(wave(period as f64, 2000, 0.7), SECOND),
            0.6,
            3,
            &never,
        )
        .unwrap()
        .iter()
        .map(|p| (p.lag as f64 / period as f64 * 50.0).round())
        .collect();
        assert_eq!(lags, [50.0], "{period}");
    }
    // Ninety days of minutes: two levels, and a day that is there on both.
    assert_eq!(found(wave(1440.0, 129_600, 2.0), MINUTE), [DAY]);
    assert_eq!(found(wave(7.0, 60, 0.3), DAY), [7 * DAY]);
}

#[test]
fn a_batch_at_midnight_repeats_daily_and_not_hourly() {
    let y = (0..24 * 60)
        .map(|t| if t % 24 == 0 { 5.0 } else { 0.0 })
        .collect();
    assert_eq!(found(y, HOUR), [DAY]);
    let y = (0..1440 * 20)
        .map(|t| {
            if t % 1440 < 5 {
                9.0
            } else {
                f64::from(t % 7 == 3)
            }
        })
        .collect();
    let periods = detect_periods(&regular(y, MINUTE), 0.6, 3, &never).unwrap();
    assert!(
        periods.iter().all(|p| p.lag == 1440 || p.lag == 7),
        "{periods:?}"
    );
}

#[test]
fn nothing_is_found_where_nothing_repeats() {
    for y in [
        vec![3.0; 1000],
        (0..1000).map(f64::from).collect(),
        (0..1000).map(|t| 0.1 * f64::from(t)).collect(),
        (0..1000).map(|t| f64::from(t * t)).collect(),
        (0..1000).map(|t| f64::from(t > 400)).collect(),
        (0..1000).map(|t| (0.01 * f64::from(t)).exp()).collect(),
        (0..1000).map(|t| 1e9 + 1e-7 * f64::from(t % 2)).collect(),
        (0..15).map(|t| f64::from(t % 3)).collect(),
    ] {
        assert!(found(y.clone(), HOUR).is_empty(), "{:?}", &y[..5]);
    }
}

/// At most one series in a hundred, whatever its noise is like. 300 series of each kind: of two lengths together 4,200.
#[test]
fn noise_of_any_colour_shows_no_period() {
    type Noise = (&'static str, fn(&mut Random, usize) -> Vec<f64>);
    let kinds: [Noise; 7] = [
        ("white", |random, n| random.autoregression(0.0, n)),
        ("walk", Random::walk),
        ("ar 0.5", |random, n| random.autoregression(0.5, n)),
        ("ar 0.9", |random, n| random.autoregression(0.9, n)),
        ("ar -0.7", |random, n| random.autoregression(-0.7, n)),
        ("heavy tails", |random, n| {
            (0..n)
                .map(|_| random.normal() / random.uniform().sqrt())
                .collect()
        }),
        ("trend and shift", |random, n| {
            let at = random.uniform() * n as f64;
            (0..n)
                .map(|t| 0.01 * t as f64 + if t as f64 > at { 5.0 } else { 0.0 } + random.normal())
                .collect()
        }),
    ];
    let mut alarms = BTreeMap::new();
    for (name, noise) in kinds {
        for seed in 0..300 {
            for n in [200, 748] {
                let y = noise(&mut Random::new(seed), n);
                *alarms.entry((name, n)).or_insert(0) += usize::from(!found(y, HOUR).is_empty());
            }
        }
    }
    // 1 % of 300 is three; six is what one kind of fourteen may show by chance.
    assert!(alarms.values().all(|&n| n <= 6), "{alarms:?}");
    assert!(alarms.values().sum::<usize>() <= 42, "{alarms:?}");
}
