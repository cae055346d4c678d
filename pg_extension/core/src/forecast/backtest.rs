//! How good models would have been: forecasts at earlier origins of the series, each made from what was known then.

use super::grid::{clock, known, mean};
use super::loss::pinball;
use super::model::Kind;
use super::{Forecast, ForecastRow, ForecastSpec, forecast};
use crate::error::{Error, Result};
use crate::sample::Series;
use crate::time::{Micros, ShouldStop, Step};

/// Most origins of one backtest.
const MAX_WINDOWS: usize = 1_000;

/// Levels whose pinball losses are averaged where none are asked for.
const LEVELS: [f64; 9] = [0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95];

/// What to try.
#[derive(Debug, Clone)]
pub struct BacktestSpec {
    /// The forecast, as it would be asked for; `model` is set per row, and `as_of` at most to the value here.
    pub forecast: ForecastSpec,
    /// Distance between origins; the newest lies a horizon before the end of the series (before `as_of`, if set).
    pub step: Micros,
    /// Origins, at most 1,000.
    pub windows: usize,
    /// Models by name.
    pub models: Vec<String>,
}

/// One model at one origin.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestRow {
    /// Model asked for.
    pub model: String,
    /// Start of the first window forecast; the next sample, where that comes sooner after the last one known. Samples before this instant
    /// were known.
    pub origin: Micros,
    /// Windows compared.
    pub n: usize,
    /// Mean of |y − ŷ|; as all scores `None` where nothing was compared, and where it leaves the range of a double.
    pub mae: Option<f64>,
    /// √ of the mean of (y − ŷ)².
    pub rmse: Option<f64>,
    /// Mean of 200·|y − ŷ| / (|y| + |ŷ|), in percent; 0 where both are 0.
    pub smape: Option<f64>,
    /// Mean absolute error over that of repeating the season in what was known (the last value, without a season) (Hyndman and Koehler
    /// 2006); `None` where that is 0.
    pub mase: Option<f64>,
    /// Mean pinball loss over the quantiles asked for (nine levels from 0.05 to 0.95, where none are).
    pub pinball: Option<f64>,
    /// Share of windows within the bounds.
    pub coverage: Option<f64>,
    /// Mean scaled interval score: width + 2/(1 − level) · distance outside, over the same scale as MASE (Makridakis and others 2020).
    pub msis: Option<f64>,
    /// As [`Forecast::status`](super::Forecast::status); `no_data` where nothing was compared.
    pub status: String,
}

/// A backtest in progress: one model at one origin a call, model by model, the oldest origin first.
#[allow(
    missing_debug_implementations,
    reason = "`should_stop` has no such form"
)]
pub struct Backtest<'a> {
    series: &'a Series,
    spec: &'a BacktestSpec,
    should_stop: ShouldStop<'a>,
    pub(super) origins: Origins,
    done: usize,
}

impl<'a> Backtest<'a> {
    /// Prepares to score `spec.models` at `spec.windows` origins; the newest lies a horizon before the end of what is known at
    /// `spec.forecast.as_of`.
    ///
    /// # Errors
    /// As [`forecast`] for the specification, whichever the model; `InvalidArgument` for a step that is not positive and for 0 or more than
    /// 1,000 origins.
    pub fn new(
        series: &'a Series,
        spec: &'a BacktestSpec,
        should_stop: ShouldStop<'a>,
    ) -> Result<Self> {
        Ok(Self {
            series,
            spec,
            should_stop,
            origins: Origins::new(series, spec)?,
            done: 0,
        })
    }

    /// What the next call will do: a model and the number of its origin, from 1; `None` at the end.
    #[must_use]
    pub fn ahead(&self) -> Option<(&'a str, usize)> {
        let round = self.origins.cuts.len().max(1);
        let model = self.spec.models.get(self.done / round)?;
        (!self.origins.cuts.is_empty()).then(|| (model.as_str(), self.done % round + 1))
    }
}

impl Iterator for Backtest<'_> {
    type Item = Result<BacktestRow>;

    fn next(&mut self) -> Option<Self::Item> {
        let (model, round) = self.ahead()?;
        let cut = *self.origins.cuts.get(round - 1)?;
        self.done += 1;
        let asked = self.spec.of(model, Some(cut));
        Some(score(
            self.series,
            asked,
            cut,
            self.origins.until,
            self.should_stop,
        ))
    }
}

/// From where a backtest forecasts, and up to where it compares.
pub(super) struct Origins {
    /// When what each forecast sees is known, ascending; none for an empty series.
    pub(super) cuts: Vec<Micros>,
    /// Time of the first sample that is not compared.
    pub(super) until: Option<Micros>,
}

