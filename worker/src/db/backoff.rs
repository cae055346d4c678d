//! How long to wait before the next attempt.

use std::time::Duration;

/// Short enough that a restart of the server goes almost unnoticed.
const FIRST: Duration = Duration::from_millis(250);

/// Doubles from 250 ms to 15 s. Without a random part: the workers of one database are few, and a replay must repeat.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Long enough not to disturb a server that recovers, short enough to be back within the length of a lease.
    pub(crate) const LONGEST: Duration = Duration::from_secs(15);

    /// The pause after one more failure.
    pub(crate) fn failed(&mut self) -> Duration {
        let factor = 2_u32.checked_pow(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        FIRST.saturating_mul(factor).min(Self::LONGEST)
    }

    /// The last attempt succeeded.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap_and_start_again_after_a_success() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u128> = (0..8).map(|_| backoff.failed().as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 8000, 15000, 15000]);
        backoff.succeeded();
        assert_eq!(backoff.failed(), FIRST);
    }

    #[test]
    fn a_long_outage_does_not_overflow() {
        let mut backoff = Backoff { failures: u32::MAX };
        assert_eq!(backoff.failed(), Backoff::LONGEST);
        assert_eq!(backoff.failed(), Backoff::LONGEST);
    }
}
