//! Rates of a counter, which falls only when it restarts.

use super::LARGEST;
use super::flat::reserved;
use super::series::{Series, SeriesCounts, count_dup};
use crate::error::Result;
use crate::time::{Micros, SECOND};

/// What a series of rates came from. Invariant: `ts` and `value` ordered as in a series, values as [`is_counter`] says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Counter {
    pub(super) ts: Vec<Micros>,
    pub(super) value: Vec<f64>,
    pub(super) n_reset: u64,
}

/// Whether a counter can have shown these values.
pub(super) fn is_counter(value: &[f64]) -> bool {
    value.iter().all(|x| (0.0..=LARGEST).contains(x))
}

/// The rates of these samples, which are in order and [`is_counter`]; the rule is that of [`Series::rate`].
///
/// # Errors
/// `TooLarge` when there is no memory for them.
pub(super) fn series(ts: Vec<Micros>, value: Vec<f64>, counts: SeriesCounts) -> Result<Series> {
    let n = ts.len().saturating_sub(1);
    let (mut rate_ts, mut rate) = (reserved(n)?, reserved(n)?);
    let mut n_reset = 0;
    let mut last: Option<(Micros, f64)> = None;
    let next = ts.iter().skip(1).map(Some).chain([None]);
    // Of rows of one time the last is the largest.
    let rows = ts.iter().zip(&value).zip(next);
    for ((&at, &shown), _) in rows.filter(|((at, _), next)| *next != Some(at)) {
        if let Some((last_at, last_shown)) = last {
            let has_restarted = shown < last_shown;
            n_reset += u64::from(has_restarted);
            let increase = shown - if has_restarted { 0.0 } else { last_shown };
            let micros = (i128::from(at) - i128::from(last_at)) as f64;
            rate_ts.push(at);
            rate.push(increase / (micros / SECOND as f64));
        }
        last = Some((at, shown));
    }
    Ok(Series {
        ts: rate_ts,
        value: rate,
        counts,
        step: None,
        timezone: None,
        counter: Some(Counter { ts, value, n_reset }),
    })
}

