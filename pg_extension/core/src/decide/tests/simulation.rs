use super::super::simulate::*;
use super::*;
use crate::error::ErrorKind;
use crate::sample::Series;

fn demand(values: &[f64]) -> Series {
    let n = i64::try_from(values.len()).unwrap();
    Series::try_new((0..n).map(|i| NOW + i * MINUTE).collect(), values.to_vec()).unwrap()
}

fn spec() -> ReactiveSpec {
    ReactiveSpec {
        unit_capacity: 100.0,
        target_utilization: 0.5,
        min_units: 1,
        max_units: 20,
        ready_after: 2 * MINUTE,
        scale_in_window: 3 * MINUTE,
        tolerance: 0.1,
    }
}

fn sizes(values: &[f64], spec: &ReactiveSpec) -> Vec<(u32, u32)> {
    let steps = simulate_reactive(&demand(values), spec, &|| false).unwrap();
    steps
        .iter()
        .map(|s| (s.units_total, s.units_ready))
        .collect()
}

#[test]
fn the_reactive_rule_comes_late_out_and_waits_before_it_goes_in() {
    let rise_and_fall = [
        100.0, 300.0, 300.0, 300.0, 100.0, 100.0, 100.0, 100.0, 100.0,
    ];
    assert_eq!(
        sizes(&rise_and_fall, &spec()),
        [
            (2, 2),
            (2, 2),
            (6, 2),
            (6, 2),
            (6, 6),
            (6, 6),
            (6, 6),
            (6, 6),
            (2, 2)
        ]
    );
}

#[test]
fn a_change_within_the_tolerance_and_beyond_the_limits_is_ignored() {
    assert_eq!(
        sizes(&[500.0, 540.0, 460.0, 500.0, 500.0], &spec()),
        [(10, 10); 5]
    );
    assert_eq!(sizes(&[1e9, 0.0], &spec())[0], (20, 20));
    assert_eq!(sizes(&[], &spec()), []);
}

#[test]
fn changing_the_trace_after_a_tick_changes_no_earlier_size() {
    let mut values: Vec<f64> = (0..60).map(|i| f64::from((i * 37) % 50) * 20.0).collect();
    let before = sizes(&values, &spec());
    values[40..].fill(5_000.0);
    let after = sizes(&values, &spec());
    assert_eq!(before[..=40], after[..=40]);
    assert_ne!(before[41], after[41]);
}

#[test]
fn a_specification_out_of_range_is_refused() {
    let kind = |spec: ReactiveSpec| {
        simulate_reactive(&demand(&[1.0]), &spec, &|| false)
            .unwrap_err()
            .kind()
    };
    assert_eq!(
        kind(ReactiveSpec {
            unit_capacity: f64::NAN,
            ..spec()
        }),
        ErrorKind::NotFinite
    );
    assert_eq!(
        kind(ReactiveSpec {
            target_utilization: 0.0,
            ..spec()
        }),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        kind(ReactiveSpec {
            min_units: 30,
            ..spec()
        }),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        kind(ReactiveSpec {
            ready_after: -1,
            ..spec()
        }),
        ErrorKind::InvalidArgument
    );
    let stopped = simulate_reactive(&demand(&[1.0]), &spec(), &|| true).unwrap_err();
    assert_eq!(stopped.kind(), ErrorKind::Cancelled);
}

#[test]
fn units_become_ready_late_and_the_youngest_go_first() {
    let mut target = SimulatedTarget::new(3, 2 * MINUTE);
    target.scale(5, NOW);
    target.scale(6, NOW + MINUTE);
    assert_eq!((target.total(), target.ready(NOW + MINUTE)), (6, 3));
    assert_eq!(target.ready(NOW + 2 * MINUTE), 5);
    target.scale(4, NOW + MINUTE);
    assert_eq!((target.total(), target.ready(NOW + 3 * MINUTE)), (4, 4));
    target.scale(2, NOW + MINUTE);
    assert_eq!((target.total(), target.ready(NOW + MINUTE)), (2, 2));
    target.scale(0, NOW + 2 * MINUTE);
    assert_eq!((target.total(), target.ready(NOW + 2 * MINUTE)), (0, 0));
}

#[test]
fn the_simulated_rule_is_the_one_that_decides() {
    let values: Vec<f64> = (0..200).map(|i| f64::from((i * 61) % 97) * 12.0).collect();
    let spec = ReactiveSpec {
        scale_in_window: 0,
        ..spec()
    };
    let steps = simulate_reactive(&demand(&values), &spec, &|| false).unwrap();
    for (a, b) in steps.iter().zip(&steps[1..]) {
        let r = Recommendation {
            mode: Mode::Out,
            origin: Some(b.ts),
            demand: Some(a.demand),
            demand_peak: Some(a.demand),
            forecast: None,
            target_utilization: spec.target_utilization,
            min_units: spec.min_units,
            max_units: spec.max_units,
            ..calm()
        };
        assert_eq!(
            decide(&r, &seen(a.units_total), b.ts).units_desired,
            Some(b.units_total)
        );
    }
}
