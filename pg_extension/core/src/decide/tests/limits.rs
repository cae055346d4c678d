use proptest::prelude::*;

use super::*;

fn rising() -> Recommendation {
    Recommendation {
        forecast: Some(3_000.0),
        forecast_peak: Some(3_000.0),
        ..calm()
    }
}

fn falling() -> Recommendation {
    Recommendation {
        demand: Some(70.0),
        demand_peak: Some(70.0),
        forecast: Some(100.0),
        forecast_peak: Some(100.0),
        ..calm()
    }
}

fn last(decision: &Decision) -> (Option<u32>, &str, &str) {
    let reason = decision.reasons.last().unwrap();
    (decision.units_desired, &reason.code, &reason.text)
}

#[test]
fn the_limits_bound_the_size() {
    let r = Recommendation {
        max_units: 20,
        ..rising()
    };
    assert_eq!(
        last(&decide(&r, &seen(10), NOW)),
        (Some(20), "limit_max", "max_units lowers 33 to 20")
    );
    let r = Recommendation {
        min_units: 4,
        ..falling()
    };
    assert_eq!(
        last(&decide(&r, &seen(10), NOW)),
        (Some(4), "limit_min", "min_units raises 2 to 4")
    );
}

#[test]
fn the_lower_limit_holds_without_data_and_the_upper_one_does_not_lower() {
    let stale = Recommendation {
        origin: Some(NOW - 600 * SECOND),
        min_units: 4,
        max_units: 8,
        ..calm()
    };
    let low = decide(&stale, &seen(2), NOW);
    assert_eq!(
        (low.units_desired, low.act, codes(&low)),
        (Some(4), true, vec!["stale_data", "limit_min"])
    );
    let high = decide(&stale, &seen(10), NOW);
    assert_eq!(
        (high.units_desired, high.act, codes(&high)),
        (Some(10), false, vec!["stale_data", "limit_max_kept"])
    );
    let fresh = Recommendation {
        max_units: 8,
        ..calm()
    };
    assert_eq!(
        last(&decide(&fresh, &seen(10), NOW)),
        (Some(8), "limit_max", "max_units lowers 10 to 8")
    );
    let floor = Recommendation {
        mode: Mode::Floor,
        ..fresh
    };
    assert_eq!(
        last(&decide(&floor, &seen(10), NOW)),
        (
            Some(10),
            "limit_max_kept",
            "10 units exceed max_units 8, not lowered now"
        )
    );
}

#[test]
fn the_rates_cut_a_change() {
    let r = Recommendation {
        max_scale_out: Some(5),
        ..rising()
    };
    assert_eq!(
        last(&decide(&r, &seen(10), NOW)),
        (Some(15), "rate_out", "max_scale_out cuts 33 to 15")
    );
    let r = Recommendation {
        max_scale_in: Some(3),
        ..falling()
    };
    assert_eq!(
        last(&decide(&r, &seen(10), NOW)),
        (Some(7), "rate_in", "max_scale_in keeps 7 instead of 2")
    );
}

#[test]
fn a_pause_holds_its_direction_only() {
    let r = Recommendation {
        paused_out: true,
        ..rising()
    };
    let held = decide(&r, &seen(10), NOW);
    assert_eq!(
        last(&held),
        (Some(10), "paused_out", "scale-out to 33 units is paused")
    );
    assert_eq!((held.action, held.act), (Action::Hold, false));
    assert!(
        decide(
            &Recommendation {
                paused_out: true,
                ..falling()
            },
            &seen(10),
            NOW
        )
        .act
    );
    let r = Recommendation {
        paused_in: true,
        ..falling()
    };
    assert_eq!(
        last(&decide(&r, &seen(10), NOW)),
        (Some(10), "paused_in", "scale-in to 2 units is paused")
    );
}

