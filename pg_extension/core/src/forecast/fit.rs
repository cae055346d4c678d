//! One interface to all models: a task in, a fitted model out.

use std::ops::RangeInclusive;

use augurs::mstl::stlrs;

use super::gap::after_gap;
use super::influence::Influence;
use super::lstm::PooledNetwork;
use super::model::Kind;
use super::options::{Options, Rest};
use super::parts::Parts;
use super::state::State;
use super::uncertainty::Uncertainty;
use super::{ensemble, ets, lstm, naive, prophet, ridge, theta};
use crate::error::Result;
use crate::time::{Micros, ShouldStop, Step};

/// Most windows that exponential smoothing and theta learn from, unless eight seasons are longer; older ones have no weight that matters.
const RECENT: usize = 2_000;

/// How much a forecast of equal values may differ from them, as a share.
const ROUNDING: f64 = 1e-9;

/// Most windows that are decomposed: twenty days of minutes, or three years of hours; what cannot be stopped stays below 200 ms.
const DECOMPOSED: usize = 30_000;

/// What is to be fitted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task<'a> {
    /// Every window, gaps filled.
    pub(super) y: &'a [f64],
    /// The same without outliers and a level shift.
    pub(super) clean: &'a [f64],
    /// Whether a window has a sample of its own.
    pub(super) seen: &'a [bool],
    /// Seasonal periods in windows, ascending.
    pub(super) periods: &'a [usize],
    /// Steps to forecast.
    pub(super) steps: usize,
    /// Whether the fitted past is wanted where it costs extra.
    pub(super) history: bool,
    /// What some models want to know beside the values.
    pub(super) setting: Setting<'a>,
}

/// What is around the values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    /// Time of the first window.
    pub(super) start: Micros,
    pub(super) step: Step,
    /// Whether the periods were asked for rather than found.
    pub(super) asked_periods: bool,
    /// Regressors and events over the windows of the past and the horizon, for a model that takes them in itself.
    pub(super) influences: &'a [Influence],
    pub(super) options: &'a Options,
    /// Numbers beside each window, window by window, for a model that reads them.
    pub(super) covariates: &'a [f64],
    /// A network that is trained already.
    pub(super) network: Option<&'a PooledNetwork>,
    /// Bounds of every forecast, on the scale of the values.
    pub(super) floor: Option<f64>,
    pub(super) ceiling: Option<f64>,
}

impl<'a> Task<'a> {
    /// The values that `kind` learns from.
    pub(super) fn learnt(&self, kind: Kind) -> &'a [f64] {
        if self.is_cleaned(kind) {
            self.clean
        } else {
            self.y
        }
    }

    /// What is beside the windows from `from` on, window by window.
    pub(super) fn covariates(&self, from: usize) -> &'a [f64] {
        let rows = self.setting.covariates;
        &rows[from * (rows.len() / self.y.len())..]
    }

    /// Whether `kind` learns from the series without outliers and a shift of level.
    pub(super) fn is_cleaned(&self, kind: Kind) -> bool {
        self.setting.options.clean.unwrap_or(kind.is_cleaned())
    }
}

/// A fitted model.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) state: State,
    /// Forecasts one step ahead for the newest windows of the past, oldest first.
    pub(super) past: Parts,
    /// Growth of the error with the horizon, up to a common factor; positive.
    pub(super) growth: Vec<f64>,
    /// Where the model measured its own errors.
    pub(super) uncertainty: Option<Uncertainty>,
    /// Numbers that the fit report shows.
    pub(super) facts: Vec<(String, f64)>,
    /// Which of its forms the model took, where it has several.
    pub(super) form: Option<String>,
    /// Akaike's criterion, where the model has one.
    pub(super) aicc: Option<f64>,
}

impl Default for Fitted {
    fn default() -> Self {
        Self {
            state: State::Path(Parts::default()),
            past: Parts::default(),
            growth: Vec::new(),
            uncertainty: None,
            facts: Vec::new(),
            form: None,
            aicc: None,
        }
    }
}

/// Fits one model; `None` where it cannot be fitted.
pub(super) fn fit(
    kind: Kind,
    task: &Task<'_>,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Fitted>> {
    let (whole, steps) = (task.learnt(kind), task.steps);
    let y = if matches!(
        kind,
        Kind::Ets | Kind::Theta | Kind::DynamicTheta | Kind::Mstl
    ) {
        &whole[after_gap(task.seen, task.periods)..]
    } else {
        whole
    };
    let known = |times: usize| {
        task.periods
            .iter()
            .copied()
            .filter(|p| y.len() / times >= *p)
            .collect::<Vec<_>>()
    };
    let season = known(2).first().copied().unwrap_or(1);
    let found = match kind {
        Kind::Auto | Kind::LastValue => naive::line(y, false, steps),
        Kind::Drift => naive::line(y, true, steps),
        Kind::SeasonalNaive => naive::seasonal(y, &known(1), steps),
        Kind::Ets => smooth(recent(y, season), season, steps, should_stop)?,
        Kind::Theta => lines(recent(y, season), season, false, steps, should_stop)?,
        Kind::DynamicTheta => lines(recent(y, season), season, true, steps, should_stop)?,
        Kind::Mstl => {
            let rest = task.setting.options.rest.unwrap_or(Rest::Ets);
            decompose(y, &known(2), rest, steps, should_stop)?
        }
        Kind::Ridge => ridge::fit(
            &Task {
                y,
                periods: &known(2),
                ..*task
            },
            should_stop,
        )?,
        Kind::Ensemble => ensemble::fit(y, task.seen, &known(2), steps, should_stop)?,
        Kind::Prophet => prophet::series::fit(&Task { y, ..*task }, should_stop)?,
        Kind::Lstm => lstm::series::fit(&Task { y, ..*task }, should_stop)?,
    };
    let found = found.map(|mut f| {
        if y.len() < whole.len() {
            f.facts.push(("learnt_from".into(), y.len() as f64));
        }
        f
    });
    Ok(found.filter(|f| {
        let mut all = f.state.ahead(steps).sums();
        let whole = all.len() == steps;
        // Regressors may take prophet anywhere: it alone sees the series with their effects.
        let is_taken = kind == Kind::Prophet && !task.setting.influences.is_empty();
        let within = is_taken || within_reach(y, &all);
        all.extend(f.past.sums());
        whole
            && within
            && all.iter().chain(&f.growth).all(|v| v.is_finite())
            && f.growth.iter().all(|g| *g > 0.0)
    }))
}

