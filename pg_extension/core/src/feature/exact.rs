//! Sums without rounding.

use serde::{Deserialize, Serialize};

use super::LARGEST;
use crate::error::{Error, Result};
use crate::sample::flat::{Reader, Writer, corrupt};

/// Digits of 32 bits, the lowest with the weight 2⁻¹⁰⁷⁴ of the smallest number. A number up to [`LARGEST`] < 2⁴⁶⁶ ends
/// in the 49th, 2⁶⁴ of them sum to two more.
const N_DIGITS: usize = 51;

/// After that many numbers carries are propagated: each adds less than 2³² to a digit of 63 bits.
const MAX_PENDING: u32 = 1 << 30;

/// The exact sum of numbers up to ±[`LARGEST`]: it does not depend on their order, and what was added can be taken out
/// again without a trace (after Neal 2015, "Fast exact summation using small and large superaccumulators"). It takes 416
/// bytes and a few nanoseconds a number.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Digits", into = "Digits")]
pub(super) struct ExactSum {
    /// Σ digit × 2^(32 index − 1074); each may exceed 32 bits, of either sign, until carries are propagated.
    digits: [i64; N_DIGITS],
    pending: u32,
}

impl Default for ExactSum {
    fn default() -> Self {
        Self {
            digits: [0; N_DIGITS],
            pending: 0,
        }
    }
}

impl PartialEq for ExactSum {
    fn eq(&self, other: &Self) -> bool {
        self.propagated().digits == other.propagated().digits
    }
}

impl ExactSum {
    /// Adds a number of at most [`LARGEST`].
    pub(super) fn add(&mut self, x: f64) {
        let bits = x.to_bits();
        let exponent = (bits >> 52) & 0x7ff;
        let fraction = bits & ((1 << 52) - 1);
        // x = ±mantissa × 2^(position − 1074).
        let (mantissa, position) = match exponent {
            0 => (fraction, 0),
            _ => (fraction | (1 << 52), exponent - 1),
        };
        let wide = u128::from(mantissa) << (position % 32);
        let negative = -i64::from(x.is_sign_negative());
        let first = usize::try_from(position / 32).unwrap_or(usize::MAX);
        if let Some(digits) = self.digits.get_mut(first..first.saturating_add(3)) {
            for (digit, shift) in digits.iter_mut().zip([0, 32, 64]) {
                let part = i64::from(((wide >> shift) & 0xffff_ffff) as u32);
                // Negated where the sign says so, without a branch.
                *digit += (part ^ negative) - negative;
            }
        }
        self.pending += 1;
        if self.pending >= MAX_PENDING {
            *self = self.propagated();
        }
    }

    /// Adds another sum.
    pub(super) fn merge(&mut self, other: &Self) {
        let (a, b) = (self.propagated(), other.propagated());
        *self = a;
        for (digit, more) in self.digits.iter_mut().zip(&b.digits) {
            *digit += more;
        }
        *self = self.propagated();
    }

    /// The sum, rounded once to the nearest number.
    pub(super) fn value(&self) -> f64 {
        let Digits {
            negative,
            first,
            digits,
        } = Digits::from(self.clone());
        // The top three digits hold 65 bits at least; what is below only breaks ties.
        let n_low = digits.len().saturating_sub(3);
        let (low, top) = digits.split_at_checked(n_low).unwrap_or_default();
        let top = top
            .iter()
            .rev()
            .fold(0u128, |sum, &digit| (sum << 32) | u128::from(digit));
        let sticky = u128::from(low.iter().any(|&digit| digit > 0));
        let exponent = 32 * (i32::try_from(first + n_low).unwrap_or(i32::MAX / 64)) - 1074;
        let half = exponent / 2;
        let size = (top | sticky) as f64 * 2f64.powi(half) * 2f64.powi(exponent - half);
        if negative { -size } else { size }
    }

    /// The same sum with every digit but the last in 0..2³²: equal sums have equal digits.
    fn propagated(&self) -> Self {
        let mut digits = self.digits;
        let mut carry = 0;
        let last = N_DIGITS - 1;
        for digit in digits.iter_mut().take(last) {
            *digit += carry;
            carry = *digit >> 32;
            *digit &= 0xffff_ffff;
        }
        if let Some(digit) = digits.last_mut() {
            *digit += carry;
        }
        Self { digits, pending: 0 }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        let Digits {
            negative,
            first,
            digits,
        } = Digits::from(self.clone());
        out.u8(u8::from(negative));
        out.varint(first as u64);
        out.varint(digits.len() as u64);
        digits
            .iter()
            .for_each(|&digit| out.varint(u64::from(digit)));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let negative = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(reader.corrupt("a sign that is none")),
        };
        let (first, n) = (reader.varint()?, reader.varint()?);
        let too_many = |_| reader.corrupt("a sum with too many digits");
        let first = usize::try_from(first).map_err(too_many)?;
        let n = usize::try_from(n.min(N_DIGITS as u64 + 1)).map_err(too_many)?;
        let mut digits = Vec::new();
        for _ in 0..n {
            let digit = reader.varint()?;
            digits.push(u32::try_from(digit).map_err(|_| reader.corrupt("a digit above 32 bits"))?);
        }
        Self::try_from(Digits {
            negative,
            first,
            digits,
        })
    }
}

/// Sign and size of a sum: digits from the lowest to the highest that is not zero; none for zero.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Digits {
    negative: bool,
    first: usize,
    digits: Vec<u32>,
}

