use proptest::prelude::*;

use super::signal::Signal;
use super::*;
use crate::error::ErrorKind;
use crate::sample::Series;
use crate::time::{DAY, MINUTE, SECOND};

mod features;
mod fitting;
mod floors;
mod sizes;

/// A Wednesday at midnight.
const START: Micros = 19_000 * DAY;

fn never() -> bool {
    false
}

fn step(minutes: i64) -> Step {
    Step::try_new(minutes * MINUTE).unwrap()
}

fn series(step: Step, value: &[f64]) -> Series {
    let n = i64::try_from(value.len()).unwrap();
    Series::try_new(
        (0..n).map(|i| START + i * step.micros()).collect(),
        value.to_vec(),
    )
    .unwrap()
}

/// Pseudo-random numbers in [0, 1): xorshift, so that tests need no crate and never change.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(u32::MAX)
    }
}

/// Demand with a daily wave, a burst at nine and noise that grows with the level.
fn daily(step: Step, days: usize, seed: u64) -> Vec<f64> {
    let per_day = step.round(DAY);
    let mut random = noise(seed);
    let wave = |i: usize| {
        let phase = (i % per_day) as f64 / per_day as f64;
        let burst = if (0.375..0.385).contains(&phase) {
            80.0
        } else {
            0.0
        };
        100.0 - 60.0 * (std::f64::consts::TAU * phase).cos() + burst
    };
    (0..days * per_day)
        .map(|i| wave(i) * (0.8 + 0.4 * random()))
        .collect()
}

fn spec(step: Step, until: Micros) -> DemandSpec {
    DemandSpec {
        step,
        lead: 5 * MINUTE,
        unit_capacity: 10.0,
        min_units: 1,
        levels: vec![0.5, 0.99],
        until,
    }
}

fn query(origin: Micros) -> DemandQuery {
    DemandQuery {
        origin,
        hold: 5,
        peak: 15 * MINUTE,
    }
}

/// A model of ten days in windows of five minutes, and its history.
fn fitted() -> (Step, Series, DemandModel) {
    let step = step(5);
    let history = series(step, &daily(step, 10, 1));
    let fit = fit_demand(&history, &spec(step, START + 9 * DAY), &never).unwrap();
    (step, history, fit.model.unwrap())
}

