//! A recurrent network over many workloads: one model learns from all of them, and forecasts those that it never saw.
//!
//! In: demand on a regular grid and covariates known together with it, such as fingerprint components, per workload. Out:
//! quantiles per step of the horizon, all steps at once (direct multi-horizon quantile forecasts; Wen et al. 2017), on the
//! scale of each workload. One LSTM layer reads the newest windows; what is known to matter (recent means, the same time a
//! season ago) also reaches the head directly, as in LSTNet (Lai et al. 2018). Quantiles never cross, by construction.
//!
//! Training is Adam on the pinball loss under a budget of updates, single-threaded. Equal input and seed give equal bits on
//! every machine: nothing is fused, reordered or left to the platform's mathematics library.
//!
//! Memory while training: at most 128 MiB of windows; 28 bytes and 4 per covariate for each value of the longest workload; six
//! times the weights (10,000 floats for the default network, 2 million at most); 24 MiB for a batch of the largest network.
//!
//! Time: an update of the default network takes about half a millisecond, so that a fit with the default budget takes a second or
//! two; only reading the pasts grows with them, linearly. A forecast takes about 0.3 ms, alone or 32 at a time.

use crate::error::Result;
use crate::time::{Micros, ShouldStop, Step, check_stop};

mod kernel;
mod shape;
mod network;
mod standard;
mod window;
mod check;
mod sample;
mod train;
mod codec;
mod judge;
pub(super) mod series;
mod pool;
#[cfg(test)]
mod tests;

pub use pool::{PooledNetwork, pool_member};

pub(super) use check::MAX_COVARIATES;

use kernel::LANES;
use network::Batch;
use sample::Sets;
use shape::Shape;
use standard::Standard;
use train::Plan;
use window::{Frame, Past};

/// What to learn and for how long.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Length of a step.
    pub step: Step,
    /// Steps of the past that the network reads; 4 to 256.
    pub window: usize,
    /// Steps forecast; 1 to 256.
    pub steps: usize,
    /// Steps of the season whose earlier values are read too (a day, mostly); 0 for none.
    pub season: usize,
    /// Levels of the quantiles, strictly ascending, each in (0, 1); 1 to 32.
    pub levels: Vec<f64>,
    /// Units of the layer: a multiple of 8, 8 to 64.
    pub hidden: usize,
    /// Most passes over the windows.
    pub epochs: usize,
    /// Most updates: 32 windows each. The budget, in operations rather than seconds.
    pub max_updates: u64,
    /// Most windows to learn from, over all workloads; evenly spread where there are more.
    pub max_windows: usize,
    /// Share of each workload's newest part that is not learned but decides when to stop; 0 to 0.5.
    pub validation: f64,
    /// Epochs without gain on that part after which training stops.
    pub patience: usize,
    /// First learning rate of Adam; it falls linearly to zero at the end of the budget.
    pub learning_rate: f64,
    /// Seed of the first weights and the order of windows.
    pub seed: u64,
}

impl Spec {
    /// The defaults for forecasts of `steps` steps of length `step`, seasons of `season` steps.
    #[must_use]
    pub fn new(step: Step, steps: usize, season: usize) -> Self {
        Self {
            step,
            window: 48,
            steps,
            season,
            levels: vec![0.05, 0.25, 0.5, 0.75, 0.95],
            hidden: 32,
            epochs: 50,
            max_updates: 2_000,
            max_windows: 20_000,
            validation: 0.1,
            patience: 4,
            learning_rate: 0.003,
            seed: 1,
        }
    }
}

/// One workload's past on a regular grid.
#[derive(Debug, Clone, Copy)]
pub struct Workload<'a> {
    /// Start of the first step by the local clock: shift it by the zone's offset where days are not those of UTC.
    pub start: Micros,
    /// Demand per step; NaN where missing.
    pub values: &'a [f64],
    /// Covariates per step, step by step (as many for each workload); NaN where missing.
    pub covariates: &'a [f64],
}

/// What training did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// Windows learned from.
    pub n_windows: u64,
    /// Every how many-th window was taken, to stay below `max_windows` and the bound on memory.
    pub stride: u64,
    /// Windows that decided when to stop.
    pub n_validation: u64,
    /// Passes begun.
    pub epochs: u64,
    /// Updates made.
    pub updates: u64,
    /// Mean pinball loss of the last epoch, in units of the windows' spread.
    pub train_loss: f64,
    /// The same of the kept weights on the validation windows.
    pub validation_loss: Option<f64>,
}

/// A trained network with all that it needs to forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    frame: Frame,
    shape: Shape,
    levels: Vec<f64>,
    standard: Standard,
    weights: Vec<f32>,
    report: Report,
}

