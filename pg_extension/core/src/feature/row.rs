//! Completes the windows of a workload and computes their features.

use super::correlation::pearson;
use super::{FeatureRow, FeatureSpec, LOOKBACK, RawWindow};
use crate::error::{Error, ErrorKind, Result};
use crate::sample::flat::reserved;
use crate::time::{Micros, SECOND};
use crate::window::{Fill, MAX_WINDOWS};

/// How far back a value is carried forward. The change of the first window returned needs the filled demand of the
/// window before it, so that one window of the lookback is spoken for.
const REACH: usize = LOOKBACK - 1;

/// Completes the windows of one workload (ascending, gaps allowed, starting up to [`LOOKBACK`] windows before
/// `since`) and computes their features, in the order of [`names`](super::names):
///
/// - `rate`: demand, in the unit of the workload, with its gaps filled.
/// - `rate_change`: filled demand minus that of the window before, divided by the step: units per second.
/// - each metric as it came; metrics are never filled.
/// - `corr_<metric>`: Pearson correlation of demand and metric over the [`LOOKBACK`] windows that end with this one,
///   of those in which both were measured; `None` below five such windows or when either is constant.
///
/// A gap in demand is filled so:
/// - `None`: it stays a gap.
/// - `Zero`: a window without rows had no demand. That is a measurement, so `imputed` stays false. A window with rows
///   of which none has a usable demand stays a gap: unknown is not zero, and capacity must not fall for it.
/// - `Locf`: the last demand measured in the 59 windows before; `imputed`.
/// - `Linear`, `Seasonal`: as `Locf`. A window is closed before its right neighbour exists, and the same window must have the same
///   features whenever it is computed.
///
/// A demand or metric that is NaN or infinite counts as missing; for demand `n_nonfinite` says so. Every window is
/// computed from itself and the [`LOOKBACK`] windows before it, in the same order of operations, so the result is
/// bit-identical wherever `since` lies. Windows before the lookback and from `until` on are checked and not used.
///
/// # Errors
/// `InvalidArgument` for windows out of order, off the grid of `since` and `step`, or with another number of metrics,
/// and for `until` before `since` or off the grid; `TooLarge` above [`MAX_WINDOWS`] windows.
pub fn features(windows: &[RawWindow], spec: &FeatureSpec) -> Result<Vec<FeatureRow>> {
    let n_slots = LOOKBACK + n_returned(spec)?;
    check(windows, spec)?;
    let slots = slots(windows, spec, n_slots)?;
    let demand = column(&slots, |window| window.demand)?;
    let filled = fill(&slots, &demand, spec.fill)?;
    let mut metrics = reserved(spec.n_metrics)?;
    for metric_idx in 0..if spec.correlate { spec.n_metrics } else { 0 } {
        metrics.push(column(&slots, |window| {
            window.metrics.get(metric_idx).copied().flatten()
        })?);
    }
    let columns = Columns {
        demand,
        filled,
        metrics,
    };
    let mut rows = reserved(n_slots - LOOKBACK)?;
    for idx in LOOKBACK..n_slots {
        rows.push(row(idx, &slots, &columns, spec));
    }
    Ok(rows)
}

/// What the features of a window are computed from; NaN where a value is missing, one entry per slot.
struct Columns {
    demand: Vec<f64>,
    filled: Vec<f64>,
    /// Empty unless metrics are correlated.
    metrics: Vec<Vec<f64>>,
}

/// One value of every slot; NaN where it is missing or infinite.
fn column(slots: &Slots<'_>, value: impl Fn(&RawWindow) -> Option<f64>) -> Result<Vec<f64>> {
    let mut out = reserved(slots.len())?;
    out.extend(
        slots
            .iter()
            .map(|slot| slot.and_then(&value).and_then(finite).unwrap_or(f64::NAN)),
    );
    Ok(out)
}

/// The windows at their places, the first [`LOOKBACK`] of them before `since`; `None` for gaps.
type Slots<'a> = [Option<&'a RawWindow>];

fn n_returned(spec: &FeatureSpec) -> Result<usize> {
    let step = i128::from(spec.step.micros());
    let span = i128::from(spec.until) - i128::from(spec.since);
    if span < 0 || span % step != 0 {
        return Err(Error::invalid(format!(
            "until must be since plus a whole number of steps, not {span} microseconds"
        )));
    }
    match usize::try_from(span / step) {
        Ok(n) if n <= MAX_WINDOWS => Ok(n),
        _ => Err(Error::new(
            ErrorKind::TooLarge,
            format!("{} windows are more than {MAX_WINDOWS}", span / step),
        )),
    }
}