#[test]
fn a_short_gap_is_carried_forward_and_a_long_one_is_not() {
    let step = step(1);
    let ts = [0, 1, 2, 20].map(|m| START + m * MINUTE).to_vec();
    let history = Series::try_new(ts, vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    let signal = Signal::build(&history, step, START, START + 22 * MINUTE);
    assert_eq!(signal.len(), 22);
    assert_eq!(
        (signal.at(12), signal.at(13), signal.at(20), signal.at(21)),
        (Some(3.0), None, Some(4.0), Some(4.0))
    );
    assert_eq!(
        (signal.seen(2), signal.seen(12), signal.seen(21)),
        (Some(3.0), None, None)
    );
}

#[test]
fn values_of_one_window_are_averaged_and_negative_ones_are_zero() {
    let ts = [0, 10, 30, 60].map(|s| START + s * SECOND).to_vec();
    let history = Series::try_new(ts, vec![1.0, 2.0, 6.0, -5.0]).unwrap();
    let signal = Signal::build(&history, step(1), START, START + 2 * MINUTE);
    assert_eq!((signal.at(0), signal.at(1)), (Some(3.0), Some(0.0)));
}

#[test]
fn windows_of_a_time_zone_off_the_hour_stay_whole() {
    let step = step(60);
    let start = START + 30 * MINUTE;
    let history = Series::try_new(vec![start, start + 60 * MINUTE], vec![1.0, 2.0]).unwrap();
    let signal = Signal::build(&history, step, START, start + 120 * MINUTE);
    assert_eq!(
        (signal.len(), signal.start_of(0), signal.at(1)),
        (2, start, Some(2.0))
    );
}

#[test]
fn a_prediction_uses_the_last_closed_window_and_not_the_next() {
    let (step, history, model) = fitted();
    let origin = START + 9 * DAY + 10 * 60 * MINUTE;
    let at = |shift: i64| {
        let value = history.ts().iter().zip(history.value());
        let value = value
            .map(|(&t, &v)| if t == origin + shift { v + 50.0 } else { v })
            .collect();
        let changed = Series::try_new(history.ts().to_vec(), value).unwrap();
        predict_demand(Some(&model), &changed, step, &query(origin), &never).unwrap()
    };
    let plain = predict_demand(Some(&model), &history, step, &query(origin), &never).unwrap();
    assert_eq!(at(0), plain);
    assert_ne!(at(-step.micros()).q, plain.q);
    assert_eq!(plain.target, origin + 5 * MINUTE);
    assert_eq!(plain.status, "ok");
}

#[test]
fn history_older_than_stated_changes_no_prediction() {
    let (step, history, model) = fitted();
    let origin = START + 9 * DAY;
    let first = history.ts().partition_point(|&t| t < origin - HISTORY);
    let recent = Series::try_new(
        history.ts()[first..].to_vec(),
        history.value()[first..].to_vec(),
    )
    .unwrap();
    let query = DemandQuery {
        hold: 0,
        ..query(origin)
    };
    assert_eq!(
        predict_demand(Some(&model), &recent, step, &query, &never).unwrap(),
        predict_demand(Some(&model), &history, step, &query, &never).unwrap(),
    );
}

#[test]
fn the_upper_peak_is_the_largest_of_the_held_origins() {
    let (step, history, model) = fitted();
    let origin = START + 9 * DAY + 600 * MINUTE;
    let top = |back: i64| {
        let query = DemandQuery {
            hold: 0,
            ..query(origin - back * step.micros())
        };
        predict_demand(Some(&model), &history, step, &query, &never)
            .unwrap()
            .q[1]
    };
    let slow = (0..=5).map(top).fold(0.0, f64::max);
    let held = predict_demand(Some(&model), &history, step, &query(origin), &never).unwrap();
    assert_eq!(held.upper_peak, Some(slow));
}

#[test]
fn without_a_model_the_demand_is_still_told() {
    let history = series(step(1), &[5.0, 9.0, 7.0, 6.0]);
    let seen = predict_demand(None, &history, step(1), &query(START + 4 * MINUTE), &never).unwrap();
    assert_eq!(
        (seen.demand, seen.demand_peak, seen.status.as_str()),
        (Some(6.0), Some(9.0), "no_model")
    );
    let narrow = DemandQuery {
        peak: 2 * MINUTE,
        ..query(START + 4 * MINUTE)
    };
    assert_eq!(
        predict_demand(None, &history, step(1), &narrow, &never)
            .unwrap()
            .demand_peak,
        Some(7.0)
    );
}

#[test]
fn a_demand_older_than_three_windows_is_none() {
    let (step, history, model) = fitted();
    let end = START + 10 * DAY;
    let at = |late: i64| {
        predict_demand(
            Some(&model),
            &history,
            step,
            &query(end + late * step.micros()),
            &never,
        )
        .unwrap()
    };
    assert_eq!(
        (at(2).status.as_str(), at(2).demand.is_some()),
        ("ok", true)
    );
    assert_eq!(
        (at(3).status.as_str(), at(3).demand, at(3).q.len()),
        ("no_demand", None, 0)
    );
    let empty = Series::try_new(vec![], vec![]).unwrap();
    for model in [Some(&model), None] {
        let seen = predict_demand(model, &empty, step, &query(end), &never).unwrap();
        assert_eq!(seen.status, "no_demand");
    }
}

#[test]
fn a_first_day_has_no_history_to_predict_from() {
    let (step, history, model) = fitted();
    let seen = predict_demand(
        Some(&model),
        &history,
        step,
        &query(START + 600 * MINUTE),
        &never,
    )
    .unwrap();
    assert_eq!(
        (seen.status.as_str(), seen.q.len(), seen.demand.is_some()),
        ("no_history", 0, true)
    );
}

#[test]
fn a_step_that_is_not_the_models_and_a_negative_peak_are_refused() {
    let (_, history, model) = fitted();
    let other = predict_demand(Some(&model), &history, step(1), &query(START), &never).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::InvalidArgument);
    let negative = DemandQuery {
        peak: -1,
        ..query(START)
    };
    assert_eq!(
        predict_demand(None, &history, step(1), &negative, &never)
            .unwrap_err()
            .kind(),
        ErrorKind::InvalidArgument
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_largest_of_a_span_is_that_of_a_plain_scan(
        x in prop::collection::vec(0.0..9.0_f64, 1..400), end in 0_usize..420, k in 0_usize..400
    ) {
        let signal = Signal::build(&series(step(1), &x), step(1), START, START + DAY);
        let x: Vec<f64> = (0..signal.len()).filter_map(|i| signal.at(i)).collect();
        let plain = x.iter().take(end).skip(end.saturating_sub(k)).copied().reduce(f64::max);
        prop_assert_eq!(signal.max_before(end, k), plain);
    }

    #[test]
    fn changing_the_trace_after_an_instant_changes_nothing_at_or_before_it(
        seed in 0_u64..1_000, at in 1_000_usize..2_800, drop_rest: bool
    ) {
        let (step, history, model) = fitted();
        let origin = history.ts()[at];
        let mut random = noise(seed);
        let kept = if drop_rest { at } else { history.ts().len() };
        let value: Vec<f64> = history.value()[..kept].iter().enumerate()
            .map(|(i, &v)| if i < at { v } else { 500.0 * random() }).collect();
        let changed = Series::try_new(history.ts()[..kept].to_vec(), value).unwrap();
        for back in [0, 1, 7] {
            let q = query(origin - back * step.micros());
            prop_assert_eq!(
                predict_demand(Some(&model), &history, step, &q, &never).unwrap(),
                predict_demand(Some(&model), &changed, step, &q, &never).unwrap()
            );
        }
    }

    #[test]
    fn any_trace_gives_finite_ordered_quantiles_above_the_last_demand(
        x in prop::collection::vec(prop_oneof![Just(0.0), 0.0..50.0, 1e3..1e9], 40..300), gap in 0_usize..40
    ) {
        let (step, history, model) = fitted();
        let from = history.ts().len() - x.len();
        let mut value = history.value().to_vec();
        value[from..].copy_from_slice(&x);
        let mut ts = history.ts().to_vec();
        ts.drain(from..from + gap);
        value.drain(from..from + gap);
        let changed = Series::try_new(ts, value).unwrap();
        let seen = predict_demand(Some(&model), &changed, step, &query(START + 10 * DAY), &never).unwrap();
        if seen.status == "ok" {
            prop_assert!(seen.q.iter().all(|q| q.is_finite() && *q >= 0.0));
            prop_assert!(seen.q[0] <= seen.q[1]);
            prop_assert!(seen.q[1] >= seen.demand.unwrap());
            prop_assert!(seen.upper_peak.unwrap() >= seen.q[1]);
        }
        prop_assert!(seen.demand_peak >= seen.demand);
    }
}
