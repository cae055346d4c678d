//! Replays history through the same cycle as the daemon, on an injected clock, as fast as it goes.

use std::sync::Arc;
use std::time::Instant;

use prescale_core::time::Micros;
use serde::Serialize;

use crate::act::{Target, Targets};
use crate::clock::{Clock, rfc3339};
use crate::config::Config;
use crate::cycle::{Cycle, Moment, Turn};
use crate::db::{Database, Purpose, Session};
use crate::error::{Error, Result};
use crate::lead::Leases;
use crate::maintain::Maintain;
use crate::observe;
use crate::serve::Metrics;
use crate::stop::Stop;

/// Which history to replay. Instants in microseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// First tick.
    pub from: Micros,
    /// No tick after this instant.
    pub until: Micros,
    /// From tick to tick, above zero.
    pub step: Micros,
    /// A progress line after so many ticks; zero for none.
    pub progress: u64,
}

/// What a replay did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayOutcome {
    /// Ticks.
    pub ticks: u64,
    /// Acts that the targets accepted.
    pub actions: usize,
    /// How long it took.
    pub seconds: f64,
    /// The part of it that the cycles took; the rest is refresh.
    pub cycle_seconds: f64,
}

/// Replays until the end, or until `shutdown` completes. Each tick refreshes as of its time and runs one cycle then.
///
/// # Errors
/// `Refused` when a workload's target is real, another worker leads a shard, or the times make no sense; otherwise
/// what ended a tick.
pub async fn replay(
    config: Config,
    plan: Replay,
    shutdown: impl Future<Output = ()>,
) -> Result<ReplayOutcome> {
    plan.check()?;
    let (switch, stop) = Stop::new();
    let replaying = ticks(config, plan, stop);
    tokio::pin!(replaying);
    tokio::select! {
        outcome = &mut replaying => return outcome,
        () = shutdown => {}
    }
    // Nobody listening any more means that it has ended by itself.
    let _ = switch.send(true);
    replaying.await
}

async fn ticks(config: Config, plan: Replay, stop: Stop) -> Result<ReplayOutcome> {
    let Config {
        database,
        cycle,
        lease,
        http: _,
        log: _,
        kubernetes: _,
    } = config;
    let metrics = Arc::new(Metrics::new());
    let connect = |limit| {
        Database::new(
            database.clone(),
            Purpose {
                limit,
                wake: None,
                durable: false,
            },
        )
    };
    let mut first = connect(database.statement_timeout);
    refuse_real_targets(&*first.session().await?, &lease.shards, plan).await?;

    let shards = lease.shards.len();
    let mut maintain = Maintain::new(connect(cycle.refresh_timeout), Arc::clone(&metrics));
    let mut cycle = Cycle::new(
        first,
        Leases::new(lease),
        Targets::new(None, cycle.concurrency),
        metrics,
    );
    let result = run(&mut maintain, &mut cycle, shards, plan, stop).await;
    cycle.release().await?;
    result
}

async fn run(
    maintain: &mut Maintain,
    cycle: &mut Cycle,
    shards: usize,
    plan: Replay,
    stop: Stop,
) -> Result<ReplayOutcome> {
    let started = Instant::now();
    let mut outcome = ReplayOutcome {
        ticks: 0,
        actions: 0,
        seconds: 0.0,
        cycle_seconds: 0.0,
    };
    let mut now = plan.from;
    while now <= plan.until && !stop.is_set() {
        let clock = Clock::Replay(now);
        maintain.refresh(clock).await?;
        let refreshed = Instant::now();
        let turn = cycle
            .turn(&Moment {
                clock,
                stop: stop.clone(),
            })
            .await?;
        if turn.shards < shards {
            return Err(Error::Refused(
                "another worker leads a shard; stop it, or replay other shards".to_owned(),
            ));
        }
        outcome.cycle_seconds += refreshed.elapsed().as_secs_f64();
        outcome.ticks += 1;
        outcome.actions += turn.done;
        if plan.progress > 0 && outcome.ticks.is_multiple_of(plan.progress) {
            eprintln!("{}", progress(now, &turn));
        }
        now = now.saturating_add(plan.step);
    }
    outcome.seconds = started.elapsed().as_secs_f64();
    Ok(outcome)
}

impl Replay {
    fn check(self) -> Result<()> {
        let Self {
            from,
            until,
            step,
            progress: _,
        } = self;
        if step <= 0 {
            return Err(Error::Refused(format!(
                "the step must be above zero, not {step} microseconds"
            )));
        }
        match (rfc3339(from), rfc3339(until)) {
            (Some(_), Some(_)) if from <= until => Ok(()),
            (Some(from), Some(until)) => Err(Error::Refused(format!(
                "until {until} is before from {from}"
            ))),
            _ => Err(Error::Refused(
                "the times are outside of the calendar".to_owned(),
            )),
        }
    }
}

/// A replay scales at simulated times, which no real target follows.
async fn refuse_real_targets(session: &Session, shards: &[i32], plan: Replay) -> Result<()> {
    let reading = observe::wanted(session, shards, Clock::Replay(plan.from)).await?;
    let is_real = |target: &std::result::Result<Target, String>| match target {
        Ok(Target::Simulated(_) | Target::None) => false,
        Ok(Target::Kubernetes(_)) | Err(_) => true,
    };
    let real: Vec<&str> = reading
        .wanted
        .iter()
        .filter(|item| is_real(&item.target))
        .map(|item| item.workload.as_str())
        .collect();
    if real.is_empty() {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "a replay needs simulated targets; these workloads have none: {}",
        real.join(", ")
    )))
}

/// One line for people. Demands of different workloads are added up, whatever their units.
fn progress(now: Micros, turn: &Turn) -> String {
    let at = rfc3339(now).unwrap_or_default();
    let Turn {
        workloads,
        demand,
        forecast,
        units_total,
        units_ready,
        ..
    } = turn;
    format!(
        "{at} workloads {workloads} demand {demand:.1} forecast {forecast:.1} units {units_total} ready {units_ready}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_make_no_sense_are_refused() {
        let plan = Replay {
            from: 0,
            until: 60_000_000,
            step: 60_000_000,
            progress: 0,
        };
        assert!(plan.check().is_ok());
        let refusal = |plan: Replay| plan.check().unwrap_err().to_string();
        let backwards = refusal(Replay {
            from: 60_000_000,
            until: 0,
            ..plan
        });
        assert_eq!(
            backwards,
            "until 1970-01-01T00:00:00Z is before from 1970-01-01T00:01:00Z"
        );
        assert_eq!(
            refusal(Replay { step: 0, ..plan }),
            "the step must be above zero, not 0 microseconds"
        );
        assert_eq!(
            refusal(Replay {
                until: Micros::MAX,
                ..plan
            }),
            "the times are outside of the calendar"
        );
    }

    #[test]
    fn progress_names_time_demand_forecast_and_units() {
        let turn = Turn {
            workloads: 1,
            demand: 12.34,
            forecast: 20.0,
            units_total: 5,
            units_ready: 4,
            ..Turn::default()
        };
        let line = "1970-01-01T00:00:00Z workloads 1 demand 12.3 forecast 20.0 units 5 ready 4";
        assert_eq!(progress(0, &turn), line);
    }
}
