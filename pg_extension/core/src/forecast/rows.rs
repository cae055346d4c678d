//! The rows of an answer.

use super::fit::reach;
use super::stored::Model;
use super::{Fit, ForecastRow, ForecastSpec};
use crate::error::Result;
use crate::time::{ShouldStop, check_stop};

/// Rows between two looks at `should_stop`.
pub(super) const ROWS_PER_LOOK: usize = 4_096;

/// History, if asked for, then the horizon.
///
/// # Errors
/// `Cancelled`.
pub(super) fn rows(
    fit: &Fit,
    spec: &ForecastSpec,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<ForecastRow>> {
    let model = Model::new(fit, spec);
    let mut rows = if spec.with_history {
        history(fit, &model, spec, should_stop)?
    } else {
        Vec::new()
    };
    // The model was fitted for these steps.
    rows.extend(
        model
            .predict(fit.steps, spec.level, &spec.quantiles)
            .unwrap_or_default(),
    );
    Ok(rows)
}

/// Every window of the past with its forecast one step ahead, where the model has one.
///
/// # Errors
/// `Cancelled`.
pub(super) fn history(
    fit: &Fit,
    model: &Model,
    spec: &ForecastSpec,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<ForecastRow>> {
    let (grid, past) = (&fit.grid, &fit.found.fitted.past);
    let n = grid.y.len();
    let first_fitted = n - past.len().min(n);
    let bounds = fit
        .found
        .uncertainty
        .as_ref()
        .map(|u| [-1.0, 1.0].map(|side| u.offset(1, 0.5 + side * spec.level / 2.0)));
    // First windows may leave a model anywhere; with roots and logarithms that is out of this world.
    let settled = reach(&grid.y, 3.0);
    let row = |idx: usize| {
        let fitted = idx
            .checked_sub(first_fitted)
            .and_then(|k| past.sum(k))
            .map(|v| v + fit.shift(idx, v));
        let value = |v: f64| model.clamp(fit.value(idx, v));
        let fitted = fitted.filter(|v| settled.contains(&value(*v)));
        let bound = |side: usize| Some(value(fitted? + bounds.as_ref()?.get(side)?));
        ForecastRow {
            ts: grid.ts(idx),
            step: -i32::try_from(n - 1 - idx).unwrap_or(i32::MAX),
            is_history: true,
            y: grid
                .seen
                .get(idx)
                .is_some_and(|s| *s)
                .then(|| grid.y.get(idx).copied())
                .flatten(),
            yhat: fitted.map(value),
            lower: bound(0),
            upper: bound(1),
            q: Vec::new(),
        }
    };
    let row = |idx: usize| {
        if idx.is_multiple_of(ROWS_PER_LOOK) {
            check_stop(should_stop)?;
        }
        Ok(row(idx))
    };
    (0..n).map(row).collect()
}

impl Fit {
    /// What the level before a shift takes away from the fitted value `v` at window `idx`.
    pub(super) fn shift(&self, idx: usize, v: f64) -> f64 {
        let shift = self.cleaned().and_then(|cleaned| cleaned.shift);
        shift.map_or(0.0, |s| s.effect(idx, v))
    }
}
