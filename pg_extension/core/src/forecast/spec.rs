//! What is asked for.

use std::sync::Arc;

use super::influence::{self, Event, Regressor};
use super::lstm::{MAX_COVARIATES, PooledNetwork};
use super::model::Kind;
use super::options::Options;
use crate::error::{Error, ErrorKind, Result};
use crate::sample::Series;
use crate::time::{MINUTE, Micros, interval_text};

/// Most seasonal periods: each one adds to the time of a decomposition, which cannot be stopped inside.
const MAX_PERIODS: usize = 3;

/// What to forecast and how.
#[derive(Debug, Clone)]
pub struct ForecastSpec {
    /// Length of the horizon; the number of steps that cover it is forecast.
    pub horizon: Micros,
    /// Name of a model: see the table of the module.
    pub model: String,
    /// Coverage of `lower`..`upper`, in (0, 1).
    pub level: f64,
    /// Levels of the extra quantiles, each in (0, 1).
    pub quantiles: Vec<f64>,
    /// Seasonal periods; empty = one day and one week (a year, where the step is six days or more; what the
    /// autocorrelation shows, where none of these is known twice). Those of which fewer than two are known are not used.
    pub periods: Vec<Micros>,
    /// Lower bound of every forecast.
    pub floor: Option<f64>,
    /// Upper bound.
    pub ceiling: Option<f64>,
    /// Samples at or after this instant are not seen.
    pub as_of: Option<Micros>,
    /// Whether the fitted past is returned too.
    pub with_history: bool,
    /// Settings of the model.
    pub options: Options,
    /// Influences that are known over the horizon too.
    pub regressors: Vec<Regressor>,
    /// Events, past and future.
    pub events: Vec<Event>,
    /// What `ridge` (also within `auto`) and `lstm` read beside the series, known up to now only.
    pub covariates: Vec<Series>,
    /// A network that is trained already, on many series.
    pub network: Option<Arc<PooledNetwork>>,
}

impl Default for ForecastSpec {
    /// `auto` over one hour with bounds at 95 %.
    fn default() -> Self {
        Self {
            horizon: 60 * MINUTE,
            model: "auto".into(),
            level: 0.95,
            quantiles: Vec::new(),
            periods: Vec::new(),
            floor: None,
            ceiling: None,
            as_of: None,
            with_history: false,
            options: Options::default(),
            regressors: Vec::new(),
            events: Vec::new(),
            covariates: Vec::new(),
            network: None,
        }
    }
}

pub(super) fn check(spec: &ForecastSpec) -> Result<Kind> {
    let kind: Kind = spec.model.parse()?;
    if spec.horizon <= 0 {
        return Err(Error::invalid(format!(
            "horizon must be positive, not {}",
            interval_text(spec.horizon)
        ))
        .with_hint("give a horizon such as '1 hour'"));
    }
    check_level("level", spec.level)?;
    for &q in &spec.quantiles {
        check_level("quantile", q)?;
    }
    if let Some(bad) = spec.periods.iter().find(|p| **p <= 0) {
        return Err(Error::invalid(format!(
            "a period must be positive, not {}",
            interval_text(*bad)
        ))
        .with_hint("give periods such as '1 day'"));
    }
    if spec.periods.len() > MAX_PERIODS {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("{} periods, more than {MAX_PERIODS}", spec.periods.len()),
        )
        .with_hint("a day and a week explain most demand"));
    }
    for (name, bound) in [("floor", spec.floor), ("ceiling", spec.ceiling)] {
        if let Some(bad) = bound.filter(|b| !b.is_finite()) {
            return Err(Error::new(ErrorKind::NotFinite, format!("{name} is {bad}"))
                .with_hint("leave it out"));
        }
    }
    influence::check(&spec.regressors, &spec.events)?;
    if kind != Kind::Lstm && spec.network.is_some() {
        let message = format!("model {} takes no network", spec.model);
        return Err(Error::invalid(message).with_hint("use model lstm"));
    }
    if !kind.reads_covariates() && !spec.covariates.is_empty() {
        let message = format!("model {} reads no covariates", spec.model);
        return Err(Error::invalid(message)
            .with_hint("use model ridge, auto or lstm; what is known ahead are regressors"));
    }
    if spec.covariates.len() > MAX_COVARIATES {
        let message = format!(
            "{} covariates, more than {MAX_COVARIATES}",
            spec.covariates.len()
        );
        return Err(Error::new(ErrorKind::TooLarge, message)
            .with_hint("take the components of a fingerprint of them"));
    }
    match (spec.floor, spec.ceiling) {
        (Some(floor), Some(ceiling)) if floor > ceiling => Err(Error::invalid(format!(
            "floor {floor} is above ceiling {ceiling}"
        ))),
        _ => Ok(kind),
    }
}

pub(super) fn check_level(name: &str, level: f64) -> Result<()> {
    if level > 0.0 && level < 1.0 {
        Ok(())
    } else {
        Err(
            Error::invalid(format!("{name} must be between 0 and 1, not {level}"))
                .with_hint("95 % is 0.95"),
        )
    }
}
