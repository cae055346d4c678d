use std::str::FromStr;

use chrono::DateTime;

use super::*;
use crate::sample::{Series, SeriesBuilder};
use crate::time::{DAY, MINUTE, SECOND};

mod calendar;
mod property;
mod seasonal;

const HOUR: Micros = 60 * MINUTE;

fn grid(step: Micros, fill: Fill, agg: Agg, timezone: &str) -> Grid {
    Grid {
        step: Step::try_new(step).unwrap(),
        fill,
        agg,
        timezone: timezone.to_owned(),
    }
}

fn at(text: &str) -> Micros {
    DateTime::parse_from_rfc3339(text)
        .unwrap()
        .timestamp_micros()
}

/// Starts of the windows between two instants, as RFC 3339 in UTC.
fn starts(step: Micros, timezone: &str, first: &str, last: &str) -> Vec<String> {
    let series = Series::try_new(vec![at(first), at(last)], vec![0.0, 0.0]).unwrap();
    let windows = regularize(
        &series,
        &grid(step, Fill::None, Agg::Mean, timezone),
        &|| false,
    )
    .unwrap();
    let text = |w: &Window| {
        DateTime::from_timestamp_micros(w.ts)
            .unwrap()
            .format("%Y-%m-%dT%H:%M")
            .to_string()
    };
    windows.iter().map(text).collect()
}

fn ys(series: &Series, fill: Fill, agg: Agg) -> Vec<Option<f64>> {
    regularize(series, &grid(MINUTE, fill, agg, "UTC"), &|| false)
        .unwrap()
        .iter()
        .map(|w| w.y)
        .collect()
}

fn minutes(rows: &[(i64, f64)]) -> Series {
    let mut builder = SeriesBuilder::default();
    rows.iter()
        .for_each(|row| builder.push(Some(row.0 * MINUTE), Some(row.1)).unwrap());
    builder.finish().unwrap()
}

#[test]
fn gaps_are_filled_as_asked_and_marked() {
    let series = minutes(&[(0, 1.0), (3, 7.0), (4, 2.0)]);
    assert_eq!(
        ys(&series, Fill::None, Agg::Mean),
        [Some(1.0), None, None, Some(7.0), Some(2.0)]
    );
    assert_eq!(
        ys(&series, Fill::Zero, Agg::Mean),
        [1.0, 0.0, 0.0, 7.0, 2.0].map(Some)
    );
    assert_eq!(
        ys(&series, Fill::Locf, Agg::Mean),
        [1.0, 1.0, 1.0, 7.0, 2.0].map(Some)
    );
    assert_eq!(
        ys(&series, Fill::Linear, Agg::Mean),
        [1.0, 3.0, 5.0, 7.0, 2.0].map(Some)
    );
    let windows = regularize(
        &series,
        &grid(MINUTE, Fill::Linear, Agg::Mean, "UTC"),
        &|| false,
    )
    .unwrap();
    assert_eq!(
        windows
            .iter()
            .map(|w| (w.imputed, w.n_raw))
            .collect::<Vec<_>>(),
        [(false, 1), (true, 0), (true, 0), (false, 1), (false, 1)]
    );
}

#[test]
fn lines_are_straight_in_time_and_not_in_windows() {
    // The middle one of the three days has 23 hours.
    let first = at("2024-03-29T23:00:00Z");
    let series = Series::try_new(vec![first, first + 71 * HOUR], vec![0.0, 71.0]).unwrap();
    let windows = regularize(
        &series,
        &grid(DAY, Fill::Linear, Agg::Mean, "Europe/Berlin"),
        &|| false,
    )
    .unwrap();
    let y: Vec<_> = windows
        .iter()
        .map(|w| (w.y.unwrap() * 1e6).round() / 1e6)
        .collect();
    assert_eq!(y, [0.0, 24.0, 47.0, 71.0]);
}

#[test]
fn samples_of_a_window_become_one_value() {
    let series = Series::try_new(
        vec![0, 10, 20, 20, 3 * MINUTE],
        vec![4.0, 1.0, -2.0, 5.0, 9.0],
    )
    .unwrap();
    for (agg, first, gap) in [
        (Agg::Mean, 2.0, None),
        (Agg::Sum, 8.0, None),
        (Agg::Min, -2.0, None),
        (Agg::Max, 5.0, None),
        (Agg::Count, 4.0, Some(0.0)),
        (Agg::Last, 5.0, None),
    ] {
        assert_eq!(
            &ys(&series, Fill::None, agg)[..2],
            [Some(first), gap],
            "{agg:?}"
        );
    }
    let counted = regularize(
        &series,
        &grid(MINUTE, Fill::Linear, Agg::Count, "UTC"),
        &|| false,
    )
    .unwrap();
    assert_eq!((counted[1].y, counted[1].imputed), (Some(0.0), false));
}

