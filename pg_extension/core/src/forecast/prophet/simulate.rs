//! How the trend may go on: paths whose changes of slope come as often, and are as large, as those of the past.
//!
//! After the history changes come as a Poisson process with as many in the span of the history as there were
//! changepoints; their sizes are Laplace with the mean size of the past ones; normal noise is added to each value
//! (Taylor and Letham 2018, §3.1.4). Times of change are not tied to the rows: irregular rows need no special care.

use std::f64::consts::TAU;

use crate::error::{Error, ErrorKind, Result};
use crate::random::SplitMix;
use crate::time::{ShouldStop, check_stop};

/// Most paths: a row of them is sorted between two questions whether to stop.
const MAX_PATHS: usize = 10_000;

/// Most changes of slope over all paths: two seconds.
const MAX_CHANGES: f64 = 1e8;

/// How to simulate. A longer horizon does not change the quantiles of the rows before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// Number of paths; none means no quantiles. Prophet takes 1,000.
    pub paths: usize,
    /// Equal seeds give equal quantiles.
    pub seed: u64,
    /// Levels of the quantiles wanted, each in (0, 1).
    pub levels: Vec<f64>,
}

impl Simulation {
    /// The point forecast alone.
    pub const NONE: Self = Self {
        paths: 0,
        seed: 0,
        levels: Vec::new(),
    };

    pub(super) fn check(&self) -> Result<()> {
        if self.paths > MAX_PATHS {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("{} paths, more than {MAX_PATHS}", self.paths),
            ));
        }
        match self.levels.iter().find(|l| !(**l > 0.0 && **l < 1.0)) {
            Some(bad) => Err(Error::invalid(format!(
                "a level must lie between 0 and 1, not {bad}"
            ))),
            None => Ok(()),
        }
    }
}

/// The bending line at the rows (oldest first) on the scale of the model.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) t: Vec<f64>,
    /// k·t + b and the hinges.
    pub(super) line: Vec<f64>,
    /// Cap less floor; empty unless growth is logistic.
    pub(super) cap: Vec<f64>,
    /// Changes of slope per unit of time after the history.
    pub(super) rate: f64,
    /// Mean size of a change.
    pub(super) size: f64,
}

impl Path {
    /// The trend of row `i` when the line is off by `off`.
    pub(super) fn value(&self, i: usize, off: f64) -> f64 {
        let line = self.line[i] + off;
        match self.cap.get(i) {
            Some(cap) => cap / (1.0 + (-line).exp()),
            None => line,
        }
    }

    /// Quantiles per level and row of `scaled(row, trend)` plus noise.
    ///
    /// # Errors
    /// `TooLarge` where the rows reach thousands of times further than the history; `Cancelled`.
    pub(super) fn quantiles(
        &self,
        simulation: &Simulation,
        noise: f64,
        scaled: impl Fn(usize, f64) -> f64,
        should_stop: ShouldStop<'_>,
    ) -> Result<Vec<Vec<f64>>> {
        let paths = simulation.paths;
        if paths == 0 {
            return Ok(Vec::new());
        }
        let ahead = self.t.last().map_or(0.0, |t| (t - 1.0).max(0.0));
        if self.rate * ahead * paths as f64 > MAX_CHANGES {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("the forecast reaches {ahead:.0} times as far as the history"),
            )
            .with_hint("forecast less far, or ask for fewer paths or changepoints"));
        }
        let mut random = Random::new(simulation.seed);
        let mut walks: Vec<Walk> = (0..paths)
            .map(|_| Walk::new(&mut random, self.rate))
            .collect();
        let mut values = vec![0.0; paths];
        let mut quantiles = vec![Vec::with_capacity(self.t.len()); simulation.levels.len()];
        for (i, t) in self.t.iter().enumerate() {
            check_stop(should_stop)?;
            for (value, walk) in values.iter_mut().zip(&mut walks) {
                walk.advance(*t, self, &mut random);
                *value = scaled(i, self.value(i, walk.off)) + noise * random.normal();
            }
            values.sort_unstable_by(f64::total_cmp);
            for (out, level) in quantiles.iter_mut().zip(&simulation.levels) {
                out.push(quantile(&values, *level));
            }
        }
        Ok(quantiles)
    }
}

/// One path after the history: how far off the line it is and how that changes.
#[derive(Debug)]
struct Walk {
    at: f64,
    off: f64,
    slope: f64,
    next: f64,
}

impl Walk {
    fn new(random: &mut Random, rate: f64) -> Self {
        Self {
            at: 1.0,
            off: 0.0,
            slope: 0.0,
            next: 1.0 + random.waiting(rate),
        }
    }

    fn advance(&mut self, t: f64, path: &Path, random: &mut Random) {
        while self.next <= t {
            self.off += self.slope * (self.next - self.at);
            self.slope += random.laplace(path.size);
            self.at = self.next;
            self.next += random.waiting(path.rate);
        }
        if t > self.at {
            self.off += self.slope * (t - self.at);
            self.at = t;
        }
    }
}

/// Linear between the neighbouring order statistics (type 7 of Hyndman and Fan 1996, numpy's default).
fn quantile(sorted: &[f64], level: f64) -> f64 {
    let position = level * (sorted.len() - 1) as f64;
    let below = super::table::index(position.floor());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - position.floor()) * (sorted[above] - sorted[below])
}

/// The distributions needed.
#[derive(Debug)]
struct Random {
    bits: SplitMix,
    /// The second of a pair of normal numbers.
    spare: Option<f64>,
}

impl Random {
    fn new(seed: u64) -> Self {
        Self {
            bits: SplitMix(seed),
            spare: None,
        }
    }

    /// Uniform in [0, 1).
    fn uniform(&mut self) -> f64 {
        self.bits.uniform()
    }

    /// Exponential with mean 1 / rate; for ever where the rate is zero.
    fn waiting(&mut self, rate: f64) -> f64 {
        -(1.0 - self.uniform()).ln() / rate.max(f64::MIN_POSITIVE)
    }

    fn laplace(&mut self, scale: f64) -> f64 {
        let u = self.uniform() - 0.5;
        // u = −½ alone would give infinity; it counts as the neighbouring value.
        -scale * u.signum() * (1.0 - 2.0 * u.abs()).max(f64::EPSILON).ln()
    }

    /// Standard normal, two at a time (Box and Muller 1958).
    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let (sin, cos) = (TAU * self.uniform()).sin_cos();
        self.spare = Some(radius * sin);
        radius * cos
    }
}
