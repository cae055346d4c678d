//! Several experts and their weighted middle: `ensemble`, for horizons of a season and more.
//!
//! Experts: exponential smoothing with two seasons and direct median regression, each on the raw and on the logarithmic scale, the theta method with
//! the shorter season, and the value one season ago, for each season; where no season is known, exponential smoothing, theta, drift and the last
//! value.
//! Each is judged at rolling origins in the newest part of the series, which the regressions did not learn from; with its errors relative to
//! those of the best, er = MAE / min + sMAPE / min, it weighs (er + ¼·min er)⁻². The forecast is half the weighted mean and half the
//! weighted median, which together erred less than either.
//!
//! A season of more than 96 windows is forecast in bins of several windows, joined by lines: what a long horizon can tell of a minute is
//! in the hour around it.

use super::errors::{Errors, level};
use super::fit::{Fitted, within_reach};
use super::l1::single;
use super::parts::Parts;
use super::scale::Scale;
use super::state::State;
use super::uncertainty::Uncertainty;
use super::{direct, hw, naive, theta};
use crate::error::Result;
use crate::time::ShouldStop;

/// Rolling origins.
const ORIGINS: usize = 17;

/// Seasons held back for them: a week of days.
const HELD_BACK: usize = 7;

/// Most windows looked at after binning: 21 weeks of hours.
const MAX_WINDOWS: usize = 3_600;

/// Most windows in the shortest season; longer ones are binned.
const MAX_SEASON: usize = 96;

/// Growth of the error with the horizon: h to this power, between a stationary series (0) and a random walk (½).
const GROWTH: f64 = 0.35;

/// Bounds are wider than the errors at the origins, since settings and weights were chosen on them: by this much for a horizon of two
/// seasons, by less for shorter ones, which had more origins.
const STRETCH: f64 = 0.15;

/// Fewest windows that the theta method learns from, and fewest seasons: twice as many changed no error in the third digit.
const THETA: usize = 300;
const THETA_SEASONS: usize = 14;

/// Fewest windows to learn from.
pub(super) const MIN_WINDOWS: usize = 12;

/// An expert's paths after each origin, the last one that of the whole series.
struct Expert {
    name: String,
    paths: Vec<Vec<f64>>,
    one_ahead: Option<Vec<f64>>,
}

