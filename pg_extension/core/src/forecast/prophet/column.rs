//! Columns of the regression: which component each belongs to, and its values.

use std::f64::consts::TAU;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::spec::Mode;
use crate::time::{DAY, Micros};

/// Most columns: a decomposition of all of them stays within the 200 ms in which a fit must notice that it should stop.
pub(super) const MAX_COLUMNS: usize = 400;

/// What a component stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A season.
    Seasonality,
    /// An event with its window.
    Event,
    /// A regressor.
    Regressor,
}

/// A component of a forecast, in units of the series: with the trend, all of them add up to the forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Its name in the specification.
    pub name: String,
    /// What it stands for.
    pub part: Part,
    /// Whether it is added or a share of the trend.
    pub mode: Mode,
    /// Contribution at each row; of a multiplicative one, share times trend.
    pub values: Vec<f64>,
}

/// Neighbouring columns that make one component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) prior_scale: f64,
    pub(super) source: Source,
}

/// Where the values of a group come from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// sin and cos of 2π·i·t/period, i = 1…order, t since 1970.
    Fourier { period: Micros, order: usize },
    /// Whether the event takes place on the day + `before` … the day − `after`.
    Event {
        index: usize,
        before: u32,
        after: u32,
    },
    /// (value − mean) / scale.
    Regressor { index: usize, mean: f64, scale: f64 },
}

impl Group {
    pub(super) fn width(&self) -> usize {
        match self.source {
            Source::Fourier { order, .. } => 2 * order,
            Source::Event { before, after, .. } => 1 + before as usize + after as usize,
            Source::Regressor { .. } => 1,
        }
    }

    pub(super) fn part(&self) -> Part {
        match self.source {
            Source::Fourier { .. } => Part::Seasonality,
            Source::Event { .. } => Part::Event,
            Source::Regressor { .. } => Part::Regressor,
        }
    }
}

/// Rows from which columns are computed, oldest first.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) times: Vec<Micros>,
    /// One vector a regressor.
    pub(super) regressors: Vec<Vec<f64>>,
    /// Days since 1970 of each event, ascending.
    pub(super) event_days: Vec<Vec<i64>>,
}

impl Inputs {
    /// Writes the columns of `group` for `rows` one after another into `out`, which has room for exactly them.
    ///
    /// Columns are computed again for each pass over the rows rather than kept: a pass stays in the cache and the
    /// memory of a fit does not grow with the number of columns.
    pub(super) fn fill(&self, group: &Group, rows: Range<usize>, out: &mut [f64]) {
        let times = &self.times[rows.clone()];
        match group.source {
            Source::Fourier { period, order } => fourier(times, period, order, out),
            Source::Event {
                index,
                before,
                after,
            } => {
                let days = &self.event_days[index];
                let offsets = -i64::from(before)..=i64::from(after);
                for (column, offset) in out.chunks_exact_mut(times.len()).zip(offsets) {
                    for (x, t) in column.iter_mut().zip(times) {
                        let day = t.div_euclid(DAY) - offset;
                        *x = f64::from(u8::from(days.binary_search(&day).is_ok()));
                    }
                }
            }
            Source::Regressor { index, mean, scale } => {
                for (x, value) in out.iter_mut().zip(&self.regressors[index][rows]) {
                    *x = (value - mean) / scale;
                }
            }
        }
    }
}

/// The first pair by its angle, the others by the addition theorem.
fn fourier(times: &[Micros], period: Micros, order: usize, out: &mut [f64]) {
    let n = times.len();
    for (i, t) in times.iter().enumerate() {
        let (sin, cos) = (TAU * (t.rem_euclid(period) as f64 / period as f64)).sin_cos();
        (out[i], out[n + i]) = (sin, cos);
    }
    let (first, rest) = out.split_at_mut(2 * n);
    let (sin1, cos1) = first.split_at(n);
    let mut last = (sin1.to_vec(), cos1.to_vec());
    for pair in rest.chunks_exact_mut(2 * n).take(order - 1) {
        let (sin, cos) = pair.split_at_mut(n);
        for i in 0..n {
            sin[i] = last.0[i] * cos1[i] + last.1[i] * sin1[i];
            cos[i] = last.1[i] * cos1[i] - last.0[i] * sin1[i];
        }
        last.0.copy_from_slice(sin);
        last.1.copy_from_slice(cos);
    }
}
