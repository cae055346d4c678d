//! The sums by segments against the columns of hinges that they replace.

use super::super::normal::{dot, pass};
use super::super::problem::{BETA, Problem};
use super::super::table::History;
use super::super::{Growth, Mode, Seasonality};
use super::*;

/// Residuals at `theta`, written as the model is.
fn residuals(problem: &Problem<'_>, theta: &[f64]) -> Vec<f64> {
    let (smooth, delta) = theta.split_at(problem.smooth());
    let inputs = &problem.history.table.inputs;
    (0..problem.t.len())
        .map(|i| {
            let t = problem.t[i];
            let hinges: f64 = delta
                .iter()
                .zip(&problem.knots[1..])
                .map(|(d, s)| d * (t - s).max(0.0))
                .sum();
            let trend = match problem.growth {
                Growth::Linear => smooth[1] * t + smooth[0] + hinges,
                Growth::Logistic => {
                    problem.cap[i] / (1.0 + (-(smooth[1] * t + smooth[0] + hinges)).exp())
                }
                Growth::Flat => smooth[0],
            };
            let (mut share, mut added, mut j) = (1.0, 0.0, BETA);
            for group in &problem.history.groups {
                let mut x = vec![0.0; group.width()];
                inputs.fill(group, i..i + 1, &mut x);
                let effect = dot(&x, &smooth[j..j + x.len()]);
                j += x.len();
                *(if group.mode == Mode::Additive {
                    &mut added
                } else {
                    &mut share
                }) += effect;
            }
            problem.history.y[i] - trend * share - added
        })
        .collect()
}

#[test]
fn pass_equals_a_dense_jacobian() {
    // Two rows fall on each instant, so that changepoints coincide.
    let times: Vec<Micros> = (0..300).map(|i| START + i / 2 * HOUR).collect();
    let y = demand(300);
    for growth in [Growth::Linear, Growth::Logistic, Growth::Flat] {
        let spec = Spec {
            growth,
            seasonalities: vec![Seasonality {
                name: "tide".into(),
                period: 45_000_000_000,
                order: 2,
                prior_scale: 1.0,
                mode: Mode::Multiplicative,
            }],
            ..Spec::default()
        };
        let rows = Rows {
            cap: &[90.0],
            ..Rows::at(&times)
        };
        let history = History::new(&rows, &y, &spec).unwrap().unwrap();
        let (problem, start) = Problem::new(&history, &spec);
        let theta: Vec<f64> = start
            .iter()
            .enumerate()
            .map(|(i, v)| v + 0.1 * (i as f64 * 1.7).sin())
            .collect();
        let r = residuals(&problem, &theta);
        let by: Vec<Vec<f64>> = (0..theta.len())
            .map(|i| {
                let step = 1e-6;
                let at = |d: f64| {
                    let mut theta = theta.clone();
                    theta[i] += d;
                    residuals(&problem, &theta)
                };
                at(step)
                    .iter()
                    .zip(at(-step))
                    .map(|(a, b)| (b - a) / (2.0 * step))
                    .collect()
            })
            .collect();
        let normal = pass(&problem, &theta, true, &|| false).unwrap();
        assert!((normal.rss / dot(&r, &r) - 1.0).abs() < 1e-12);
        for (i, a) in by.iter().enumerate() {
            assert!(
                (normal.gradient[i] + dot(a, &r)).abs() < 1e-6,
                "{growth:?} gradient {i}"
            );
            for (j, b) in by.iter().enumerate() {
                let got = normal.curvature[i * theta.len() + j];
                assert!(
                    (got - dot(a, b)).abs() < 1e-6,
                    "{growth:?} curvature {i} {j}: {got}"
                );
            }
        }
    }
}