/// Fits the ensemble; `None` where the series is too short or overflows.
pub(super) fn fit(
    y: &[f64],
    seen: &[bool],
    periods: &[usize],
    steps: usize,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Fitted>> {
    let bin = periods.first().map_or(1, |p| p.div_ceil(MAX_SEASON));
    let kept = y.len().min(MAX_WINDOWS * bin) / bin * bin;
    if kept / bin < MIN_WINDOWS {
        return Ok(None);
    }
    let (y, seen) = (&y[y.len() - kept..], &seen[y.len() - kept..]);
    let binned: Vec<f64> = y
        .chunks_exact(bin)
        .map(|c| c.iter().sum::<f64>() / bin as f64)
        .collect();
    let periods: Vec<usize> = periods
        .iter()
        .map(|p| (p + bin / 2) / bin)
        .filter(|p| *p >= 2 && binned.len() >= 2 * p)
        .take(2)
        .collect();
    let ahead = steps.div_ceil(bin);
    let origins = origins(binned.len(), ahead, periods.first().copied());
    let experts = experts(&binned, &periods, ahead, &origins, should_stop)?;
    if experts.is_empty() {
        return Ok(None);
    }
    let past = Past {
        y,
        seen,
        bin,
        origins: &origins,
    };
    let stretch = 1.0
        + STRETCH * (ahead as f64 / (2 * periods.first().copied().unwrap_or(1)) as f64).min(1.0);
    let (weights, uncertainty) = past.weigh(&experts, steps, stretch);
    let paths: Vec<&[f64]> = experts
        .iter()
        .filter_map(|e| e.paths.last())
        .map(Vec::as_slice)
        .collect();
    let point = past.spread(y.len(), &middle(&paths, &weights), steps);
    let fitted = if bin == 1 {
        one_ahead(&experts, &weights)
    } else {
        Vec::new()
    };
    let full: Vec<usize> = periods.iter().map(|p| p * bin).collect();
    let named = experts
        .iter()
        .zip(&weights)
        .map(|(e, w)| (format!("weight_{}", e.name), *w));
    Ok(Some(Fitted {
        state: State::Path(Parts::split(y, &point, &full)),
        past: Parts::flat(fitted),
        growth: growth(steps),
        uncertainty,
        facts: named.collect(),
        ..Fitted::default()
    }))
}

fn growth(steps: usize) -> Vec<f64> {
    (1..=steps).map(|h| (h as f64).powf(GROWTH)).collect()
}

/// Windows known at each origin, ascending, that of the whole series last. The newest lies a horizon before the end.
fn origins(n: usize, steps: usize, season: Option<usize>) -> Vec<usize> {
    let back = season
        .map_or(n / 3, |p| (HELD_BACK * p).max(steps))
        .min(n / 3)
        .max(1);
    let newest = steps.min(back);
    let stride = ((back - newest) / (ORIGINS - 1)).max(1);
    let mut origins: Vec<usize> = (0..ORIGINS)
        .map(|k| newest + k * stride)
        .filter(|b| *b <= back)
        .map(|b| n - b)
        .collect();
    origins.reverse();
    origins.push(n);
    origins
}

fn experts(
    y: &[f64],
    periods: &[usize],
    steps: usize,
    origins: &[usize],
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Expert>> {
    let (n, cut) = (y.len(), origins.first().copied().unwrap_or(0));
    let mut experts = Vec::new();
    for scale in [Some(Scale::Raw), Scale::log(y)].into_iter().flatten() {
        let name = if scale == Scale::Raw { "raw" } else { "log" };
        let z: Vec<f64> = y.iter().map(|v| scale.onto(*v)).collect();
        let mean = z.iter().sum::<f64>() / n as f64;
        let sd = (z.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n as f64).sqrt();
        if !(sd > 0.0 && sd.is_finite()) {
            continue;
        }
        let z: Vec<f64> = z.iter().map(|v| (v - mean) / sd).collect();
        let back = |v: f64| scale.back(v * sd + mean);
        let single: Vec<f32> = z.iter().map(|v| single(*v)).collect();
        if let Some(found) = hw::smooth(&single, periods, steps, origins, &back, should_stop)? {
            experts.push(Expert {
                name: format!("smooth_{name}"),
                paths: found.paths,
                one_ahead: Some(found.one_ahead),
            });
        }
        let (whole, earlier) = origins.split_last().unwrap_or((&n, &[]));
        let then = direct::paths(&z, periods, steps, cut, earlier, should_stop)?;
        let now = direct::paths(&z, periods, steps, *whole, &[*whole], should_stop)?;
        if let (Some(mut paths), Some(now)) = (then, now) {
            paths.extend(now);
            paths.iter_mut().flatten().for_each(|v| *v = back(*v));
            experts.push(Expert {
                name: format!("direct_{name}"),
                paths,
                one_ahead: None,
            });
        }
    }
    let mut repeat = |name: String, model: &dyn Fn(&[f64]) -> Option<Fitted>| {
        let path = |o: &usize| Some(model(y.get(..*o)?)?.state.ahead(steps).sums());
        if let Some(paths) = origins.iter().map(path).collect() {
            experts.push(Expert {
                name,
                paths,
                one_ahead: None,
            });
        }
    };
    let season = periods.first().copied().unwrap_or(1);
    repeat("theta".into(), &|past| {
        let past = &past[past.len().saturating_sub(THETA.max(THETA_SEASONS * season))..];
        let (model, past) = theta::fit(past, season, false, should_stop).ok()??;
        Some(Fitted {
            state: State::Theta(model),
            past,
            ..Fitted::default()
        })
    });
    for &p in periods {
        repeat(format!("season_{p}"), &|past| {
            naive::seasonal(past, &[p], steps)
        });
    }
    if periods.is_empty() {
        repeat("last_value".into(), &|past| naive::line(past, false, steps));
        repeat("drift".into(), &|past| naive::line(past, true, steps));
    }
    // Errors tell which of them was wrong earlier; how wrong the last path is, nothing tells.
    experts.retain(|e| {
        let last = e.paths.last().map_or(&[][..], Vec::as_slice);
        e.paths.iter().flatten().all(|v| v.is_finite()) && within_reach(y, last)
    });
    Ok(experts)
}

/// What the experts are judged against.
struct Past<'a> {
    y: &'a [f64],
    seen: &'a [bool],
    bin: usize,
    /// In bins.
    origins: &'a [usize],
}

impl Past<'_> {
    /// Weights of the experts, and how wrong their middle was.
    fn weigh(
        &self,
        experts: &[Expert],
        steps: usize,
        stretch: f64,
    ) -> (Vec<f64>, Option<Uncertainty>) {
        let growth = growth(steps);
        let earlier = self.origins.len() - 1;
        let errors = |path: &dyn Fn(usize) -> Vec<f64>| {
            let mut errors = Errors::new(&growth);
            for (k, origin) in self.origins.iter().take(earlier).enumerate() {
                let from = origin * self.bin;
                let path = self.spread(from, &path(k), steps);
                let seen = self
                    .y
                    .iter()
                    .zip(self.seen)
                    .skip(from)
                    .map(|(v, s)| s.then_some(*v));
                errors.add(path.iter(), seen, level(self.y, from));
            }
            errors
        };
        let scores: Vec<[f64; 2]> = experts
            .iter()
            .map(|e| errors(&|k| e.paths[k].clone()))
            .map(|e| [e.mean_absolute(), e.mean_relative()])
            .collect();
        let least = |k: usize| {
            scores
                .iter()
                .map(|s| s[k])
                .fold(f64::INFINITY, f64::min)
                .max(f64::MIN_POSITIVE)
        };
        let [absolute, relative] = [least(0), least(1)];
        let scores: Vec<f64> = scores
            .iter()
            .map(|s| s[0] / absolute + s[1] / relative)
            .collect();
        let best = scores.iter().copied().fold(f64::INFINITY, f64::min);
        let known = best.is_finite() && best > 0.0;
        let weights: Vec<f64> = scores
            .iter()
            .map(|s| {
                if known {
                    (s + 0.25 * best).powi(-2)
                } else {
                    1.0
                }
            })
            .collect();
        let total: f64 = weights.iter().sum();
        let weights: Vec<f64> = weights.iter().map(|w| w / total).collect();
        let whole = errors(&|k| {
            let paths: Vec<&[f64]> = experts.iter().map(|e| e.paths[k].as_slice()).collect();
            middle(&paths, &weights)
        });
        (
            weights,
            whole.finish(steps, level(self.y, self.y.len()), stretch),
        )
    }

    /// A path of bins after window `from` as a path of windows, on lines between the middles of bins.
    fn spread(&self, from: usize, path: &[f64], steps: usize) -> Vec<f64> {
        if self.bin == 1 {
            return path.iter().take(steps).copied().collect();
        }
        let before = self.y[from - self.bin..from].iter().sum::<f64>() / self.bin as f64;
        let knot = |k: usize| {
            if k == 0 {
                before
            } else {
                path[(k - 1).min(path.len() - 1)]
            }
        };
        (0..steps)
            .map(|h| {
                // Middles of bins lie at −½, ½, 3/2, … bins from the origin.
                let x = (h as f64 + 0.5) / self.bin as f64 + 0.5;
                let k = (h + self.bin.div_ceil(2)) / self.bin;
                let way = (x - k as f64).clamp(0.0, 1.0);
                knot(k) * (1.0 - way) + knot(k + 1) * way
            })
            .collect()
    }
}

