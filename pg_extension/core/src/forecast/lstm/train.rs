//! Adam (Kingma and Ba 2015) on shuffled batches, the rate falling to zero, stopped when the newest windows no longer gain.

use super::kernel::LANES;
use super::network::Batch;
use super::sample::{Samples, Sets};
use super::shape::Shape;
use crate::error::{Error, ErrorKind, Result};
use crate::random::SplitMix;
use crate::time::{ShouldStop, check_stop};

/// The usual constants of Adam.
const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// Longest gradient that is believed.
const MAX_GRADIENT: f32 = 1.0;

/// Share of each weight that an update at full rate takes away, in units of the rate (AdamW; Loshchilov and Hutter 2019): keeps
/// covariates from being learned by heart.
const DECAY: f32 = 0.03;

/// What the positive parts between quantiles start from: gaps of 0.4 of the spread.
const GAP: f32 = -2.0;

/// Updates between two words about progress: some 50 ms.
const SHOWN: u64 = 50;

/// How to train.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) epochs: usize,
    pub(super) max_updates: u64,
    pub(super) learning_rate: f32,
    pub(super) patience: usize,
    pub(super) seed: u64,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Trained {
    pub(super) weights: Vec<f32>,
    pub(super) epochs: usize,
    pub(super) updates: u64,
    pub(super) train_loss: f32,
    pub(super) validation_loss: Option<f32>,
}

/// What training draws.
#[derive(Debug)]
pub(super) struct Random(pub(super) SplitMix);

