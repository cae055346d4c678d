//! Whether the loop turns and its cycles succeed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many intervals may pass without a tick before the process counts as stuck.
const PATIENCE: u32 = 10;

/// What the loop last reported.
#[derive(Debug)]
pub(crate) struct Health {
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    ticked: Instant,
    cycle: Option<Result<(), String>>,
}

impl Health {
    /// A loop that ticks at least every `longest_pause` and has begun at `now`.
    pub(crate) fn new(longest_pause: Duration, now: Instant) -> Self {
        Self {
            patience: longest_pause * PATIENCE,
            state: Mutex::new(State {
                ticked: now,
                cycle: None,
            }),
        }
    }

    /// The loop is alive.
    pub(crate) fn tick(&self, now: Instant) {
        self.state().ticked = now;
    }

    /// The cycle ended like this.
    pub(crate) fn cycled(&self, result: Result<(), String>) {
        self.state().cycle = Some(result);
    }

    /// Nothing, or why the process should be restarted.
    pub(crate) fn why_not_live(&self) -> Vec<String> {
        self.why_not_live_at(Instant::now())
    }

    fn why_not_live_at(&self, now: Instant) -> Vec<String> {
        let silence = now.saturating_duration_since(self.state().ticked);
        let stuck = silence > self.patience;
        stuck
            .then(|| format!("the loop has not ticked for {} s", silence.as_secs()))
            .into_iter()
            .collect()
    }

    /// Nothing, or why the worker does not do its work at the moment.
    pub(crate) fn why_not_ready(&self) -> Vec<String> {
        match &self.state().cycle {
            None => vec!["no cycle has ended yet".to_owned()],
            Some(Ok(())) => Vec::new(),
            Some(Err(why)) => vec![why.clone()],
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves these plain values whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_live_for_ten_intervals_after_its_last_tick() {
        let start = Instant::now();
        let health = Health::new(Duration::from_secs(15), start);
        assert!(
            health
                .why_not_live_at(start + Duration::from_secs(150))
                .is_empty()
        );
        let why = health.why_not_live_at(start + Duration::from_secs(151));
        assert_eq!(why, ["the loop has not ticked for 151 s"]);
        health.tick(start + Duration::from_secs(100));
        assert!(
            health
                .why_not_live_at(start + Duration::from_secs(151))
                .is_empty()
        );
    }

    #[test]
    fn a_worker_is_ready_once_its_last_cycle_succeeded() {
        let health = Health::new(Duration::from_secs(15), Instant::now());
        assert_eq!(health.why_not_ready(), ["no cycle has ended yet"]);
        health.cycled(Ok(()));
        assert!(health.why_not_ready().is_empty());
        health.cycled(Err("cannot connect to the database".to_owned()));
        assert_eq!(health.why_not_ready(), ["cannot connect to the database"]);
    }
}
