//! Fourier transforms: powers of two by Cooley and Tukey (1965), other lengths by Bluestein's chirp (1970).
//!
//! Own code, because a transform must be the same to the last bit on every processor, and the lengths are bounded.

use std::f64::consts::PI;

/// A complex number as (real, imaginary).
type Complex = (f64, f64);

fn mul(a: Complex, b: Complex) -> Complex {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

fn turn(angle: f64) -> Complex {
    (angle.cos(), angle.sin())
}

/// Transforms of one length, a power of two.
struct Radix2 {
    n: usize,
    /// exp(−2πi k/n) for the upper half circle.
    roots: Vec<Complex>,
}

impl Radix2 {
    fn new(n: usize) -> Self {
        let roots = (0..n / 2).map(|k| turn(-2.0 * PI * k as f64 / n as f64));
        Self {
            n,
            roots: roots.collect(),
        }
    }

    /// X[k] = Σ x[t] exp(−2πi kt/n), in place.
    fn forward(&self, x: &mut [Complex]) {
        let n = self.n;
        let mut j = 0;
        for i in 1..n {
            let mut bit = n >> 1;
            while j & bit != 0 {
                j ^= bit;
                bit >>= 1;
            }
            j |= bit;
            if i < j {
                x.swap(i, j);
            }
        }
        let mut stage = Vec::with_capacity(n / 2);
        let mut half = 1;
        while half < n {
            stage.clear();
            stage.extend(self.roots.iter().step_by(n / (2 * half)));
            for block in x.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for ((a, b), &root) in low.iter_mut().zip(high).zip(&stage) {
                    let turned = mul(*b, root);
                    *b = (a.0 - turned.0, a.1 - turned.1);
                    *a = (a.0 + turned.0, a.1 + turned.1);
                }
            }
            half *= 2;
        }
    }
}

/// The transform of a complex sequence of any length.
fn transform(x: &mut [Complex]) {
    let n = x.len();
    if n.is_power_of_two() {
        return Radix2::new(n).forward(x);
    }
    // exp(−πi k²/n); k² is reduced first, or its angle would lose digits.
    let chirp: Vec<Complex> = (0..n)
        .map(|k| turn(-PI * (k as u128 * k as u128 % (2 * n as u128)) as f64 / n as f64))
        .collect();
    let size = (2 * n - 1).next_power_of_two();
    let radix2 = Radix2::new(size);
    let mut kernel = vec![(0.0, 0.0); size];
    for (k, &(re, im)) in chirp.iter().enumerate() {
        kernel[k] = (re, -im);
        kernel[(size - k) % size] = (re, -im);
    }
    radix2.forward(&mut kernel);
    let mut padded = vec![(0.0, 0.0); size];
    for ((out, &value), &c) in padded.iter_mut().zip(x.iter()).zip(&chirp) {
        *out = mul(value, c);
    }
    radix2.forward(&mut padded);
    // The inverse transform is the forward one of the conjugate.
    for (value, &k) in padded.iter_mut().zip(&kernel) {
        let product = mul(*value, k);
        *value = (product.0, -product.1);
    }
    radix2.forward(&mut padded);
    let scale = 1.0 / size as f64;
    for ((out, &value), &c) in x.iter_mut().zip(&padded).zip(&chirp) {
        *out = mul((value.0 * scale, -value.1 * scale), c);
    }
}

/// The transform of a real sequence at frequencies 0, 1/n, … up to one half.
fn real(x: &[f64]) -> Vec<Complex> {
    let n = x.len();
    if n < 2 || !n.is_multiple_of(2) {
        let mut whole: Vec<Complex> = x.iter().map(|&v| (v, 0.0)).collect();
        if n > 0 {
            transform(&mut whole);
        }
        whole.truncate(n / 2 + 1);
        return whole;
    }
    // Even and odd places as one complex sequence of half the length.
    let mut half: Vec<Complex> = x.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    transform(&mut half);
    let m = half.len();
    (0..=m)
        .map(|k| {
            let (a, b) = (half[k % m], half[(m - k) % m]);
            let even = ((a.0 + b.0) / 2.0, (a.1 - b.1) / 2.0);
            let odd = ((a.1 + b.1) / 2.0, (b.0 - a.0) / 2.0);
            let turned = mul(odd, turn(-2.0 * PI * k as f64 / n as f64));
            (even.0 + turned.0, even.1 + turned.1)
        })
        .collect()
}

/// |X[k]|² of a real sequence, k = 0 … n/2.
pub(super) fn power(x: &[f64]) -> Vec<f64> {
    real(x).iter().map(|z| z.0 * z.0 + z.1 * z.1).collect()
}

/// Autocovariance sums Σ x[t] x[t+lag] of a sequence whose mean was taken off, for every lag (Wiener–Khinchin).
pub(super) fn autocovariance(x: &[f64]) -> Vec<f64> {
    let size = (2 * x.len()).next_power_of_two();
    let mut padded = x.to_vec();
    padded.resize(size, 0.0);
    let half = power(&padded);
    let both: Vec<f64> = (0..size).map(|k| half[k.min(size - k)]).collect();
    let sums = real(&both);
    sums.iter()
        .take(x.len())
        .map(|z| z.0 / size as f64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(x: &[f64]) -> Vec<f64> {
        let n = x.len();
        let bin = |k: usize| {
            x.iter()
                .enumerate()
                .fold((0.0, 0.0), |sum: Complex, (t, &v)| {
                    let z = turn(-2.0 * PI * (k * t % n) as f64 / n as f64);
                    (sum.0 + v * z.0, sum.1 + v * z.1)
                })
        };
        (0..=n / 2)
            .map(|k| bin(k).0.powi(2) + bin(k).1.powi(2))
            .collect()
    }

    #[test]
    fn powers_of_every_length_agree_with_the_sum_that_defines_them() {
        for n in 1..70 {
            let x: Vec<f64> = (0..n)
                .map(|t| ((t * t * 7 + 3) % 11) as f64 - 4.0)
                .collect();
            let scale: f64 = x.iter().map(|v| v * v).sum::<f64>() * n as f64;
            for (fast, slow) in power(&x).iter().zip(slow(&x)) {
                assert!((fast - slow).abs() <= 1e-12 * scale, "{n}: {fast} {slow}");
            }
        }
    }

    #[test]
    fn autocovariances_agree_with_the_sum_that_defines_them() {
        for n in [1, 2, 3, 17, 64, 100] {
            let x: Vec<f64> = (0..n)
                .map(|t| ((t * t * 5 + 1) % 13) as f64 - 6.0)
                .collect();
            for (lag, fast) in autocovariance(&x).into_iter().enumerate() {
                let slow: f64 = x.iter().zip(&x[lag..]).map(|(a, b)| a * b).sum();
                assert!((fast - slow).abs() <= 1e-9, "{n} {lag}: {fast} {slow}");
            }
        }
    }
}
