//! The regular grid a forecast works on.

use super::rows::ROWS_PER_LOOK;
use crate::error::Result;
use crate::feature::series::fill;
use crate::sample::Series;
use crate::time::{Micros, ShouldStop, Step, check_stop};
use crate::window::{Clock, usual_step};

/// Most windows looked at: two years of minutes, 8 MiB; older ones are left out.
const MAX_WINDOWS: i64 = 1 << 20;

/// A series on a regular grid that ends at its last sample. Windows are equally long by its clock.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) step: Step,
    pub(super) clock: Clock,
    /// What the clock shows at the start of the last window, that of the last sample.
    last: Micros,
    /// Whether samples stand for the windows that they start, as those of `resample` do; else each is counted to the nearest.
    is_resampled: bool,
    /// Every window; gaps filled on the line between their neighbours.
    pub(super) y: Vec<f64>,
    /// Whether a window has a sample of its own.
    pub(super) seen: Vec<bool>,
    /// Samples that share their window with an earlier one.
    pub(super) n_dup: usize,
}

impl Grid {
    /// What is [`known`] at `as_of`; `None` where nothing is.
    ///
    /// # Errors
    /// `UnknownName` for a time zone that is not known.
    pub(super) fn build(
        series: &Series,
        as_of: Option<Micros>,
        horizon: Micros,
    ) -> Result<Option<Self>> {
        let end = known(series, as_of)?;
        Ok(Self::on_clock(series, clock(series)?, end, horizon))
    }

    fn on_clock(series: &Series, clock: Clock, end: usize, horizon: Micros) -> Option<Self> {
        let ts = series.ts().get(..end)?;
        let last = clock.shows_at_start(*ts.last()?);
        let step = series
            .step()
            .or_else(|| usual_step(ts))
            .or_else(|| Step::try_new(horizon).ok())?;
        let back = |t: Micros| {
            let span = last.saturating_sub(clock.shows(t)).max(0);
            span / step.micros()
                + i64::from(span % step.micros() >= step.micros() - step.micros() / 2)
        };
        let first = ts.partition_point(|&t| back(t) >= MAX_WINDOWS);
        let ts = ts.get(first..)?;
        let n = usize::try_from(back(*ts.first()?)).ok()? + 1;
        let mut y = vec![0.0; n];
        let mut count = vec![0_u32; n];
        for (&t, &v) in ts.iter().zip(series.value().get(first..end)?) {
            let idx = n - 1 - usize::try_from(back(t)).ok()?.min(n - 1);
            let (mean, c) = (y.get_mut(idx)?, count.get_mut(idx)?);
            *c += 1;
            *mean += (v - *mean) / f64::from(*c);
        }
        let seen: Vec<bool> = count.iter().map(|&c| c > 0).collect();
        let n_dup = ts.len() - seen.iter().filter(|s| **s).count();
        fill(&mut y, &seen);
        Some(Self {
            step,
            clock,
            last,
            is_resampled: series.step().is_some(),
            y,
            seen,
            n_dup,
        })
    }

    /// Start of the window `idx`; of one after the last it goes on.
    pub(super) fn ts(&self, idx: usize) -> Micros {
        self.clock.instant(self.local(idx))
    }

    /// What the clock shows then.
    pub(super) fn local(&self, idx: usize) -> Micros {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let ahead = count(idx).saturating_sub(count(self.y.len() - 1));
        self.last
            .saturating_add(ahead.saturating_mul(self.step.micros()))
    }

    /// `series` on these windows and up to `ahead` after them, as far as it goes: the mean of its samples in each; windows without one lie on the
    /// line between their neighbours, those before the first have its value.
    pub(super) fn place(&self, series: &Series, ahead: usize) -> Vec<f64> {
        let last = series.ts().last().copied().unwrap_or(Micros::MIN);
        let (mut y, mut seen) = (Vec::new(), Vec::new());
        let mut end = Micros::MIN;
        for idx in 0..self.y.len() + ahead {
            let (from, until) = self.around(idx);
            if last < from {
                break;
            }
            let found = mean(series, from, until);
            seen.push(found.is_some());
            y.push(found.unwrap_or(0.0));
            end = until;
        }
        // The sample after all these windows ends the last gap.
        let next = series.ts().partition_point(|ts| *ts < end);
        if let (Some(ts), Some(v)) = (series.ts().get(next), series.value().get(next)) {
            let from = seen.iter().rposition(|s| *s);
            let at = |idx: usize| self.local(idx) as f64;
            let start = from.map_or((0.0, *v), |idx| (at(idx), y[idx]));
            let slope = (v - start.1) / (self.clock.shows(*ts) as f64 - start.0);
            for idx in from.map_or(0, |idx| idx + 1)..y.len() {
                y[idx] = start.1 + slope * (at(idx) - start.0);
                seen[idx] = true;
            }
        }
        if let Some(first) = seen.iter().position(|s| *s) {
            let (before, after) = y.split_at_mut(first);
            before.fill(after.first().copied().unwrap_or(0.0));
            seen[..first].fill(true);
        }
        fill(&mut y, &seen);
        y
    }

