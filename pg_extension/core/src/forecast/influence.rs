//! What is known to act on a series: regressors and events, in the past and over the horizon.
//!
//! `prophet` takes them in itself. For the other models their effects are learnt first, by a shrunk median regression of what trend and
//! season leave of the series on what they leave of each influence; the model forecasts the series without the effects, and those
//! of the horizon are added to its forecast.

use serde::{Deserialize, Serialize};

use super::grid::Grid;
use super::l1::{Problem, Ridge, single};
use crate::error::{Error, ErrorKind, Result};
use crate::sample::Series;
use crate::time::{Micros, ShouldStop, check_stop, time_text};

/// Most influences: their equations grow with the cube.
const MAX_INFLUENCES: usize = 50;

/// Newest windows that effects are learnt from. Cost: 4 · windows · influences² / 2 multiplications.
const LEARNT_FROM: usize = 20_000;

/// Shrinkage toward no effect: a thousandth of what an influence moves, over what trend and season leave of it.
const RIDGE: f64 = 0.001;

/// Squares, as shares of the largest one, that rounding may have left.
const ROUNDING: f64 = 1e-18;

/// How many times its range in the past an influence may go beyond it; further its effect is that of the furthest.
const REACH: f64 = 3.0;

/// A number that acts on the series and is known over the horizon too, such as a planned price.
#[derive(Debug, Clone, PartialEq)]
pub struct Regressor {
    /// Its name.
    pub name: String,
    /// Its values; gaps in the past are filled on the line between their neighbours.
    pub series: Series,
}

/// Something that takes place from `start` to before `end`; several of one name are the same event again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// When it begins.
    pub start: Micros,
    /// When it is over.
    pub end: Micros,
}

/// # Errors
/// `InvalidArgument` for an event that ends before it begins and for a name that is given twice; `TooLarge` above 50 influences.
pub(super) fn check(regressors: &[Regressor], events: &[Event]) -> Result<()> {
    if let Some(bad) = events.iter().find(|e| e.end <= e.start) {
        return Err(Error::invalid(format!(
            "event {:?} ends at {}, not after its start at {}",
            bad.name,
            time_text(bad.end),
            time_text(bad.start)
        )));
    }
    let mut names: Vec<&str> = events.iter().map(|e| e.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.extend(regressors.iter().map(|r| r.name.as_str()));
    if names.len() > MAX_INFLUENCES {
        let message = format!(
            "{} regressors and events, more than {MAX_INFLUENCES}",
            names.len()
        );
        return Err(Error::new(ErrorKind::TooLarge, message)
            .with_hint("leave out those that hardly act on the series"));
    }
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::invalid(format!(
            "two regressors or events are called {:?}",
            pair[0]
        ))),
        None => Ok(()),
    }
}

/// One influence over the windows of the past and the horizon.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Influence {
    pub(super) name: String,
    pub(super) values: Vec<f64>,
}

impl Influence {
    /// Keeps it ahead of window `n` within reach of what it was before; says so where it goes further in the next `steps`.
    fn bound(&mut self, n: usize, steps: usize) -> Option<String> {
        let (past, ahead) = self.values.split_at_mut(n);
        let low = past.iter().copied().fold(f64::INFINITY, f64::min);
        let high = past.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let within = |v: f64| v.clamp(low - REACH * (high - low), high + REACH * (high - low));
        let beyond = |v: &f64| within(*v).total_cmp(v).is_ne();
        let note = ahead.iter().take(steps).copied().find(beyond).map(|v| {
            if low < high {
                let counted = within(v);
                format!(
                    "{:?} is {v}, far beyond {low} to {high}: counted as {counted}",
                    self.name
                )
            } else {
                format!(
                    "{:?} is {v} and was always {low}: its effect is not known",
                    self.name
                )
            }
        });
        ahead.iter_mut().for_each(|v| *v = within(*v));
        note
    }
}

/// What is added to the windows ahead, as far as it is known; equal neighbours are kept as one, with their number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ahead(Vec<(f64, usize)>);

impl Ahead {
    pub(super) fn new(values: &[f64]) -> Self {
        let runs = values.chunk_by(|a, b| a.total_cmp(b).is_eq());
        Self(runs.map(|run| (run[0], run.len())).collect())
    }

    /// Window by window.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        let runs = self.0.iter();
        runs.flat_map(|(value, n)| std::iter::repeat_n(*value, *n))
    }

    /// Leaves the next `windows` behind.
    pub(super) fn pass(&mut self, mut windows: usize) {
        for (_, n) in &mut self.0 {
            let gone = windows.min(*n);
            *n -= gone;
            windows -= gone;
        }
        self.0.retain(|(_, n)| *n > 0);
    }
}

/// Two values at one time are a mistake in the rows: each of them would be half true.
fn check_unique(regressor: &Regressor) -> Result<()> {
    let (ts, value) = (regressor.series.ts(), regressor.series.value());
    let twice = (1..ts.len())
        .find(|idx| ts[*idx] == ts[idx - 1] && value[*idx].total_cmp(&value[idx - 1]).is_ne());
    twice.map_or(Ok(()), |idx| {
        let message = format!(
            "regressor {:?} has two values at {}: {} and {}",
            regressor.name,
            time_text(ts[idx]),
            value[idx - 1],
            value[idx]
        );
        Err(Error::invalid(message).with_hint("give one row for each time"))
    })
}

