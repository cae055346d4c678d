//! A fitted model on its own, to be kept and asked later.

use serde::{Deserialize, Serialize};

use super::influence::Ahead;
use super::lstm::PooledNetwork;
use super::pack;
use super::spec::check;
use super::state::State;
use super::transform::Scales;
use super::uncertainty::Uncertainty;
use super::{Fit, FitReport, Forecast, ForecastRow, ForecastSpec, MAX_STEPS};
use crate::error::{Error, ErrorKind, Result};
use crate::sample::{LARGEST, Series};
use crate::time::{Micros, ShouldStop, Step};
use crate::window::Clock;

/// First byte of the stored form; another layout gets another byte.
const FORMAT: u8 = 1;

/// Most windows that [`Model::observe`] bridges between two values.
const MAX_GAP: i64 = 10_000;

/// Windows after the horizon for which regressors and events are kept, where they are known: so many may be observed before the next fit.
const BEYOND: usize = 4_000;

/// Status of a forecast that ends before the horizon does, where regressors and events are no longer known.
const REFIT_NEEDED: &str = "refit_needed";

/// A fitted model: what it needs in order to forecast from the last window it saw, without the series.
///
/// ```
/// use prescale_core::forecast::{ForecastSpec, Model};
/// use prescale_core::sample::Series;
/// use prescale_core::time::MINUTE;
/// let y: Vec<f64> = (0..100).map(|i| 10.0 + f64::from(i % 7)).collect();
/// let series = Series::try_new((0..100).map(|i| i * MINUTE).collect(), y)?;
/// let mut spec = ForecastSpec { horizon: 5 * MINUTE, model: "ets".into(), level: 0.9, ..ForecastSpec::default() };
/// let model = Model::fit(&series, &spec, &|| false)?.unwrap();
/// let restored = Model::from_bytes(&model.to_bytes())?;
/// assert_eq!(model.predict(5, 0.9, &[])?, restored.predict(5, 0.9, &[])?);
/// # Ok::<(), prescale_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    name: String,
    status: String,
    step: Step,
    last: Micros,
    /// Of windows of days, their time zone; none for UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    floor: Option<f64>,
    ceiling: Option<f64>,
    state: State,
    uncertainty: Option<Uncertainty>,
    /// The scales of the effects, and of state and uncertainty.
    #[serde(default)]
    scales: Scales,
    /// What regressors and events add on their scale; none where there are none or the model takes them in itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effects: Option<Ahead>,
}

impl Model {
    /// Fits the model of `spec` to `series`; `None` where there is no sample before `as_of`.
    ///
    /// # Errors
    /// As [`forecast`](super::forecast).
    pub fn fit(
        series: &Series,
        spec: &ForecastSpec,
        should_stop: ShouldStop<'_>,
    ) -> Result<Option<Self>> {
        Ok(Self::fit_with_report(series, spec, should_stop)?.map(|(model, _)| model))
    }