    /// Means of each of `covariates` in every window, window by window: of what is [`known`] at `as_of`; where there is none, what was there
    /// before; NaN before the first.
    ///
    /// # Errors
    /// `UnknownName` for a time zone that is not known; `Cancelled`.
    pub(super) fn covariates(
        &self,
        covariates: &[Series],
        as_of: Option<Micros>,
        should_stop: ShouldStop<'_>,
    ) -> Result<Vec<f64>> {
        if covariates.is_empty() {
            return Ok(Vec::new());
        }
        // The first sample that is not known.
        let end = |c: &Series| Ok(c.ts().get(known(c, as_of)?).copied().unwrap_or(Micros::MAX));
        let ends = covariates.iter().map(end);
        let ends = ends.collect::<Result<Vec<Micros>>>()?;
        let mut row = vec![f64::NAN; covariates.len()];
        let mut rows = Vec::with_capacity(row.len() * self.y.len());
        for idx in 0..self.y.len() {
            if idx.is_multiple_of(ROWS_PER_LOOK) {
                check_stop(should_stop)?;
            }
            let (from, until) = self.around(idx);
            for ((held, covariate), end) in row.iter_mut().zip(covariates).zip(&ends) {
                *held = mean(covariate, from, until.min(*end).max(from)).unwrap_or(*held);
            }
            rows.extend_from_slice(&row);
        }
        Ok(rows)
    }

    /// Between which times other samples are counted to a window: from its start to its end, or from half a step before its start to half a step after it.
    fn around(&self, idx: usize) -> (Micros, Micros) {
        let early = if self.is_resampled {
            0
        } else {
            self.step.micros() / 2
        };
        let from = self.local(idx).saturating_sub(early);
        let until = from.saturating_add(self.step.micros());
        (self.clock.instant(from), self.clock.instant(until))
    }

    /// Share of each of `n` windows, these and those after, that lies within one of `spans`. Cost: spans + windows.
    pub(super) fn cover(
        &self,
        spans: impl Iterator<Item = (Micros, Micros)>,
        n: usize,
    ) -> Vec<f64> {
        let step = self.step.micros();
        let first = self.local(0);
        let all = i64::try_from(n).unwrap_or(i64::MAX).saturating_mul(step);
        let share = |length: i64| length as f64 / step as f64;
        let place = |t: i64| usize::try_from(t / step).unwrap_or(0);
        let mut covered = vec![0.0; n];
        // How many more spans cover a window whole than the one before.
        let mut more = vec![0.0; n + 1];
        for (start, end) in spans {
            let within = |t| self.clock.shows(t).saturating_sub(first).clamp(0, all);
            let (start, end) = (within(start), within(end));
            if start >= end {
                continue;
            }
            let (from, to) = (place(start), place(end - 1));
            if from == to {
                covered[from] += share(end - start);
                continue;
            }
            covered[from] += share(step - start % step);
            covered[to] += share((end - 1) % step + 1);
            more[from + 1] += 1.0;
            more[to] -= 1.0;
        }
        let mut whole = 0.0;
        for (covered, more) in covered.iter_mut().zip(more) {
            whole += more;
            *covered = f64::min(*covered + whole, 1.0);
        }
        covered
    }

    /// Whether every value is the same.
    pub(super) fn is_constant(&self) -> bool {
        self.y
            .first()
            .is_some_and(|first| self.y.iter().all(|v| v.total_cmp(first).is_eq()))
    }
}

/// How many samples of `series` are known at `as_of`: those before it, of windows those that are over; all without it.
///
/// # Errors
/// `UnknownName` for a time zone that is not known.
pub(super) fn known(series: &Series, as_of: Option<Micros>) -> Result<usize> {
    let Some(as_of) = as_of else {
        return Ok(series.ts().len());
    };
    let clock = clock(series)?;
    Ok(series.ts().partition_point(|ts| match series.step() {
        Some(step) => clock.end(*ts, step) <= as_of,
        None => *ts < as_of,
    }))
}

/// The clock of the windows of `series`.
///
/// # Errors
/// `UnknownName` for a time zone that is not known.
pub(super) fn clock(series: &Series) -> Result<Clock> {
    match series.step() {
        Some(step) => Clock::of(series.timezone(), step),
        None => Ok(Clock::UTC),
    }
}

/// Mean of the samples of `series` from `from` to before `until`.
pub(super) fn mean(series: &Series, from: Micros, until: Micros) -> Option<f64> {
    let at = |t: Micros| series.ts().partition_point(|ts| *ts < t);
    let values = series.value().get(at(from)..at(until))?;
    (!values.is_empty()).then(|| values.iter().map(|v| v / values.len() as f64).sum())
}
