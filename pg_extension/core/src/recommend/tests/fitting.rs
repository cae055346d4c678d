use super::super::optimize::{Problem, SMOOTHING, Sample, gram_factor};
use super::super::row::N;
use super::*;

fn fit(step: Step, x: &[f64], change: impl Fn(&mut DemandSpec)) -> DemandFit {
    let history = series(step, x);
    let n = i64::try_from(x.len()).unwrap();
    let mut spec = spec(step, START + n * step.micros());
    change(&mut spec);
    fit_demand(&history, &spec, &never).unwrap()
}

#[test]
fn equal_input_gives_a_bit_identical_model() {
    let step = step(5);
    let x = daily(step, 8, 2);
    let (a, b) = (fit(step, &x, |_| ()), fit(step, &x, |_| ()));
    assert_eq!(
        serde_json::to_string(&a.model).unwrap(),
        serde_json::to_string(&b.model).unwrap()
    );
    assert_eq!(a.status, "ok");
    assert!(a.n_train > 1_500 && a.pinball.iter().all(|p| *p > 0.0));
}

#[test]
fn windows_from_until_on_are_not_seen() {
    let step = step(5);
    let x = daily(step, 8, 2);
    let until = START + 6 * DAY;
    let whole = fit_demand(&series(step, &x), &spec(step, until), &never).unwrap();
    let cut = fit_demand(&series(step, &x[..6 * 288]), &spec(step, until), &never).unwrap();
    assert_eq!(whole, cut);
}

#[test]
fn doubling_demand_and_capacity_doubles_the_forecast() {
    let step = step(5);
    let x = daily(step, 8, 2);
    let twice: Vec<f64> = x.iter().map(|v| 2.0 * v).collect();
    let plain = fit(step, &x, |_| ()).model.unwrap();
    let scaled = fit(step, &twice, |s| s.unit_capacity = 20.0).model.unwrap();
    let q = query(START + 8 * DAY);
    let a = predict_demand(Some(&plain), &series(step, &x), step, &q, &never).unwrap();
    let b = predict_demand(Some(&scaled), &series(step, &twice), step, &q, &never).unwrap();
    let doubled: Vec<f64> = a.q.iter().map(|v| 2.0 * v).collect();
    assert_eq!(doubled, b.q);
}

#[test]
fn a_constant_demand_is_repeated() {
    for (value, min_units) in [(42.0, 1), (0.0, 1), (0.0, 0), (1e-300, 3)] {
        let step = step(5);
        let x = vec![value; 5 * 288];
        let found = fit(step, &x, |s| s.min_units = min_units);
        assert_eq!(found.status, "constant");
        let seen = predict_demand(
            found.model.as_ref(),
            &series(step, &x),
            step,
            &query(START + 5 * DAY),
            &never,
        )
        .unwrap();
        assert_eq!((seen.status.as_str(), seen.upper_peak), ("ok", Some(value)));
        assert!(seen.q.iter().all(|q| (q - value).abs() <= 1e-12 * value));
    }
}

#[test]
fn a_history_of_less_than_three_days_is_short() {
    let step = step(5);
    let two = fit(step, &daily(step, 2, 1), |_| ());
    assert_eq!((two.model, two.status.as_str()), (None, "short"));
    assert_eq!(fit(step, &[], |_| ()).n_train, 0);
    assert_eq!(fit(step, &daily(step, 4, 1), |_| ()).status, "ok");
}

#[test]
fn steps_from_fifteen_seconds_to_an_hour_work() {
    for (seconds, days) in [(15, 4), (60, 4), (900, 9), (3_600, 30)] {
        let step = Step::try_new(seconds * SECOND).unwrap();
        let x = daily(step, days, 5);
        let found = fit(step, &x, |_| ());
        let end = START + i64::try_from(days).unwrap() * DAY;
        let seen = predict_demand(
            found.model.as_ref(),
            &series(step, &x),
            step,
            &query(end),
            &never,
        )
        .unwrap();
        assert_eq!(
            (found.status.as_str(), seen.status.as_str()),
            ("ok", "ok"),
            "{seconds} s"
        );
        assert!(
            seen.q[1] > 30.0 && seen.q[1] < 300.0,
            "{seconds} s: {:?}",
            seen.q
        );
    }
}

