//! Replays a demand trace through the forecast controller and through the reactive rule, and prints what each drops and costs.
//!
//! `cargo run --release -p prescale-core --example replay -- trace.csv [unit_capacity [target_utilization]]`
//!
//! The file has a header and the columns time (RFC 3339) and demand, one row a minute. Models are fitted daily on earlier
//! data only; the first 70 % of the trace is for learning and for choosing the reactive target, the rest is scored.
#![allow(clippy::print_stdout)] // printing is what an example is for

use std::error::Error;

use prescale_core::decide::simulate::{
    ReactiveSpec, SimulatedStep, SimulatedTarget, simulate_reactive,
};
use prescale_core::decide::{Mode, Observation, Recommendation, decide};
use prescale_core::feedback::{Score, score};
use prescale_core::recommend::{
    DemandModel, DemandQuery, DemandSpec, HISTORY, fit_demand, predict_demand,
};
use prescale_core::sample::Series;
use prescale_core::time::{DAY, MINUTE, Micros, Step};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Units that nobody reaches here.
const MAX_UNITS: u32 = 1_000_000;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let path = args
        .next()
        .ok_or("usage: replay trace.csv [unit_capacity [target_utilization]]")?;
    let unit_capacity = args.next().map_or(Ok(10.0), |a| a.parse::<f64>())?;
    let full_target = args.next().map_or(Ok(1.0), |a| a.parse::<f64>())?;
    let demand = read(&path)?;
    let first_scored = demand.ts()[demand.ts().len() * 7 / 10];
    println!(
        "{path}: {} minutes, one unit carries {unit_capacity}",
        demand.ts().len()
    );
    for lead in [5 * MINUTE, 10 * MINUTE] {
        println!(
            "\nlead {} min                        drop %     cost  actions",
            lead / MINUTE
        );
        let started = std::time::Instant::now();
        for (name, mode, target, headroom) in [
            ("forecast alone, h = 1", Mode::Full, 100.0, 1.0),
            ("forecast alone, h = 1.1", Mode::Full, 100.0, 1.1),
            ("full, h = 1", Mode::Full, full_target, 1.0),
            ("full, h = 1, at 0.7", Mode::Full, 0.7, 1.0),
            ("out, h = 1, at 0.7", Mode::Out, 0.7, 1.0),
        ] {
            let steps = replay(
                &demand,
                lead,
                unit_capacity,
                first_scored,
                &controller(mode, target, headroom, unit_capacity),
            )?;
            print(name, &scored(&steps, unit_capacity, first_scored)?);
        }
        println!("({:.1} s)", started.elapsed().as_secs_f64());
        reactive_rows(&demand, lead, unit_capacity, first_scored)?;
    }
    Ok(())
}

fn reactive_rows(
    demand: &Series,
    lead: Micros,
    unit_capacity: f64,
    first_scored: Micros,
) -> Result<()> {
    let run = |target: f64| -> Result<Vec<SimulatedStep>> {
        let spec = ReactiveSpec {
            unit_capacity,
            target_utilization: target,
            min_units: 1,
            max_units: MAX_UNITS,
            ready_after: lead,
            scale_in_window: 5 * MINUTE,
            tolerance: 0.1,
        };
        Ok(simulate_reactive(demand, &spec, &|| false)?)
    };
    print(
        "reactive at 0.7",
        &scored(&run(0.7)?, unit_capacity, first_scored)?,
    );
    let (mut past, mut hindsight) = (None, None);
    for k in 0..150 {
        let target = 0.9 * (-0.02 * f64::from(k)).exp();
        let steps = run(target)?;
        let cut = steps.partition_point(|s| s.ts < first_scored);
        let after = scored(&steps, unit_capacity, first_scored)?;
        if past.is_none() && scored(&steps[..cut], unit_capacity, 0)?.drop <= 0.001 {
            past = Some((target, after));
        }
        if hindsight.is_none() && after.drop <= 0.001 {
            hindsight = Some((target, after));
        }
    }
    for (name, found) in [("chosen on the past", past), ("in hindsight", hindsight)] {
        match found {
            Some((target, s)) => print(&format!("reactive {name}: {target:.2}"), &s),
            None => println!("reactive {name}: never at most 0.1 %"),
        }
    }
    Ok(())
}

