//! Making a connection.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{AsyncMessage, Connection};

use super::session::Session;
use super::{Purpose, tls};
use crate::config::{DatabaseConfig, Tls};
use crate::error::{Error, Result};

/// A peer that vanished is noticed after `IDLE + 3 × EVERY`, about a lease's length, not after the kernel's two hours.
const IDLE: Duration = Duration::from_secs(15);
const EVERY: Duration = Duration::from_secs(5);
const RETRIES: u32 = 3;

/// Connects, sets the session up and listens if asked to.
///
/// # Errors
/// `File`, `Connect`, `Timeout`, `Query`.
pub(super) async fn connect(config: &DatabaseConfig, purpose: &Purpose) -> Result<Session> {
    let DatabaseConfig {
        connection,
        password_file,
        tls,
        ca_file,
        statement_timeout: _,
        connect_timeout,
    } = config;
    let mut connection = connection.as_ref().clone();
    if let Some(path) = password_file {
        let text = std::fs::read_to_string(path).map_err(|error| Error::File {
            what: "the password file",
            path: path.display().to_string(),
            why: error.to_string(),
        })?;
        connection.password(text.trim_end_matches(['\r', '\n']));
    }
    let mode = ssl_mode(*tls, connection.get_hosts());
    connection
        .application_name("prescale-worker")
        .ssl_mode(mode)
        .connect_timeout(*connect_timeout)
        .tcp_user_timeout(IDLE + EVERY * RETRIES)
        .keepalives_idle(IDLE)
        .keepalives_interval(EVERY)
        .keepalives_retries(RETRIES);
    let connector = tls::connector(*tls, ca_file.as_deref())?;
    let place = config.place();
    // The driver's own limit covers the TCP handshake only, and each address anew.
    let attempt = tokio::time::timeout(*connect_timeout * 2, connection.connect(connector.clone()));
    let (client, driver) = attempt
        .await
        .map_err(|_| Error::Timeout {
            what: "connect to the database",
            limit: *connect_timeout * 2,
        })?
        .map_err(|source| Error::Connect { place, source })?;
    tokio::spawn(drive(driver, purpose.wake.clone()));
    let session = Session::new(client, connector, purpose.limit);
    session.set_up(purpose.wake.is_some()).await?;
    Ok(session)
}

/// Sockets of this machine are not encrypted, whatever the mode says about the network.
fn ssl_mode(tls: Tls, hosts: &[Host]) -> SslMode {
    let local = !hosts.is_empty() && hosts.iter().all(|host| matches!(host, Host::Unix(_)));
    match tls {
        _ if local => SslMode::Disable,
        Tls::Disable => SslMode::Disable,
        Tls::Prefer => SslMode::Prefer,
        Tls::Require | Tls::VerifyFull => SslMode::Require,
    }
}

/// Moves bytes until the connection ends. Its end is noticed by the next statement, which reports it.
async fn drive<S, T>(mut connection: Connection<S, T>, wake: Option<Arc<Notify>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        match (message, &wake) {
            (AsyncMessage::Notification(_), Some(wake)) => wake.notify_one(),
            (AsyncMessage::Notice(notice), _) => {
                tracing::debug!(notice = notice.message(), "notice of the database")
            }
            (_, _) => {}
        }
    }
    if let Some(wake) = wake {
        // A cycle that waits for its interval should find out now.
        wake.notify_one();
    }
}

impl DatabaseConfig {
    /// Where this points to, for people: no user and no password.
    pub(crate) fn place(&self) -> String {
        let ports = self.connection.get_ports();
        let hosts: Vec<String> = self
            .connection
            .get_hosts()
            .iter()
            .enumerate()
            .map(|(index, host)| {
                let port = ports
                    .get(index)
                    .or_else(|| ports.first())
                    .copied()
                    .unwrap_or(5432);
                match host {
                    Host::Tcp(name) => format!("{name}:{port}"),
                    Host::Unix(folder) => format!("{}/.s.PGSQL.{port}", folder.display()),
                }
            })
            .collect();
        let dbname = self
            .connection
            .get_dbname()
            .map(|name| format!(", database \"{name}\""))
            .unwrap_or_default();
        format!("{}{dbname}", hosts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_not_encrypted_and_the_network_is_as_configured() {
        let socket = [Host::Unix("/run/postgresql".into())];
        let network = [Host::Tcp("db".to_owned())];
        assert_eq!(ssl_mode(Tls::VerifyFull, &socket), SslMode::Disable);
        assert_eq!(ssl_mode(Tls::VerifyFull, &network), SslMode::Require);
        assert_eq!(ssl_mode(Tls::Prefer, &network), SslMode::Prefer);
    }
}
