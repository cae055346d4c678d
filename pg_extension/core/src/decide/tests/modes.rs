use super::*;

#[test]
fn observe_decides_as_full_and_does_not_act() {
    let mut r = calm();
    r.forecast = Some(1_350.0);
    let full = decide(&r, &seen(10), NOW);
    r.mode = Mode::Observe;
    let observed = decide(&r, &seen(10), NOW);
    assert_eq!(
        (observed.units_desired, observed.action),
        (full.units_desired, full.action)
    );
    assert!(full.act && !observed.act);
    assert_eq!(
        codes(&observed),
        ["predicted_out", "reactive_hold", "observe_only"]
    );
}

#[test]
fn floor_raises_and_never_lowers() {
    let mut r = Recommendation {
        mode: Mode::Floor,
        ..calm()
    };
    (r.forecast, r.forecast_peak, r.demand) = (Some(1_350.0), Some(1_350.0), Some(5_000.0));
    assert_eq!(decide(&r, &seen(10), NOW).units_desired, Some(15));
    (r.forecast, r.forecast_peak) = (Some(100.0), Some(100.0));
    let held = decide(&r, &seen(10), NOW);
    assert_eq!((held.units_desired, held.act), (Some(10), false));
    assert_eq!(
        codes(&held),
        ["predicted_in", "reactive_out", "kept_by_mode"]
    );
}

#[test]
fn out_lowers_as_far_as_the_reactive_rule_but_not_below_the_forecast() {
    let mut r = Recommendation {
        mode: Mode::Out,
        ..calm()
    };
    (r.demand, r.demand_peak) = (Some(280.0), Some(350.0));
    (r.forecast, r.forecast_peak) = (Some(300.0), Some(300.0));
    let reactive = decide(&r, &seen(10), NOW);
    assert_eq!(
        (reactive.units_desired, reactive.units_predicted),
        (Some(5), Some(4))
    );
    assert_eq!(
        codes(&reactive),
        ["predicted_in", "reactive_in", "kept_by_mode"]
    );
    (r.forecast, r.forecast_peak) = (Some(700.0), Some(760.0));
    let kept = decide(&r, &seen(10), NOW);
    assert_eq!(
        (kept.units_desired, kept.units_reactive),
        (Some(8), Some(5))
    );
    assert_eq!(
        codes(&kept),
        ["predicted_in", "reactive_in", "kept_by_forecast"]
    );
    assert_eq!(
        kept.reasons[2].text,
        "the peak of the forecast still needs 8 units"
    );
    // Either rule scales out.
    (r.demand, r.forecast) = (Some(1_400.0), Some(1_000.0));
    assert_eq!(decide(&r, &seen(10), NOW).units_desired, Some(20));
    (r.demand, r.forecast) = (Some(700.0), Some(2_000.0));
    assert_eq!(decide(&r, &seen(10), NOW).units_desired, Some(22));
}
