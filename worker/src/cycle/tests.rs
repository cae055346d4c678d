use std::collections::HashMap;

use prescale_core::decide::{Action, Decision, Mode, Recommendation};
use serde_json::json;

use super::*;
use crate::act::Target;
use crate::observe::{OpenIntent, Wanted};

fn wanted(workload_id: i32) -> Wanted {
    let target = Target::parse(&json!({"kind": "simulated"}));
    let recommendation = Recommendation {
        mode: Mode::Full,
        origin: Some(0),
        demand: Some(10.0),
        demand_peak: Some(12.0),
        forecast: Some(20.0),
        forecast_peak: Some(21.0),
        unit_capacity: 5.0,
        target_utilization: 0.7,
        headroom: 1.1,
        min_units: 1,
        max_units: 9,
        tolerance: 0.1,
        band_out: 0.1,
        band_slack: 0.2,
        band_in: 0.1,
        max_scale_out: None,
        max_scale_in: None,
        stale_after: 300_000_000,
        paused_out: false,
        paused_in: false,
    };
    Wanted {
        workload_id,
        workload: format!("w{workload_id}"),
        shard: 0,
        target,
        revision: Some(1),
        recommendation,
    }
}

fn seen(units: u32) -> Observation {
    Observation::Seen {
        units_total: units,
        units_ready: units,
        version: None,
    }
}

fn decision(units: u32, act: bool) -> Decision {
    Decision {
        units_before: Some(1),
        units_desired: Some(units),
        action: Action::ScaleOut,
        act,
        units_predicted: Some(units),
        units_reactive: Some(units),
        reasons: Vec::new(),
    }
}

#[test]
fn only_what_was_recorded_and_is_to_be_acted_upon_becomes_an_order() {
    let (items, observation) = ([wanted(1), wanted(2), wanted(3)], seen(1));
    let unseen = Observation::Unavailable {
        why: "gone".to_owned(),
    };
    let decided = [
        Decided {
            wanted: &items[0],
            observation: &observation,
            decision: decision(4, true),
        },
        Decided {
            wanted: &items[1],
            observation: &observation,
            decision: decision(4, false),
        },
        Decided {
            wanted: &items[2],
            observation: &unseen,
            decision: decision(4, true),
        },
    ];
    let all = HashMap::from([(1, 101), (2, 102), (3, 103)]);
    let orders: Vec<_> = orders(&decided, &all)
        .iter()
        .map(|order| (order.decision, order.units))
        .collect();
    assert_eq!(orders, [(101, 4)]);
    assert!(super::orders(&decided, &HashMap::new()).is_empty());
}

#[test]
fn an_open_intent_is_done_when_the_target_has_its_size_and_abandoned_otherwise() {
    let (items, observation) = ([wanted(1), wanted(2)], seen(4));
    let unseen = Observation::Unavailable {
        why: "gone".to_owned(),
    };
    let decided = [
        Decided {
            wanted: &items[0],
            observation: &observation,
            decision: decision(4, false),
        },
        Decided {
            wanted: &items[1],
            observation: &unseen,
            decision: decision(4, false),
        },
    ];
    let intents = [
        (11, 1, Some(4)),
        (12, 1, Some(5)),
        (13, 2, Some(4)),
        (14, 9, Some(4)),
        (15, 1, None),
    ]
    .map(|(decision, workload_id, units_desired)| OpenIntent {
        decision,
        workload_id,
        units_desired,
    });
    let settled = settle(&intents, &decided);
    let found: Vec<_> = settled
        .iter()
        .map(|acted| (acted.decision, acted.status))
        .collect();
    let abandoned = |decision| (decision, Status::Abandoned);
    assert_eq!(
        found,
        [
            (11, Status::Done),
            abandoned(12),
            abandoned(13),
            abandoned(14),
            abandoned(15)
        ]
    );
    assert_eq!(
        settled[3].result,
        json!({"why": "the workload is no longer enabled"})
    );
}

#[test]
fn recorded_sizes_are_those_after_the_act() {
    let (items, observation) = ([wanted(1), wanted(2)], seen(1));
    let decided = [
        Decided {
            wanted: &items[0],
            observation: &observation,
            decision: decision(4, true),
        },
        Decided {
            wanted: &items[1],
            observation: &observation,
            decision: decision(1, false),
        },
    ];
    let all = HashMap::from([(1, 101)]);
    let orders = orders(&decided, &all);
    let acted = [Acted::done(&orders[0], (4, 1), None)];
    let led = Led {
        sizes: sizes(&decided, &acted),
        acted: acted.to_vec(),
    };
    let size = |workload_id, units_total| Size {
        workload_id,
        units_total,
        units_ready: 1,
    };
    assert_eq!(led.sizes, [size(1, 4), size(2, 1)]);
    let mut turn = Turn::default();
    turn.add(&decided, &led);
    assert_eq!(
        (
            turn.workloads,
            turn.done,
            turn.units_total,
            turn.units_ready
        ),
        (2, 1, 5, 2)
    );
}
