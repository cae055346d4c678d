//! The history as the model sees it: sorted, scaled, with its columns and changepoints.

use super::Rows;
use super::column::{Group, Inputs, MAX_COLUMNS, Source};
use super::spec::{Growth, Spec};
use crate::error::{Error, ErrorKind, Result};
use crate::time::{DAY, Micros};

/// Rows in ascending order with what depends on nothing but them.
#[derive(Debug)]
pub(super) struct Table {
    /// Where each row came from.
    pub(super) order: Vec<usize>,
    pub(super) inputs: Inputs,
    /// One value a row; empty unless growth is logistic.
    pub(super) cap: Vec<f64>,
    /// One value a row; empty unless growth is logistic.
    pub(super) floor: Vec<f64>,
}

impl Table {
    /// Checks and sorts `rows` for a model with so many regressors and events.
    pub(super) fn new(
        rows: &Rows<'_>,
        growth: Growth,
        regressors: usize,
        events: usize,
    ) -> Result<Self> {
        let n = rows.times.len();
        same("regressors", rows.regressors.len(), regressors)?;
        same("events", rows.events.len(), events)?;
        for values in rows.regressors {
            same("values of a regressor", values.len(), n)?;
            finite("regressor", values)?;
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|i| rows.times[*i]);
        let pick = |values: &[f64]| order.iter().map(|i| values[*i]).collect::<Vec<_>>();
        let (mut cap, mut floor) = (Vec::new(), Vec::new());
        if growth == Growth::Logistic {
            if rows.cap.is_empty() {
                return Err(Error::invalid("logistic growth needs a cap")
                    .with_hint("give the ceiling at which the trend saturates"));
            }
            cap = pick(&per_row("cap", rows.cap, n)?);
            floor = pick(&per_row(
                "floor",
                if rows.floor.is_empty() {
                    &[0.0]
                } else {
                    rows.floor
                },
                n,
            )?);
            if let Some((c, f)) = cap.iter().zip(&floor).find(|(c, f)| c <= f) {
                return Err(Error::invalid(format!("cap {c} is not above floor {f}")));
            }
        }
        let inputs = Inputs {
            times: order.iter().map(|i| rows.times[*i]).collect(),
            regressors: rows.regressors.iter().map(|r| pick(r)).collect(),
            event_days: rows
                .events
                .iter()
                .map(|e| {
                    let mut days: Vec<i64> = e.iter().map(|t| t.div_euclid(DAY)).collect();
                    days.sort_unstable();
                    days
                })
                .collect(),
        };
        Ok(Self {
            order,
            inputs,
            cap,
            floor,
        })
    }
}

/// One value for each of `n` rows from one or `n` values.
fn per_row(name: &str, values: &[f64], n: usize) -> Result<Vec<f64>> {
    finite(name, values)?;
    if let [one] = values {
        return Ok(vec![*one; n]);
    }
    same(name, values.len(), n)?;
    Ok(values.to_vec())
}

fn same(what: &str, got: usize, wanted: usize) -> Result<()> {
    if got == wanted {
        Ok(())
    } else {
        Err(Error::invalid(format!("{got} {what}, not {wanted}")))
    }
}

fn finite(name: &str, values: &[f64]) -> Result<()> {
    match values.iter().find(|v| !v.is_finite()) {
        Some(bad) => Err(Error::new(
            ErrorKind::NotFinite,
            format!("{name} holds {bad}"),
        )),
        None => Ok(()),
    }
}

/// How instants and values become numbers about 0..1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub(super) start: Micros,
    pub(super) end: Micros,
    /// Largest distance of a value from its floor.
    pub(super) y: f64,
}

impl Scale {
    /// 0 at the first row of the history, 1 at the last.
    pub(super) fn t(&self, at: Micros) -> f64 {
        let since = i128::from(at) - i128::from(self.start);
        let span = i128::from(self.end) - i128::from(self.start);
        // Differences are exact up to 2^53 µs, 285 years.
        since as f64 / span as f64
    }
}

/// The past, ready to fit.
#[derive(Debug)]
pub(super) struct History {
    pub(super) table: Table,
    pub(super) scale: Scale,
    /// In order of time, less the floor, over the scale.
    pub(super) y: Vec<f64>,
    pub(super) groups: Vec<Group>,
    pub(super) changepoints: Vec<Micros>,
}

