//! The rows of an answer.

use super::grid::Grid;
use super::model::Found;
use super::{ForecastRow, ForecastSpec};

/// History, if asked for, then the horizon.
pub(super) fn rows(grid: &Grid, found: &Found, spec: &ForecastSpec) -> Vec<ForecastRow> {
    let mut rows = if spec.with_history {
        history(grid, found, spec)
    } else {
        Vec::new()
    };
    let shape = Shape::new(found, spec);
    for (h, (&point, &spread)) in (1..).zip(found.fitted.point.iter().zip(&found.fitted.spread)) {
        let ts = grid
            .last
            .saturating_add(grid.step.micros().saturating_mul(i64::from(h)));
        let q = shape
            .quantiles
            .iter()
            .flatten()
            .map(|k| clamp(point + k * spread, spec))
            .collect();
        rows.push(ForecastRow {
            ts,
            step: h,
            is_history: false,
            y: None,
            q,
            ..shape.around(point, spread, spec)
        });
    }
    rows
}

fn history(grid: &Grid, found: &Found, spec: &ForecastSpec) -> Vec<ForecastRow> {
    let shape = Shape::new(found, spec);
    let n = grid.y.len();
    let first_fitted = n - found.fitted.fitted.len().min(n);
    let spread = found.fitted.spread.first().copied().unwrap_or(1.0);
    let row = |idx: usize| {
        let fitted = idx
            .checked_sub(first_fitted)
            .and_then(|k| found.fitted.fitted.get(k));
        let around = fitted.map_or_else(empty, |f| shape.around(*f, spread, spec));
        let back = i32::try_from(n - 1 - idx).unwrap_or(i32::MAX);
        let y = grid
            .seen
            .get(idx)
            .is_some_and(|s| *s)
            .then(|| grid.y.get(idx).copied())
            .flatten();
        ForecastRow {
            ts: grid.ts(idx),
            step: -back,
            is_history: true,
            y,
            ..around
        }
    };
    (0..n).map(row).collect()
}

/// Distances from the median in spreads.
struct Shape {
    bound: Option<f64>,
    quantiles: Option<Vec<f64>>,
}

impl Shape {
    fn new(found: &Found, spec: &ForecastSpec) -> Self {
        let calibration = found.calibration.as_ref();
        Self {
            bound: calibration.map(|c| c.spreads_at(0.5 + spec.level / 2.0)),
            quantiles: calibration
                .map(|c| spec.quantiles.iter().map(|p| c.spreads_at(*p)).collect()),
        }
    }

    fn around(&self, point: f64, spread: f64, spec: &ForecastSpec) -> ForecastRow {
        ForecastRow {
            yhat: Some(clamp(point, spec)),
            lower: self.bound.map(|k| clamp(point - k * spread, spec)),
            upper: self.bound.map(|k| clamp(point + k * spread, spec)),
            ..empty()
        }
    }
}

fn empty() -> ForecastRow {
    ForecastRow {
        ts: 0,
        step: 0,
        is_history: false,
        y: None,
        yhat: None,
        lower: None,
        upper: None,
        q: Vec::new(),
    }
}

fn clamp(v: f64, spec: &ForecastSpec) -> f64 {
    v.max(spec.floor.unwrap_or(f64::MIN))
        .min(spec.ceiling.unwrap_or(f64::MAX))
}
