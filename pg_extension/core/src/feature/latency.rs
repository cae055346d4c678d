//! A mergeable sketch of a distribution with quantiles of bounded relative error.

use serde::{Deserialize, Serialize};

use store::Store;

use super::LARGEST;
use crate::error::{Error, ErrorKind, Result};
use crate::sample::flat::{FORMAT, Reader, Writer, corrupt};

mod store;
mod moving;
mod summary;

pub use moving::MovingLatency;
pub use summary::LatencySummary;

/// Relative error when none is asked for: 1 %, below what anybody acts on.
const DEFAULT_REL_ERR: f64 = 0.01;

/// The finest error allowed: then a sketch takes at most 325 kB (half of it for negative values).
const MIN_REL_ERR: f64 = 0.001;

/// Values of one sign are told apart over this ratio, 10^17.4: at 1 % the counts of both signs then take 32,080 bytes, and
/// with the exact sum a [`LatencySummary`] less than 32 KiB. A double holds 16 digits, so that what is nearer to zero
/// vanishes beside the largest value anyway.
const LN_SPAN: f64 = 40.1;

/// Values at most this far from zero count as zero: a femtosecond, if milliseconds are meant.
const ZERO: f64 = 1e-9;

/// Counts of values in buckets that grow geometrically: DDSketch (Masson, Rim and Lee 2019, "DDSketch: a fast and
/// fully-mergeable quantile sketch with relative-error guarantees", VLDB 12).
///
/// With γ = (1+α)/(1−α), bucket i counts the values in (γ^(i−1), γ^i] and stands for 2γ^i/(γ+1), which is within the
/// relative error α of each of them. Negative values have buckets of their own, values of at most 1e-9 in size count as
/// zero. Of each sign the buckets that span a ratio of 10^17.4 below the largest value are kept; smaller values are
/// counted in the lowest of them. So for any input a quantile x is estimated within
/// α|x| + max(1e-9, 2e-17 · largest value in size), where the last term is below the rounding of that largest value in
/// double precision. The sketch depends on the set of values only: order and partition change nothing, not a bit.
/// Memory follows the range of the values: 1 µs to 1 h at 1 % are 1,100 buckets of 8 bytes; the bound is 2,005 for each
/// sign, 32 KB in all.
///
/// ```
/// use prescale_core::feature::LatencySketch;
/// let mut sketch = LatencySketch::default();
/// for ms in 1..=1000 {
///     sketch.push(f64::from(ms))?;
/// }
/// let p95 = sketch.quantile(0.95)?.unwrap_or_default();
/// assert!((p95 / 950.0 - 1.0).abs() <= 0.01);
/// # Ok::<(), prescale_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct LatencySketch {
    rel_err: f64,
    ln_gamma: f64,
    /// Most buckets of one sign.
    max_buckets: usize,
    n: u64,
    n_zero: u64,
    /// Smallest and largest value, exactly.
    range: Option<(f64, f64)>,
    positive: Store,
    negative: Store,
}

impl Default for LatencySketch {
    fn default() -> Self {
        Self::with_rel_err(DEFAULT_REL_ERR)
    }
}

impl LatencySketch {
    /// An empty sketch with relative error `rel_err`.
    ///
    /// # Errors
    /// `InvalidArgument` outside 0.001 to 0.5.
    pub fn try_new(rel_err: f64) -> Result<Self> {
        if (MIN_REL_ERR..=0.5).contains(&rel_err) {
            Ok(Self::with_rel_err(rel_err))
        } else {
            Err(Error::invalid(format!(
                "the relative error must be between {MIN_REL_ERR} and 0.5, not {rel_err}"
            )))
        }
    }

