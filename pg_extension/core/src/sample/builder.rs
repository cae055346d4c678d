//! Collects rows in any order and sorts them once.

use super::codec;
use super::flat::{reserve, reserved};
use super::series::{Series, SeriesCounts, count_dup, first_unordered};
use crate::error::{Error, ErrorKind, Result};
use crate::time::Micros;

/// Most rows of a series: 1 GiB while it is sorted. PostgreSQL's own limit of 1 GiB a value is reached at the same
/// number with irregular times, and at twice the number with equispaced ones.
pub const MAX_ROWS: usize = 64 << 20;

/// Collects rows in any order; the state of `series_agg`. Finishing gives the same series, bit for bit, whatever the
/// order of the rows and however they were spread over states that were merged or rolled up.
///
/// ```
/// use prescale_core::sample::SeriesBuilder;
/// let mut builder = SeriesBuilder::default();
/// builder.push(Some(60_000_000), Some(2.0))?;
/// builder.push(Some(0), Some(1.0))?;
/// builder.push(Some(0), None)?;
/// let series = builder.finish();
/// assert_eq!((series.ts(), series.value()), ([0, 60_000_000].as_slice(), [1.0, 2.0].as_slice()));
/// assert_eq!(series.counts().n_null, 1);
/// # Ok::<(), prescale_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct SeriesBuilder {
    pub(super) ts: Vec<Micros>,
    pub(super) value: Vec<f64>,
    pub(super) counts: SeriesCounts,
    /// Whether some row is smaller than the one before it; rows that arrive in order are never sorted.
    unordered: bool,
}

impl SeriesBuilder {
    /// Adds one row; NULL and non-finite rows are counted, not kept.
    ///
    /// # Errors
    /// `TooLarge` above [`MAX_ROWS`] or when memory runs out.
    pub fn push(&mut self, ts: Option<Micros>, value: Option<f64>) -> Result<()> {
        let (Some(ts), Some(value)) = (ts, value) else {
            self.counts.n_null = self.counts.n_null.saturating_add(1);
            return Ok(());
        };
        if !value.is_finite() {
            self.counts.n_nonfinite = self.counts.n_nonfinite.saturating_add(1);
            return Ok(());
        }
        if self.ts.len() == self.ts.capacity() || self.value.len() == self.value.capacity() {
            self.make_room(1)?;
        }
        self.unordered |= self.is_before_last(ts, value);
        self.ts.push(ts);
        self.value.push(value);
        Ok(())
    }

    /// Adds all of a finished series (rollup). Its step and time zone are forgotten: rows of several grids together
    /// are on none.
    ///
    /// # Errors
    /// `TooLarge` as [`push`](Self::push).
    pub fn push_series(&mut self, series: &Series) -> Result<()> {
        self.append(&series.ts, &series.value, false)?;
        self.add_counts(series.counts);
        Ok(())
    }

