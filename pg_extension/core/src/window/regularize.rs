//! Cuts a series into windows.

use super::{Agg, Fill, Grid, Window, calendar, seasonal};
use crate::error::{Error, ErrorKind, Result};
use crate::sample::Series;
use crate::sample::flat::reserved;
use crate::time::{Micros, ShouldStop, check_stop};

/// Every window from the first to the last sample; see the module's text for alignment, [`Agg`] and [`Fill`] for the
/// value. An empty series has no windows.
///
/// ```
/// use prescale_core::sample::Series;
/// use prescale_core::time::{MINUTE, Step};
/// use prescale_core::window::{Agg, Fill, Grid, regularize};
/// let series = Series::try_new(vec![5, 6, 2 * MINUTE], vec![1.0, 3.0, 4.0])?;
/// let grid = Grid { step: Step::try_new(MINUTE)?, fill: Fill::Linear, agg: Agg::Mean, timezone: "UTC".into() };
/// let windows = regularize(&series, &grid, &|| false)?;
/// let seen: Vec<_> = windows.iter().map(|w| (w.ts / MINUTE, w.y, w.imputed, w.n_raw)).collect();
/// assert_eq!(seen, [(0, Some(2.0), false, 2), (1, Some(3.0), true, 0), (2, Some(4.0), false, 1)]);
/// # Ok::<(), prescale_core::Error>(())
/// ```
///
/// # Errors
/// `TooLarge` above [`MAX_WINDOWS`](super::MAX_WINDOWS) windows, `UnknownName` for a time zone, `NotFinite` when a sum exceeds the range of
/// a double, `InvalidArgument` for times outside the calendar (about the year 262000) and for a step without a season where
/// one is to fill, `Cancelled`.
pub fn regularize(
    series: &Series,
    grid: &Grid,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Window>> {
    let zone = calendar::timezone(&grid.timezone)?;
    let (Some(&first), Some(&last)) = (series.ts().first(), series.ts().last()) else {
        return Ok(Vec::new());
    };
    let starts = calendar::starts(grid.step, zone, first, last, should_stop)?;
    let mut windows = aggregate(series, &starts, grid.agg, should_stop)?;
    check_stop(should_stop)?;
    match grid.fill {
        Fill::None => {}
        Fill::Zero => fill_gaps(&mut windows, |_| 0.0),
        Fill::Locf => fill_gaps(&mut windows, |gap| gap.before.1),
        Fill::Linear => fill_gaps(&mut windows, on_line),
        Fill::Seasonal => seasonal::fill(&mut windows, grid.step, zone, should_stop)?,
    }
    Ok(windows)
}

/// The windows as a series that knows its step and time zone; windows without a value are left out. The counts are
/// those of `series`, with the windows filled in added to `n_imputed`.
///
/// # Errors
/// As [`regularize`].
pub fn resample(series: &Series, grid: &Grid, should_stop: ShouldStop<'_>) -> Result<Series> {
    let windows = regularize(series, grid, should_stop)?;
    let (mut ts, mut value) = (reserved(windows.len())?, reserved(windows.len())?);
    let mut counts = series.counts();
    for window in &windows {
        if let Some(y) = window.y {
            ts.push(window.ts);
            value.push(y);
            counts.n_imputed = counts.n_imputed.saturating_add(u64::from(window.imputed));
        }
    }
    Ok(Series::on_grid(
        ts,
        value,
        counts,
        grid.step,
        &grid.timezone,
    ))
}

fn aggregate(
    series: &Series,
    starts: &[Micros],
    agg: Agg,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Window>> {
    let mut windows = reserved(starts.len())?;
    let (mut ts, mut value) = (series.ts(), series.value());
    for (idx, &start) in starts.iter().enumerate() {
        if idx % (1 << 18) == 0 {
            check_stop(should_stop)?;
        }
        let n = match starts.get(idx + 1) {
            Some(end) => ts.iter().take_while(|ts| *ts < end).count(),
            None => ts.len(),
        };
        let (here, rest) = value.split_at(n);
        windows.push(Window {
            ts: start,
            y: combine(here, agg, start)?,
            imputed: false,
            n_raw: u32::try_from(n).unwrap_or(u32::MAX),
        });
        value = rest;
        ts = ts.split_at(n).1;
    }
    Ok(windows)
}

/// One value of the samples of a window, which come in order of time and then of value.
fn combine(values: &[f64], agg: Agg, start: Micros) -> Result<Option<f64>> {
    Ok(match agg {
        Agg::Mean => mean(values),
        Agg::Sum if values.is_empty() => None,
        Agg::Sum => match values.iter().sum::<f64>() {
            sum if sum.is_finite() => Some(sum),
            _ => {
                let message = format!(
                    "the sum of the window at {start} microseconds exceeds the range of a double"
                );
                return Err(Error::new(ErrorKind::NotFinite, message));
            }
        },
        Agg::Min => values.iter().copied().reduce(f64::min),
        Agg::Max => values.iter().copied().reduce(f64::max),
        Agg::Count => Some(values.len() as f64),
        Agg::Last => values.last().copied(),
    })
}

/// The mean, kept between the extremes: the mean of equal values is that value to the last bit, so that a constant
/// series stays one.
fn mean(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let low = values.iter().copied().reduce(f64::min)?;
    let high = values.iter().copied().reduce(f64::max)?;
    let sum: f64 = values.iter().sum();
    let mean = if sum.is_finite() {
        sum / n
    } else {
        values.iter().map(|x| x / n).sum()
    };
    Some(mean.clamp(low, high))
}

/// A window without a value and its neighbours with one, as (time, value).
pub(super) struct Gap {
    pub(super) ts: Micros,
    pub(super) before: (Micros, f64),
    pub(super) after: (Micros, f64),
}

/// Fills every window without a value. The first and the last window hold a sample, so both neighbours exist.
pub(super) fn fill_gaps(windows: &mut [Window], value: impl Fn(&Gap) -> f64) {
    let mut before = None;
    let mut from = 0;
    for at in 0..windows.len() {
        let Some(after) = windows.get(at).and_then(|w| Some((w.ts, w.y?))) else {
            continue;
        };
        if let (Some(before), Some(gap)) = (before, windows.get_mut(from..at)) {
            for window in gap {
                window.y = Some(value(&Gap {
                    ts: window.ts,
                    before,
                    after,
                }));
                window.imputed = true;
            }
        }
        before = Some(after);
        from = at + 1;
    }
}

/// The value on the line between the neighbours; equal neighbours give exactly their value.
pub(super) fn on_line(gap: &Gap) -> f64 {
    let ((t0, y0), (t1, y1)) = (gap.before, gap.after);
    let share = (gap.ts - t0) as f64 / (t1 - t0) as f64;
    let rise = y1 - y0;
    if rise.is_finite() {
        y0 + rise * share
    } else {
        y0 * (1.0 - share) + y1 * share
    }
}