impl Origins {
    pub(super) fn new(series: &Series, spec: &BacktestSpec) -> Result<Self> {
        let step = Step::try_new(spec.step)?;
        if !(1..=MAX_WINDOWS).contains(&spec.windows) {
            return Err(Error::invalid(format!(
                "windows must be 1 to {MAX_WINDOWS}, not {}",
                spec.windows
            )));
        }
        for model in &spec.models {
            super::spec::check(&spec.of(model, None))?;
        }
        let mut models = spec.models.iter();
        if !spec.forecast.covariates.is_empty() && !models.any(|m| reads_covariates(m)) {
            return Err(Error::invalid("none of the models reads covariates")
                .with_hint("use model ridge, auto or lstm"));
        }
        let clock = clock(series)?;
        let known = known(series, spec.forecast.as_of)?;
        let cut = |last: Micros| match series.step() {
            Some(step) => clock.end(last, step),
            None => last.saturating_add(1),
        };
        let cuts = series.ts()[..known].last().map_or(Vec::new(), |&end| {
            let newest = clock
                .shows_at_start(end)
                .saturating_sub(spec.forecast.horizon);
            let back = |k: usize| i64::try_from(k).unwrap_or(1).saturating_mul(step.micros());
            let last = |k| clock.instant(newest.saturating_sub(back(k)));
            (0..spec.windows).rev().map(last).map(cut).collect()
        });
        Ok(Self {
            cuts,
            until: series.ts().get(known).copied(),
        })
    }
}

/// From where `found`, which knew the samples before `cut`, forecasts: the same `as_of` knows the same samples. Times that jitter may come
/// before the window that they are counted to.
fn origin(series: &Series, found: &Forecast, cut: Micros) -> Micros {
    let next = series.ts().partition_point(|ts| *ts < cut);
    let next = series.ts().get(next).copied().unwrap_or(Micros::MAX);
    let first = found.rows.first().map_or(cut.saturating_sub(1), |r| r.ts);
    first.min(next)
}

/// The rows of a forecast beside what came before `known_until`.
pub(super) fn pairs<'a>(
    series: &'a Series,
    found: &'a Forecast,
    known_until: Option<Micros>,
) -> impl Iterator<Item = (&'a ForecastRow, f64)> {
    let step = found.step.map_or(0, Step::micros);
    found.rows.iter().filter_map(move |row| {
        let until = row.ts.saturating_add(step - step / 2);
        let until = until.min(known_until.unwrap_or(Micros::MAX));
        Some((row, mean(series, row.ts.saturating_sub(step / 2), until)?))
    })
}

fn reads_covariates(model: &str) -> bool {
    model.parse().is_ok_and(Kind::reads_covariates)
}

impl BacktestSpec {
    /// With the covariates only where the model reads them.
    pub(super) fn of(&self, model: &str, as_of: Option<Micros>) -> ForecastSpec {
        let mut spec = ForecastSpec {
            model: model.into(),
            as_of,
            with_history: false,
            ..self.forecast.clone()
        };
        if !reads_covariates(model) {
            spec.covariates.clear();
        }
        spec
    }
}

fn score(
    series: &Series,
    mut spec: ForecastSpec,
    cut: Micros,
    known_until: Option<Micros>,
    should_stop: ShouldStop<'_>,
) -> Result<BacktestRow> {
    if spec.quantiles.is_empty() {
        spec.quantiles = LEVELS.to_vec();
    }
    let found = forecast(series, &spec, should_stop)?;
    let mut sums = Sums::default();
    for (row, y) in pairs(series, &found, known_until) {
        sums.add(y, row, &spec);
    }
    let scale = found.report.scale;
    let n = sums.n as f64;
    let known = |v: f64| (sums.n > 0 && v.is_finite()).then_some(v);
    let scaled = |v: f64| scale.filter(|s| *s > 0.0).and_then(|s| known(v / s));
    Ok(BacktestRow {
        model: spec.model,
        origin: origin(series, &found, cut),
        n: sums.n,
        mae: known(sums.absolute / n),
        rmse: known((sums.square / n).sqrt()),
        smape: known(sums.relative / n),
        mase: scaled(sums.absolute / n),
        pinball: known(sums.pinball / n),
        coverage: known(sums.covered / n),
        msis: scaled(sums.interval / n),
        status: if sums.n > 0 {
            found.status
        } else {
            "no_data".into()
        },
    })
}

#[derive(Default)]
struct Sums {
    n: usize,
    absolute: f64,
    square: f64,
    relative: f64,
    pinball: f64,
    covered: f64,
    interval: f64,
}

impl Sums {
    fn add(&mut self, y: f64, row: &ForecastRow, spec: &ForecastSpec) {
        let (Some(yhat), Some(lower), Some(upper)) = (row.yhat, row.lower, row.upper) else {
            return;
        };
        let e = (y - yhat).abs();
        self.n += 1;
        self.absolute += e;
        self.square += e * e;
        self.relative += if e > 0.0 {
            200.0 * e / (y.abs() + yhat.abs())
        } else {
            0.0
        };
        let losses = spec
            .quantiles
            .iter()
            .zip(&row.q)
            .map(|(p, q)| pinball(*p, *q, y));
        self.pinball += losses.sum::<f64>() / spec.quantiles.len() as f64;
        self.covered += f64::from(u8::from(lower <= y && y <= upper));
        let outside = (lower - y).max(0.0) + (y - upper).max(0.0);
        self.interval += upper - lower + 2.0 / (1.0 - spec.level) * outside;
    }
}