    /// Adds another state (combine).
    ///
    /// # Errors
    /// `TooLarge` as [`push`](Self::push).
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.append(&other.ts, &other.value, other.unordered)?;
        self.add_counts(other.counts);
        Ok(())
    }

    /// Rows kept so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ts.len()
    }

    /// Whether no row was kept so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ts.is_empty()
    }

    /// Sorts and finishes. Rows that arrived in order are taken as they are. Sorting borrows 16 bytes a row; where
    /// they are not to be had, it goes on more slowly without them, so that it never fails.
    #[must_use]
    pub fn finish(mut self) -> Series {
        if self.unordered {
            match reserved(self.ts.len()) {
                Ok(scratch) => sort_with(scratch, &mut self.ts, &mut self.value),
                Err(_) => sort_in_place(&mut self.ts, &mut self.value),
            }
        }
        let counts = SeriesCounts {
            n_dup: count_dup(&self.ts),
            ..self.counts
        };
        Series {
            ts: self.ts,
            value: self.value,
            counts,
            step: None,
            timezone: None,
        }
    }

    /// Flat form of the state, for parallel aggregation.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::builder_to_bytes(self)
    }

    /// Reads the flat form of a state.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        codec::builder_from_bytes(bytes)
    }

    /// A state of columns that were read, whatever their order.
    pub(super) fn of_columns(ts: Vec<Micros>, value: Vec<f64>, counts: SeriesCounts) -> Self {
        let unordered = first_unordered(&ts, &value).is_some();
        Self {
            ts,
            value,
            counts,
            unordered,
        }
    }

    fn is_before_last(&self, ts: Micros, value: f64) -> bool {
        match (self.ts.last(), self.value.last()) {
            (Some(last_ts), Some(last)) => ts.cmp(last_ts).then(value.total_cmp(last)).is_lt(),
            _ => false,
        }
    }

    fn append(&mut self, ts: &[Micros], value: &[f64], unordered: bool) -> Result<()> {
        self.make_room(ts.len())?;
        if let (Some(&ts), Some(&value)) = (ts.first(), value.first()) {
            self.unordered |= unordered || self.is_before_last(ts, value);
        }
        self.ts.extend_from_slice(ts);
        self.value.extend_from_slice(value);
        Ok(())
    }

    fn make_room(&mut self, n: usize) -> Result<()> {
        if n > MAX_ROWS.saturating_sub(self.ts.len()) {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("a series holds at most {MAX_ROWS} rows"),
            )
            .with_hint("aggregate into longer windows first, or build one series per period"));
        }
        reserve(&mut self.ts, n)?;
        reserve(&mut self.value, n)
    }

    /// `n_dup` is left out: it is counted over everything at the end.
    fn add_counts(&mut self, other: SeriesCounts) {
        let SeriesCounts {
            n_null,
            n_nonfinite,
            n_dup: _,
            n_imputed,
        } = other;
        self.counts.n_null = self.counts.n_null.saturating_add(n_null);
        self.counts.n_nonfinite = self.counts.n_nonfinite.saturating_add(n_nonfinite);
        self.counts.n_imputed = self.counts.n_imputed.saturating_add(n_imputed);
    }
}

/// Sorts both columns through a copy of pairs, which the sort can read in one go.
fn sort_with(mut scratch: Vec<u128>, ts: &mut [Micros], value: &mut [f64]) {
    scratch.extend(
        ts.iter()
            .zip(value.iter())
            .map(|(&ts, &value)| to_key(ts, value)),
    );
    scratch.sort_unstable();
    for ((ts, value), &key) in ts.iter_mut().zip(value.iter_mut()).zip(&scratch) {
        (*ts, *value) = from_key(key);
    }
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
fn sort_in_place(ts: &mut [Micros], value: &mut [f64]) {
    let n = ts.len();
    for root in (0..n / 2).rev() {
        sift_down(ts, value, root, n);
    }
    for end in (1..n).rev() {
        ts.swap(0, end);
        value.swap(0, end);
        sift_down(ts, value, 0, end);
    }
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

    proptest! {
        #![proptest_config(crate::sample::tests::fixed_seed())]

        #[test]
        fn both_sorts_agree_with_the_standard_library(
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
            sort_in_place(&mut ts, &mut value);
            prop_assert_eq!(paired(&ts, &value), expected.clone());
            let (mut ts, mut value) = columns();
            sort_with(Vec::new(), &mut ts, &mut value);
            prop_assert_eq!(paired(&ts, &value), expected);
        }

        #[test]
        fn sort_keys_are_reversible(ts: i64, value: f64) {
            let (ts_back, value_back) = from_key(to_key(ts, value));
            prop_assert_eq!((ts_back, value_back.to_bits()), (ts, value.to_bits()));
        }
    }

    #[test]
    fn refuses_more_rows_than_the_limit_before_reserving() {
        let mut builder = SeriesBuilder::default();
        builder.push(Some(0), Some(1.0)).unwrap();
        assert_eq!(
            builder.make_room(MAX_ROWS).unwrap_err().kind(),
            ErrorKind::TooLarge
        );
        assert!(builder.ts.capacity() < 100);
        assert_eq!(builder.finish().len(), 1);
    }
}
