//! The state of `vector_agg`: vectors beside their ids, for what must see all of them at once (map, regimes).

use serde::{Deserialize, Serialize};

use super::MAX_DIMENSION;
use crate::error::{Error, ErrorKind, Result};
use crate::feature::LARGEST;
use crate::sample::flat::{FORMAT, Reader, Writer, corrupt, reserve, reserved};

/// Most numbers of a set, ids included: 32 MiB, half a million vectors of seven values. Sorting them takes less than 200 ms,
/// which cannot be interrupted.
pub const MAX_NUMBERS: usize = 1 << 22;

const WHAT: &str = "vector set";

/// Mergeable set of complete vectors of one length.
///
/// Every result of it is computed in the order of (id, values), so that the order of rows and their partition into
/// states change nothing, not a bit. Ids need not be distinct. A vector with a missing value is left out and counted in
/// [`n_null`](Self::n_null), one with a value that is NaN, infinite or beyond ±1e140 in
/// [`n_nonfinite`](Self::n_nonfinite): distances to it would not mean anything.
///
/// ```
/// use prescale_core::fingerprint::VectorSet;
/// let mut set = VectorSet::default();
/// set.push(2, &[Some(0.5), Some(1.0)])?;
/// set.push(1, &[Some(0.0), None])?;
/// assert_eq!((set.n(), set.n_null(), set.dimension()), (1, 1, 2));
/// # Ok::<(), prescale_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorSet {
    format: Format,
    dimension: usize,
    n_null: u64,
    n_nonfinite: u64,
    id: Vec<i64>,
    /// Row by row.
    value: Vec<f64>,
}

/// The format byte of the text form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Format(u8);

impl Default for Format {
    fn default() -> Self {
        Self(FORMAT)
    }
}

impl VectorSet {
    /// Adds one vector.
    ///
    /// # Errors
    /// `InvalidArgument` when the length changes or is 0, `TooLarge` above [`MAX_DIMENSION`] values, above
    /// [`MAX_NUMBERS`] in all or when memory runs out.
    pub fn push(&mut self, id: i64, x: &[Option<f64>]) -> Result<()> {
        self.check_dimension(x.len())?;
        if x.iter().any(Option::is_none) {
            self.n_null = self.n_null.saturating_add(1);
            return Ok(());
        }
        let values = x.iter().flatten();
        if !values.clone().all(|x| x.abs() <= LARGEST) {
            self.n_nonfinite = self.n_nonfinite.saturating_add(1);
            return Ok(());
        }
        self.make_room(1)?;
        self.id.push(id);
        // Minus zero is zero: the two would order and print differently.
        self.value.extend(values.map(|x| x + 0.0));
        Ok(())
    }

