use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

/// Often enough that a test loses no time, rarely enough not to keep an API server busy.
const POLL: Duration = Duration::from_millis(100);

/// What a look at the cluster found.
#[derive(Debug)]
pub enum Progress<T> {
    /// The awaited state, with whatever was read.
    Done(T),
    /// Not yet; says what was seen instead, for the message of a timeout.
    Waiting(String),
}

/// Asks `probe` again and again until it is done.
///
/// # Errors
/// The first error of `probe`, or, after `limit`, one that names `what` and the state last seen.
pub async fn wait_until<T>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Result<Progress<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = "no answer".to_owned();
    loop {
        ticks.tick().await;
        match timeout_at(deadline, probe()).await {
            Ok(found) => match found? {
                Progress::Done(value) => return Ok(value),
                Progress::Waiting(state) => seen = state,
            },
            Err(_) => bail!("{what}: not within {limit:?}, last seen: {seen}"),
        }
        if Instant::now() >= deadline {
            bail!("{what}: not within {limit:?}, last seen: {seen}");
        }
    }
}