/// The rates of the values of a series.
///
/// # Errors
/// As [`series`].
pub(super) fn of_values(samples: &Series) -> Result<Series> {
    let (mut ts, mut value) = (reserved(samples.len())?, reserved(samples.len())?);
    let rows = samples.ts.iter().zip(&samples.value);
    for (&at, &shown) in rows.filter(|(_, shown)| (0.0..=LARGEST).contains(*shown)) {
        ts.push(at);
        value.push(shown);
    }
    let n_skipped = (samples.len() - ts.len()) as u64;
    let counts = SeriesCounts {
        n_nonfinite: samples.counts.n_nonfinite.saturating_add(n_skipped),
        n_dup: count_dup(&ts),
        ..samples.counts
    };
    series(ts, value, counts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;
    use crate::sample::SeriesBuilder;
    use crate::sample::tests::fixed_seed;

    type Row = (Option<i64>, Option<f64>);

    fn rated(rows: &[Row]) -> Series {
        let mut builder = SeriesBuilder::of_counter();
        rows.iter()
            .for_each(|row| builder.push(row.0, row.1).unwrap());
        builder.finish().unwrap()
    }

    fn row() -> impl Strategy<Value = Row> {
        let ts = prop_oneof![8 => (-20i64..20).prop_map(|t| Some(t * SECOND)), 1 => any::<i64>().prop_map(Some), 1 => Just(None)];
        let value = prop_oneof![
            8 => (0u32..9).prop_map(|x| Some(f64::from(x))),
            1 => prop::sample::select(vec![None, Some(-1.0), Some(f64::NAN), Some(1e200), Some(1e140), Some(-0.0)]),
        ];
        (ts, value)
    }

    #[test]
    fn a_counter_that_falls_has_restarted_at_zero() {
        let second = |s: i64, x: f64| (Some(s * SECOND), Some(x));
        let series = rated(&[
            second(30, 7.0),
            second(0, 100.0),
            second(10, 150.0),
            (None, Some(1.0)),
            second(20, 4.0),
            second(10, 120.0),
            second(25, -1.0),
            second(25, 1e141),
        ]);
        assert_eq!(series.ts(), [10 * SECOND, 20 * SECOND, 30 * SECOND]);
        assert_eq!(series.value(), [5.0, 0.4, 0.3]);
        let counts = series.counts();
        assert_eq!(
            (
                series.n_reset(),
                counts.n_null,
                counts.n_nonfinite,
                counts.n_dup
            ),
            (Some(1), 1, 2, 1)
        );
        assert_eq!(series.range(0, 15 * SECOND).unwrap().n_reset(), None);
    }

    #[test]
    fn short_counters_have_no_rate() {
        for rows in [vec![], vec![(Some(1), Some(1.0)); 3]] {
            let series = rated(&rows);
            assert!(series.is_empty() && series.is_counter());
            assert_eq!(Series::from_bytes(&series.to_bytes()).unwrap(), series);
        }
    }

    #[test]
    fn rates_and_other_values_do_not_mix() {
        let rates = rated(&[(Some(1), Some(1.0)), (Some(2), Some(1.0))]);
        let plain = Series::try_new(vec![1], vec![1.0]).unwrap();
        let mut builder = SeriesBuilder::default();
        builder.push_series(&rates).unwrap();
        assert_eq!(
            builder.push_series(&plain).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
        assert_eq!(rates.rate().unwrap_err().kind(), ErrorKind::InvalidArgument);
    }

    proptest! {
        #![proptest_config(fixed_seed())]

        #[test]
        fn rates_of_parts_are_rates_of_the_whole(rows in prop::collection::vec(row(), 0..40), part in prop::collection::vec(0usize..4, 40)) {
            let mut parts = vec![Vec::new(); 4];
            rows.iter().zip(part).for_each(|(row, part)| parts[part].push(*row));
            let (mut rollup, mut merged) = (SeriesBuilder::default(), SeriesBuilder::of_counter());
            for rows in &parts {
                let series = rated(rows);
                rollup.push_series(&Series::from_text(&series.to_text()).unwrap()).unwrap();
                rollup.push_series(&Series::from_bytes(&rated(&[]).to_bytes()).unwrap()).unwrap();
                let mut state = SeriesBuilder::of_counter();
                rows.iter().for_each(|row| state.push(row.0, row.1).unwrap());
                merged.merge(&mut SeriesBuilder::from_bytes(&state.to_bytes()).unwrap()).unwrap();
            }
            let whole = rated(&rows);
            prop_assert_eq!(merged.series_bytes(&|| false).unwrap(), whole.to_bytes());
            prop_assert_eq!(&rollup.finish().unwrap(), &whole);
        }

        #[test]
        fn rates_of_a_series_are_those_of_its_rows(rows in prop::collection::vec(row(), 0..40)) {
            let mut builder = SeriesBuilder::default();
            rows.iter().for_each(|row| builder.push(row.0, row.1).unwrap());
            prop_assert_eq!(builder.finish().unwrap().rate().unwrap(), rated(&rows));
        }

        #[test]
        fn rates_are_never_negative_and_make_up_the_increase(rows in prop::collection::vec((0i64..50, 0u32..1000), 0..40)) {
            let rows: Vec<Row> = rows.iter().map(|row| (Some(row.0 * SECOND), Some(f64::from(row.1)))).collect();
            let series = rated(&rows);
            let (ts, shown) = series.raw();
            let mut increase = 0.0;
            let largest: std::collections::BTreeMap<_, _> = ts.iter().zip(shown).collect();
            let largest: Vec<_> = largest.into_iter().collect();
            for pair in largest.windows(2) {
                increase += if pair[1].1 < pair[0].1 { *pair[1].1 } else { pair[1].1 - pair[0].1 };
            }
            let mut total = 0.0;
            for (k, &rate) in series.value().iter().enumerate() {
                prop_assert!(rate >= 0.0);
                total += rate * ((largest[k + 1].0 - largest[k].0) / SECOND) as f64;
            }
            prop_assert!((total - increase).abs() < 1e-6);
        }
    }
}
