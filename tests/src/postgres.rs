//! A throw-away PostgreSQL with the extension: own files, own port, stopped when dropped.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};
use tokio_postgres::{Client, NoTls};

/// A running server. Superuser `postgres`, trusted on its own Unix socket and, with a password, on loopback.
#[derive(Debug)]
pub struct Postgres {
    dir: tempfile::TempDir,
    bin: PathBuf,
    port: u16,
}

/// What a server should have beyond the defaults.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Settings, as in `postgresql.conf`.
    pub settings: Vec<(String, String)>,
    /// Whether it speaks TLS (self-signed certificate `tls.crt` in its folder).
    pub tls: bool,
}

impl Postgres {
    /// Starts a server with default settings.
    ///
    /// # Errors
    /// When PostgreSQL or the built extension is missing, or the server does not start.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::default())
    }

    /// Starts a server.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(options: &Options) -> Result<Self> {
        let server = Self::installed()?;
        run(server
            .as_server("initdb")
            .arg("-D")
            .arg(server.data())
            .args([
                "-U",
                "postgres",
                "-N",
                "--locale=C.UTF-8",
                "-E",
                "UTF8",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
            ]))?;
        server.configure(options)?;
        server.resume()?;
        Ok(server)
    }

    /// A physical standby of this server.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn standby(&self) -> Result<Self> {
        let standby = Self::installed()?;
        run(standby
            .as_server("pg_basebackup")
            .args(["-R", "-X", "stream", "-c", "fast", "-U", "postgres"])
            .arg("-h")
            .arg(self.socket_dir())
            .args(["-p", &self.port.to_string(), "-D"])
            .arg(standby.data()))?;
        standby.configure(&Options::default())?;
        standby.resume()?;
        Ok(standby)
    }

    /// The programs and folders of a server that is not initialised yet.
    fn installed() -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("prescale-pg-")
            .tempdir()
            .context("temporary folder")?;
        run(Command::new("chmod").arg("755").arg(dir.path()))?;
        let prefix = dir.path().join("pg");
        run(Command::new(crate::root().join("tests/bin/prefix"))
            .arg(&prefix)
            .arg(package()?))?;
        let bin = prefix.join(pg_config("--bindir")?.trim_start_matches('/'));
        let port = crate::free_port()?;
        let server = Self { dir, bin, port };
        for folder in [server.data(), server.socket_dir()] {
            let mut install = Command::new("install");
            install.args([
                "-d",
                "-m",
                if folder == server.data() {
                    "700"
                } else {
                    "755"
                },
            ]);
            if is_root() {
                install.args(["-o", "postgres"]);
            }
            run(install.arg(folder))?;
        }
        Ok(server)
    }

    /// Appends to the configuration; what stands later wins.
    fn configure(&self, options: &Options) -> Result<()> {
        let data = self.data();
        let mut conf = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\nfsync = off\ntimezone = 'UTC'\nlog_min_messages = warning\n\
             max_connections = 40\nshared_buffers = '64MB'\n",
            self.port,
            self.socket_dir().display()
        );
        if options.tls {
            self.make_certificate()?;
            conf.push_str("ssl = on\nssl_cert_file = 'tls.crt'\nssl_key_file = 'tls.key'\n");
        }
        for (name, value) in &options.settings {
            conf.push_str(&format!("{name} = '{value}'\n"));
        }
        let extra = self.dir.path().join("test.conf");
        std::fs::write(&extra, conf)?;
        run(self.as_server("sh").arg("-c").arg(format!(
            "cat {} >> {}/postgresql.conf",
            extra.display(),
            data.display()
        )))
    }

    fn make_certificate(&self) -> Result<()> {
        let data = self.data();
        run(self
            .as_server("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
            ])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .arg("-keyout")
            .arg(data.join("tls.key"))
            .arg("-out")
            .arg(data.join("tls.crt")))?;
        run(Command::new("sh").arg("-c").arg(format!(
            "cp {0}/tls.crt {1}/ca.crt && chmod 644 {1}/ca.crt",
            data.display(),
            self.dir.path().display()
        )))
    }

    /// A command that runs as the user that owns the server.
    fn as_server(&self, program: &str) -> Command {
        let own = self.bin.join(program);
        let program = if own.exists() {
            own
        } else {
            PathBuf::from(program)
        };
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command
                .args([
                    "--reuid=postgres",
                    "--regid=postgres",
                    "--clear-groups",
                    "--",
                ])
                .arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .env_remove("RUST_BACKTRACE")
            .env("LC_ALL", "C.UTF-8")
            .current_dir("/");
        command
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Folder of the Unix socket.
    #[must_use]
    pub fn socket_dir(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// Port, on loopback and of the socket.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Certificate to trust, when started with `tls`.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.crt")
    }

    /// Folder of programs such as `psql` and `pg_dump`.
    #[must_use]
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// Folder that the extension's control file and scripts are in.
    ///
    /// # Errors
    /// When pg_config cannot be run.
    pub fn extension_dir(&self) -> Result<PathBuf> {
        Ok(self
            .dir
            .path()
            .join("pg")
            .join(pg_config("--sharedir")?.trim_start_matches('/'))
            .join("extension"))
    }

    /// Starts the server again after [`stop`](Self::stop).
    ///
    /// # Errors
    /// When it does not start; the end of its log is in the error.
    pub fn resume(&self) -> Result<()> {
        let log = self.socket_dir().join("server.log");
        let started = run(self
            .as_server("pg_ctl")
            .args(["-w", "-t", "60", "start", "-D"])
            .arg(self.data())
            .arg("-l")
            .arg(&log));
        started.with_context(|| std::fs::read_to_string(&log).unwrap_or_default())
    }

    /// Stops the server at once, as a crash would (`immediate`) or in order (`fast`).
    ///
    /// # Errors
    /// When it does not stop.
    pub fn stop(&self, mode: &str) -> Result<()> {
        run(self
            .as_server("pg_ctl")
            .args(["-w", "stop", "-m", mode, "-D"])
            .arg(self.data()))
    }

    /// What the server logged so far.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(
            self.socket_dir().join("server.log"),
        )?)
    }

    /// Connects as `user`.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn connect(&self, database: &str, user: &str) -> Result<Client> {
        let config = format!(
            "host={} port={} dbname={database} user={user}",
            self.socket_dir().display(),
            self.port
        );
        let (client, connection) = tokio_postgres::connect(&config, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Runs SQL through psql, one statement at a time and stopping at the first error; returns what it printed, unaligned.
    ///
    /// # Errors
    /// With psql's message.
    pub fn psql(&self, database: &str, user: &str, sql: &str) -> Result<String> {
        let script = tempfile::NamedTempFile::new_in(self.dir.path())?;
        std::fs::write(script.path(), sql)?;
        let output = self
            .psql_command(database, user)
            .args(["-AtqX", "-v", "ON_ERROR_STOP=1", "-f"])
            .arg(script.path())
            .output()?;
        text(output)
    }

    /// psql with the connection set, for scripts of one's own.
    #[must_use]
    pub fn psql_command(&self, database: &str, user: &str) -> Command {
        let mut command = self.tool("psql");
        command.args(["-U", user, "-d", database]);
        command
    }

    /// A client program such as `pg_dump`, pointed at this server as its superuser.
    #[must_use]
    pub fn tool(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command
            .env("PGHOST", self.socket_dir())
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "postgres");
        command
            .env("PGTZ", "UTC")
            .env("PGCLIENTENCODING", "UTF8")
            .env("LC_ALL", "C.UTF-8");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Already stopped is fine; anything else shows in the test that follows.
        let _ = self.stop("immediate");
    }
}

