//! What a forecast is made of, window by window.

use super::parts::Parts;
use super::{Fit, ForecastSpec, rows, stored::Model};
use crate::error::Result;
use crate::sample::Series;
use crate::time::{Micros, ShouldStop, check_stop};

/// How many times as large as the series its parts may be.
const UNSETTLED: f64 = 1e5;

/// One window explained: yhat = trend + Σ seasonal + event_effect + step_change, to within rounding.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainRow {
    /// Start of the window.
    pub ts: Micros,
    /// 1 for the first step after the last sample; 0 and below in history.
    pub step: i32,
    /// Whether the row is in the past.
    pub is_history: bool,
    /// The sample, in history; `None` where it was filled in.
    pub y: Option<f64>,
    /// The value that the model learnt from: filled in, without outliers and on the newest level.
    pub y_adjusted: Option<f64>,
    /// The forecast, one step ahead in history; `None` where the model shows none.
    pub yhat: Option<f64>,
    /// Lower bound.
    pub lower: Option<f64>,
    /// Upper bound.
    pub upper: Option<f64>,
    /// Level and trend, and what floor and ceiling change.
    pub trend: Option<f64>,
    /// Per period, what that season adds.
    pub seasonal: Vec<(Micros, f64)>,
    /// What regressors and events add.
    pub event_effect: f64,
    /// What an earlier level takes away, in history before a shift.
    pub step_change: f64,
    /// y − yhat.
    pub residual: Option<f64>,
}

impl ExplainRow {
    /// Whether its parts are no more than [`UNSETTLED`] times as large as the values of the series are: they cancel out, and what is left of
    /// larger ones is rounding. So it may be in the first windows of a model on another scale.
    fn is_settled(&self, largest: f64) -> bool {
        let parts = self.seasonal.iter().map(|s| s.1);
        parts
            .chain(self.trend)
            .chain([self.event_effect, self.step_change])
            .all(|part| part.abs() <= UNSETTLED * largest)
    }
}

/// A forecast explained.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// As [`Forecast::model_used`](super::Forecast::model_used).
    pub model_used: String,
    /// As [`Forecast::status`](super::Forecast::status).
    pub status: String,
    /// The past, then the horizon; none for an empty series.
    pub rows: Vec<ExplainRow>,
}

/// Explains the forecast of `series`.
///
/// # Errors
/// As [`forecast`](super::forecast).
pub fn explain(
    series: &Series,
    spec: &ForecastSpec,
    should_stop: ShouldStop<'_>,
) -> Result<Explanation> {
    let spec = ForecastSpec {
        with_history: true,
        ..spec.clone()
    };
    let Some(fit) = Fit::new(series, &spec, should_stop)? else {
        return Ok(Explanation {
            model_used: "none".into(),
            status: "empty".into(),
            rows: Vec::new(),
        });
    };
    let model = Model::new(&fit, &spec);
    let past = rows::history(&fit, &model, &spec, should_stop)?;
    let ahead = model.predict(fit.steps, spec.level, &[])?;
    let n = past.len();
    let fitted = named(&fit.found.fitted.past, &[], &fit.periods);
    let future = named(
        &fit.found.fitted.state.ahead(fit.steps),
        &fit.y,
        &fit.periods,
    );
    let first = n - fitted.len().min(n);
    let micros = |p: usize| {
        i64::try_from(p)
            .unwrap_or(i64::MAX)
            .saturating_mul(fit.grid.step.micros())
    };
    let largest = fit.grid.y.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    let mut rows = Vec::with_capacity(n + ahead.len());
    for (idx, row) in past.into_iter().chain(ahead).enumerate() {
        if idx.is_multiple_of(rows::ROWS_PER_LOOK) {
            check_stop(should_stop)?;
        }
        let (parts, at) = if idx < n {
            (&fitted, idx.checked_sub(first))
        } else {
            (&future, Some(idx - n))
        };
        let at = at.filter(|at| *at < parts.len() && row.yhat.is_some());
        // On another scale parts are not sums: each is what it changes when it is added after those before it.
        let mut sum = at.and_then(|at| parts.trend.get(at)).copied();
        let mut add = |part: f64| {
            let before = sum?;
            sum = Some(before + part);
            Some(fit.scales.back(before + part, 0.0) - fit.scales.back(before, 0.0))
        };
        let seasonal: Vec<(Micros, f64)> = at
            .iter()
            .flat_map(|at| parts.seasonal.iter().map(|(p, s)| (*p, s.get(*at))))
            .filter_map(|(p, s)| Some((micros(p), add(*s?)?)))
            .collect();
        let event = at.map_or(0.0, |at| parts.event(at));
        let effect = fit.effects.get(idx).copied().unwrap_or(0.0);
        let event_effect = add(event).unwrap_or(0.0);
        let whole = at.and_then(|at| parts.sum(at));
        let step_change = whole.map_or(0.0, |v| if idx < n { fit.shift(idx, v) } else { 0.0 });
        let step_change = add(step_change).unwrap_or(0.0);
        let added = sum.map(|v| fit.scales.back(v, effect) - fit.scales.back(v, 0.0));
        let event_effect = event_effect + added.unwrap_or(0.0);
        let season: f64 = seasonal.iter().map(|s| s.1).sum();
        let trend = row.yhat.map(|v| v - season - event_effect - step_change);
        let mut explained = ExplainRow {
            ts: row.ts,
            step: row.step,
            is_history: row.is_history,
            y: row.y,
            y_adjusted: fit.adjusted(idx),
            yhat: row.yhat,
            lower: row.lower,
            upper: row.upper,
            trend,
            seasonal,
            event_effect,
            step_change,
            residual: row.y.zip(row.yhat).map(|(y, yhat)| y - yhat),
        };
        if explained.is_history && !explained.is_settled(largest) {
            explained = ExplainRow {
                yhat: None,
                lower: None,
                upper: None,
                trend: None,
                seasonal: Vec::new(),
                event_effect: 0.0,
                step_change: 0.0,
                residual: None,
                ..explained
            };
        }
        rows.push(explained);
    }
    Ok(Explanation {
        model_used: fit.found.kind.name().into(),
        status: fit.found.status.into(),
        rows,
    })
}

/// The parts as the model has them; where it has none by name, as the means of places in the seasons have it.
fn named(parts: &Parts, before: &[f64], periods: &[usize]) -> Parts {
    if parts.seasonal.is_empty() {
        Parts::split(before, &parts.sums(), periods)
    } else {
        parts.clone()
    }
}
