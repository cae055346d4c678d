//! Errors of core, and of this crate, as PostgreSQL reports them: SQLSTATE, message and hint.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::PgSqlErrorCode;
use prescale_core::{Error, ErrorKind};

/// What every wrapper that can fail returns; pgrx raises the report with its SQLSTATE and hint.
pub(crate) type Answer<T> = Result<T, ErrorReport>;

/// An error with a SQLSTATE and advice.
#[track_caller]
pub(crate) fn failure(
    code: PgSqlErrorCode,
    message: impl Into<String>,
    hint: impl Into<String>,
) -> ErrorReport {
    ErrorReport::new(code, message.into(), "prescale").set_hint(hint)
}

/// An argument outside its domain (22023).
#[track_caller]
pub(crate) fn invalid(message: impl Into<String>, hint: impl Into<String>) -> ErrorReport {
    failure(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        message,
        hint,
    )
}

/// An error of core; bytes that are not a value of their type are 22P03.
#[track_caller]
pub(crate) fn report(error: Error) -> ErrorReport {
    report_as(error, PgSqlErrorCode::ERRCODE_INVALID_BINARY_REPRESENTATION)
}

/// An error of core about something in text form, where `Corrupt` is 22P02.
#[track_caller]
pub(crate) fn report_text(error: Error) -> ErrorReport {
    report_as(error, PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION)
}

#[track_caller]
fn report_as(error: Error, corrupt: PgSqlErrorCode) -> ErrorReport {
    let (code, general_hint) = match error.kind() {
        ErrorKind::InvalidArgument | ErrorKind::UnknownName => {
            (PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "")
        }
        ErrorKind::NotFinite => (
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "Leave out NaN and infinite values, or replace them.",
        ),
        ErrorKind::TooLarge => (
            PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            "Use fewer rows, a longer step or a shorter stretch of time.",
        ),
        ErrorKind::Corrupt => (
            corrupt,
            "Only what this extension wrote out can be read back in.",
        ),
        ErrorKind::Cancelled => (PgSqlErrorCode::ERRCODE_QUERY_CANCELED, ""),
        ErrorKind::Numeric => (
            PgSqlErrorCode::ERRCODE_DATA_EXCEPTION,
            "The input is degenerate in a way that was not foreseen; please report it.",
        ),
    };
    let hint = error.hint().unwrap_or(general_hint);
    let report = ErrorReport::new(code, error.message().to_owned(), "prescale");
    if hint.is_empty() {
        report
    } else {
        report.set_hint(sentence(hint))
    }
}

/// Core writes fragments, PostgreSQL's hints are sentences.
fn sentence(hint: &str) -> String {
    let mut letters = hint.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    let stop = if hint.ends_with(['.', '?', '!', ';']) {
        ""
    } else {
        "."
    };
    format!("{first}{}{stop}", letters.as_str())
}
