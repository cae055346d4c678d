//! What follows from decisions and observations, without touching anything.

use std::collections::HashMap;

use prescale_core::decide::Observation;

use crate::act::{Acted, Order};
use crate::observe::{OpenIntent, Wanted};
use crate::record::{Decided, Size};

/// What became of intents that nobody recorded a result for: the target tells.
pub(super) fn settle(intents: &[OpenIntent], decided: &[Decided<'_>]) -> Vec<Acted> {
    let by_workload: HashMap<i32, &Decided<'_>> = decided
        .iter()
        .map(|made| (made.wanted.workload_id, made))
        .collect();
    intents
        .iter()
        .map(|intent| {
            let observation = by_workload
                .get(&intent.workload_id)
                .map(|made| made.observation);
            Acted::settled(intent, observation)
        })
        .collect()
}

/// What is to be done of what was decided: that which was recorded just now.
pub(super) fn orders<'a>(
    decided: &'a [Decided<'_>],
    numbers: &HashMap<i32, i64>,
) -> Vec<Order<'a>> {
    let order = |made: &'a Decided<'_>| {
        let Wanted {
            workload_id,
            target: Ok(target),
            ..
        } = made.wanted
        else {
            return None;
        };
        let Observation::Seen {
            units_ready,
            version,
            ..
        } = made.observation
        else {
            return None;
        };
        let decision = *numbers.get(workload_id).filter(|_| made.decision.act)?;
        let units = made.decision.units_desired?;
        let version = version.as_deref();
        Some(Order {
            decision,
            workload_id: *workload_id,
            target,
            units,
            units_ready: *units_ready,
            version,
        })
    };
    decided.iter().filter_map(order).collect()
}

/// The sizes observed, or those that the targets reported after the acts.
pub(super) fn sizes(decided: &[Decided<'_>], acted: &[Acted]) -> Vec<Size> {
    let after: HashMap<i32, (u32, u32)> = acted
        .iter()
        .filter_map(|act| Some((act.workload_id, act.size?)))
        .collect();
    let size = |made: &Decided<'_>| {
        let Observation::Seen {
            units_total,
            units_ready,
            ..
        } = made.observation
        else {
            return None;
        };
        let workload_id = made.wanted.workload_id;
        let (units_total, units_ready) = *after
            .get(&workload_id)
            .unwrap_or(&(*units_total, *units_ready));
        Some(Size {
            workload_id,
            units_total,
            units_ready,
        })
    };
    decided.iter().filter_map(size).collect()
}
