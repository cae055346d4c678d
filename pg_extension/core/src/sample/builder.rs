//! Collects rows in any order and sorts them once.

use super::flat::reserve_exact;
use super::series::{Series, SeriesCounts, count_dup, first_unordered};
use super::{LARGEST, counter};
use super::{codec, order};
use crate::error::{Error, ErrorKind, Result};
use crate::time::{Micros, ShouldStop};

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
/// let series = builder.finish()?;
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
    /// Whether the values are samples of a counter.
    pub(super) is_counter: bool,
}

impl SeriesBuilder {
    /// The state of `rate_agg`: it finishes as the rates of the counter whose samples it is given; see
    /// [`Series::rate`].
    #[must_use]
    pub fn of_counter() -> Self {
        Self {
            is_counter: true,
            ..Self::default()
        }
    }

    /// Adds one row; NULL and non-finite rows are counted, not kept. In a state [`of_counter`](Self::of_counter), a
    /// value below zero or above 1e140 counts as non-finite: no counter shows it.
    ///
    /// # Errors
    /// `TooLarge` above [`MAX_ROWS`] or when memory runs out.
    pub fn push(&mut self, ts: Option<Micros>, value: Option<f64>) -> Result<()> {
        let (Some(ts), Some(value)) = (ts, value) else {
            self.counts.n_null = self.counts.n_null.saturating_add(1);
            return Ok(());
        };
        if !value.is_finite() || (self.is_counter && !(0.0..=LARGEST).contains(&value)) {
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
    /// are on none. Of a series that came from a counter, the samples of the counter are added, so that rates are
    /// taken over all of them at the end.
    ///
    /// # Errors
    /// `InvalidArgument` for samples of a counter among other values, `TooLarge` as [`push`](Self::push).
    pub fn push_series(&mut self, series: &Series) -> Result<()> {
        let (ts, value) = series.raw();
        self.check_kind(series.is_counter(), ts.len())?;
        self.append(ts, value, false)?;
        self.add_counts(series.counts);
        Ok(())
    }

    /// Adds another state (combine) and leaves it empty; a first one is taken over without copying a row.
    ///
    /// # Errors
    /// As [`push_series`](Self::push_series).
    pub fn merge(&mut self, other: &mut Self) -> Result<()> {
        self.check_kind(other.is_counter, other.len())?;
        let other = std::mem::take(other);
        self.add_counts(other.counts);
        if self.is_empty() {
            (self.ts, self.value, self.unordered) = (other.ts, other.value, other.unordered);
            return Ok(());
        }
        self.append(&other.ts, &other.value, other.unordered)
    }

    /// Samples of a counter and other values do not mix. Without rows a state is of the kind of what it is given.
    fn check_kind(&mut self, is_counter: bool, n: usize) -> Result<()> {
        if self.is_counter != is_counter && !self.is_empty() && n > 0 {
            return Err(
                Error::invalid("rates of a counter do not roll up with other values")
                    .with_hint("roll up results of rate_agg with each other only"),
            );
        }
        if self.is_empty() {
            self.is_counter = is_counter || (n == 0 && self.is_counter);
        }
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

    /// Sorts and finishes; see [`sort`](Self::sort).
    ///
    /// # Errors
    /// `TooLarge` when there is no memory for the rates of a counter.
    pub fn finish(mut self) -> Result<Series> {
        self.sort(&|| false)?;
        let counts = self.finished_counts();
        if self.is_counter {
            return counter::series(self.ts, self.value, counts);
        }
        Ok(Series {
            ts: self.ts,
            value: self.value,
            counts,
            step: None,
            timezone: None,
            counter: None,
        })
    }

    /// The flat form of the series that [`finish`](Self::finish) gives, without a copy of the rows in between. The state
    /// can be added to afterwards.
    ///
    /// # Errors
    /// `Cancelled`: then the state is of no more use.
    pub fn series_bytes(&mut self, should_stop: ShouldStop<'_>) -> Result<Vec<u8>> {
        self.sort(should_stop)?;
        Ok(codec::sorted_to_bytes(self, self.finished_counts()))
    }

    /// Puts the rows in order. Rows that arrived in order are left as they are, rows in few ascending stretches are
    /// merged. That borrows 16 bytes a row; where they are not to be had, it goes on more slowly without them.
    fn sort(&mut self, should_stop: ShouldStop<'_>) -> Result<()> {
        if self.unordered {
            order::sort(&mut self.ts, &mut self.value, should_stop)?;
            self.unordered = false;
        }
        Ok(())
    }

    fn finished_counts(&self) -> SeriesCounts {
        SeriesCounts {
            n_dup: count_dup(&self.ts),
            ..self.counts
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
    pub(super) fn of_columns(
        ts: Vec<Micros>,
        value: Vec<f64>,
        counts: SeriesCounts,
        is_counter: bool,
    ) -> Self {
        let unordered = first_unordered(&ts, &value).is_some();
        Self {
            ts,
            value,
            counts,
            unordered,
            is_counter,
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
        grow(&mut self.ts, n)?;
        grow(&mut self.value, n)
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

/// Makes room for `n` more items, and for half as many as there are: doubling would take up to 32 bytes a row, this
/// takes 24.
fn grow<T>(column: &mut Vec<T>, n: usize) -> Result<()> {
    if column.capacity() - column.len() >= n {
        return Ok(());
    }
    let least = if column.is_empty() { FIRST_ROWS } else { 1 };
    reserve_exact(column, n.max(column.len() / 2).max(least))
}

/// A state begins with room for as many rows as fit into half a kilobyte.
const FIRST_ROWS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_takes_at_most_24_bytes() {
        let mut builder = SeriesBuilder::default();
        for row in 0..100_000 {
            builder.push(Some(row), Some(1.0)).unwrap();
            let bytes = 8 * (builder.ts.capacity() + builder.value.capacity());
            assert!(bytes <= 24 * builder.len().max(FIRST_ROWS), "{bytes}");
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
        assert_eq!(builder.finish().unwrap().len(), 1);
    }
}
