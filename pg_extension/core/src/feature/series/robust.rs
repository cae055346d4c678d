//! Statistics that outliers do not move: medians, the median absolute deviation, ranks, running medians.

use super::index;
use crate::error::Result;
use crate::sample::flat::reserved;
use crate::time::{ShouldStop, check_stop};

/// Times the median absolute deviation: the standard deviation, if the values are normal.
pub(super) const MAD_TO_SD: f64 = 1.4826;

/// The median of values, which are put into another order; 0 of none. The mean of the middle two is taken for an even
/// number.
pub(super) fn median(x: &mut [f64]) -> f64 {
    let n = x.len();
    if n == 0 {
        return 0.0;
    }
    let (low, &mut upper, _) = x.select_nth_unstable_by(n / 2, f64::total_cmp);
    if n % 2 == 1 {
        return upper;
    }
    let lower = low.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    lower / 2.0 + upper / 2.0
}

/// The robust standard deviation of values around `centre`: 1.4826 times the median absolute deviation. Where more than
/// half of them are equal to it, the median of the others stands in, so that a rare signal is not taken for none.
pub(super) fn spread(x: &[f64], centre: f64) -> f64 {
    let mut away: Vec<f64> = x.iter().map(|v| (v - centre).abs()).collect();
    let largest = away.iter().copied().fold(0.0, f64::max);
    let mid = median(&mut away);
    if mid > 1e-12 * largest {
        return MAD_TO_SD * mid;
    }
    away.retain(|&v| v > 1e-12 * largest);
    MAD_TO_SD * median(&mut away)
}

/// Quantiles of values, ascending in p, on the line between neighbours (type 7 of Hyndman and Fan 1996, numpy's default);
/// the values are put into another order.
///
/// # Errors
/// `Cancelled`.
pub(super) fn quantiles<const N: usize>(
    x: &mut [f64],
    p: [f64; N],
    should_stop: ShouldStop<'_>,
) -> Result<[f64; N]> {
    let mut out = [f64::NAN; N];
    let mut from = 0;
    for (out, p) in out.iter_mut().zip(p) {
        check_stop(should_stop)?;
        let place = p * (x.len() as f64 - 1.0);
        let at = index(place);
        if at >= x.len() {
            break;
        }
        // What is before the last one taken is not above it.
        let (_, &mut low, above) = x[from..].select_nth_unstable_by(at - from, f64::total_cmp);
        let next = above.iter().copied().fold(f64::INFINITY, f64::min);
        *out = if next < f64::INFINITY {
            low + (next - low) * (place - at as f64)
        } else {
            low
        };
        from = at;
    }
    Ok(out)
}

/// The ranks of values from 0 to 1; equal values share their mean rank.
pub(super) fn ranks(x: &[f64]) -> Vec<f64> {
    let mut order: Vec<u32> = (0..u32::try_from(x.len()).unwrap_or(u32::MAX)).collect();
    order.sort_unstable_by(|&a, &b| x[a as usize].total_cmp(&x[b as usize]));
    let mut out = vec![0.0; x.len()];
    let mut from = 0;
    while from < order.len() {
        let value = x[order[from] as usize];
        let same = order[from..]
            .iter()
            .take_while(|&&at| x[at as usize].total_cmp(&value).is_le())
            .count();
        for &at in &order[from..from + same] {
            out[at as usize] = (from as f64 + (same as f64 - 1.0) / 2.0) / x.len() as f64;
        }
        from += same;
    }
    out
}

/// The median of the `2 half + 1` values around each value, of fewer at the ends.
///
/// # Errors
/// `TooLarge` without memory for the result, `Cancelled`.
pub(super) fn running_median(
    x: &[f64],
    half: usize,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<f64>> {
    let mut out = reserved(x.len())?;
    let mut sorted: Vec<f64> = Vec::with_capacity(2 * half + 2);
    let place = |sorted: &[f64], v: f64| sorted.partition_point(|s| s.total_cmp(&v).is_lt());
    for at in 0..x.len() {
        if at % (1 << 18) == 0 {
            check_stop(should_stop)?;
        }
        let enters = if at == 0 {
            0..half.min(x.len() - 1) + 1
        } else {
            at + half..at + half + 1
        };
        for &v in x.get(enters).unwrap_or_default() {
            sorted.insert(place(&sorted, v), v);
        }
        if let Some(&v) = at.checked_sub(half + 1).and_then(|left| x.get(left)) {
            sorted.remove(place(&sorted, v));
        }
        out.push((sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_medians_agree_with_sorting_every_stretch() {
        let x: Vec<f64> = (0..50).map(|t| f64::from(t * t * 7 % 23)).collect();
        for half in [0, 1, 3, 30, 80] {
            for (at, fast) in running_median(&x, half, &|| false)
                .unwrap()
                .into_iter()
                .enumerate()
            {
                let mut here = x[at.saturating_sub(half)..(at + half + 1).min(x.len())].to_vec();
                assert_eq!(fast.to_bits(), median(&mut here).to_bits(), "{half} {at}");
            }
        }
        assert!(running_median(&[], 3, &|| false).unwrap().is_empty());
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        let mut x = [5.0, 1.0, 4.0, 2.0, 3.0, 3.0];
        let found = quantiles(&mut x, [0.0, 0.5, 0.55, 0.9, 1.0], &|| false).unwrap();
        assert_eq!(found.to_vec(), [1.0, 3.0, 3.0, 4.5, 5.0]);
        let one = quantiles(&mut [7.0], [0.3, 0.6], &|| false).unwrap();
        assert_eq!(one.to_vec(), [7.0, 7.0]);
        assert!(quantiles(&mut [], [0.5], &|| false).unwrap()[0].is_nan());
    }

    #[test]
    fn ranks_of_equal_values_are_shared() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [0.625, 0.0, 0.625, 0.25]);
        assert_eq!(ranks(&[f64::NAN, 1.0, f64::NAN]), [0.5, 0.0, 0.5]);
    }

    #[test]
    fn a_rare_signal_has_a_spread() {
        let mut x = vec![1.0; 99];
        x.push(3.0);
        assert!((spread(&x, 1.0) - 2.0 * MAD_TO_SD).abs() < 1e-12);
        assert!(spread(&[1.0; 9], 1.0).abs() < 1e-300);
    }
}
