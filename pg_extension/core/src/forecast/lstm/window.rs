//! From a workload's past to what the network reads, on a scale on which all workloads look alike.
//!
//! Values become signed square roots, half-way between raw numbers and logarithms: noise of counts becomes even, and doubling
//! every value doubles nothing but the scale. From them the newest value (base) is taken and the rest divided by how much the
//! window moves (spread). So the network sees and forecasts movements in units of the usual ones, and "no movement" is the last value. Covariates
//! are read as differences from their newest value: their level of a year ago says little about today.

use super::Workload;
use super::standard::Standard;
use crate::time::{DAY, Micros, Step};

/// Numbers that the network reads per window beside the covariates: value, whether it is missing, the value a season
/// before the end of the horizon seen from there, and four of the calendar.
const OWN_INPUTS: usize = 7;

/// Lengths of the means that go to the head directly: the level on several time scales.
const MEANS: [usize; 8] = [2, 3, 5, 8, 12, 20, 32, 48];

/// Values that tell how strongly a workload moves at the moment.
const LATELY: usize = 8;

/// Most points of the horizon for which values of earlier seasons go to the head; longer horizons are averaged to them.
const MAX_POINTS: usize = 16;

/// Earlier seasons that are averaged, as far as they are known: a week of days.
const SEASONS: usize = 7;

/// Numbers beyond are cut: a window with one spike must not drown the others.
const MAX_INPUT: f32 = 8.0;

/// Least spread as a share of the usual value, so that a flat window is not divided by nothing.
const MIN_SPREAD: f32 = 0.01;

/// What a window consists of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    pub(super) window: usize,
    pub(super) steps: usize,
    /// Steps of a season; zero for none.
    pub(super) season: usize,
    pub(super) covariates: usize,
    pub(super) step: Step,
}

impl Frame {
    pub(super) fn inputs(&self) -> usize {
        OWN_INPUTS + self.covariates
    }

    fn points(&self) -> usize {
        if self.season == 0 {
            0
        } else {
            self.steps.min(MAX_POINTS)
        }
    }

    /// Three lags, the means, how strongly it moves lately and at all, calendar in the middle of the horizon, earlier seasons.
    pub(super) fn direct(&self) -> usize {
        3 + MEANS.len() + 2 + 4 + 2 * self.points()
    }

    /// How many newest values a window looks at.
    pub(super) fn reach(&self) -> usize {
        let seasons = SEASONS * self.season + self.season / 96 + 1;
        seasons.max(self.window.max(LATELY) + self.season)
    }

    /// How far before a place of the window the value is read that is whole seasons before the end of the horizon seen from
    /// there, so that the last place sees the last step forecast, a season ago.
    fn lead(&self) -> Option<usize> {
        (self.season > 0).then(|| self.steps.next_multiple_of(self.season) - self.steps)
    }

    /// Fewest known values of a window that can be used.
    pub(super) fn least(&self) -> usize {
        (self.window / 4).max(2)
    }
}

/// A workload's past, prepared for windows that end anywhere in it.
#[derive(Debug)]
pub(super) struct Past {
    start: Micros,
    /// Signed square roots; NaN where missing.
    v: Vec<f32>,
    /// Sums and counts of the known values before each place.
    sum: Vec<(f64, u32)>,
    /// Sum of their sizes.
    size: Vec<f64>,
    covariate: Vec<f32>,
}

/// Where a window stands: what turns its numbers back into values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub(super) base: f32,
    pub(super) spread: f32,
}

impl Scale {
    /// A quantile of the network as a value.
    pub(super) fn value(self, q: f32) -> f64 {
        let v = f64::from(self.base) + f64::from(self.spread) * f64::from(q);
        v * v.abs()
    }

    fn movement(self, v: f32) -> f32 {
        (v - self.base) / self.spread
    }

    /// The same within bounds, zero where it is not known.
    fn input(self, v: f32) -> f32 {
        bounded(self.movement(v))
    }

    /// How many units of value a unit of the network is worth here.
    pub(super) fn worth(self) -> f64 {
        let (base, spread) = (f64::from(self.base), f64::from(self.spread));
        spread * (2.0 * base.abs() + spread)
    }
}

