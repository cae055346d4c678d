//! The heavier of the named numbers: spectrum, strength of season and trend, long-range dependence.

use super::fft;

/// What the periodogram of a series looks like.
pub(super) struct Spectrum {
    pub(super) entropy: f64,
    pub(super) centroid: f64,
    pub(super) period: f64,
    pub(super) share: f64,
}

/// Entropy and centroid of the periodogram of values whose mean was taken off, and the strongest period of what is left
/// without the straight line, of at least two cycles. `None` where a line is all there is.
pub(super) fn spectrum(d: &[f64]) -> Option<Spectrum> {
    let n = d.len();
    let power = one_sided(d);
    let total: f64 = power.iter().sum();
    let shares = || power.iter().map(|p| p / total);
    let entropy: f64 = shares().filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum();
    let frequency = |k: usize| k as f64 / n as f64;
    let centroid = shares()
        .enumerate()
        .map(|(k, p)| p * frequency(k + 1))
        .sum();
    let straight = without_line(d);
    let rest: f64 = straight.iter().map(|v| v * v).sum();
    if rest <= 1e-20 * d.iter().map(|v| v * v).sum::<f64>() {
        return None;
    }
    let power_of_rest = one_sided(&straight);
    let strongest = (1..power_of_rest.len()).reduce(|best, k| {
        if power_of_rest[k] > power_of_rest[best] {
            k
        } else {
            best
        }
    })?;
    Some(Spectrum {
        entropy: entropy / (power.len() as f64).ln(),
        centroid,
        period: 1.0 / frequency(strongest + 1),
        share: power_of_rest[strongest] / power_of_rest.iter().sum::<f64>(),
    })
}

/// Power at 1/n, 2/n, …; both signs of a frequency together, so that one half counts once.
fn one_sided(d: &[f64]) -> Vec<f64> {
    let n = d.len();
    let power = fft::power(d);
    (1..power.len())
        .map(|k| if 2 * k == n { power[k] } else { 2.0 * power[k] })
        .collect()
}

fn without_line(d: &[f64]) -> Vec<f64> {
    let n = d.len() as f64;
    let middle = (n - 1.0) / 2.0;
    let product: f64 = d
        .iter()
        .enumerate()
        .map(|(t, v)| (t as f64 - middle) * v)
        .sum();
    let slope = product / (n * (n * n - 1.0) / 12.0);
    d.iter()
        .enumerate()
        .map(|(t, v)| v - slope * (t as f64 - middle))
        .collect()
}

/// Variances of the parts of a classical decomposition, over the windows that have a trend.
pub(super) struct Seasonality {
    remainder: f64,
    with_season: f64,
    with_trend: f64,
}

impl Seasonality {
    /// max(0, 1 − var(remainder) / var(season + remainder)).
    pub(super) fn seasonal_strength(&self) -> f64 {
        strength(self.remainder, self.with_season)
    }

    /// max(0, 1 − var(remainder) / var(trend + remainder)).
    pub(super) fn trend_strength(&self) -> f64 {
        strength(self.remainder, self.with_trend)
    }
}

fn strength(remainder: f64, with: f64) -> f64 {
    if with > 0.0 {
        (1.0 - remainder / with).max(0.0)
    } else {
        0.0
    }
}

/// The trend is the centred moving mean over a period (the two ends at half weight if it is even), the season the mean of
/// each phase without it. `None` without two whole cycles.
pub(super) fn seasonality(x: &[f64], period: usize) -> Option<Seasonality> {
    let n = x.len();
    if period < 2 || n < 2 * period {
        return None;
    }
    let half = period / 2;
    let even = period.is_multiple_of(2);
    let mut sum: f64 = x[..period].iter().sum();
    let mut trend = Vec::with_capacity(n - 2 * half);
    for at in half..n - half {
        let from = at - half;
        // With an even period, the sum runs from half a period before to just short of half a period after.
        trend.push(
            if even {
                sum + (x[from + period] - x[from]) / 2.0
            } else {
                sum
            } / period as f64,
        );
        if from + period < n {
            sum += x[from + period] - x[from];
        }
    }
    let mut phases = vec![(0.0, 0.0); period];
    for (k, trend) in trend.iter().enumerate() {
        let phase = &mut phases[(k + half) % period];
        *phase = (phase.0 + x[k + half] - trend, phase.1 + 1.0);
    }
    let centre = phases.iter().map(|p| p.0 / p.1).sum::<f64>() / period as f64;
    let season = |k: usize| phases[(k + half) % period].0 / phases[(k + half) % period].1 - centre;
    let of = |part: &dyn Fn(usize) -> f64| {
        let mean = (0..trend.len()).map(part).sum::<f64>() / trend.len() as f64;
        (0..trend.len())
            .map(|k| (part(k) - mean).powi(2))
            .sum::<f64>()
    };
    Some(Seasonality {
        remainder: of(&|k| x[k + half] - trend[k] - season(k)),
        with_season: of(&|k| x[k + half] - trend[k]),
        with_trend: of(&|k| x[k + half] - season(k)),
    })
}

/// The exponent of detrended fluctuation analysis (Peng et al. 1994): how the root mean square distance of the cumulated
/// values from straight lines grows with the length of these, from 4 values to a quarter of all, lengths √2 apart.
pub(super) fn fluctuation(d: &[f64]) -> f64 {
    let mut sum = 0.0;
    let profile: Vec<f64> = d
        .iter()
        .map(|v| {
            sum += v;
            sum
        })
        .collect();
    let lengths = (4..).map(|k| super::index(2_f64.powf(f64::from(k) / 2.0).round()));
    let points: Vec<(f64, f64)> = lengths
        .take_while(|length| 4 * length <= d.len())
        .map(|length| {
            (
                (length as f64).ln(),
                around_lines(&profile, length)
                    .sqrt()
                    .max(f64::MIN_POSITIVE)
                    .ln(),
            )
        })
        .collect();
    let n = points.len() as f64;
    let (mx, my) = points
        .iter()
        .fold((0.0, 0.0), |m, p| (m.0 + p.0 / n, m.1 + p.1 / n));
    let up: f64 = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
    up / points.iter().map(|p| (p.0 - mx).powi(2)).sum::<f64>()
}

/// Mean square distance of the profile from the line through each stretch of `length`.
fn around_lines(profile: &[f64], length: usize) -> f64 {
    let n = length as f64;
    let middle = (n - 1.0) / 2.0;
    let spread = n * (n * n - 1.0) / 12.0;
    let mut total = 0.0;
    for stretch in profile.chunks_exact(length) {
        let mean = stretch.iter().sum::<f64>() / n;
        let (mut squares, mut product) = (0.0, 0.0);
        for (t, v) in stretch.iter().enumerate() {
            squares += (v - mean) * (v - mean);
            product += (t as f64 - middle) * (v - mean);
        }
        total += (squares - product * product / spread).max(0.0);
    }
    total / (profile.len() / length * length) as f64
}
