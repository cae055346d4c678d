//! The connections to PostgreSQL.
//!
//! Each [`Database`] is one connection that is made when needed and made again after a failure. Statements are sent
//! with their types in one round trip, nothing is prepared by name, so that poolers in transaction mode work too.

mod backoff;
mod connect;
mod session;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

pub(crate) use backoff::Backoff;
pub(crate) use session::{Parameter, Session, column};

use crate::config::DatabaseConfig;
use crate::error::{Error, Result};

/// The contract between the extension's tables and this worker.
pub(crate) const CONTRACT: i32 = 1;

/// What a connection is for.
#[derive(Debug, Clone)]
pub(crate) struct Purpose {
    /// Statement timeout.
    pub(crate) limit: Duration,
    /// Told when the channel `prescale` is notified; without it the connection does not listen.
    pub(crate) wake: Option<Arc<Notify>>,
}

/// One connection, made when needed.
#[derive(Debug)]
pub(crate) struct Database {
    config: DatabaseConfig,
    purpose: Purpose,
    session: Option<Arc<Session>>,
}

impl Database {
    /// Nothing is connected yet.
    pub(crate) fn new(config: DatabaseConfig, purpose: Purpose) -> Self {
        Self {
            config,
            purpose,
            session: None,
        }
    }

    /// The session, a new one if there is none or it broke.
    ///
    /// # Errors
    /// `File`, `Connect`, `Timeout`, `Contract`.
    pub(crate) async fn session(&mut self) -> Result<Arc<Session>> {
        if let Some(session) = self.session.as_ref().filter(|session| !session.is_closed()) {
            return Ok(Arc::clone(session));
        }
        self.session = None;
        let session = Arc::new(connect::connect(&self.config, &self.purpose).await?);
        session.check_contract().await?;
        tracing::info!(place = %self.config.place(), tls = session.is_encrypted(), "connected to the database");
        self.session = Some(Arc::clone(&session));
        Ok(session)
    }

    /// The session if there is one now.
    pub(crate) fn current(&self) -> Option<Arc<Session>> {
        self.session.clone().filter(|session| !session.is_closed())
    }

    /// Gives the connection up when the failure says that it is of no more use.
    pub(crate) fn after(&mut self, error: &Error) {
        if error.is_disconnected() {
            self.session = None;
        }
    }
}
