use super::*;
use proptest::prelude::*;

pub(in crate::fingerprint) fn set(rows: &[(i64, Vec<f64>)]) -> VectorSet {
    let mut set = VectorSet::default();
    for (id, x) in rows {
        set.push(*id, &x.iter().map(|x| Some(*x)).collect::<Vec<_>>())
            .unwrap();
    }
    set
}

proptest! {
    #[test]
    fn parts_in_any_order_are_the_whole(
        rows in prop::collection::vec((-3i64..3, prop::collection::vec(prop::sample::select(vec![0.0, -0.0, 1.5, -2.0, f64::NAN, 1e300]), 3)), 0..40),
        cut in 0usize..40,
    ) {
        let cut = cut.min(rows.len());
        let mut backwards = rows[cut..].to_vec();
        backwards.reverse();
        let mut merged = set(&backwards);
        merged.merge(&set(&rows[..cut])).unwrap();
        prop_assert_eq!(merged.to_bytes(), set(&rows).to_bytes());
        let read = VectorSet::from_bytes(&merged.to_bytes()).unwrap();
        prop_assert_eq!(read.to_bytes(), merged.to_bytes());
        prop_assert_eq!(VectorSet::from_text(&read.to_text()).unwrap(), read);
    }

    #[test]
    fn foreign_bytes_are_an_error_or_a_set(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(set) = VectorSet::from_bytes(&bytes) {
            prop_assert_eq!(VectorSet::from_bytes(&set.to_bytes()).unwrap().n(), set.n());
        }
    }
}

#[test]
fn vectors_that_cannot_be_used_are_counted() {
    let mut set = VectorSet::default();
    for x in [
        [Some(1.0), Some(2.0)],
        [None, Some(f64::NAN)],
        [Some(f64::INFINITY), Some(1.0)],
        [Some(-1.1e140), Some(1.0)],
    ] {
        set.push(1, &x).unwrap();
    }
    assert_eq!(
        (set.n(), set.n_null(), set.n_nonfinite(), set.dimension()),
        (1, 1, 2, 2)
    );
}

#[test]
fn wrong_lengths_are_refused() {
    let mut vectors = set(&[(1, vec![1.0, 2.0])]);
    let kind = |error: Result<()>| error.unwrap_err().kind();
    assert_eq!(
        kind(vectors.push(2, &[Some(1.0)])),
        ErrorKind::InvalidArgument
    );
    assert_eq!(kind(vectors.push(2, &[])), ErrorKind::InvalidArgument);
    assert_eq!(
        kind(vectors.push(2, &vec![Some(1.0); MAX_DIMENSION + 1])),
        ErrorKind::TooLarge
    );
    assert_eq!(
        kind(vectors.merge(&set(&[(1, vec![1.0])]))),
        ErrorKind::InvalidArgument
    );
    assert_eq!((vectors.n(), vectors.dimension()), (1, 2));
}

#[test]
fn a_set_has_a_limit() {
    let mut vectors = VectorSet::default();
    let x = vec![Some(1.0); 255];
    for id in 0..i64::try_from(MAX_NUMBERS / 256).unwrap() {
        vectors.push(id, &x).unwrap();
    }
    assert_eq!(vectors.push(0, &x).unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(
        vectors.clone().merge(&vectors).unwrap_err().kind(),
        ErrorKind::TooLarge
    );
}

#[test]
fn cut_and_changed_bytes_are_corrupt_or_a_set() {
    let bytes = set(&[(1, vec![1.0, 2.0]), (2, vec![3.0, 4.0])]).to_bytes();
    for len in 0..bytes.len() {
        assert_eq!(
            VectorSet::from_bytes(&bytes[..len]).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
    }
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 0xff;
        if let Ok(set) = VectorSet::from_bytes(&other) {
            assert_eq!((set.n(), set.dimension()), (2, 2));
        }
    }
    for text in [
        "",
        "{}",
        r#"{"format":2,"dimension":1,"n_null":0,"n_nonfinite":0,"id":[1],"value":[1]}"#,
        r#"{"format":1,"dimension":1,"n_null":0,"n_nonfinite":0,"id":[1],"value":[1e200]}"#,
    ] {
        assert_eq!(
            VectorSet::from_text(text).unwrap_err().kind(),
            ErrorKind::Corrupt,
            "{text}"
        );
    }
}
