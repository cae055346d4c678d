//! Keeps the forecasts fresh: calls `refresh` on a connection of its own, so that a long one delays no decision.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::clock::{Clock, rfc3339};
use crate::db::{Backoff, Database};
use crate::error::{Error, Result, chain};
use crate::log::Changes;
use crate::serve::Metrics;
use crate::stop::Stop;

/// How long the server may take to hear that a refresh is no longer wanted.
const CANCEL_LIMIT: Duration = Duration::from_secs(1);

/// Calls `refresh`.
#[derive(Debug)]
pub(crate) struct Maintain {
    database: Database,
    metrics: Arc<Metrics>,
}

impl Maintain {
    /// Over this connection.
    pub(crate) fn new(database: Database, metrics: Arc<Metrics>) -> Self {
        Self { database, metrics }
    }

    /// Refreshes once. Sent as a simple query outside of a transaction block, since it commits as it goes.
    ///
    /// # Errors
    /// Those of a connection and a statement.
    pub(crate) async fn refresh(&mut self, clock: Clock) -> Result<()> {
        let sql = call(clock)?;
        let started = Instant::now();
        let result = async {
            self.database
                .session()
                .await?
                .simple("refresh the forecasts", &sql)
                .await
        }
        .await;
        self.metrics.refreshed(result.is_ok(), started.elapsed());
        if let Err(error) = &result {
            self.database.after(error);
        }
        result
    }

    /// Refreshes every `interval` until the worker stops, and wakes the cycle after each success. A failure is logged
    /// when it changes.
    pub(crate) async fn keep(mut self, interval: Duration, wake: Arc<Notify>, mut stop: Stop) {
        let (mut backoff, mut complaints) = (Backoff::default(), Changes::new());
        loop {
            let result = tokio::select! {
                result = self.refresh(Clock::System) => result,
                () = stop.wait() => return self.cancel().await,
            };
            let pause = match result {
                Ok(()) => {
                    backoff.succeeded();
                    if complaints.is_over(&()) {
                        tracing::info!("refreshing works again");
                    }
                    wake.notify_one();
                    interval
                }
                Err(error) => {
                    let words = chain(&error);
                    if complaints.is_news((), &words) {
                        tracing::error!(
                            error = words,
                            "refresh failed; deciding goes on with older forecasts"
                        );
                    }
                    let pause = backoff.failed();
                    if error.is_disconnected() {
                        pause
                    } else {
                        interval.max(pause)
                    }
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.wait() => return,
            }
        }
    }

    async fn cancel(&self) {
        if let Some(session) = self.database.current() {
            let sent = tokio::time::timeout(CANCEL_LIMIT, session.cancel().send()).await;
            tracing::debug!(
                in_time = sent.is_ok(),
                "asked the server to stop the refresh"
            );
        }
    }
}

fn call(clock: Clock) -> Result<String> {
    match clock {
        Clock::System => Ok("CALL prescale.refresh()".to_owned()),
        Clock::Replay(now) => rfc3339(now)
            .map(|text| format!("CALL prescale.refresh(as_of => '{text}'::timestamptz)"))
            .ok_or_else(|| Error::Refused(format!("the instant {now} is outside of the calendar"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_refreshes_as_of_its_own_time() {
        assert_eq!(call(Clock::System).unwrap(), "CALL prescale.refresh()");
        let replay = call(Clock::Replay(60_000_000)).unwrap();
        assert_eq!(
            replay,
            "CALL prescale.refresh(as_of => '1970-01-01T00:01:00Z'::timestamptz)"
        );
    }
}
