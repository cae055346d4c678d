//! Covariates of `ridge`, also within `auto`.

use super::*;
use crate::random::SplitMix;

/// A level that wanders, under a little noise, and what it will be six windows later.
fn led(n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut random = SplitMix(3);
    let mut noise = |size: f64| (random.uniform() - 0.5) * size;
    let mut level = 0.0;
    let wander = |_| {
        level = 0.95 * level + noise(20.0);
        level
    };
    let lead: Vec<f64> = (0..n).map(wander).collect();
    let y = (0..n).map(|i| 200.0 + lead[i.saturating_sub(6)] + noise(2.0));
    (y.collect(), lead)
}

/// Mean absolute error six windows ahead, at origins one after the other.
fn error(model: &str, y: &[f64], beside: &[Series]) -> f64 {
    let origins = (y.len() - 60..y.len() - 6).step_by(3);
    let errors = origins.map(|t| {
        let asked = ForecastSpec {
            covariates: beside.to_vec(),
            as_of: Some(START + i64::try_from(t).unwrap() * HOUR),
            ..spec(model, 6)
        };
        (yhat(&run(y, &asked))[5] - y[t + 5]).abs()
    });
    let errors: Vec<f64> = errors.collect();
    errors.iter().sum::<f64>() / errors.len() as f64
}

#[test]
fn what_runs_ahead_of_demand_is_used() {
    let (y, lead) = led(900);
    let (without, with) = (
        error("ridge", &y, &[]),
        error("ridge", &y, &[hourly(&lead)]),
    );
    assert!(with < 0.85 * without, "{with} {without}");
}

#[test]
fn covariates_that_tell_nothing_change_little() {
    let y = wave(700);
    let mut random = SplitMix(5);
    let noise: Vec<f64> = y.iter().map(|_| (random.uniform() - 0.5) * 4.0).collect();
    let without = error("auto", &y, &[]);
    for beside in [
        vec![hourly(&noise)],
        vec![hourly(&[1e140; 700]), hourly(&noise)],
    ] {
        assert!(error("auto", &y, &beside) < 1.1 * without);
    }
    // Constant, empty, and known in another time only: as without.
    let elsewhere = Series::try_new(vec![START - 90 * DAY], vec![1.0]).unwrap();
    for beside in [hourly(&[7.0; 700]), hourly(&[]), elsewhere] {
        assert_eq!(
            error("ridge", &y, &[beside]).to_bits(),
            error("ridge", &y, &[]).to_bits()
        );
    }
}

#[test]
fn other_models_refuse_covariates() {
    let y = wave(200);
    let asked = ForecastSpec {
        covariates: vec![hourly(&y)],
        ..spec("ets", 2)
    };
    let refused = forecast(&hourly(&y), &asked, &never).unwrap_err();
    assert_eq!(
        (refused.message(), refused.hint()),
        (
            "model ets reads no covariates",
            Some("use model ridge, auto or lstm; what is known ahead are regressors")
        )
    );
    let many = ForecastSpec {
        covariates: vec![hourly(&y); 33],
        ..spec("ridge", 2)
    };
    let refused = forecast(&hourly(&y), &many, &never).unwrap_err();
    assert_eq!(refused.message(), "33 covariates, more than 32");
}

#[test]
fn backtests_give_covariates_to_the_models_that_read_them() {
    let (y, lead) = led(900);
    let backtest = |models: &[&str], covariates: Vec<Series>| {
        let spec = BacktestSpec {
            step: 3 * HOUR,
            windows: 20,
            models: models.iter().map(|m| (*m).to_owned()).collect(),
            forecast: ForecastSpec {
                covariates,
                ..spec("auto", 6)
            },
        };
        let rows = Backtest::new(&hourly(&y), &spec, &never)?.collect::<Result<Vec<_>>>()?;
        Ok(models
            .iter()
            .map(|m| {
                let of = rows.iter().filter(|row| row.model == *m);
                of.map(|row| row.mae.unwrap()).sum::<f64>()
            })
            .collect::<Vec<f64>>())
    };
    let models = ["ridge", "ets"];
    let without = backtest(&models, Vec::new()).unwrap();
    let with = backtest(&models, vec![hourly(&lead)]).unwrap();
    assert!(with[0] < 0.95 * without[0], "{with:?} {without:?}");
    assert_eq!(with[1].to_bits(), without[1].to_bits());
    let refused: Error = backtest(&["ets"], vec![hourly(&lead)]).unwrap_err();
    assert_eq!(refused.message(), "none of the models reads covariates");
}

#[test]
fn covariates_that_are_not_used_are_noted() {
    let (y, lead) = led(900);
    let notes = |model: &str, y: &[f64], beside: &[f64]| {
        let asked = ForecastSpec {
            covariates: vec![hourly(beside)],
            ..spec(model, 6)
        };
        run(y, &asked).report.notes
    };
    assert_eq!(notes("ridge", &y, &lead), Vec::<String>::new());
    assert_eq!(
        notes("ridge", &y, &vec![7.0; y.len()]),
        ["covariates are not used: earlier errors were no less with them"]
    );
    assert_eq!(
        notes("auto", &wave(400), &lead[..400]),
        ["covariates are not used: ensemble reads none"]
    );
}
