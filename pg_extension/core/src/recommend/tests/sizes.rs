use rust_decimal::Decimal;

use super::super::cost::unit_cost;
use super::*;

fn size(demand: f64, unit_capacity: f64, target: f64) -> u32 {
    required_capacity(demand, unit_capacity, target, 0, 1_000).unwrap()
}

#[test]
fn capacity_is_rounded_up_but_not_by_rounding_noise() {
    assert_eq!(size(840.0, 100.0, 0.7), 12);
    assert_eq!(size(841.0, 100.0, 0.7), 13);
    assert_eq!(size(0.1 + 0.2, 0.1, 1.0), 3);
    assert_eq!(size(0.0, 10.0, 0.7), 0);
    assert_eq!(size(-5.0, 10.0, 0.7), 0);
    assert_eq!(size(1e-6, 10.0, 0.7), 1);
}

#[test]
fn capacity_stays_within_the_limits() {
    assert_eq!(required_capacity(1e300, 1e-300, 0.5, 1, 40), Ok(40));
    assert_eq!(required_capacity(0.0, 1.0, 1.0, 2, 40), Ok(2));
}

#[test]
fn capacity_refuses_what_is_not_a_number_or_out_of_range() {
    let kind =
        |d: f64, c: f64, u: f64, min, max| required_capacity(d, c, u, min, max).unwrap_err().kind();
    assert_eq!(kind(f64::NAN, 1.0, 0.7, 0, 1), ErrorKind::NotFinite);
    assert_eq!(kind(1.0, f64::INFINITY, 0.7, 0, 1), ErrorKind::NotFinite);
    assert_eq!(kind(1.0, 1.0, 0.0, 0, 1), ErrorKind::InvalidArgument);
    assert_eq!(kind(1.0, 1.0, 70.0, 0, 1), ErrorKind::InvalidArgument);
    assert_eq!(kind(1.0, 1.0, 0.7, 5, 1), ErrorKind::InvalidArgument);
}

#[test]
fn money_is_exact_and_rounded_half_to_even() {
    let price = |s: &str| s.parse::<Decimal>().unwrap();
    assert_eq!(unit_cost(3_600, price("0.0416")), Ok(price("0.0416")));
    assert_eq!(unit_cost(1, price("0.18")), Ok(price("0.0000")));
    assert_eq!(unit_cost(1, price("0.54")), Ok(price("0.0002")));
    assert_eq!(unit_cost(7_200, price("0.10")), Ok(price("0.2000")));
    assert_eq!(
        unit_cost(u64::MAX, Decimal::MAX).unwrap_err().kind(),
        ErrorKind::TooLarge
    );
}

proptest! {
    #[test]
    fn the_size_carries_the_demand_and_one_less_does_not(demand in 0.0..1e6_f64, cap in 0.01..1e4_f64) {
        let n = required_capacity(demand, cap, 1.0, 0, u32::MAX).unwrap();
        prop_assert!(f64::from(n) * cap >= demand * (1.0 - 2e-9));
        prop_assert!(n == 0 || f64::from(n - 1) * cap < demand);
    }
}
