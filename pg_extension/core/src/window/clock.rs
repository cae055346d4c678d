//! The clock by which windows follow each other.

use chrono_tz::Tz;

use super::calendar;
use crate::error::Result;
use crate::time::{DAY, Micros, Step};

/// What clocks of a time zone show. By that of their time zone windows of whole days are equally long, also across a change of daylight saving
/// time; shorter windows are by UTC.
///
/// ```
/// use prescale_core::time::{DAY, MINUTE};
/// use prescale_core::window::Clock;
/// let clock = Clock::in_zone(Some("Europe/Berlin"))?;
/// assert_eq!(clock.shows(0), 60 * MINUTE);
/// // July began two hours before that of UTC did.
/// assert_eq!(clock.instant(20_270 * DAY), 20_270 * DAY - 120 * MINUTE);
/// # Ok::<(), prescale_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock(Option<Tz>);

impl Clock {
    /// That of UTC.
    pub const UTC: Self = Self(None);

    /// That of a time zone; of UTC without one.
    ///
    /// # Errors
    /// `UnknownName` for a time zone that is not known.
    pub fn in_zone(timezone: Option<&str>) -> Result<Self> {
        let zone = timezone.map(calendar::timezone).transpose()?;
        Ok(Self(zone.filter(|zone| *zone != Tz::UTC)))
    }

    /// That of windows of `step` in a time zone.
    ///
    /// # Errors
    /// `UnknownName` for a time zone that is not known.
    pub(crate) fn of(timezone: Option<&str>, step: Step) -> Result<Self> {
        let Self(zone) = Self::in_zone(timezone)?;
        Ok(Self(zone.filter(|_| step.micros() % DAY == 0)))
    }

    /// Name of the time zone; `None` for UTC.
    pub(crate) fn timezone(self) -> Option<&'static str> {
        self.0.map(Tz::name)
    }

    /// What it shows at an instant, as if it were UTC. Where the calendar ends it is UTC.
    #[must_use]
    pub fn shows(self, ts: Micros) -> Micros {
        let offset = self.0.and_then(|zone| calendar::offset(zone, ts).ok());
        ts.saturating_add(offset.unwrap_or(0))
    }

    /// What it shows at the start of the window that starts at `ts`: midnight, also on a day that starts later.
    pub(crate) fn shows_at_start(self, ts: Micros) -> Micros {
        let shown = self.shows(ts);
        match self.0 {
            Some(_) => shown
                .saturating_add(DAY / 2)
                .div_euclid(DAY)
                .saturating_mul(DAY),
            None => shown,
        }
    }

    /// End of the window of `step` that starts at `ts`.
    pub(crate) fn end(self, ts: Micros, step: Step) -> Micros {
        self.instant(self.shows_at_start(ts).saturating_add(step.micros()))
    }

    /// The first instant at which it shows `local` or more.
    #[must_use]
    pub fn instant(self, local: Micros) -> Micros {
        let found = self.0.and_then(|zone| calendar::instant(zone, local).ok());
        found.unwrap_or(local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(zone: &str) -> Clock {
        Clock::of(Some(zone), Step::try_new(DAY).unwrap()).unwrap()
    }

    #[test]
    fn only_days_have_a_zone() {
        let hours = Step::try_new(DAY / 24).unwrap();
        assert_eq!(
            Clock::of(Some("Europe/Berlin"), hours).unwrap().timezone(),
            None
        );
        assert_eq!(days("UTC").timezone(), None);
        assert_eq!(days("Europe/Berlin").timezone(), Some("Europe/Berlin"));
        assert!(Clock::of(Some("Europe/Nowhere"), hours).is_err());
    }

    #[test]
    fn midnights_are_a_day_apart() {
        // Sao Paulo changed its clocks at midnight: 2018-11-04 began at 01:00.
        for (zone, around) in [
            ("Europe/Berlin", 1_711_843_200),
            ("Europe/Berlin", 1_729_987_200),
            ("America/Sao_Paulo", 1_541_300_400),
        ] {
            let clock = days(zone);
            let middle = clock.shows_at_start(around * 1_000_000);
            for k in -3..=3 {
                let local = middle.div_euclid(DAY) * DAY + k * DAY;
                let start = clock.instant(local);
                assert_eq!(clock.shows_at_start(start), local, "{zone} {k}");
                assert!(clock.shows(start - 1) < local, "{zone} {k}");
            }
        }
    }

    #[test]
    fn where_the_calendar_ends_it_is_utc() {
        let clock = days("Europe/Berlin");
        for ts in [i64::MIN, i64::MAX] {
            assert_eq!((clock.shows(ts), clock.instant(ts)), (ts, ts));
        }
    }
}
