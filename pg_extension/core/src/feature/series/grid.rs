//! A series on a grid of equal steps.

use crate::error::{Error, ErrorKind, Result};
use crate::feature::LARGEST;
use crate::sample::Series;
use crate::sample::flat::reserved;
use crate::time::{Micros, SECOND, ShouldStop, Step, check_stop};
use crate::window::{self, Agg, Fill, Grid, MAX_WINDOWS};

/// A series on a grid of equal steps; see the module's text.
#[derive(Debug, Clone, PartialEq)]
pub struct Regular {
    /// Length of a window.
    pub step: Step,
    /// Start of each window (days follow the calendar of the series' time zone); without a step of its own, multiples of
    /// the step from the first row.
    pub ts: Vec<Micros>,
    /// Mean of the samples of each window; where there are none, on the line between its neighbours.
    pub y: Vec<f64>,
    /// Whether a window has a sample.
    pub seen: Vec<bool>,
}

impl Regular {
    /// Lays a series on its grid; no rows give no windows, and rows of one time only a single window of one second.
    ///
    /// # Errors
    /// `TooLarge` above [`MAX_WINDOWS`] windows, `Cancelled`, and as [`window::regularize`].
    pub fn new(series: &Series, step: Option<Step>, should_stop: ShouldStop<'_>) -> Result<Self> {
        let step = step.or(series.step());
        let mut regular = match step {
            Some(step) => Self::of_windows(series, step, should_stop)?,
            None => Self::of_rows(series, should_stop)?,
        };
        check_stop(should_stop)?;
        fill(&mut regular.y, &regular.seen);
        Ok(regular)
    }

    /// Number of windows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.y.len()
    }

    /// Whether there is no window.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.y.is_empty()
    }

    /// Refuses values whose squares leave the range of a double.
    ///
    /// # Errors
    /// `NotFinite`.
    pub(super) fn check_size(&self) -> Result<()> {
        match self.y.iter().find(|v| v.is_nan() || v.abs() > LARGEST) {
            Some(value) => {
                let message = format!("a value of {value:e} is too large to be decomposed");
                Err(Error::new(ErrorKind::NotFinite, message)
                    .with_hint("scale the values to below 1e140"))
            }
            None => Ok(()),
        }
    }

    fn of_windows(series: &Series, step: Step, should_stop: ShouldStop<'_>) -> Result<Self> {
        let grid = Grid {
            step,
            fill: Fill::None,
            agg: Agg::Mean,
            timezone: series.timezone().unwrap_or("UTC").to_owned(),
        };
        let windows = window::regularize(series, &grid, should_stop)?;
        let mut regular = Self::with_room(step, windows.len())?;
        for window in &windows {
            regular.ts.push(window.ts);
            regular.y.push(window.y.unwrap_or(0.0));
            regular.seen.push(window.y.is_some());
        }
        Ok(regular)
    }

    /// Rows go to the nearest multiple of the step after the first one, so that times that jitter or do not start at a
    /// round time still give one row to a window.
    fn of_rows(series: &Series, should_stop: ShouldStop<'_>) -> Result<Self> {
        let step = match window::usual_step(series.ts()) {
            Some(step) => step,
            None => Step::try_new(SECOND)?,
        };
        let (Some(&first), Some(&last)) = (series.ts().first(), series.ts().last()) else {
            return Self::with_room(step, 0);
        };
        let length = step.micros().unsigned_abs();
        let place = |ts: Micros| ts.abs_diff(first).saturating_add(length / 2) / length;
        let n = usize::try_from(place(last))
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        if n > MAX_WINDOWS {
            let message = format!(
                "the usual gap of {} s would make more than {MAX_WINDOWS} windows",
                step.micros() as f64 / SECOND as f64
            );
            return Err(Error::new(ErrorKind::TooLarge, message)
                .with_hint("give a longer step, or cut the series at its huge gap"));
        }
        let mut regular = Self::with_room(step, n)?;
        regular
            .ts
            .extend((0..n as i64).map(|k| first.saturating_add(k.saturating_mul(step.micros()))));
        let ts = series.ts();
        if ts.len() == n && ts.iter().zip(&regular.ts).all(|(a, b)| a == b) {
            regular.y.extend_from_slice(series.value());
            regular.seen.resize(n, true);
            return Ok(regular);
        }
        regular.y.resize(n, 0.0);
        regular.seen.resize(n, false);
        let mut count = 0.0;
        let mut before = usize::MAX;
        for (row, (&ts, &value)) in ts.iter().zip(series.value()).enumerate() {
            if row % (1 << 20) == 0 {
                check_stop(should_stop)?;
            }
            let at = usize::try_from(place(ts)).unwrap_or(usize::MAX).min(n - 1);
            count = if at == before { count + 1.0 } else { 1.0 };
            before = at;
            // A running mean cannot leave the range of a double.
            regular.y[at] += value / count - regular.y[at] / count;
            regular.seen[at] = true;
        }
        Ok(regular)
    }

    fn with_room(step: Step, n: usize) -> Result<Self> {
        Ok(Self {
            step,
            ts: reserved(n)?,
            y: reserved(n)?,
            seen: reserved(n)?,
        })
    }
}

/// Fills windows that were not seen on the line between their neighbours; the first and the last one are seen.
pub(crate) fn fill(y: &mut [f64], seen: &[bool]) {
    let mut before: Option<usize> = None;
    for at in (0..y.len()).filter(|&at| seen[at]) {
        if let Some(from) = before {
            let (y0, y1, gap) = (y[from], y[at], (at - from) as f64);
            for (k, value) in y[from + 1..at].iter_mut().enumerate() {
                let share = (k + 1) as f64 / gap;
                *value = y0 * (1.0 - share) + y1 * share;
            }
        }
        before = Some(at);
    }
}