    fn with_rel_err(rel_err: f64) -> Self {
        let ln_gamma = ((1.0 + rel_err) / (1.0 - rel_err)).ln();
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "ln γ is between 0.002 and 1.1"
        )]
        let max_buckets = (LN_SPAN / ln_gamma).ceil() as usize;
        let (positive, negative) = (Store::default(), Store::default());
        Self {
            rel_err,
            ln_gamma,
            max_buckets,
            n: 0,
            n_zero: 0,
            range: None,
            positive,
            negative,
        }
    }

    /// Adds one value; says `false` and does nothing when it is NaN, infinite or beyond ±1e140.
    ///
    /// # Errors
    /// `TooLarge` when memory runs out.
    pub fn push(&mut self, value: f64) -> Result<bool> {
        if !value.is_finite() || value.abs() > LARGEST {
            return Ok(false);
        }
        if value.abs() <= ZERO {
            self.n_zero = self.n_zero.saturating_add(1);
        } else {
            let bucket = self.bucket(value.abs());
            let max_buckets = self.max_buckets;
            self.store_of(value).add(bucket, 1, max_buckets)?;
        }
        self.n = self.n.saturating_add(1);
        // Of 0 and −0 either may be the smaller: one of them is enough.
        let value = value + 0.0;
        let (low, high) = self.range.unwrap_or((value, value));
        self.range = Some((low.min(value), high.max(value)));
        Ok(true)
    }

    /// Adds the values of another sketch.
    ///
    /// # Errors
    /// `InvalidArgument` when its relative error is another one, `TooLarge` when memory runs out.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.rel_err.to_bits() != other.rel_err.to_bits() {
            let message = format!(
                "sketches of relative errors {} and {} do not merge",
                self.rel_err, other.rel_err
            );
            return Err(Error::invalid(message));
        }
        self.positive.merge(&other.positive, self.max_buckets)?;
        self.negative.merge(&other.negative, self.max_buckets)?;
        self.n_zero = self.n_zero.saturating_add(other.n_zero);
        self.n = self.n.saturating_add(other.n);
        self.range = match (self.range, other.range) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        Ok(())
    }

    /// The buckets of values of this sign.
    fn store_of(&mut self, value: f64) -> &mut Store {
        if value > 0.0 {
            &mut self.positive
        } else {
            &mut self.negative
        }
    }

    /// Values seen.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.n
    }

    /// The relative error α.
    #[must_use]
    pub fn rel_err(&self) -> f64 {
        self.rel_err
    }

    /// Smallest and largest value, exactly; `None` without values.
    #[must_use]
    pub fn range(&self) -> Option<(f64, f64)> {
        self.range
    }

    /// The value of rank ⌊p (n−1)⌋ in ascending order from 0 (the lower quantile), within the relative error;
    /// exact at the smallest and the largest; `None` without values.
    ///
    /// # Errors
    /// `InvalidArgument` for `p` outside 0 to 1.
    pub fn quantile(&self, p: f64) -> Result<Option<f64>> {
        if (0.0..=1.0).contains(&p) {
            Ok(self.lower_quantile(p))
        } else {
            Err(Error::invalid(format!(
                "a quantile is between 0 and 1, not {p}"
            )))
        }
    }

    /// The share of values that are at most `value`, counting all of its own bucket: between the shares at `value`
    /// and at `value` (1+α)/(1−α); `None` without values.
    ///
    /// # Errors
    /// `NotFinite` for NaN and infinity.
    pub fn rank(&self, value: f64) -> Result<Option<f64>> {
        if !value.is_finite() {
            return Err(Error::new(
                ErrorKind::NotFinite,
                format!("a rank is asked of a finite value, not of {value}"),
            ));
        }
        // Smaller values are counted in the lowest bucket that is kept.
        let lowest = |store: &Store| store.lowest_kept(self.max_buckets);
        let bucket = self.bucket(value.abs());
        let below = if value.abs() <= ZERO {
            self.negative.total(|_| true) + self.n_zero as f64
        } else if value > 0.0 {
            self.negative.total(|_| true)
                + self.n_zero as f64
                + self
                    .positive
                    .total(|idx| idx <= bucket.max(lowest(&self.positive)))
        } else {
            self.negative
                .total(|idx| idx >= bucket.max(lowest(&self.negative)))
        };
        Ok((self.n > 0).then(|| below / self.n as f64))
    }

    pub(super) fn lower_quantile(&self, p: f64) -> Option<f64> {
        let (low, high) = self.range?;
        let last = self.n.saturating_sub(1) as f64;
        let rank = (p * last).floor();
        if rank <= 0.0 {
            return Some(low);
        }
        let negative = self
            .negative
            .ascending()
            .rev()
            .map(|(idx, n)| (-self.value(idx), n));
        let positive = self
            .positive
            .ascending()
            .map(|(idx, n)| (self.value(idx), n));
        let mut below = 0u64;
        for (value, n) in negative.chain([(0.0, self.n_zero)]).chain(positive) {
            below = below.saturating_add(n);
            if below as f64 > rank && rank < last {
                return Some(value.clamp(low, high));
            }
        }
        Some(high)
    }

    /// The bucket of a positive value: between −10,400 and 161,300, whatever the error.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "|ln x| is at most 323 for x in ZERO..=LARGEST, and ln γ at least 0.002"
    )]
    fn bucket(&self, value: f64) -> i32 {
        (value.clamp(ZERO, LARGEST).ln() / self.ln_gamma).ceil() as i32
    }

    fn value(&self, bucket: i32) -> f64 {
        // 2γ^i/(γ+1) = γ^i (1−α).
        (f64::from(bucket) * self.ln_gamma).exp() * (1.0 - self.rel_err)
    }

    /// The flat form, format byte first; counts take one byte per seven bits.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(64 + self.positive.counts.len() + self.negative.counts.len());
        self.write(&mut out);
        out.finish()
    }

    /// Reads the flat form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("latency sketch", bytes)?;
        let sketch = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(sketch)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.f64(self.rel_err);
        out.varint(self.n_zero);
        let (low, high) = self.range.unwrap_or_default();
        out.f64s(&[low, high]);
        for store in [&self.positive, &self.negative] {
            store.write(out);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let (rel_err, n_zero) = (reader.f64()?, reader.varint()?);
        let range = (reader.f64()?, reader.f64()?);
        let (positive, negative) = (Store::read(reader)?, Store::read(reader)?);
        let is_empty = n_zero == 0 && positive.counts.is_empty() && negative.counts.is_empty();
        let range = if is_empty { None } else { Some(range) };
        Self::try_from(Parts {
            format: FORMAT,
            rel_err,
            n_zero,
            range,
            positive,
            negative,
        })
    }
}

