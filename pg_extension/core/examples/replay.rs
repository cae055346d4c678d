//! Replays a demand trace through the forecast controller and the reactive rule: what does each drop and cost?
//!
//! `cargo run --release -p prescale-core --example replay -- trace.csv [unit_capacity]`
//!
//! The file has a header and the columns time (RFC 3339) and demand, a row a minute. Models are fitted daily on earlier
//! data only. Headroom and reactive targets "chosen" are the cheapest that drop at most 0.1 % between 30 and 70 % of the
//! trace; the last 30 % are scored. `cost` counts units that are ready, `paid` those that were asked for.
#![allow(clippy::print_stdout)] // printing is what an example is for

use std::error::Error;
use std::time::{Duration, Instant};

use prescale_core::decide::simulate::{
    ReactiveSpec, SimulatedStep, SimulatedTarget, simulate_reactive,
};
use prescale_core::decide::{Mode, Observation, Recommendation, decide};
use prescale_core::feedback::score;
use prescale_core::recommend::{
    DemandForecast, DemandQuery, DemandSpec, HISTORY, fit_demand, predict_demand,
};
use prescale_core::sample::Series;
use prescale_core::time::{DAY, MINUTE, Micros, Step};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Units that nobody reaches here.
const MAX_UNITS: u32 = 1_000_000;

/// Share of the load that may be dropped.
const ALLOWED: f64 = 0.001;

/// band_out, band_slack, band_in of the default and of a nimbler controller.
const WIDE: [f64; 3] = [0.1, 0.25, 0.1];
const TIGHT: [f64; 3] = [0.0, 0.1, 0.05];

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let path = args
        .next()
        .ok_or("usage: replay trace.csv [unit_capacity]")?;
    let unit_capacity = args.next().map_or(Ok(10.0), |a| a.parse::<f64>())?;
    let demand = read(&path)?;
    println!(
        "{path}: {} minutes, one unit carries {unit_capacity}",
        demand.ts().len()
    );
    for lead in [5 * MINUTE, 10 * MINUTE] {
        let trial = Trial::new(&demand, lead, unit_capacity)?;
        println!(
            "\n{:38} drop %     cost     paid  actions",
            format!("lead {} min", lead / MINUTE)
        );
        for (name, mode, target, headroom, band) in [
            ("full, target 1, h = 1", Mode::Full, 1.0, 1.0, WIDE),
            (
                "full, target 1, h = 1, tight band",
                Mode::Full,
                1.0,
                1.0,
                TIGHT,
            ),
            ("full, target 0.7, h = 1", Mode::Full, 0.7, 1.0, WIDE),
            ("out, target 0.7, h = 1", Mode::Out, 0.7, 1.0, WIDE),
        ] {
            let steps = trial.predictive(&controller(mode, target, headroom, band, unit_capacity));
            println!(
                "{name:34} {}",
                trial.rate(&steps, trial.scored_from, Micros::MAX)?
            );
        }
        let headrooms = (0..40).map(|k| 0.85 * (0.03 * f64::from(k)).exp());
        trial.choose("forecast, h", headrooms, |h| {
            Ok(trial.predictive(&controller(Mode::Full, 1.0, h, WIDE, unit_capacity)))
        })?;
        println!("{:34} {}", "reactive at 0.7", {
            let steps = trial.reactive(0.7)?;
            trial.rate(&steps, trial.scored_from, Micros::MAX)?
        });
        let targets = (0..150).map(|k| 0.9 * (-0.02 * f64::from(k)).exp());
        trial.choose("reactive, target", targets, |target| trial.reactive(target))?;
    }
    Ok(())
}

/// A trace with what was predicted at each minute of it.
struct Trial<'a> {
    demand: &'a Series,
    lead: Micros,
    unit_capacity: f64,
    chosen_from: Micros,
    scored_from: Micros,
    predicted: Vec<(usize, DemandForecast)>,
}

/// What a controller did.
struct Rating {
    drop: f64,
    cost: f64,
    paid: f64,
    actions: usize,
}

impl std::fmt::Display for Rating {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:10.3} {:8.3} {:8.3} {:8}",
            100.0 * self.drop,
            self.cost,
            self.paid,
            self.actions
        )
    }
}

impl<'a> Trial<'a> {
    fn new(demand: &'a Series, lead: Micros, unit_capacity: f64) -> Result<Self> {
        let (first, last) = (demand.ts()[0], demand.ts()[demand.ts().len() - 1]);
        let tenth = (last - first) / 10;
        let mut trial = Self {
            demand,
            lead,
            unit_capacity,
            chosen_from: first + 3 * tenth,
            scored_from: first + 7 * tenth,
            predicted: Vec::new(),
        };
        trial.predict()?;
        Ok(trial)
    }

