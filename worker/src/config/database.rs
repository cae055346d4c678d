//! The section `database`.

use std::path::PathBuf;
use std::time::Duration;

use super::source::{Section, Source};
use super::value;

/// How the connection to PostgreSQL is protected. A Unix socket is never encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// No TLS.
    Disable,
    /// TLS where the server offers it; any certificate is accepted, as libpq does.
    Prefer,
    /// TLS or no connection; any certificate is accepted, as libpq does: protects from listeners, not from impostors.
    Require,
    /// TLS with a certificate for this host name from `ca_file`, or from the system's authorities.
    VerifyFull,
}

/// How to reach PostgreSQL.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Hosts, user and database; its own `Debug` hides a password.
    pub(crate) connection: Box<tokio_postgres::Config>,
    /// Password file, read at every connection, so that a rotated password is noticed.
    pub password_file: Option<PathBuf>,
    /// How the connection is protected.
    pub tls: Tls,
    /// PEM file with the authorities trusted by `verify-full`.
    pub ca_file: Option<PathBuf>,
    /// Limit of one statement of the cycle.
    pub statement_timeout: Duration,
    /// Limit of establishing a connection.
    pub connect_timeout: Duration,
}

const TLS: [(&str, Tls); 4] = [
    ("disable", Tls::Disable),
    ("prefer", Tls::Prefer),
    ("require", Tls::Require),
    ("verify-full", Tls::VerifyFull),
];

/// As long as a lease: an answer after that would come too late to act upon.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// Enough for a slow TLS handshake across regions, short enough to report in time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the section; `None` when there is nothing to connect to, which is reported.
pub(super) fn read(source: &mut Source) -> Option<DatabaseConfig> {
    let mut section = source.section("database");
    let before = section.n_problems();
    let url = section.secret("url", url);
    let place = Place::take(&mut section);
    let is_broken = section.n_problems() > before;
    let password = section.secret("password", value::text);
    let password_file = section.take("password_file", value::path);
    let tls = section.take("tls", |v| value::word(v, &TLS));
    let ca_file = section.take("ca_file", value::path);
    let statement_timeout = section
        .take("statement_timeout", value::duration)
        .unwrap_or(STATEMENT_TIMEOUT);
    let connect_timeout = section
        .take("connect_timeout", value::duration)
        .unwrap_or(CONNECT_TIMEOUT);
    section.finish();

    if password.is_some() && password_file.is_some() {
        source.problem(
            "database.password",
            None,
            "give either password or password_file",
        );
    }
    if is_broken {
        return None;
    }
    let Url {
        connection,
        tls: url_tls,
        ca_file: url_ca_file,
    } = match (url, place.is_given()) {
        (Some(_), true) => {
            source.problem(
                "database.url",
                None,
                "give either url or host, port, user and dbname",
            );
            return None;
        }
        (Some(url), false) => url,
        (None, _) => place.into_url(source)?,
    };
    let mut connection = connection;
    if let Some(password) = password {
        connection.password(password);
    }
    let tls = tls.or(url_tls).unwrap_or(Tls::Prefer);
    let ca_file = ca_file.or(url_ca_file);
    if let Some(path) = ca_file.as_ref().filter(|_| tls != Tls::VerifyFull) {
        source.problem(
            "database.ca_file",
            Some(path.display().to_string()),
            "has an effect with tls = \"verify-full\" only",
        );
    }
    Some(DatabaseConfig {
        connection: Box::new(connection),
        password_file,
        tls,
        ca_file,
        statement_timeout,
        connect_timeout,
    })
}

/// A URL, with the parameters of libpq that the driver does not know taken out.
struct Url {
    connection: tokio_postgres::Config,
    tls: Option<Tls>,
    ca_file: Option<PathBuf>,
}

/// Parses `postgres://…`. What is wrong inside is not quoted: any part of it may be a piece of the password.
fn url(given: &toml::Value) -> Result<Url, String> {
    let text = value::text(given)?;
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        return Err(
            "must begin with postgres:// or postgresql:// (the value is hidden)".to_owned(),
        );
    }
    let (start, query) = text.split_once('?').unwrap_or((&text, ""));
    let (mut tls, mut ca_file, mut rest) = (None, None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", mode)) => {
                tls = Some(
                    value::word(&toml::Value::String(mode.to_owned()), &TLS)
                        .map_err(|why| format!("its sslmode is not known: {why}"))?,
                );
            }
            Some(("sslrootcert", path)) => ca_file = Some(PathBuf::from(path)),
            Some(_) | None => rest.push(pair),
        }
    }
    let plain = if rest.is_empty() {
        start.to_owned()
    } else {
        format!("{start}?{}", rest.join("&"))
    };
    let connection: tokio_postgres::Config = plain
        .parse()
        .map_err(|_| "is not a valid URL of a database (the value is hidden)".to_owned())?;
    if connection.get_hosts().is_empty() && connection.get_hostaddrs().is_empty() {
        return Err("names no host (the value is hidden)".to_owned());
    }
    Ok(Url {
        connection,
        tls,
        ca_file,
    })
}

/// The parts of a place, when there is no URL.
struct Place {
    host: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    dbname: Option<String>,
}

impl Place {
    fn take(section: &mut Section<'_>) -> Self {
        Self {
            host: section.take("host", value::text),
            port: section.take("port", |v| value::whole(v, 1..=65535)),
            user: section.take("user", value::text),
            dbname: section.take("dbname", value::text),
        }
    }

    fn is_given(&self) -> bool {
        let Self {
            host,
            port,
            user,
            dbname,
        } = self;
        host.is_some() || port.is_some() || user.is_some() || dbname.is_some()
    }

    fn into_url(self, source: &mut Source) -> Option<Url> {
        let Self {
            host,
            port,
            user,
            dbname,
        } = self;
        let Some(host) = host else {
            source.problem(
                "database.url",
                None,
                "give url, or host (a name, an address or the folder of a socket)",
            );
            return None;
        };
        let mut connection = tokio_postgres::Config::new();
        connection.host(host).port(port.unwrap_or(5432));
        if let Some(user) = user {
            connection.user(user);
        }
        if let Some(dbname) = dbname {
            connection.dbname(dbname);
        }
        Some(Url {
            connection,
            tls: None,
            ca_file: None,
        })
    }
}
