//! Exponential smoothing with up to two seasons and autocorrelated errors (Taylor 2003, 2010), many settings at once: an expert of
//! `ensemble`.
//!
//! ŷ(h) = l + h·b + s₁ + s₂ + φʰ·u, with u = y − (l + b + s₁ + s₂) and l += b + α·u, b += β·u, s₁ += γ·u, s₂ += ω·u. The settings of
//! a grid are run side by side, one per lane, and judged by their mean absolute errors at several horizons over the newer
//! part of the series; the forecast is the mean of the best [`BEST`]. Cost: 144 settings · windows · (12 + horizons · 20 / 3).

use crate::error::Result;
use crate::time::{ShouldStop, check_stop};

/// Settings run side by side.
const LANES: usize = 8;

/// Settings whose mean is the forecast; one alone erred by 1 % more.
const BEST: usize = 8;

/// Every third origin is judged: all of them change the choice by nothing that shows.
const STRIDE: usize = 3;

/// Tenths of the series, its newest part, on which settings are judged.
const JUDGED: usize = 7;

/// Looks at `should_stop` after so many windows of all lanes.
const ASK: usize = 1 << 14;

const ALPHA: [f32; 6] = [0.005, 0.02, 0.05, 0.1, 0.2, 0.4];
const BETA: [f32; 2] = [0.0, 0.003];
const GAMMA: [f32; 3] = [0.03, 0.1, 0.25];
const OMEGA: [f32; 4] = [0.03, 0.1, 0.2, 0.35];
/// Any number of these costs one pass: they do not enter the recursion.
const PHI: [f32; 4] = [0.0, 0.5, 0.8, 0.93];

/// One setting.
#[derive(Debug, Clone, Copy)]
struct Setting {
    rate: [f32; 4],
    phi: f32,
}

/// Paths of `steps` after each of `origins` (windows known, ascending) by the best settings, mean after `back`; and one step ahead
/// everywhere, as the last entry.
pub(super) struct Smoothed {
    pub(super) paths: Vec<Vec<f64>>,
    pub(super) one_ahead: Vec<f64>,
}