/// Half the weighted mean and half the weighted median, per step.
fn middle(paths: &[&[f64]], weights: &[f64]) -> Vec<f64> {
    let steps = paths.iter().map(|p| p.len()).min().unwrap_or(0);
    (0..steps)
        .map(|h| {
            let mut values: Vec<(f64, f64)> =
                paths.iter().zip(weights).map(|(p, w)| (p[h], *w)).collect();
            let mean: f64 = values.iter().map(|(v, w)| v * w).sum();
            0.5 * mean + 0.5 * median(&mut values)
        })
        .collect()
}

/// The weighted median; weights add up to 1.
fn median(values: &mut [(f64, f64)]) -> f64 {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut sum = 0.0;
    for (v, w) in values.iter() {
        sum += w;
        if sum > 0.5 {
            return *v;
        }
    }
    values.last().map_or(0.0, |v| v.0)
}

/// Forecasts one step ahead of the experts that have them, by their weights.
fn one_ahead(experts: &[Expert], weights: &[f64]) -> Vec<f64> {
    let known: Vec<(&Vec<f64>, f64)> = experts
        .iter()
        .zip(weights)
        .filter_map(|(e, w)| Some((e.one_ahead.as_ref()?, *w)))
        .collect();
    let total: f64 = known.iter().map(|k| k.1).sum();
    let n = known.iter().map(|k| k.0.len()).min().unwrap_or(0);
    (0..n)
        .map(|t| known.iter().map(|(path, w)| path[t] * w / total).sum())
        .collect()
}
