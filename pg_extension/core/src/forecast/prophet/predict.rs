//! The forecast and its parts.

use super::Rows;
use super::column::Component;
use super::problem::bends;
use super::simulate::{Path, Simulation};
use super::spec::{Growth, Mode};
use super::state::Fitted;
use super::table::Table;
use crate::error::{Error, ErrorKind, Result};
use crate::time::{ShouldStop, check_stop};

/// Rows at a time between two questions whether to stop.
const BLOCK: usize = 1_024;

/// A forecast, row by row in the order asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// trend + all components.
    pub yhat: Vec<f64>,
    /// The trend, floor included.
    pub trend: Vec<f64>,
    /// Every component, in units of the series.
    pub components: Vec<Component>,
    /// For each level of the simulation its quantile at each row; empty without paths.
    pub quantiles: Vec<Vec<f64>>,
}

impl Fitted {
    /// Forecasts `rows`, past or future; quantiles as `simulation` says.
    ///
    /// yhat = trend + Σ components, where a multiplicative component is its share of the trend above the floor.
    /// (Python's prophet takes the share of trend and floor together, which is not what it fitted.)
    ///
    /// # Errors
    /// `Corrupt` for a model that is not whole; `InvalidArgument` and `NotFinite` for rows as in [`super::fit`] and for
    /// levels outside (0, 1); `TooLarge` above 10,000 paths; `Numeric` where a value leaves the range of numbers;
    /// `Cancelled`.
    pub fn predict(
        &self,
        rows: &Rows<'_>,
        simulation: &Simulation,
        should_stop: ShouldStop<'_>,
    ) -> Result<Prediction> {
        self.check()?;
        simulation.check()?;
        let (regressors, events) = self.needs();
        let table = Table::new(rows, self.growth, regressors, events)?;
        let n = table.order.len();
        let path = self.path(&table);
        let level: Vec<f64> = (0..n).map(|i| path.value(i, 0.0)).collect();
        let (mut share, mut added) = (vec![1.0; n], vec![0.0; n]);
        let mut components = Vec::with_capacity(self.groups.len());
        let mut beta = self.beta.as_slice();
        for group in &self.groups {
            let (own, rest) = beta.split_at(group.width());
            beta = rest;
            let mut effect = vec![0.0; n];
            let mut columns = vec![0.0; own.len() * BLOCK.min(n)];
            for (block, out) in effect.chunks_mut(BLOCK).enumerate() {
                check_stop(should_stop)?;
                let from = block * BLOCK;
                let columns = &mut columns[..own.len() * out.len()];
                table.inputs.fill(group, from..from + out.len(), columns);
                for (column, beta) in columns.chunks_exact(out.len()).zip(own) {
                    for (v, x) in out.iter_mut().zip(column) {
                        *v += beta * x;
                    }
                }
            }
            let total = match group.mode {
                Mode::Additive => &mut added,
                Mode::Multiplicative => &mut share,
            };
            for (i, v) in effect.iter_mut().enumerate() {
                total[i] += *v;
                *v *= self.y_scale;
                if group.mode == Mode::Multiplicative {
                    *v *= level[i];
                }
            }
            components.push(Component {
                name: group.name.clone(),
                part: group.part(),
                mode: group.mode,
                values: table.restore(&effect),
            });
        }
        let floor = |i: usize| table.floor.get(i).copied().unwrap_or(0.0);
        let trend: Vec<f64> = (0..n).map(|i| level[i] * self.y_scale + floor(i)).collect();
        let trend = table.restore(&trend);
        let mut yhat = trend.clone();
        for component in &components {
            for (v, part) in yhat.iter_mut().zip(&component.values) {
                *v += part;
            }
        }
        let scaled = |i: usize, v: f64| (v * share[i] + added[i]) * self.y_scale + floor(i);
        let quantiles = path.quantiles(simulation, self.noise(), scaled, should_stop)?;
        let quantiles: Vec<Vec<f64>> = quantiles.iter().map(|q| table.restore(q)).collect();
        if !yhat
            .iter()
            .chain(quantiles.iter().flatten())
            .all(|v| v.is_finite())
        {
            return Err(Error::new(
                ErrorKind::Numeric,
                "the forecast leaves the range of numbers",
            )
            .with_hint("forecast less far or scale the series down"));
        }
        Ok(Prediction {
            yhat,
            trend,
            components,
            quantiles,
        })
    }

    /// The bending line at the rows, and how it may go on bending.
    fn path(&self, table: &Table) -> Path {
        let scale = self.scale();
        let t: Vec<f64> = table.inputs.times.iter().map(|at| scale.t(*at)).collect();
        let mut knots = vec![0.0];
        knots.extend(self.changepoints.iter().map(|at| scale.t(*at)));
        let lines = bends(self.growth, &knots, self.b, self.k, &self.delta);
        let line = t.iter().map(|t| {
            let l = knots[1..].partition_point(|knot| knot <= t);
            lines[l].0 + lines[l].1 * (t - knots[l])
        });
        let cap = table
            .cap
            .iter()
            .zip(&table.floor)
            .map(|(cap, floor)| (cap - floor) / scale.y);
        // As Prophet does without changepoints: its one at the start stands for all.
        let rate = self.delta.len().max(1) as f64;
        let size = self.delta.iter().map(|d| d.abs()).sum::<f64>() / rate;
        Path {
            line: line.collect(),
            cap: cap.collect(),
            rate: if self.growth == Growth::Flat {
                0.0
            } else {
                rate
            },
            size,
            t,
        }
    }
}

impl Table {
    /// Values in the order in which the rows came.
    fn restore(&self, sorted: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; sorted.len()];
        for (i, v) in self.order.iter().zip(sorted) {
            out[*i] = *v;
        }
        out
    }
}
