use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::error::ErrorKind;
use crate::time::Step;

/// Properties are tried on the same cases in every run.
pub(crate) fn fixed_seed() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

type Row = (Option<i64>, Option<f64>);

fn built(rows: &[Row]) -> Series {
    builder(rows).finish().unwrap()
}

fn builder(rows: &[Row]) -> SeriesBuilder {
    let mut builder = SeriesBuilder::default();
    rows.iter()
        .for_each(|row| builder.push(row.0, row.1).unwrap());
    builder
}

/// Equality that tells −0 from 0.
fn bits(series: &Series) -> (Vec<i64>, Vec<u64>, SeriesCounts) {
    (
        series.ts().to_vec(),
        series.value().iter().map(|x| x.to_bits()).collect(),
        series.counts(),
    )
}

fn row() -> impl Strategy<Value = Row> {
    let ts = prop_oneof![8 => (-5i64..5).prop_map(Some), 1 => any::<i64>().prop_map(Some), 1 => Just(None)];
    let value = prop_oneof![
        6 => (-2i32..3).prop_map(|x| Some(f64::from(x))),
        2 => any::<f64>().prop_map(Some),
        1 => prop::sample::select(vec![Some(-0.0), Some(f64::NAN), Some(f64::INFINITY), None]),
    ];
    (ts, value)
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row(), 0..60)
}

fn gridded(ts: Vec<i64>, value: Vec<f64>) -> Series {
    let counts = SeriesCounts {
        n_null: 1,
        n_nonfinite: 2,
        n_dup: 3,
        n_imputed: 4,
    };
    Series::on_grid(
        ts,
        value,
        counts,
        Step::try_new(60_000_000).unwrap(),
        "Europe/Berlin",
    )
}

#[test]
fn counts_what_it_cannot_use_and_keeps_duplicates_ordered_by_value() {
    let series = built(&[
        (Some(20), Some(1.0)),
        (Some(10), Some(7.0)),
        (None, Some(1.0)),
        (Some(10), Some(-7.0)),
        (Some(30), None),
        (Some(30), Some(f64::NAN)),
        (Some(10), Some(7.0)),
        (Some(30), Some(f64::NEG_INFINITY)),
    ]);
    assert_eq!(series.ts(), [10, 10, 10, 20]);
    assert_eq!(series.value(), [-7.0, 7.0, 7.0, 1.0]);
    assert_eq!(
        series.counts(),
        SeriesCounts {
            n_null: 2,
            n_nonfinite: 2,
            n_dup: 2,
            n_imputed: 0
        }
    );
    assert_eq!((series.step(), series.timezone()), (None, None));
}

#[test]
fn no_rows_give_an_empty_series_that_round_trips() {
    let series = built(&[]);
    assert!(series.is_empty());
    assert_eq!(Series::from_bytes(&series.to_bytes()).unwrap(), series);
    assert_eq!(Series::from_text(&series.to_text()).unwrap(), series);
}

#[test]
fn equispaced_series_take_eight_bytes_a_value() {
    let regular = Series::try_new((0..1000).map(|k| k * 60).collect(), vec![1.0; 1000]).unwrap();
    let irregular = Series::try_new((0..1000).map(|k| k * k).collect(), vec![1.0; 1000]).unwrap();
    assert!(regular.to_bytes().len() < 8 * 1000 + 100);
    assert!((16_000..16_100).contains(&irregular.to_bytes().len()));
    assert_eq!(Series::from_bytes(&regular.to_bytes()).unwrap(), regular);
    assert_eq!(
        Series::from_bytes(&irregular.to_bytes()).unwrap(),
        irregular
    );
}

#[test]
fn the_flat_form_of_version_1_stays_readable() {
    let bytes = [
        &[1u8, 1][..],
        &[0; 32],
        &2u64.to_le_bytes(),
        &5i64.to_le_bytes(),
        &10i64.to_le_bytes(),
        &0.5f64.to_le_bytes(),
        &1.5f64.to_le_bytes(),
    ]
    .concat();
    let series = Series::from_bytes(&bytes).unwrap();
    assert_eq!(
        (series.ts(), series.value()),
        ([5, 15].as_slice(), [0.5, 1.5].as_slice())
    );
    assert_eq!(series.to_bytes(), bytes);
}