/// Whether a path after `y` stays within its reach of three, and three more for every time that the path is as long as `y`. What goes further has
/// run away: a line drawn through all of `y` does not.
pub(super) fn within_reach(y: &[f64], path: &[f64]) -> bool {
    let near = reach(y, reach_of_path(y.len(), path.len()));
    path.iter().all(|v| near.contains(v))
}

/// How many times the range of `n` windows the next `steps` may go beyond it.
pub(super) fn reach_of_path(n: usize, steps: usize) -> f64 {
    3.0 * (1.0 + steps as f64 / n as f64)
}

/// From so many times the range of `y` below its least value to as much above its largest.
pub(super) fn reach(y: &[f64], times: f64) -> RangeInclusive<f64> {
    let low = y.iter().copied().fold(f64::INFINITY, f64::min);
    let high = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let slack = times * (high - low) + ROUNDING * low.abs().max(high.abs());
    low - slack..=high + slack
}

fn recent(y: &[f64], season: usize) -> &[f64] {
    let keep = RECENT.max(8 * season.min(ets::MAX_SEASON));
    // Seasons are counted from the first window that is left.
    &y[y.len().saturating_sub(keep)..]
}

fn smooth(
    y: &[f64],
    season: usize,
    steps: usize,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Fitted>> {
    Ok(
        ets::fit(y, season, should_stop)?.map(|(model, past)| Fitted {
            growth: model.growth(steps),
            facts: model.facts(),
            form: Some(model.form.name()),
            aicc: Some(model.aicc),
            state: State::Ets(model),
            past,
            ..Fitted::default()
        }),
    )
}

fn lines(
    y: &[f64],
    season: usize,
    dynamic: bool,
    steps: usize,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Fitted>> {
    Ok(
        theta::fit(y, season, dynamic, should_stop)?.map(|(model, past)| Fitted {
            growth: (0..steps)
                .map(|h| (1.0 + h as f64 * model.alpha * model.alpha).sqrt())
                .collect(),
            facts: vec![("alpha".into(), model.alpha), ("theta".into(), model.theta)],
            state: State::Theta(model),
            past,
            ..Fitted::default()
        }),
    )
}

/// Seasons by LOESS (Bandara, Hyndman and Bergmeir 2021), what remains by the model of `rest`; a season goes on as its last cycle.
fn decompose(
    y: &[f64],
    periods: &[usize],
    by: Rest,
    steps: usize,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Fitted>> {
    let y = &y[y.len().saturating_sub(DECOMPOSED)..];
    let n = y.len() as f64;
    let mean = y.iter().map(|v| v / n).sum::<f64>();
    let sd = y
        .iter()
        .map(|v| (v - mean) * (v - mean) / n)
        .sum::<f64>()
        .sqrt();
    let usable = !periods.is_empty() && mean.is_finite() && sd.is_finite() && sd > 0.0;
    let z: Vec<f64> = y.iter().map(|v| (v - mean) / sd).collect();
    let Some(parts) = usable
        .then(|| stlrs::MstlParams::new().fit(&z, periods).ok())
        .flatten()
    else {
        return Ok(None);
    };
    let rest: Vec<f64> = parts
        .trend()
        .iter()
        .zip(parts.remainder())
        .map(|(t, r)| mean + sd * (t + r))
        .collect();
    let rest = recent(&rest, 1);
    let found = match by {
        Rest::Ets => smooth(rest, 1, steps, should_stop)?,
        Rest::Theta => lines(rest, 1, false, steps, should_stop)?,
    };
    let Some(found) = found else {
        return Ok(None);
    };
    let mut past = found.past;
    let mut seasons = Vec::new();
    for (season, &period) in parts.seasonal().iter().zip(periods) {
        let season: Vec<f64> = season.iter().map(|s| sd * s).collect();
        past.seasonal
            .push((period, season[season.len() - past.len()..].to_vec()));
        seasons.push(season[season.len() - period..].to_vec());
    }
    Ok(Some(Fitted {
        state: State::Seasons {
            seasons,
            at: 0,
            rest: Box::new(found.state),
        },
        past,
        ..found
    }))
}