    /// Adds another set.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if other.dimension > 0 {
            self.check_dimension(other.dimension)?;
        }
        self.make_room(other.n())?;
        self.id.extend(&other.id);
        self.value.extend(&other.value);
        self.n_null = self.n_null.saturating_add(other.n_null);
        self.n_nonfinite = self.n_nonfinite.saturating_add(other.n_nonfinite);
        Ok(())
    }

    /// The first vector says how long vectors are.
    fn check_dimension(&mut self, dimension: usize) -> Result<()> {
        if dimension > MAX_DIMENSION {
            let message = format!("a vector of {dimension} values is longer than {MAX_DIMENSION}");
            return Err(Error::new(ErrorKind::TooLarge, message)
                .with_hint("project longer vectors with pca_project first"));
        }
        if dimension == 0 || (self.dimension > 0 && self.dimension != dimension) {
            let message = match dimension {
                0 => "a vector has no values".to_owned(),
                _ => format!(
                    "a vector has {dimension} values, the ones before had {}",
                    self.dimension
                ),
            };
            return Err(
                Error::invalid(message).with_hint("give every row an array of the same length")
            );
        }
        self.dimension = dimension;
        Ok(())
    }

    fn make_room(&mut self, n_more: usize) -> Result<()> {
        let numbers = (self.n() + n_more).saturating_mul(self.dimension + 1);
        if numbers > MAX_NUMBERS {
            let message = format!(
                "{} vectors of {} values are more than {MAX_NUMBERS} numbers, ids included",
                self.n() + n_more,
                self.dimension
            );
            return Err(Error::new(ErrorKind::TooLarge, message)
                .with_hint("take a sample of the rows, or shorter vectors"));
        }
        reserve(&mut self.id, n_more)?;
        reserve(&mut self.value, n_more * self.dimension)
    }

    /// Vectors in the set.
    #[must_use]
    pub fn n(&self) -> usize {
        self.id.len()
    }

    /// Length of the vectors; 0 before the first.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Vectors left out because a value was NULL.
    #[must_use]
    pub fn n_null(&self) -> u64 {
        self.n_null
    }

    /// Vectors left out because a value was NaN or infinite.
    #[must_use]
    pub fn n_nonfinite(&self) -> u64 {
        self.n_nonfinite
    }

    /// The indices of the vectors in the order of (id, values).
    fn order(&self) -> Vec<usize> {
        let by_value = |a: usize, b: usize| {
            let pairs = self.row(a).iter().zip(self.row(b));
            let mut apart = pairs
                .map(|(a, b)| a.total_cmp(b))
                .filter(|order| order.is_ne());
            apart.next().unwrap_or(std::cmp::Ordering::Equal)
        };
        let mut order: Vec<usize> = (0..self.n()).collect();
        order.sort_unstable_by(|&a, &b| self.id[a].cmp(&self.id[b]).then_with(|| by_value(a, b)));
        order
    }

    fn row(&self, idx: usize) -> &[f64] {
        &self.value[idx * self.dimension..(idx + 1) * self.dimension]
    }

    /// Ids and values, row by row, in the order of (id, values).
    ///
    /// # Errors
    /// `TooLarge` when memory runs out.
    pub(super) fn sorted(&self) -> Result<(Vec<i64>, Vec<f64>)> {
        let (mut id, mut value) = (reserved(self.n())?, reserved(self.value.len())?);
        for idx in self.order() {
            id.push(self.id[idx]);
            value.extend_from_slice(self.row(idx));
        }
        Ok((id, value))
    }

    /// The flat form, format byte first: eight bytes a number, in the order of (id, values), so that equal sets are equal
    /// bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let order = self.order();
        let mut out = Writer::new(40 + 8 * (self.id.len() + self.value.len()));
        out.len(self.dimension);
        out.u64(self.n_null);
        out.u64(self.n_nonfinite);
        out.len(self.n());
        order.iter().for_each(|&idx| out.i64(self.id[idx]));
        order.iter().for_each(|&idx| out.f64s(self.row(idx)));
        out.finish()
    }

    /// Reads the flat form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(WHAT, bytes)?;
        let dimension = usize::try_from(reader.u64()?).unwrap_or(usize::MAX);
        let (n_null, n_nonfinite) = (reader.u64()?, reader.u64()?);
        let n = reader.len(8)?;
        let id = reader.i64s(n)?;
        let value = reader.f64s(n.saturating_mul(dimension))?;
        reader.finish()?;
        Self {
            format: Format::default(),
            dimension,
            n_null,
            n_nonfinite,
            id,
            value,
        }
        .checked()
    }

    /// The text form (JSON).
    #[must_use]
    pub fn to_text(&self) -> String {
        // Numbers in a struct always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_text(text: &str) -> Result<Self> {
        let set: Self = serde_json::from_str(text).map_err(|error| corrupt(WHAT, error))?;
        if set.format != Format::default() {
            return Err(corrupt(
                WHAT,
                format_args!("format {} is not known", set.format.0),
            ));
        }
        set.checked()
    }

    fn checked(self) -> Result<Self> {
        let has_seen = self.n() > 0 || self.n_null > 0 || self.n_nonfinite > 0;
        let fits = self.dimension <= MAX_DIMENSION
            && self.n().checked_mul(self.dimension) == Some(self.value.len())
            && self.n() + self.value.len() <= MAX_NUMBERS
            && (self.dimension > 0) == has_seen;
        if !fits {
            return Err(corrupt(WHAT, "its lengths do not fit together"));
        }
        if !self.value.iter().all(|x| x.abs() <= LARGEST) {
            return Err(corrupt(WHAT, "its values are not those of any vectors"));
        }
        Ok(self)
    }
}

#[cfg(test)]
pub(super) mod tests;
