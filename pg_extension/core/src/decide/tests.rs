use super::*;
use crate::time::{MINUTE, SECOND};

mod modes;
mod limits;
mod simulation;

/// 09:00 of some day.
const NOW: Micros = 19_000 * 1_440 * MINUTE + 540 * MINUTE;

/// A fresh recommendation at which nothing needs to change at 10 units: each carries 100.
fn calm() -> Recommendation {
    Recommendation {
        mode: Mode::Full,
        origin: Some(NOW - 10 * SECOND),
        demand: Some(700.0),
        demand_peak: Some(700.0),
        forecast: Some(900.0),
        forecast_peak: Some(900.0),
        unit_capacity: 100.0,
        target_utilization: 0.7,
        headroom: 1.0,
        min_units: 1,
        max_units: 50,
        tolerance: 0.1,
        band_out: 0.1,
        band_slack: 0.25,
        band_in: 0.1,
        max_scale_out: None,
        max_scale_in: None,
        stale_after: 5 * MINUTE,
        paused_out: false,
        paused_in: false,
    }
}

fn seen(units_total: u32) -> Observation {
    Observation::Seen {
        units_total,
        units_ready: units_total,
        version: Some("7".into()),
    }
}

fn expected(
    before: u32,
    desired: u32,
    act: bool,
    alone: [Option<u32>; 2],
    reasons: &[(&str, &str)],
) -> Decision {
    let reason = |&(code, text): &(&str, &str)| Reason {
        code: code.into(),
        text: text.into(),
    };
    Decision {
        units_before: Some(before),
        units_desired: Some(desired),
        action: match desired.cmp(&before) {
            std::cmp::Ordering::Less => Action::ScaleIn,
            std::cmp::Ordering::Equal => Action::Hold,
            std::cmp::Ordering::Greater => Action::ScaleOut,
        },
        act,
        units_predicted: alone[0],
        units_reactive: alone[1],
        reasons: reasons.iter().map(reason).collect(),
    }
}

fn codes(decision: &Decision) -> Vec<&str> {
    decision.reasons.iter().map(|r| r.code.as_str()).collect()
}

#[test]
fn a_morning_in_mode_full() {
    let mut r = calm();
    assert_eq!(
        decide(&r, &seen(10), NOW),
        expected(
            10,
            10,
            false,
            [Some(10), Some(10)],
            &[
                (
                    "predicted_hold",
                    "forecast 900 (peak 900) with headroom 1 at 100 a unit asks for 10 units, 10 now"
                ),
                (
                    "reactive_hold",
                    "demand 700 (peak 700) at 0.7 of 100 a unit asks for 10 units, 10 now"
                ),
            ]
        )
    );
    // The forecast rises before the demand does.
    (r.forecast, r.forecast_peak) = (Some(1_350.0), Some(1_350.0));
    assert_eq!(
        decide(&r, &seen(10), NOW),
        expected(
            10,
            15,
            true,
            [Some(15), Some(10)],
            &[
                (
                    "predicted_out",
                    "forecast 1350 (peak 1350) with headroom 1 at 100 a unit asks for 15 units, 10 now"
                ),
                (
                    "reactive_hold",
                    "demand 700 (peak 700) at 0.7 of 100 a unit asks for 10 units, 10 now"
                ),
            ]
        )
    );
    // The demand comes higher than forecast: the reactive rule carries on.
    (r.demand, r.demand_peak) = (Some(1_270.5), Some(1_270.5));
    assert_eq!(
        decide(&r, &seen(15), NOW),
        expected(
            15,
            19,
            true,
            [Some(15), Some(19)],
            &[
                (
                    "predicted_hold",
                    "forecast 1350 (peak 1350) with headroom 1 at 100 a unit asks for 15 units, 15 now"
                ),
                (
                    "reactive_out",
                    "demand 1270.5 (peak 1270.5) at 0.7 of 100 a unit asks for 19 units, 15 now"
                ),
                ("kept_by_reactive", "the reactive rule still needs 19 units"),
            ]
        )
    );
    // Both fall; the peak of the forecast is still high, so nothing happens yet.
    (r.demand, r.demand_peak, r.forecast) = (Some(400.0), Some(1_270.5), Some(600.0));
    assert_eq!(
        decide(&r, &seen(16), NOW),
        expected(
            16,
            16,
            false,
            [Some(16), Some(16)],
            &[
                (
                    "predicted_hold",
                    "forecast 600 (peak 1350) with headroom 1 at 100 a unit asks for 16 units, 16 now"
                ),
                (
                    "reactive_hold",
                    "demand 400 (peak 1270.5) at 0.7 of 100 a unit asks for 16 units, 16 now"
                ),
            ]
        )
    );
    // The forecast's peak has passed, but not yet that of demand: the reactive rule keeps what it has.
    r.forecast_peak = Some(610.0);
    assert_eq!(
        decide(&r, &seen(16), NOW),
        expected(
            16,
            16,
            false,
            [Some(7), Some(16)],
            &[
                (
                    "predicted_in",
                    "forecast 600 (peak 610) with headroom 1 at 100 a unit asks for 7 units, 16 now"
                ),
                (
                    "reactive_hold",
                    "demand 400 (peak 1270.5) at 0.7 of 100 a unit asks for 16 units, 16 now"
                ),
                ("kept_by_reactive", "the reactive rule still needs 16 units"),
            ]
        )
    );
    // Both have passed: in to the forecast and its band.
    r.demand_peak = Some(450.0);
    assert_eq!(
        decide(&r, &seen(16), NOW),
        expected(
            16,
            7,
            true,
            [Some(7), Some(7)],
            &[
                (
                    "predicted_in",
                    "forecast 600 (peak 610) with headroom 1 at 100 a unit asks for 7 units, 16 now"
                ),
                (
                    "reactive_in",
                    "demand 400 (peak 450) at 0.7 of 100 a unit asks for 7 units, 16 now"
                ),
            ]
        )
    );
}

