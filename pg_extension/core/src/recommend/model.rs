//! A fitted model and what it takes to trust one that was read from a table.

use serde::{Deserialize, Serialize};

use super::MAX_LEAD;
use super::row::{N, NAMES, Row};
use crate::error::{Error, ErrorKind, Result};
use crate::time::{Micros, Step};

/// The layout that this version writes and reads.
const FORMAT: u32 = 1;

/// A fitted model; serialises to JSON with readable names.
///
/// Quantile of demand at level `levels[k]`: `level · Σ coef[k][j] · (x[j] − mean[j]) / scale[j]`, where `x` are the
/// named features in units of the current level of demand. `x[0]` is 1, with mean 0 and scale 1: the intercept.
/// Every use checks the model first, so one that was edited by hand is refused, not misread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DemandModel {
    pub(super) format: u32,
    pub(super) step: Step,
    pub(super) lead: Micros,
    pub(super) unit_capacity: f64,
    pub(super) min_units: u32,
    pub(super) levels: Vec<f64>,
    pub(super) features: Vec<String>,
    pub(super) mean: Vec<f64>,
    pub(super) scale: Vec<f64>,
    pub(super) coef: Vec<Vec<f64>>,
}

/// Means and scales that take the features to weighted mean 0 and variance 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scaling {
    pub(super) mean: [f64; N],
    pub(super) scale: [f64; N],
}

impl Scaling {
    /// Leaves features as they are.
    pub(super) const NONE: Self = Self {
        mean: [0.0; N],
        scale: [1.0; N],
    };

    /// Applies it.
    pub(super) fn apply(&self, x: &[f64; N]) -> [f64; N] {
        let mut z = *x;
        for ((z, m), s) in z.iter_mut().zip(&self.mean).zip(&self.scale) {
            *z = (*z - m) / s;
        }
        z
    }
}

impl DemandModel {
    pub(super) fn new(spec: &super::DemandSpec, scaling: &Scaling, coef: &[[f64; N]]) -> Self {
        Self {
            format: FORMAT,
            step: spec.step,
            lead: spec.lead,
            unit_capacity: spec.unit_capacity,
            min_units: spec.min_units,
            levels: spec.levels.clone(),
            features: NAMES.iter().map(|&n| n.to_owned()).collect(),
            mean: scaling.mean.to_vec(),
            scale: scaling.scale.to_vec(),
            coef: coef.iter().map(|c| c.to_vec()).collect(),
        }
    }

    /// Quantile levels, ascending.
    #[must_use]
    pub fn levels(&self) -> &[f64] {
        &self.levels
    }

    /// Length of the windows it was fitted on.
    #[must_use]
    pub fn step(&self) -> Step {
        self.step
    }

    /// From decision to ready, as it was fitted for, microseconds.
    #[must_use]
    pub fn lead(&self) -> Micros {
        self.lead
    }

    /// Checks a model that may come from a table.
    ///
    /// # Errors
    /// `Corrupt`, naming the field.
    pub fn check(&self) -> Result<()> {
        if self.format != FORMAT {
            return Err(corrupt(&format!("format {} is not {FORMAT}", self.format)));
        }
        if self.features.len() != N || self.features.iter().zip(NAMES).any(|(a, b)| a != b) {
            return Err(corrupt("features are not the ones of this version"));
        }
        check_levels(&self.levels).map_err(|e| corrupt(e.message()))?;
        let is_capacity = self.unit_capacity.is_finite() && self.unit_capacity > 0.0;
        if !is_capacity || !(1..=MAX_LEAD).contains(&self.lead) {
            return Err(corrupt("lead or unit_capacity is out of range"));
        }
        if self.mean.len() != N || self.scale.len() != N || !self.mean.iter().all(|v| v.is_finite())
        {
            return Err(corrupt(&format!(
                "mean and scale need {N} finite values each"
            )));
        }
        if !self.scale.iter().all(|v| v.is_finite() && *v > 0.0) {
            return Err(corrupt("scale must be positive"));
        }
        if self.coef.len() != self.levels.len() {
            return Err(corrupt(&format!(
                "{} sets of coef for {} levels",
                self.coef.len(),
                self.levels.len()
            )));
        }
        if self
            .coef
            .iter()
            .any(|c| c.len() != N || !c.iter().all(|v| v.is_finite()))
        {
            return Err(corrupt(&format!("coef needs {N} finite values per level")));
        }
        Ok(())
    }

    /// Quantiles of demand for a row whose last known demand is `last`: never negative, never falling from level to
    /// level, the last one at least `last`. `None` when the arithmetic overflows.
    pub(super) fn quantiles(&self, row: &Row, last: f64) -> Option<Vec<f64>> {
        let mut highest = 0.0_f64;
        let mut q: Vec<f64> = Vec::with_capacity(self.coef.len());
        for coef in &self.coef {
            let standardised = row
                .x
                .iter()
                .zip(&self.mean)
                .zip(&self.scale)
                .map(|((x, m), s)| (x - m) / s);
            let share: f64 = standardised.zip(coef).map(|(z, c)| z * c).sum();
            highest = finite(row.level * share)?.max(highest);
            q.push(highest);
        }
        if let Some(top) = q.last_mut() {
            *top = top.max(last);
        }
        Some(q)
    }
}

/// Refuses levels that are empty, outside (0, 1) or not ascending.
pub(super) fn check_levels(levels: &[f64]) -> Result<()> {
    if levels.is_empty() {
        return Err(
            Error::invalid("no quantile level").with_hint("give at least one, such as 0.99")
        );
    }
    if let Some(bad) = levels.iter().find(|l| !(**l > 0.0 && **l < 1.0)) {
        return Err(Error::invalid(format!(
            "quantile level {bad} is not between 0 and 1"
        )));
    }
    if levels.windows(2).any(|w| w[0] >= w[1]) {
        return Err(Error::invalid(format!(
            "quantile levels {levels:?} are not ascending"
        )));
    }
    Ok(())
}

fn finite(v: f64) -> Option<f64> {
    v.is_finite().then_some(v)
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("not a demand model: {what}"))
        .with_hint("fit the workload again")
}
