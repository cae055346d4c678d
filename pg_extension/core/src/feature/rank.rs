//! Rank correlation (Spearman).

use crate::error::{Error, ErrorKind, Result};
use crate::sample::flat::{Reader, Writer, reserve, reserved};
use crate::time::{ShouldStop, check_stop};

/// Most pairs of one rank correlation: they take up to 192 MiB, and 400 MiB more while they are ranked.
pub const MAX_PAIRS: usize = 8 << 20;

/// Pairs, whose ranks are correlated at the end; the state of `rank_corr_agg`. Ranks need all values, so that memory
/// grows with the rows, up to [`MAX_PAIRS`]. The result depends on the set of rows only.
///
/// ```
/// use prescale_core::feature::RankCorrelation;
/// let mut pairs = RankCorrelation::default();
/// for x in 1..=10 {
///     pairs.push(Some(f64::from(x)), Some(f64::from(x).exp()))?;
/// }
/// assert_eq!(pairs.correlation(&|| false)?, Some(1.0));
/// # Ok::<(), prescale_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct RankCorrelation {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl RankCorrelation {
    /// Adds a pair; without one of the two it is none.
    ///
    /// # Errors
    /// `TooLarge` above [`MAX_PAIRS`] or when memory runs out.
    pub fn push(&mut self, x: Option<f64>, y: Option<f64>) -> Result<()> {
        if let (Some(x), Some(y)) = (x, y) {
            if self.x.len() == self.x.capacity() || self.y.len() == self.y.capacity() {
                self.make_room(self.x.len() / 2 + 32)?;
            }
            self.x.push(x);
            self.y.push(y);
        }
        Ok(())
    }

    /// Adds the pairs of another state.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.make_room(other.x.len())?;
        self.x.extend_from_slice(&other.x);
        self.y.extend_from_slice(&other.y);
        Ok(())
    }

    fn make_room(&mut self, n: usize) -> Result<()> {
        let left = MAX_PAIRS.saturating_sub(self.x.len());
        if left == 0 && n > 0 {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("a rank correlation takes at most {MAX_PAIRS} pairs"),
            )
            .with_hint("aggregate into windows first, or take a sample of the rows"));
        }
        reserve(&mut self.x, n.min(left))?;
        reserve(&mut self.y, n.min(left))
    }

    /// Spearman's ρ: Pearson's correlation of the ranks, where equal values share the mean of their ranks. Infinite values
    /// are the largest and the smallest. NaN as soon as a value is NaN, `None` below two pairs or when a variable is
    /// constant (all three as the aggregate `corr` does).
    ///
    /// # Errors
    /// `Cancelled`, and `TooLarge` when memory runs out.
    pub fn correlation(&self, should_stop: ShouldStop<'_>) -> Result<Option<f64>> {
        if self.x.iter().chain(&self.y).any(|x| x.is_nan()) {
            return Ok(Some(f64::NAN));
        }
        let x = ranks(&self.x, should_stop)?;
        let y = ranks(&self.y, should_stop)?;
        Ok(correlation_of_ranks(&x, &y))
    }

    /// Flat form of the state, for parallel aggregation.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(8 + self.x.len() * 16);
        out.len(self.x.len());
        // NaN is part of a state, so these are bits and not finite numbers.
        for column in [&self.x, &self.y] {
            column.iter().for_each(|x| out.u64(x.to_bits()));
        }
        out.finish()
    }

    /// Reads the flat form of a state.
    ///
    /// # Errors
    /// `Corrupt`, and `TooLarge` when memory runs out.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("rank correlation", bytes)?;
        let n = reader.len(16)?;
        if n > MAX_PAIRS {
            return Err(reader.corrupt(format_args!("{n} pairs are more than {MAX_PAIRS}")));
        }
        let mut column = || -> Result<Vec<f64>> {
            let mut out = reserved(n)?;
            for _ in 0..n {
                out.push(f64::from_bits(reader.u64()?));
            }
            Ok(out)
        };
        let (x, y) = (column()?, column()?);
        reader.finish()?;
        Ok(Self { x, y })
    }
}

/// Twice the rank of each value less n + 1, so that the ranks are whole and their mean is zero.
pub(super) fn ranks(values: &[f64], should_stop: ShouldStop<'_>) -> Result<Vec<i64>> {
    let mut order = reserved(values.len())?;
    order.extend(values.iter().zip(0u64..).map(|(&x, row)| to_key(x, row)));
    sort(&mut order, should_stop)?;
    let mut ranks: Vec<i64> = reserved(values.len())?;
    ranks.resize(values.len(), 0);
    let n = i64::try_from(values.len()).unwrap_or(i64::MAX / 4);
    let mut first = 0i64;
    for equal in order.chunk_by(|a, b| a >> 64 == b >> 64) {
        let next = first + i64::try_from(equal.len()).unwrap_or(i64::MAX / 4);
        // Ranks first + 1 to next, whose mean is (first + next + 1)/2.
        for key in equal {
            let row = usize::try_from(key & u128::from(u64::MAX)).unwrap_or(usize::MAX);
            if let Some(rank) = ranks.get_mut(row) {
                *rank = first + next - n;
            }
        }
        first = next;
    }
    Ok(ranks)
}

/// Orders as values do (0 and −0 are equal), and carries the row.
fn to_key(x: f64, row: u64) -> u128 {
    let bits = (x + 0.0).to_bits();
    let sign = 1 << 63;
    let ordered = if bits & sign == 0 { bits ^ sign } else { !bits };
    (u128::from(ordered) << 64) | u128::from(row)
}