/// The same numbers before they are checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    format: u8,
    rel_err: f64,
    n_zero: u64,
    range: Option<(f64, f64)>,
    positive: Store,
    negative: Store,
}

impl TryFrom<Parts> for LatencySketch {
    type Error = Error;

    fn try_from(parts: Parts) -> Result<Self> {
        let Parts {
            format,
            rel_err,
            n_zero,
            range,
            positive,
            negative,
        } = parts;
        let wrong = |why: &str| corrupt("latency sketch", why);
        if format != FORMAT {
            return Err(wrong("its format is not known"));
        }
        let mut sketch = Self::try_new(rel_err).map_err(|error| wrong(error.message()))?;
        let (least, most) = (sketch.bucket(ZERO), sketch.bucket(LARGEST));
        if !positive.is_valid(least, most) || !negative.is_valid(least, most) {
            return Err(wrong("its buckets are not those of any values"));
        }
        let mut counts = positive.counts.iter().chain(&negative.counts);
        let n = counts.try_fold(n_zero, |sum, &n| sum.checked_add(n));
        let n = n.ok_or_else(|| wrong("its counts overflow"))?;
        if (n > 0)
            != range.is_some_and(|(low, high)| low <= high && low >= -LARGEST && high <= LARGEST)
        {
            return Err(wrong("its range is not that of any values"));
        }
        sketch.n = n;
        sketch.n_zero = n_zero;
        sketch.range = range;
        // Version 0.2 kept every bucket.
        sketch.positive = positive.collapsed(sketch.max_buckets);
        sketch.negative = negative.collapsed(sketch.max_buckets);
        Ok(sketch)
    }
}

impl From<LatencySketch> for Parts {
    fn from(sketch: LatencySketch) -> Self {
        let LatencySketch {
            rel_err,
            ln_gamma: _,
            max_buckets: _,
            n: _,
            n_zero,
            range,
            positive,
            negative,
        } = sketch;
        Self {
            format: FORMAT,
            rel_err,
            n_zero,
            range,
            positive,
            negative,
        }
    }
}

#[cfg(test)]
mod tests;
