//! Counts of buckets next to each other.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::sample::flat::{Reader, Writer, reserve};

/// Counts of a run of buckets; the first and the last one are not empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Store {
    pub(super) first: i32,
    pub(super) counts: Vec<u64>,
}

impl Store {
    pub(super) fn add(&mut self, bucket: i32, n: u64) -> Result<()> {
        if self.counts.is_empty() {
            self.first = bucket;
        }
        if bucket < self.first {
            let more = usize::try_from(self.first.abs_diff(bucket)).unwrap_or(usize::MAX);
            reserve(&mut self.counts, more)?;
            self.counts.splice(0..0, std::iter::repeat_n(0, more));
            self.first = bucket;
        }
        let place = usize::try_from(bucket.abs_diff(self.first)).unwrap_or(usize::MAX);
        if place >= self.counts.len() {
            let more = place - self.counts.len() + 1;
            reserve(&mut self.counts, more)?;
            self.counts.resize(place + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(n);
        }
        Ok(())
    }

    pub(super) fn merge(&mut self, other: &Self) -> Result<()> {
        other
            .ascending()
            .filter(|(_, n)| *n > 0)
            .try_for_each(|(bucket, n)| self.add(bucket, n))
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
