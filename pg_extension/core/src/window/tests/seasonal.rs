//! Gaps filled from the season.

use super::*;

fn filled(series: &Series, step: Micros, timezone: &str) -> Vec<Window> {
    regularize(
        series,
        &grid(step, Fill::Seasonal, Agg::Mean, timezone),
        &|| false,
    )
    .unwrap()
}

/// The levels of the seasons are settled to a millionth.
fn is_near(window: &Window, expected: f64) -> bool {
    window
        .y
        .is_some_and(|y| (y - expected).abs() < 1e-6 * expected.abs().max(1.0))
}

#[test]
fn a_gap_gets_the_course_of_the_day_at_the_level_of_its_neighbours() {
    let usual = |hour: i64| ((hour % 24) * (hour % 24)) as f64;
    // Five days, the fourth at a higher level; six hours of it are missing.
    let rows: Vec<(i64, f64)> = (0..120)
        .filter(|hour| !(80..86).contains(hour))
        .map(|hour| {
            (
                hour * 60,
                usual(hour) + if hour / 24 == 3 { 50.0 } else { 0.0 },
            )
        })
        .collect();
    let windows = filled(&minutes(&rows), HOUR, "UTC");
    assert_eq!(windows.len(), 120);
    for (hour, window) in (0..).zip(&windows).take(86).skip(80) {
        let expected = usual(hour) + 50.0;
        assert!(window.imputed && window.n_raw == 0);
        // The usual course is a mean over days of different level.
        assert!(
            (window.y.unwrap() - expected).abs() < 1.0,
            "{hour}: {window:?} {expected}"
        );
    }
    assert!(windows.iter().filter(|w| w.imputed).count() == 6);
}

#[test]
fn days_get_the_same_day_of_other_weeks_and_long_gaps_every_day() {
    let usual = |day: i64| if day % 7 > 4 { 10.0 } else { 100.0 };
    let rows: Vec<(i64, f64)> = (0..70)
        .filter(|day| !(20..40).contains(day))
        .map(|day| (day * 1440, usual(day)))
        .collect();
    let windows = filled(&minutes(&rows), DAY, "UTC");
    for (day, window) in (0..).zip(&windows).take(40).skip(20) {
        assert!(
            window.imputed && is_near(window, usual(day)),
            "{day}: {window:?}"
        );
    }
}

#[test]
fn nine_o_clock_stays_nine_o_clock_when_the_clocks_change() {
    // Berlin, a week around 31 March 2024; a peak at nine local time. The second of April is missing.
    let start = at("2024-03-27T23:00:00Z");
    let change = at("2024-03-31T01:00:00Z");
    let local = |ts: Micros| (ts + if ts < change { HOUR } else { 2 * HOUR }) / HOUR % 24;
    let usual = |ts: Micros| if local(ts) == 9 { 100.0 } else { 1.0 };
    let (from, until) = (at("2024-04-01T22:00:00Z"), at("2024-04-02T22:00:00Z"));
    let ts: Vec<Micros> = (0..168)
        .map(|h| start + h * HOUR)
        .filter(|ts| !(from..until).contains(ts))
        .collect();
    let value = ts.iter().map(|&ts| usual(ts)).collect();
    let windows = filled(&Series::try_new(ts, value).unwrap(), HOUR, "Europe/Berlin");
    let imputed: Vec<_> = windows.iter().filter(|w| w.imputed).collect();
    assert_eq!(imputed.len(), 24);
    assert!(
        imputed.iter().all(|w| is_near(w, usual(w.ts))),
        "{imputed:?}"
    );
}

#[test]
fn phases_never_seen_and_short_series_are_filled_on_lines() {
    // Two days in which the hours from 3 to 6 are always missing.
    let rows: Vec<(i64, f64)> = (0..48)
        .filter(|hour| !(3..7).contains(&(hour % 24)))
        .map(|hour| (hour * 60, (hour % 24) as f64))
        .collect();
    let windows = filled(&minutes(&rows), HOUR, "UTC");
    assert!((0..48).all(|hour| (windows[hour].y.unwrap() - (hour % 24) as f64).abs() < 1e-9));
    let short = filled(&minutes(&[(0, 0.0), (180, 3.0)]), HOUR, "UTC");
    assert_eq!(
        short.iter().map(|w| w.y.unwrap()).collect::<Vec<_>>(),
        [0.0, 1.0, 2.0, 3.0]
    );
}

#[test]
fn a_step_without_a_season_is_refused() {
    for step in [7 * MINUTE, 2 * DAY, 7 * DAY] {
        let error = regularize(
            &minutes(&[(0, 1.0), (90_000, 1.0)]),
            &grid(step, Fill::Seasonal, Agg::Mean, "UTC"),
            &|| false,
        )
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}

#[test]
fn cutting_into_windows_can_be_stopped() {
    let series = minutes(&[(0, 1.0), (90_000, 1.0)]);
    for (step, fill) in [
        (MINUTE, Fill::Seasonal),
        (MINUTE, Fill::Linear),
        (DAY, Fill::None),
    ] {
        let error = regularize(&series, &grid(step, fill, Agg::Mean, "UTC"), &|| true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}
