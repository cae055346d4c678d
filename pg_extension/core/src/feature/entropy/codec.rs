//! Flat form of counted keys, and what is checked when it is read.

use serde::{Deserialize, Serialize};

use super::{EntropyState, MAX_KEYS, count_bucket};
use crate::error::{Error, Result};
use crate::sample::flat::{FORMAT, Reader, Writer, corrupt};

impl EntropyState {
    /// The flat form, format byte first: eight bytes for each key and one per seven bits for each count.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(self.flat_len());
        self.write(&mut out);
        out.finish()
    }

    /// Reads the flat form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("set of counted keys", bytes)?;
        let state = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(state)
    }

    /// About how long the flat form is.
    pub(super) fn flat_len(&self) -> usize {
        32 + self.keys.len() * 10 + self.buckets.len() * 2
    }

    pub(in crate::feature) fn write(&self, out: &mut Writer) {
        let Parts {
            format: _,
            level,
            keys,
            buckets,
        } = Parts::from(self.clone());
        out.varint(u64::from(level));
        out.len(keys.len());
        for (key, count) in keys {
            out.u64(key);
            out.varint(count);
        }
        out.len(buckets.len());
        buckets.iter().for_each(|&count| out.varint(count));
    }

    pub(in crate::feature) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let level = reader.varint()?;
        let level =
            u32::try_from(level).map_err(|_| reader.corrupt("a level that does not exist"))?;
        let n = reader.len(9)?;
        let mut keys = Vec::new();
        for _ in 0..n.min(MAX_KEYS + 1) {
            keys.push((reader.u64()?, reader.varint()?));
        }
        let n = reader.len(1)?;
        let buckets = reader.varints(n)?;
        Self::try_from(Parts {
            format: FORMAT,
            level,
            keys,
            buckets,
        })
    }
}

/// The same numbers before they are checked; keys ascending.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parts {
    format: u8,
    level: u32,
    keys: Vec<(u64, u64)>,
    buckets: Vec<u64>,
}

impl TryFrom<Parts> for EntropyState {
    type Error = Error;

    fn try_from(parts: Parts) -> Result<Self> {
        let Parts {
            format,
            level,
            keys,
            buckets,
        } = parts;
        let wrong = |why: &str| corrupt("set of counted keys", why);
        let n_keys = keys
            .iter()
            .try_fold(0u64, |sum, key| sum.checked_add(key.1));
        let n_rows = buckets
            .iter()
            .try_fold(0u64, |sum, &count| sum.checked_add(count));
        let n = if level > 0 { n_rows } else { n_keys };
        let n = n.ok_or_else(|| wrong("its counts overflow"))?;
        let is_ascending = keys.iter().zip(keys.iter().skip(1)).all(|(a, b)| a.0 < b.0);
        let is_kept = keys
            .iter()
            .all(|&(key, count)| key.leading_zeros() >= level && count > 0);
        if format != FORMAT {
            return Err(wrong("its format is not known"));
        }
        if keys.len() > MAX_KEYS || !is_ascending || !is_kept || level > 64 {
            return Err(wrong("its keys are not those of any rows"));
        }
        if buckets.len() != (if level > 0 { MAX_KEYS } else { 0 }) {
            return Err(wrong("it has the wrong number of buckets"));
        }
        let mut seen = vec![0; buckets.len()];
        keys.iter()
            .for_each(|&(key, count)| count_bucket(&mut seen, key, count));
        if seen.iter().zip(&buckets).any(|(seen, all)| seen > all) {
            return Err(wrong("a bucket holds fewer rows than its keys"));
        }
        Ok(Self {
            n,
            level,
            keys: keys.into_iter().collect(),
            buckets,
        })
    }
}

impl From<EntropyState> for Parts {
    fn from(state: EntropyState) -> Self {
        let EntropyState {
            n: _,
            level,
            keys,
            buckets,
        } = state;
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort_unstable();
        Self {
            format: FORMAT,
            level,
            keys,
            buckets,
        }
    }
}