fn is_root() -> bool {
    text(
        Command::new("id")
            .arg("-u")
            .output()
            .unwrap_or_else(|_| Output {
                status: Default::default(),
                stdout: vec![],
                stderr: vec![],
            }),
    )
    .is_ok_and(|id| id.trim() == "0")
}

fn pg_config(what: &str) -> Result<String> {
    let major = std::env::var("PG_MAJOR").unwrap_or_else(|_| "15".to_owned());
    let program = std::env::var("PG_CONFIG")
        .unwrap_or_else(|_| format!("/usr/lib/postgresql/{major}/bin/pg_config"));
    Ok(text(
        Command::new(&program)
            .arg(what)
            .output()
            .with_context(|| program.clone())?,
    )?
    .trim()
    .to_owned())
}

/// Folder of the built extension (tests/bin/package); built before when `PRESCALE_PACKAGE` is not set.
fn package() -> Result<PathBuf> {
    if let Ok(dir) = std::env::var("PRESCALE_PACKAGE") {
        return Ok(PathBuf::from(dir));
    }
    let output = Command::new(crate::root().join("tests/bin/package"))
        .stderr(Stdio::inherit())
        .output()?;
    Ok(PathBuf::from(text(output)?.trim()))
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    // pg_ctl's child keeps these open: a pipe would never end.
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(tempfile_stderr()?)
        .status()
        .with_context(|| format!("{command:?}"))?;
    if output.success() {
        Ok(())
    } else {
        bail!("{command:?}: {output}")
    }
}

fn tempfile_stderr() -> Result<Stdio> {
    Ok(if std::env::var_os("PRESCALE_TEST_VERBOSE").is_some() {
        Stdio::inherit()
    } else {
        Stdio::null()
    })
}

pub(crate) fn text(output: Output) -> Result<String> {
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim())
    }
}
