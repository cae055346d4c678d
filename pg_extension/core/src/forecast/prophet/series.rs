//! One series of the engine: `prophet`.
//!
//! Fitted to the newest 30,000 windows that have a sample, below a day with the settings for demand. Regressors and events are columns of
//! the model. Uncertainty comes from refits at earlier origins in the last third: three to eight, fewer where the past is long; each forecasts
//! up to the next one or over the horizon, whichever is longer. Cost: up to nine fits, linear in windows.

use serde::{Deserialize, Serialize};

use super::super::errors::{Errors, level};
use super::super::fit::{Fitted as Found, Task};
use super::super::options::Cycle;
use super::super::parts::Parts;
use super::super::state::State;
use super::super::uncertainty::Uncertainty;
use super::column::{Part, Source};
use super::{
    Fitted, Fourier, Growth, Mode, Regressor, Rows, Seasonality, Simulation, Spec, fit as learn,
};
use crate::error::{Error, ErrorKind, Result};
use crate::time::{DAY, Micros, ShouldStop, Step};

/// Fewest windows to learn from.
pub(in crate::forecast) const MIN_WINDOWS: usize = 10;

/// Most windows learnt from: three years of hours.
const MAX_WINDOWS: usize = 30_000;

/// Most and fewest refits for the uncertainty.
const ORIGINS: (usize, usize) = (3, 8);

/// Windows over all refits, which decide between the two.
const REFITTED: usize = 24_000;

/// Pairs of sine and cosine of a season that has no name, at most.
const ORDER: usize = 10;

/// Prior of regressors and events, that of Prophet.
const PRIOR_SCALE: f64 = 10.0;

/// Bounds are wider than the errors at the origins: the next trend is not among them.
const STRETCH: f64 = 1.05;

/// Fits the model; `None` where it cannot be fitted.
pub(in crate::forecast) fn fit(
    task: &Task<'_>,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Found>> {
    let past = Past::new(task)?;
    let n = past.y.len();
    let Some(fitted) = past.learn(n, should_stop)? else {
        return Ok(None);
    };
    let Some(shown) = past.parts(&fitted, 0..n, should_stop)? else {
        return Ok(None);
    };
    let growth = fitted.growth(past.step, past.cap(), task.steps);
    let uncertainty = past.measure(&growth, task.steps, should_stop)?;
    let future = |values: &&[f64]| values[n..].to_vec();
    Ok(Some(Found {
        past: shown,
        growth,
        uncertainty,
        facts: vec![
            ("noise".into(), fitted.noise()),
            ("changepoints".into(), fitted.changepoints.len() as f64),
            ("log_posterior".into(), fitted.objective()),
        ],
        form: Some(past.form()),
        state: State::Prophet(Box::new(Series {
            last: past.times[n - 1],
            step: past.step,
            cap: past.ceiling,
            floor: past.floor,
            regressors: past.columns.iter().map(future).collect(),
            fitted,
        })),
        ..Found::default()
    }))
}

/// A fitted model that forecasts the windows after those that it was fitted to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::forecast) struct Series {
    fitted: Fitted,
    last: Micros,
    step: Step,
    cap: Option<f64>,
    floor: Option<f64>,
    /// Regressors and events over the windows for which they are known.
    regressors: Vec<Vec<f64>>,
}

impl Series {
    /// The next `steps` windows, or fewer where regressors and events are not known for all; nothing where values leave the range of numbers.
    pub(in crate::forecast) fn ahead(&self, steps: usize) -> Parts {
        let known = self.regressors.iter().map(Vec::len).min();
        let steps = known.unwrap_or(steps).min(steps);
        let times: Vec<Micros> = (1..)
            .take(steps)
            .map(|h: i64| {
                self.last
                    .saturating_add(self.step.micros().saturating_mul(h))
            })
            .collect();
        let regressors: Vec<&[f64]> = self.regressors.iter().map(|r| &r[..steps]).collect();
        let rows = rows(&times, &regressors, &self.cap, &self.floor);
        self.fitted
            .parts(&rows, self.step, &|| false)
            .unwrap_or_default()
    }
}

fn rows<'a>(
    times: &'a [Micros],
    regressors: &'a [&'a [f64]],
    cap: &'a Option<f64>,
    floor: &'a Option<f64>,
) -> Rows<'a> {
    Rows {
        regressors,
        cap: cap.as_slice(),
        floor: floor.as_slice(),
        ..Rows::at(times)
    }
}

