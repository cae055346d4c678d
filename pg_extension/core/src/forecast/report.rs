//! How a forecast came about, in numbers.

use super::model::{Found, Kind};
use super::ridge::COVARIATES;
use super::{Fit, ForecastSpec, period};
use crate::sample::Series;
use crate::time::Micros;

/// What was fitted, to what, and how well.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FitReport {
    /// Form of the model, where it has several: error, trend and season of exponential smoothing in the letters of the literature.
    pub form: Option<String>,
    /// Parameters of the model and weights of its parts, by name.
    pub params: Vec<(String, f64)>,
    /// Seasonal periods used, ascending.
    pub periods: Vec<Micros>,
    /// Windows from the first to the last sample that were looked at.
    pub n_obs: usize,
    /// Windows among them without a sample; they lie on the line between their neighbours.
    pub n_gap: usize,
    /// Samples that share their window with an earlier one; a window is the mean of its samples.
    pub n_dup: usize,
    /// Values that were filled in before, by `resample`.
    pub n_imputed: u64,
    /// Starts of windows whose value the model did not believe.
    pub outliers: Vec<Micros>,
    /// Start of the first window on the newest level, where an earlier level was brought to it.
    pub level_shift: Option<Micros>,
    /// Akaike's criterion with its correction for short series, where the model has one.
    pub aicc: Option<f64>,
    /// Standard deviation of the errors one step ahead in the fitted past; `None` where the model does not show it.
    pub resid_sd: Option<f64>,
    /// Mean absolute change from one season to the next (the shortest period; from one window to the next, without a season): the
    /// scale of MASE.
    pub scale: Option<f64>,
    /// What was asked for and is not used as it was, a sentence each.
    pub notes: Vec<String>,
}

impl FitReport {
    pub(super) fn new(series: &Series, fit: &Fit, spec: &ForecastSpec, notes: Vec<String>) -> Self {
        let (grid, found, periods) = (&fit.grid, &fit.found, &fit.periods);
        let cleaned = fit.cleaned();
        let past = found.fitted.past.sums();
        let from = grid.y.len() - past.len().min(grid.y.len());
        let n_past = past.len() as f64;
        let square: f64 = (from..)
            .zip(&past)
            .filter_map(|(idx, f)| Some(fit.adjusted(idx)? - fit.value(idx, *f)))
            .map(|e| e * e / n_past)
            .sum();
        let micros = |p: &usize| {
            i64::try_from(*p)
                .unwrap_or(i64::MAX)
                .saturating_mul(grid.step.micros())
        };
        // Squares of values near the end of the range of a double leave it.
        let finite = |v: &f64| v.is_finite();
        Self {
            form: found.fitted.form.clone(),
            params: found.fitted.facts.clone(),
            periods: periods.iter().map(micros).collect(),
            n_obs: grid.y.len(),
            n_gap: grid.seen.iter().filter(|s| !**s).count(),
            n_dup: grid.n_dup,
            n_imputed: series.counts().n_imputed,
            outliers: cleaned
                .iter()
                .flat_map(|c| &c.outliers)
                .map(|idx| grid.ts(*idx))
                .collect(),
            level_shift: cleaned.and_then(|c| c.shift).map(|s| grid.ts(s.at)),
            aicc: found.fitted.aicc.filter(finite),
            scale: scale(&grid.y, periods.first().copied().unwrap_or(1)).filter(finite),
            notes: period::notes(&spec.periods, grid)
                .into_iter()
                .chain(notes)
                .chain(hidden(series, spec))
                .chain(unread(spec, found))
                .collect(),
            resid_sd: (!past.is_empty()).then(|| square.sqrt()).filter(finite),
        }
    }
}

/// That effects were learnt from windows which nobody saw.
fn hidden(series: &Series, spec: &ForecastSpec) -> Option<String> {
    let n = series.counts().n_imputed;
    let is_hidden = n > 0 && !(spec.regressors.is_empty() && spec.events.is_empty());
    is_hidden.then(|| {
        format!(
            "{n} windows were filled in before, which hides effects there: resample with fill none"
        )
    })
}

/// Why covariates that were given are not read; a network reads all of them.
fn unread(spec: &ForecastSpec, found: &Found) -> Option<String> {
    let mut facts = found.fitted.facts.iter();
    let read = facts.find(|(name, _)| name == COVARIATES);
    if spec.covariates.is_empty() || found.kind == Kind::Lstm || read.is_some_and(|r| r.1 > 0.0) {
        return None;
    }
    Some(match read {
        Some(_) => "covariates are not used: earlier errors were no less with them".into(),
        None => format!("covariates are not used: {} reads none", found.kind.name()),
    })
}

fn scale(y: &[f64], m: usize) -> Option<f64> {
    let changes = y.iter().zip(y.iter().skip(m)).map(|(a, b)| (b - a).abs());
    (y.len() > m).then(|| changes.sum::<f64>() / (y.len() - m) as f64)
}
