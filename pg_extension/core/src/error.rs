//! The one error type of core: what kind, which value, what would have been allowed.

use std::fmt;

/// What went wrong, as a closed list that callers map to SQLSTATEs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// An argument is outside its domain.
    InvalidArgument,
    /// A name (model, option, rule, time zone) is not one of the known ones.
    UnknownName,
    /// An argument is NaN or infinite.
    NotFinite,
    /// The input exceeds a stated limit.
    TooLarge,
    /// Bytes or text are not a value of the type they claim to be.
    Corrupt,
    /// The caller asked to stop.
    Cancelled,
    /// A numerical routine broke down; a defect or a degenerate input that a check should have caught.
    Numeric,
}

/// An error with its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
}

/// Shorthand for a result of core.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind`; the message is lower case, without a full stop, and names the offending value.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    /// An argument outside its domain.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// The same error with advice on what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What kind of error this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message, without the hint.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Advice, where there is some.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
