//! A latency summary of a window that moves over rows.

use std::collections::VecDeque;

use super::{LatencySketch, LatencySummary, ZERO};
use crate::error::{Error, ErrorKind, Result};
use crate::feature::LARGEST;
use crate::sample::flat::corrupt;

/// The summary of the rows in a window that loses its oldest row as it gains a new one, equal to the last bit to a
/// [`LatencySummary`] of the same rows. Counts and the exact sum are taken back. Buckets are collapsed in the answer only,
/// since that cannot be taken back: at 1 % they are at most 17,200 for each sign. The smallest and the largest value
/// come from two queues of candidates, at most one number for each row of the window.
#[derive(Debug, Clone, Default)]
pub struct MovingLatency {
    summary: LatencySummary,
    /// Values in the window that no later one is below, ascending.
    lows: VecDeque<f64>,
    /// Values in the window that no later one is above, descending.
    highs: VecDeque<f64>,
}

impl MovingLatency {
    /// Adds a row at the new end.
    ///
    /// # Errors
    /// As [`LatencySummary::push`].
    pub fn push(&mut self, value: Option<f64>, rel_err: Option<f64>) -> Result<()> {
        self.summary.push(value, rel_err)?;
        if let Some(sketch) = &mut self.summary.sketch {
            sketch.max_buckets = usize::MAX;
        }
        let Some(value) = usable(value) else {
            return Ok(());
        };
        for (queue, is_worse) in [
            (&mut self.lows, f64::gt as fn(&f64, &f64) -> bool),
            (&mut self.highs, f64::lt),
        ] {
            while queue.back().is_some_and(|last| is_worse(last, &value)) {
                queue.pop_back();
            }
            queue.try_reserve(1).map_err(|_| {
                Error::new(ErrorKind::TooLarge, "no memory for the rows of the window")
            })?;
            queue.push_back(value);
        }
        Ok(())
    }

    /// Takes out the oldest row, which is what was pushed first.
    ///
    /// # Errors
    /// `Corrupt` when such a row is not in the window.
    pub fn pop(&mut self, value: Option<f64>) -> Result<()> {
        let missing = || corrupt("row of the window", "it was not added");
        let LatencySummary {
            sketch,
            sum,
            n_null,
            n_nonfinite,
        } = &mut self.summary;
        let Some(kept) = usable(value) else {
            let count = if value.is_some() { n_nonfinite } else { n_null };
            *count = count.checked_sub(1).ok_or_else(missing)?;
            return Ok(());
        };
        let sketch = sketch.as_mut().ok_or_else(missing)?;
        if kept.abs() <= ZERO {
            sketch.n_zero = sketch.n_zero.checked_sub(1).ok_or_else(missing)?;
        } else {
            let bucket = sketch.bucket(kept.abs());
            if !sketch.store_of(kept).take(bucket) {
                return Err(missing());
            }
        }
        sketch.n = sketch.n.saturating_sub(1);
        sum.add(-kept);
        for queue in [&mut self.lows, &mut self.highs] {
            if queue
                .front()
                .is_some_and(|first| first.to_bits() == kept.to_bits())
            {
                queue.pop_front();
            }
        }
        Ok(())
    }

    /// The summary of the rows in the window.
    #[must_use]
    pub fn summary(&self) -> LatencySummary {
        let sketch = self.summary.sketch.as_ref().map(|wide| {
            let empty = LatencySketch::with_rel_err(wide.rel_err);
            LatencySketch {
                n: wide.n,
                n_zero: wide.n_zero,
                range: self.lows.front().copied().zip(self.highs.front().copied()),
                positive: wide.positive.trimmed(empty.max_buckets),
                negative: wide.negative.trimmed(empty.max_buckets),
                ..empty
            }
        });
        LatencySummary {
            sketch,
            sum: self.summary.sum.clone(),
            ..self.summary
        }
    }
}

/// The value of a row that is counted in the sketch.
fn usable(value: Option<f64>) -> Option<f64> {
    value.filter(|x| x.abs() <= LARGEST).map(|x| x + 0.0)
}
