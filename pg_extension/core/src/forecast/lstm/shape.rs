//! How large a network is and where its weights lie.

use super::kernel::{COLUMNS, ROWS};

/// Sizes of a network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    /// Windows of the past that are read one after the other.
    pub(super) window: usize,
    /// Numbers read per window.
    pub(super) inputs: usize,
    /// Units of the layer; a multiple of [`ROWS`].
    pub(super) hidden: usize,
    /// Numbers that go to the head directly.
    pub(super) direct: usize,
    /// Steps forecast.
    pub(super) steps: usize,
    /// Quantile levels, strictly ascending.
    pub(super) levels: Vec<f32>,
}

impl Shape {
    /// Rows of u and length of the rows of W.
    pub(super) fn layer(&self) -> (usize, usize) {
        let rows = self.hidden + self.inputs + 1;
        (rows, rows.next_multiple_of(COLUMNS))
    }

    /// The same for the head.
    pub(super) fn head(&self) -> (usize, usize) {
        let rows = self.hidden + self.direct + 1;
        (rows, rows.next_multiple_of(COLUMNS))
    }

    /// Numbers that the head gives.
    pub(super) fn outputs(&self) -> usize {
        self.steps * self.levels.len()
    }

    pub(super) fn output_rows(&self) -> usize {
        self.outputs().next_multiple_of(ROWS)
    }

    /// Where V starts among the weights.
    pub(super) fn head_start(&self) -> usize {
        4 * self.hidden * self.layer().1
    }

    /// W and V one after the other, each row padded with zeros that stay zero.
    pub(super) fn weights(&self) -> usize {
        self.head_start() + self.output_rows() * self.head().1
    }

    /// Place of the weight of unit or output `row` on column `column` of u.
    pub(super) fn layer_weight(&self, row: usize, column: usize) -> usize {
        row * self.layer().1 + column
    }

    /// The same for the head.
    pub(super) fn head_weight(&self, row: usize, column: usize) -> usize {
        self.head_start() + row * self.head().1 + column
    }

    /// The level nearest to one half.
    pub(super) fn middle(&self) -> usize {
        let distance = |k: &usize| (self.levels[*k] - 0.5).abs();
        (0..self.levels.len())
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .unwrap_or(0)
    }
}
