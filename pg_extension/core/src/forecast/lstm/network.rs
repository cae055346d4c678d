//! The network: one LSTM layer (Hochreiter and Schmidhuber 1997, with forget gates), a linear head, quantiles that cannot cross.
//!
//! With u = (h before, x, 1): gates (i, f, g, o) = W u; c = σ(f) c + σ(i) tanh(g); h = σ(o) tanh(c). After the window the head
//! gives r = V (h, z, 1); per step the middle quantile is its r, and each one further out lies a positive amount
//! [`positive`](super::kernel::positive) of its own r beyond its neighbour.

use prescale_simd::{Work, widest};

use super::kernel::{LANES, Lanes, add_product, logistic, positive, tanh};
use super::shape::Shape;

/// What goes through the network together: up to [`LANES`] samples, and all that is kept for the way back.
#[derive(Debug)]
pub(super) struct Batch {
    shape: Shape,
    /// u per window, and one more that receives the last h.
    u: Vec<Lanes>,
    /// σ or tanh of the gates per window; their gradients on the way back.
    gates: Vec<Lanes>,
    /// c per window, after a first one of zeros.
    c: Vec<Lanes>,
    tanh_c: Vec<Lanes>,
    /// (h, z, 1).
    head: Vec<Lanes>,
    /// Quantiles per step and level.
    pub(super) q: Vec<Lanes>,
    /// Slope of each positive part.
    slope: Vec<Lanes>,
    /// Targets per step; NaN where there is none.
    pub(super) y: Vec<Lanes>,
    /// How much each sample counts; zero where a lane is empty.
    pub(super) weight: Lanes,
    scratch: Scratch,
}

/// Room for the way back.
#[derive(Debug)]
struct Scratch {
    transposed: Vec<f32>,
    weights: Vec<f32>,
    dh: Vec<Lanes>,
    dc: Vec<Lanes>,
}

const ZERO: Lanes = [0.0; LANES];

impl Batch {
    pub(super) fn new(shape: &Shape) -> Self {
        let (hidden, window) = (shape.hidden, shape.window);
        let (layer, layer_stride) = shape.layer();
        let (head, head_stride) = shape.head();
        let lanes = |n: usize| vec![ZERO; n];
        let mut batch = Self {
            u: lanes((window + 1) * layer),
            gates: lanes(window * 4 * hidden),
            c: lanes((window + 1) * hidden),
            tanh_c: lanes(window * hidden),
            head: lanes(head),
            q: lanes(shape.output_rows()),
            slope: lanes(shape.output_rows()),
            y: lanes(shape.steps),
            weight: ZERO,
            scratch: Scratch {
                transposed: vec![0.0; LANES * layer_stride.max(head_stride)],
                weights: vec![0.0; hidden * (4 * hidden).max(shape.output_rows())],
                dh: lanes(hidden),
                dc: lanes(hidden),
            },
            shape: shape.clone(),
        };
        let ones = [1.0; LANES];
        batch
            .u
            .chunks_exact_mut(layer)
            .for_each(|u| u[layer - 1] = ones);
        batch.head[head - 1] = ones;
        batch
    }

    /// Puts a sample into a lane: `x` window by window, `z`, targets and weight.
    pub(super) fn load(&mut self, lane: usize, x: &[f32], z: &[f32], y: &[f32], weight: f32) {
        let (hidden, inputs) = (self.shape.hidden, self.shape.inputs);
        let layer = self.shape.layer().0;
        for (u, x) in self.u.chunks_exact_mut(layer).zip(x.chunks_exact(inputs)) {
            for (u, x) in u[hidden..].iter_mut().zip(x) {
                u[lane] = *x;
            }
        }
        for (to, z) in self.head[hidden..].iter_mut().zip(z) {
            to[lane] = *z;
        }
        for (to, y) in self.y.iter_mut().zip(y) {
            to[lane] = *y;
        }
        self.weight[lane] = weight;
    }

    /// From the loaded samples to the quantiles `q`.
    pub(super) fn forward(&mut self, weights: &[f32]) {
        widest(Forward(self, weights));
    }

    /// Forward, and the loss alone.
    pub(super) fn loss(&mut self, weights: &[f32], samples: f32) -> f32 {
        widest(Loss(self, weights, samples))
    }

    /// Forward, and the gradient of the weighted pinball loss. Returns the loss: the sum over samples, steps with a target and
    /// levels, divided by `samples` × steps × levels.
    pub(super) fn gradient(&mut self, weights: &[f32], gradient: &mut [f32], samples: f32) -> f32 {
        widest(Gradient(self, weights, gradient, samples))
    }
}