/// Chooses on all of `z` (standardised) and forecasts after each origin.
pub(super) fn smooth(
    z: &[f32],
    periods: &[usize],
    steps: usize,
    origins: &[usize],
    back: &dyn Fn(f64) -> f64,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Smoothed>> {
    let periods = periods.get(..periods.len().min(2)).unwrap_or_default();
    let best = judge(z, periods, &horizons(steps), should_stop)?;
    if best.is_empty() {
        return Ok(None);
    }
    let share = 1.0 / best.len() as f64;
    let mut out = Smoothed {
        paths: vec![vec![0.0; steps]; origins.len()],
        one_ahead: vec![0.0; z.len()],
    };
    for setting in best {
        check_stop(should_stop)?;
        run(z, periods, setting, |t, state, u| {
            if let Some(v) = out.one_ahead.get_mut(t + 1) {
                *v += share * back(f64::from(state.ahead(t, 1) + setting.phi * u));
            }
            let Ok(k) = origins.binary_search(&(t + 1)) else {
                return;
            };
            let mut power = 1.0;
            for (h, v) in out.paths.get_mut(k).into_iter().flatten().enumerate() {
                power *= setting.phi;
                *v += share * back(f64::from(state.ahead(t, h + 1) + power * u));
            }
        });
    }
    if let (Some(v), Some(z)) = (out.one_ahead.first_mut(), z.first()) {
        *v = back(f64::from(*z));
    }
    let finite = out
        .paths
        .iter()
        .flatten()
        .chain(&out.one_ahead)
        .all(|v| v.is_finite());
    Ok(finite.then_some(out))
}

/// Horizons that are judged: dense where they are short, at most about ten.
fn horizons(steps: usize) -> Vec<usize> {
    let gap = 6.max(steps / 8);
    let mut h: Vec<usize> = [1, 3]
        .into_iter()
        .chain((6..=steps).step_by(gap))
        .filter(|h| *h <= steps)
        .collect();
    if h.last() != Some(&steps) && steps < 6 {
        h.push(steps);
    }
    h
}

/// The grid; what a series without such a season does not have stays at zero.
fn grid(seasons: usize) -> Vec<[f32; 4]> {
    let gammas = if seasons > 0 { &GAMMA[..] } else { &[0.0] };
    let omegas = if seasons > 1 { &OMEGA[..] } else { &[0.0] };
    let mut grid = Vec::new();
    for alpha in ALPHA {
        for beta in BETA {
            for gamma in gammas {
                grid.extend(omegas.iter().map(|omega| [alpha, beta, *gamma, *omega]));
            }
        }
    }
    grid
}

/// Level and seasons before the first window, from the first one or two of the longest season.
fn start(z: &[f32], periods: &[usize]) -> (f32, [Vec<f32>; 2]) {
    let longest = periods.last().copied().unwrap_or(1);
    let times = if z.len() >= 4 * longest { 2 } else { 1 };
    let head = z.get(..(longest * times).min(z.len())).unwrap_or_default();
    let level = head.iter().sum::<f32>() / head.len().max(1) as f32;
    let mut rest: Vec<f32> = head.iter().map(|v| v - level).collect();
    let mut seasons = [vec![0.0], vec![0.0]];
    for (season, &p) in seasons.iter_mut().zip(periods) {
        let mut sums = vec![(0.0, 0.0_f32); p];
        for (i, v) in rest.iter().enumerate() {
            let sum = &mut sums[i % p];
            *sum = (sum.0 + v, sum.1 + 1.0);
        }
        *season = sums.iter().map(|(s, n)| s / n.max(1.0)).collect();
        for (i, v) in rest.iter_mut().enumerate() {
            *v -= season[i % p];
        }
    }
    (level, seasons)
}

/// The best settings by the sum of absolute errors.
fn judge(
    z: &[f32],
    periods: &[usize],
    horizons: &[usize],
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Setting>> {
    let n = z.len();
    let (level, seasons) = start(z, periods);
    let powers: Vec<[f32; 4]> = horizons
        .iter()
        .map(|h| PHI.map(|f| f.powf(*h as f32)))
        .collect();
    let longest = periods.last().copied().unwrap_or(1);
    let from = (n - n * JUDGED / 10).max((2 * longest).min(n / 2));
    let [p1, p2] = [seasons[0].len(), seasons[1].len()];
    let mut found = Vec::new();
    for rates in grid(periods.len()).chunks(LANES) {
        let lane = |k: usize| -> [f32; LANES] {
            std::array::from_fn(|i| rates.get(i).map_or(0.0, |r| r[k]))
        };
        let [alpha, beta, gamma, omega] = [lane(0), lane(1), lane(2), lane(3)];
        let (mut l, mut b) = ([level; LANES], [0.0_f32; LANES]);
        let [mut s1, mut s2] =
            [&seasons[0], &seasons[1]].map(|s| s.iter().map(|v| [*v; LANES]).collect::<Vec<_>>());
        let mut loss = [[0.0_f64; LANES]; PHI.len()];
        let (mut i1, mut i2) = (0, 0);
        for (t, y) in z.iter().enumerate() {
            if t % ASK == 0 {
                check_stop(should_stop)?;
            }
            let mut u = [0.0; LANES];
            let (c1, c2) = (&mut s1[i1], &mut s2[i2]);
            for k in 0..LANES {
                u[k] = y - (l[k] + b[k] + c1[k] + c2[k]);
                l[k] += b[k] + alpha[k] * u[k];
                b[k] += beta[k] * u[k];
                c1[k] += gamma[k] * u[k];
                c2[k] += omega[k] * u[k];
            }
            i1 = if i1 + 1 == p1 { 0 } else { i1 + 1 };
            i2 = if i2 + 1 == p2 { 0 } else { i2 + 1 };
            if t < from || !(n - 1 - t).is_multiple_of(STRIDE) {
                continue;
            }
            let mut sums = [[0.0_f32; LANES]; PHI.len()];
            for (h, power) in horizons.iter().zip(&powers) {
                let Some(y) = z.get(t + h) else { break };
                let (c1, c2, ahead) = (&s1[(t + h) % p1], &s2[(t + h) % p2], *h as f32);
                for k in 0..LANES {
                    let r = y - (l[k] + ahead * b[k] + c1[k] + c2[k]);
                    for f in 0..PHI.len() {
                        sums[f][k] += (r - power[f] * u[k]).abs();
                    }
                }
            }
            for (loss, sums) in loss.iter_mut().zip(sums) {
                for (loss, sum) in loss.iter_mut().zip(sums) {
                    *loss += f64::from(sum);
                }
            }
        }
        for (f, phi) in PHI.into_iter().enumerate() {
            found.extend(
                rates
                    .iter()
                    .zip(loss[f])
                    .map(|(rate, loss)| (loss, Setting { rate: *rate, phi })),
            );
        }
    }
    found.retain(|(loss, _)| loss.is_finite());
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found.truncate(BEST);
    Ok(found.into_iter().map(|f| f.1).collect())
}

struct Level {
    l: f32,
    b: f32,
    seasons: [Vec<f32>; 2],
}

impl Level {
    /// What is expected `h` windows after window `t`, less the autocorrelation of errors.
    fn ahead(&self, t: usize, h: usize) -> f32 {
        let season: f32 = self.seasons.iter().map(|s| s[(t + h) % s.len()]).sum();
        self.l + h as f32 * self.b + season
    }
}

fn run(z: &[f32], periods: &[usize], setting: Setting, mut after: impl FnMut(usize, &Level, f32)) {
    let (l, seasons) = start(z, periods);
    let mut state = Level { l, b: 0.0, seasons };
    let [alpha, beta, gamma, omega] = setting.rate;
    for (t, y) in z.iter().enumerate() {
        let season: f32 = state.seasons.iter().map(|s| s[t % s.len()]).sum();
        let u = y - (state.l + state.b + season);
        state.l += state.b + alpha * u;
        state.b += beta * u;
        for (s, rate) in state.seasons.iter_mut().zip([gamma, omega]) {
            let place = t % s.len();
            s[place] += rate * u;
        }
        after(t, &state, u);
    }
}
