//! Finding the form and its parameters.

use super::{Ets, Form, MAX_SEASON, MIN_WINDOWS, Part};
use crate::error::Result;
use crate::forecast::optimise::nelder_mead;
use crate::forecast::parts::Parts;
use crate::forecast::season::classical;
use crate::time::{ShouldStop, check_stop};

/// Longest series that is allowed a trend which goes on for ever: of longer ones, the last slope is no slope of the whole.
const STRAIGHT: usize = 200;

/// Likeliest forms whose first season is refined, and longest season for which that is affordable: eight likelihoods a place.
const REFINED: usize = 3;
const MAX_REFINED: usize = 60;

/// Evaluations of the likelihood for one form.
const BUDGET: usize = 220;

/// The likeliest form for `y` of period `m` (0 or 1: no season) and its forecasts one step ahead; `None` below [`MIN_WINDOWS`] or for values
/// that overflow.
pub(in crate::forecast) fn fit(
    y: &[f64],
    m: usize,
    should_stop: ShouldStop<'_>,
) -> Result<Option<(Ets, Parts)>> {
    let unit = y.iter().map(|v| v.abs() / y.len() as f64).sum::<f64>();
    if y.len() < MIN_WINDOWS || !(unit > 0.0 && unit.is_finite()) {
        return Ok(None);
    }
    let z: Vec<f64> = y.iter().map(|v| v / unit).collect();
    let mut found = Vec::new();
    for form in forms(&z, m) {
        let season = first_season(form.season, &z, m);
        found.extend(fit_form(form, &z, season, should_stop)?);
    }
    found.sort_by(|a, b| a.aicc.total_cmp(&b.aicc));
    let likeliest = found.iter_mut().take(REFINED);
    for model in likeliest.filter(|model| (1..=MAX_REFINED).contains(&model.season.len())) {
        let season = refine(model, &z, should_stop)?;
        if let Some(better) =
            fit_form(model.form, &z, season, should_stop)?.filter(|b| b.aicc < model.aicc)
        {
            *model = better;
        }
    }
    found.sort_by(|a, b| a.aicc.total_cmp(&b.aicc));
    let stays = |model: &Ets| runs_on(model, &z, m);
    let best = found.iter().position(stays).unwrap_or(0);
    let best = (best < found.len()).then(|| found.swap_remove(best));
    Ok(best.map(|mut model| {
        model.unit = unit;
        // The likelihood is that of the values themselves, not of those in units.
        model.aicc += 2.0 * y.len() as f64 * unit.ln();
        let mut past = Parts {
            trend: Vec::new(),
            seasonal: model
                .period()
                .map(|p| (p, Vec::new()))
                .into_iter()
                .collect(),
            ..Parts::default()
        };
        for v in y {
            let (base, season) = model.observe(*v);
            past.trend.push(base);
            if let Some(s) = past.seasonal.first_mut() {
                s.1.push(season);
            }
        }
        (model, past)
    }))
}

/// Whether the forecast of two seasons (ten windows at least) stays within the range of `y`, widened by that range on either side: factors of a
/// season near zero and steep last trends run away, however likely they were one step ahead.
fn runs_on(model: &Ets, y: &[f64], m: usize) -> bool {
    let mut model = model.clone();
    y.iter().for_each(|v| {
        model.observe(*v);
    });
    let low = y.iter().copied().fold(f64::INFINITY, f64::min);
    let high = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (base, season) = model.ahead((2 * m).max(10));
    base.iter()
        .zip(&season)
        .all(|(b, s)| (2.0 * low - high..=2.0 * high - low).contains(&(b + s)))
}