fn controller(mode: Mode, target: f64, headroom: f64, unit_capacity: f64) -> Recommendation {
    Recommendation {
        mode,
        origin: None,
        demand: None,
        demand_peak: None,
        forecast: None,
        forecast_peak: None,
        unit_capacity,
        target_utilization: target,
        headroom,
        min_units: 1,
        max_units: MAX_UNITS,
        tolerance: 0.1,
        band_out: 0.1,
        band_slack: 0.25,
        band_in: 0.1,
        max_scale_out: None,
        max_scale_in: None,
        stale_after: 5 * MINUTE,
        paused_out: false,
        paused_in: false,
    }
}

/// One tick a minute: predict from the windows before it, decide, act.
fn replay(
    demand: &Series,
    lead: Micros,
    unit_capacity: f64,
    from: Micros,
    base: &Recommendation,
) -> Result<Vec<SimulatedStep>> {
    let step = Step::try_new(MINUTE)?;
    let mut model: Option<DemandModel> = None;
    let mut fitted_on = None;
    let begin = from - DAY;
    let mut target = SimulatedTarget::new(1, lead);
    let mut steps = Vec::new();
    for (i, (&ts, &value)) in demand
        .ts()
        .iter()
        .zip(demand.value())
        .enumerate()
        .filter(|(_, (ts, _))| **ts >= begin)
    {
        if fitted_on != Some(ts / DAY) {
            fitted_on = Some(ts / DAY);
            let spec = DemandSpec {
                step,
                lead,
                unit_capacity,
                min_units: base.min_units,
                levels: vec![0.5, 0.99],
                until: ts,
            };
            model = fit_demand(demand, &spec, &|| false)?.model;
        }
        let first = demand
            .ts()
            .partition_point(|&t| t < ts - HISTORY - 10 * MINUTE);
        let past = Series::try_new(
            demand.ts()[first..i].to_vec(),
            demand.value()[first..i].to_vec(),
        )?;
        let seen = predict_demand(
            model.as_ref(),
            &past,
            step,
            &DemandQuery {
                origin: ts,
                hold: 5,
                peak: 5 * MINUTE,
            },
        )?;
        let recommendation = Recommendation {
            origin: Some(ts),
            demand: seen.demand,
            demand_peak: seen.demand_peak,
            forecast: seen.q.last().copied(),
            forecast_peak: seen.upper_peak,
            ..base.clone()
        };
        let observed = Observation::Seen {
            units_total: target.total(),
            units_ready: target.ready(ts),
            version: None,
        };
        if let Some(units) = decide(&recommendation, &observed, ts).units_desired {
            target.scale(units, ts);
        }
        steps.push(SimulatedStep {
            ts,
            demand: value,
            units_total: target.total(),
            units_ready: target.ready(ts),
        });
    }
    Ok(steps)
}

fn scored(steps: &[SimulatedStep], unit_capacity: f64, from: Micros) -> Result<Score> {
    let steps: Vec<_> = steps.iter().filter(|s| s.ts >= from).collect();
    let ts: Vec<Micros> = steps.iter().map(|s| s.ts).collect();
    let demand = Series::try_new(ts.clone(), steps.iter().map(|s| s.demand).collect())?;
    let supply = |units: fn(&SimulatedStep) -> u32| {
        Series::try_new(
            ts.clone(),
            steps
                .iter()
                .map(|s| f64::from(units(s)) * unit_capacity)
                .collect(),
        )
    };
    // What is ready serves; what was asked for is paid and counts as an action.
    let served = score(&demand, &supply(|s| s.units_ready)?, &|| false)?;
    let paid = score(&demand, &supply(|s| s.units_total)?, &|| false)?;
    Ok(Score {
        cost: paid.cost,
        actions: paid.actions,
        ..served
    })
}

fn print(name: &str, s: &Score) {
    println!(
        "{name:32} {:9.3} {:8.3} {:8}",
        100.0 * s.drop,
        s.cost,
        s.actions
    );
}

fn read(path: &str) -> Result<Series> {
    let (mut ts, mut value) = (Vec::new(), Vec::new());
    for line in std::fs::read_to_string(path)?.lines().skip(1) {
        let mut fields = line.split(',');
        let (Some(time), Some(v)) = (fields.next(), fields.next()) else {
            continue;
        };
        if v.is_empty() {
            continue;
        }
        ts.push(chrono::DateTime::parse_from_rfc3339(time)?.timestamp_micros());
        value.push(v.parse()?);
    }
    Ok(Series::try_new(ts, value)?)
}
