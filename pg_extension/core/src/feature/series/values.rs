//! Named numbers of a series.

use super::robust::{median, quantiles};
use super::shape::{Seasonality, fluctuation, seasonality, spectrum};
use super::{Regular, fft};
use crate::error::Result;
use crate::feature::LARGEST;
use crate::time::{ShouldStop, check_stop};

/// A number, or the reason why there is none.
pub type Value = std::result::Result<f64, &'static str>;

const EMPTY: &str = "no values";
const SHORT: &str = "too short";
const CONSTANT: &str = "constant";
const ZERO_MEAN: &str = "mean is zero";
const RANGE: &str = "out of range";

/// Most windows, the newest, of which correlations, spectrum, season and fluctuation are computed: 91 days of minutes.
const NEWEST: usize = 1 << 17;

/// What the values of [`features`] are called, in their order.
pub const NAMES: [&str; 46] = [
    "n",
    "missing_share",
    "mean",
    "sd",
    "cv",
    "median",
    "mad",
    "min",
    "max",
    "p05",
    "p25",
    "p75",
    "p95",
    "skewness",
    "kurtosis",
    "outlier_share",
    "zero_share",
    "burstiness",
    "fano_factor",
    "trend_slope",
    "trend_r",
    "mean_change",
    "mean_abs_change",
    "complexity",
    "reversal_asymmetry",
    "crossing_rate",
    "longest_above_mean",
    "longest_flat",
    "permutation_entropy",
    "stability",
    "lumpiness",
    "acf_1",
    "acf_2",
    "acf_5",
    "acf_10",
    "acf_first_zero",
    "acf_first_min",
    "pacf_2",
    "diff_acf_1",
    "spectral_entropy",
    "spectral_centroid",
    "dominant_period",
    "dominant_share",
    "seasonal_strength",
    "trend_strength",
    "hurst",
];

/// The values of [`NAMES`]. Definitions, with x the values of the n windows (gaps on the line between their neighbours), m
/// their mean and s their standard deviation (divided by n); `docs/sql.md` has them in words with their sources.
///
/// - Of measured windows only: mean to `fano_factor`. Of all windows: the others.
/// - From `acf_1` on: of the newest 131,072 windows.
/// - A number that does not exist has the reason instead: no values, too short, constant, mean is zero, out of range (values
///   beyond ±1e140, whose squares leave the range of a double, among them).
///
/// Common parts (moments, quantiles, autocovariances, spectrum) are computed once; a series of 1,440 windows takes less
/// than half a millisecond.
///
/// # Errors
/// `TooLarge` without memory, `Cancelled`.
pub fn features(regular: &Regular, should_stop: ShouldStop<'_>) -> Result<Vec<Value>> {
    let mut out = Vec::with_capacity(NAMES.len());
    distribution(regular, &mut out, should_stop)?;
    let all = Centred::new(&regular.y);
    check_stop(should_stop)?;
    order(&all, &mut out, should_stop)?;
    let newest = &regular.y[regular.len().saturating_sub(NEWEST)..];
    check_stop(should_stop)?;
    dynamics(&Centred::new(newest), &mut out);
    for value in &mut out {
        *value = value.and_then(|v| if v.is_finite() { Ok(v) } else { Err(RANGE) });
    }
    Ok(out)
}

/// Values around their mean.
struct Centred<'a> {
    x: &'a [f64],
    mean: f64,
    /// x − mean.
    d: Vec<f64>,
    /// Σ d².
    squares: f64,
    /// Why nothing can be divided by the variance.
    degenerate: Option<&'static str>,
}

impl<'a> Centred<'a> {
    fn new(x: &'a [f64]) -> Self {
        let mean = mean(x);
        let d: Vec<f64> = x.iter().map(|v| v - mean).collect();
        let squares = d.iter().map(|v| v * v).sum();
        Self {
            x,
            mean,
            degenerate: degenerate(x),
            d,
            squares,
        }
    }

    fn n(&self) -> f64 {
        self.x.len() as f64
    }

    fn sd(&self) -> f64 {
        (self.squares / self.n()).sqrt()
    }

    /// `value` where the values vary and there are at least `least` of them.
    fn varying(&self, least: usize, value: impl FnOnce() -> f64) -> Value {
        match self.degenerate {
            Some(why) => Err(why),
            None if self.x.len() < least => Err(SHORT),
            None => Ok(value()),
        }
    }
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// Whether values cannot be scaled to unit variance. What differs only in its last digits counts as constant.
fn degenerate(x: &[f64]) -> Option<&'static str> {
    let low = x.iter().copied().fold(f64::INFINITY, f64::min);
    let high = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let size = low.abs().max(high.abs());
    match x.len() {
        0 => Some(EMPTY),
        1 => Some(SHORT),
        _ if size > LARGEST => Some(RANGE),
        _ if high - low <= 4.0 * f64::EPSILON * size => Some(CONSTANT),
        _ => None,
    }
}

