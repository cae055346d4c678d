//! Counted keys with what stands beside them: the rows that had none.

use serde::{Deserialize, Serialize};

use super::{Correction, EntropyState};
use crate::error::{Error, Result};
use crate::sample::flat::{FORMAT, Reader, Writer, corrupt};

/// The state of `entropy_agg`: an [`EntropyState`] and the number of rows whose key was NULL.
///
/// ```
/// use prescale_core::feature::{Correction, KeyCounts};
/// let mut keys = KeyCounts::default();
/// for key in [Some("read"), Some("write"), None, Some("read")] {
///     keys.push(key)?;
/// }
/// let share: f64 = 2.0 / 3.0;
/// let bits = -(share * share.log2() + (1.0 - share) * (1.0 - share).log2());
/// assert!(keys.entropy(true, Correction::None).is_some_and(|h| (h - bits).abs() < 1e-12));
/// assert_eq!((keys.n_null(), keys.state().share("read")), (1, Some(share)));
/// # Ok::<(), prescale_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct KeyCounts {
    state: EntropyState,
    n_null: u64,
}

impl KeyCounts {
    /// Adds one row.
    ///
    /// # Errors
    /// `TooLarge` when memory runs out.
    pub fn push(&mut self, key: Option<&str>) -> Result<()> {
        match key {
            Some(key) => self.state.push(key),
            None => {
                self.n_null = self.n_null.saturating_add(1);
                Ok(())
            }
        }
    }

    /// Takes one row out again, as if it had never been; `false`, with nothing changed, where that is impossible: above
    /// [`MAX_KEYS`](super::MAX_KEYS) different keys, or for a key that was not added.
    #[must_use]
    pub fn take(&mut self, key: Option<&str>) -> bool {
        match key {
            Some(key) => self.state.take(key),
            None => {
                let left = self.n_null.checked_sub(1);
                self.n_null = left.unwrap_or(0);
                left.is_some()
            }
        }
    }

    /// Adds another state.
    ///
    /// # Errors
    /// `TooLarge` when memory runs out.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.n_null = self.n_null.saturating_add(other.n_null);
        self.state.merge(&other.state)
    }

    /// The entropy in bits or, `normalized`, as a share of the log₂ m bits that m equally frequent keys have: between 0
    /// (also for a single key) and 1, where a correction may not lead beyond. `None` without keys.
    #[must_use]
    pub fn entropy(&self, normalized: bool, correction: Correction) -> Option<f64> {
        let bits = self.state.entropy(correction)?;
        let most = self.state.n_keys().log2();
        Some(match (normalized, most > 0.0) {
            (false, _) => bits,
            (true, true) => (bits / most).min(1.0),
            (true, false) => 0.0,
        })
    }

    /// The counted keys.
    #[must_use]
    pub fn state(&self) -> &EntropyState {
        &self.state
    }

    /// Rows whose key was NULL.
    #[must_use]
    pub fn n_null(&self) -> u64 {
        self.n_null
    }

    /// The flat form, format byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(10 + self.state.flat_len());
        out.varint(self.n_null);
        self.state.write(&mut out);
        out.finish()
    }

    /// Reads the flat form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("state of entropy_agg", bytes)?;
        let n_null = reader.varint()?;
        let state = EntropyState::read(&mut reader)?;
        reader.finish()?;
        Ok(Self { state, n_null })
    }

    /// The text form (JSON).
    #[must_use]
    pub fn to_text(&self) -> String {
        // Numbers in structs always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_text(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| corrupt("state of entropy_agg", error))
    }
}

/// The fields of the text form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    format: u8,
    n_null: u64,
    keys: EntropyState,
}

impl TryFrom<Parts> for KeyCounts {
    type Error = Error;

    fn try_from(parts: Parts) -> Result<Self> {
        let Parts {
            format,
            n_null,
            keys,
        } = parts;
        if format == FORMAT {
            Ok(Self {
                state: keys,
                n_null,
            })
        } else {
            Err(corrupt("state of entropy_agg", "its format is not known"))
        }
    }
}

impl From<KeyCounts> for Parts {
    fn from(counts: KeyCounts) -> Self {
        let KeyCounts { state, n_null } = counts;
        Self {
            format: FORMAT,
            n_null,
            keys: state,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::sample::tests::fixed_seed;

    fn counts(keys: &[Option<u8>]) -> KeyCounts {
        let mut counts = KeyCounts::default();
        for key in keys {
            counts
                .push(key.map(|key| format!("k{key}")).as_deref())
                .unwrap();
        }
        counts
    }

    #[test]
    fn a_state_that_samples_keys_gives_none_back() {
        let mut counts = KeyCounts::default();
        for key in 0..5000 {
            counts.push(Some(&format!("{key}"))).unwrap();
        }
        let before = counts.clone();
        assert!(counts.state().is_approximate() && !counts.take(Some("1")));
        assert_eq!(counts, before);
        assert!(!counts.take(None));
        // A key in 2ˡ is counted singly; of the others the share is unknown, not zero.
        let known = (0..5000).filter_map(|key| counts.state().share(&format!("{key}")));
        let shares: Vec<f64> = known.collect();
        assert!((2000..3000).contains(&shares.len()));
        assert!(
            shares
                .iter()
                .all(|&share| (share * 5000.0 - 1.0).abs() < 1e-12)
        );
    }

    proptest! {
        #![proptest_config(fixed_seed())]

        #[test]
        fn what_is_taken_out_leaves_no_trace(keys in prop::collection::vec(prop::option::of(0u8..9), 1..60), width in 1usize..20) {
            let mut moving = KeyCounts::default();
            for (end, key) in keys.iter().enumerate() {
                moving.push(key.map(|key| format!("k{key}")).as_deref()).unwrap();
                if let Some(old) = end.checked_sub(width) {
                    let oldest = keys[old].map(|key| format!("k{key}"));
                    prop_assert!(moving.take(oldest.as_deref()));
                }
                let start = (end + 1).saturating_sub(width);
                prop_assert_eq!(moving.to_bytes(), counts(&keys[start..=end]).to_bytes());
            }
        }

        #[test]
        fn normalised_entropy_is_a_share_and_shares_are_those_of_the_rows(keys in prop::collection::vec(prop::option::of(0u8..9), 0..60)) {
            let state = counts(&keys);
            let mut seen = BTreeMap::<u8, f64>::new();
            keys.iter().flatten().for_each(|&key| *seen.entry(key).or_default() += 1.0);
            let n: f64 = seen.values().sum();
            for (key, count) in &seen {
                let key = format!("k{key}");
                prop_assert_eq!(state.state().share(&key), Some(count / n));
            }
            for correction in [Correction::None, Correction::MillerMadow] {
                let share = state.entropy(true, correction);
                prop_assert_eq!(share.is_some(), n > 0.0);
                prop_assert!(share.is_none_or(|share| (0.0..=1.0 + 1e-12).contains(&share)));
            }
            prop_assert_eq!(&KeyCounts::from_text(&state.to_text()).unwrap(), &state);
        }

        #[test]
        fn damaged_bytes_never_panic(keys in prop::collection::vec(prop::option::of(0u8..9), 0..60), at in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = counts(&keys).to_bytes();
            let at = at.index(bytes.len());
            prop_assert!(KeyCounts::from_bytes(&bytes[..at]).is_err());
            bytes[at] = byte;
            if let Ok(read) = KeyCounts::from_bytes(&bytes) {
                prop_assert!(read.entropy(true, Correction::MillerMadow).is_none_or(f64::is_finite));
            }
        }
    }
}
