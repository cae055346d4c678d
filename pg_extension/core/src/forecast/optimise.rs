//! Minimising a function of a few numbers without its derivatives.

use crate::error::Result;
use crate::time::{ShouldStop, check_stop};

/// Nelder and Mead's simplex (1965) with its usual coefficients (1, 2, ½, ½), from `start` with edges `edge`, until the values at its
/// corners agree to `1e-8` relative or `budget` evaluations are done. Returns the best corner and its value; a function value that
/// is not finite counts as infinite. The same input takes the same path.
pub(super) fn nelder_mead(
    f: &mut dyn FnMut(&[f64]) -> f64,
    start: &[f64],
    edge: &[f64],
    budget: usize,
    should_stop: ShouldStop<'_>,
) -> Result<(Vec<f64>, f64)> {
    let mut value = |x: &[f64]| {
        Some(f(x))
            .filter(|v| v.is_finite())
            .unwrap_or(f64::INFINITY)
    };
    let mut simplex = vec![(value(start), start.to_vec())];
    for (k, step) in edge.iter().enumerate() {
        let mut corner = start.to_vec();
        if let Some(x) = corner.get_mut(k) {
            *x += step;
        }
        simplex.push((value(&corner), corner));
    }
    let mut used = simplex.len();
    loop {
        simplex.sort_by(|a, b| a.0.total_cmp(&b.0));
        check_stop(should_stop)?;
        let (Some((best, worst)), dims) = (simplex.first().zip(simplex.last()), start.len()) else {
            return Ok((start.to_vec(), f64::INFINITY));
        };
        let (best, worst) = (best.0, worst.clone());
        let flat = (worst.0 - best).abs() <= 1e-8 * (best.abs() + 1e-12);
        if dims == 0 || used >= budget || flat || best == f64::INFINITY {
            break;
        }
        let second = simplex.get(dims - 1).map_or(best, |c| c.0);
        let centre: Vec<f64> = (0..dims)
            .map(|k| {
                simplex
                    .iter()
                    .take(dims)
                    .filter_map(|c| c.1.get(k))
                    .sum::<f64>()
                    / dims as f64
            })
            .collect();
        let along = |by: f64| -> Vec<f64> {
            centre
                .iter()
                .zip(&worst.1)
                .map(|(c, w)| c + by * (c - w))
                .collect()
        };
        let reflected = along(1.0);
        let mut next = (value(&reflected), reflected);
        used += 1;
        if next.0 < best {
            let expanded = along(2.0);
            let further = (value(&expanded), expanded);
            used += 1;
            if further.0 < next.0 {
                next = further;
            }
        } else if next.0 >= second {
            let contracted = along(if next.0 < worst.0 { 0.5 } else { -0.5 });
            next = (value(&contracted), contracted);
            used += 1;
            if next.0 >= worst.0 {
                let keep = simplex.first().map(|c| c.1.clone()).unwrap_or_default();
                for corner in simplex.iter_mut().skip(1) {
                    for (x, k) in corner.1.iter_mut().zip(&keep) {
                        *x = 0.5 * (*x + k);
                    }
                    corner.0 = value(&corner.1);
                    used += 1;
                }
                continue;
            }
        }
        if let Some(corner) = simplex.last_mut() {
            *corner = next;
        }
    }
    Ok(simplex
        .into_iter()
        .next()
        .map_or((start.to_vec(), f64::INFINITY), |c| (c.1, c.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_bottom_of_rosenbrocks_valley() {
        let mut f = |x: &[f64]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2);
        let (x, v) = nelder_mead(&mut f, &[-1.2, 1.0], &[0.5, 0.5], 2_000, &|| false).unwrap();
        assert!(v < 1e-8 && (x[0] - 1.0).abs() < 1e-3, "{x:?} {v}");
    }

    #[test]
    fn asks_whether_to_stop() {
        assert!(nelder_mead(&mut |x| x[0], &[0.0], &[1.0], 100, &|| true).is_err());
    }
}
