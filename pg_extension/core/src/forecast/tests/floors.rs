//! Floors of quality: thresholds on three weeks of a real trace, a little below what is reached now.

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
fn models_err_less_than_repeating_yesterday() {
    for (model, most) in [("auto", 0.8), ("ensemble", 0.8), ("mstl", 0.9)] {
        let (error, covered) = rate(model);
        assert!(error < most, "{model}: relative error {error}");
        assert!(
            (0.65..=0.95).contains(&covered),
            "{model}: covered {covered}"
        );
    }
}

/// Five-minute windows of sixteen days: a daily wave under noise that hangs together, from the fourteenth day on several times as high and with
/// two peaks a day at new hours.
fn new_regime() -> Vec<f64> {
    const DAY: u32 = 288;
    let (mut state, mut drift) = (12_345_u32, 0.0);
    (0..16 * DAY)
        .map(|t| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            drift = 0.9 * drift + f64::from(state) / f64::from(u32::MAX) - 0.5;
            let day = (std::f64::consts::TAU * f64::from(t % DAY) / f64::from(DAY)).sin();
            let since = f64::from(t.saturating_sub(13 * DAY)) / f64::from(DAY);
            let peak = |at: f64| (-0.5 * ((f64::from(t % DAY) - at) / 10.0).powi(2)).exp();
            let grown = 1.0 + since.min(2.0) * (1.5 + 4.0 * (peak(150.0) + peak(230.0)));
            100.0 * (2.0 + day) * (0.1 * drift).exp() * grown
        })
        .collect()
}

#[test]
fn a_new_regime_is_forecast_by_what_was_learnt_in_it() {
    const STEP: Micros = 5 * MINUTE;
    let y = new_regime();
    let spec = ForecastSpec {
        horizon: 12 * STEP,
        ..spec("auto", 1)
    };
    let (mut error, mut naive, mut gave_up) = (0.0, 0.0, 0);
    for origin in (14 * 288..y.len() - 12).step_by(24) {
        let past = Series::try_new(
            (0..).take(origin).map(|i| i * STEP).collect(),
            y[..origin].to_vec(),
        );
        let f = forecast(&past.unwrap(), &spec, &never).unwrap();
        gave_up += usize::from(f.model_used == "last_value");
        for (row, actual) in f.rows.iter().zip(&y[origin..]) {
            error += (row.yhat.unwrap() - actual).abs();
            naive += (y[origin - 1] - actual).abs();
        }
    }
    assert!(gave_up <= 3, "the last value was repeated {gave_up} times");
    assert!(error < 0.6 * naive, "relative error {}", error / naive);
}