/// `n` to `fano_factor`.
fn distribution(
    regular: &Regular,
    out: &mut Vec<Value>,
    should_stop: ShouldStop<'_>,
) -> Result<()> {
    let n = regular.len() as f64;
    let mut x: Vec<f64> = regular
        .y
        .iter()
        .zip(&regular.seen)
        .filter(|(_, s)| **s)
        .map(|(v, _)| *v)
        .collect();
    out.push(Ok(n));
    out.push(if x.is_empty() {
        Err(EMPTY)
    } else {
        Ok(1.0 - x.len() as f64 / n)
    });
    check_stop(should_stop)?;
    let centred = Centred::new(&x);
    check_stop(should_stop)?;
    let why = centred.degenerate;
    // The mean of equal values may be off in its last digit.
    let (mean, sd) = (
        centred.mean,
        if why == Some(CONSTANT) {
            0.0
        } else {
            centred.sd()
        },
    );
    let is_empty = x.is_empty();
    let any = |value: f64| if is_empty { Err(EMPTY) } else { Ok(value) };
    let moment = |k: i32| centred.d.iter().map(|v| (v / sd).powi(k)).sum::<f64>() / x.len() as f64;
    let by_mean = |value: f64| match any(value) {
        Ok(_) if mean.abs() <= 1e-12 * sd || (mean.abs() <= 0.0) => Err(ZERO_MEAN),
        other => other,
    };
    let basic = [any(mean), any(sd), by_mean(sd / mean)];
    let shape = [
        centred.varying(3, || moment(3)),
        centred.varying(4, || moment(4) - 3.0),
        centred.varying(2, || share(&centred.d, |v| v.abs() > 3.0 * sd)),
        any(share(&x, |v| v.abs() <= 0.0)),
        match any(sd + mean) {
            Ok(sum) if sum.abs() <= 1e-12 * sd.max(mean.abs()) => Err(ZERO_MEAN),
            other => other.map(|sum| (sd - mean) / sum),
        },
        by_mean(sd * sd / mean),
    ];
    drop(centred);
    let [min, p05, p25, middle, p75, p95, max] =
        quantiles(&mut x, [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0], should_stop)?;
    x.iter_mut().for_each(|v| *v = (*v - middle).abs());
    let mad = median(&mut x);
    out.extend(basic);
    out.extend([middle, mad, min, max, p05, p25, p75, p95].map(any));
    out.extend(shape);
    check_stop(should_stop)
}

fn share(x: &[f64], which: impl Fn(f64) -> bool) -> f64 {
    x.iter().filter(|v| which(**v)).count() as f64 / x.len() as f64
}

/// `trend_slope` to `lumpiness`.
fn order(all: &Centred<'_>, out: &mut Vec<Value>, should_stop: ShouldStop<'_>) -> Result<()> {
    let (x, d, n, sd) = (all.x, &all.d, all.n(), all.sd());
    let pairs = || x.windows(2).map(|pair| pair[1] - pair[0]);
    let of_changes = |value: f64| {
        if x.is_empty() {
            Err(EMPTY)
        } else if x.len() < 2 {
            Err(SHORT)
        } else {
            Ok(value)
        }
    };
    let middle = (n - 1.0) / 2.0;
    let product: f64 = d
        .iter()
        .enumerate()
        .map(|(t, v)| (t as f64 - middle) * v)
        .sum();
    let spread = n * (n * n - 1.0) / 12.0;
    // catch22 scales by the standard deviation that divides by n − 1.
    let sample_sd = sd * (n / (n - 1.0)).sqrt();
    out.push(of_changes(if all.degenerate == Some(CONSTANT) {
        0.0
    } else {
        product / spread
    }));
    out.push(all.varying(2, || product / (spread * all.squares).sqrt()));
    out.push(of_changes(
        (x.last().unwrap_or(&0.0) - x.first().unwrap_or(&0.0)) / (n - 1.0),
    ));
    out.push(of_changes(pairs().map(f64::abs).sum::<f64>() / (n - 1.0)));
    out.push(all.varying(2, || {
        pairs().map(|v| (v / sd) * (v / sd)).sum::<f64>().sqrt()
    }));
    out.push(all.varying(2, || {
        pairs().map(|v| (v / sample_sd).powi(3)).sum::<f64>() / (n - 1.0)
    }));
    check_stop(should_stop)?;
    let crossings = x
        .windows(2)
        .filter(|pair| (pair[0] > all.mean) != (pair[1] > all.mean))
        .count();
    out.push(of_changes(crossings as f64 / (n - 1.0)));
    let any = |value: f64| if x.is_empty() { Err(EMPTY) } else { Ok(value) };
    out.push(all.varying(1, || longest(x, |_, v| v > all.mean)));
    out.push(any(longest(x, |before, v| before.total_cmp(&v).is_eq())
        .max(0.0)
        + 1.0));
    out.push(if x.len() < 3 {
        any(0.0).and(Err(SHORT))
    } else {
        Ok(permutation_entropy(x))
    });
    check_stop(should_stop)?;
    let tiles: Vec<(f64, f64)> = d
        .chunks_exact(10)
        .map(|tile| (mean(tile) / sd, variance(tile) / (sd * sd)))
        .collect();
    let of =
        |part: fn(&(f64, f64)) -> f64| sample_variance(&tiles.iter().map(part).collect::<Vec<_>>());
    out.push(all.varying(20, || of(|tile| tile.0)));
    out.push(all.varying(20, || of(|tile| tile.1)));
    Ok(())
}

