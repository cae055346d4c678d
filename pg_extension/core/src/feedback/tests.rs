use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::forecast::loss::pinball;
use crate::sample::Series;

fn series(rows: &[(i64, f64)]) -> Series {
    Series::try_new(
        rows.iter().map(|r| r.0).collect(),
        rows.iter().map(|r| r.1).collect(),
    )
    .unwrap()
}

fn scored(demand: &[(i64, f64)], supply: &[(i64, f64)]) -> Score {
    score(&series(demand), &series(supply), &|| false).unwrap()
}

#[test]
fn a_score_worked_out_by_hand() {
    let demand = [(1, 10.0), (2, 20.0), (3, 40.0), (4, 40.0), (5, 0.0)];
    let supply = [(0, 20.0), (3, 30.0), (5, 10.0)];
    assert_eq!(
        scored(&demand, &supply),
        Score {
            n: 5,
            theta_under: (0.25 + 0.25) / 4.0,
            theta_over: 1.0 / 4.0,
            tau_under: 2.0 / 5.0,
            tau_over: 2.0 / 5.0,
            instability: 1.0 / 4.0,
            drop: 20.0 / 110.0,
            cost: 110.0 / 110.0,
            actions: 2,
        }
    );
}

#[test]
fn steps_before_the_first_supply_are_not_scored() {
    let s = scored(&[(1, 10.0), (2, 10.0), (3, 10.0)], &[(2, 10.0)]);
    assert_eq!((s.n, s.drop, s.cost), (2, 0.0, 1.0));
}

#[test]
fn nothing_to_score_and_no_load_give_zeros() {
    let nothing = scored(&[], &[(0, 1.0)]);
    assert_eq!((nothing.n, nothing.cost, nothing.tau_over), (0, 0.0, 0.0));
    let idle = scored(&[(1, 0.0), (2, 0.0)], &[(0, 5.0)]);
    assert_eq!(
        (idle.n, idle.theta_over, idle.tau_over, idle.cost, idle.drop),
        (2, 0.0, 1.0, 0.0, 0.0)
    );
}

#[test]
fn a_caller_who_wants_to_stop_is_heard() {
    let e = score(&series(&[(1, 1.0)]), &series(&[]), &|| true).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Cancelled);
}

proptest! {
    #[test]
    fn shares_are_shares_and_scaling_both_sides_changes_nothing(
        rows in prop::collection::vec((0.0..100.0_f64, 0.0..100.0_f64), 1..60)
    ) {
        let at = |k: f64| {
            let demand: Vec<_> = (0..).zip(&rows).map(|(i, r)| (i, k * r.0)).collect();
            let supply: Vec<_> = (0..).zip(&rows).map(|(i, r)| (i, k * r.1)).collect();
            scored(&demand, &supply)
        };
        let s = at(1.0);
        prop_assert_eq!(s, at(4.0));
        for share in [s.theta_under, s.tau_under, s.tau_over, s.instability, s.drop] {
            prop_assert!((0.0..=1.0).contains(&share));
        }
        prop_assert!(s.actions < rows.len());
        prop_assert!(s.tau_under + s.tau_over <= 1.0 + 1e-12);
    }

    #[test]
    fn the_pinball_loss_is_least_at_the_quantile(values in prop::collection::vec(-50.0..50.0_f64, 5..40), q in -60.0..60.0_f64) {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let median = sorted[values.len() / 2];
        let loss = |q: f64| values.iter().map(|v| pinball(0.5, q, *v)).sum::<f64>();
        prop_assert!(values.len() % 2 == 0 || loss(median) <= loss(q) + 1e-9);
        prop_assert!(values.iter().all(|v| pinball(0.9, q, *v) >= 0.0));
    }
}
