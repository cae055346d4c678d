//! What is known to act on a series: regressors and events, in the past and over the horizon.
//!
//! `prophet` takes them in itself. For the other models their effects are learnt first, by a median regression of what trend and
//! season leave of the series on what they leave of each influence ([`effect`](super::effect)); the model forecasts the series without the effects, and those
//! of the horizon are added to its forecast.

use serde::{Deserialize, Serialize};

use super::grid::Grid;
use crate::error::{Error, ErrorKind, Result};
use crate::sample::Series;
use crate::time::{Micros, ShouldStop, check_stop, time_text};

/// Most influences: their equations grow with the cube.
const MAX_INFLUENCES: usize = 50;

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
    /// Keeps it ahead of window `n` within `reach` times its range beyond what it was before; says so where it goes further in the next `steps`.
    fn bound(&mut self, n: usize, steps: usize, reach: f64) -> Option<String> {
        let (past, ahead) = self.values.split_at_mut(n);
        let low = past.iter().copied().fold(f64::INFINITY, f64::min);
        let high = past.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let within = |v: f64| v.clamp(low - reach * (high - low), high + reach * (high - low));
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

/// Every influence on the windows of `grid`, the `steps` after it, and up to `beyond` more, as far as all of them are known, no further than `reach`
/// times its range beyond its past; and what is not used as it is.
///
/// # Errors
/// `InvalidArgument` where a regressor is not known for a window of the horizon, or has two values at one time; `Cancelled`.
pub(super) fn influences(
    regressors: &[Regressor],
    events: &[Event],
    grid: &Grid,
    steps: usize,
    beyond: usize,
    reach: f64,
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
    let bound = |influence: &mut Influence| influence.bound(grid.y.len(), steps, reach);
    let notes = found.iter_mut().filter_map(bound).collect();
    Ok((found, notes))
}