    /// The same, with how it came about.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_with_report(
        series: &Series,
        spec: &ForecastSpec,
        should_stop: ShouldStop<'_>,
    ) -> Result<Option<(Self, FitReport)>> {
        let fit = Fit::with_influences(series, spec, BEYOND, should_stop)?;
        Ok(fit.map(|fit| (Self::new(&fit, spec), fit.report)))
    }

    pub(super) fn new(fit: &Fit, spec: &ForecastSpec) -> Self {
        Self {
            name: fit.found.kind.name().into(),
            status: fit.found.status.into(),
            step: fit.grid.step,
            last: fit.grid.ts(fit.grid.y.len() - 1),
            timezone: fit.grid.clock.timezone().map(str::to_owned),
            floor: spec.floor,
            ceiling: spec.ceiling,
            state: fit.found.fitted.state.clone(),
            uncertainty: fit.found.uncertainty.clone(),
            scales: fit.scales,
            effects: fit.effects.get(fit.grid.y.len()..).map(Ahead::new),
        }
    }

    /// Name of the model that was fitted.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As [`Forecast::status`](super::Forecast::status).
    #[must_use]
    pub fn status(&self) -> &str {
        &self.status
    }

    /// Start of the last window that it saw.
    #[must_use]
    pub fn last(&self) -> Micros {
        self.last
    }

    /// Length of a window.
    #[must_use]
    pub fn step(&self) -> Step {
        self.step
    }

    /// Forecasts the next `spec.horizon`; of the rest of `spec` only level and quantiles count. Where regressors and events are no longer known, after
    /// windows that were observed or for a longer horizon than that of the fit, the rows end and the status is `refit_needed`.
    ///
    /// # Errors
    /// As [`predict`](Self::predict), and `InvalidArgument` for a horizon that is not positive and levels outside (0, 1).
    pub fn forecast(&self, spec: &ForecastSpec) -> Result<Forecast> {
        check(spec)?;
        let steps = self.step.cover(spec.horizon);
        let known = match &self.effects {
            Some(effects) if steps <= MAX_STEPS => effects.values().take(steps).count(),
            _ => steps,
        };
        let status = if known < steps {
            REFIT_NEEDED
        } else {
            &self.status
        };
        Ok(Forecast {
            step: Some(self.step),
            model_used: self.name.clone(),
            status: status.into(),
            rows: self.predict(known, spec.level, &spec.quantiles)?,
            report: FitReport::default(),
        })
    }

    /// Forecasts the next `steps` windows.
    ///
    /// # Errors
    /// `InvalidArgument` for a pooled model without its network; `TooLarge` beyond 100,000 steps (5,000 for `lstm`), and beyond the horizon of the fit for `ridge`, `ensemble` and `auto`, which keep the path they made
    /// then.
    pub fn predict(&self, steps: usize, level: f64, quantiles: &[f64]) -> Result<Vec<ForecastRow>> {
        let path = if steps > MAX_STEPS {
            Vec::new()
        } else {
            self.state.ahead(steps).sums()
        };
        let effects: Vec<f64> = match &self.effects {
            Some(effects) => effects.values().take(path.len()).collect(),
            None => vec![0.0; path.len()],
        };
        if path.len().min(effects.len()) < steps {
            if self.is_pooled() && path.is_empty() {
                return Err(
                    Error::invalid("a pooled model forecasts with its network only")
                        .with_hint("give the network of its version"),
                );
            }
            let message = format!(
                "{steps} steps, more than the model of {} forecasts",
                self.name
            );
            return Err(Error::new(ErrorKind::TooLarge, message)
                .with_hint("fit the model for this horizon"));
        }
        Ok((1..)
            .zip(path.into_iter().zip(effects))
            .map(|(h, (point, effect))| {
                self.row(h, |v| self.value(point + v, effect), level, quantiles)
            })
            .collect())
    }

    /// The row of step `h`, of which `value` gives what lies so far from its middle.
    fn row(
        &self,
        h: i32,
        value: impl Fn(f64) -> f64,
        level: f64,
        quantiles: &[f64],
    ) -> ForecastRow {
        let step = usize::try_from(h).unwrap_or(1);
        let at = |p: f64| Some(value(self.uncertainty.as_ref()?.offset(step, p)));
        ForecastRow {
            ts: self.ahead(i64::from(h)),
            step: h,
            is_history: false,
            y: None,
            yhat: Some(value(0.0)),
            lower: at(0.5 - level / 2.0),
            upper: at(0.5 + level / 2.0),
            q: quantiles.iter().filter_map(|p| at(*p)).collect(),
        }
    }

    fn clock(&self) -> Clock {
        // A zone that this build does not know any more: days of 24 hours are the best that is left.
        Clock::of(self.timezone.as_deref(), self.step).unwrap_or(Clock::UTC)
    }

    /// Start of the window so many after the last one.
    fn ahead(&self, windows: i64) -> Micros {
        let clock = self.clock();
        let span = self.step.micros().saturating_mul(windows);
        clock.instant(clock.shows_at_start(self.last).saturating_add(span))
    }

    /// `v` with `effect` on the scale of the series, between floor and ceiling.
    fn value(&self, v: f64, effect: f64) -> f64 {
        self.clamp(self.scales.back(v, effect))
    }

    /// `v` between floor and ceiling.
    pub(super) fn clamp(&self, v: f64) -> f64 {
        v.max(self.floor.unwrap_or(f64::MIN))
            .min(self.ceiling.unwrap_or(f64::MAX))
    }

    /// How many covariates it reads.
    #[must_use]
    pub fn n_covariates(&self) -> usize {
        self.state.network().map_or(0, |s| s.n_covariates())
    }

    /// Whether it is forecast by a network of many series, which is stored beside it.
    #[must_use]
    pub fn is_pooled(&self) -> bool {
        self.state.network().is_some_and(|s| s.is_pooled())
    }

    /// Gives a pooled model the network that it was fitted with, without which it forecasts nothing; others need none.
    ///
    /// # Errors
    /// `InvalidArgument` for another network.
    pub fn share(&mut self, network: &PooledNetwork) -> Result<()> {
        if let State::Lstm(series) = &mut self.state
            && series.is_pooled()
        {
            series.share(network)?;
            if let Some(uncertainty) = &mut self.uncertainty {
                uncertainty.adopt(&network.errors);
            }
        }
        Ok(())
    }

    /// Takes in the value of the window that starts at `ts`; windows between it and the last one count as forecast (for `lstm` as missing). Bounds
    /// stay what they were. Returns whether it did: `ridge`, `ensemble`, `auto` and `prophet` have to be fitted again instead, as has any model
    /// beyond the windows for which regressors and events are known, and after a value that has no place on its scale.
    ///
    /// # Errors
    /// `InvalidArgument` for a time that is not after the last window or more than 10,000 windows after it; `NotFinite` for a value, `TooLarge` for
    /// one beyond ±1e140.
    pub fn observe(&mut self, ts: Micros, y: f64) -> Result<bool> {
        self.observe_with(ts, y, &[])
    }

    /// The same with the covariates of the window, in order; what is left out, `None` or not finite stays as it was.
    ///
    /// # Errors
    /// As [`observe`](Self::observe).
    pub fn observe_with(&mut self, ts: Micros, y: f64, covariates: &[Option<f64>]) -> Result<bool> {
        let clock = self.clock();
        let since = clock
            .shows(ts)
            .saturating_sub(clock.shows_at_start(self.last));
        let windows = since
            .saturating_add(self.step.micros() / 2)
            .div_euclid(self.step.micros());
        if !(1..=MAX_GAP).contains(&windows) {
            let message = format!(
                "{ts} is {windows} windows after the last one of the model, at {}",
                self.last
            );
            return Err(Error::invalid(message)
                .with_hint(format!("observe the next window, at most {MAX_GAP} later")));
        }
        if !y.is_finite() {
            return Err(Error::new(
                ErrorKind::NotFinite,
                format!("the value is {y}"),
            ));
        }
        if y.abs() > LARGEST {
            let message = format!("the value {y:e} is beyond ±{LARGEST:e}");
            return Err(Error::new(ErrorKind::TooLarge, message).with_hint("scale the series down"));
        }
        // At most 10,000.
        let passed = usize::try_from(windows).unwrap_or(usize::MAX);
        let effect = match &self.effects {
            Some(effects) => effects.values().nth(passed - 1),
            None => Some(0.0),
        };
        let Some(z) = effect.and_then(|effect| self.scales.try_onto(y, effect)) else {
            return Ok(false);
        };
        let mut state = self.state.clone();
        if !(state.pass(passed - 1) && state.observe_with(z, covariates)) {
            return Ok(false);
        }
        self.state = state;
        self.effects.iter_mut().for_each(|e| e.pass(passed));
        self.last = self.ahead(windows);
        Ok(true)
    }

    /// The stored form: a format byte, the length of what follows in JSON, where every number keeps its bits, and the errors in binary.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut rest = self.clone();
        if self.is_pooled() {
            rest.uncertainty
                .iter_mut()
                .for_each(Uncertainty::keep_scale);
        }
        let ratios = rest.uncertainty.iter_mut().flat_map(Uncertainty::ratios);
        let ratios: Vec<_> = ratios.map(std::mem::take).collect();
        // Nothing in it can fail to be written: no map with keys that are not text.
        let json = serde_json::to_vec(&rest).unwrap_or_default();
        let mut bytes = vec![FORMAT];
        bytes.extend((json.len() as u64).to_le_bytes());
        bytes.extend(json);
        pack::write(&ratios, &mut bytes);
        bytes
    }

    /// Restores a stored model.
    ///
    /// # Errors
    /// `Corrupt` for bytes that are not such a form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let corrupt =
            |why: String| Error::new(ErrorKind::Corrupt, format!("not a stored model: {why}"));
        let rest = match bytes.split_first() {
            Some((&FORMAT, rest)) => rest,
            Some((other, _)) => return Err(corrupt(format!("format {other}"))),
            None => return Err(corrupt("no bytes".into())),
        };
        let json = rest.split_first_chunk().and_then(|(len, rest)| {
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)
        });
        let (json, errors) = json.ok_or_else(|| corrupt("too short".into()))?;
        let mut model: Self = serde_json::from_slice(json).map_err(|e| corrupt(e.to_string()))?;
        let ratios = model.uncertainty.iter_mut().flat_map(Uncertainty::ratios);
        pack::read(ratios.collect(), errors)?;
        Ok(model)
    }
}
