//! One series of the engine: `lstm`.
//!
//! One network per series, trained once on all but the newest tenth to third of it, which decides when to stop. There the median errs by so
//! much relative to the network's own distance between its outer quantiles; that distance now, times the quantiles of these ratios, gives
//! the bounds (conformalised quantile regression; Romano, Patterson and Candès 2019). A longer horizon than the network's is forecast block by
//! block, each from the medians before it, covariates staying as they are.
//!
//! Where a [`PooledNetwork`] is given, nothing is trained: the series keeps the newest values alone. The ratios are those of all series, and
//! how much larger or smaller this one's were widens or narrows its bounds, the more of them there are.
//!
//! Cost: 5·10⁸ multiplications of weights, forward and back, two to eight seconds, whatever the length of the series; of which the newest 100,000
//! windows are read. With a network that is there already, a millisecond.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::fit::{Fitted, Task};
use super::super::options::LstmOptions;
use super::super::parts::Parts;
use super::super::state::State;
use super::super::uncertainty::Uncertainty;
use super::judge::{Judged, Seen};
use super::pool::PooledNetwork;
use super::{Model, Report, Spec, Workload, fit as learn};
use crate::error::{Error, ErrorKind, Result};
use crate::time::{Micros, ShouldStop, Step};

/// Fewest windows to learn from.
pub(in crate::forecast) const MIN_WINDOWS: usize = 100;

/// Most windows read.
const MAX_WINDOWS: usize = 100_000;

/// Most steps that the network forecasts at once: of a series as long as that there are at least eight windows that do not overlap.
const MAX_STEPS: usize = 96;

/// Most steps of one forecast: two weeks of windows of five minutes. Longer ones would take more than a tenth of a second.
const MAX_HORIZON: usize = 5_000;

/// Multiplications of weights by 32 windows at a time in all updates.
const BUDGET: usize = 500_000_000;

/// Most places at which a network of one series is judged.
const ORIGINS: usize = 300;

/// Most places at which a pooled network is judged for one series: two passes of 32.
const POOLED_ORIGINS: usize = 64;

/// Horizons after which the errors of a series count as much as those of the pool.
const TRUST: f64 = 4.0;

/// Bounds are wider than the errors of the part that decided when to stop.
pub(super) const STRETCH: f64 = 1.05;

/// By how much more where that part is a single horizon.
const FEW: f64 = 0.6;

/// Windows of the past that the fit is shown for.
const HISTORY: usize = 2_000;

/// The newest part of a task on the scale of the network.
struct Recent<'a> {
    start: Micros,
    values: Vec<f64>,
    covariates: &'a [f64],
    unit: f64,
}

impl<'a> Recent<'a> {
    /// `None` where nothing gives a unit, and for too long a horizon.
    fn of(task: &Task<'a>) -> Option<Self> {
        let from = task.y.len().saturating_sub(MAX_WINDOWS);
        let (values, unit) = in_units(&task.y[from..], &task.seen[from..])?;
        let since = task.setting.step.micros() * i64::try_from(from).unwrap_or(0);
        (task.steps <= MAX_HORIZON).then_some(Self {
            start: since + task.setting.start,
            values,
            covariates: task.covariates(from),
            unit,
        })
    }

    fn workload(&self) -> Workload<'_> {
        Workload {
            start: self.start,
            values: &self.values,
            covariates: self.covariates,
        }
    }
}

/// Values in units of their mean size, NaN where they were filled in, and that unit; `None` where it is none.
pub(super) fn in_units(y: &[f64], seen: &[bool]) -> Option<(Vec<f64>, f64)> {
    let n = y.len() as f64;
    let unit = y.iter().map(|v| v.abs() / n).sum::<f64>();
    if !(unit > 0.0 && unit.is_finite()) {
        return None;
    }
    let value = |(v, seen): (&f64, &bool)| if *seen { v / unit } else { f64::NAN };
    Some((y.iter().zip(seen).map(value).collect(), unit))
}

/// Trains a network, or takes the one that is given; `None` where there is too little to learn or forecast from or the horizon is too long.
pub(in crate::forecast) fn fit(
    task: &Task<'_>,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Fitted>> {
    let Some(recent) = Recent::of(task) else {
        return Ok(None);
    };
    match task.setting.network {
        None => alone(task, &recent, should_stop),
        Some(network) => shared(task, &recent, network, should_stop),
    }
}