/// Rows sorted at once: about four milliseconds.
const BLOCK: usize = 1 << 16;

/// Sorts in blocks that are merged, asking in between whether to stop; the last merge of [`MAX_PAIRS`] takes a tenth of a
/// second.
fn sort(keys: &mut Vec<u128>, should_stop: ShouldStop<'_>) -> Result<()> {
    for block in keys.chunks_mut(BLOCK) {
        check_stop(should_stop)?;
        block.sort_unstable();
    }
    let mut width = BLOCK;
    let mut merged: Vec<u128> = Vec::new();
    while width < keys.len() {
        merged.clear();
        reserve(&mut merged, keys.len())?;
        for pair in keys.chunks(2 * width) {
            check_stop(should_stop)?;
            let (mut a, mut b) = pair.split_at(width.min(pair.len()));
            while let (Some((first_a, rest_a)), Some((first_b, rest_b))) =
                (a.split_first(), b.split_first())
            {
                if first_a <= first_b {
                    merged.push(*first_a);
                    a = rest_a;
                } else {
                    merged.push(*first_b);
                    b = rest_b;
                }
            }
            merged.extend_from_slice(a);
            merged.extend_from_slice(b);
        }
        std::mem::swap(keys, &mut merged);
        width *= 2;
    }
    Ok(())
}

/// Σxy/√(Σx² Σy²) in whole numbers but for the last step; `None` when one is constant.
pub(super) fn correlation_of_ranks(x: &[i64], y: &[i64]) -> Option<f64> {
    let dot = |a: &[i64], b: &[i64]| -> i128 {
        let products = a
            .iter()
            .zip(b)
            .map(|(&a, &b)| i128::from(a) * i128::from(b));
        products.sum()
    };
    let r = dot(x, y) as f64 / (dot(x, x) as f64 * dot(y, y) as f64).sqrt();
    r.is_finite().then_some(r.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample::tests::fixed_seed;

    const NEVER: ShouldStop<'static> = &|| false;

    fn state(pairs: &[(f64, f64)]) -> RankCorrelation {
        let mut state = RankCorrelation::default();
        pairs
            .iter()
            .for_each(|pair| state.push(Some(pair.0), Some(pair.1)).unwrap());
        state
    }

    #[test]
    fn undefined_correlations_are_none_and_nan_is_passed_on() {
        let correlation = |pairs: &[(f64, f64)]| state(pairs).correlation(NEVER).unwrap();
        assert_eq!(correlation(&[]), None);
        assert_eq!(correlation(&[(1.0, 2.0)]), None);
        assert_eq!(correlation(&[(1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(correlation(&[(0.0, 2.0), (-0.0, 3.0)]), None);
        assert_eq!(
            correlation(&[(1.0, 2.0), (f64::INFINITY, 3.0), (f64::NEG_INFINITY, 1.0)]),
            Some(1.0)
        );
        assert!(
            correlation(&[(1.0, 2.0), (f64::NAN, 3.0)])
                .unwrap()
                .is_nan()
        );
    }

    #[test]
    fn large_inputs_are_sorted_in_blocks_and_can_be_stopped() {
        let pairs: Vec<(f64, f64)> = (0..200_000u32)
            .map(|k| f64::from(k.wrapping_mul(2_654_435_761) >> 8))
            .map(|x| (x, -x * x))
            .collect();
        assert_eq!(state(&pairs).correlation(NEVER).unwrap(), Some(-1.0));
        let error = state(&pairs).correlation(&|| true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }

    #[test]
    fn the_correlation_is_that_of_scipy() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../../tests/golden/aggregate.json")).unwrap();
        let golden = &golden["rank"];
        let column = |name: &str| {
            golden[name]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|x| x.as_f64())
        };
        let pairs: Vec<_> = column("x").zip(column("y")).collect();
        let found = state(&pairs).correlation(NEVER).unwrap().unwrap();
        assert!((found - golden["r"].as_f64().unwrap()).abs() < 1e-14);
    }

    proptest! {
        #![proptest_config(fixed_seed())]

        #[test]
        fn ranks_are_counts_of_smaller_and_equal_values(xs in prop::collection::vec(-3i32..4, 0..40)) {
            let xs: Vec<f64> = xs.into_iter().map(f64::from).collect();
            let n = i64::try_from(xs.len()).unwrap();
            let count = |is_in: &dyn Fn(f64) -> bool| i64::try_from(xs.iter().filter(|&&x| is_in(x)).count()).unwrap();
            let expected: Vec<i64> = xs.iter().map(|&x| 2 * count(&|y| y < x) + count(&|y| y.total_cmp(&x).is_eq()) - n).collect();
            prop_assert_eq!(ranks(&xs, NEVER).unwrap(), expected);
        }

        #[test]
        fn any_order_and_partition_gives_the_same_bits((pairs, shuffled) in prop::collection::vec(((-4i32..4), (-4i32..4)), 0..40).prop_flat_map(|v| (Just(v.clone()), Just(v).prop_shuffle())), cut in any::<prop::sample::Index>()) {
            let floats = |pairs: &[(i32, i32)]| -> Vec<(f64, f64)> { pairs.iter().map(|p| (f64::from(p.0), f64::from(p.1))).collect() };
            let (a, b) = shuffled.split_at(cut.index(shuffled.len() + 1).min(shuffled.len()));
            let mut merged = RankCorrelation::from_bytes(&state(&floats(a)).to_bytes()).unwrap();
            merged.merge(&state(&floats(b))).unwrap();
            prop_assert_eq!(merged.correlation(NEVER).unwrap(), state(&floats(&pairs)).correlation(NEVER).unwrap());
        }
    }
}
