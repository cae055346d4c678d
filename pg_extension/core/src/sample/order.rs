//! Puts two columns into the order of a series: by time, and of the same time by value (−0 before 0).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::flat::reserved;
use crate::error::{ErrorKind, Result};
use crate::time::{Micros, ShouldStop, check_stop};

/// Rows that are sorted, or merged, between two questions whether to stop: some ten milliseconds.
const PART: usize = 1 << 18;

/// Rows in ascending stretches are merged up to this many stretches, which takes ten rounds; above, sorting is faster.
/// Parts that were merged or rolled up, and the blocks that parallel workers read, are such stretches.
const MAX_STRETCHES: usize = 1024;

/// Sorts both columns. That borrows 16 bytes a row; where they are not to be had, it goes on more slowly without them.
///
/// # Errors
/// `Cancelled` only.
pub(super) fn sort(
    ts: &mut Vec<Micros>,
    value: &mut Vec<f64>,
    should_stop: ShouldStop<'_>,
) -> Result<()> {
    let sorted = match stretches(ts, value) {
        Some(bounds) => merge_stretches(bounds, ts, value, should_stop),
        None => reserved(ts.len()).and_then(|scratch| sort_with(scratch, ts, value, should_stop)),
    };
    match sorted {
        Err(error) if error.kind() != ErrorKind::Cancelled => sort_in_place(ts, value, should_stop),
        done => done,
    }
}

/// Where ascending stretches begin, and the end; `None` above [`MAX_STRETCHES`].
fn stretches(ts: &[Micros], value: &[f64]) -> Option<Vec<usize>> {
    let mut bounds = vec![0];
    let rows = ts.iter().zip(value);
    for (idx, (before, after)) in rows.clone().zip(rows.skip(1)).enumerate() {
        if is_less(after, before) {
            bounds.push(idx + 1);
            if bounds.len() > MAX_STRETCHES {
                return None;
            }
        }
    }
    bounds.push(ts.len());
    Some(bounds)
}

fn is_less(a: (&Micros, &f64), b: (&Micros, &f64)) -> bool {
    a.0.cmp(b.0).then_with(|| a.1.total_cmp(b.1)).is_lt()
}

/// Two columns under construction, or to be read.
type Columns<'a> = (&'a [Micros], &'a [f64]);

/// Merges neighbouring stretches until one is left.
fn merge_stretches(
    mut bounds: Vec<usize>,
    ts: &mut Vec<Micros>,
    value: &mut Vec<f64>,
    should_stop: ShouldStop<'_>,
) -> Result<()> {
    let (mut out_ts, mut out_value) = (Vec::new(), Vec::new());
    while bounds.len() > 2 {
        if out_ts.capacity() < ts.len() {
            (out_ts, out_value) = (reserved(ts.len())?, reserved(ts.len())?);
        }
        let columns = |from: usize, until: usize| {
            (
                ts.get(from..until).unwrap_or_default(),
                value.get(from..until).unwrap_or_default(),
            )
        };
        let mut merged = vec![0];
        for pair in bounds.windows(3).step_by(2) {
            if let [from, middle, until] = *pair {
                merge(
                    columns(from, middle),
                    columns(middle, until),
                    (&mut out_ts, &mut out_value),
                    should_stop,
                )?;
                merged.push(until);
            }
        }
        // A stretch without a partner is taken over.
        if let Some(&until) = bounds.last()
            && out_ts.len() < until
        {
            let (last_ts, last_value) = columns(out_ts.len(), until);
            out_ts.extend_from_slice(last_ts);
            out_value.extend_from_slice(last_value);
            merged.push(until);
        }
        bounds = merged;
        std::mem::swap(ts, &mut out_ts);
        std::mem::swap(value, &mut out_value);
        out_ts.clear();
        out_value.clear();
    }
    Ok(())
}

