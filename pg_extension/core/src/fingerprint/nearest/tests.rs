use super::*;
use proptest::prelude::*;

fn between(a: &[f64], b: &[f64]) -> Result<f64> {
    distance(a.iter().copied(), b.iter().copied())
}

proptest! {
    #[test]
    fn it_is_a_distance_at_any_size(x in prop::collection::vec(-10.0f64..10.0, 9), size in prop::sample::select(vec![1.0, 1e-170, 1e-150, 1e150, 1e160, 1e300])) {
        let scaled: Vec<f64> = x.iter().map(|x| x * size).collect();
        let (a, b, c) = (&scaled[..3], &scaled[3..6], &scaled[6..]);
        let plain = between(&x[..3], &x[3..6]).unwrap() * size;
        prop_assert!((between(a, b).unwrap() / plain - 1.0).abs() < 1e-12);
        prop_assert_eq!(between(a, b).unwrap().to_bits(), between(b, a).unwrap().to_bits());
        prop_assert!(between(a, c).unwrap() <= (between(a, b).unwrap() + between(b, c).unwrap()) * (1.0 + 1e-12));
        prop_assert_eq!(between(a, a).unwrap().to_bits(), 0.0f64.to_bits());
    }
}

#[test]
fn what_has_no_distance_is_an_error() {
    for (a, b, kind) in [
        (vec![1.0], vec![1.0, 2.0], ErrorKind::InvalidArgument),
        (vec![f64::NAN], vec![1.0], ErrorKind::NotFinite),
        (vec![1.0], vec![f64::INFINITY], ErrorKind::NotFinite),
        (
            vec![f64::INFINITY],
            vec![f64::INFINITY],
            ErrorKind::NotFinite,
        ),
        (vec![f64::MAX], vec![f64::MIN], ErrorKind::Numeric),
    ] {
        assert_eq!(between(&a, &b).unwrap_err().kind(), kind, "{a:?} {b:?}");
    }
}
