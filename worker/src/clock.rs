//! Which time a cycle runs at.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prescale_core::time::Micros;

/// The clock of a cycle.
///
/// The system clock is the database's, not this machine's, so that a worker whose clock is off decides as every
/// other one would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// The time at which the database executes each statement.
    System,
    /// A given instant.
    Replay(Micros),
}

impl Clock {
    /// The parameter of statements that take a time: `NULL` leaves it to the database.
    pub(crate) fn parameter(self) -> Option<SystemTime> {
        match self {
            Self::System => None,
            Self::Replay(now) => Some(system_time(now)),
        }
    }
}

/// An instant of core as one of the standard library.
pub(crate) fn system_time(micros: Micros) -> SystemTime {
    let distance = Duration::from_micros(micros.unsigned_abs());
    if micros >= 0 {
        UNIX_EPOCH + distance
    } else {
        UNIX_EPOCH - distance
    }
}

/// An instant of the standard library as one of core, rounded towards the epoch; what lies outside saturates.
pub(crate) fn micros(time: SystemTime) -> Micros {
    let whole = |distance: Duration| Micros::try_from(distance.as_micros()).unwrap_or(Micros::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => whole(after),
        Err(before) => -whole(before.duration()),
    }
}

/// An instant in RFC 3339, UTC; `None` where the calendar ends.
pub(crate) fn rfc3339(micros: Micros) -> Option<String> {
    jiff::Timestamp::from_microsecond(micros)
        .ok()
        .map(|ts| ts.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_survive_the_way_there_and_back() {
        for instant in [0, 1, -1, 1_768_000_000_123_456, -62_135_596_800_000_000] {
            assert_eq!(micros(system_time(instant)), instant);
        }
    }

    #[test]
    fn rfc3339_names_the_microsecond() {
        assert_eq!(
            rfc3339(1_000_001).as_deref(),
            Some("1970-01-01T00:00:01.000001Z")
        );
        assert_eq!(rfc3339(Micros::MAX), None);
    }

    #[test]
    fn the_system_clock_leaves_the_time_to_the_database() {
        assert_eq!(Clock::System.parameter(), None);
        assert_eq!(Clock::Replay(5).parameter(), Some(system_time(5)));
    }
}
