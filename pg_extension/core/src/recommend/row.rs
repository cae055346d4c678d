//! The sixteen features of one origin; training and prediction call the same code.

use super::maxima::Maxima;
use super::signal::{Signal, mean_known};
use crate::error::Result;
use crate::time::{DAY, MINUTE, Micros, ShouldStop, Step, check_stop};

/// Features of a row.
pub(super) const N: usize = 16;

/// Their names, in order; a stored model carries them. All are in units of the level.
pub(super) const NAMES: [&str; N] = [
    "level",
    "last",
    "mean_3m",
    "mean_30m",
    "mean_60m",
    "max_15m",
    "max_60m",
    "max_180m",
    "max_1d",
    "slope_10m_at_lead",
    "week_at_lead",
    "week_peak_rise",
    "week_peak",
    "noise_root",
    "unit",
    "mean_abs_change_30m",
];

/// Past days that the seasonal features look at.
const DAYS: usize = 7;

/// Features may exceed the level this many times: one outlier an hour ago must not rule the forecast.
const CAP: f64 = 4.0;

/// Share of the smallest size below which demand counts as idle; keeps ratios finite when there is no load.
const IDLE: f64 = 0.02;

/// Rows between two questions whether to stop: a few milliseconds, whatever the lead.
pub(super) const STOP_EVERY: usize = 1_024;

/// The lengths of the recipe in whole steps.
#[derive(Debug, Clone)]
pub(super) struct Lengths {
    m3: usize,
    m10: usize,
    m15: usize,
    m30: usize,
    m60: usize,
    m180: usize,
    /// Steps of a day.
    pub(super) day: usize,
    /// Steps from the origin to the start of the target window.
    pub(super) lead: usize,
    /// Steps on each side of the centred five-minute mean.
    half: usize,
    /// Steps after the lead that the seasonal maximum still covers (five minutes).
    beyond: usize,
}

impl Lengths {
    pub(super) fn new(step: Step, lead: Micros) -> Self {
        let of = |minutes: i64| step.round(minutes * MINUTE);
        Self {
            m3: of(3),
            m10: of(10),
            m15: of(15),
            m30: of(30),
            m60: of(60),
            m180: of(180),
            day: of(DAY / MINUTE),
            lead: step.cover(lead),
            half: of(5) / 2,
            beyond: of(5),
        }
    }
}

/// What one past day says about an instant.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    /// Centred five-minute mean at the lead after the instant.
    at_lead: f64,
    /// Largest such mean from the instant to five minutes after the lead.
    peak: f64,
    /// Mean of the ten minutes before the instant.
    base: f64,
}

/// Features and the level they are divided by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Level of demand; positive.
    pub(super) level: f64,
    /// Features in units of the level; the first one is 1.
    pub(super) x: [f64; N],
}

