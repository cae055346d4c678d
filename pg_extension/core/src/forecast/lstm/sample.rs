//! Windows to learn from and windows to stop by, taken from the pasts of all workloads.

use super::network::Batch;
use super::shape::Shape;
use super::standard::Standard;
use super::window::{Frame, Past, Scale};
use super::{Spec, Workload};
use crate::error::Result;
use crate::sample::flat::reserved;
use crate::time::{ShouldStop, check_stop};

/// Most bytes of windows in memory while training.
const MAX_BYTES: usize = 128 << 20;

/// No window counts more than this many usual ones of its workload.
const MAX_WEIGHT: f64 = 4.0;

/// Windows one after the other.
#[derive(Debug)]
pub(super) struct Samples {
    x: Vec<f32>,
    z: Vec<f32>,
    y: Vec<f32>,
    weight: Vec<f32>,
}

/// Windows to learn from, and the newest ones of each workload to stop by.
#[derive(Debug)]
pub(super) struct Sets {
    pub(super) train: Samples,
    pub(super) validation: Samples,
    pub(super) stride: usize,
}

impl Sets {
    /// Every `stride`-th window of all workloads in turn; the targets of those to learn from end where the others' begin.
    pub(super) fn gather(
        workloads: &[Workload<'_>],
        spec: &Spec,
        frame: &Frame,
        standard: &Standard,
        should_stop: ShouldStop<'_>,
    ) -> Result<Self> {
        let bytes = 4 * (frame.window * frame.inputs() + frame.direct() + frame.steps + 1);
        let most = spec.max_windows.min(MAX_BYTES / bytes);
        let total: usize = workloads.iter().map(|w| w.values.len()).sum();
        let stride = total.div_ceil(most).max(1);
        let mut sets = Self {
            train: Samples::with_room(total / stride + 1, frame)?,
            validation: Samples::with_room(
                held_back(total, spec.validation) / stride + workloads.len(),
                frame,
            )?,
            stride,
        };
        let mut turn = 0;
        for workload in workloads {
            check_stop(should_stop)?;
            let past = Past::new(workload, standard);
            let split = past.len() - held_back(past.len(), spec.validation);
            let (first, first_validation) = (sets.train.len(), sets.validation.len());
            for at in 0..past.len().saturating_sub(frame.steps) {
                turn += 1;
                if turn % stride != 0 {
                    continue;
                }
                let set = if at + frame.steps < split {
                    &mut sets.train
                } else if at + 1 >= split {
                    &mut sets.validation
                } else {
                    continue;
                };
                if let Some(scale) = past.scale(frame, at) {
                    set.add(&past, frame, at, scale);
                }
                if turn % (1024 * stride) == 0 {
                    check_stop(should_stop)?;
                }
            }
            let usual = sets.train.usual(first);
            sets.train.weigh(first, usual);
            sets.validation.weigh(first_validation, usual);
        }
        Ok(sets)
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most half of n"
)]
pub(super) fn held_back(n: usize, share: f64) -> usize {
    (n as f64 * share) as usize
}

impl Samples {
    fn with_room(n: usize, frame: &Frame) -> Result<Self> {
        Ok(Self {
            x: reserved(n * frame.window * frame.inputs())?,
            z: reserved(n * frame.direct())?,
            y: reserved(n * frame.steps)?,
            weight: reserved(n)?,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.weight.len()
    }

    /// Adds the window that ends at `at`, unless nothing is known after it; its weight is what a unit is worth there.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the network computes in f32"
    )]
    fn add(&mut self, past: &Past, frame: &Frame, at: usize, scale: Scale) {
        let (x, z, y) = (self.x.len(), self.z.len(), self.y.len());
        self.y.extend(past.targets(frame, at, scale));
        if self.y[y..].iter().all(|y| y.is_nan()) {
            self.y.truncate(y);
            return;
        }
        self.x.resize(x + frame.window * frame.inputs(), 0.0);
        self.z.resize(z + frame.direct(), 0.0);
        past.read(frame, at, scale, &mut self.x[x..], &mut self.z[z..]);
        self.weight.push(scale.worth() as f32);
    }

    /// Mean weight from `first` on.
    fn usual(&self, first: usize) -> f64 {
        let weights = &self.weight[first..];
        weights.iter().map(|w| f64::from(*w)).sum::<f64>() / weights.len().max(1) as f64
    }

    /// Makes the weights from `first` on relative to the usual one, so that no workload counts for its size.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the network computes in f32"
    )]
    fn weigh(&mut self, first: usize, usual: f64) {
        for weight in &mut self.weight[first..] {
            let relative = f64::from(*weight) / usual;
            *weight = if relative.is_finite() {
                relative.min(MAX_WEIGHT) as f32
            } else {
                1.0
            };
        }
    }

    /// Puts the windows `chosen` into the lanes of a batch; the others stay empty.
    pub(super) fn load(&self, batch: &mut Batch, shape: &Shape, chosen: &[u32]) {
        let x = shape.window * shape.inputs;
        batch.weight.fill(0.0);
        for (lane, &i) in chosen.iter().enumerate() {
            let i = i as usize;
            batch.load(
                lane,
                &self.x[i * x..(i + 1) * x],
                &self.z[i * shape.direct..(i + 1) * shape.direct],
                &self.y[i * shape.steps..(i + 1) * shape.steps],
                self.weight[i],
            );
        }
    }
}
