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
            Err(
                Error::invalid(format!("step must be positive, not {micros} microseconds"))
                    .with_hint("give a step such as '1 minute'"),
            )
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
