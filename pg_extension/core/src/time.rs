//! Instants and steps as every stage counts them: whole microseconds since the Unix epoch, UTC.

use crate::error::{Error, Result};

/// An instant: microseconds since 1970-01-01T00:00:00Z.
pub type Micros = i64;

/// Microseconds in a second.
pub const SECOND: Micros = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE: Micros = 60 * SECOND;
/// Microseconds in a day of 24 hours.
pub const DAY: Micros = 1_440 * MINUTE;

/// The length of a window in microseconds; always positive.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "i64", into = "i64")]
pub struct Step(Micros);

impl Step {
    /// A step of `micros` microseconds.
    ///
    /// # Errors
    /// `InvalidArgument` when it is zero or negative.
    pub fn try_new(micros: Micros) -> Result<Self> {
        if micros > 0 {
            Ok(Self(micros))
        } else {
            Err(Error::invalid(format!(
                "step must be positive, not {}",
                interval_text(micros)
            ))
            .with_hint("give a step such as '1 minute'"))
        }
    }

    /// The step in microseconds.
    #[must_use]
    pub fn micros(self) -> Micros {
        self.0
    }

    /// The start of the window that holds `ts` (windows are aligned to the epoch).
    #[must_use]
    pub fn floor(self, ts: Micros) -> Micros {
        ts - ts.rem_euclid(self.0)
    }

    /// How many steps cover `span`, rounded up, at least one.
    #[must_use]
    pub fn cover(self, span: Micros) -> usize {
        let steps = span.div_euclid(self.0) + i64::from(span.rem_euclid(self.0) != 0);
        usize::try_from(steps.max(1)).unwrap_or(1)
    }

    /// How many steps make up `span`, rounded to the nearest, at least one.
    #[must_use]
    pub fn round(self, span: Micros) -> usize {
        usize::try_from(((span + self.0 / 2) / self.0).max(1)).unwrap_or(1)
    }
}

impl TryFrom<i64> for Step {
    type Error = Error;
    fn try_from(micros: i64) -> Result<Self> {
        Self::try_new(micros)
    }
}

impl From<Step> for i64 {
    fn from(step: Step) -> Self {
        step.0
    }
}

/// A length of time as PostgreSQL writes intervals: days, then hours, minutes and seconds if any.
///
/// ```
/// use prescale_core::time::{DAY, MINUTE, interval_text};
/// let text = [7 * DAY, DAY, 90 * MINUTE, 36 * 60 * MINUTE + 500_000].map(interval_text);
/// assert_eq!(text, ["7 days", "1 day", "01:30:00", "1 day 12:00:00.5"]);
/// assert_eq!([0, -MINUTE, -36 * 60 * MINUTE].map(interval_text), ["00:00:00", "-00:01:00", "-1 days -12:00:00"]);
/// ```
#[must_use]
pub fn interval_text(micros: Micros) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let [micros, day, minute, second] = [micros, DAY, MINUTE, SECOND].map(i64::unsigned_abs);
    let (days, rest) = (micros / day, micros % day);
    let plural = if days == 1 && sign.is_empty() {
        ""
    } else {
        "s"
    };
    let seconds = rest % minute / second;
    let time = format!(
        "{sign}{:02}:{:02}:{seconds:02}",
        rest / (60 * minute),
        rest / minute % 60
    );
    let fraction = format!(".{:06}", rest % second);
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    match (days, rest) {
        (0, _) => format!("{time}{fraction}"),
        (_, 0) => format!("{sign}{days} day{plural}"),
        _ => format!("{sign}{days} day{plural} {time}{fraction}"),
    }
}

/// An instant as text for messages: `2024-01-31 09:00:00+00`; the number of microseconds where the calendar ends.
pub(crate) fn time_text(ts: Micros) -> String {
    match ts {
        Micros::MIN => return "-infinity".into(),
        Micros::MAX => return "infinity".into(),
        _ => {}
    }
    chrono::DateTime::from_timestamp_micros(ts).map_or_else(
        || format!("{ts} microseconds"),
        |t| t.format("%Y-%m-%d %H:%M:%S%.f+00").to_string(),
    )
}

/// Asked by long computations every few thousand operations; `true` means stop with `Cancelled`.
pub type ShouldStop<'a> = &'a dyn Fn() -> bool;

/// Returns `Cancelled` when the caller asks to stop.
///
/// # Errors
/// `Cancelled`.
pub fn check_stop(should_stop: ShouldStop<'_>) -> Result<()> {
    if should_stop() {
        Err(Error::new(
            crate::error::ErrorKind::Cancelled,
            "stopped at the caller's request",
        ))
    } else {
        Ok(())
    }
}
