//! The largest value of any stretch, from the maxima of blocks.

/// Values per block of precomputed maxima: a day of minutes becomes 22 blocks and two short edges.
const BLOCK: usize = 64;

/// Values, NaN where unknown, whose largest of any stretch takes `2 · 64 + length / 64` looks.
#[derive(Debug)]
pub(super) struct Maxima {
    value: Vec<f64>,
    block: Vec<f64>,
}

impl Maxima {
    pub(super) fn new(value: Vec<f64>) -> Self {
        let block = value.chunks(BLOCK).map(largest).collect();
        Self { value, block }
    }

    /// How many there are, unknown ones too.
    pub(super) fn len(&self) -> usize {
        self.value.len()
    }

    /// The value at `i` if it is known.
    pub(super) fn at(&self, i: usize) -> Option<f64> {
        self.value.get(i).copied().filter(|v| !v.is_nan())
    }

    /// The values `[lo, hi)`, cut to those that there are.
    pub(super) fn span(&self, lo: usize, hi: usize) -> &[f64] {
        let hi = hi.min(self.value.len());
        self.value.get(lo.min(hi)..hi).unwrap_or_default()
    }

    /// The largest known value of `[lo, hi)`.
    pub(super) fn max(&self, lo: usize, hi: usize) -> Option<f64> {
        let hi = hi.min(self.value.len());
        let (first, last) = (lo.div_ceil(BLOCK), hi / BLOCK);
        let found = if first < last {
            largest(self.span(lo, first * BLOCK))
                .max(largest(self.block.get(first..last).unwrap_or_default()))
                .max(largest(self.span(last * BLOCK, hi)))
        } else {
            largest(self.span(lo, hi))
        };
        (found > f64::NEG_INFINITY).then_some(found)
    }
}

/// The largest, minus infinity where all are NaN.
fn largest(v: &[f64]) -> f64 {
    v.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}
