#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the numbers that are cast are made here and small"
)]

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::error::ErrorKind;
use crate::random::SplitMix;
use crate::sample::Series;
use crate::time::{DAY, MINUTE, Micros, SECOND, Step};

mod golden;
mod periods;
mod changes;
mod values;

pub(super) const HOUR: Micros = 60 * MINUTE;

/// Random numbers for simulations, normal ones by Box and Muller.
pub(super) struct Random(SplitMix);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(SplitMix(seed.wrapping_mul(7919).wrapping_add(13)))
    }

    pub(super) fn uniform(&mut self) -> f64 {
        self.0.uniform()
    }

    pub(super) fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// First-order autoregression with variance one.
    pub(super) fn autoregression(&mut self, phi: f64, n: usize) -> Vec<f64> {
        let mut last = self.normal();
        let noise = (1.0 - phi * phi).sqrt();
        (0..n)
            .map(|_| {
                last = phi * last + noise * self.normal();
                last
            })
            .collect()
    }

    pub(super) fn walk(&mut self, n: usize) -> Vec<f64> {
        let mut last = 0.0;
        (0..n)
            .map(|_| {
                last += self.normal();
                last
            })
            .collect()
    }
}

/// Values at equal steps from the epoch.
pub(super) fn regular(y: Vec<f64>, step: Micros) -> Regular {
    Regular {
        step: Step::try_new(step).unwrap(),
        ts: (0..y.len() as i64).map(|k| k * step).collect(),
        seen: vec![true; y.len()],
        y,
    }
}

pub(super) fn never() -> bool {
    false
}

#[test]
fn rows_without_a_step_are_laid_on_their_usual_gap() {
    // Seconds late, one row missing, one twice.
    let series = Series::try_new(
        [5, 65, 127, 245, 305, 305].map(|s| s * SECOND).to_vec(),
        vec![1.0, 2.0, 3.0, 5.0, 6.0, 8.0],
    )
    .unwrap();
    let regular = Regular::new(&series, None, &never).unwrap();
    assert_eq!(regular.step.micros(), 60 * SECOND);
    assert_eq!(regular.ts, [5, 65, 125, 185, 245, 305].map(|s| s * SECOND));
    assert_eq!(regular.y, [1.0, 2.0, 3.0, 4.0, 5.0, 7.0]);
    assert_eq!(regular.seen, [true, true, true, false, true, true]);
}

#[test]
fn a_step_gives_windows_in_the_time_zone_of_the_series() {
    let grid = crate::window::Grid {
        step: Step::try_new(DAY).unwrap(),
        fill: crate::window::Fill::None,
        agg: crate::window::Agg::Mean,
        timezone: "Europe/Berlin".into(),
    };
    // Across 31 March 2024, which has 23 hours in Berlin; a day is missing.
    let start = 1_711_753_200 * SECOND;
    let rows: Vec<i64> = (0..96)
        .filter(|h| !(47..71).contains(h))
        .map(|h| start + h * HOUR)
        .collect();
    let values = vec![2.0; rows.len()];
    let days =
        crate::window::resample(&Series::try_new(rows, values).unwrap(), &grid, &never).unwrap();
    let regular = Regular::new(&days, None, &never).unwrap();
    let hours: Vec<i64> = regular.ts.iter().map(|ts| (ts - start) / HOUR).collect();
    assert_eq!(hours, [0, 24, 47, 71, 95]);
    assert_eq!(regular.seen, [true, true, false, true, true]);
}

#[test]
fn little_or_nothing_is_no_error() {
    for rows in 0..12_i64 {
        let ts: Vec<i64> = (0..rows).map(|k| k * MINUTE).collect();
        for value in [
            vec![0.0; rows as usize],
            (0..rows).map(|k| (k * k % 5) as f64).collect(),
        ] {
            let series = Series::try_new(ts.clone(), value).unwrap();
            let regular = Regular::new(&series, None, &never).unwrap();
            assert!(detect_periods(&regular, 0.6, 3, &never).unwrap().is_empty());
            assert!(
                changepoints(&regular, None, 1.0, &never)
                    .unwrap()
                    .is_empty()
            );
            assert!(outliers(&regular, None, 5.0, &never).unwrap().is_empty());
            let parts =
                decompose(&regular, Some(&[MINUTE, 3 * MINUTE, DAY]), true, &never).unwrap();
            assert_eq!(parts.trend.len(), rows as usize);
            assert_eq!(parts.seasonal[1].1.is_some(), rows >= 6);
            assert!(parts.seasonal[0].1.is_none() && parts.seasonal[2].1.is_none());
            assert_eq!(features(&regular, &never).unwrap().len(), NAMES.len());
        }
    }
}

#[test]
fn a_huge_gap_is_too_large_and_says_what_to_do() {
    let ts = vec![0, SECOND, 2 * SECOND, 100 * 365 * DAY];
    let series = Series::try_new(ts, vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    let error = Regular::new(&series, None, &never).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.hint().unwrap().contains("longer step"));
    let year = Step::try_new(365 * DAY).unwrap();
    assert_eq!(
        Regular::new(&series, Some(year), &never).unwrap().len(),
        101
    );
    let ts = vec![i64::MIN, 0, i64::MAX];
    let series = Series::try_new(ts, vec![1.0, 2.0, 3.0]).unwrap();
    assert_eq!(Regular::new(&series, None, &never).unwrap().len(), 3);
}

#[test]
fn wrong_arguments_are_refused() {
    let regular = regular(vec![1.0, 2.0, 1.0, 3.0], MINUTE);
    let kind = |error: crate::Error| error.kind();
    for (score, most, expected) in [
        (f64::NAN, 3, ErrorKind::NotFinite),
        (-0.1, 3, ErrorKind::InvalidArgument),
        (1.1, 3, ErrorKind::InvalidArgument),
        (0.5, 0, ErrorKind::InvalidArgument),
    ] {
        assert_eq!(
            kind(detect_periods(&regular, score, most, &never).unwrap_err()),
            expected
        );
    }
    for (number, expected) in [
        (f64::INFINITY, ErrorKind::NotFinite),
        (0.0, ErrorKind::InvalidArgument),
        (-1.0, ErrorKind::InvalidArgument),
    ] {
        assert_eq!(
            kind(changepoints(&regular, None, number, &never).unwrap_err()),
            expected
        );
        assert_eq!(
            kind(outliers(&regular, None, number, &never).unwrap_err()),
            expected
        );
    }
    assert_eq!(
        kind(decompose(&regular, Some(&[0]), true, &never).unwrap_err()),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn everything_can_be_stopped() {
    let regular = regular(Random::new(1).walk(3000), MINUTE);
    let stop = || true;
    let cancelled = |error: crate::Error| assert_eq!(error.kind(), ErrorKind::Cancelled);
    cancelled(detect_periods(&regular, 0.6, 3, &stop).unwrap_err());
    cancelled(decompose(&regular, Some(&[60 * MINUTE]), true, &stop).unwrap_err());
    cancelled(changepoints(&regular, None, 1.0, &stop).unwrap_err());
    cancelled(outliers(&regular, None, 5.0, &stop).unwrap_err());
    cancelled(features(&regular, &stop).unwrap_err());
}
