//! Stage `forecast`: a series in, quantiles over a horizon out.
//!
//! The series is put on a regular grid: its own step, else the usual gap between its times, counted back from the last
//! sample; samples of one window are averaged, windows without a sample lie on the line between their neighbours, in longer gaps on their usual season.
//!
//! | model | point forecast |
//! |---|---|
//! | `last_value` | the last value |
//! | `drift` | the last value and the mean change from there on |
//! | `seasonal_naive` | the value one season ago, of the season that repeats best |
//! | `ets` | exponential smoothing with trend and season, the form by AICc |
//! | `theta`, `dynamic_theta` | the theta method, and its optimised and dynamic form |
//! | `mstl` | seasons by LOESS (Bandara, Hyndman and Bergmeir 2021), the rest by exponential smoothing or theta; of square roots where no value is negative |
//! | `ridge` | direct median regression on the last values and the same hour of earlier days: short horizons |
//! | `ensemble` | the weighted middle of smoothing with two seasons, direct regression, theta and repetition: long horizons |
//! | `auto` | by the length of the step in seasons `ridge` or `ensemble` or one passing over into the other; `last_value` where that erred less |
//!
//! Outliers and a shift of level are taken out for `ets`, `theta`, `dynamic_theta`, `mstl` and `ensemble`, and reported
//! ([`FitReport`]).
//!
//! **Uncertainty** is measured, not assumed: errors at earlier origins of the same series (up to 700 for `ridge`, 40 for the classical
//! models, 17 for `ensemble`) are divided by their growth with the horizon and by the level of the series at their origin, and the empirical
//! quantiles of these ratios are multiplied back. With errors of sixty origins and more the two sides are told apart. The point
//! forecast is the median, quantiles never cross. With fewer than eight errors the normal distribution stands in; where nothing earlier
//! is long enough, the errors one step ahead have to do.
//!
//! Budgets count operations: the same series gives the same forecast on any machine. Each model states its cost; all are linear in
//! windows or do not depend on them.

use crate::error::{Error, ErrorKind, Result};
use crate::sample::{LARGEST, Series};
use crate::time::{Micros, ShouldStop, Step};

pub mod loss;
pub mod lstm;
pub mod prophet;

mod spec;
mod options;
mod grid;
mod gap;
mod period;
mod transform;
mod clean;
mod parts;
mod state;
mod optimise;
mod season;
mod scale;
mod l1;
mod median;
mod influence;
mod effect;
mod uncertainty;
mod pack;
mod errors;
mod naive;
mod ets;
mod theta;
mod ridge;
mod hw;
mod direct;
mod ensemble;
mod fit;
mod model;
mod auto;
mod report;
mod stored;
mod rows;
mod explain;
mod backtest;
mod calibration;
#[cfg(test)]
mod tests;

pub use backtest::{Backtest, BacktestRow, BacktestSpec};
pub use calibration::{CalibrationRow, calibration};
pub use explain::{ExplainRow, Explanation, explain};
pub use influence::{Event, Regressor};
pub use options::{Cycle, LstmOptions, Options, ProphetOptions, Rest, Transform};
pub use report::FitReport;
pub use spec::ForecastSpec;
pub use stored::Model;

use effect::{Effects, effects};
use fit::{Setting, Task};
use gap::bridge;
use grid::Grid;
use influence::influences;
use model::{Found, Kind};
use transform::{Scales, Scaling};

/// Most steps of one forecast: ten weeks of minutes.
const MAX_STEPS: usize = 100_000;

/// One forecast row.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastRow {
    /// Start of the window forecast.
    pub ts: Micros,
    /// 1 for the first step after the last sample; 0 and below in history.
    pub step: i32,
    /// Whether the row is in the past.
    pub is_history: bool,
    /// The sample, in history; `None` where it was filled in.
    pub y: Option<f64>,
    /// Point forecast (median); in history the forecast one step ahead, where the model has one.
    pub yhat: Option<f64>,
    /// Lower bound at `level`; `None` where a single sample leaves nothing to measure.
    pub lower: Option<f64>,
    /// Upper bound at `level`.
    pub upper: Option<f64>,
    /// Values at the asked quantile levels, in their order; empty in history and where there are no bounds.
    pub q: Vec<f64>,
}

/// A finished forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Step used: the series' own, else its usual gap; the horizon where a single sample has neither; `None` if empty.
    pub step: Option<Step>,
    /// Model that made the forecast (or its first steps); the fallback's name where the asked one could not be fitted; `none` if
    /// empty.
    pub model_used: String,
    /// `ok`; `empty` (no sample before `as_of`); `constant` (every value is the same); `short` (too little for the asked
    /// model: a simpler one was used); `fallback` (the asked model could not be fitted: a simpler one was used).
    pub status: String,
    /// The rows; empty only for an empty series.
    pub rows: Vec<ForecastRow>,
    /// How it came about.
    pub report: FitReport,
}

/// Forecasts `series` over `spec.horizon`.
///
/// At most the newest 1,048,576 windows are looked at; how many a model learns from is stated beside it. `mstl` decomposes the newest
/// 30,000, so that the part that cannot be stopped stays below 200 ms.
///
/// # Errors
/// `InvalidArgument`, `UnknownName`, `NotFinite` and `TooLarge` (above 100,000 steps or three periods) for the specification;
/// `Cancelled`. An empty, short or constant series is data: see [`Forecast::status`].
pub fn forecast(
    series: &Series,
    spec: &ForecastSpec,
    should_stop: ShouldStop<'_>,
) -> Result<Forecast> {
    let Some(fit) = Fit::new(series, spec, should_stop)? else {
        return Ok(Forecast {
            step: None,
            model_used: "none".into(),
            status: "empty".into(),
            rows: Vec::new(),
            report: FitReport::default(),
        });
    };
    Ok(Forecast {
        step: Some(fit.grid.step),
        rows: rows::rows(&fit, spec, should_stop)?,
        model_used: fit.found.kind.name().into(),
        status: fit.found.status.into(),
        report: fit.report,
    })
}

