//! Direct median regression on the same place in earlier seasons: an expert of `ensemble`.
//!
//! One regression per block of [`BLOCK`] steps. The values at the target's place one and two short seasons and one and two long
//! seasons ago, and of the mean profile, and the present level over several spans, each less the mean of the last short
//! season, explain what a fixed mixture of them leaves. Without evidence the coefficients are zero and the mixture stands. Cost:
//! at most [`MAX_ROWS`] rows per block.

use super::l1::{Line, Problem, single};
use crate::error::Result;
use crate::time::{ShouldStop, check_stop};

/// Steps that share coefficients.
const BLOCK: usize = 6;

/// Half-life of a row's weight in short seasons: two weeks of days.
const HALF_LIFE: f64 = 14.0;

const RIDGE: f64 = 0.001;

const MAX_ROWS: usize = 4_000;

/// Where rows come from.
struct Frame<'a> {
    z: &'a [f64],
    /// Prefix sums of z.
    sums: Vec<f64>,
    short: usize,
    long: Option<usize>,
    /// Windows that a row needs before it.
    need: usize,
    /// Short seasons in the mean profile.
    days: usize,
}

/// Paths of `steps` after each of `origins` (windows known), from rows whose targets lie before window `end`; `None` where the series is too
/// short.
pub(super) fn paths(
    z: &[f64],
    periods: &[usize],
    steps: usize,
    end: usize,
    origins: &[usize],
    should_stop: ShouldStop<'_>,
) -> Result<Option<Vec<Vec<f64>>>> {
    let Some(frame) = Frame::new(z, periods, steps).filter(|f| end >= f.need + steps + 2 * f.short)
    else {
        return Ok(None);
    };
    let mut out = vec![vec![0.0; steps]; origins.len()];
    let mut row = Vec::new();
    for from in (1..=steps).step_by(BLOCK) {
        check_stop(should_stop)?;
        let block = from..(from + BLOCK).min(steps + 1);
        let line = frame.learn(block.clone(), end);
        for (path, &origin) in out.iter_mut().zip(origins) {
            for (h, v) in block.clone().zip(path.iter_mut().skip(from - 1)) {
                let mixture = frame.row(origin, h, &mut row);
                *v = mixture + line.at(row.iter());
            }
        }
    }
    Ok(out.iter().flatten().all(|v| v.is_finite()).then_some(out))
}

impl<'a> Frame<'a> {
    fn new(z: &'a [f64], periods: &[usize], steps: usize) -> Option<Self> {
        let short = *periods.first()?;
        let long = periods.get(1).copied();
        let need = long
            .map_or(0, |w| 2 * w)
            .max(4 * short)
            .max((steps.div_ceil(short) + 1) * short);
        let days = long.map_or(need / short, |w| w / short).min(need / short);
        let mut sums = Vec::with_capacity(z.len() + 1);
        sums.push(0.0);
        let mut sum = 0.0;
        sums.extend(z.iter().map(|v| {
            sum += v;
            sum
        }));
        Some(Self {
            z,
            sums,
            short,
            long,
            need,
            days,
        })
    }

    /// Mean of the `k` windows before window `t`.
    fn mean(&self, t: usize, k: usize) -> f64 {
        (self.sums[t] - self.sums[t - k]) / k as f64
    }

    /// The coefficients of a block of steps.
    fn learn(&self, block: std::ops::Range<usize>, end: usize) -> Line {
        let stride = ((end - self.need) * block.len()).div_ceil(MAX_ROWS).max(1);
        let (mut columns, mut target, mut weight): (Vec<Vec<f32>>, _, _) =
            (Vec::new(), Vec::new(), Vec::new());
        let mut row = Vec::new();
        for h in block {
            for t in (self.need..=end.saturating_sub(h)).rev().step_by(stride) {
                let mixture = self.row(t, h, &mut row);
                columns.resize(row.len(), Vec::new());
                for (column, x) in columns.iter_mut().zip(&row) {
                    column.push(single(*x));
                }
                target.push(single(self.z[t + h - 1] - mixture));
                let age = (end - t) as f64 / self.short as f64;
                weight.push(single(0.5_f64.powf(age / HALF_LIFE)));
            }
        }
        Problem {
            columns: columns.iter().map(Vec::as_slice).collect(),
            target: &target,
            weight: &weight,
            ridge: RIDGE,
            doubted: 0..0,
        }
        .line()
    }

    /// The columns for the target `h` windows after the last of the `t` that are known; returns the mixture.
    fn row(&self, t: usize, h: usize, x: &mut Vec<f64>) -> f64 {
        let (z, d) = (self.z, self.short);
        let target = t + h - 1;
        // The target's place in the last season that is known.
        let lag = |p: usize| target - (target + 1 - t).div_ceil(p) * p;
        let base = self.mean(t, d);
        let day = lag(d);
        let profile = (0..self.days)
            .map(|k| z[day.saturating_sub(k * d)])
            .sum::<f64>()
            / self.days as f64;
        let last = z[t - 1];
        x.clear();
        x.extend([
            z[day] - base,
            z[day - d] - base,
            profile - base,
            last - base,
            self.mean(t, 3.min(d)) - base,
            self.mean(t, (d / 4).max(1)) - base,
            self.mean(t, (d / 2).max(1)) - base,
            self.mean(t - d, d) - base,
            self.mean(t, self.need.min(7 * d)) - base,
            last - z[t - 1 - d],
            self.mean((day + d / 8 + 1).min(t), (d / 4).max(1)) - base,
        ]);
        let Some(w) = self.long else {
            return 0.5 * z[day] + 0.5 * profile;
        };
        let (one, two) = (z[lag(w)], z[lag(w) - w]);
        x.extend([one - base, two - base, base - self.mean(t - w, d)]);
        0.25 * z[day] + 0.3 * one + 0.2 * two + 0.25 * profile
    }
}
