//! k-means.

use super::super::random::Random;
use crate::error::Result;
use crate::time::{ShouldStop, check_stop};

/// Most passes of Lloyd's algorithm; it mostly stands still after ten.
const MAX_PASSES: usize = 100;

/// A clustering.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Means {
    /// Centres, one after the other.
    pub(super) centre: Vec<f64>,
    /// Sum of the squared distances to the nearest centre.
    pub(super) inertia: f64,
}

/// One run of Lloyd's algorithm from centres chosen by k-means++ (Arthur and Vassilvitskii 2007).
pub(super) fn k_means(
    dimension: usize,
    value: &[f64],
    k: usize,
    random: &mut Random,
    should_stop: ShouldStop<'_>,
) -> Result<Means> {
    let mut centre = plus_plus(dimension, value, k, random);
    let mut inertia = f64::INFINITY;
    for _ in 0..MAX_PASSES {
        check_stop(should_stop)?;
        let mut sum = vec![0.0; centre.len()];
        let mut n = vec![0.0; k];
        let mut now = 0.0;
        for row in value.chunks_exact(dimension) {
            let (nearest, square) = nearest(row, &centre);
            now += square;
            n[nearest] += 1.0;
            let sum = &mut sum[nearest * dimension..(nearest + 1) * dimension];
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        // Rounding may keep it from standing still exactly.
        if now >= inertia * (1.0 - 1e-12) {
            break;
        }
        inertia = now;
        for (k, n) in n.iter().enumerate().filter(|(_, n)| **n > 0.0) {
            for axis in k * dimension..(k + 1) * dimension {
                centre[axis] = sum[axis] / n;
            }
        }
    }
    Ok(Means { centre, inertia })
}

/// The first centre any point, each further one a point drawn with the square of its distance to the nearest so far.
fn plus_plus(dimension: usize, value: &[f64], k: usize, random: &mut Random) -> Vec<f64> {
    let n = value.len() / dimension;
    let row = |idx: usize| &value[idx * dimension..(idx + 1) * dimension];
    let mut centre = row(random.below(n)).to_vec();
    let mut square: Vec<f64> = vec![f64::INFINITY; n];
    while centre.len() < k * dimension {
        let newest = &centre[centre.len() - dimension..];
        for (square, row) in square.iter_mut().zip(value.chunks_exact(dimension)) {
            *square = square.min(square_between(row, newest));
        }
        let mut left = random.uniform() * square.iter().sum::<f64>();
        let drawn = square.iter().position(|square| {
            left -= square;
            left < 0.0
        });
        centre.extend_from_slice(row(drawn.unwrap_or(n - 1)));
    }
    centre
}

/// The nearest centre and the square of the distance to it.
fn nearest(row: &[f64], centre: &[f64]) -> (usize, f64) {
    let squares = centre
        .chunks_exact(row.len())
        .map(|centre| square_between(row, centre));
    squares
        .enumerate()
        .fold((0, f64::INFINITY), |best, (k, square)| {
            if square < best.1 { (k, square) } else { best }
        })
}

fn square_between(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