/// Every influence on the windows of `grid`, the `steps` after it, and up to `beyond` more, as far as all of them are known; and what is not
/// used as it is.
///
/// # Errors
/// `InvalidArgument` where a regressor is not known for a window of the horizon, or has two values at one time; `Cancelled`.
pub(super) fn influences(
    regressors: &[Regressor],
    events: &[Event],
    grid: &Grid,
    steps: usize,
    beyond: usize,
    should_stop: ShouldStop<'_>,
) -> Result<(Vec<Influence>, Vec<String>)> {
    let mut found = Vec::new();
    let mut known = grid.y.len() + steps + beyond;
    for regressor in regressors {
        check_stop(should_stop)?;
        check_unique(regressor)?;
        let values = grid.place(&regressor.series, steps + beyond);
        if values.len() < grid.y.len() + steps {
            let message = format!(
                "regressor {:?} has no value for the window at {}",
                regressor.name,
                time_text(grid.ts(values.len()))
            );
            return Err(Error::invalid(message)
                .with_hint("a regressor must be known for every window of the horizon"));
        }
        known = known.min(values.len());
        found.push(Influence {
            name: regressor.name.clone(),
            values,
        });
    }
    found.iter_mut().for_each(|i| i.values.truncate(known));
    let mut names: Vec<&str> = events.iter().map(|e| e.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        check_stop(should_stop)?;
        let of_name = events.iter().filter(|e| e.name == name);
        found.push(Influence {
            name: name.into(),
            values: grid.cover(of_name.map(|e| (e.start, e.end)), known),
        });
    }
    let bound = |influence: &mut Influence| influence.bound(grid.y.len(), steps);
    let notes = found.iter_mut().filter_map(bound).collect();
    Ok((found, notes))
}

/// Effect of all influences together on each window of the past and ahead, and that of each by name on a window where it is one; nothing
/// without any. What trend and season explain of an influence cannot be told from them: the less they leave of it, the more its effect is drawn
/// to zero, which it is where they leave nothing.
pub(super) fn effects(
    y: &[f64],
    seen: &[bool],
    influences: &[Influence],
    periods: &[usize],
) -> (Vec<f64>, Vec<(String, f64)>) {
    let n = y.len();
    let from = n.saturating_sub(LEARNT_FROM);
    let (y, seen) = (&y[from..], &seen[from..]);
    let counted = seen.iter().filter(|s| **s).count() as f64;
    let mean = |values: &[f64], of: &dyn Fn(f64) -> f64| -> f64 {
        let known = values.iter().zip(seen).filter(|(_, s)| **s);
        known.map(|(v, _)| of(*v) / counted).sum()
    };
    // Shares of the largest value hold squares of any number.
    let unit = y.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    let target = rest(y, seen, unit, periods);
    let mut learnt = Vec::new();
    for (place, influence) in influences.iter().enumerate() {
        let past = &influence.values[from..n];
        let scale = past.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        let left = rest(past, seen, scale, periods);
        let left_of_it = mean(&left, &|v| v * v);
        if unit > 0.0 && scale > 0.0 && left_of_it > ROUNDING {
            let usual = mean(past, &|v| v / scale);
            let own = mean(past, &|v| (v / scale - usual).powi(2));
            learnt.push((place, unit / scale, RIDGE * own / left_of_it, left));
        }
    }
    let single = |values: &[f64]| values.iter().map(|v| single(*v)).collect::<Vec<f32>>();
    let columns: Vec<Vec<f32>> = learnt.iter().map(|l| single(&l.3)).collect();
    let shares: Vec<f64> = learnt.iter().map(|l| l.2).collect();
    let beta = Problem {
        columns: columns.iter().map(Vec::as_slice).collect(),
        target: &single(&target),
        weight: &seen
            .iter()
            .map(|s| f32::from(u8::from(*s)))
            .collect::<Vec<_>>(),
        ridge: Ridge::OfOwn(&shares),
    }
    .solve();
    let mut each = vec![0.0; influences.len()];
    for ((place, unit, ..), beta) in learnt.iter().zip(beta) {
        each[*place] = beta * unit;
    }
    let all = influences.first().map_or(0, |i| i.values.len());
    let mut effects = vec![0.0; all];
    for (influence, each) in influences.iter().zip(&each) {
        for (effect, v) in effects.iter_mut().zip(&influence.values) {
            *effect += each * v;
        }
    }
    let names = influences.iter().map(|i| format!("effect_{}", i.name));
    (effects, names.zip(each).collect())
}

/// What trend and season leave of `values` in units of `unit`: the mean over the longest period (a twelfth of the series, without one) around each
/// window and the usual value at each place of the shorter ones are taken out. Means are those of the windows that were seen.
fn rest(values: &[f64], seen: &[bool], unit: f64, periods: &[usize]) -> Vec<f64> {
    let n = values.len();
    let unit = if unit > 0.0 { unit } else { 1.0 };
    let width = periods.last().copied().unwrap_or(n / 12).clamp(1, n.max(1));
    let mut sums = vec![(0.0, 0.0)];
    let mut sum = (0.0, 0.0);
    for (v, seen) in values.iter().zip(seen) {
        let weight = f64::from(u8::from(*seen));
        sum = (sum.0 + weight * v / unit, sum.1 + weight);
        sums.push(sum);
    }
    let mean = |(sum, count): (f64, f64)| sum / count.max(1.0);
    let mut rest: Vec<f64> = values
        .iter()
        .enumerate()
        .map(|(i, v)| {
            let from = i.saturating_sub(width / 2).min(n - width);
            let (until, from) = (sums[from + width], sums[from]);
            v / unit - mean((until.0 - from.0, until.1 - from.1))
        })
        .collect();
    for &p in periods {
        let mut places = vec![(0.0, 0.0); p];
        for (i, r) in rest.iter().enumerate().filter(|(i, _)| seen[*i]) {
            let place = &mut places[i % p];
            *place = (place.0 + r, place.1 + 1.0);
        }
        for (i, r) in rest.iter_mut().enumerate() {
            *r -= mean(places[i % p]);
        }
    }
    rest
}
