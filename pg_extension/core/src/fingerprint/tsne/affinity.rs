//! Affinities: how much each pair of neighbours attends to each other.

use super::neighbour::{Near, index};
use super::single;
use crate::error::Result;
use crate::sample::flat::reserved;
use crate::time::{ShouldStop, check_stop};

/// How close ln(perplexity) must come, and in how many steps; both as in scikit-learn.
const TOLERANCE: f64 = 1e-5;
const MAX_STEPS: usize = 100;

/// Vectors between two looks at `should_stop`.
const ROWS_PER_LOOK: usize = 64;

/// Joint affinities p_ij, a sparse symmetric matrix that sums to one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Affinity {
    /// Where the entries of each row begin; one more than there are rows.
    pub(super) start: Vec<usize>,
    pub(super) column: Vec<u32>,
    pub(super) value: Vec<f32>,
}

/// p_ij = (p_j|i + p_i|j) / 2n with p_j|i ∝ exp(−β_i d²_ij) over the neighbours of i, β_i such that the perplexity of
/// row i is the one asked for.
pub(super) fn joint(
    near: &Near,
    n_neighbours: usize,
    perplexity: f64,
    should_stop: ShouldStop<'_>,
) -> Result<Affinity> {
    let mut conditional: Vec<f64> = reserved(near.len())?;
    let mut beta = 1.0;
    for (idx, row) in near.chunks_exact(n_neighbours).enumerate() {
        if idx.is_multiple_of(ROWS_PER_LOOK) {
            check_stop(should_stop)?;
        }
        beta = row_affinities(row, perplexity.ln(), beta, &mut conditional);
    }
    symmetric(near, n_neighbours, &conditional, should_stop)
}

/// Appends p_j|i of one row and returns its β. The search begins at the β of the row before: ids are often times, and
/// neighbours in time alike.
fn row_affinities(row: &[(f64, u32)], entropy: f64, guess: f64, out: &mut Vec<f64>) -> f64 {
    let start = out.len();
    let nearest = row
        .iter()
        .fold(f64::INFINITY, |least, (square, _)| least.min(*square));
    let (mut low, mut high, mut beta) = (0.0f64, f64::INFINITY, guess);
    for _ in 0..MAX_STEPS {
        out.truncate(start);
        let (mut sum, mut weighted) = (0.0, 0.0);
        for (square, _) in row {
            let p = (-beta * (square - nearest)).exp();
            sum += p;
            weighted += p * (square - nearest);
            out.push(p);
        }
        // Shannon entropy of p / sum.
        let error = sum.ln() + beta * weighted / sum - entropy;
        out[start..].iter_mut().for_each(|p| *p /= sum);
        if error.abs() <= TOLERANCE {
            break;
        }
        let bound = if error > 0.0 { &mut low } else { &mut high };
        *bound = beta;
        beta = if high.is_infinite() {
            beta * 2.0
        } else {
            f64::midpoint(low, high)
        };
        if !beta.is_normal() {
            break;
        }
    }
    if beta.is_normal() { beta } else { 1.0 }
}

fn symmetric(
    near: &Near,
    n_neighbours: usize,
    conditional: &[f64],
    should_stop: ShouldStop<'_>,
) -> Result<Affinity> {
    let n = near.len() / n_neighbours;
    // Row i of the transposed matrix: who has i as a neighbour, ascending since rows are visited in order.
    let mut back_start = vec![0usize; n + 1];
    near.iter()
        .for_each(|(_, j)| back_start[*j as usize + 1] += 1);
    (0..n).for_each(|i| back_start[i + 1] += back_start[i]);
    let mut back = vec![(0u32, 0.0f64); near.len()];
    let mut free = back_start.clone();
    for (at, (_, j)) in near.iter().enumerate() {
        let slot = &mut free[*j as usize];
        back[*slot] = (index(at / n_neighbours), conditional[at]);
        *slot += 1;
    }
    let mut out = Affinity {
        start: reserved(n + 1)?,
        column: reserved(2 * near.len())?,
        value: reserved(2 * near.len())?,
    };
    let mut row: Vec<(u32, f64)> = Vec::with_capacity(2 * n_neighbours);
    for i in 0..n {
        if i.is_multiple_of(ROWS_PER_LOOK) {
            check_stop(should_stop)?;
        }
        out.start.push(out.column.len());
        row.clear();
        let own = i * n_neighbours..(i + 1) * n_neighbours;
        row.extend(
            near[own.clone()]
                .iter()
                .map(|(_, j)| *j)
                .zip(conditional[own].iter().copied()),
        );
        row.extend_from_slice(&back[back_start[i]..back_start[i + 1]]);
        // A column is there once or twice, and a + b is b + a.
        row.sort_unstable_by_key(|(j, _)| *j);
        for pair in row.chunk_by(|a, b| a.0 == b.0) {
            let sum: f64 = pair.iter().map(|(_, p)| p).sum();
            out.column.push(pair[0].0);
            out.value.push(single(sum / (2 * n) as f64));
        }
    }
    out.start.push(out.column.len());
    Ok(out)
}