    /// Fits daily and predicts each minute, from a day before the part that headroom is chosen on.
    fn predict(&mut self) -> Result<()> {
        let step = Step::try_new(MINUTE)?;
        let (mut fitting, mut n_fits, mut predicting) = (Duration::ZERO, 0, Duration::ZERO);
        let (mut model, mut day) = (None, None);
        for (i, &ts) in self.demand.ts().iter().enumerate() {
            if ts < self.chosen_from - DAY {
                continue;
            }
            if day != Some(ts.div_euclid(DAY)) {
                let started = Instant::now();
                let spec = DemandSpec {
                    step,
                    lead: self.lead,
                    unit_capacity: self.unit_capacity,
                    min_units: 1,
                    levels: vec![0.5, 0.99],
                    until: ts,
                };
                model = fit_demand(self.demand, &spec, &|| false)?.model;
                day = Some(ts.div_euclid(DAY));
                n_fits += 1;
                fitting += started.elapsed();
            }
            let first = self
                .demand
                .ts()
                .partition_point(|&t| t < ts - HISTORY - 10 * MINUTE);
            let past = Series::try_new(
                self.demand.ts()[first..i].to_vec(),
                self.demand.value()[first..i].to_vec(),
            )?;
            let started = Instant::now();
            let query = DemandQuery {
                origin: ts,
                hold: 5,
                peak: 5 * MINUTE,
            };
            self.predicted.push((
                i,
                predict_demand(model.as_ref(), &past, step, &query, &|| false)?,
            ));
            predicting += started.elapsed();
        }
        println!(
            "{n_fits} fits, {:?} each; {} predictions, {:?} each",
            fitting / n_fits.max(1),
            self.predicted.len(),
            predicting / u32::try_from(self.predicted.len().max(1))?,
        );
        Ok(())
    }

    /// One tick a minute: decide on what was predicted, act.
    fn predictive(&self, base: &Recommendation) -> Vec<SimulatedStep> {
        let mut target = SimulatedTarget::new(1, self.lead);
        let tick = |(i, seen): &(usize, DemandForecast)| {
            let (ts, demand) = (self.demand.ts()[*i], self.demand.value()[*i]);
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
            SimulatedStep {
                ts,
                demand,
                units_total: target.total(),
                units_ready: target.ready(ts),
            }
        };
        self.predicted.iter().map(tick).collect()
    }

    fn reactive(&self, target_utilization: f64) -> Result<Vec<SimulatedStep>> {
        let spec = ReactiveSpec {
            unit_capacity: self.unit_capacity,
            target_utilization,
            min_units: 1,
            max_units: MAX_UNITS,
            ready_after: self.lead,
            scale_in_window: 5 * MINUTE,
            tolerance: 0.1,
        };
        Ok(simulate_reactive(self.demand, &spec, &|| false)?)
    }

    /// Prints the first of `knobs` (cheapest first) that drops little enough in the past, and in hindsight.
    fn choose(
        &self,
        name: &str,
        knobs: impl Iterator<Item = f64>,
        run: impl Fn(f64) -> Result<Vec<SimulatedStep>>,
    ) -> Result<()> {
        let (mut past, mut hindsight) = (None, None);
        for knob in knobs {
            let steps = run(knob)?;
            let scored = self.rate(&steps, self.scored_from, Micros::MAX)?;
            if hindsight.is_none() && scored.drop <= ALLOWED {
                hindsight = Some((knob, self.rate(&steps, self.scored_from, Micros::MAX)?));
            }
            if past.is_none()
                && self.rate(&steps, self.chosen_from, self.scored_from)?.drop <= ALLOWED
            {
                past = Some((knob, scored));
            }
        }
        for (how, found) in [("chosen on the past", past), ("in hindsight", hindsight)] {
            match found {
                Some((knob, rating)) => {
                    println!("{:34} {rating}", format!("{name} {how}: {knob:.2}"));
                }
                None => println!("{name} {how}: none drops so little"),
            }
        }
        Ok(())
    }

    fn rate(&self, steps: &[SimulatedStep], from: Micros, to: Micros) -> Result<Rating> {
        let steps: Vec<_> = steps
            .iter()
            .filter(|s| (from..to).contains(&s.ts))
            .collect();
        let series = |value: &dyn Fn(&SimulatedStep) -> f64| {
            Series::try_new(
                steps.iter().map(|s| s.ts).collect(),
                steps.iter().map(|s| value(s)).collect(),
            )
        };
        let demand = series(&|s| s.demand)?;
        let ready = series(&|s| f64::from(s.units_ready) * self.unit_capacity)?;
        let total = series(&|s| f64::from(s.units_total) * self.unit_capacity)?;
        let served = score(&demand, &ready, &|| false)?;
        let paid = score(&demand, &total, &|| false)?;
        Ok(Rating {
            drop: served.drop,
            cost: served.cost,
            paid: paid.cost,
            actions: paid.actions,
        })
    }
}

fn controller(
    mode: Mode,
    target: f64,
    headroom: f64,
    band: [f64; 3],
    unit_capacity: f64,
) -> Recommendation {
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
        band_out: band[0],
        band_slack: band[1],
        band_in: band[2],
        max_scale_out: None,
        max_scale_in: None,
        stale_after: 5 * MINUTE,
        paused_out: false,
        paused_in: false,
    }
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