#[test]
fn step_time_zone_and_counts_survive_both_forms() {
    let series = gridded(vec![0, 60_000_000, 180_000_000], vec![1.0, -0.0, 1e-300]);
    assert_eq!(Series::from_bytes(&series.to_bytes()).unwrap(), series);
    assert_eq!(
        series.to_text(),
        r#"{"format":1,"ts":[0,60000000,180000000],"value":[1.0,-0.0,1e-300],"n_null":1,"n_nonfinite":2,"n_dup":3,"n_imputed":4,"step":60000000,"timezone":"Europe/Berlin"}"#
    );
    let back = Series::from_text(&series.to_text()).unwrap();
    assert_eq!(back, series);
    assert_eq!(bits(&back), bits(&series));
}

#[test]
fn a_short_text_is_enough() {
    let series =
        Series::from_text(r#"{"format": 1, "ts": [1, 1, 2], "value": [1, 2, 3]}"#).unwrap();
    assert_eq!(series.value(), [1.0, 2.0, 3.0]);
    assert_eq!(series.counts().n_dup, 1);
}

#[test]
fn wrong_texts_say_why() {
    for (text, why) in [
        ("", "EOF"),
        ("[]", "invalid length 0"),
        (
            r#"{"format":2,"ts":[],"value":[]}"#,
            "format 2 is not known",
        ),
        (
            r#"{"format":1,"ts":[1],"value":[]}"#,
            "1 times but 0 values",
        ),
        (
            r#"{"format":1,"ts":[2,1],"value":[0,0]}"#,
            "row 2 of the series is not in order",
        ),
        (r#"{"format":1,"ts":[1],"value":["NaN"]}"#, "invalid type"),
        (r#"{"format":1,"ts":[1.5],"value":[0]}"#, "invalid type"),
        (
            r#"{"format":1,"ts":[],"value":[],"step":0}"#,
            "step must be positive",
        ),
        (
            r#"{"format":1,"ts":[],"value":[],"timezone":""}"#,
            "time zone",
        ),
        (
            r#"{"format":1,"ts":[],"value":[],"colour":1}"#,
            "unknown field",
        ),
    ] {
        let error = Series::from_text(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{text}");
        assert!(error.message().contains(why), "{text}: {error}");
    }
}

#[test]
fn wrong_columns_are_refused() {
    for (ts, value, kind) in [
        (vec![1], vec![], ErrorKind::InvalidArgument),
        (vec![2, 1], vec![0.0, 0.0], ErrorKind::InvalidArgument),
        (vec![1, 1], vec![0.0, -0.0], ErrorKind::InvalidArgument),
        (vec![1], vec![f64::NAN], ErrorKind::NotFinite),
    ] {
        assert_eq!(Series::try_new(ts, value).unwrap_err().kind(), kind);
    }
}

#[test]
fn a_length_that_is_not_there_reserves_nothing() {
    let mut bytes = built(&[(Some(1), Some(1.0)), (Some(2), Some(1.0))]).to_bytes();
    bytes[34..42].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(
        Series::from_bytes(&bytes).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    let mut bytes = builder(&[(Some(1), Some(1.0))]).to_bytes();
    bytes[34..42].copy_from_slice(&(1u64 << 61).to_le_bytes());
    assert_eq!(
        SeriesBuilder::from_bytes(&bytes).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
}

#[test]
fn a_range_holds_its_start_and_not_its_end() {
    let series = built(&[
        (Some(1), Some(1.0)),
        (Some(2), Some(2.0)),
        (Some(2), Some(3.0)),
        (Some(3), None),
    ]);
    assert_eq!(series.range(1, 2).unwrap().value(), [1.0]);
    assert_eq!(
        series.range(2, 3).unwrap().counts(),
        SeriesCounts {
            n_null: 1,
            n_dup: 1,
            ..SeriesCounts::default()
        }
    );
    assert_eq!(series.before(2).unwrap().counts().n_dup, 0);
    assert!(series.range(3, 1).unwrap().is_empty());
}

proptest! {
    #![proptest_config(fixed_seed())]

    #[test]
    fn any_order_of_rows_gives_the_same_bits((rows, shuffled) in rows().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()))) {
        prop_assert_eq!(bits(&built(&rows)), bits(&built(&shuffled)));
    }

    #[test]
    fn agrees_with_the_slow_obvious_way(rows in rows()) {
        let mut kept: Vec<(i64, f64)> = rows.iter().filter_map(|row| Some((row.0?, row.1?))).filter(|row| row.1.is_finite()).collect();
        kept.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let series = built(&rows);
        let mut distinct: Vec<i64> = kept.iter().map(|row| row.0).collect();
        distinct.dedup();
        prop_assert_eq!(series.counts().n_dup, (kept.len() - distinct.len()) as u64);
        let seen = series.counts().n_null + series.counts().n_nonfinite + series.len() as u64;
        prop_assert_eq!(seen, rows.len() as u64);
        let (ts, value): (Vec<_>, Vec<_>) = kept.into_iter().unzip();
        prop_assert_eq!((series.ts(), series.value()), (ts.as_slice(), value.as_slice()));
    }

    #[test]
    fn rollup_and_merge_equal_the_whole(rows in rows(), cuts in prop::collection::vec(0usize..60, 0..4)) {
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(rows.len())).collect();
        cuts.extend([0, rows.len()]);
        cuts.sort_unstable();
        let (mut rollup, mut merged) = (SeriesBuilder::default(), SeriesBuilder::default());
        for part in cuts.windows(2).map(|pair| &rows[pair[0]..pair[1]]) {
            rollup.push_series(&built(part)).unwrap();
            merged.merge(&mut SeriesBuilder::from_bytes(&builder(part).to_bytes()).unwrap()).unwrap();
        }
        let whole = bits(&built(&rows));
        prop_assert_eq!(bits(&rollup.finish().unwrap()), whole.clone());
        prop_assert_eq!(bits(&merged.finish().unwrap()), whole);
    }

    #[test]
    fn both_forms_round_trip(rows in rows()) {
        let series = built(&rows);
        prop_assert_eq!(bits(&Series::from_bytes(&series.to_bytes()).unwrap()), bits(&series));
        prop_assert_eq!(bits(&Series::from_text(&series.to_text()).unwrap()), bits(&series));
    }

    #[test]
    fn damaged_bytes_are_refused_or_still_a_valid_series(rows in rows(), at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
        let (ts, value): (Vec<_>, Vec<_>) = built(&rows).ts().iter().zip(built(&rows).value()).map(|(&t, &v)| (t, v)).unzip();
        for mut bytes in [built(&rows).to_bytes(), gridded(ts, value).to_bytes()] {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(series) = Series::from_bytes(&bytes) {
                prop_assert!(Series::try_new(series.ts().to_vec(), series.value().to_vec()).is_ok());
            }
            let cut = cut.index(bytes.len());
            prop_assert_eq!(Series::from_bytes(&bytes[..cut]).unwrap_err().kind(), ErrorKind::Corrupt);
        }
        let mut bytes = builder(&rows).to_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(builder) = SeriesBuilder::from_bytes(&bytes) {
            let series = builder.finish().unwrap();
            prop_assert!(Series::try_new(series.ts().to_vec(), series.value().to_vec()).is_ok());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let with_format: Vec<u8> = [1].into_iter().chain(bytes.iter().copied()).collect();
        for bytes in [&bytes, &with_format] {
            let _ = (Series::from_bytes(bytes), SeriesBuilder::from_bytes(bytes));
        }
    }
}