fn forms(y: &[f64], m: usize) -> Vec<Form> {
    let positive = y.iter().all(|v| *v > 0.0);
    let seasonal = (2..=MAX_SEASON).contains(&m) && y.len() >= 2 * m + 5;
    let mut out = Vec::new();
    for season in [Part::None, Part::Additive, Part::Other] {
        for trend in [Part::None, Part::Additive, Part::Other] {
            if trend == Part::Additive && y.len() > STRAIGHT {
                continue;
            }
            for relative in [false, true] {
                let possible = match season {
                    Part::None => !relative || positive,
                    Part::Additive => seasonal && (!relative || positive),
                    // Multiplicative seasons with additive errors are unstable.
                    Part::Other => seasonal && relative && positive,
                };
                if possible {
                    out.push(Form {
                        relative,
                        trend,
                        season,
                    });
                }
            }
        }
    }
    out
}

/// One form, its state that before the first window.
fn fit_form(
    form: Form,
    y: &[f64],
    season: Vec<f64>,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Ets>> {
    let m = season.len().max(1);
    let adjusted: Vec<f64> = y
        .iter()
        .enumerate()
        .take((2 * m).max(MIN_WINDOWS))
        .map(|(i, v)| match (form.season, season.get(i % m)) {
            (Part::Additive, Some(s)) => v - s,
            (Part::Other, Some(s)) => v / s,
            _ => *v,
        })
        .collect();
    let (level, slope) = line(&adjusted);
    let slope = if form.trend == Part::None { 0.0 } else { slope };
    let spread = deviation(&adjusted);
    let build = |x: &[f64]| -> Option<Ets> {
        let mut x = x.iter().copied();
        let alpha = within(x.next()?, 1e-4, 0.9999);
        let level = level + spread * x.next()?;
        let (mut beta, mut phi, mut first) = (0.0, 1.0, 0.0);
        if form.trend != Part::None {
            beta = alpha * within(x.next()?, 1e-4, 0.9999);
            first = slope + 0.1 * spread * x.next()?;
        }
        if form.trend == Part::Other {
            phi = within(x.next()?, 0.8, 0.98);
        }
        let gamma = if form.season == Part::None {
            0.0
        } else {
            (1.0 - alpha) * within(x.next()?, 1e-4, 0.9999)
        };
        Some(Ets {
            form,
            alpha,
            beta,
            gamma,
            phi,
            level,
            slope: first,
            unit: 1.0,
            season: season.clone(),
            at: 0,
            aicc: f64::INFINITY,
        })
    };
    let mut start = vec![unit(0.3), 0.0];
    let mut edge = vec![1.5, 0.3];
    if form.trend != Part::None {
        start.extend([unit(0.05), 0.0]);
        edge.extend([2.0, 0.3]);
    }
    if form.trend == Part::Other {
        start.push(unit(0.9));
        edge.push(-1.5);
    }
    if form.season != Part::None {
        start.push(unit(0.1));
        edge.push(1.5);
    }
    let mut scratch = season.clone();
    let mut loss =
        |x: &[f64]| build(x).map_or(f64::INFINITY, |model| likelihood(&model, y, &mut scratch));
    let (x, least) = nelder_mead(&mut loss, &start, &edge, BUDGET, should_stop)?;
    let k = (start.len() + season.len().saturating_sub(1) + 1) as f64;
    let n = y.len() as f64;
    let penalty = if n > k + 1.0 {
        2.0 * k * n / (n - k - 1.0)
    } else {
        f64::INFINITY
    };
    Ok(build(&x).filter(|_| least.is_finite()).map(|model| Ets {
        aicc: least + penalty,
        ..model
    }))
}

/// The first season, one place after the other moved to where a parabola through three likelihoods has its bottom; twice.
fn refine(model: &Ets, y: &[f64], should_stop: ShouldStop<'_>) -> Result<Vec<f64>> {
    let mut model = model.clone();
    let m = model.season.len();
    let mut scratch = model.season.clone();
    let mut step = 0.3 * deviation(&model.season);
    for _ in 0..2 {
        for k in 0..m {
            check_stop(should_stop)?;
            let start = model.season[k];
            let mut at = |v: f64| {
                model.season[k] = v;
                likelihood(&model, y, &mut scratch)
            };
            let (middle, low, high) = (at(start), at(start - step), at(start + step));
            let bend = low + high - 2.0 * middle;
            let bottom = if bend > 0.0 {
                start + (0.5 * step * (low - high) / bend).clamp(-2.0 * step, 2.0 * step)
            } else {
                start
            };
            let best = if at(bottom) < middle { bottom } else { start };
            model.season[k] = best;
        }
        step *= 0.5;
    }
    Ok(model.season)
}

/// −2 · log-likelihood up to a constant: n·ln Σ e² (+ 2·Σ ln ŷ for multiplicative errors).
pub(super) fn likelihood(model: &Ets, y: &[f64], season: &mut [f64]) -> f64 {
    season.copy_from_slice(&model.season);
    match model.form.season {
        Part::None => filter::<0>(model, y, season),
        Part::Additive => filter::<1>(model, y, season),
        Part::Other => filter::<2>(model, y, season),
    }
}

fn filter<const SEASON: u8>(model: &Ets, y: &[f64], season: &mut [f64]) -> f64 {
    let (mut level, mut slope) = (model.level, model.slope);
    let (mut squares, mut product, mut logs) = (0.0, 1.0_f64, 0.0);
    let m = season.len().max(1);
    for cycle in y.chunks(m) {
        let mut one = [0.0];
        let values = if SEASON == 0 {
            &mut one[..]
        } else {
            &mut season[..]
        };
        for (i, v) in cycle.iter().enumerate() {
            let base = level + model.phi * slope;
            let s = if SEASON == 0 { 0.0 } else { values[i] };
            let ahead = if SEASON == 2 { base * s } else { base + s };
            let r = v - ahead;
            let (error, seasonal) = if SEASON == 2 {
                (r / s, r / base)
            } else {
                (r, r)
            };
            level = base + model.alpha * error;
            slope = model.phi * slope + model.beta * error;
            if SEASON != 0 {
                values[i] = s + model.gamma * seasonal;
            }
            if model.form.relative {
                squares += r / ahead * (r / ahead);
                product *= ahead;
                // One logarithm for many factors.
                if !(1e-100..1e100).contains(&product) {
                    logs += product.ln();
                    product = 1.0;
                }
            } else {
                squares += r * r;
            }
        }
    }
    y.len() as f64 * squares.max(f64::MIN_POSITIVE).ln() + 2.0 * (logs + product.ln())
}

/// The first season from the first cycles, at most four.
fn first_season(kind: Part, y: &[f64], m: usize) -> Vec<f64> {
    let first = y.get(..y.len().min(4 * m)).unwrap_or_default();
    match kind {
        Part::None => Vec::new(),
        Part::Additive => classical(first, m, false),
        Part::Other => classical(first, m, true)
            .iter()
            .map(|s| s.max(1e-3))
            .collect(),
    }
}

/// Intercept one step before the first value, and slope, of the least-squares line.
fn line(y: &[f64]) -> (f64, f64) {
    let n = y.len() as f64;
    let (mt, my) = ((n + 1.0) / 2.0, y.iter().sum::<f64>() / n);
    let (mut up, mut down) = (0.0, 0.0);
    for (i, v) in y.iter().enumerate() {
        let t = (i + 1) as f64 - mt;
        up += t * (v - my);
        down += t * t;
    }
    let slope = if down > 0.0 { up / down } else { 0.0 };
    (my - slope * mt, slope)
}

fn deviation(y: &[f64]) -> f64 {
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n;
    (y.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt()
}

/// Any number as one between `low` and `high`, and back from a share of the way.
fn within(x: f64, low: f64, high: f64) -> f64 {
    low + (high - low) / (1.0 + (-x).exp())
}

fn unit(share: f64) -> f64 {
    (share / (1.0 - share)).ln()
}
