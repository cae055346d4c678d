use std::str::FromStr;

use chrono::{DateTime, NaiveDate, TimeZone};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::sample::{Series, SeriesBuilder, tests::fixed_seed};
use crate::time::{DAY, MINUTE, SECOND};

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
    let windows = regularize(&series, &grid(step, Fill::None, Agg::Mean, timezone)).unwrap();
    let text = |w: &Window| {
        DateTime::from_timestamp_micros(w.ts)
            .unwrap()
            .format("%Y-%m-%dT%H:%M")
            .to_string()
    };
    windows.iter().map(text).collect()
}

fn ys(series: &Series, fill: Fill, agg: Agg) -> Vec<Option<f64>> {
    regularize(series, &grid(MINUTE, fill, agg, "UTC"))
        .unwrap()
        .iter()
        .map(|w| w.y)
        .collect()
}

fn minutes(rows: &[(i64, f64)]) -> Series {
    let mut builder = SeriesBuilder::default();
    rows.iter()
        .for_each(|row| builder.push(Some(row.0 * MINUTE), Some(row.1)).unwrap());
    builder.finish()
}

#[test]
fn days_follow_daylight_saving_time() {
    // 31 March 2024 has 23 hours in Berlin, 27 October 2024 has 25.
    assert_eq!(
        starts(
            DAY,
            "Europe/Berlin",
            "2024-03-30T12:00:00Z",
            "2024-04-01T12:00:00Z"
        ),
        ["2024-03-29T23:00", "2024-03-30T23:00", "2024-03-31T22:00"]
    );
    assert_eq!(
        starts(
            DAY,
            "Europe/Berlin",
            "2024-10-26T22:00:00Z",
            "2024-10-27T23:00:00Z"
        ),
        ["2024-10-26T22:00", "2024-10-27T23:00"]
    );
}

#[test]
fn weeks_start_on_monday() {
    assert_eq!(
        starts(
            7 * DAY,
            "UTC",
            "2024-05-12T23:59:59Z",
            "2024-05-13T00:00:00Z"
        ),
        ["2024-05-06T00:00", "2024-05-13T00:00"]
    );
    assert_eq!(
        starts(
            7 * DAY,
            "America/New_York",
            "1969-12-31T00:00:00Z",
            "1969-12-31T00:00:00Z"
        ),
        ["1969-12-29T05:00"]
    );
}

#[test]
fn a_day_without_midnight_starts_at_its_first_instant() {
    // Beirut: 00:00 became 01:00 on 27 March 2022 (UTC+2 to UTC+3).
    assert_eq!(
        starts(
            DAY,
            "Asia/Beirut",
            "2022-03-26T12:00:00Z",
            "2022-03-27T22:00:00Z"
        ),
        ["2022-03-25T22:00", "2022-03-26T22:00", "2022-03-27T21:00"]
    );
}

#[test]
fn a_day_whose_midnight_comes_twice_starts_at_the_earlier_one() {
    // Havana: 01:00 became 00:00 on 6 November 2022 (UTC-4 to UTC-5): 25 hours from the first midnight.
    assert_eq!(
        starts(
            DAY,
            "America/Havana",
            "2022-11-06T04:30:00Z",
            "2022-11-07T06:00:00Z"
        ),
        ["2022-11-06T04:00", "2022-11-07T05:00"]
    );
    // St John's: 00:01 became 23:01 of the day before on 7 November 2010 (UTC-2:30 to UTC-3:30). An instant of the
    // second 23:30 has the earlier date and still belongs to the day that has started.
    assert_eq!(
        starts(
            DAY,
            "America/St_Johns",
            "2010-11-07T03:00:00Z",
            "2010-11-07T03:00:00Z"
        ),
        ["2010-11-07T02:30"]
    );
}

#[test]
fn a_date_that_was_skipped_has_no_window() {
    // Samoa went from 29 to 31 December 2011 (UTC-10 to UTC+14).
    assert_eq!(
        starts(
            DAY,
            "Pacific/Apia",
            "2011-12-29T12:00:00Z",
            "2011-12-31T12:00:00Z"
        ),
        ["2011-12-29T10:00", "2011-12-30T10:00", "2011-12-31T10:00"]
    );
}

