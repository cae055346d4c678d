//! What can go wrong in the worker. Every kind has a label for metrics and a decided reaction.

use std::time::Duration;

use crate::config::Problems;

/// Shorthand for a result of the worker.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of the worker.
///
/// Reactions: `Config`, `Listen` and `Refused` end the process; everything else ends the cycle, which is tried again
/// after a pause; `StaleLease` drops the lease of its shard first.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is not valid.
    #[error("configuration is not valid\n{0}")]
    Config(Problems),
    /// A file that the database connection needs cannot be used.
    #[error("cannot use {what} \"{path}\": {why}")]
    File {
        /// What the file is for.
        what: &'static str,
        /// Its path.
        path: String,
        /// Why it cannot be used.
        why: String,
    },
    /// The database cannot be reached, or refuses the worker.
    #[error("cannot connect to the database at {place}")]
    Connect {
        /// Host, port and database.
        place: String,
        /// What the driver says.
        source: tokio_postgres::Error,
    },
    /// The database has no prescale, or one of another contract.
    #[error("{0}")]
    Contract(String),
    /// A statement failed.
    #[error("cannot {what}")]
    Query {
        /// What the statement is for.
        what: &'static str,
        /// What the server or the driver says.
        source: tokio_postgres::Error,
    },
    /// A statement or the connection gave no answer; the connection is given up.
    #[error("cannot {what}: no answer within {limit:?}")]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// How long.
        limit: Duration,
    },
    /// Another worker holds the lease, or it expired.
    #[error("cannot {what}: the lease is held by another worker or expired")]
    StaleLease {
        /// What was refused.
        what: &'static str,
    },
    /// The HTTP address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// What was asked for is not allowed here.
    #[error("{0}")]
    Refused(String),
}

/// The SQLSTATE that the extension raises for a lease that is not current.
const STALE_LEASE: &str = "PS001";

impl Error {
    /// The failure of a statement; a stale lease is told apart by its SQLSTATE.
    pub(crate) fn query(what: &'static str, source: tokio_postgres::Error) -> Self {
        if source
            .code()
            .is_some_and(|state| state.code() == STALE_LEASE)
        {
            Self::StaleLease { what }
        } else {
            Self::Query { what, source }
        }
    }

    /// A short stable word for metrics.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Config(_) => "config",
            Self::File { .. } => "file",
            Self::Connect { .. } => "connect",
            Self::Contract(_) => "contract",
            Self::Query { .. } => "query",
            Self::Timeout { .. } => "timeout",
            Self::StaleLease { .. } => "stale_lease",
            Self::Listen { .. } => "listen",
            Self::Refused(_) => "refused",
        }
    }

    /// Whether no session with the database could be established.
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        matches!(
            self,
            Self::File { .. } | Self::Connect { .. } | Self::Contract(_) | Self::Timeout { .. }
        )
    }
}

/// An error and everything that caused it, in one line; a cause that its effect already quotes is not repeated.
#[must_use]
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::chain;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("middle: inner")]
    struct Middle(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("inner")]
    struct Inner;

    #[test]
    fn chain_names_every_cause_once() {
        assert_eq!(chain(&Outer(Middle(Inner))), "outer: middle: inner");
    }
}