impl From<ExactSum> for Digits {
    fn from(sum: ExactSum) -> Self {
        let mut sum = sum.propagated();
        let negative = sum.digits.last().is_some_and(|&digit| digit < 0);
        if negative {
            sum.digits.iter_mut().for_each(|digit| *digit = -*digit);
            sum = sum.propagated();
        }
        let is_some = |digit: &i64| *digit != 0;
        let first = sum.digits.iter().position(is_some).unwrap_or(0);
        let end = sum.digits.iter().rposition(is_some).map_or(0, |at| at + 1);
        let digits = sum.digits.get(first..end).unwrap_or_default();
        Self {
            negative,
            first,
            digits: digits
                .iter()
                .map(|&digit| u32::try_from(digit).unwrap_or(u32::MAX))
                .collect(),
        }
    }
}

impl TryFrom<Digits> for ExactSum {
    type Error = Error;

    fn try_from(parts: Digits) -> Result<Self> {
        let Digits {
            negative,
            first,
            digits,
        } = parts;
        let wrong = || corrupt("sum", "its digits are not those of any sum");
        let ends = [digits.first(), digits.last()];
        let is_canonical = match ends {
            [Some(&low), Some(&high)] => low > 0 && high > 0,
            _ => first == 0 && !negative,
        };
        let mut sum = Self::default();
        let end = first.checked_add(digits.len()).ok_or_else(wrong)?;
        let into = sum.digits.get_mut(first..end).ok_or_else(wrong)?;
        for (digit, &given) in into.iter_mut().zip(&digits) {
            *digit = if negative {
                -i64::from(given)
            } else {
                i64::from(given)
            };
        }
        if !is_canonical || sum.value().abs() > LARGEST * 2f64.powi(64) {
            return Err(wrong());
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample::tests::fixed_seed;

    fn sum(xs: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        xs.iter().for_each(|&x| sum.add(x));
        sum
    }

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![
            3 => any::<f64>().prop_filter("in range", |x| x.abs() <= LARGEST),
            3 => -1e6f64..1e6,
            1 => prop::sample::select(vec![0.0, -0.0, 5e-324, -5e-324, LARGEST, -LARGEST, 1.0, 0.1, f64::MIN_POSITIVE]),
        ]
    }

    #[test]
    fn sums_are_rounded_once() {
        assert_eq!(sum(&[0.1; 10]).value().to_bits(), 1.0f64.to_bits());
        assert_eq!(
            sum(&[1e100, 1.0, -1e100]).value().to_bits(),
            1.0f64.to_bits()
        );
        assert_eq!(
            sum(&[5e-324, 5e-324]).value().to_bits(),
            1e-323f64.to_bits()
        );
        assert_eq!(sum(&[]).value().to_bits(), 0.0f64.to_bits());
        assert_eq!(sum(&[1e140; 1000]).value().to_bits(), 1e143f64.to_bits());
        // Halfway between two numbers, decided by the last bit of all.
        let (tie, bit) = (f64::EPSILON / 2.0, 1e-300);
        assert_eq!(sum(&[1.0, tie]).value().to_bits(), 1.0f64.to_bits());
        assert_eq!(
            sum(&[1.0, tie, bit]).value().to_bits(),
            (1.0 + f64::EPSILON).to_bits()
        );
        assert_eq!(
            sum(&[-1.0, -tie, -bit]).value().to_bits(),
            (-1.0 - f64::EPSILON).to_bits()
        );
    }

    proptest! {
        #![proptest_config(fixed_seed())]

        #[test]
        fn sums_of_whole_numbers_are_those_of_integers(xs in prop::collection::vec(-(1i64 << 53)..(1i64 << 53), 0..50)) {
            let exact: i128 = xs.iter().map(|&x| i128::from(x)).sum();
            let numbers: Vec<f64> = xs.iter().map(|&x| x as f64).collect();
            prop_assert_eq!(sum(&numbers).value().to_bits(), (exact as f64).to_bits());
        }

        #[test]
        fn order_and_partition_change_nothing(xs in prop::collection::vec(number(), 0..40), cut in any::<prop::sample::Index>()) {
            let whole = sum(&xs);
            let (a, b) = xs.split_at(cut.index(xs.len() + 1).min(xs.len()));
            let mut merged = sum(b);
            merged.merge(&sum(a));
            prop_assert_eq!(&merged, &whole);
            prop_assert_eq!(merged.value().to_bits(), whole.value().to_bits());
        }

        #[test]
        fn what_is_taken_out_leaves_no_trace(xs in prop::collection::vec(number(), 0..40), ys in prop::collection::vec(number(), 0..40)) {
            let mut both = sum(&xs);
            ys.iter().for_each(|&y| both.add(y));
            ys.iter().for_each(|&y| both.add(-y));
            prop_assert_eq!(&both, &sum(&xs));
        }

        #[test]
        fn the_parts_of_one_number_are_that_number(x in number()) {
            prop_assert_eq!(sum(&[x]).value().to_bits(), (x + 0.0).to_bits());
        }

        #[test]
        fn both_forms_round_trip(xs in prop::collection::vec(number(), 0..20)) {
            let sum = sum(&xs);
            let mut out = Writer::new(0);
            sum.write(&mut out);
            let bytes = out.finish();
            let mut reader = Reader::new("sum", &bytes).unwrap();
            prop_assert_eq!(&ExactSum::read(&mut reader).unwrap(), &sum);
            prop_assert_eq!(&serde_json::from_str::<ExactSum>(&serde_json::to_string(&sum).unwrap()).unwrap(), &sum);
        }
    }
}