/// A model fitted to a series, and what it was fitted to.
struct Fit {
    grid: Grid,
    periods: Vec<usize>,
    steps: usize,
    /// The scales of the effects, and of the model: of everything else here but the grid and the report.
    scales: Scales,
    /// What regressors and events add to each window of the past and ahead; nothing where the model takes them in itself.
    effects: Vec<f64>,
    /// The series without them.
    y: Vec<f64>,
    cleaned: clean::Cleaned,
    /// Whether the model learnt from the cleaned series.
    is_cleaned: bool,
    found: Found,
    report: FitReport,
}

impl Fit {
    /// `None` where there is no sample.
    fn new(
        series: &Series,
        spec: &ForecastSpec,
        should_stop: ShouldStop<'_>,
    ) -> Result<Option<Self>> {
        Self::with_influences(series, spec, 0, should_stop)
    }

    /// With what regressors and events do in up to `beyond` windows after the horizon.
    fn with_influences(
        series: &Series,
        spec: &ForecastSpec,
        beyond: usize,
        should_stop: ShouldStop<'_>,
    ) -> Result<Option<Self>> {
        let kind = spec::check(spec)?;
        let Some(grid) = Grid::build(series, spec.as_of, spec.horizon)? else {
            return Ok(None);
        };
        if let Some(v) = grid.y.iter().find(|v| v.abs() > LARGEST) {
            let message = format!("the value {v:e} is beyond ±{LARGEST:e}");
            return Err(Error::new(ErrorKind::TooLarge, message)
                .with_hint("squares of such values overflow; scale the series down"));
        }
        let steps = grid.step.cover(spec.horizon);
        if steps > MAX_STEPS {
            let message = format!("the horizon is {steps} steps, more than {MAX_STEPS}");
            return Err(Error::new(ErrorKind::TooLarge, message)
                .with_hint("shorten the horizon or resample to a longer step"));
        }
        let periods = period::periods(&spec.periods, &grid, should_stop)?;
        let season = periods.first().copied();
        let asked = spec.options.transform;
        let own = kind.transform(&grid, &periods).filter(|_| asked.is_none());
        let scales = Scales {
            effects: Scaling::new(asked, &grid.y, season)?,
            model: Scaling::new(own, &grid.y, season)?,
        };
        let beyond = if kind == Kind::Prophet { 0 } else { beyond };
        let (influences, mut notes) = influences(
            &spec.regressors,
            &spec.events,
            &grid,
            steps,
            beyond,
            scales.effects.reach(),
            should_stop,
        )?;
        let mut y: Vec<f64> = grid.y.iter().map(|v| scales.effects.onto(*v)).collect();
        let effects = if kind == Kind::Prophet || grid.is_constant() {
            Effects::default()
        } else {
            effects(
                &y,
                &grid.seen,
                &influences,
                &periods,
                kind.seasons(grid.y.len(), steps, &periods).len(),
                should_stop,
            )?
        };
        // The line through a gap had no effect to lose.
        y.iter_mut().zip(&effects.values).for_each(|(v, e)| *v -= e);
        bridge(&mut y, &grid.seen, &periods);
        y.iter_mut().for_each(|v| *v = scales.model.bound(*v));
        let cleaned = if spec.options.clean == Some(false) {
            clean::Cleaned {
                y: y.clone(),
                ..clean::Cleaned::default()
            }
        } else {
            clean::clean(&y, season)
        };
        let covariates = grid.covariates(&spec.covariates, spec.as_of, should_stop)?;
        let task = Task {
            y: &y,
            clean: &cleaned.y,
            seen: &grid.seen,
            periods: &periods,
            steps,
            history: spec.with_history,
            setting: Setting {
                start: grid.local(0),
                step: grid.step,
                asked_periods: !spec.periods.is_empty(),
                influences: &influences,
                options: &spec.options,
                covariates: &covariates,
                network: spec.network.as_deref(),
                floor: spec.floor.map(|v| scales.bound(v)),
                ceiling: spec.ceiling.map(|v| scales.bound(v)),
            },
        };
        notes.extend(effects.notes);
        let mut found = model::run(kind, &grid, &task, should_stop)?;
        let lambda = scales.lambda().map(|lambda| ("lambda".into(), lambda));
        found
            .fitted
            .facts
            .extend(effects.each.into_iter().chain(lambda));
        let is_cleaned = task.is_cleaned(found.kind);
        let mut fit = Self {
            grid,
            periods,
            steps,
            scales,
            effects: effects.values,
            y,
            cleaned,
            is_cleaned,
            found,
            report: FitReport::default(),
        };
        fit.report = FitReport::new(series, &fit, spec, notes);
        Ok(Some(fit))
    }

    /// `v` on the scale of the model at window `idx` of the past or the horizon, as a value of the series.
    fn value(&self, idx: usize, v: f64) -> f64 {
        let effect = self.effects.get(idx).copied().unwrap_or(0.0);
        self.scales.back(v, effect)
    }

    /// What was taken out of the series, where the model learnt from it without.
    fn cleaned(&self) -> Option<&clean::Cleaned> {
        self.is_cleaned.then_some(&self.cleaned)
    }

    /// The value of the series at window `idx` of the past that the model learnt from.
    fn adjusted(&self, idx: usize) -> Option<f64> {
        let y = self.cleaned().map_or(&self.y, |cleaned| &cleaned.y);
        y.get(idx).map(|v| self.value(idx, *v))
    }
}
