//! Against statsmodels and statsforecast: tests/golden/make_forecast.py.

use serde_json::Value;

use super::fit::likelihood;
use super::*;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../../../tests/golden/forecast.json")).unwrap()
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect()
}

#[test]
fn recursions_and_likelihood_are_those_of_statsmodels() {
    let golden = golden();
    let (y, first) = (numbers(&golden["y"]), numbers(&golden["first"]));
    for form in golden["forms"].as_array().unwrap() {
        let damped = form["damped"].as_bool().unwrap();
        let (season, values) = match form["season"].as_str() {
            None => (Part::None, Vec::new()),
            Some("add") => (
                Part::Additive,
                first.iter().map(|f| 100.0 * (f - 1.0)).collect(),
            ),
            Some(_) => (Part::Other, first.clone()),
        };
        let trend = if damped { Part::Other } else { Part::None };
        let mut model = Ets {
            form: Form {
                relative: form["relative"].as_bool().unwrap(),
                trend,
                season,
            },
            alpha: 0.3,
            beta: if damped { 0.05 } else { 0.0 },
            gamma: if season == Part::None { 0.0 } else { 0.2 },
            phi: if damped { 0.9 } else { 1.0 },
            level: 100.0,
            slope: if damped { 0.5 } else { 0.0 },
            unit: 1.0,
            season: values,
            at: 0,
            aicc: 0.0,
        };
        let n = y.len() as f64;
        let own = likelihood(&model, &y, &mut model.season.clone());
        let theirs =
            -2.0 * form["llf"].as_f64().unwrap() - n * ((std::f64::consts::TAU / n).ln() + 1.0);
        assert!((own - theirs).abs() < 1e-6, "{form}: {own} {theirs}");
        let fitted: Vec<f64> = y
            .iter()
            .map(|v| model.observe(*v))
            .map(|(b, s)| b + s)
            .collect();
        let ahead: Vec<f64> = model
            .ahead(15)
            .0
            .iter()
            .zip(model.ahead(15).1)
            .map(|(b, s)| b + s)
            .collect();
        let wanted = numbers(&form["fitted"])
            .into_iter()
            .chain(numbers(&form["forecast"]));
        for (own, theirs) in fitted[fitted.len() - 5..].iter().chain(&ahead).zip(wanted) {
            assert!((own - theirs).abs() < 1e-8, "{form}: {own} {theirs}");
        }
    }
}

#[test]
fn the_optimum_is_at_least_as_likely_as_that_of_statsforecast() {
    let golden = golden();
    let y = numbers(&golden["y"]);
    let (model, _) = fit(&y, 12, &|| false).unwrap().unwrap();
    let theirs = golden["ets"]["aicc"].as_f64().unwrap();
    assert!(
        model.aicc < theirs + 2.0,
        "{} {} {theirs}",
        model.form.name(),
        model.aicc
    );
    let (base, season) = model.ahead(12);
    for ((b, s), theirs) in base
        .iter()
        .zip(&season)
        .zip(numbers(&golden["ets"]["forecast"]))
    {
        assert!(((b + s) / theirs - 1.0).abs() < 0.06, "{} {theirs}", b + s);
    }
}

#[test]
fn error_grows_with_the_horizon_as_for_additive_errors() {
    let y: Vec<f64> = (0..60).map(|i| 10.0 + f64::from(i * 7_919 % 13)).collect();
    let (model, _) = fit(&y, 1, &|| false).unwrap().unwrap();
    let growth = model.growth(3);
    let expected = (1.0
        + model.alpha
            * model.alpha
            * if model.form.trend == Part::None {
                1.0
            } else {
                growth[1]
            })
    .sqrt();
    assert!(
        (growth[0] - 1.0).abs() < 1e-12 && growth[1] <= growth[2] && growth[1] >= expected - 1e-9
            || model.form.trend != Part::None
    );
}