fn check(windows: &[RawWindow], spec: &FeatureSpec) -> Result<()> {
    for (idx, window) in windows.iter().enumerate() {
        if offset(window.ts, spec) % i128::from(spec.step.micros()) != 0 {
            return Err(Error::invalid(format!(
                "a window at {} microseconds is off the grid",
                window.ts
            )));
        }
        if windows
            .get(idx + 1)
            .is_some_and(|next| next.ts <= window.ts)
        {
            return Err(Error::invalid(format!(
                "the window after {} microseconds is out of order",
                window.ts
            )));
        }
        if window.metrics.len() != spec.n_metrics {
            let message = format!(
                "a window has {} metrics, not {}",
                window.metrics.len(),
                spec.n_metrics
            );
            return Err(Error::invalid(message));
        }
    }
    Ok(())
}

fn offset(ts: Micros, spec: &FeatureSpec) -> i128 {
    i128::from(ts) - i128::from(spec.since)
}

fn slots<'a>(
    windows: &'a [RawWindow],
    spec: &FeatureSpec,
    n: usize,
) -> Result<Vec<Option<&'a RawWindow>>> {
    let mut slots = reserved(n)?;
    slots.resize(n, None);
    for window in windows {
        let place = offset(window.ts, spec) / i128::from(spec.step.micros()) + LOOKBACK as i128;
        if let Some(slot) = usize::try_from(place)
            .ok()
            .and_then(|place| slots.get_mut(place))
        {
            *slot = Some(window);
        }
    }
    Ok(slots)
}

fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

fn fill(slots: &Slots<'_>, demand: &[f64], fill: Fill) -> Result<Vec<f64>> {
    let mut filled = reserved(demand.len())?;
    let mut last: Option<(usize, f64)> = None;
    for (idx, (slot, &measured)) in slots.iter().zip(demand).enumerate() {
        last = finite(measured)
            .map(|x| (idx, x))
            .or(last)
            .filter(|(at, _)| idx - at <= REACH);
        filled.push(match fill {
            _ if !measured.is_nan() => measured,
            Fill::Zero if slot.is_none_or(|window| window.n_row == 0) => 0.0,
            Fill::None | Fill::Zero => f64::NAN,
            Fill::Locf | Fill::Linear | Fill::Seasonal => last.map_or(f64::NAN, |(_, x)| x),
        });
    }
    Ok(filled)
}

fn row(idx: usize, slots: &Slots<'_>, columns: &Columns, spec: &FeatureSpec) -> FeatureRow {
    let at = |column: &[f64], idx: usize| column.get(idx).copied().and_then(finite);
    let raw = raw(idx, slots, spec);
    let rate = at(&columns.filled, idx);
    let before = idx
        .checked_sub(1)
        .and_then(|before| at(&columns.filled, before));
    let seconds = spec.step.micros() as f64 / SECOND as f64;
    let change = rate
        .zip(before)
        .map(|(now, before)| (now - before) / seconds);
    let mut values = Vec::with_capacity(2 + raw.metrics.len() + columns.metrics.len());
    values.extend([rate, change.and_then(finite)]);
    values.extend(raw.metrics.iter().map(|metric| metric.and_then(finite)));
    let trailing = (idx + 1).saturating_sub(LOOKBACK)..=idx;
    let demand = columns.demand.get(trailing.clone()).unwrap_or_default();
    for metric in &columns.metrics {
        values.push(pearson(
            demand,
            metric.get(trailing.clone()).unwrap_or_default(),
        ));
    }
    let imputed = match spec.fill {
        Fill::None | Fill::Zero => false,
        Fill::Locf | Fill::Linear | Fill::Seasonal => {
            rate.is_some() && at(&columns.demand, idx).is_none()
        }
    };
    FeatureRow {
        raw,
        imputed,
        values,
    }
}

/// The window as it was seen, or an empty one.
fn raw(idx: usize, slots: &Slots<'_>, spec: &FeatureSpec) -> RawWindow {
    let steps = i64::try_from(idx.saturating_sub(LOOKBACK)).unwrap_or(i64::MAX);
    let gap = || RawWindow {
        ts: spec
            .since
            .saturating_add(steps.saturating_mul(spec.step.micros())),
        n_row: 0,
        n_null: 0,
        n_nonfinite: 0,
        demand: None,
        metrics: vec![None; spec.n_metrics],
    };
    let mut raw = slots
        .get(idx)
        .copied()
        .flatten()
        .cloned()
        .unwrap_or_else(gap);
    if raw.demand.is_some_and(|x| !x.is_finite()) {
        raw.demand = None;
        raw.n_nonfinite = raw.n_nonfinite.max(1);
    }
    raw
}