fn bounded(x: f32) -> f32 {
    if x.is_nan() {
        0.0
    } else {
        x.clamp(-MAX_INPUT, MAX_INPUT)
    }
}

impl Past {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the network computes in f32"
    )]
    pub(super) fn new(workload: &Workload<'_>, standard: &Standard) -> Self {
        let root = |y: &f64| (y.abs().sqrt().copysign(*y)) as f32;
        let v: Vec<f32> = workload.values.iter().map(root).collect();
        let (mut sum, mut size) = (vec![(0.0, 0)], vec![0.0]);
        let (mut s, mut n, mut a) = (0.0, 0, 0.0);
        for v in &v {
            if !v.is_nan() {
                s += f64::from(*v);
                a += f64::from(v.abs());
                n += 1;
            }
            sum.push((s, n));
            size.push(a);
        }
        let moments = || standard.mean.iter().zip(&standard.scale);
        let rows = workload.covariates.chunks_exact(standard.mean.len().max(1));
        let covariate = rows.flat_map(|row| {
            let scaled =
                |(x, (mean, scale)): (&f64, (&f32, &f32))| bounded((*x as f32 - mean) * scale);
            row.iter().zip(moments()).map(scaled)
        });
        Self {
            start: workload.start,
            covariate: covariate.collect(),
            v,
            sum,
            size,
        }
    }

    /// Values after `at`, as the network should forecast them: movements per step, NaN where missing.
    pub(super) fn targets(
        &self,
        frame: &Frame,
        at: usize,
        scale: Scale,
    ) -> impl Iterator<Item = f32> {
        self.v[at + 1..at + 1 + frame.steps]
            .iter()
            .map(move |v| scale.movement(*v))
    }

    pub(super) fn len(&self) -> usize {
        self.v.len()
    }

    /// The value `back` places before `at`; NaN where there is none.
    fn before(&self, at: usize, back: usize) -> f32 {
        at.checked_sub(back)
            .and_then(|i| self.v.get(i))
            .copied()
            .unwrap_or(f32::NAN)
    }

    /// Mean of the known values of `from..until`; NaN if there are none.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the network computes in f32"
    )]
    fn mean(&self, from: usize, until: usize) -> f32 {
        let (a, b) = (
            self.sum[from.min(self.len())],
            self.sum[until.min(self.len())],
        );
        if b.1 > a.1 {
            ((b.0 - a.0) / f64::from(b.1 - a.1)) as f32
        } else {
            f32::NAN
        }
    }

    /// The scale of the window whose newest place is `at`; `None` where too little of it is known.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the network computes in f32"
    )]
    pub(super) fn scale(&self, frame: &Frame, at: usize) -> Option<Scale> {
        let from = (at + 1).saturating_sub(frame.window);
        let known = self.sum.get(at + 1)?.1 - self.sum[from].1;
        if (known as usize) < frame.least() {
            return None;
        }
        let mean = self.mean(from, at + 1);
        let (mut base, mut level, mut moved, mut moves) = (f32::NAN, 0.0, 0.0, 0.0_f32);
        for v in self.v[from..=at].iter().filter(|v| !v.is_nan()) {
            level += (v - mean).abs();
            if !base.is_nan() {
                moved += (v - base).abs();
                moves += 1.0;
            }
            base = *v;
        }
        let usual = (self.size[at + 1] / f64::from(self.sum[at + 1].1)) as f32;
        let spread = level / (moves + 1.0) + moved / moves.max(1.0);
        let spread = spread.max(MIN_SPREAD * usual);
        // Nothing but zeros so far: any unit will do.
        Some(Scale {
            base,
            spread: if spread > 0.0 { spread } else { 1.0 },
        })
    }

    /// What the network reads at `at`: `x` per window, `z` for the head.
    pub(super) fn read(
        &self,
        frame: &Frame,
        at: usize,
        scale: Scale,
        x: &mut [f32],
        z: &mut [f32],
    ) {
        let mut held = f32::NAN;
        let lead = frame.lead();
        let newest = self.covariates(frame, at).unwrap_or(&[]);
        for (k, x) in x.chunks_exact_mut(frame.inputs()).enumerate() {
            let back = frame.window - 1 - k;
            let v = self.before(at, back);
            held = if v.is_nan() { held } else { v };
            x[0] = scale.input(held);
            x[1] = f32::from(u8::from(v.is_nan()));
            x[2] = lead.map_or(0.0, |lead| scale.input(self.before(at, back + lead)));
            let place = i64::try_from(at).unwrap_or(i64::MAX) - i64::try_from(back).unwrap_or(0);
            x[3..OWN_INPUTS].copy_from_slice(&self.calendar(frame, place));
            let then = at
                .checked_sub(back)
                .and_then(|at| self.covariates(frame, at));
            let differences = then
                .unwrap_or(newest)
                .iter()
                .zip(newest)
                .map(|(c, newest)| c - newest);
            x[OWN_INPUTS..]
                .iter_mut()
                .zip(differences)
                .for_each(|(x, c)| *x = c);
        }
        self.direct(frame, at, scale, z);
    }

    fn covariates(&self, frame: &Frame, at: usize) -> Option<&[f32]> {
        let n = frame.covariates;
        self.covariate.get(at * n..(at + 1) * n)
    }

    fn direct(&self, frame: &Frame, at: usize, scale: Scale, z: &mut [f32]) {
        let end = at + 1;
        let mut z = z.iter_mut();
        let mut put = |x: f32| {
            if let Some(z) = z.next() {
                *z = bounded(x);
            }
        };
        (1..=3).for_each(|back| put(scale.movement(self.before(at, back))));
        for n in MEANS {
            put(scale.movement(self.mean(end.saturating_sub(n.min(frame.window)), end)));
        }
        let lately = self.v[end.saturating_sub(LATELY)..end]
            .windows(2)
            .map(|v| (v[1] - v[0]).abs());
        put(lately.filter(|d| !d.is_nan()).sum::<f32>() / ((LATELY - 1) as f32 * scale.spread));
        put(scale.spread / (scale.spread + scale.base.abs()));
        let middle = i64::try_from(at + frame.steps.div_ceil(2)).unwrap_or(i64::MAX);
        self.calendar(frame, middle).into_iter().for_each(&mut put);
        let points = frame.points();
        for p in 0..points {
            // Places of the horizon that this point stands for, counted from the newest value.
            let (from, until) = (
                1 + p * frame.steps / points,
                1 + (p + 1) * frame.steps / points,
            );
            put(scale.movement(self.season(frame, at, 1, from, until).0));
            let (mut sum, mut n) = (0.0, 0.0_f32);
            for k in 1..=SEASONS {
                let (then, level) = self.season(frame, at, k, from, until);
                let rise = (then - level) / scale.spread;
                if !rise.is_nan() {
                    sum += rise;
                    n += 1.0;
                }
            }
            put(sum / n.max(1.0));
        }
    }

    /// Mean of the places `from..until` after `at`, `k` seasons earlier (never after `at`), and the level from which they rose.
    fn season(&self, frame: &Frame, at: usize, k: usize, from: usize, until: usize) -> (f32, f32) {
        let Some(then) = at.checked_sub(k * frame.season) else {
            return (f32::NAN, f32::NAN);
        };
        let width = 1 + frame.season / 96;
        let value = self.mean((then + from).min(at + 1), (then + until).min(at + 1));
        (value, self.mean((then + 1).saturating_sub(width), then + 1))
    }

    /// Position in day and week as points on circles.
    fn calendar(&self, frame: &Frame, place: i64) -> [f32; 4] {
        let ts = self
            .start
            .saturating_add(frame.step.micros().saturating_mul(place));
        let [day, week] = [DAY, 7 * DAY].map(|period| {
            let phase = ts.rem_euclid(period) as f64 / period as f64;
            [wave(phase), wave((phase + 0.25).fract())]
        });
        [day[0], day[1], week[0], week[1]]
    }
}

/// sin(2πp) for p in [0, 1) within 0.002 (Bhaskara I, 7th century): the same on every machine, which libraries' sines are not.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the network computes in f32"
)]
pub(super) fn wave(p: f64) -> f32 {
    let (half, sign) = if p < 0.5 {
        (2.0 * p, 1.0)
    } else {
        (2.0 * p - 1.0, -1.0)
    };
    let arc = half * (1.0 - half);
    (sign * 16.0 * arc / (5.0 - 4.0 * arc)) as f32
}