impl Fitted {
    fn parts(&self, rows: &Rows<'_>, step: Step, should_stop: ShouldStop<'_>) -> Result<Parts> {
        let found = self.predict(rows, &Simulation::NONE, should_stop)?;
        let mut parts = Parts::flat(found.trend);
        for (group, component) in self.groups.iter().zip(found.components) {
            match (group.source, component.part) {
                (Source::Fourier { period, .. }, Part::Seasonality) => {
                    parts.seasonal.push((step.round(period), component.values));
                }
                _ => {
                    parts.events.resize(component.values.len(), 0.0);
                    let effects = parts.events.iter_mut().zip(component.values);
                    effects.for_each(|(all, v)| *all += v);
                }
            }
        }
        Ok(parts)
    }

    /// Standard deviation of noise and trend per step: changes of slope come and are as large as in the past, so that after a time u the
    /// trend has strayed by rate · 2 · size² · u³ / 3 in squares (Taylor and Letham 2018, §3.1.4, without drawing).
    fn growth(&self, step: Step, cap: f64, steps: usize) -> Vec<f64> {
        let rate = self.delta.len() as f64;
        let size = self.delta.iter().map(|d| d.abs()).sum::<f64>() / rate.max(1.0);
        let steepest = match self.growth {
            Growth::Linear => 1.0,
            Growth::Flat => 0.0,
            Growth::Logistic => cap / self.y_scale / 4.0,
        };
        let span = (self.end - self.start) as f64;
        let least = self.sigma.max(1e-9);
        (1..=steps)
            .map(|h| {
                let u = h as f64 * step.micros() as f64 / span;
                let trend = rate * 2.0 * (size * steepest).powi(2) * u.powi(3) / 3.0;
                (least * least + trend).sqrt() * self.y_scale
            })
            .collect()
    }
}

/// The windows learnt from, the oldest first, and what is known about those after them.
struct Past<'a> {
    y: &'a [f64],
    seen: &'a [bool],
    /// Of the windows and of those of the horizon.
    times: Vec<Micros>,
    columns: Vec<&'a [f64]>,
    step: Step,
    ceiling: Option<f64>,
    floor: Option<f64>,
    spec: Spec,
}

impl<'a> Past<'a> {
    fn new(task: &Task<'a>) -> Result<Self> {
        let setting = &task.setting;
        let n = task.y.len();
        let from = n.saturating_sub(MAX_WINDOWS);
        let at = |idx: usize| {
            let windows = i64::try_from(idx).unwrap_or(i64::MAX);
            let since = setting.step.micros().saturating_mul(windows);
            setting.start.saturating_add(since)
        };
        let spec = spec(task);
        if spec.growth == Growth::Logistic && setting.ceiling.is_none() {
            return Err(Error::invalid("logistic growth needs a ceiling")
                .with_hint("give the ceiling at which the trend saturates"));
        }
        Ok(Self {
            y: &task.y[from..],
            seen: &task.seen[from..],
            times: (from..n + task.steps).map(at).collect(),
            columns: setting
                .influences
                .iter()
                .map(|i| &i.values[from..])
                .collect(),
            step: setting.step,
            ceiling: setting.ceiling,
            floor: setting.floor,
            spec,
        })
    }

    fn cap(&self) -> f64 {
        self.ceiling.unwrap_or(0.0) - self.floor.unwrap_or(0.0)
    }

    fn form(&self) -> String {
        let growth = match self.spec.growth {
            Growth::Linear => "linear",
            Growth::Logistic => "logistic",
            Growth::Flat => "flat",
        };
        let mode = match self.spec.seasonality_mode {
            Mode::Additive => "additive",
            Mode::Multiplicative => "multiplicative",
        };
        format!("{growth}, {mode}")
    }

    /// The model of the windows before `end` that have a sample.
    fn learn(&self, end: usize, should_stop: ShouldStop<'_>) -> Result<Option<Fitted>> {
        let pick = |values: &[f64]| -> Vec<f64> {
            let seen = values.iter().zip(&self.seen[..end]);
            seen.filter(|(_, s)| **s).map(|(v, _)| *v).collect()
        };
        let times = self.times.iter().zip(&self.seen[..end]);
        let times: Vec<Micros> = times.filter(|(_, s)| **s).map(|(t, _)| *t).collect();
        let columns: Vec<Vec<f64>> = self.columns.iter().map(|c| pick(c)).collect();
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let rows = rows(&times, &columns, &self.ceiling, &self.floor);
        degenerate(learn(&rows, &pick(self.y), &self.spec, should_stop)).map(Option::flatten)
    }

