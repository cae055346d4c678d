//! Counts of buckets next to each other.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::sample::flat::{Reader, Writer, reserve_exact};

/// Counts of a run of buckets; the first and the last one are not empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Store {
    pub(super) first: i32,
    pub(super) counts: Vec<u64>,
}

/// Room for counts is made for so many at once: half a kilobyte.
const CHUNK: usize = 64;

impl Store {
    /// Adds to the count of a bucket. Beyond `most` buckets the lowest are counted as the lowest that is kept, so that
    /// the counts depend on what was added and not on the order.
    pub(super) fn add(&mut self, bucket: i32, n: u64, most: usize) -> Result<()> {
        // The ordinary case: the bucket is there.
        let place = i64::from(bucket) - i64::from(self.first);
        if let Some(count) = usize::try_from(place)
            .ok()
            .and_then(|place| self.counts.get_mut(place))
        {
            *count = count.saturating_add(n);
            return Ok(());
        }
        let place = self.make_place(bucket, most)?;
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(n);
        }
        Ok(())
    }

    /// Where a bucket that is not there yet is to be counted.
    fn make_place(&mut self, bucket: i32, most: usize) -> Result<usize> {
        if self.counts.is_empty() {
            self.first = bucket;
        }
        let reach = i32::try_from(most).unwrap_or(i32::MAX);
        if bucket >= self.first {
            self.drop_below(bucket.saturating_sub(reach - 1));
            let place = distance(self.first, bucket);
            self.reserve(place + 1 - self.counts.len().min(place + 1), most)?;
            self.counts.resize(place + 1, 0);
            return Ok(place);
        }
        let first = bucket.max(self.lowest_kept(most));
        let more = distance(first, self.first);
        self.reserve(more, most)?;
        self.counts.splice(0..0, std::iter::repeat_n(0, more));
        self.first = first;
        Ok(0)
    }

    /// The lowest of `most` buckets up to the last one.
    pub(super) fn lowest_kept(&self, most: usize) -> i32 {
        let [n, reach] = [self.counts.len(), most].map(|n| i32::try_from(n).unwrap_or(i32::MAX));
        self.first.saturating_add(n).saturating_sub(reach)
    }

    fn reserve(&mut self, more: usize, most: usize) -> Result<()> {
        if self.counts.capacity() - self.counts.len() >= more {
            return Ok(());
        }
        let wanted = (self.counts.len() + more).next_multiple_of(CHUNK).min(most);
        let more = wanted.saturating_sub(self.counts.len());
        reserve_exact(&mut self.counts, more)
    }

    /// Counts the buckets below `first` as `first`.
    fn drop_below(&mut self, first: i32) {
        if first <= self.first {
            return;
        }
        let n = distance(self.first, first).min(self.counts.len());
        let lower = self.counts.drain(..n);
        let dropped = lower.fold(0u64, |sum, count| sum.saturating_add(count));
        if self.counts.is_empty() {
            self.counts.push(0);
        }
        if let Some(count) = self.counts.first_mut() {
            *count = count.saturating_add(dropped);
        }
        self.first = first;
    }

    /// The same with at most `most` buckets; see [`add`](Self::add).
    pub(super) fn collapsed(mut self, most: usize) -> Self {
        if self.counts.len() > most {
            let excess = i32::try_from(self.counts.len() - most).unwrap_or(i32::MAX);
            self.drop_below(self.first.saturating_add(excess));
        }
        self
    }

    /// Takes one from the count of a bucket; `false` when it is zero. The ends of the run may be left empty.
    pub(super) fn take(&mut self, bucket: i32) -> bool {
        let place = i64::from(bucket) - i64::from(self.first);
        let count = usize::try_from(place)
            .ok()
            .and_then(|place| self.counts.get_mut(place));
        match count {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }

    /// The run without empty ends, collapsed to `most` buckets.
    pub(super) fn trimmed(&self, most: usize) -> Self {
        let is_some = |&count: &u64| count > 0;
        let Some(start) = self.counts.iter().position(is_some) else {
            return Self::default();
        };
        let end = self
            .counts
            .iter()
            .rposition(is_some)
            .map_or(start, |at| at + 1);
        let counts = self.counts.get(start..end).unwrap_or_default().to_vec();
        let first = self
            .first
            .saturating_add(i32::try_from(start).unwrap_or(i32::MAX));
        Self { first, counts }.collapsed(most)
    }

    pub(super) fn merge(&mut self, other: &Self, most: usize) -> Result<()> {
        other
            .ascending()
            .filter(|(_, n)| *n > 0)
            .try_for_each(|(bucket, n)| self.add(bucket, n, most))
    }

    pub(super) fn ascending(&self) -> impl DoubleEndedIterator<Item = (i32, u64)> + '_ {
        self.counts.iter().enumerate().map(|(k, &n)| {
            (
                self.first
                    .saturating_add(i32::try_from(k).unwrap_or(i32::MAX)),
                n,
            )
        })
    }

    pub(super) fn total(&self, is_in: impl Fn(i32) -> bool) -> f64 {
        self.ascending()
            .filter(|(bucket, _)| is_in(*bucket))
            .map(|(_, n)| n as f64)
            .sum()
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.i64(i64::from(self.first));
        out.len(self.counts.len());
        self.counts.iter().for_each(|&n| out.varint(n));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let first = reader.i64()?;
        let first =
            i32::try_from(first).map_err(|_| reader.corrupt("a bucket that does not exist"))?;
        let n = reader.len(1)?;
        let counts = reader.varints(n)?;
        Ok(Self { first, counts })
    }

    /// Whether the run could have come from values: not empty at its ends, inside the buckets that exist.
    pub(super) fn is_valid(&self, least: i32, most: i32) -> bool {
        let last =
            i64::from(self.first) + i64::try_from(self.counts.len()).unwrap_or(i64::MAX / 2) - 1;
        match (self.counts.first(), self.counts.last()) {
            (Some(&a), Some(&b)) => {
                a > 0 && b > 0 && self.first >= least && last <= i64::from(most)
            }
            _ => self.first == 0,
        }
    }
}

/// Buckets from `low` to `high`.
fn distance(low: i32, high: i32) -> usize {
    usize::try_from(low.abs_diff(high)).unwrap_or(usize::MAX)
}