fn alone(
    task: &Task<'_>,
    recent: &Recent<'_>,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Fitted>> {
    let (workload, n) = (recent.workload(), recent.values.len());
    let season = task.periods.first().copied().unwrap_or(0);
    let options = &task.setting.options.lstm;
    let spec = spec(options, task.setting.step, task.steps, season, n);
    let model = match learn(&[workload], &spec, should_stop) {
        Err(error) if error.kind() == ErrorKind::Numeric => return Ok(None),
        found => found?,
    };
    let Some(model) = model else {
        return Ok(None);
    };
    let seen = Seen::of(&model, &workload, spec.validation, ORIGINS, should_stop)?;
    let judged = Judged::of(&[seen], model.steps());
    let Some(now) = model
        .quantiles(&workload, &[n - 1], should_stop)?
        .pop()
        .flatten()
    else {
        return Ok(None);
    };
    let scale = now.scale(&judged.least, task.steps);
    // Origins whose horizons overlap err together.
    let horizons = n as f64 * spec.validation / model.steps() as f64;
    let stretch = STRETCH + FEW / horizons.max(1.0);
    let one_ahead = if task.history {
        one_ahead(&model, recent, task, should_stop)?
    } else {
        Vec::new()
    };
    Ok(Some(Fitted {
        past: Parts::flat(one_ahead),
        growth: scale.clone(),
        uncertainty: Some(Uncertainty::measured(scale, judged.ratios, stretch).times(recent.unit)),
        facts: facts(model.report()),
        state: State::Lstm(Box::new(Series::new(recent, Arc::new(model), true))),
        ..Fitted::default()
    }))
}

fn shared(
    task: &Task<'_>,
    recent: &Recent<'_>,
    network: &PooledNetwork,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Fitted>> {
    let (workload, n) = (recent.workload(), recent.values.len());
    let Some(model) = &network.model else {
        return Ok(None);
    };
    let now = model.quantiles(&workload, &[n - 1], should_stop)?;
    let Some(now) = now.into_iter().flatten().next() else {
        return Ok(None);
    };
    let seen = Seen::of(
        model,
        &workload,
        network.validation,
        POOLED_ORIGINS,
        should_stop,
    )?;
    let (size, horizons) = seen.size(&network.least);
    let own = (TRUST + horizons * size / network.size) / (TRUST + horizons);
    let own = if own.is_finite() { own } else { 1.0 };
    let scale = now.scale(&network.least, task.steps);
    let wide = scale.iter().map(|s| s * own * recent.unit).collect();
    let mut facts = facts(model.report());
    facts.push(("width_to_pool".into(), own));
    Ok(Some(Fitted {
        growth: scale,
        uncertainty: Some(network.errors.with_scale(wide)),
        facts,
        form: Some("pooled".into()),
        state: State::Lstm(Box::new(Series::new(recent, Arc::clone(model), false))),
        ..Fitted::default()
    }))
}

fn facts(report: Report) -> Vec<(String, f64)> {
    vec![
        ("windows".into(), report.n_windows as f64),
        ("epochs".into(), report.epochs as f64),
        ("updates".into(), report.updates as f64),
        ("train_loss".into(), report.train_loss),
    ]
}

/// What to learn from series of `n` windows.
pub(super) fn spec(
    options: &LstmOptions,
    step: Step,
    steps: usize,
    season: usize,
    n: usize,
) -> Spec {
    let steps = steps.min(MAX_STEPS).min(n / 8).max(1);
    let mut spec = Spec::new(step, steps, season);
    spec.hidden = options.hidden.unwrap_or(spec.hidden);
    spec.window = options.window.unwrap_or(spec.window);
    spec.epochs = options.epochs.unwrap_or(spec.epochs);
    spec.seed = options.seed.unwrap_or(spec.seed);
    spec.validation = (3.0 * steps as f64 / n as f64).clamp(0.1, 1.0 / 3.0);
    let update = 4 * spec.window * spec.hidden * (spec.hidden + 8)
        + steps * spec.levels.len() * (spec.hidden + 50);
    let affordable = (BUDGET / update).max(1) as u64;
    spec.max_updates = options.updates.unwrap_or(spec.max_updates.min(affordable));
    spec
}

/// The newest values that a network looks at, what they are multiplied by, and the network, where it is this series' own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::forecast) struct Series {
    #[serde(with = "super::codec::text")]
    own: Option<Arc<Model>>,
    /// One that many series share; it is stored beside them.
    #[serde(skip)]
    shared: Option<Arc<Model>>,
    step: Step,
    /// How many values and rows of covariates the network looks at, and how many numbers are in such a row.
    reach: usize,
    window: usize,
    n_covariates: usize,
    /// Start of the oldest of the values.
    start: Micros,
    past: Vec<Option<f32>>,
    /// The newest value that is known.
    last: f64,
    /// Covariates of the newest windows, window by window.
    covariates: Vec<Option<f32>>,
    unit: f64,
}

/// As the network computes, and in half the bytes.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the network computes in f32"
)]
fn narrow(v: f64) -> f32 {
    (v as f32).clamp(f32::MIN, f32::MAX)
}

fn known(v: &f64) -> Option<f32> {
    (!v.is_nan()).then_some(narrow(*v))
}