#[test]
fn hours_have_local_midnight_as_a_boundary_where_the_offset_allows() {
    assert_eq!(
        starts(
            HOUR,
            "Asia/Kolkata",
            "2024-01-01T00:10:00Z",
            "2024-01-01T00:40:00Z"
        ),
        ["2023-12-31T23:30", "2024-01-01T00:30"]
    );
    assert_eq!(
        starts(
            6 * HOUR,
            "Asia/Kolkata",
            "2024-01-01T19:00:00Z",
            "2024-01-01T19:00:00Z"
        ),
        ["2024-01-01T18:30"]
    );
    assert_eq!(
        starts(
            HOUR,
            "Europe/Berlin",
            "2024-03-31T00:10:00Z",
            "2024-03-31T01:10:00Z"
        ),
        ["2024-03-31T00:00", "2024-03-31T01:00"]
    );
    // Summer and winter ask for different boundaries: neither gets them.
    assert_eq!(
        starts(
            6 * HOUR,
            "Europe/Berlin",
            "2024-01-01T19:00:00Z",
            "2024-01-01T19:00:00Z"
        ),
        ["2024-01-01T18:00"]
    );
    // Nor does a step that does not divide the day.
    assert_eq!(
        starts(
            7 * HOUR,
            "Asia/Kolkata",
            "1970-01-01T08:00:00Z",
            "1970-01-01T08:00:00Z"
        ),
        ["1970-01-01T07:00"]
    );
    assert_eq!(
        starts(
            36 * HOUR,
            "Asia/Kolkata",
            "1970-01-01T00:00:00Z",
            "1970-01-02T12:00:00Z"
        ),
        ["1970-01-01T00:00", "1970-01-02T12:00"]
    );
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
    let windows = regularize(&series, &grid(MINUTE, Fill::Linear, Agg::Mean, "UTC")).unwrap();
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
    let counted = regularize(&series, &grid(MINUTE, Fill::Linear, Agg::Count, "UTC")).unwrap();
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
    let error = regularize(&series, &grid(MINUTE, Fill::None, Agg::Sum, "UTC")).unwrap_err();
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
    let series = builder.finish();
    let resampled = resample(
        &series,
        &grid(MINUTE, Fill::Locf, Agg::Max, "Europe/Berlin"),
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
    let without = resample(&series, &grid(MINUTE, Fill::None, Agg::Max, "UTC")).unwrap();
    assert_eq!(
        (without.ts(), without.counts().n_imputed),
        ([0, 2 * MINUTE].as_slice(), 0)
    );
}

#[test]
fn an_empty_series_has_no_windows_and_its_arguments_are_still_checked() {
    let empty = SeriesBuilder::default().finish();
    assert!(
        regularize(&empty, &grid(MINUTE, Fill::Zero, Agg::Sum, "UTC"))
            .unwrap()
            .is_empty()
    );
    let error = resample(&empty, &grid(MINUTE, Fill::Zero, Agg::Sum, "Mars/Olympus")).unwrap_err();
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
        let error = regularize(&series, &grid(step, Fill::None, Agg::Mean, "UTC")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }
}

#[test]
fn times_at_the_ends_of_the_calendar_are_windows_or_errors() {
    for ts in [i64::MIN, i64::MAX] {
        for step in [7, DAY, 100_000_000 * DAY] {
            for zone in ["UTC", "Asia/Kolkata"] {
                let series = Series::try_new(vec![ts], vec![1.0]).unwrap();
                let _ = regularize(&series, &grid(step, Fill::None, Agg::Mean, zone))
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
            Some("use one of none, zero, linear, locf")
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

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "Asia/Kolkata",
    "America/St_Johns",
    "Pacific/Apia",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..fixed_seed() })]

    #[test]
    fn every_sample_is_in_the_window_that_holds_it(
        times in prop::collection::vec(0i64..1_400 * DAY, 1..30),
        step in prop::sample::select(vec![DAY, 3 * DAY, 7 * DAY, 6 * HOUR, HOUR + 1]),
        zone in prop::sample::select(ZONES.to_vec()),
    ) {
        let mut builder = SeriesBuilder::default();
        times.iter().for_each(|ts| builder.push(Some(at("2009-01-01T00:00:00Z") + ts), Some(1.0)).unwrap());
        let series = builder.finish();
        let windows = regularize(&series, &grid(step, Fill::None, Agg::Sum, zone)).unwrap();
        prop_assert!(windows.windows(2).all(|pair| pair[0].ts < pair[1].ts));
        prop_assert!(windows.first().unwrap().n_raw > 0 && windows.last().unwrap().n_raw > 0);
        prop_assert!(windows[0].ts <= series.ts()[0]);
        for (idx, window) in windows.iter().enumerate() {
            let end = windows.get(idx + 1).map_or(i64::MAX, |next| next.ts);
            let n = series.ts().iter().filter(|&&ts| window.ts <= ts && ts < end).count();
            prop_assert_eq!(window.n_raw as usize, n);
            prop_assert_eq!(window.y, (n > 0).then_some(n as f64));
        }
    }

    #[test]
    fn days_start_at_the_first_instant_of_their_date(day in 0i64..20_000, zone in prop::sample::select(ZONES.to_vec())) {
        let tz: Tz = zone.parse().unwrap();
        let noon = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + chrono::Duration::days(day);
        let Some(noon) = tz.from_local_datetime(&noon.and_hms_opt(12, 0, 0).unwrap()).earliest() else { return Ok(()) };
        let series = Series::try_new(vec![noon.timestamp_micros()], vec![1.0]).unwrap();
        let start = regularize(&series, &grid(DAY, Fill::None, Agg::Mean, zone)).unwrap()[0].ts;
        let local = |ts: Micros| DateTime::from_timestamp_micros(ts).unwrap().with_timezone(&tz).date_naive();
        prop_assert_eq!(local(start), noon.date_naive());
        prop_assert!(local(start - 1) < noon.date_naive());
    }

    #[test]
    fn windows_scale_with_their_values(values in prop::collection::vec(-1e6f64..1e6, 1..40), spread in 1i64..200) {
        let rows: Vec<_> = values.iter().enumerate().map(|(k, &v)| (k as i64 * spread / 50, v)).collect();
        let scaled: Vec<_> = rows.iter().map(|&(k, v)| (k, v * 4.0)).collect();
        for agg in [Agg::Mean, Agg::Sum, Agg::Min, Agg::Max, Agg::Last] {
            let expected: Vec<_> = ys(&minutes(&rows), Fill::Linear, agg).iter().map(|y| y.map(|y| y * 4.0)).collect();
            prop_assert_eq!(ys(&minutes(&scaled), Fill::Linear, agg), expected);
        }
    }

    #[test]
    fn filled_values_stay_between_their_neighbours(rows in prop::collection::vec((0i64..200, -1e9f64..1e9), 1..20)) {
        let series = minutes(&rows);
        let low = series.value().iter().copied().fold(f64::INFINITY, f64::min);
        let high = series.value().iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for fill in [Fill::Linear, Fill::Locf] {
            prop_assert!(ys(&series, fill, Agg::Mean).iter().all(|y| y.is_some_and(|y| (low..=high).contains(&y))));
        }
    }
}
