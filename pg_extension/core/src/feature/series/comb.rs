//! How unlikely a period is to be chance: the test behind `detect_periods`.

use std::f64::consts::{LN_10, TAU};

use super::index;
use super::robust::{ranks, spread};

/// Harmonics of a period that are looked at: its shape up to a sixth of its length.
const HARMONICS: usize = 6;

/// Frequencies on each side of a harmonic that say what noise is there. More know the level better and are farther away.
const NEIGHBOURS: usize = 3;

/// How far from a harmonic neighbours are looked for, where nearer ones belong to other periods.
const REACH: usize = 12;

/// What is left of a series for the test: its changes from window to window, clipped at four robust standard deviations.
/// Changes turn trends into constants, random walks into noise and level shifts into single values, which clipping then
/// makes small. `None` where nothing changes but by rounding.
pub(super) fn whitened(y: &[f64]) -> Option<Vec<f64>> {
    let largest = y.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    let mut d: Vec<f64> = y.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mid = super::robust::median(&mut d.clone());
    let limit = 4.0 * spread(&d, mid);
    if !limit.is_finite() || limit <= 1e-9 * largest {
        return None;
    }
    d.iter_mut()
        .for_each(|v| *v = (*v - mid).clamp(-limit, limit));
    let mean = d.iter().sum::<f64>() / d.len() as f64;
    d.iter_mut().for_each(|v| *v -= mean);
    Some(d)
}

/// The same of the ranks of a series: peaks of different height count alike.
pub(super) fn whitened_ranks(y: &[f64]) -> Option<Vec<f64>> {
    whitened(&ranks(y))
}

/// A period to be tested, in windows, and what is known already.
pub(super) struct Test<'a> {
    /// The period; need not be whole.
    pub(super) period: f64,
    /// Shorter periods that were found: what they explain counts neither as signal nor as noise.
    pub(super) known: &'a [f64],
    /// A longer period that was found: then the other harmonics of it are the noise, so that the question is whether the
    /// longer one is but the shorter one repeated.
    pub(super) within: Option<f64>,
}

/// −log₁₀ of the probability that noise alone would show such a period; `None` where it cannot be told, with fewer than
/// three cycles for example.
///
/// Over a whole number `c` of cycles all of what repeats lies at the frequencies c, 2c, … of the Fourier transform, and
/// what does not is spread over the others, too. Per harmonic, its power over the mean power of `m` neighbouring
/// frequencies is F(2, 2m) distributed if the noise is smooth there, whatever its colour, hence
/// ln p = −m ln(1 + ratio / m). Up to six harmonics are combined by Fisher's method.
pub(super) fn evidence(d: &[f64], test: &Test<'_>) -> Option<f64> {
    let whole = test.within.unwrap_or(test.period);
    let cycles = (d.len() as f64 / whole).floor();
    if cycles < 3.0 {
        return None;
    }
    let comb = Comb {
        n: index((cycles * whole).round()).min(d.len()),
        base: index(cycles * (whole / test.period).round()),
        spacing: test.within.map_or(1, |_| index(cycles)),
        known: test.known,
    };
    let harmonics: Vec<(usize, Vec<usize>)> = (1..=HARMONICS)
        .map(|harmonic| harmonic * comb.base)
        .take_while(|&bin| 2 * (bin + comb.spacing) <= comb.n)
        .filter(|&bin| !comb.is_known(bin, 1.5))
        .map(|bin| (bin, comb.neighbours(bin)))
        .filter(|(_, neighbours)| neighbours.len() > 1)
        .collect();
    let mut bins: Vec<usize> = harmonics
        .iter()
        .flat_map(|(bin, near)| near.iter().copied().chain([*bin]))
        .collect();
    bins.sort_unstable();
    bins.dedup();
    let powers = powers(&d[d.len() - comb.n..], &bins);
    let power = |bin: &usize| bins.binary_search(bin).map_or(0.0, |at| powers[at]);
    let minus_ln_p: f64 = harmonics
        .iter()
        .map(|(bin, near)| {
            let m = near.len() as f64;
            let noise = near.iter().map(power).sum::<f64>() / m;
            m * (power(bin) / noise.max(f64::MIN_POSITIVE) / m).ln_1p()
        })
        .sum();
    (!harmonics.is_empty()).then(|| fisher(minus_ln_p, harmonics.len()))
}

/// −log₁₀ of the probability that the sum of `n` exponential variables exceeds `sum` (χ² with 2n degrees of freedom):
/// exp(−sum) Σ sumᵏ/k!, k < n.
fn fisher(sum: f64, n: usize) -> f64 {
    let mut term = 1.0;
    let mut total = 1.0;
    for k in 1..n {
        term *= sum / k as f64;
        total += term;
    }
    (sum - f64::ln(total)) / LN_10
}

/// Several tests of one hypothesis as one: the harmonic mean of their probabilities (Wilson 2019), which allows for tests
/// that depend on each other.
pub(super) fn together(evidence: &[f64]) -> Option<f64> {
    let most = evidence.iter().copied().reduce(f64::max)?;
    let mean = evidence.iter().map(|e| 10_f64.powf(e - most)).sum::<f64>() / evidence.len() as f64;
    Some(most + mean.log10())
}

/// Which frequencies belong to what.
struct Comb<'a> {
    n: usize,
    base: usize,
    spacing: usize,
    known: &'a [f64],
}

impl Comb<'_> {
    /// Whether a frequency is within `width` of a harmonic of a known period.
    fn is_known(&self, bin: usize, width: f64) -> bool {
        self.known.iter().any(|period| {
            let turns = bin as f64 / self.n as f64 * period;
            turns.round() >= 1.0 && (turns - turns.round()).abs() * self.n as f64 / period < width
        })
    }

    fn neighbours(&self, bin: usize) -> Vec<usize> {
        let is_noise = |&at: &usize| {
            at > 0 && 2 * at <= self.n && at % self.base != 0 && !self.is_known(at, 1.01)
        };
        let above = (1..=REACH)
            .map(|k| bin + k * self.spacing)
            .filter(is_noise)
            .take(NEIGHBOURS);
        let below = (1..=REACH)
            .filter_map(|k| bin.checked_sub(k * self.spacing))
            .filter(is_noise)
            .take(NEIGHBOURS);
        above.chain(below).collect()
    }
}

/// |X[k]|² at some frequencies, eight at a time (Goertzel 1958).
fn powers(x: &[f64], bins: &[usize]) -> Vec<f64> {
    let mut out = Vec::with_capacity(bins.len());
    for eight in bins.chunks(8) {
        let mut factor = [0.0; 8];
        for (factor, &bin) in factor.iter_mut().zip(eight) {
            *factor = 2.0 * (TAU * bin as f64 / x.len() as f64).cos();
        }
        let (mut last, mut before) = ([0.0; 8], [0.0; 8]);
        for &value in x {
            for k in 0..8 {
                let next = value + factor[k] * last[k] - before[k];
                before[k] = last[k];
                last[k] = next;
            }
        }
        out.extend((0..eight.len()).map(|k| {
            (last[k] * last[k] + before[k] * before[k] - factor[k] * last[k] * before[k]).max(0.0)
        }));
    }
    out
}
