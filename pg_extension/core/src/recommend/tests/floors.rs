//! Floors of quality: thresholds on a synthetic trace, well below what is reached now.

use super::*;
use crate::forecast::loss::pinball;

/// Demand at each target of the last two days, with the forecast made a lead before it.
fn walk(days: usize, seed: u64) -> Vec<(f64, Vec<f64>, f64)> {
    let step = step(5);
    let x = daily(step, days, seed);
    let history = series(step, &x);
    let from = (days - 2) * 288;
    let fit = fit_demand(&history, &spec(step, history.ts()[from]), &never).unwrap();
    let ahead = |t: usize| {
        let query = DemandQuery {
            hold: 0,
            ..query(history.ts()[t])
        };
        let seen = predict_demand(fit.model.as_ref(), &history, step, &query, &never).unwrap();
        let hour = x[t - 12..t].iter().copied().fold(0.0, f64::max);
        (x[t + 1], seen.q, hour)
    };
    (from..x.len() - 1).map(ahead).collect()
}

#[test]
fn the_upper_quantile_covers_and_the_median_splits() {
    let rows = walk(12, 21);
    let share =
        |k: usize| rows.iter().filter(|(y, q, _)| *y <= q[k]).count() as f64 / rows.len() as f64;
    assert!(share(1) >= 0.97, "upper covers {}", share(1));
    assert!(
        (0.42..=0.62).contains(&share(0)),
        "median covers {}",
        share(0)
    );
}

#[test]
fn the_forecast_costs_less_than_the_largest_demand_of_the_last_hour() {
    let rows = walk(12, 22);
    let mean = |losses: Vec<f64>| losses.iter().sum::<f64>() / losses.len() as f64;
    let forecast = mean(
        rows.iter()
            .map(|(y, q, _)| pinball(0.99, q[1], *y))
            .collect(),
    );
    let hour = mean(
        rows.iter()
            .map(|(y, _, hour)| pinball(0.99, *hour, *y))
            .collect(),
    );
    assert!(forecast < 0.75 * hour, "{forecast} against {hour}");
}
