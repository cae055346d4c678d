//! The network against PyTorch, finite differences and itself on narrower registers.
#![allow(
    clippy::cast_possible_truncation,
    reason = "the network computes in f32"
)]

use prescale_simd::Work;
use proptest::prelude::*;
use serde_json::Value;

use super::super::kernel::{LANES, logistic, tanh};
use super::super::network::{Batch, Gradient};
use super::super::shape::Shape;
use super::super::train::{Random, initial};
use crate::random::SplitMix;

/// The largest size of a difference between f32 and PyTorch's f64 in numbers of order one, summed over 6 windows.
const TOLERANCE: f32 = 2e-6;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../../../../tests/golden/lstm.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    let of = |v: &Value| v.as_f64().map_or(f32::NAN, |x| x as f32);
    value.as_array().unwrap().iter().map(of).collect()
}

fn size(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn golden_shape(g: &Value) -> Shape {
    Shape {
        window: size(&g["window"]),
        inputs: size(&g["inputs"]),
        hidden: size(&g["hidden"]),
        direct: size(&g["direct"]),
        steps: size(&g["steps"]),
        levels: numbers(&g["levels"]),
    }
}

/// PyTorch's rows in our layout: (place, number).
fn placed(shape: &Shape, rows: &Value) -> Vec<(usize, f32)> {
    let mut out = Vec::new();
    for (name, place) in [
        (
            "layer",
            Shape::layer_weight as fn(&Shape, usize, usize) -> usize,
        ),
        ("head", Shape::head_weight),
    ] {
        for (row, values) in rows[name].as_array().unwrap().iter().enumerate() {
            let values = numbers(values).into_iter().enumerate();
            out.extend(values.map(|(column, x)| (place(shape, row, column), x)));
        }
    }
    out
}

fn assert_near(ours: f32, theirs: f32, what: &str) {
    assert!(
        (ours - theirs).abs() <= TOLERANCE,
        "{what}: {ours} against {theirs}"
    );
}

#[test]
fn quantiles_loss_and_gradient_are_those_of_pytorch() {
    let g = golden();
    let shape = golden_shape(&g);
    let mut weights = vec![0.0; shape.weights()];
    for (place, x) in placed(&shape, &g["weights"]) {
        weights[place] = x;
    }
    let mut batch = Batch::new(&shape);
    let n = g["x"].as_array().unwrap().len();
    let weight = numbers(&g["weight"]);
    for (lane, weight) in weight.iter().enumerate() {
        let [x, z, y] = ["x", "z", "y"].map(|name| numbers(&g[name][lane]));
        batch.load(lane, &x, &z, &y, *weight);
    }
    batch.forward(&weights);
    for lane in 0..n {
        for (ours, theirs) in batch.q.iter().zip(numbers(&g["q"][lane])) {
            assert_near(ours[lane], theirs, "quantile");
        }
    }
    let mut gradient = vec![0.0; weights.len()];
    let loss = batch.gradient(&weights, &mut gradient, n as f32);
    assert_near(loss, g["loss"].as_f64().unwrap() as f32, "loss");
    for (place, theirs) in placed(&shape, &g["gradient"]) {
        assert_near(gradient[place], theirs, "gradient");
    }
    let known: f32 = placed(&shape, &g["gradient"])
        .iter()
        .map(|(_, x)| x.abs())
        .sum();
    let all: f32 = gradient.iter().map(|x| x.abs()).sum();
    assert_near(all, known, "padding has no gradient");
}

/// Network and batch of random numbers.
fn random(seed: u64, shape: &Shape) -> (Vec<f32>, Batch) {
    let mut random = Random(SplitMix(seed));
    let mut weights = initial(shape, &mut random);
    for row in 0..shape.outputs() {
        for column in 0..=shape.hidden + shape.direct {
            weights[shape.head_weight(row, column)] = random.signed();
        }
    }
    let mut batch = Batch::new(shape);
    let mut some = |n: usize| (0..n).map(|_| 2.0 * random.signed()).collect::<Vec<_>>();
    for lane in 0..LANES {
        let (x, z, y) = (
            some(shape.window * shape.inputs),
            some(shape.direct),
            some(shape.steps),
        );
        batch.load(lane, &x, &z, &y, 1.0);
    }
    (weights, batch)
}

fn shape() -> Shape {
    Shape {
        window: 12,
        inputs: 3,
        hidden: 16,
        direct: 5,
        steps: 7,
        levels: vec![0.05, 0.3, 0.5, 0.6, 0.95],
    }
}

#[test]
fn gradient_is_the_slope_of_the_loss() {
    let shape = shape();
    let (weights, mut batch) = random(3, &shape);
    let mut gradient = vec![0.0; weights.len()];
    batch.gradient(&weights, &mut gradient, LANES as f32);
    let mut direction = Random(SplitMix(4));
    for _ in 0..20 {
        let d: Vec<f32> = gradient.iter().map(|_| direction.signed()).collect();
        let mut at = |h: f32| {
            let moved: Vec<f32> = weights.iter().zip(&d).map(|(w, d)| w + h * d).collect();
            f64::from(batch.loss(&moved, LANES as f32))
        };
        let h = 1e-3;
        let slope = (at(h) - at(-h)) / f64::from(2.0 * h);
        let promised: f64 = gradient.iter().zip(&d).map(|(g, d)| f64::from(g * d)).sum();
        // The loss is known to 1e-7, divided by 2h; it has kinks.
        assert!(
            (slope - promised).abs() < 2e-3 * (1.0 + promised.abs()),
            "{slope} against {promised}"
        );
    }
}

#[test]
fn all_register_widths_give_the_same_bits() {
    let shape = shape();
    let (weights, mut batch) = random(5, &shape);
    let [mut wide, mut narrow] = [0, 1].map(|_| vec![0.0; weights.len()]);
    let loss = batch.gradient(&weights, &mut wide, LANES as f32);
    let alone = Gradient(&mut batch, &weights, &mut narrow, LANES as f32).run();
    assert_eq!(loss.to_bits(), alone.to_bits());
    assert!(
        wide.iter()
            .zip(&narrow)
            .all(|(a, b)| a.to_bits() == b.to_bits())
    );
}

#[test]
fn logistic_and_tanh_are_accurate_everywhere() {
    for i in -20_000..20_000 {
        let x = i as f32 * 0.005;
        let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
        assert!(
            (f64::from(logistic(x)) - exact).abs() < 1e-7,
            "logistic({x})"
        );
        assert!(
            (f64::from(tanh(x)) - f64::from(x).tanh()).abs() < 3e-7,
            "tanh({x})"
        );
    }
    let bounds = [f32::NEG_INFINITY, f32::INFINITY].map(logistic);
    assert!(bounds[0] < 1e-37 && bounds[1].to_bits() == 1.0_f32.to_bits());
}

proptest! {
    #[test]
    fn quantiles_never_cross(seed: u64) {
        let shape = shape();
        let (weights, mut batch) = random(seed, &shape);
        batch.forward(&weights);
        for q in batch.q[..shape.outputs()].chunks_exact(shape.levels.len()) {
            for lane in 0..LANES {
                prop_assert!(q.windows(2).all(|pair| pair[0][lane] <= pair[1][lane]));
            }
        }
    }
}