/// Appends two ascending stretches as one; whole runs of rows are copied at once.
fn merge(
    a: Columns<'_>,
    b: Columns<'_>,
    (out_ts, out_value): (&mut Vec<Micros>, &mut Vec<f64>),
    should_stop: ShouldStop<'_>,
) -> Result<()> {
    let (mut from, mut other) = (a, b);
    let mut copied = PART;
    while let (Some(ts), Some(value)) = (other.0.first(), other.1.first()) {
        let n = n_not_after(from, (ts, value));
        copied += n.max(1);
        if copied >= PART {
            copied = 0;
            check_stop(should_stop)?;
        }
        let ((ts, rest_ts), (value, rest_value)) = (from.0.split_at(n), from.1.split_at(n));
        out_ts.extend_from_slice(ts);
        out_value.extend_from_slice(value);
        (from, other) = (other, (rest_ts, rest_value));
    }
    out_ts.extend_from_slice(from.0);
    out_value.extend_from_slice(from.1);
    Ok(())
}

/// How many leading rows are not after `row`: found by doubling steps, since that number is small or very large.
fn n_not_after((ts, value): Columns<'_>, row: (&Micros, &f64)) -> usize {
    let is_after = |idx: usize| match (ts.get(idx), value.get(idx)) {
        (Some(ts), Some(value)) => is_less(row, (ts, value)),
        _ => true,
    };
    let (mut low, mut step) = (0, 1);
    while !is_after(low + step - 1) {
        low += step;
        step *= 2;
    }
    // The answer is in low..low + step.
    while step > 1 {
        step /= 2;
        if !is_after(low + step - 1) {
            low += step;
        }
    }
    low
}

/// Sorts both columns through a copy of pairs, which the sort can read in one go: part by part, which are then merged.
fn sort_with(
    mut scratch: Vec<u128>,
    ts: &mut [Micros],
    value: &mut [f64],
    should_stop: ShouldStop<'_>,
) -> Result<()> {
    scratch.extend(
        ts.iter()
            .zip(value.iter())
            .map(|(&ts, &value)| to_key(ts, value)),
    );
    for part in scratch.chunks_mut(PART) {
        check_stop(should_stop)?;
        part.sort_unstable();
    }
    let mut parts: Vec<_> = scratch.chunks(PART).map(|part| part.iter()).collect();
    let first = |(idx, part): (usize, &mut std::slice::Iter<'_, u128>)| {
        part.next().map(|&key| Reverse((key, idx)))
    };
    let mut heads: BinaryHeap<_> = parts.iter_mut().enumerate().filter_map(first).collect();
    for (row, (ts, value)) in ts.iter_mut().zip(value).enumerate() {
        if row % PART == 0 {
            check_stop(should_stop)?;
        }
        let Some(mut head) = heads.peek_mut() else {
            break;
        };
        let Reverse((key, idx)) = *head;
        (*ts, *value) = from_key(key);
        match parts[idx].next() {
            Some(&next) => *head = Reverse((next, idx)),
            None => {
                PeekMut::pop(head);
            }
        }
    }
    Ok(())
}

/// One unsigned number that orders as time and then value (as `total_cmp`) do: comparing it costs no branch.
fn to_key(ts: Micros, value: f64) -> u128 {
    let bits = value.to_bits();
    let ordered = if bits & SIGN == 0 { bits ^ SIGN } else { !bits };
    (u128::from(ts.cast_unsigned() ^ SIGN) << 64) | u128::from(ordered)
}

/// The inverse of [`to_key`].
#[allow(
    clippy::cast_possible_truncation,
    reason = "the two halves of the key are taken apart"
)]
fn from_key(key: u128) -> (Micros, f64) {
    let (high, low) = ((key >> 64) as u64, key as u64);
    let bits = if low & SIGN == 0 { !low } else { low ^ SIGN };
    ((high ^ SIGN).cast_signed(), f64::from_bits(bits))
}

const SIGN: u64 = 1 << 63;

/// Heap sort of both columns: slower by a factor, and without any memory of its own.
fn sort_in_place(ts: &mut [Micros], value: &mut [f64], should_stop: ShouldStop<'_>) -> Result<()> {
    let n = ts.len();
    let check = |row: usize| {
        if row.is_multiple_of(PART / 4) {
            check_stop(should_stop)
        } else {
            Ok(())
        }
    };
    for root in (0..n / 2).rev() {
        check(root)?;
        sift_down(ts, value, root, n);
    }
    for end in (1..n).rev() {
        check(end)?;
        ts.swap(0, end);
        value.swap(0, end);
        sift_down(ts, value, 0, end);
    }
    Ok(())
}

