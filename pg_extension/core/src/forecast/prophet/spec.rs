//! What to fit, and the rules of Prophet for what is left open.

use serde::{Deserialize, Serialize};

use super::column::MAX_COLUMNS;
use crate::error::{Error, ErrorKind, Result};
use crate::time::{DAY, Micros, interval_text};

/// Most changepoints: the search for those that matter grows with their cube.
const MAX_CHANGEPOINTS: usize = 400;

/// Most days before or after an event that have an effect of their own.
const MAX_WINDOW: u32 = 60;

/// Form of the trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Growth {
    /// Straight between changepoints.
    Linear,
    /// Saturates at the cap.
    Logistic,
    /// The same level for ever.
    Flat,
}

/// How a term joins the trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Added, in units of the series.
    Additive,
    /// A share of the trend.
    Multiplicative,
}

/// Order of a season that Prophet knows by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fourier {
    /// On with this many pairs of sine and cosine where the history is long and fine enough: 2 years, 2 weeks of steps
    /// below a week, 2 days of steps below a day.
    Auto(usize),
    /// Off.
    Off,
    /// On with this many pairs.
    Order(usize),
}

/// A season of one's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Seasonality {
    /// Name of the component; `yearly`, `weekly` or `daily` replaces the known one.
    pub name: String,
    /// Length of the season.
    pub period: Micros,
    /// Pairs of sine and cosine.
    pub order: usize,
    /// Standard deviation of the prior of each coefficient, on the scale of a series in 0..1.
    pub prior_scale: f64,
    /// How it joins the trend.
    pub mode: Mode,
}

/// An event: the days (UTC) on which it takes place come with the rows.
///
/// The day itself and each day of the window have an effect of their own. For days in local time shift all times first.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Name of the component.
    pub name: String,
    /// Days before with an effect of their own.
    pub before: u32,
    /// Days after with an effect of their own.
    pub after: u32,
    /// Standard deviation of the prior of each effect.
    pub prior_scale: f64,
    /// How it joins the trend.
    pub mode: Mode,
}

/// A known influence: its values come with the rows, also for the future.
#[derive(Debug, Clone, PartialEq)]
pub struct Regressor {
    /// Name of the component.
    pub name: String,
    /// Standard deviation of the prior of its coefficient.
    pub prior_scale: f64,
    /// Whether mean and standard deviation are taken out; `None` = unless it is constant or made of zeros and ones.
    pub standardise: Option<bool>,
    /// How it joins the trend.
    pub mode: Mode,
}

/// Where the trend may bend.
#[derive(Debug, Clone, PartialEq)]
pub struct Changepoints {
    /// How many are laid evenly over the rows.
    pub count: usize,
    /// Share of the rows, from the first, over which they are laid.
    pub range: f64,
    /// τ: scale of the Laplace prior of each change of slope.
    pub prior_scale: f64,
    /// Instants to use in place of the even ones; must lie within the history.
    pub at: Option<Vec<Micros>>,
}

/// The whole specification; `default()` is Prophet's.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Form of the trend.
    pub growth: Growth,
    /// Where it may bend.
    pub changepoints: Changepoints,
    /// 365.25 days.
    pub yearly: Fourier,
    /// 7 days.
    pub weekly: Fourier,
    /// 1 day.
    pub daily: Fourier,
    /// How the three above join the trend.
    pub seasonality_mode: Mode,
    /// Prior scale of the three above.
    pub seasonality_prior_scale: f64,
    /// Further seasons.
    pub seasonalities: Vec<Seasonality>,
    /// Events.
    pub events: Vec<Event>,
    /// Regressors.
    pub regressors: Vec<Regressor>,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            growth: Growth::Linear,
            changepoints: Changepoints {
                count: 25,
                range: 0.8,
                prior_scale: 0.05,
                at: None,
            },
            yearly: Fourier::Auto(10),
            weekly: Fourier::Auto(3),
            daily: Fourier::Auto(4),
            seasonality_mode: Mode::Additive,
            seasonality_prior_scale: 10.0,
            seasonalities: Vec::new(),
            events: Vec::new(),
            regressors: Vec::new(),
        }
    }
}

impl Spec {
    /// For demand in steps below a day: a stiffer trend and finer seasons than Prophet's defaults, which were made for
    /// days. Chosen on the training part of the M4 hourly series, the last two days of it held back.
    #[must_use]
    pub fn demand() -> Self {
        let mut spec = Self {
            weekly: Fourier::Auto(20),
            daily: Fourier::Auto(12),
            ..Self::default()
        };
        spec.changepoints.prior_scale = 0.005;
        spec
    }