    fn parts(
        &self,
        fitted: &Fitted,
        windows: std::ops::Range<usize>,
        should_stop: ShouldStop<'_>,
    ) -> Result<Option<Parts>> {
        let columns: Vec<&[f64]> = self.columns.iter().map(|c| &c[windows.clone()]).collect();
        let times = &self.times[windows];
        let rows = rows(times, &columns, &self.ceiling, &self.floor);
        degenerate(fitted.parts(&rows, self.step, should_stop))
    }

    /// Errors of refits at earlier origins.
    fn measure(
        &self,
        growth: &[f64],
        steps: usize,
        should_stop: ShouldStop<'_>,
    ) -> Result<Option<Uncertainty>> {
        let n = self.y.len();
        let ahead = steps.min((n / 6).max(1));
        let back = (n / 3).max(ahead);
        let count = (REFITTED / n).clamp(ORIGINS.0, ORIGINS.1);
        let stride = ((back - ahead) / (count - 1)).max(1);
        let mut errors = Errors::new(growth);
        for origin in (n - back..=n - ahead).step_by(stride) {
            let end = (origin + stride.max(ahead)).min(n);
            let Some(fitted) = self.learn(origin, should_stop)? else {
                continue;
            };
            let Some(parts) = self.parts(&fitted, origin..end, should_stop)? else {
                continue;
            };
            let seen = self.y.iter().zip(self.seen).skip(origin);
            let seen = seen.map(|(v, s)| s.then_some(*v));
            errors.add(parts.sums().iter(), seen, level(self.y, origin));
        }
        Ok(errors.finish(steps, level(self.y, n), STRETCH))
    }
}

/// `None` where numbers break down; that the series cannot be fitted is no error of the caller.
fn degenerate<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if [ErrorKind::Numeric, ErrorKind::NotFinite].contains(&error.kind()) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The specification for `task`.
fn spec(task: &Task<'_>) -> Spec {
    let setting = &task.setting;
    let options = &setting.options.prophet;
    let mut spec = if setting.step.micros() < DAY {
        Spec::demand()
    } else {
        Spec::default()
    };
    let bends = &mut spec.changepoints;
    bends.count = options.changepoints.unwrap_or(bends.count);
    bends.range = options.changepoint_range.unwrap_or(bends.range);
    bends.prior_scale = options.changepoint_prior_scale.unwrap_or(bends.prior_scale);
    spec.growth = options.growth.unwrap_or(spec.growth);
    spec.seasonality_mode = options.seasonality_mode.unwrap_or(spec.seasonality_mode);
    spec.seasonality_prior_scale = options
        .seasonality_prior_scale
        .unwrap_or(spec.seasonality_prior_scale);
    let calendar = [
        (&mut spec.yearly, options.yearly, 365 * DAY + DAY / 4),
        (&mut spec.weekly, options.weekly, 7 * DAY),
        (&mut spec.daily, options.daily, DAY),
    ];
    let mut unnamed = task.periods.to_vec();
    for (fourier, asked, length) in calendar {
        let period = setting.step.round(length);
        let is_wanted = !setting.asked_periods || task.periods.contains(&period);
        unnamed.retain(|p| *p != period);
        let usual = match *fourier {
            Fourier::Auto(order) | Fourier::Order(order) => order,
            Fourier::Off => 1,
        };
        *fourier = match asked {
            Some(Cycle::On) => Fourier::Order(usual),
            Some(Cycle::Off) => Fourier::Off,
            Some(Cycle::Order(order)) => Fourier::Order(order),
            None if is_wanted => *fourier,
            None => Fourier::Off,
        };
    }
    let micros = |p: usize| {
        let windows = i64::try_from(p).unwrap_or(i64::MAX);
        setting.step.micros().saturating_mul(windows)
    };
    spec.seasonalities = unnamed
        .into_iter()
        .map(|p| Seasonality {
            name: format!("season_{p}"),
            period: micros(p),
            order: (p / 2).clamp(1, ORDER),
            prior_scale: spec.seasonality_prior_scale,
            mode: spec.seasonality_mode,
        })
        .collect();
    spec.regressors = setting
        .influences
        .iter()
        .map(|influence| Regressor {
            name: influence.name.clone(),
            prior_scale: PRIOR_SCALE,
            standardise: None,
            mode: Mode::Additive,
        })
        .collect();
    spec
}
