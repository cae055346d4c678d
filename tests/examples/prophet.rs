//! Fits Prophet to hourly series from standard input and prints one line for each: for tests/bench/prophet.
//!
//! Input: CSV with a header and the columns series, part (train or test), t, y, rows of a series together and in order.
//! Arguments: growth (linear, logistic, flat), mode (additive, multiplicative), how often to fit each series, and `demand`
//! for the settings of that name in place of Prophet's.
//! Output: series, rows, milliseconds of the fastest fit, log posterior, passes, MASE of the test part (m = 24).

use std::io::Read;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use prescale_core::forecast::prophet::{Growth, Mode, Rows, Simulation, Spec, fit};

const HOUR: i64 = 3_600_000_000;
const START: i64 = 1_704_067_200_000_000;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let growth = match arguments.next().as_deref() {
        Some("linear") | None => Growth::Linear,
        Some("logistic") => Growth::Logistic,
        Some("flat") => Growth::Flat,
        Some(other) => bail!("unknown growth {other}"),
    };
    let mode = match arguments.next().as_deref() {
        Some("additive") | None => Mode::Additive,
        Some("multiplicative") => Mode::Multiplicative,
        Some(other) => bail!("unknown mode {other}"),
    };
    let times: usize = arguments.next().map_or(Ok(1), |n| n.parse())?;
    let settings = match arguments.next().as_deref() {
        Some("demand") => Spec::demand(),
        None => Spec::default(),
        Some(other) => bail!("unknown settings {other}"),
    };
    let spec = Spec {
        growth,
        seasonality_mode: mode,
        ..settings
    };
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let mut series: Vec<(&str, Vec<f64>, Vec<f64>)> = Vec::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [name, part, _, y] = cells[..] else {
            bail!("not four columns: {line}")
        };
        if series.last().is_none_or(|s| s.0 != name) {
            series.push((name, Vec::new(), Vec::new()));
        }
        let (_, train, test) = series.last_mut().context("no series")?;
        if part == "test" { test } else { train }.push(y.parse()?);
    }
    println!("series,rows,ms,lp,passes,mase");
    for (name, train, test) in &series {
        println!("{name},{}", one(train, test, &spec, times)?);
    }
    Ok(())
}

fn one(train: &[f64], test: &[f64], spec: &Spec, times: usize) -> Result<String> {
    let at = |n: usize| (0..n as i64).map(|i| START + i * HOUR).collect::<Vec<_>>();
    let all = at(train.len() + test.len());
    let (past, future) = all.split_at(train.len());
    let cap = [1.2 * train.iter().fold(0.0_f64, |a, v| a.max(*v))];
    let rows = |times| Rows {
        cap: &cap,
        ..Rows::at(times)
    };
    let (mut best, mut fitted) = (f64::INFINITY, None);
    for _ in 0..times {
        let began = Instant::now();
        fitted = fit(&rows(past), train, spec, &|| false)?;
        best = best.min(began.elapsed().as_secs_f64() * 1e3);
    }
    let fitted = fitted.context("nothing to fit")?;
    let yhat = fitted
        .predict(&rows(future), &Simulation::NONE, &|| false)?
        .yhat;
    let naive = train.windows(25).map(|w| (w[24] - w[0]).abs()).sum::<f64>()
        / (train.len().saturating_sub(24)) as f64;
    let error = yhat
        .iter()
        .zip(test)
        .map(|(a, b)| (a - b).abs())
        .sum::<f64>()
        / test.len() as f64;
    Ok(format!(
        "{},{best:.3},{:.9},{},{:.6}",
        train.len(),
        fitted.objective(),
        fitted.passes(),
        error / naive
    ))
}