/// Restores the heap below `root` within the first `end` rows.
fn sift_down(ts: &mut [Micros], value: &mut [f64], mut root: usize, end: usize) {
    let is_less = |ts: &[Micros], value: &[f64], a: usize, b: usize| {
        ts[a]
            .cmp(&ts[b])
            .then(value[a].total_cmp(&value[b]))
            .is_lt()
    };
    loop {
        let mut child = 2 * root + 1;
        if child >= end {
            return;
        }
        if child + 1 < end && is_less(ts, value, child, child + 1) {
            child += 1;
        }
        if !is_less(ts, value, root, child) {
            return;
        }
        ts.swap(root, child);
        value.swap(root, child);
        root = child;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn interleaved_blocks_are_merged() {
        // Three workers that read blocks in turn, one after the other.
        let mut ts: Vec<i64> = (0..3)
            .flat_map(|worker| (0..30_000).filter(move |row| row / 100 % 3 == worker))
            .collect();
        let mut value: Vec<f64> = ts.iter().map(|&ts| ts as f64).collect();
        assert_eq!(stretches(&ts, &value).map(|bounds| bounds.len()), Some(4));
        sort(&mut ts, &mut value, &|| false).unwrap();
        assert!(
            ts.iter()
                .zip(&value)
                .zip(0..)
                .all(|((&ts, &value), row)| (ts, value.to_bits()) == (row, (row as f64).to_bits()))
        );
    }

    #[test]
    fn many_rows_are_sorted_in_parts_and_every_way_can_be_stopped() {
        let n = 2 * PART as i64 + 3;
        let columns =
            || -> (Vec<i64>, Vec<f64>) { (0..n).map(|k| (k * 7919 % n, (k % 5) as f64)).unzip() };
        let (mut ts, mut value) = columns();
        sort(&mut ts, &mut value, &|| false).unwrap();
        assert!(ts.iter().zip(0..).all(|(ts, row)| *ts == row));
        let stopped = |result: Result<()>| result.unwrap_err().kind() == ErrorKind::Cancelled;
        let (mut ts, mut value) = columns();
        assert!(stopped(sort(&mut ts, &mut value, &|| true)));
        assert!(stopped(sort_in_place(&mut ts, &mut value, &|| true)));
        let mut halves: Vec<i64> = (0..n).chain(0..n).collect();
        assert!(stopped(sort(
            &mut halves,
            &mut vec![0.0; 4 * PART + 6],
            &|| true
        )));
    }

    proptest! {
        #![proptest_config(crate::sample::tests::fixed_seed())]

        #[test]
        fn all_sorts_agree_with_the_standard_library(
            rows in prop::collection::vec((-3i64..3, prop::sample::select(vec![-0.0f64, 0.0, 1.5, -1e300, 5e-324])), 0..40)
        ) {
            let mut expected = rows.clone();
            expected.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            let expected: Vec<_> = expected.iter().map(|row| (row.0, row.1.to_bits())).collect();
            let columns = || -> (Vec<_>, Vec<_>) { rows.iter().copied().unzip() };
            let paired = |ts: &[i64], value: &[f64]| -> Vec<_> {
                ts.iter().zip(value).map(|(&t, v)| (t, v.to_bits())).collect()
            };
            let (mut ts, mut value) = columns();
            sort(&mut ts, &mut value, &|| false).unwrap();
            prop_assert_eq!(paired(&ts, &value), expected.clone());
            let (mut ts, mut value) = columns();
            sort_in_place(&mut ts, &mut value, &|| false).unwrap();
            prop_assert_eq!(paired(&ts, &value), expected.clone());
            let (mut ts, mut value) = columns();
            sort_with(Vec::new(), &mut ts, &mut value, &|| false).unwrap();
            prop_assert_eq!(paired(&ts, &value), expected);
        }

        #[test]
        fn sort_keys_are_reversible(ts: i64, value: f64) {
            let (ts_back, value_back) = from_key(to_key(ts, value));
            prop_assert_eq!((ts_back, value_back.to_bits()), (ts, value.to_bits()));
        }
    }
}
