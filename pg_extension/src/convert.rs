//! Values of PostgreSQL as core counts them, and back: time, arrays, JSON. `varlena` does the same for our own types.

use pgrx::datum::{Array, Interval, TimestampWithTimeZone};
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::PgSqlErrorCode;
use prescale_core::time::{DAY, Micros, Step};
use prescale_core::{Error, ErrorKind};

use crate::error::{Answer, failure, invalid, report};

pub(crate) mod array;
pub(crate) mod call;
pub(crate) mod json;
pub(crate) mod name;
pub(crate) mod progress;
pub(crate) mod varlena;

/// Rows between two looks at cancel.
pub(crate) const ROWS_PER_LOOK: usize = 4_096;

/// PostgreSQL counts from 2000-01-01, core from 1970-01-01: 10,957 days later.
const POSTGRES_EPOCH: Micros = 10_957 * DAY;

/// Microseconds since the Unix epoch.
///
/// # Errors
/// 22023 for an infinite time.
pub(crate) fn micros(ts: TimestampWithTimeZone) -> Answer<Micros> {
    finite_micros(ts.into_inner()).ok_or_else(|| {
        invalid(
            "an infinite time is not a point in time",
            "Give a finite timestamp.",
        )
    })
}

/// Microseconds since the Unix epoch; `None` for an infinite time. Every finite time of PostgreSQL fits.
pub(crate) fn finite_micros(since_2000: pg_sys::TimestampTz) -> Option<Micros> {
    if since_2000 == i64::MIN || since_2000 == i64::MAX {
        None
    } else {
        since_2000.checked_add(POSTGRES_EPOCH)
    }
}

/// A timestamp from microseconds since the Unix epoch.
///
/// # Errors
/// 22008 for a time that PostgreSQL cannot represent.
pub(crate) fn timestamp(micros: Micros) -> Answer<TimestampWithTimeZone> {
    micros
        .checked_sub(POSTGRES_EPOCH)
        .and_then(|since_2000| TimestampWithTimeZone::try_from(since_2000).ok())
        .ok_or_else(|| {
            failure(
                PgSqlErrorCode::ERRCODE_DATETIME_FIELD_OVERFLOW,
                format!("{micros} microseconds since 1970 are outside the range of timestamps"),
                "Use times between 4713 BC and 294276 AD.",
            )
        })
}

/// A timestamp where there is one.
///
/// # Errors
/// As [`timestamp`].
pub(crate) fn optional_timestamp(micros: Option<Micros>) -> Answer<Option<TimestampWithTimeZone>> {
    micros.map(timestamp).transpose()
}

/// The length of an interval in microseconds; a day is 24 hours.
///
/// # Errors
/// 22023 for months and years, whose length varies.
pub(crate) fn span(interval: &Interval) -> Answer<Micros> {
    if interval.months() != 0 {
        return Err(invalid(
            format!(
                "an interval of {} months has no fixed length",
                interval.months()
            ),
            "Give days or shorter units, such as '30 days'.",
        ));
    }
    i64::from(interval.days())
        .checked_mul(DAY)
        .and_then(|days| days.checked_add(interval.micros()))
        .ok_or_else(|| {
            invalid(
                "the interval is too long",
                "Give an interval of less than 290,000 years.",
            )
        })
}

/// A length of time as an interval of days and less.
///
/// # Errors
/// 22008 above 2,147,483,647 days.
pub(crate) fn interval(micros: Micros) -> Answer<Interval> {
    let days = i32::try_from(micros / DAY).ok();
    days.and_then(|days| Interval::new(0, days, micros % DAY).ok())
        .ok_or_else(|| {
            failure(
                PgSqlErrorCode::ERRCODE_DATETIME_FIELD_OVERFLOW,
                format!("{micros} microseconds are outside the range of intervals"),
                "Use a shorter step.",
            )
        })
}

/// The step that an interval stands for.
///
/// # Errors
/// As [`span`]; 22023 when it is not positive.
pub(crate) fn step(interval: &Interval) -> Answer<Step> {
    Step::try_new(span(interval)?).map_err(report)
}

/// An argument that must not be NULL, in a function where another one may be.
///
/// # Errors
/// 22004.
pub(crate) fn required<T>(argument: Option<T>, name: &str) -> Answer<T> {
    argument.ok_or_else(|| {
        failure(
            PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED,
            format!("{name} must not be null"),
            format!("Give a value for {name}."),
        )
    })
}

/// The elements of an array without NULLs.
///
/// # Errors
/// 22004 for a NULL element.
pub(crate) fn numbers(array: &Array<'_, f64>, name: &str) -> Answer<Vec<f64>> {
    array
        .iter()
        .map(|element| element.ok_or_else(|| null_element(name)))
        .collect()
}

/// The elements of an array of names without NULLs.
///
/// # Errors
/// 22004 for a NULL element, 22021 for one that is not UTF-8 (pgrx does not look, whatever the database's encoding).
pub(crate) fn names(array: &Array<'_, &str>, name: &str) -> Answer<Vec<String>> {
    let element = |element: Option<&str>| {
        let bytes = element.ok_or_else(|| null_element(name))?.as_bytes();
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(call::not_utf8)
    };
    array.iter().map(element).collect()
}

/// The lengths of an array of intervals without NULLs.
///
/// # Errors
/// 22004 for a NULL element, and as [`span`].
pub(crate) fn spans(array: &Array<'_, Interval>, name: &str) -> Answer<Vec<Micros>> {
    array
        .iter()
        .map(|element| {
            element
                .ok_or_else(|| null_element(name))
                .and_then(|interval| span(&interval))
        })
        .collect()
}

#[track_caller]
pub(crate) fn null_element(name: &str) -> ErrorReport {
    failure(
        PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED,
        format!("{name} must not hold NULLs"),
        format!("Remove them with array_remove({name}, NULL)."),
    )
}

/// A size or count that must not be negative.
///
/// # Errors
/// 22023.
pub(crate) fn count(value: i32, name: &str) -> Answer<u32> {
    u32::try_from(value).map_err(|_| {
        invalid(
            format!("{name} must not be negative, not {value}"),
            "Give zero or more.",
        )
    })
}

/// A number of units or rows as an SQL int.
///
/// # Errors
/// 54000 above 2,147,483,647.
pub(crate) fn int<T: TryInto<i32> + Copy + std::fmt::Display>(value: T) -> Answer<i32> {
    value.try_into().map_err(|_| too_large(&value))
}

/// A number of rows as an SQL bigint.
///
/// # Errors
/// 54000 above 2⁶³ − 1.
pub(crate) fn bigint<T: TryInto<i64> + Copy + std::fmt::Display>(value: T) -> Answer<i64> {
    value.try_into().map_err(|_| too_large(&value))
}

#[track_caller]
fn too_large(value: &dyn std::fmt::Display) -> ErrorReport {
    report(Error::new(
        ErrorKind::TooLarge,
        format!("{value} does not fit the result type"),
    ))
}

/// Given to core as its `should_stop`: lets PostgreSQL act on a pending cancel or timeout, which unwinds through core
/// as the error 57014. Other interrupts (a configuration reload, a barrier) are served and the computation goes on.
pub(crate) fn should_stop() -> bool {
    pgrx::check_for_interrupts!();
    false
}