#[test]
fn idle_windows_are_left_out_while_two_busy_days_remain() {
    let step = step(5);
    let mut x = vec![0.1; 3 * 288];
    x.extend(daily(step, 4, 9));
    let busy = fit(step, &x, |s| s.min_units = 2);
    let all = fit(step, &x, |s| s.min_units = 0);
    assert!(
        busy.n_train <= 4 * 288 && all.n_train > 5 * 288,
        "{} {}",
        busy.n_train,
        all.n_train
    );
}

#[test]
fn a_hole_of_three_days_costs_only_its_rows() {
    let step = step(5);
    let x = daily(step, 12, 4);
    let whole = series(step, &x);
    let hole = 5 * 288..8 * 288;
    let (ts, value): (Vec<_>, Vec<_>) = whole
        .ts()
        .iter()
        .zip(&x)
        .enumerate()
        .filter(|(i, _)| !hole.contains(i))
        .map(|(_, p)| p)
        .unzip();
    let holed = Series::try_new(ts, value).unwrap();
    let found = fit_demand(&holed, &spec(step, START + 12 * DAY), &never).unwrap();
    assert_eq!(found.status, "ok");
    assert!(
        (8 * 288 - 20..=8 * 288).contains(&found.n_train),
        "{}",
        found.n_train
    );
}

#[test]
fn arguments_out_of_range_are_refused_by_name() {
    let step = step(5);
    let refused = |change: &dyn Fn(&mut DemandSpec)| {
        let mut spec = spec(step, START);
        change(&mut spec);
        let e = fit_demand(&series(step, &[1.0]), &spec, &never).unwrap_err();
        (e.kind(), e.message().to_owned())
    };
    let invalid = ErrorKind::InvalidArgument;
    assert_eq!(
        refused(&|s| s.lead = 0),
        (
            invalid,
            "lead must be above zero and at most 7 days, not 00:00:00".into()
        )
    );
    assert_eq!(refused(&|s| s.lead = Micros::MAX).0, invalid);
    assert_eq!(
        refused(&|s| s.step = Step::try_new(SECOND / 2).unwrap()),
        (
            invalid,
            "step must be at least 00:00:01, not 00:00:00.5".into()
        )
    );
    assert_eq!(
        refused(&|s| s.unit_capacity = -1.0),
        (invalid, "unit_capacity must be positive, not -1".into())
    );
    assert_eq!(
        refused(&|s| s.unit_capacity = f64::NAN),
        (ErrorKind::NotFinite, "unit_capacity is NaN".into())
    );
    assert_eq!(
        refused(&|s| s.levels = vec![1.0]),
        (invalid, "quantile level 1 is not between 0 and 1".into())
    );
    assert_eq!(refused(&|s| s.levels = vec![0.9, 0.5]).0, invalid);
    assert_eq!(refused(&|s| s.levels.clear()).0, invalid);
}

#[test]
fn a_caller_who_wants_to_stop_is_heard_in_every_phase() {
    let step = step(5);
    let history = series(step, &daily(step, 6, 1));
    let asked = std::cell::Cell::new(0);
    let run = |limit: u32| {
        asked.set(0);
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() > limit
        };
        fit_demand(&history, &spec(step, START + 6 * DAY), &stop)
    };
    run(u32::MAX).unwrap();
    let total = asked.get();
    assert!(total > 20, "asked {total} times");
    for limit in [0, 2, total / 2, total - 1] {
        assert_eq!(run(limit).unwrap_err().kind(), ErrorKind::Cancelled);
    }
}

#[test]
fn a_lead_of_days_in_seconds_is_soon_done() {
    let step = Step::try_new(SECOND).unwrap();
    let history = series(step, &vec![5.0; 500_000]);
    let spec = DemandSpec {
        lead: 4 * DAY,
        ..spec(step, START + 10 * DAY)
    };
    // Each row looks at four days; gone through one by one, this would take a day itself.
    assert_eq!(fit_demand(&history, &spec, &never).unwrap().status, "short");
}

