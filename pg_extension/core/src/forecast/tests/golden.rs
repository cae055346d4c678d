//! Against independent tools: tests/golden/make_forecast.py.

use super::*;
use crate::forecast::season::classical;

fn golden(key: &str) -> Vec<f64> {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../../../../../tests/golden/forecast.json")).unwrap();
    let found = key.split('.').fold(&all, |v, k| &v[k]);
    found
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

#[test]
fn seasons_are_those_of_statsmodels() {
    let y = golden("y");
    for (key, multiplicative) in [("season.additive", false), ("season.multiplicative", true)] {
        for (own, theirs) in classical(&y, 12, multiplicative).iter().zip(golden(key)) {
            assert!((own - theirs).abs() < 1e-9, "{own} {theirs}");
        }
    }
}

/// Both optimise without a derivative until they think it is enough: a percent is what their optima differ by.
#[test]
fn theta_forecasts_are_those_of_statsforecast() {
    let y = golden("y");
    for model in ["theta", "dynamic_theta"] {
        let spec = ForecastSpec {
            periods: vec![12 * HOUR],
            ..spec(model, 15)
        };
        for (own, theirs) in yhat(&run(&y, &spec)).iter().zip(golden(model)) {
            assert!((own / theirs - 1.0).abs() < 0.01, "{model}: {own} {theirs}");
        }
    }
}
