//! Settings of a model beyond those that every forecast has, as they are given by name.

use serde_json::Value;

use super::model::Kind;
use super::prophet::{Growth, Mode};
use super::transform;
use crate::error::{Error, ErrorKind, Result};

/// Settings; `default()` leaves every choice to the model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// The scale on which the model works; `None` = the series' own.
    pub transform: Option<Transform>,
    /// Whether outliers and a shift of level are taken out first; `None` = for the models that they would mislead.
    pub clean: Option<bool>,
    /// For `mstl`, how what seasons leave is forecast; `None` = by exponential smoothing.
    pub rest: Option<Rest>,
    /// For `prophet`.
    pub prophet: ProphetOptions,
    /// For `lstm`.
    pub lstm: LstmOptions,
}

/// A scale on which a model works; quantiles are transformed back one by one, so the median stays the median.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Transform {
    /// The natural logarithm.
    Log,
    /// (y^λ − 1) / λ (Box and Cox 1964); `None` = λ by Guerrero's method (1993).
    BoxCox(Option<f64>),
}

/// A model of what the seasons of `mstl` leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Exponential smoothing.
    Ets,
    /// The theta method.
    Theta,
}

/// Settings of `prophet`; `None` = its default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProphetOptions {
    /// Form of the trend; a logistic one saturates at the ceiling of the forecast.
    pub growth: Option<Growth>,
    /// Number of changepoints.
    pub changepoints: Option<usize>,
    /// Share of the past over which they are laid.
    pub changepoint_range: Option<f64>,
    /// Scale of the prior of each change of slope.
    pub changepoint_prior_scale: Option<f64>,
    /// How seasons join the trend.
    pub seasonality_mode: Option<Mode>,
    /// Scale of the prior of seasons.
    pub seasonality_prior_scale: Option<f64>,
    /// The season of a year.
    pub yearly: Option<Cycle>,
    /// The season of a week.
    pub weekly: Option<Cycle>,
    /// The season of a day.
    pub daily: Option<Cycle>,
}

/// Whether a season takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cycle {
    /// With its usual number of pairs of sine and cosine, however short the past.
    On,
    /// Not at all.
    Off,
    /// With this many pairs.
    Order(usize),
}

/// Settings of `lstm`; `None` = its default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LstmOptions {
    /// Units of the layer.
    pub hidden: Option<usize>,
    /// Windows of the past that the network reads.
    pub window: Option<usize>,
    /// Most passes over the past.
    pub epochs: Option<usize>,
    /// Most updates.
    pub updates: Option<u64>,
    /// Seed of the first weights and of the order of windows.
    pub seed: Option<u64>,
}

/// Options that every model takes.
const COMMON: [&str; 2] = ["transform", "clean"];

const PROPHET: [&str; 9] = [
    "growth",
    "changepoints",
    "changepoint_range",
    "changepoint_prior_scale",
    "seasonality_mode",
    "seasonality_prior_scale",
    "yearly",
    "weekly",
    "daily",
];

const LSTM: [&str; 5] = ["hidden", "window", "epochs", "updates", "seed"];

impl Options {
    /// The options of `model` from a JSON object; null stands for an empty one.
    ///
    /// ```
    /// use prescale_core::forecast::Options;
    /// let value = serde_json::json!({"growth": "flat", "daily": 6, "transform": "log"});
    /// assert!(Options::from_json("prophet", &value).is_ok());
    /// let error = Options::from_json("ets", &value).unwrap_err();
    /// assert_eq!(error.message(), "unknown option \"daily\" of model ets");
    /// assert_eq!(error.hint(), Some("known: transform, clean"));
    /// ```
    ///
    /// # Errors
    /// `UnknownName` for a model or an option that is not known (or not one of this model); `InvalidArgument` for a value of the wrong
    /// type or outside its domain and for anything but an object.
    pub fn from_json(model: &str, value: &Value) -> Result<Self> {
        Self::for_models(&[model], value)
    }

    /// Options for several models at once, each of which must be known to one of them at least.
    ///
    /// # Errors
    /// As [`Options::from_json`].
    pub fn for_models(models: &[&str], value: &Value) -> Result<Self> {
        let mut known = COMMON.to_vec();
        for model in models {
            match model.parse()? {
                Kind::Prophet => known.extend(PROPHET),
                Kind::Lstm => known.extend(LSTM),
                Kind::Mstl => known.push("rest"),
                Kind::Auto
                | Kind::SeasonalNaive
                | Kind::LastValue
                | Kind::Drift
                | Kind::Ets
                | Kind::Theta
                | Kind::DynamicTheta
                | Kind::Ridge
                | Kind::Ensemble => {}
            }
        }
        let mut options = Self::default();
        if value.is_null() {
            return Ok(options);
        }
        let object = value.as_object().ok_or_else(|| {
            Error::invalid(format!("options must be a JSON object, not {value}"))
                .with_hint("give options such as {\"transform\": \"log\"}")
        })?;
        for (key, value) in object {
            if !known.contains(&key.as_str()) {
                let message = format!("unknown option {key:?} of model {}", models.join(", "));
                return Err(Error::new(ErrorKind::UnknownName, message)
                    .with_hint(format!("known: {}", known.join(", "))));
            }
            options.set(&Given { key, value })?;
        }
        Ok(options)
    }