impl Random {
    /// Uniform in [-1, 1).
    pub(super) fn signed(&mut self) -> f32 {
        (self.0.bits() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn shuffle(&mut self, items: &mut [u32]) {
        for i in (1..items.len()).rev() {
            let j = (u128::from(self.0.bits()) * (i as u128 + 1)) >> 64;
            items.swap(i, usize::try_from(j).unwrap_or(i));
        }
    }
}

/// Weights before training: the layer uniform within ±1/√hidden as PyTorch's, with a forget gate that is open at first
/// (Jozefowicz et al. 2015); the head zero, so that training starts from the last value.
pub(super) fn initial(shape: &Shape, random: &mut Random) -> Vec<f32> {
    let mut weights = vec![0.0; shape.weights()];
    let bound = 1.0 / (shape.hidden as f32).sqrt();
    let columns = shape.hidden + shape.inputs;
    for row in 0..4 * shape.hidden {
        for column in 0..columns {
            weights[shape.layer_weight(row, column)] = bound * random.signed();
        }
        let is_forget = row / shape.hidden == 1;
        weights[shape.layer_weight(row, columns)] = f32::from(u8::from(is_forget));
    }
    let (levels, middle) = (shape.levels.len(), shape.middle());
    for row in (0..shape.outputs()).filter(|row| row % levels != middle) {
        weights[shape.head_weight(row, shape.hidden + shape.direct)] = GAP;
    }
    weights
}

/// Trains a network; keeps the weights of the epoch that was best on the validation windows, if there are any.
///
/// `progress` is told the number of updates made, and that of all planned, every 50.
///
/// # Errors
/// `Cancelled`, asked before each batch; `Numeric` when the loss is not finite.
pub(super) fn train(
    shape: &Shape,
    sets: &Sets,
    plan: &Plan,
    progress: &dyn Fn(u64, u64),
    should_stop: ShouldStop<'_>,
) -> Result<Trained> {
    let (samples, validation) = (&sets.train, &sets.validation);
    let mut random = Random(SplitMix(plan.seed));
    let mut adam = Adam::new(initial(shape, &mut random));
    let mut batch = Batch::new(shape);
    let mut order: Vec<u32> = (0..).take(samples.len()).collect();
    let batches = samples.len().div_ceil(LANES) as u64;
    let planned = plan.max_updates.min(batches * plan.epochs as u64).max(1);
    let mut best_epoch = 0;
    let mut trained = Trained {
        weights: Vec::new(),
        epochs: 0,
        updates: 0,
        train_loss: 0.0,
        validation_loss: None,
    };
    while trained.epochs < plan.epochs && trained.updates < planned {
        random.shuffle(&mut order);
        let (mut loss, mut seen) = (0.0, 0.0);
        for chosen in order.chunks(LANES) {
            if trained.updates == planned {
                break;
            }
            check_stop(should_stop)?;
            samples.load(&mut batch, shape, chosen);
            let n = chosen.len() as f32;
            let left = 1.0 - trained.updates as f32 / planned as f32;
            let rate = plan.learning_rate * left;
            loss += n * batch.gradient(&adam.weights, &mut adam.gradient, n);
            seen += n;
            adam.update(rate);
            trained.updates += 1;
            if trained.updates.is_multiple_of(SHOWN) {
                progress(trained.updates, planned);
            }
        }
        trained.epochs += 1;
        trained.train_loss = loss / seen;
        if !trained.train_loss.is_finite() {
            return Err(
                Error::new(ErrorKind::Numeric, "the loss of the network is not finite")
                    .with_hint("use a smaller learning rate"),
            );
        }
        if validation.len() == 0 {
            continue;
        }
        let loss = evaluate(&mut batch, shape, validation, &adam.weights, should_stop)?;
        if trained.validation_loss.is_none_or(|best| loss < best) {
            trained.validation_loss = Some(loss);
            trained.weights.clone_from(&adam.weights);
            best_epoch = trained.epochs;
        } else if trained.epochs >= best_epoch + plan.patience {
            break;
        }
    }
    if validation.len() == 0 {
        trained.weights = adam.weights;
    }
    Ok(trained)
}

/// Mean loss over `samples`.
fn evaluate(
    batch: &mut Batch,
    shape: &Shape,
    samples: &Samples,
    weights: &[f32],
    should_stop: ShouldStop<'_>,
) -> Result<f32> {
    let order: Vec<u32> = (0..).take(samples.len()).collect();
    let mut loss = 0.0;
    for chosen in order.chunks(LANES) {
        check_stop(should_stop)?;
        samples.load(batch, shape, chosen);
        loss += batch.loss(weights, samples.len() as f32);
    }
    Ok(loss)
}

#[derive(Debug)]
struct Adam {
    weights: Vec<f32>,
    gradient: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
    /// β₁ⁿ and β₂ⁿ after n updates.
    decay: (f32, f32),
}

impl Adam {
    fn new(weights: Vec<f32>) -> Self {
        let zeros = vec![0.0; weights.len()];
        Self {
            gradient: zeros.clone(),
            mean: zeros.clone(),
            square: zeros,
            weights,
            decay: (1.0, 1.0),
        }
    }

    /// Length of the gradient, summed in columns so that they can be added side by side.
    fn norm(&self) -> f32 {
        let mut sum = [0.0; LANES];
        for row in self.gradient.as_chunks::<LANES>().0 {
            sum.iter_mut().zip(row).for_each(|(s, g)| *s += g * g);
        }
        sum.iter().sum::<f32>().sqrt()
    }

    fn update(&mut self, rate: f32) {
        self.decay = (self.decay.0 * BETA_1, self.decay.1 * BETA_2);
        let norm = self.norm();
        let shrink = if norm > MAX_GRADIENT {
            MAX_GRADIENT / norm
        } else {
            1.0
        };
        let step = rate / (1.0 - self.decay.0);
        let correction = 1.0 / (1.0 - self.decay.1);
        let moments = self.mean.iter_mut().zip(&mut self.square);
        for ((w, g), (m, s)) in self.weights.iter_mut().zip(&self.gradient).zip(moments) {
            let g = g * shrink;
            *m = BETA_1 * *m + (1.0 - BETA_1) * g;
            *s = BETA_2 * *s + (1.0 - BETA_2) * g * g;
            *w -= step * *m / ((*s * correction).sqrt() + EPSILON) + rate * DECAY * *w;
        }
    }
}