impl Series {
    fn new(recent: &Recent<'_>, model: Arc<Model>, is_own: bool) -> Self {
        let (values, rows) = (&recent.values, recent.covariates);
        let frame = &model.frame;
        let kept = values.len() - frame.reach().min(values.len());
        let since = frame.step.micros() * i64::try_from(kept).unwrap_or(0);
        let shown = rows.len().saturating_sub(frame.window * frame.covariates);
        Self {
            step: frame.step,
            reach: frame.reach(),
            window: frame.window,
            n_covariates: frame.covariates,
            start: recent.start + since,
            past: values[kept..].iter().map(known).collect(),
            last: values
                .iter()
                .rev()
                .find(|v| !v.is_nan())
                .map_or(0.0, |v| *v),
            covariates: rows[shown..].iter().map(known).collect(),
            unit: recent.unit,
            own: is_own.then(|| Arc::clone(&model)),
            shared: (!is_own).then_some(model),
        }
    }

    pub(in crate::forecast) fn n_covariates(&self) -> usize {
        self.n_covariates
    }

    /// Whether it has no network of its own.
    pub(in crate::forecast) fn is_pooled(&self) -> bool {
        self.own.is_none()
    }

    /// Gives it the network that it was fitted with.
    ///
    /// # Errors
    /// `InvalidArgument` for one that reads something else.
    pub(in crate::forecast) fn share(&mut self, network: &PooledNetwork) -> Result<()> {
        let fits = |model: &&Arc<Model>| {
            let frame = &model.frame;
            let theirs = (frame.step, frame.reach(), frame.window, frame.covariates);
            theirs == (self.step, self.reach, self.window, self.n_covariates)
        };
        let model = network.model.as_ref().filter(fits).ok_or_else(|| {
            Error::invalid("the network is not the one that the model was fitted with")
                .with_hint("give the network of the same version")
        })?;
        self.shared = Some(Arc::clone(model));
        Ok(())
    }

    /// Medians of the next `steps` windows, at most [`MAX_HORIZON`]; the last value where too little of the newest is known; nothing without
    /// a network.
    pub(in crate::forecast) fn ahead(&self, steps: usize) -> Vec<f64> {
        let Some(model) = self.own.as_ref().or(self.shared.as_ref()) else {
            return Vec::new();
        };
        let nan = |v: &Option<f32>| v.map_or(f64::NAN, f64::from);
        let (n, c) = (self.past.len(), self.n_covariates);
        let mut values: Vec<f64> = self.past.iter().map(nan).collect();
        // Of older windows no covariates are read.
        let mut rows = vec![f64::NAN; (n * c).saturating_sub(self.covariates.len())];
        rows.extend(self.covariates.iter().map(nan));
        let newest = rows[rows.len() - c.min(rows.len())..].to_vec();
        let steps = steps.min(MAX_HORIZON);
        while values.len() < n + steps {
            let from = values.len() - n;
            let since = self.step.micros() * i64::try_from(from).unwrap_or(0);
            let workload = Workload {
                start: self.start.saturating_add(since),
                values: &values[from..],
                covariates: &rows[from * c..],
            };
            let next = model.quantiles(&workload, &[n.saturating_sub(1)], &|| false);
            let next = next.ok().and_then(|mut next| next.pop().flatten());
            let next = next.map_or(vec![self.last; steps], |next| next.median);
            rows.extend(next.iter().flat_map(|_| &newest));
            values.extend(next);
        }
        values
            .iter()
            .skip(n)
            .take(steps)
            .map(|v| v * self.unit)
            .collect()
    }

    /// Takes in a window; covariates that are not known stay as they were.
    pub(in crate::forecast) fn observe(&mut self, y: Option<f64>, covariates: &[Option<f64>]) {
        let v = y.map(|y| y / self.unit);
        self.last = v.unwrap_or(self.last);
        self.past.push(v.map(narrow));
        if self.past.len() > self.reach {
            self.past.remove(0);
            self.start = self.start.saturating_add(self.step.micros());
        }
        for k in 0..self.n_covariates {
            let held = self.covariates.len().checked_sub(self.n_covariates);
            let held = held.and_then(|i| self.covariates.get(i)).copied().flatten();
            let given = covariates.get(k).copied().flatten();
            let given = given.filter(|x| x.is_finite()).map(narrow);
            self.covariates.push(given.or(held));
        }
        let most = self.window.min(self.past.len()) * self.n_covariates;
        self.covariates
            .drain(..self.covariates.len() - most.min(self.covariates.len()));
    }
}

/// Medians one step ahead for the newest windows.
fn one_ahead(
    model: &Model,
    recent: &Recent<'_>,
    task: &Task<'_>,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<f64>> {
    let y = &task.y[task.y.len() - recent.values.len()..];
    let first = y
        .len()
        .saturating_sub(HISTORY)
        .max(model.reach().min(y.len() - 1));
    let places: Vec<usize> = (first - 1..y.len() - 1).collect();
    let found = model.quantiles(&recent.workload(), &places, should_stop)?;
    // Where too little is known for the network the value before stands in.
    let value = |(at, q): (&usize, Option<super::judge::Quantiles>)| {
        q.and_then(|q| q.median.first().map(|v| v * recent.unit))
            .unwrap_or(y[*at])
    };
    Ok(places.iter().zip(found).map(value).collect())
}
