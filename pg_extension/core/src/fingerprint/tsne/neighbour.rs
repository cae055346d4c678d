//! Exact nearest neighbours, by looking at all pairs.
//!
//! A tree would look at fewer, but 10,000 × 8 pairs take a tenth of a second here because the inner loop runs over columns
//! in vector registers, and nothing gets slower with the number of columns than in proportion.

use crate::error::Result;
use crate::sample::flat::reserved;
use crate::time::{ShouldStop, check_stop};

/// The nearest of each vector: `n_neighbours` pairs of (square of the distance, index) a vector, in no order.
pub(super) type Near = Vec<(f64, u32)>;

/// Vectors whose distances to one vector are held at a time: 4 KB, well inside the first-level cache.
const BLOCK: usize = 512;

/// Candidates are cut back to the nearest ones when there are this many times more.
const SLACK: usize = 4;

/// Pairs between two looks at `should_stop`, a few milliseconds.
const PAIRS_PER_LOOK: usize = 1 << 20;

/// The `n_neighbours` nearest of each vector other than itself; of equally far ones those with the lowest index.
pub(super) fn nearest(
    dimension: usize,
    value: &[f64],
    n_neighbours: usize,
    should_stop: ShouldStop<'_>,
) -> Result<Near> {
    let n = value.len() / dimension.max(1);
    let columns = columns(dimension, value)?;
    let mut out = reserved(n * n_neighbours)?;
    let mut candidates: Near = reserved(n_neighbours * SLACK + BLOCK)?;
    let rows_per_look = (PAIRS_PER_LOOK / n.max(1) / dimension.max(1)).max(1);
    for (idx, row) in value.chunks_exact(dimension).enumerate() {
        if idx.is_multiple_of(rows_per_look) {
            check_stop(should_stop)?;
        }
        candidates.clear();
        let mut farthest = f64::INFINITY;
        for start in (0..n).step_by(BLOCK) {
            let mut square = [0.0; BLOCK];
            let len = BLOCK.min(n - start);
            for (x, column) in row.iter().zip(&columns) {
                for (square, other) in square.iter_mut().zip(&column[start..start + len]) {
                    *square += (x - other) * (x - other);
                }
            }
            for (offset, &square) in square[..len].iter().enumerate() {
                // Later ones of the same distance have a higher index.
                if square < farthest && start + offset != idx {
                    candidates.push((square, index(start + offset)));
                }
            }
            if candidates.len() >= n_neighbours * SLACK {
                farthest = cut(&mut candidates, n_neighbours);
            }
        }
        cut(&mut candidates, n_neighbours);
        out.extend_from_slice(&candidates);
    }
    Ok(out)
}

/// Keeps the `n` nearest and returns the square of the distance of the farthest of them.
fn cut(candidates: &mut Near, n: usize) -> f64 {
    if candidates.len() > n {
        candidates.select_nth_unstable_by(n - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        candidates.truncate(n);
    }
    candidates.last().map_or(f64::INFINITY, |last| last.0)
}

/// Values by column.
fn columns(dimension: usize, value: &[f64]) -> Result<Vec<Vec<f64>>> {
    let n = value.len() / dimension.max(1);
    let mut columns = reserved(dimension)?;
    for axis in 0..dimension {
        let mut column: Vec<f64> = reserved(n)?;
        column.extend(value.iter().skip(axis).step_by(dimension));
        columns.push(column);
    }
    Ok(columns)
}

/// An index as it is stored.
#[expect(clippy::cast_possible_truncation, reason = "below MAX_MAP_ROWS")]
pub(super) fn index(idx: usize) -> u32 {
    idx as u32
}