#[test]
fn an_outage_of_the_data_holds_and_says_so() {
    let mut r = calm();
    (r.forecast, r.forecast_peak) = (Some(100.0), Some(100.0));
    let later = NOW + 6 * MINUTE;
    assert_eq!(
        decide(&r, &seen(10), later),
        expected(
            10,
            10,
            false,
            [None, None],
            &[(
                "stale_data",
                "the last window closed 370 s ago, more than 300 s"
            )]
        )
    );
    r.origin = None;
    assert_eq!(
        decide(&r, &seen(10), later),
        expected(
            10,
            10,
            false,
            [None, None],
            &[("no_data", "no window was closed yet")]
        )
    );
    let gone = decide(
        &r,
        &Observation::Unavailable {
            why: "connection refused".into(),
        },
        later,
    );
    assert_eq!(
        (gone.units_before, gone.units_desired, gone.act, gone.action),
        (None, None, false, Action::Hold)
    );
    assert_eq!(
        gone.reasons,
        [Reason {
            code: "target_unavailable".into(),
            text: "the target could not be read: connection refused".into()
        }]
    );
}

#[test]
fn without_a_forecast_the_reactive_rule_is_alone() {
    let mut r = calm();
    (r.forecast, r.forecast_peak) = (None, None);
    (r.demand, r.demand_peak) = (Some(350.0), Some(490.0));
    assert_eq!(
        decide(&r, &seen(10), NOW),
        expected(
            10,
            7,
            true,
            [None, Some(7)],
            &[
                (
                    "no_forecast",
                    "there is no forecast: the reactive rule is alone"
                ),
                (
                    "reactive_in",
                    "demand 350 (peak 490) at 0.7 of 100 a unit asks for 7 units, 10 now"
                ),
            ]
        )
    );
    r.mode = Mode::Floor;
    assert_eq!(decide(&r, &seen(10), NOW).units_desired, Some(10));
    r.demand_peak = None;
    r.mode = Mode::Out;
    assert_eq!(
        codes(&decide(&r, &seen(10), NOW)),
        ["no_forecast", "no_demand_peak", "reactive_hold"]
    );
}

#[test]
fn without_a_demand_nothing_is_lowered() {
    let mut r = calm();
    (r.demand, r.demand_peak) = (None, None);
    (r.forecast, r.forecast_peak) = (Some(100.0), Some(100.0));
    let held = decide(&r, &seen(10), NOW);
    assert_eq!(
        (held.units_desired, held.units_predicted),
        (Some(10), Some(2))
    );
    assert_eq!(codes(&held), ["predicted_in", "no_demand"]);
    r.forecast = Some(1_200.0);
    assert_eq!(decide(&r, &seen(10), NOW).units_desired, Some(14));
}

#[test]
fn a_missing_peak_of_the_forecast_lowers_nothing() {
    let mut r = calm();
    (r.forecast, r.forecast_peak) = (Some(100.0), None);
    (r.demand, r.demand_peak) = (Some(70.0), Some(70.0));
    assert_eq!(
        codes(&decide(&r, &seen(10), NOW)),
        ["no_forecast_peak", "predicted_hold", "reactive_in"]
    );
    assert_eq!(decide(&r, &seen(10), NOW).units_desired, Some(10));
}

#[test]
fn a_clock_that_is_behind_counts_as_fresh() {
    let mut r = calm();
    r.origin = Some(NOW + 30 * SECOND);
    r.forecast = Some(1_350.0);
    let decision = decide(&r, &seen(10), NOW);
    assert_eq!(
        codes(&decision),
        ["clock_skew", "predicted_out", "reactive_hold"]
    );
    assert_eq!(decision.reasons[0].text, "the last window closes in 30 s");
    assert!(decision.act);
}

#[test]
fn the_reactive_rule_tolerates_a_tenth() {
    let r = calm();
    assert_eq!(reactive_units(770.0, 10, &r), 10);
    assert_eq!(reactive_units(770.1, 10, &r), 12);
    assert_eq!(reactive_units(630.0, 10, &r), 10);
    assert_eq!(reactive_units(629.9, 10, &r), 9);
    assert_eq!(reactive_units(140.0, 0, &r), 2);
    assert_eq!(reactive_units(f64::NAN, 4, &r), 4);
}

#[test]
fn a_decision_and_an_observation_survive_json() {
    let decision = decide(&calm(), &seen(10), NOW);
    let text = serde_json::to_string(&decision).unwrap();
    assert_eq!(serde_json::from_str::<Decision>(&text).unwrap(), decision);
    assert_eq!(
        serde_json::to_string(&seen(3)).unwrap(),
        r#"{"state":"seen","units_total":3,"units_ready":3,"version":"7"}"#
    );
}

#[test]
fn every_code_stands_in_the_table() {
    let table = include_str!("mod.rs");
    let source = concat!(include_str!("rule.rs"), include_str!("input.rs"));
    let quoted = source
        .split("because(\"")
        .skip(1)
        .filter_map(|s| s.split('"').next());
    for code in quoted {
        assert!(
            table.contains(&format!("`{code}`")),
            "{code} is not in the table"
        );
    }
}
