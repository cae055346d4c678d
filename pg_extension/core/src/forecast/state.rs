//! A fitted model after the last window it saw.

use serde::{Deserialize, Serialize};

use super::ets::Ets;
use super::parts::Parts;
use super::theta::Theta;
use super::{lstm, prophet};

/// What a model needs in order to go on: small, and the same bits wherever it is restored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum State {
    /// The last value, and what is added per step.
    Line {
        last: f64,
        first: f64,
        n: u64,
        drift: bool,
    },
    /// The last season, the oldest value first.
    Season(Vec<f64>),
    Ets(Ets),
    Theta(Theta),
    /// Seasons that repeat, the next value first, and a model of the rest.
    Seasons {
        seasons: Vec<Vec<f64>>,
        at: u64,
        rest: Box<State>,
    },
    /// A forecast made at the time of the fit.
    Path(Parts),
    Prophet(Box<prophet::series::Series>),
    Lstm(Box<lstm::series::Series>),
}

impl State {
    /// Forecast of the coming steps; a path ends where it was made to end.
    pub(super) fn ahead(&self, steps: usize) -> Parts {
        match self {
            Self::Line { last, .. } => {
                let slope = self.slope();
                Parts::flat((1..=steps).map(|h| last + slope * h as f64).collect())
            }
            Self::Season(season) => {
                Parts::flat(season.iter().copied().cycle().take(steps).collect())
            }
            Self::Ets(model) => seasonal(model.ahead(steps), model.period()),
            Self::Theta(model) => seasonal(model.ahead(steps), model.period()),
            Self::Seasons { seasons, at, rest } => {
                let mut parts = rest.ahead(steps);
                for season in seasons {
                    let values = (0..steps as u64)
                        .filter_map(|h| place(season, at + h))
                        .collect();
                    parts.seasonal.push((season.len(), values));
                }
                parts
            }
            Self::Path(parts) => parts.take(steps),
            Self::Prophet(series) => series.ahead(steps),
            Self::Lstm(series) => Parts::flat(series.ahead(steps)),
        }
    }

    /// Takes in the next window, with its covariates for a model that reads them; `false` where the model has to be fitted again instead.
    pub(super) fn observe_with(&mut self, y: f64, covariates: &[Option<f64>]) -> bool {
        if let Self::Lstm(series) = self {
            series.observe(Some(y), covariates);
            return true;
        }
        self.observe(y)
    }

    /// Takes in the value of the next window; `false` where the model has to be fitted again instead.
    pub(super) fn observe(&mut self, y: f64) -> bool {
        match self {
            Self::Line { last, n, .. } => {
                *last = y;
                *n += 1;
            }
            Self::Season(season) => {
                season.rotate_left(1);
                if let Some(v) = season.last_mut() {
                    *v = y;
                }
            }
            Self::Ets(model) => {
                model.observe(y);
            }
            Self::Theta(model) => {
                model.observe(y);
            }
            Self::Seasons { seasons, at, rest } => {
                let season: f64 = seasons.iter().filter_map(|s| place(s, *at)).sum();
                *at += 1;
                return rest.observe(y - season);
            }
            Self::Lstm(series) => series.observe(Some(y), &[]),
            Self::Path(_) | Self::Prophet(_) => return false,
        }
        true
    }

    /// Moves on by windows whose values nobody knows: they count as forecast; a network can read that they are missing.
    pub(super) fn pass(&mut self, windows: usize) -> bool {
        if let Self::Lstm(series) = self {
            (0..windows).for_each(|_| series.observe(None, &[]));
            return true;
        }
        let between = self.ahead(windows).sums();
        between.len() == windows && between.into_iter().all(|expected| self.observe(expected))
    }

    /// The newest values and the network that reads them, where it is one.
    pub(super) fn network(&self) -> Option<&lstm::series::Series> {
        match self {
            Self::Lstm(series) => Some(series),
            Self::Line { .. }
            | Self::Season(_)
            | Self::Ets(_)
            | Self::Theta(_)
            | Self::Seasons { .. }
            | Self::Path(_)
            | Self::Prophet(_) => None,
        }
    }

    fn slope(&self) -> f64 {
        match self {
            Self::Line {
                last,
                first,
                n,
                drift: true,
            } if *n > 1 => (last - first) / (n - 1) as f64,
            Self::Line { .. }
            | Self::Season(_)
            | Self::Ets(_)
            | Self::Theta(_)
            | Self::Seasons { .. }
            | Self::Path(_)
            | Self::Prophet(_)
            | Self::Lstm(_) => 0.0,
        }
    }
}

fn place(season: &[f64], at: u64) -> Option<f64> {
    season
        .get(usize::try_from(at % season.len().max(1) as u64).ok()?)
        .copied()
}

fn seasonal((trend, season): (Vec<f64>, Vec<f64>), period: Option<usize>) -> Parts {
    Parts {
        trend,
        seasonal: period.map(|p| (p, season)).into_iter().collect(),
        ..Parts::default()
    }
}
