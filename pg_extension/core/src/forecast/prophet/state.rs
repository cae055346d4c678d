//! A fitted model that can be stored and read again.

use serde::{Deserialize, Serialize};

use super::column::{Group, MAX_COLUMNS, Source};
use super::optimize;
use super::problem::{B, BETA, K, Problem};
use super::spec::{Growth, Spec};
use super::table::{History, Scale};
use crate::error::{Error, ErrorKind, Result};
use crate::time::Micros;

/// The layout that this version writes and reads.
const FORMAT: u32 = 1;

/// The mode of the posterior with all that a forecast needs; serialises without loss of a bit.
///
/// Every use checks it first, so one that was edited by hand is refused, not misread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    pub(super) format: u32,
    pub(super) growth: Growth,
    /// Times of the first and the last row.
    pub(super) start: Micros,
    pub(super) end: Micros,
    /// What 1 means in units of the series.
    pub(super) y_scale: f64,
    pub(super) groups: Vec<Group>,
    pub(super) changepoints: Vec<Micros>,
    pub(super) k: f64,
    /// Value of the bending line at the start; of a logistic one, of its exponent.
    pub(super) b: f64,
    pub(super) delta: Vec<f64>,
    pub(super) beta: Vec<f64>,
    pub(super) sigma: f64,
    pub(super) objective: f64,
    pub(super) passes: usize,
}

impl Fitted {
    pub(super) fn new(
        history: &History,
        problem: &Problem<'_>,
        mode: optimize::Mode,
        spec: &Spec,
    ) -> Self {
        let (smooth, delta) = mode.theta.split_at(problem.smooth());
        // The changepoint that stands in for none is part of the slope.
        let none = history.changepoints.is_empty();
        Self {
            format: FORMAT,
            growth: spec.growth,
            start: history.scale.start,
            end: history.scale.end,
            y_scale: history.scale.y,
            groups: history.groups.clone(),
            changepoints: history.changepoints.clone(),
            k: smooth[K] + if none { delta.iter().sum() } else { 0.0 },
            b: smooth[B],
            delta: if none { Vec::new() } else { delta.to_vec() },
            beta: smooth[BETA..].to_vec(),
            sigma: mode.sigma,
            objective: mode.objective,
            passes: mode.passes,
        }
    }

    pub(super) fn scale(&self) -> Scale {
        Scale {
            start: self.start,
            end: self.end,
            y: self.y_scale,
        }
    }

    /// Log density of the posterior at its mode, without constants: Stan's lp__.
    #[must_use]
    pub fn objective(&self) -> f64 {
        self.objective
    }

    /// Standard deviation of the noise, in units of the series.
    #[must_use]
    pub fn noise(&self) -> f64 {
        self.sigma * self.y_scale
    }

    /// How often the fit went through the rows.
    #[must_use]
    pub fn passes(&self) -> usize {
        self.passes
    }

    /// Instants at which the trend may bend, with the change of k there (most are exactly zero).
    pub fn changepoints(&self) -> impl Iterator<Item = (Micros, f64)> {
        self.changepoints
            .iter()
            .copied()
            .zip(self.delta.iter().copied())
    }

    /// How many regressors and events the rows to predict must bring.
    pub(super) fn needs(&self) -> (usize, usize) {
        let (mut regressors, mut events) = (0, 0);
        for group in &self.groups {
            match group.source {
                Source::Fourier { .. } => {}
                Source::Event { .. } => events += 1,
                Source::Regressor { .. } => regressors += 1,
            }
        }
        (regressors, events)
    }

    /// Checks a model that may come from a table.
    ///
    /// # Errors
    /// `Corrupt`, naming the field.
    pub fn check(&self) -> Result<()> {
        let corrupt = |what: &str| {
            Err(Error::new(
                ErrorKind::Corrupt,
                format!("not a prophet model: {what}"),
            ))
        };
        if self.format != FORMAT {
            return corrupt(&format!("format {} is not {FORMAT}", self.format));
        }
        if self.start >= self.end {
            return corrupt("end is not after start");
        }
        if !(self.y_scale.is_finite()
            && self.y_scale > 0.0
            && self.sigma.is_finite()
            && self.sigma >= 0.0)
        {
            return corrupt("y_scale and sigma must be positive");
        }
        let numbers = [self.k, self.b, self.objective];
        if !numbers
            .iter()
            .chain(&self.delta)
            .chain(&self.beta)
            .all(|v| v.is_finite())
        {
            return corrupt("a parameter is not finite");
        }
        if !self.changepoints.is_sorted() || self.delta.len() != self.changepoints.len() {
            return corrupt("delta needs one value for each changepoint, in order of time");
        }
        let mut width = 0_usize;
        let (mut events, mut regressors) = (0, 0);
        for group in &self.groups {
            let fine = match group.source {
                Source::Fourier { period, order } => {
                    period > 0 && (1..=MAX_COLUMNS).contains(&order)
                }
                Source::Event { index, .. } => {
                    events += 1;
                    index + 1 == events
                }
                Source::Regressor { index, mean, scale } => {
                    regressors += 1;
                    index + 1 == regressors && mean.is_finite() && scale.is_finite() && scale > 0.0
                }
            };
            if !fine {
                return corrupt(&format!(
                    "component {:?} has impossible settings",
                    group.name
                ));
            }
            width = width.saturating_add(group.width());
        }
        if width != self.beta.len() {
            return corrupt(&format!(
                "beta has {} values for {width} columns",
                self.beta.len()
            ));
        }
        Ok(())
    }
}