    /// # Errors
    /// `InvalidArgument`, `TooLarge`.
    pub(super) fn check(&self) -> Result<()> {
        let at = self.changepoints.at.as_ref().map_or(0, Vec::len);
        if self.changepoints.count.max(at) > MAX_CHANGEPOINTS {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!(
                    "{} changepoints, more than {MAX_CHANGEPOINTS}",
                    self.changepoints.count.max(at)
                ),
            ));
        }
        if !(self.changepoints.range > 0.0 && self.changepoints.range <= 1.0) {
            return Err(Error::invalid(format!(
                "changepoint range must be above 0 and at most 1, not {}",
                self.changepoints.range
            )));
        }
        let scales = [self.changepoints.prior_scale, self.seasonality_prior_scale];
        let scales = scales
            .into_iter()
            .chain(self.seasonalities.iter().map(|s| s.prior_scale))
            .chain(self.events.iter().map(|e| e.prior_scale))
            .chain(self.regressors.iter().map(|r| r.prior_scale));
        // Outside of these a prior says nothing or everything, and its square may leave the range of numbers.
        if let Some(bad) = scales.into_iter().find(|s| !(1e-9..=1e9).contains(s)) {
            return Err(Error::invalid(format!(
                "a prior scale must lie between 1e-9 and 1e9, not {bad}"
            )));
        }
        if let Some(bad) = self.seasonalities.iter().find(|s| s.period <= 0) {
            return Err(Error::invalid(format!(
                "the period of season {:?} must be positive, not {}",
                bad.name,
                interval_text(bad.period)
            )));
        }
        if let Some(bad) = self
            .events
            .iter()
            .find(|e| e.before.max(e.after) > MAX_WINDOW)
        {
            return Err(Error::invalid(format!(
                "the window of event {:?} reaches {} days, more than {MAX_WINDOW}",
                bad.name,
                bad.before.max(bad.after)
            )));
        }
        self.check_orders()?;
        self.check_names()
    }

    fn check_orders(&self) -> Result<()> {
        let named = [self.yearly, self.weekly, self.daily].into_iter();
        let named = named.filter_map(|f| match f {
            Fourier::Auto(order) | Fourier::Order(order) => Some(order),
            Fourier::Off => None,
        });
        match named
            .chain(self.seasonalities.iter().map(|s| s.order))
            .find(|order| !(1..=MAX_COLUMNS / 2).contains(order))
        {
            Some(bad) => Err(Error::invalid(format!(
                "the order of a season must lie between 1 and {}, not {bad}",
                MAX_COLUMNS / 2
            ))),
            None => Ok(()),
        }
    }

    fn check_names(&self) -> Result<()> {
        let mut names: Vec<&str> = self.seasonalities.iter().map(|s| s.name.as_str()).collect();
        names.extend(self.events.iter().map(|e| e.name.as_str()));
        names.extend(self.regressors.iter().map(|r| r.name.as_str()));
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Error::invalid(format!(
                "two components are called {:?}",
                pair[0]
            ))),
            None => Ok(()),
        }
    }

    /// All seasons for a history of this span and smallest positive gap, in the order of the columns.
    pub(super) fn seasons(&self, span: Micros, gap: Micros) -> Vec<Seasonality> {
        let week = 7 * DAY;
        let known = [
            ("yearly", self.yearly, 31_557_600_000_000, span >= 730 * DAY),
            ("weekly", self.weekly, week, span >= 2 * week && gap < week),
            ("daily", self.daily, DAY, span >= 2 * DAY && gap < DAY),
        ];
        let mut seasons = self.seasonalities.clone();
        for (name, asked, period, enough) in known {
            let replaced = self.seasonalities.iter().any(|s| s.name == name);
            let order = match asked {
                Fourier::Order(order) => order,
                Fourier::Auto(order) if enough => order,
                Fourier::Auto(_) | Fourier::Off => 0,
            };
            if order > 0 && !replaced {
                seasons.push(Seasonality {
                    name: name.into(),
                    period,
                    order,
                    prior_scale: self.seasonality_prior_scale,
                    mode: self.seasonality_mode,
                });
            }
        }
        seasons
    }
}