struct Loss<'a>(&'a mut Batch, &'a [f32], f32);
struct Forward<'a>(&'a mut Batch, &'a [f32]);
pub(super) struct Gradient<'a>(
    pub(super) &'a mut Batch,
    pub(super) &'a [f32],
    pub(super) &'a mut [f32],
    pub(super) f32,
);

impl Work for Forward<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        forward(self.0, self.1);
    }
}

impl Work for Loss<'_> {
    type Output = f32;
    #[inline(always)]
    fn run(self) -> f32 {
        forward(self.0, self.1);
        loss(self.0, self.2)
    }
}

impl Work for Gradient<'_> {
    type Output = f32;
    #[inline(always)]
    fn run(self) -> f32 {
        let Self(batch, weights, gradient, samples) = self;
        forward(batch, weights);
        let loss = loss(batch, samples);
        backward(batch, weights, gradient);
        loss
    }
}

#[inline(always)]
fn forward(batch: &mut Batch, weights: &[f32]) {
    let Batch {
        shape,
        u,
        gates,
        c,
        tanh_c,
        head,
        q,
        slope,
        ..
    } = batch;
    let hidden = shape.hidden;
    let (layer, layer_stride) = shape.layer();
    let (w, v) = weights.split_at(shape.head_start());
    for t in 0..shape.window {
        let (u, next) = u[t * layer..].split_at_mut(layer);
        let gates = &mut gates[t * 4 * hidden..][..4 * hidden];
        gates.fill(ZERO);
        add_product(
            gates.as_flattened_mut(),
            (w, layer_stride),
            (u.as_flattened(), LANES),
        );
        let (before, after) = c[t * hidden..].split_at_mut(hidden);
        for j in 0..hidden {
            // Copies on the stack: the compiler sees that they do not overlap, and keeps them in registers.
            let [mut i, mut f] = [gates[j], gates[hidden + j]];
            let [mut g, mut o] = [gates[2 * hidden + j], gates[3 * hidden + j]];
            let [mut cell, mut squashed, mut h] = [before[j], ZERO, ZERO];
            for l in 0..LANES {
                i[l] = logistic(i[l]);
                f[l] = logistic(f[l]);
                g[l] = tanh(g[l]);
                o[l] = logistic(o[l]);
                cell[l] = f[l] * cell[l] + i[l] * g[l];
                squashed[l] = tanh(cell[l]);
                h[l] = o[l] * squashed[l];
            }
            (after[j], tanh_c[t * hidden + j], next[j]) = (cell, squashed, h);
            (gates[j], gates[hidden + j]) = (i, f);
            (gates[2 * hidden + j], gates[3 * hidden + j]) = (g, o);
        }
    }
    head[..hidden].copy_from_slice(&u[shape.window * layer..][..hidden]);
    q.fill(ZERO);
    add_product(
        q.as_flattened_mut(),
        (v, shape.head().1),
        (head.as_flattened(), LANES),
    );
    spread(shape, q, slope);
}

/// Turns what the head gives into ascending quantiles.
#[inline(always)]
fn spread(shape: &Shape, q: &mut [Lanes], slope: &mut [Lanes]) {
    let (levels, middle) = (shape.levels.len(), shape.middle());
    for (q, slope) in q
        .chunks_exact_mut(levels)
        .zip(slope.chunks_exact_mut(levels))
        .take(shape.steps)
    {
        for k in (0..middle).rev() {
            for l in 0..LANES {
                let (gap, d) = positive(q[k][l]);
                (q[k][l], slope[k][l]) = (q[k + 1][l] - gap, -d);
            }
        }
        for k in middle + 1..levels {
            for l in 0..LANES {
                let (gap, d) = positive(q[k][l]);
                (q[k][l], slope[k][l]) = (q[k - 1][l] + gap, d);
            }
        }
    }
}

