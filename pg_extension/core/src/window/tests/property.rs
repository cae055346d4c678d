use chrono::{NaiveDate, TimeZone};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::sample::tests::fixed_seed;

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
        let series = builder.finish().unwrap();
        let windows = regularize(&series, &grid(step, Fill::None, Agg::Sum, zone), &|| false).unwrap();
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
        let start = regularize(&series, &grid(DAY, Fill::None, Agg::Mean, zone), &|| false).unwrap()[0].ts;
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