impl History {
    /// `None` without two different times.
    pub(super) fn new(rows: &Rows<'_>, y: &[f64], spec: &Spec) -> Result<Option<Self>> {
        let table = Table::new(rows, spec.growth, spec.regressors.len(), spec.events.len())?;
        same("values", y.len(), rows.times.len())?;
        finite("y", y)?;
        let times = &table.inputs.times;
        let (Some(&start), Some(&end)) = (times.first(), times.last()) else {
            return Ok(None);
        };
        if start == end {
            return Ok(None);
        }
        let mut y: Vec<f64> = table.order.iter().map(|i| y[*i]).collect();
        for (v, floor) in y.iter_mut().zip(&table.floor) {
            *v -= floor;
        }
        finite("y less its floor", &y)?;
        let largest = y.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
        let scale = Scale {
            start,
            end,
            y: if largest > 0.0 { largest } else { 1.0 },
        };
        y.iter_mut().for_each(|v| *v /= scale.y);
        let groups = groups(&table.inputs, spec);
        let width: usize = groups.iter().map(Group::width).sum();
        if width > MAX_COLUMNS {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!(
                    "{width} columns of seasons, events and regressors, more than {MAX_COLUMNS}"
                ),
            ));
        }
        let changepoints = changepoints(times, spec)?;
        Ok(Some(Self {
            table,
            scale,
            y,
            groups,
            changepoints,
        }))
    }

    pub(super) fn is_constant(&self) -> bool {
        self.y
            .windows(2)
            .all(|pair| pair[0].to_bits() == pair[1].to_bits())
    }
}

fn groups(inputs: &Inputs, spec: &Spec) -> Vec<Group> {
    let times = &inputs.times;
    let gap = times
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]))
        .filter(|gap| *gap > 0)
        .min()
        .unwrap_or(Micros::MAX);
    let span = times
        .last()
        .zip(times.first())
        .map_or(0, |(last, first)| last.saturating_sub(*first));
    let seasons = spec.seasons(span, gap).into_iter().map(|s| Group {
        name: s.name,
        mode: s.mode,
        prior_scale: s.prior_scale,
        source: Source::Fourier {
            period: s.period,
            order: s.order,
        },
    });
    let events = spec.events.iter().enumerate().map(|(index, e)| Group {
        name: e.name.clone(),
        mode: e.mode,
        prior_scale: e.prior_scale,
        source: Source::Event {
            index,
            before: e.before,
            after: e.after,
        },
    });
    let regressors = spec.regressors.iter().zip(&inputs.regressors).enumerate();
    let regressors = regressors.map(|(index, (r, values))| {
        let (mean, scale) = standardisation(values, r.standardise);
        Group {
            name: r.name.clone(),
            mode: r.mode,
            prior_scale: r.prior_scale,
            source: Source::Regressor { index, mean, scale },
        }
    });
    seasons.chain(events).chain(regressors).collect()
}

/// Mean and standard deviation (n − 1) to take out; 0 and 1 where nothing is.
fn standardisation(values: &[f64], asked: Option<bool>) -> (f64, f64) {
    let binary = values.iter().all(|v| [0.0, 1.0].contains(v));
    if !asked.unwrap_or(!binary) {
        return (0.0, 1.0);
    }
    let n = values.len() as f64;
    let mean = values.iter().map(|v| v / n).sum::<f64>();
    let variance = values
        .iter()
        .map(|v| (v - mean) * (v - mean) / (n - 1.0))
        .sum::<f64>();
    let constant = values
        .windows(2)
        .all(|pair| pair[0].to_bits() == pair[1].to_bits());
    if constant || !variance.is_normal() {
        (0.0, 1.0)
    } else {
        (mean, variance.sqrt())
    }
}

/// The asked instants, else evenly laid ones: of the first `range` of the rows, without the first.
fn changepoints(times: &[Micros], spec: &Spec) -> Result<Vec<Micros>> {
    if let Some(at) = &spec.changepoints.at {
        let mut at = at.clone();
        at.sort_unstable();
        if at.first() < times.first() && !at.is_empty() || at.last() > times.last() {
            return Err(Error::invalid("a changepoint lies outside the history"));
        }
        return Ok(at);
    }
    let size = (times.len() as f64 * spec.changepoints.range).floor();
    let count = (spec.changepoints.count as f64).min(size - 1.0);
    let gap = (size - 1.0) / count;
    let positions = (1..=spec.changepoints.count).map(|i| i as f64);
    Ok(positions
        .take_while(|i| *i <= count)
        .filter_map(|i| times.get(index((i * gap).round_ties_even())))
        .copied()
        .collect())
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a whole number between 0 and the number of rows
pub(super) fn index(v: f64) -> usize {
    v as usize
}
