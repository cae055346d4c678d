//! What Python's prophet 1.5 (cmdstan 2.37) and scipy found for the same data: tests/golden/make_prophet.py.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::normal::pass;
use super::super::problem::Problem;
use super::super::table::History;
use super::super::{Event, Fourier, Growth, Mode, Regressor, Seasonality};
use super::*;
use crate::time::DAY;

#[derive(Deserialize)]
struct Golden {
    start: Micros,
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    settings: Settings,
    #[serde(default)]
    start: Micros,
    step: Micros,
    rows: Vec<i64>,
    y: Vec<f64>,
    future: Vec<i64>,
    stan: Parameters,
    mode: Parameters,
    trend: Vec<f64>,
    yhat: Vec<f64>,
    load: Option<Vec<f64>>,
    flag: Option<Vec<f64>>,
    sale: Option<Vec<i64>>,
}

#[derive(Deserialize)]
struct Parameters {
    lp: f64,
    k: f64,
    m: f64,
    sigma: f64,
    delta: Vec<f64>,
    beta: Vec<f64>,
}

impl Parameters {
    fn b(&self, growth: Growth) -> f64 {
        match growth {
            Growth::Logistic => -self.k * self.m,
            Growth::Linear | Growth::Flat => self.m,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Settings {
    growth: Option<Growth>,
    seasonality_mode: Option<Mode>,
    weekly_seasonality: Option<bool>,
    n_changepoints: Option<usize>,
    changepoint_range: Option<f64>,
    changepoint_prior_scale: Option<f64>,
    cap: Option<f64>,
    floor: Option<f64>,
    seasonality: Option<Season>,
}

#[derive(Deserialize)]
struct Season {
    name: String,
    half_days: i64,
    fourier_order: usize,
    prior_scale: f64,
    mode: Mode,
}

fn cases() -> BTreeMap<String, Case> {
    let text = include_str!("../../../../../../tests/golden/prophet.json");
    let golden: Golden = serde_json::from_str(text).unwrap();
    let mut cases = golden.cases;
    cases
        .values_mut()
        .for_each(|case| case.start = golden.start);
    assert_eq!(cases.len(), 16);
    cases
}

impl Case {
    fn spec(&self) -> Spec {
        let s = &self.settings;
        let mode = s.seasonality_mode.unwrap_or(Mode::Additive);
        let mut spec = Spec {
            growth: s.growth.unwrap_or(Growth::Linear),
            seasonality_mode: mode,
            ..Spec::default()
        };
        if s.weekly_seasonality == Some(false) {
            spec.weekly = Fourier::Off;
        }
        let c = &mut spec.changepoints;
        c.count = s.n_changepoints.unwrap_or(c.count);
        c.range = s.changepoint_range.unwrap_or(c.range);
        c.prior_scale = s.changepoint_prior_scale.unwrap_or(c.prior_scale);
        spec.seasonalities
            .extend(s.seasonality.iter().map(|season| Seasonality {
                name: season.name.clone(),
                period: season.half_days * DAY / 2,
                order: season.fourier_order,
                prior_scale: season.prior_scale,
                mode: season.mode,
            }));
        let regressor = |name: &str, prior_scale, mode| Regressor {
            name: name.into(),
            prior_scale,
            standardise: None,
            mode,
        };
        if self.load.is_some() {
            spec.regressors = vec![
                regressor("load", 10.0, mode),
                regressor("flag", 2.0, Mode::Additive),
            ];
        }
        if self.sale.is_some() {
            // Python's holidays_mode follows seasonality_mode.
            spec.events = vec![Event {
                name: "sale".into(),
                before: 1,
                after: 1,
                prior_scale: 10.0,
                mode,
            }];
        }
        spec
    }

    /// Calls `f` with the first `n` of the past and future rows.
    fn with<T>(&self, n: usize, f: impl FnOnce(&Rows<'_>) -> T) -> T {
        let rows = self.rows.iter().chain(&self.future).take(n);
        let times: Vec<Micros> = rows.map(|i| self.start + i * self.step).collect();
        let regressors: Vec<&[f64]> = [&self.load, &self.flag]
            .into_iter()
            .flatten()
            .map(|v| &v[..n])
            .collect();
        let days = self
            .sale
            .iter()
            .flatten()
            .map(|d| self.start + d * DAY)
            .collect::<Vec<_>>();
        let events: &[&[Micros]] = if self.sale.is_some() { &[&days] } else { &[] };
        f(&Rows {
            times: &times,
            cap: self.settings.cap.as_slice(),
            floor: self.settings.floor.as_slice(),
            regressors: &regressors,
            events,
        })
    }

    fn fit(&self) -> Fitted {
        let fitted = self.with(self.rows.len(), |rows| {
            fit(rows, &self.y, &self.spec(), &|| false)
        });
        fitted.unwrap().unwrap()
    }

    fn forecast(&self, fitted: &Fitted) -> Prediction {
        let n = self.rows.len() + self.future.len();
        self.with(n, |rows| fitted.predict(rows, &Simulation::NONE, &|| false))
            .unwrap()
    }
}

/// Largest distance of values from every eighth of the others.
fn distance(thin: &[f64], all: &[f64]) -> f64 {
    assert_eq!(thin.len(), all.len().div_ceil(8));
    let pairs = all.iter().step_by(8).zip(thin);
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn posterior_is_the_one_of_stan() {
    for (name, case) in cases() {
        let spec = case.spec();
        let (lp, stan) = case.with(case.rows.len(), |rows| {
            let history = History::new(rows, &case.y, &spec).unwrap().unwrap();
            let (problem, _) = Problem::new(&history, &spec);
            let stan = &case.stan;
            let mut theta = vec![stan.b(spec.growth), stan.k];
            theta.extend(stan.beta.iter().chain(&stan.delta));
            let rss = pass(&problem, &theta, false, &|| false).unwrap().rss;
            (-problem.loss(&theta, rss, stan.sigma * stan.sigma), stan.lp)
        });
        // Without changepoints Python folds the one that stands in for them into k, whose prior is another.
        let tolerance = if name == "no_changepoints" { 1.0 } else { 1e-5 };
        assert!((lp - stan).abs() < tolerance, "{name}: {lp} is not {stan}");
    }
}

#[test]
fn finds_the_mode_where_stan_stops_before_it() {
    for (name, case) in cases() {
        let (fitted, mode) = (case.fit(), &case.mode);
        assert!(
            fitted.objective() >= case.stan.lp - 1e-6,
            "{name}: worse than Stan"
        );
        // scipy stops when a round of its search gains less than 1e-9.
        assert!(
            (fitted.objective() - mode.lp).abs() < 1e-5,
            "{name}: {} is not {}",
            fitted.objective(),
            mode.lp
        );
        let delta = fitted.delta.iter().copied().zip(mode.delta.iter().copied());
        let beta = fitted.beta.iter().copied().zip(mode.beta.iter().copied());
        let scalars = [
            (fitted.k, mode.k),
            (fitted.b, mode.b(fitted.growth)),
            (fitted.sigma, mode.sigma),
        ];
        for (i, (ours, theirs)) in scalars.into_iter().chain(delta).chain(beta).enumerate() {
            // At that gain, parameters that the data hardly tell apart may still be this far off.
            assert!(
                (ours - theirs).abs() < 2e-3,
                "{name}: parameter {i}: {ours} is not {theirs}"
            );
        }
    }
}

#[test]
fn parameters_of_stan_give_the_forecast_of_python() {
    for (name, case) in cases() {
        let mut fitted = case.fit();
        let stan = &case.stan;
        (fitted.b, fitted.k) = (stan.b(fitted.growth), stan.k);
        fitted.beta.clone_from(&stan.beta);
        if !fitted.delta.is_empty() {
            fitted.delta.clone_from(&stan.delta);
        }
        let found = case.forecast(&fitted);
        assert!(distance(&case.yhat, &found.yhat) < 1e-7, "{name}");
        assert!(distance(&case.trend, &found.trend) < 1e-7, "{name}");
    }
}

#[test]
fn forecasts_as_python_does_where_stan_reaches_the_mode() {
    let mut reached = 0;
    for (name, case) in cases() {
        let fitted = case.fit();
        let found = case.forecast(&fitted);
        let past = case.rows.len().div_ceil(8);
        let off = distance(&case.yhat[..past], &found.yhat[..case.rows.len()]) / fitted.noise();
        // Short of the mode Stan's curve still goes through the data, but may leave it at another slope.
        assert!(off < 1.0, "{name}: {off} standard deviations of the noise");
        if fitted.objective() - case.stan.lp < 0.01 {
            let off = distance(&case.yhat, &found.yhat) / fitted.noise();
            assert!(off < 0.1, "{name}: {off} standard deviations of the noise");
            reached += 1;
        }
    }
    assert_eq!(reached, 6);
}

#[test]
fn parts_add_up_to_the_forecast() {
    for (name, case) in cases() {
        let found = case.forecast(&case.fit());
        for (i, yhat) in found.yhat.iter().enumerate() {
            let parts: f64 = found.components.iter().map(|c| c.values[i]).sum();
            assert!((found.trend[i] + parts - yhat).abs() < 1e-9, "{name}");
        }
    }
}
