//! The inner loops: a matrix product and the logistic function over lanes.
//!
//! Sums run in the order written and nothing is fused, so that every processor gives the same bits. There is no call of the
//! platform's mathematics library either: it differs between machines.

/// Samples that go through the network together; a loop over them is what the compiler turns into vector instructions.
pub(super) const LANES: usize = 32;

/// One number per sample of a batch.
pub(super) type Lanes = [f32; LANES];

/// Rows and columns of a product that stay in registers: 4 × 16 sums take eight AVX2 registers, half of what there are.
pub(super) const ROWS: usize = 4;
pub(super) const COLUMNS: usize = 16;
type Columns = [f32; COLUMNS];

/// `out += a · b`, row by row; `out` has a multiple of [`ROWS`] rows of `columns`, a multiple of [`COLUMNS`].
///
/// Each row of `a` is `stride` long, of which the first `depth` count; `b` has `depth` rows of `columns`.
#[inline(always)]
pub(super) fn add_product(
    out: &mut [f32],
    (a, stride): (&[f32], usize),
    (b, columns): (&[f32], usize),
) {
    let depth = b.len() / columns;
    for (out, a) in out
        .chunks_exact_mut(ROWS * columns)
        .zip(a.chunks_exact(ROWS * stride))
    {
        let (out, _) = out.as_chunks_mut::<COLUMNS>();
        let (b, _) = b.as_chunks::<COLUMNS>();
        let blocks = columns / COLUMNS;
        let (a0, a1) = (&a[..depth], &a[stride..][..depth]);
        let (a2, a3) = (&a[2 * stride..][..depth], &a[3 * stride..][..depth]);
        for block in 0..blocks {
            let mut s0 = out[block];
            let mut s1 = out[blocks + block];
            let mut s2 = out[2 * blocks + block];
            let mut s3 = out[3 * blocks + block];
            for k in 0..depth {
                let b = &b[k * blocks + block];
                add_multiple(&mut s0, a0[k], b);
                add_multiple(&mut s1, a1[k], b);
                add_multiple(&mut s2, a2[k], b);
                add_multiple(&mut s3, a3[k], b);
            }
            out[block] = s0;
            out[blocks + block] = s1;
            out[2 * blocks + block] = s2;
            out[3 * blocks + block] = s3;
        }
    }
}

/// `sum += a · b`; one loop per row is what the compiler unrolls and keeps in registers.
#[inline(always)]
fn add_multiple(sum: &mut Columns, a: f32, b: &Columns) {
    for l in 0..COLUMNS {
        sum[l] += a * b[l];
    }
}

/// e^x within two units in the last place for |x| ≤ 87, and its bounds beyond.
///
/// x = n ln 2 + r with |r| ≤ ½ ln 2; e^r is the Cephes polynomial (Moshier 1992), 2^n goes straight into the exponent.
#[inline(always)]
#[allow(
    clippy::cast_possible_truncation,
    reason = "n is a whole number between -126 and 126"
)]
fn exp(x: f32) -> f32 {
    /// Adding and subtracting 1.5 · 2²³ rounds to a whole number without an instruction that the oldest processors lack.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, of which the first has so few bits that its product with n is exact.
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.987_569_2e-4 * r + 1.398_199_9e-3;
    let p = (p * r + 8.333_452e-3) * r + 4.166_579_6e-2;
    let p = (p * r + 0.166_666_66) * r + 0.5;
    let exponent = shifted.to_bits().wrapping_add(127) << 23;
    (p * r * r + r + 1.0) * f32::from_bits(exponent)
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub(super) fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Hyperbolic tangent: 2 logistic(2x) − 1, within 2e-7.
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    2.0 * logistic(2.0 * x) - 1.0
}

/// A smooth positive part, (x + √(x² + 4)) / 2, and its slope ("squareplus", Barron 2021): needs no logarithm.
#[inline(always)]
pub(super) fn positive(x: f32) -> (f32, f32) {
    let root = (x * x + 4.0).sqrt();
    (0.5 * (x + root), 0.5 * (1.0 + x / root))
}