#[test]
fn the_largest_numbers_do_not_overflow_the_mean_and_a_sum_says_so() {
    let series = Series::try_new(
        vec![0, 1, 2, 2 * MINUTE],
        vec![f64::MAX, f64::MAX, f64::MAX, -f64::MAX],
    )
    .unwrap();
    assert_eq!(
        ys(&series, Fill::Linear, Agg::Mean),
        [Some(f64::MAX), Some(0.0), Some(-f64::MAX)]
    );
    let error = regularize(&series, &grid(MINUTE, Fill::None, Agg::Sum, "UTC"), &|| {
        false
    })
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFinite);
}

#[test]
fn a_constant_series_stays_constant() {
    let series = minutes(&[(0, 0.1), (0, 0.1), (0, 0.1), (7, 0.1)]);
    assert!(
        ys(&series, Fill::Linear, Agg::Mean)
            .iter()
            .all(|y| y == &Some(0.1))
    );
}

#[test]
fn resampling_keeps_the_counts_and_knows_its_grid() {
    let mut builder = SeriesBuilder::default();
    for (ts, value) in [
        (0, Some(1.0)),
        (0, Some(2.0)),
        (1, None),
        (2 * MINUTE, Some(3.0)),
    ] {
        builder.push(Some(ts), value).unwrap();
    }
    let series = builder.finish().unwrap();
    let resampled = resample(
        &series,
        &grid(MINUTE, Fill::Locf, Agg::Max, "Europe/Berlin"),
        &|| false,
    )
    .unwrap();
    assert_eq!(resampled.ts(), [0, MINUTE, 2 * MINUTE]);
    assert_eq!(resampled.value(), [2.0, 2.0, 3.0]);
    let counts = resampled.counts();
    assert_eq!((counts.n_null, counts.n_dup, counts.n_imputed), (1, 1, 1));
    assert_eq!(
        (resampled.step(), resampled.timezone()),
        (Step::try_new(MINUTE).ok(), Some("Europe/Berlin"))
    );
    let without = resample(&series, &grid(MINUTE, Fill::None, Agg::Max, "UTC"), &|| {
        false
    })
    .unwrap();
    assert_eq!(
        (without.ts(), without.counts().n_imputed),
        ([0, 2 * MINUTE].as_slice(), 0)
    );
}

#[test]
fn an_empty_series_has_no_windows_and_its_arguments_are_still_checked() {
    let empty = SeriesBuilder::default().finish().unwrap();
    assert!(
        regularize(&empty, &grid(MINUTE, Fill::Zero, Agg::Sum, "UTC"), &|| {
            false
        })
        .unwrap()
        .is_empty()
    );
    let error = resample(
        &empty,
        &grid(MINUTE, Fill::Zero, Agg::Sum, "Mars/Olympus"),
        &|| false,
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownName);
    assert_eq!(error.message(), "time zone \"Mars/Olympus\" is not known");
}

#[test]
fn too_many_windows_are_refused_before_they_are_made() {
    for (ts, step) in [
        (vec![0, DAY], 1),
        (vec![i64::MIN, i64::MAX], SECOND),
        (vec![i64::MIN, i64::MAX], DAY),
    ] {
        let series = Series::try_new(ts, vec![0.0, 0.0]).unwrap();
        let error = regularize(&series, &grid(step, Fill::None, Agg::Mean, "UTC"), &|| {
            false
        })
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }
}

#[test]
fn times_at_the_ends_of_the_calendar_are_windows_or_errors() {
    for ts in [i64::MIN, i64::MAX] {
        for step in [7, DAY, 100_000_000 * DAY] {
            for zone in ["UTC", "Asia/Kolkata"] {
                let series = Series::try_new(vec![ts], vec![1.0]).unwrap();
                let _ = regularize(&series, &grid(step, Fill::None, Agg::Mean, zone), &|| false)
                    .map(|w| assert_eq!(w.len(), 1));
            }
        }
    }
}

#[test]
fn unknown_names_list_the_known_ones() {
    let error = Fill::from_str("Linear").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownName);
    assert_eq!(
        (error.message(), error.hint()),
        (
            "fill \"Linear\" is not known",
            Some("use one of none, zero, linear, locf, seasonal")
        )
    );
    assert_eq!(
        Agg::from_str("p99").unwrap_err().hint(),
        Some("use one of mean, sum, min, max, count, last")
    );
    assert!(
        Fill::NAMES
            .iter()
            .all(|(name, fill)| name.parse() == Ok(*fill))
    );
    assert!(
        Agg::NAMES
            .iter()
            .all(|(name, agg)| name.parse() == Ok(*agg))
    );
}