    fn set(&mut self, given: &Given<'_>) -> Result<()> {
        let (prophet, lstm) = (&mut self.prophet, &mut self.lstm);
        match given.key {
            "transform" => self.transform = given.transform()?,
            "clean" => self.clean = Some(given.boolean()?),
            "rest" => self.rest = Some(given.named(&RESTS)?),
            "growth" => prophet.growth = Some(given.named(&GROWTHS)?),
            "changepoints" => prophet.changepoints = Some(given.count(0)?),
            "changepoint_range" => prophet.changepoint_range = Some(given.number()?),
            "changepoint_prior_scale" => prophet.changepoint_prior_scale = Some(given.number()?),
            "seasonality_mode" => prophet.seasonality_mode = Some(given.named(&MODES)?),
            "seasonality_prior_scale" => prophet.seasonality_prior_scale = Some(given.number()?),
            "yearly" => prophet.yearly = Some(given.cycle()?),
            "weekly" => prophet.weekly = Some(given.cycle()?),
            "daily" => prophet.daily = Some(given.cycle()?),
            "hidden" => lstm.hidden = Some(given.count(1)?),
            "window" => lstm.window = Some(given.count(1)?),
            "epochs" => lstm.epochs = Some(given.count(1)?),
            "updates" => lstm.updates = Some(given.count(1)? as u64),
            _ => lstm.seed = Some(given.count(0)? as u64),
        }
        Ok(())
    }
}

const RESTS: [(&str, Rest); 2] = [("ets", Rest::Ets), ("theta", Rest::Theta)];

const GROWTHS: [(&str, Growth); 3] = [
    ("linear", Growth::Linear),
    ("logistic", Growth::Logistic),
    ("flat", Growth::Flat),
];

const MODES: [(&str, Mode); 2] = [
    ("additive", Mode::Additive),
    ("multiplicative", Mode::Multiplicative),
];

/// One option as it was given.
struct Given<'a> {
    key: &'a str,
    value: &'a Value,
}

impl Given<'_> {
    fn wrong(&self, wanted: &str) -> Error {
        Error::invalid(format!(
            "option {:?} must be {wanted}, not {}",
            self.key, self.value
        ))
    }

    fn boolean(&self) -> Result<bool> {
        self.value
            .as_bool()
            .ok_or_else(|| self.wrong("true or false"))
    }

    fn number(&self) -> Result<f64> {
        self.value.as_f64().ok_or_else(|| self.wrong("a number"))
    }

    fn count(&self, least: usize) -> Result<usize> {
        self.value
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| *n >= least)
            .ok_or_else(|| self.wrong(&format!("a whole number of {least} or more")))
    }

    fn named<T: Copy>(&self, names: &[(&str, T)]) -> Result<T> {
        let asked = self.value.as_str();
        let found = names.iter().find(|(name, _)| asked == Some(name));
        found.map(|(_, value)| *value).ok_or_else(|| {
            let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            self.wrong(&format!("one of {}", known.join(", ")))
        })
    }

    fn cycle(&self) -> Result<Cycle> {
        match self.value.as_bool() {
            Some(true) => Ok(Cycle::On),
            Some(false) => Ok(Cycle::Off),
            None => self
                .count(1)
                .map(Cycle::Order)
                .map_err(|_| self.wrong("true, false or a number of pairs of sine and cosine")),
        }
    }

    fn transform(&self) -> Result<Option<Transform>> {
        let wrong = || self.wrong("\"none\", \"log\", \"box_cox\" or {\"box_cox\": λ}");
        match self.value {
            Value::String(name) => match name.as_str() {
                "none" => Ok(None),
                "log" => Ok(Some(Transform::Log)),
                "box_cox" => Ok(Some(Transform::BoxCox(None))),
                _ => Err(wrong()),
            },
            Value::Object(object) if object.len() == 1 => {
                let lambda = object.get("box_cox").and_then(Value::as_f64);
                let lambda = lambda.ok_or_else(wrong)?;
                transform::check(lambda)?;
                Ok(Some(Transform::BoxCox(Some(lambda))))
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => Err(wrong()),
        }
    }
}