/// Computes rows of one signal.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    signal: &'a Signal,
    len: Lengths,
    unit_capacity: f64,
    idle: f64,
    /// Anchors by instant where all were computed in advance (training), else empty.
    memo: Vec<Option<Anchor>>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        signal: &'a Signal,
        len: Lengths,
        unit_capacity: f64,
        min_units: u32,
    ) -> Self {
        // With a smallest size of zero the level still needs a floor: that of one unit.
        let idle = (IDLE * unit_capacity * f64::from(min_units.max(1))).max(f64::MIN_POSITIVE);
        Self {
            signal,
            len,
            unit_capacity,
            idle,
            memo: Vec::new(),
        }
    }

    /// Computes what every instant contributes to the rows of later days, once.
    pub(super) fn with_memo(mut self, should_stop: ShouldStop<'_>) -> Result<Self> {
        let n = self.signal.len();
        let mut smooth = Vec::with_capacity(n + self.len.half);
        for i in 0..n + self.len.half {
            if i % STOP_EVERY == 0 {
                check_stop(should_stop)?;
            }
            smooth.push(self.smooth(i).unwrap_or(f64::NAN));
        }
        let smooth = Maxima::new(smooth);
        self.memo.reserve_exact(n);
        for i in 0..n {
            if i % STOP_EVERY == 0 {
                check_stop(should_stop)?;
            }
            let at_lead = smooth.at(i + self.len.lead);
            self.memo
                .push(at_lead.and_then(|v| self.anchor(i, v, smooth.max(i, self.end(i)))));
        }
        Ok(self)
    }

    /// The row of origin `t`: windows before `t` are known, `t` and later ones are not looked at.
    ///
    /// `None` where the last three minutes are not all known, or no past day is; longer means and maxima take the windows
    /// that are known.
    pub(super) fn row(&self, t: usize) -> Option<Row> {
        let (s, len) = (self.signal, &self.len);
        let newest = s.span(t.checked_sub(len.m3)?, t);
        if newest.len() < len.m3 || newest.iter().any(|v| v.is_nan()) {
            return None;
        }
        let mean_3 = s.mean_before(t, len.m3)?;
        let level = (0.5 * mean_3 + 0.5 * s.mean_before(t, len.m10)?).max(self.idle);
        let ceiling = CAP * level;
        let season = self.season(t)?;
        let x = [
            level,
            s.at(t.checked_sub(1)?)?,
            mean_3,
            s.mean_before(t, len.m30)?,
            s.mean_before(t, len.m60)?,
            s.max_before(t, len.m15)?,
            s.max_before(t, len.m60)?.min(ceiling),
            s.max_before(t, len.m180)?.min(ceiling),
            s.max_before(t, len.day)?.min(ceiling),
            slope(s.span(t.saturating_sub(len.m10), t)) * count(len.lead),
            level * season.ratio,
            level * season.rise,
            season.peak.min(ceiling),
            (level * self.unit_capacity).sqrt(),
            self.unit_capacity,
            mean_abs_change(s.span(t.saturating_sub(len.m30 + 1), t)),
        ];
        Some(Row {
            level,
            x: x.map(|v| v / level),
        })
    }

    /// The same minute on the past days.
    fn season(&self, t: usize) -> Option<Season> {
        let epsilon = self.unit_capacity / 2.0;
        let mut sum = Season {
            ratio: 0.0,
            rise: f64::NEG_INFINITY,
            peak: 0.0,
        };
        let mut n = 0_u32;
        for day in 1..=DAYS {
            let Some(i) = t.checked_sub(day * self.len.day) else {
                break;
            };
            // With a lead of almost a day the newest past day is not over yet.
            if i + self.len.lead + self.len.beyond + self.len.half >= t {
                continue;
            }
            let Some(anchor) = self
                .memo
                .get(i)
                .copied()
                .unwrap_or_else(|| self.seek_anchor(i))
            else {
                continue;
            };
            sum.ratio += (anchor.at_lead + epsilon) / (anchor.base + epsilon);
            sum.rise = sum
                .rise
                .max((anchor.peak + epsilon) / (anchor.base + epsilon));
            sum.peak += anchor.peak;
            n += 1;
        }
        let clip = |v: f64| v.clamp(1.0 / CAP, CAP);
        let n = (n > 0).then(|| f64::from(n))?;
        Some(Season {
            ratio: clip(sum.ratio / n),
            rise: clip(sum.rise),
            peak: sum.peak / n,
        })
    }

    /// Centred five-minute mean.
    fn smooth(&self, i: usize) -> Option<f64> {
        let half = self.len.half;
        mean_known(self.signal.span(i.saturating_sub(half), i + half + 1))
    }

    /// Where the seasonal maximum from `i` ends.
    fn end(&self, i: usize) -> usize {
        i + self.len.lead + self.len.beyond + 1
    }

    fn seek_anchor(&self, i: usize) -> Option<Anchor> {
        let at_lead = self.smooth(i + self.len.lead)?;
        let peak = (i..self.end(i))
            .filter_map(|j| self.smooth(j))
            .reduce(f64::max);
        self.anchor(i, at_lead, peak)
    }

    fn anchor(&self, i: usize, at_lead: f64, peak: Option<f64>) -> Option<Anchor> {
        Some(Anchor {
            at_lead,
            peak: peak?,
            base: self.signal.mean_before(i, self.len.m10)?,
        })
    }
}

#[derive(Debug)]
struct Season {
    ratio: f64,
    rise: f64,
    peak: f64,
}

/// Slope of the least-squares line through equally spaced values, per step; values that are NaN are left out.
fn slope(x: &[f64]) -> f64 {
    let (mut n, mut si, mut sx) = (0.0, 0.0, 0.0);
    let known = || {
        x.iter()
            .enumerate()
            .filter(|(_, v)| !v.is_nan())
            .map(|(i, &v)| (count(i), v))
    };
    for (i, v) in known() {
        n += 1.0;
        si += i;
        sx += v;
    }
    let (mean_i, mean_x) = (si / n, sx / n);
    let (mut sxy, mut sxx) = (0.0, 0.0);
    for (i, v) in known() {
        sxy += (i - mean_i) * (v - mean_x);
        sxx += (i - mean_i) * (i - mean_i);
    }
    if sxx > 0.0 { sxy / sxx } else { 0.0 }
}

/// Mean size of the change between neighbours that are both known; zero where there is none.
fn mean_abs_change(x: &[f64]) -> f64 {
    let (mut sum, mut n) = (0.0, 0_u32);
    for (a, b) in x.iter().zip(x.iter().skip(1)) {
        let d = (b - a).abs();
        if !d.is_nan() {
            sum += d;
            n += 1;
        }
    }
    if n > 0 { sum / f64::from(n) } else { 0.0 }
}

/// A small count as a float.
pub(super) fn count(n: usize) -> f64 {
    // Exact below 2^53, far above any number of windows.
    n as f64
}