/// The loss; `q` becomes its gradient with respect to what the head gave.
#[inline(always)]
fn loss(batch: &mut Batch, samples: f32) -> f32 {
    let Batch {
        shape,
        q,
        slope,
        y,
        weight,
        ..
    } = batch;
    let (levels, middle) = (shape.levels.len(), shape.middle());
    let share = 1.0 / (samples * shape.outputs() as f32);
    let mut sum = ZERO;
    for ((q, slope), y) in q
        .chunks_exact_mut(levels)
        .zip(slope.chunks_exact(levels))
        .zip(y.iter())
    {
        for (q, level) in q.iter_mut().zip(&shape.levels) {
            for l in 0..LANES {
                let miss = y[l] - q[l];
                let pull = if miss >= 0.0 { *level } else { level - 1.0 };
                // A missing target compares unequal to itself: no loss, no gradient.
                let counts = if miss.is_nan() {
                    0.0
                } else {
                    share * weight[l]
                };
                sum[l] += if miss.is_nan() {
                    0.0
                } else {
                    counts * pull * miss
                };
                q[l] = -counts * pull;
            }
        }
        // An outer quantile moves with all that lie between it and the middle.
        for k in 0..middle {
            for l in 0..LANES {
                q[k + 1][l] += q[k][l];
                q[k][l] *= slope[k][l];
            }
        }
        for k in (middle + 1..levels).rev() {
            for l in 0..LANES {
                q[k - 1][l] += q[k][l];
                q[k][l] *= slope[k][l];
            }
        }
    }
    sum.iter().sum()
}

#[inline(always)]
fn backward(batch: &mut Batch, weights: &[f32], gradient: &mut [f32]) {
    let Batch {
        shape,
        u,
        gates,
        c,
        tanh_c,
        head,
        q,
        scratch,
        ..
    } = batch;
    let hidden = shape.hidden;
    let (layer, layer_stride) = shape.layer();
    let head_stride = shape.head().1;
    let (w, v) = weights.split_at(shape.head_start());
    let (dw, dv) = gradient.split_at_mut(shape.head_start());
    let Scratch {
        transposed,
        weights,
        dh,
        dc,
    } = scratch;

    dw.fill(0.0);
    dv.fill(0.0);
    let dq = q.as_flattened();
    add_outer(dv, (dq, head), head_stride, transposed);
    let of_hidden = columns(weights, v, head_stride, hidden);
    dh.fill(ZERO);
    add_product(
        dh.as_flattened_mut(),
        (of_hidden, v.len() / head_stride),
        (dq, LANES),
    );

    dc.fill(ZERO);
    let of_hidden = columns(weights, w, layer_stride, hidden);
    for t in (0..shape.window).rev() {
        let gates = &mut gates[t * 4 * hidden..][..4 * hidden];
        let (before, tanh_c) = (&c[t * hidden..][..hidden], &tanh_c[t * hidden..][..hidden]);
        for j in 0..hidden {
            let [mut i, mut f] = [gates[j], gates[hidden + j]];
            let [mut g, mut o] = [gates[2 * hidden + j], gates[3 * hidden + j]];
            let (before, squashed, h, mut carry) = (before[j], tanh_c[j], dh[j], dc[j]);
            for l in 0..LANES {
                let s = squashed[l];
                let cell = carry[l] + h[l] * o[l] * (1.0 - s * s);
                carry[l] = cell * f[l];
                o[l] = h[l] * s * o[l] * (1.0 - o[l]);
                f[l] = cell * before[l] * f[l] * (1.0 - f[l]);
                let into = cell * i[l];
                i[l] = cell * g[l] * i[l] * (1.0 - i[l]);
                g[l] = into * (1.0 - g[l] * g[l]);
            }
            dc[j] = carry;
            (gates[j], gates[hidden + j]) = (i, f);
            (gates[2 * hidden + j], gates[3 * hidden + j]) = (g, o);
        }
        let gates = gates.as_flattened();
        add_outer(
            dw,
            (gates, &u[t * layer..][..layer]),
            layer_stride,
            transposed,
        );
        dh.fill(ZERO);
        add_product(
            dh.as_flattened_mut(),
            (of_hidden, 4 * hidden),
            (gates, LANES),
        );
    }
}

/// Adds what a batch says about weights: `gradient += d · inputᵀ`, a product of rank [`LANES`] over the transposed input.
#[inline(always)]
fn add_outer(
    gradient: &mut [f32],
    (d, input): (&[f32], &[Lanes]),
    stride: usize,
    transposed: &mut [f32],
) {
    let transposed = &mut transposed[..LANES * stride];
    for (row, input) in input.iter().enumerate() {
        for (l, value) in input.iter().enumerate() {
            transposed[l * stride + row] = *value;
        }
    }
    for l in 0..LANES {
        transposed[l * stride + input.len()..(l + 1) * stride].fill(0.0);
    }
    add_product(gradient, (d, LANES), (transposed, stride));
}

/// The first `n` columns of a matrix, as rows.
#[inline(always)]
fn columns<'a>(to: &'a mut [f32], from: &[f32], stride: usize, n: usize) -> &'a [f32] {
    let rows = from.len() / stride;
    for (row, from) in from.chunks_exact(stride).enumerate() {
        for column in 0..n {
            to[column * rows + row] = from[column];
        }
    }
    &to[..n * rows]
}