/// Learns from `workloads`; `None` where no window of any has a quarter of its values and something to forecast.
///
/// # Errors
/// `InvalidArgument` and `TooLarge` for the specification, covariates that do not fit and more than 1,048,576 values of one
/// workload; `NotFinite` for infinite numbers; `Numeric` when training diverges; `Cancelled`.
pub fn fit(
    workloads: &[Workload<'_>],
    spec: &Spec,
    should_stop: ShouldStop<'_>,
) -> Result<Option<Model>> {
    fit_watched(workloads, spec, &|_, _| {}, should_stop)
}

/// The same; `progress` is told the number of updates made, and that of all planned, every 50.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the network computes in f32"
)]
fn fit_watched(
    workloads: &[Workload<'_>],
    spec: &Spec,
    progress: &dyn Fn(u64, u64),
    should_stop: ShouldStop<'_>,
) -> Result<Option<Model>> {
    let covariates = check::workloads(workloads, None, should_stop)?;
    let (frame, shape) = check::spec(spec, covariates)?;
    let standard = Standard::of(workloads, covariates, should_stop)?;
    let sets = Sets::gather(workloads, spec, &frame, &standard, should_stop)?;
    if sets.train.len() == 0 {
        return Ok(None);
    }
    let plan = Plan {
        epochs: spec.epochs,
        max_updates: spec.max_updates,
        learning_rate: spec.learning_rate as f32,
        patience: spec.patience,
        seed: spec.seed,
    };
    let trained = train::train(&shape, &sets, &plan, progress, should_stop)?;
    let report = Report {
        n_windows: sets.train.len() as u64,
        stride: sets.stride as u64,
        n_validation: sets.validation.len() as u64,
        epochs: trained.epochs as u64,
        updates: trained.updates,
        train_loss: f64::from(trained.train_loss),
        validation_loss: trained.validation_loss.map(f64::from),
    };
    Ok(Some(Model {
        frame,
        shape,
        levels: spec.levels.clone(),
        standard,
        weights: trained.weights,
        report,
    }))
}

impl Model {
    /// Levels of the quantiles, ascending.
    #[must_use]
    pub fn levels(&self) -> &[f64] {
        &self.levels
    }

    /// Steps forecast.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.frame.steps
    }

    /// Length of a step.
    #[must_use]
    pub fn step(&self) -> Step {
        self.frame.step
    }

    /// What training did.
    #[must_use]
    pub fn report(&self) -> Report {
        self.report
    }

    /// How many newest values of a workload a forecast looks at. More change nothing but rounding and, where the newest window
    /// hardly moves, the width of the quantiles.
    #[must_use]
    pub fn reach(&self) -> usize {
        self.frame.reach()
    }

    /// Forecasts the steps after the last value of each workload: quantiles step by step, levels ascending; `None` where
    /// less than a quarter of the newest window is known.
    ///
    /// What one workload gets does not depend on the others. Thirty-two together cost hardly more than one.
    ///
    /// # Errors
    /// As [`fit`] for the workloads, whose covariates must be as many as learned; `Cancelled`.
    pub fn predict(
        &self,
        workloads: &[Workload<'_>],
        should_stop: ShouldStop<'_>,
    ) -> Result<Vec<Option<Vec<f64>>>> {
        check::workloads(workloads, Some(self.frame.covariates), should_stop)?;
        let mut found = Vec::with_capacity(workloads.len());
        let mut batch = Batch::new(&self.shape);
        for part in workloads.chunks(LANES) {
            let mut pasts = Vec::with_capacity(part.len());
            for workload in part {
                check_stop(should_stop)?;
                let past = Past::new(workload, &self.standard);
                let at = past.len().saturating_sub(1);
                pasts.push((past, at));
            }
            let windows = pasts.iter().map(|(past, at)| (past, *at));
            found.extend(self.forward(&mut batch, windows));
        }
        Ok(found)
    }

    /// As [`Model::predict`] after each of `places` of one workload, which sees nothing beyond it.
    fn predict_after(
        &self,
        workload: &Workload<'_>,
        places: &[usize],
        should_stop: ShouldStop<'_>,
    ) -> Result<Vec<Option<Vec<f64>>>> {
        check::workloads(&[*workload], Some(self.frame.covariates), should_stop)?;
        let past = Past::new(workload, &self.standard);
        let mut found = Vec::with_capacity(places.len());
        let mut batch = Batch::new(&self.shape);
        for part in places.chunks(LANES) {
            check_stop(should_stop)?;
            let windows = part.iter().map(|at| (&past, *at));
            found.extend(self.forward(&mut batch, windows));
        }
        Ok(found)
    }

    /// Quantiles after as many places of pasts as there are lanes, at most.
    fn forward<'a>(
        &self,
        batch: &mut Batch,
        windows: impl Iterator<Item = (&'a Past, usize)>,
    ) -> Vec<Option<Vec<f64>>> {
        let mut x = vec![0.0; self.frame.window * self.frame.inputs()];
        let mut z = vec![0.0; self.frame.direct()];
        let y = vec![f32::NAN; self.frame.steps];
        let mut scales = Vec::with_capacity(LANES);
        for (lane, (past, at)) in windows.enumerate() {
            let scale = past.scale(&self.frame, at);
            if let Some(scale) = scale {
                past.read(&self.frame, at, scale, &mut x, &mut z);
                batch.load(lane, &x, &z, &y, 0.0);
            }
            scales.push(scale);
        }
        batch.forward(&self.weights);
        let outputs = &batch.q[..self.shape.outputs()];
        let values = |(lane, scale): (usize, Option<window::Scale>)| {
            scale.map(|scale| outputs.iter().map(|q| scale.value(q[lane])).collect())
        };
        scales.into_iter().enumerate().map(values).collect()
    }
}
