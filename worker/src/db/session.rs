//! One established connection.

use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{CancelToken, Client, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{CONTRACT, Purpose};
use crate::error::{Error, Result};

/// The server's own statement timeout answers first; this is for connections that are half open.
const GRACE: Duration = Duration::from_secs(5);

/// One established connection.
pub(crate) struct Session {
    client: Client,
    connector: Option<MakeRustlsConnect>,
    limit: Duration,
    encrypted: std::sync::atomic::AtomicBool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// Cancels what a session is executing.
pub(crate) struct Cancel(CancelToken, Option<MakeRustlsConnect>);

impl Cancel {
    /// Asks the server to stop the statement. Best effort: whatever it committed stays, and it may be over already.
    pub(crate) async fn send(self) {
        let Self(token, connector) = self;
        let sent = match connector {
            Some(connector) => token.cancel_query(connector).await,
            None => token.cancel_query(NoTls).await,
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "the running statement could not be cancelled");
        }
    }
}

/// A parameter and its type.
pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

impl Session {
    pub(super) fn new(
        client: Client,
        connector: Option<MakeRustlsConnect>,
        limit: Duration,
    ) -> Self {
        Self {
            client,
            connector,
            limit,
            encrypted: false.into(),
        }
    }

    /// Pins what a role or database may have set otherwise, and listens if asked to.
    pub(super) async fn set_up(&self, purpose: &Purpose) -> Result<()> {
        let Purpose {
            limit,
            wake,
            durable,
        } = purpose;
        let mut text = format!(
            "SET search_path = pg_catalog, prescale, pg_temp; SET statement_timeout = {}; SET timezone = 'UTC'",
            limit.as_millis()
        );
        if !durable {
            text.push_str("; SET synchronous_commit = off");
        }
        if wake.is_some() {
            text.push_str("; LISTEN prescale");
        }
        self.simple("set the session up", &text).await?;
        let sql = "SELECT coalesce((SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()), false)";
        let rows = self
            .rows("see whether the connection is encrypted", sql, &[])
            .await?;
        if let Some(row) = rows.first() {
            self.encrypted
                .store(column(row, 0)?, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(())
    }

    /// Whether the connection uses TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.encrypted.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Whether the connection has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// What stops the statement that is being executed.
    pub(crate) fn cancel(&self) -> Cancel {
        Cancel(self.client.cancel_token(), self.connector.clone())
    }

    /// Executes one statement in one round trip.
    ///
    /// # Errors
    /// `Query`, `StaleLease`, `Timeout`.
    pub(crate) async fn rows(
        &self,
        what: &'static str,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>> {
        self.bounded(what, self.client.query_typed(sql, parameters))
            .await
    }

    /// Executes a script outside of a transaction block.
    ///
    /// # Errors
    /// `Query`, `StaleLease`, `Timeout`.
    pub(crate) async fn simple(&self, what: &'static str, sql: &str) -> Result<()> {
        self.bounded(what, self.client.batch_execute(sql)).await
    }

    async fn bounded<T>(
        &self,
        what: &'static str,
        answer: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        let limit = self.limit + GRACE;
        match tokio::time::timeout(limit, answer).await {
            Ok(answer) => answer.map_err(|source| Error::query(what, source)),
            Err(_) => Err(Error::Timeout { what, limit }),
        }
    }

    /// Refuses a database whose contract this worker does not know.
    pub(super) async fn check_contract(&self) -> Result<()> {
        let what = "read the contract version";
        let found: i32 = match self
            .rows(what, "SELECT prescale.contract_version()", &[])
            .await
        {
            Ok(rows) => rows.first().map_or(Ok(0), |row| column(row, 0))?,
            Err(Error::Query { source, .. }) if is_missing(&source) => {
                return Err(Error::Contract(
                    "the extension prescale is not in this database; CREATE EXTENSION prescale makes it".to_owned(),
                ));
            }
            Err(Error::Query { source, .. })
                if source.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) =>
            {
                return Err(Error::Contract(
                    "this role may not use schema prescale; prescale.grant_worker(role) gives the right".to_owned(),
                ));
            }
            Err(other) => return Err(other),
        };
        if found == CONTRACT {
            return Ok(());
        }
        let older = if found < CONTRACT {
            "ALTER EXTENSION prescale UPDATE"
        } else {
            "a newer prescale-worker"
        };
        Err(Error::Contract(format!(
            "the extension speaks contract {found}, this worker speaks {CONTRACT}; what is needed is {older}"
        )))
    }
}

fn is_missing(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(code) if *code == SqlState::UNDEFINED_FUNCTION || *code == SqlState::INVALID_SCHEMA_NAME)
}

/// A column of a row.
///
/// # Errors
/// `Query` when the value is not of the type that the contract states.
pub(crate) fn column<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T> {
    row.try_get(index).map_err(|source| Error::Query {
        what: "read an answer of the database",
        source,
    })
}