#[test]
fn a_recommendation_that_makes_no_sense_holds() {
    let r = Recommendation {
        min_units: 9,
        max_units: 3,
        ..rising()
    };
    assert_eq!(
        last(&decide(&r, &seen(10), NOW)),
        (Some(10), "bad_input", "min_units 9 exceeds max_units 3")
    );
    let r = Recommendation {
        unit_capacity: 0.0,
        ..rising()
    };
    let text = "unit_capacity is 0, not a number above zero";
    assert_eq!(
        last(&decide(&r, &seen(10), NOW)),
        (Some(10), "bad_input", text)
    );
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 0.0..1e6_f64, 1 => any::<f64>(), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(0.0)]
}

fn any_mode() -> impl Strategy<Value = Mode> {
    prop_oneof![
        Just(Mode::Observe),
        Just(Mode::Floor),
        Just(Mode::Out),
        Just(Mode::Full)
    ]
}

prop_compose! {
    fn any_recommendation()(
        mode in any_mode(),
        origin in proptest::option::of(prop_oneof![NOW - 900 * SECOND..NOW + 60 * SECOND, any::<i64>()]),
        data in proptest::array::uniform4(proptest::option::of(any_number())),
        policy in proptest::array::uniform7(any_number()),
        sane: bool,
        limits in (0..20_u32, 0..60_u32),
        rates in (proptest::option::of(0..9_u32), proptest::option::of(0..9_u32)),
        pauses in (any::<bool>(), any::<bool>()),
    ) -> Recommendation {
        let p = if sane { [100.0, 0.7, 1.0, 0.1, 0.1, 0.25, 0.1] } else { policy };
        Recommendation {
            mode, origin,
            demand: data[0], demand_peak: data[1], forecast: data[2], forecast_peak: data[3],
            unit_capacity: p[0], target_utilization: p[1], headroom: p[2], tolerance: p[3],
            band_out: p[4], band_slack: p[5], band_in: p[6],
            min_units: limits.0, max_units: limits.1,
            max_scale_out: rates.0, max_scale_in: rates.1,
            stale_after: 300 * SECOND,
            paused_out: pauses.0, paused_in: pauses.1,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_input_gives_a_decision_that_keeps_the_promises(r in any_recommendation(), total in 0..70_u32) {
        let d = decide(&r, &seen(total), NOW);
        let desired = d.units_desired.unwrap();
        prop_assert_eq!(d.action == Action::Hold, desired == total);
        prop_assert_eq!(d.act, desired != total && r.mode != Mode::Observe);
        let usable = |v: Option<f64>| v.is_some_and(f64::is_finite);
        let fresh = r.origin.is_some_and(|o| NOW.saturating_sub(o) <= r.stale_after);
        if desired < total {
            prop_assert!(fresh && usable(r.demand), "lowered without data: {:?}", d);
            prop_assert!(r.mode != Mode::Floor && !r.paused_in);
            prop_assert!(total - desired <= r.max_scale_in.unwrap_or(u32::MAX));
            prop_assert!(desired >= r.min_units || total < r.min_units);
        }
        if desired > total {
            prop_assert!(!r.paused_out && desired <= r.max_units);
            prop_assert!(desired - total <= r.max_scale_out.unwrap_or(u32::MAX));
        }
        if codes(&d).contains(&"bad_input") {
            prop_assert_eq!(desired, total);
        }
        prop_assert!(desired == total || !d.reasons.is_empty());
    }

    #[test]
    fn more_forecast_never_means_fewer_units(
        mode in any_mode(), total in 1..60_u32, demand in 0.0..5e3_f64, low in 0.0..5e3_f64, more in 0.0..5e3_f64
    ) {
        let size = |forecast: f64| {
            let (demand, forecast) = (Some(demand), Some(forecast));
            let r = Recommendation { mode, demand, demand_peak: demand, forecast, forecast_peak: forecast, ..calm() };
            decide(&r, &seen(total), NOW).units_desired
        };
        prop_assert!(size(low) <= size(low + more));
    }
}