/// Most neighbouring values for which `holds(the one before, the value)`.
fn longest(x: &[f64], holds: impl Fn(f64, f64) -> bool) -> f64 {
    let mut before = f64::NAN;
    let (mut run, mut most) = (0_u32, 0_u32);
    for &v in x {
        run = if holds(before, v) { run + 1 } else { 0 };
        most = most.max(run);
        before = v;
    }
    f64::from(most)
}

fn variance(x: &[f64]) -> f64 {
    let m = mean(x);
    x.iter().map(|v| (v - m) * (v - m)).sum::<f64>() / x.len() as f64
}

fn sample_variance(x: &[f64]) -> f64 {
    variance(x) * x.len() as f64 / (x.len() as f64 - 1.0)
}

/// −Σ p ln p over the orders of three neighbours; of equal values the earlier one counts as smaller.
fn permutation_entropy(x: &[f64]) -> f64 {
    let mut counts = [0_u32; 8];
    for three in x.windows(3) {
        let (a, b, c) = (three[0], three[1], three[2]);
        counts[usize::from(a > b) | usize::from(b > c) << 1 | usize::from(a > c) << 2] += 1;
    }
    let n = x.len() as f64 - 2.0;
    let shares = counts.iter().filter(|c| **c > 0).map(|&c| f64::from(c) / n);
    -shares.map(|p| p * p.ln()).sum::<f64>()
}

/// `acf_1` to `hurst`.
fn dynamics(newest: &Centred<'_>, out: &mut Vec<Value>) {
    let n = newest.x.len();
    let acf: Vec<f64> = match newest.degenerate {
        None => fft::autocovariance(&newest.d)
            .iter()
            .map(|sum| sum / newest.squares)
            .collect(),
        Some(_) => Vec::new(),
    };
    for lag in [1, 2, 5, 10] {
        out.push(newest.varying(lag + 1, || acf[lag]));
    }
    let first = |what: &dyn Fn(usize) -> bool| (1..n).find(|&lag| what(lag)).unwrap_or(n) as f64;
    out.push(newest.varying(2, || first(&|lag| acf[lag] <= 0.0)));
    out.push(newest.varying(3, || {
        first(&|lag| lag + 1 < n && acf[lag] < acf[lag - 1] && acf[lag] < acf[lag + 1])
    }));
    out.push(newest.varying(3, || (acf[2] - acf[1] * acf[1]) / (1.0 - acf[1] * acf[1])));
    let changes: Vec<f64> = newest.x.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let changes = Centred::new(&changes);
    let lagged = || {
        changes
            .d
            .iter()
            .zip(&changes.d[1..])
            .map(|(a, b)| a * b)
            .sum::<f64>()
            / changes.squares
    };
    out.push(
        newest
            .varying(3, || 0.0)
            .and_then(|_| changes.varying(2, lagged)),
    );
    let spectrum = if n >= 8 { spectrum(&newest.d) } else { None };
    let of_spectrum = |value: Option<f64>| {
        newest
            .varying(8, || 0.0)
            .and_then(|_| value.ok_or(CONSTANT))
    };
    out.push(of_spectrum(spectrum.as_ref().map(|s| s.entropy)));
    out.push(of_spectrum(spectrum.as_ref().map(|s| s.centroid)));
    out.push(of_spectrum(spectrum.as_ref().map(|s| s.period)));
    out.push(of_spectrum(spectrum.as_ref().map(|s| s.share)));
    let parts =
        spectrum.and_then(|s| seasonality(newest.x, super::index(s.period.round()).min(n / 2)));
    out.push(of_spectrum(
        parts.as_ref().map(Seasonality::seasonal_strength),
    ));
    out.push(of_spectrum(parts.as_ref().map(Seasonality::trend_strength)));
    out.push(newest.varying(64, || fluctuation(&newest.d)));
}
