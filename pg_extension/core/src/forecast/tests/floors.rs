//! Floors of quality: thresholds on three weeks of a real trace, below what is reached now.

use super::*;

/// Mean absolute error relative to that of repeating the last day, and coverage of the bounds, over daily origins of the
/// last week.
fn rate(model: &str) -> (f64, f64) {
    let text = include_str!("nasa_hourly.txt");
    let y: Vec<f64> = text
        .lines()
        .filter(|l| !l.starts_with('#'))
        .flat_map(str::split_whitespace)
        .map(|v| v.parse().unwrap())
        .collect();
    let (mut error, mut naive, mut covered, mut n) = (0.0, 0.0, 0.0, 0.0);
    for origin in (y.len() - 7 * 24..y.len()).step_by(24) {
        let f = run(
            &y[..origin],
            &ForecastSpec {
                level: 0.8,
                ..spec(model, 24)
            },
        );
        for (row, (h, actual)) in f.rows.iter().zip(y[origin..].iter().enumerate()) {
            error += (row.yhat.unwrap() - actual).abs();
            naive += (y[origin - 24 + h] - actual).abs();
            covered += f64::from(u8::from(
                row.lower.unwrap() <= *actual && *actual <= row.upper.unwrap(),
            ));
            n += 1.0;
        }
    }
    (error / naive, covered / n)
}

#[test]
fn auto_errs_less_than_repeating_yesterday() {
    let (error, covered) = rate("auto");
    assert!(error < 0.9, "relative error {error}");
    assert!((0.7..=0.95).contains(&covered), "covered {covered}");
}

#[test]
fn mstl_errs_less_than_repeating_yesterday() {
    let (error, covered) = rate("mstl");
    assert!(error < 0.9, "relative error {error}");
    assert!((0.65..=0.95).contains(&covered), "covered {covered}");
}
