//! The daemon's loop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::act::Targets;
use crate::clock::Clock;
use crate::config::Config;
use crate::cycle::{Cycle, Moment};
use crate::db::{Backoff, Database, Purpose};
use crate::error::{Result, chain};
use crate::lead::Leases;
use crate::log::Changes;
use crate::maintain::Maintain;
use crate::serve::{self, Health, Metrics, Shown};
use crate::stop::Stop;

/// Notifications within this time share one cycle: a script that changes many policies sends many.
const GATHER: Duration = Duration::from_millis(200);
/// How long a cycle may go on after the wish to stop. What it leaves open the next leader settles.
const FINISH: Duration = Duration::from_secs(4);
/// How long giving the leases back may take; without it they run out by themselves.
const RELEASE: Duration = Duration::from_secs(2);

/// Leads, decides, acts and refreshes until `shutdown` completes; then finishes the current act and releases the leases.
///
/// A database that is missing, restarts or refuses the password is tried again for ever, while `/ready` says why not.
///
/// # Errors
/// `Listen` when the HTTP address is taken.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<()> {
    let Config {
        database,
        cycle,
        lease,
        http,
        log: _,
        kubernetes,
    } = config;
    let listener = serve::listen(&http).await?;
    let (switch, stop) = Stop::new();
    let wake = Arc::new(Notify::new());
    let metrics = Arc::new(Metrics::new());
    let health = Arc::new(Health::new(
        cycle.interval.max(Backoff::LONGEST),
        Instant::now(),
    ));
    let shown = Shown {
        metrics: Arc::clone(&metrics),
        health: Arc::clone(&health),
    };
    let server = tokio::spawn(serve::serve(listener, shown, stop.clone()));

    let refresher = cycle.refresh.then(|| {
        let purpose = Purpose {
            limit: cycle.refresh_timeout,
            wake: None,
        };
        let maintain = Maintain::new(
            Database::new(database.clone(), purpose),
            Arc::clone(&metrics),
        );
        tokio::spawn(maintain.keep(cycle.refresh_interval, Arc::clone(&wake), stop.clone()))
    });

    let purpose = Purpose {
        limit: database.statement_timeout,
        wake: Some(Arc::clone(&wake)),
    };
    let turning = Turning {
        cycle: Cycle::new(
            Database::new(database, purpose),
            Leases::new(lease),
            Targets::new(Some(kubernetes), cycle.concurrency),
            Arc::clone(&metrics),
        ),
        interval: cycle.interval,
        metrics,
        health,
        wake,
        stop,
        backoff: Backoff::default(),
        complaints: Changes::new(),
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), listen = %http.listen, "started");
    let asked = async {
        shutdown.await;
        tracing::info!("stopping");
        // Nobody listening any more is what is wanted.
        let _ = switch.send(true);
    };
    tokio::join!(asked, turning.until_stopped());
    for task in refresher.into_iter().chain([server]) {
        let _ = timeout(RELEASE, task).await;
    }
    tracing::info!("stopped");
    Ok(())
}

/// The loop and what it needs.
#[derive(Debug)]
struct Turning {
    cycle: Cycle,
    interval: Duration,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    wake: Arc<Notify>,
    stop: Stop,
    backoff: Backoff,
    complaints: Changes<()>,
}

impl Turning {
    async fn until_stopped(mut self) {
        let moment = Moment {
            clock: Clock::System,
            stop: self.stop.clone(),
        };
        while !self.stop.is_set() {
            self.health.tick(Instant::now());
            let mut stop = self.stop.clone();
            let overdue = async {
                stop.wait().await;
                sleep(FINISH).await;
            };
            let started = Instant::now();
            let result = tokio::select! {
                result = self.cycle.turn(&moment) => result.map(|_| ()),
                () = overdue => break,
            };
            let pause = self.note(result, started.elapsed());
            self.rest(pause).await;
        }
        match timeout(RELEASE, self.cycle.release()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = chain(&error), "the leases were not released"),
            Err(_) => tracing::warn!("the leases were not released in time"),
        }
    }

    /// Takes note of how a cycle ended and says how long to wait.
    fn note(&mut self, result: Result<()>, length: Duration) -> Duration {
        self.metrics.cycled(result.as_ref().err(), length);
        match result {
            Ok(()) => {
                self.backoff.succeeded();
                self.health.cycled(Ok(()));
                if self.complaints.is_over(&()) {
                    tracing::info!("cycles succeed again");
                }
                self.interval
            }
            Err(error) => {
                let words = chain(&error);
                if self.complaints.is_news((), &words) {
                    tracing::error!(
                        error = words,
                        kind = error.label(),
                        "cycle failed; it is tried again"
                    );
                }
                self.health.cycled(Err(words));
                self.backoff.failed().min(self.interval)
            }
        }
    }

    /// Waits for the interval, a notification or the wish to stop.
    async fn rest(&mut self, pause: Duration) {
        tokio::select! {
            () = self.stop.wait() => {}
            () = sleep(pause) => {}
            () = self.wake.notified() => sleep(GATHER).await,
        }
    }
}