#[test]
fn demand_that_overflows_is_an_error_and_not_a_panic() {
    let step = step(5);
    let mut x = daily(step, 5, 1);
    x[700] = 1e308;
    x[701] = 1.7e308;
    let found = fit_demand(&series(step, &x), &spec(step, START + 5 * DAY), &never);
    assert_eq!(found.unwrap_err().kind(), ErrorKind::Numeric);
    x[700] = 1e150;
    x[701] = 0.0;
    let found = fit_demand(&series(step, &x), &spec(step, START + 5 * DAY), &never).unwrap();
    assert!(found.pinball.iter().all(|p| p.is_finite()));
}

#[test]
fn a_model_survives_json_and_a_damaged_one_is_refused() {
    let (step, history, model) = fitted();
    let text = serde_json::to_string(&model).unwrap();
    assert_eq!(serde_json::from_str::<DemandModel>(&text).unwrap(), model);
    let damage = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
        change(&mut json);
        let model: DemandModel = serde_json::from_value(json).unwrap();
        predict_demand(
            Some(&model),
            &history,
            step,
            &query(START + 9 * DAY),
            &never,
        )
        .unwrap_err()
        .kind()
    };
    let damages: [&dyn Fn(&mut serde_json::Value); 6] = [
        &|m| m["format"] = 2.into(),
        &|m| m["levels"] = vec![0.99].into(),
        &|m| m["coef"][0].as_array_mut().unwrap().truncate(3),
        &|m| m["mean"].as_array_mut().unwrap().push(0.into()),
        &|m| m["scale"][4] = 0.into(),
        &|m| m["features"][2] = "mean_4m".into(),
    ];
    for (i, change) in damages.iter().enumerate() {
        assert_eq!(damage(change), ErrorKind::Corrupt, "damage {i}");
    }
}

fn samples(n: usize, seed: u64) -> Vec<Sample> {
    let mut random = noise(seed);
    let mut sample = || {
        let mut z = [0.0; N];
        z.fill_with(|| 2.0 * random() - 1.0);
        z[0] = 1.0;
        Sample {
            y: 1.0 + 0.5 * z[1] + random() * (1.0 + 0.3 * z[2]),
            z,
            weight: 0.5 + random(),
        }
    };
    (0..n).map(|_| sample()).collect()
}

#[test]
fn the_minimum_covers_the_asked_share_of_the_weight() {
    let samples = samples(4_000, 7);
    let metric = gram_factor(&samples);
    for level in [0.1, 0.5, 0.9, 0.99] {
        let problem = Problem {
            samples: &samples,
            level,
            metric: &metric,
        };
        let beta = problem.minimise([0.0; N], &never).unwrap();
        let below = |s: &&Sample| s.y <= s.z.iter().zip(&beta).map(|(z, b)| z * b).sum::<f64>();
        let weight = |s: &Sample| s.weight;
        let share = samples.iter().filter(below).map(weight).sum::<f64>()
            / samples.iter().map(weight).sum::<f64>();
        // The smoothing moves the quantile by at most its width, here 2 % of the spread.
        assert!((share - level).abs() < SMOOTHING, "{share} at {level}");
    }
}

#[test]
fn the_gradient_is_the_slope_of_the_loss() {
    let samples = samples(200, 8);
    let metric = gram_factor(&samples);
    let problem = Problem {
        samples: &samples,
        level: 0.9,
        metric: &metric,
    };
    let mut beta = [0.1; N];
    beta[0] = 1.2;
    let (_, gradient) = problem.loss(&beta);
    for j in 0..N {
        let mut side = |h: f64| {
            beta[j] += h;
            let loss = problem.loss(&beta).0;
            beta[j] -= h;
            loss
        };
        let slope = (side(1e-6) - side(-1e-6)) / 2e-6;
        assert!(
            (slope - gradient[j]).abs() < 1e-5,
            "{slope} is not {} at {j}",
            gradient[j]
        );
    }
}
