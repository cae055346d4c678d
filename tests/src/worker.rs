//! The daemon as a process: started with a configuration, asked over HTTP, killed or stopped.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The extension and a source `metric` with ten days until now: quiet, but for a peak that comes every day and today
/// begins in five minutes.
pub const PEAK_AHEAD: &str = "
    CREATE EXTENSION prescale;
    CREATE TABLE metric (ts timestamptz PRIMARY KEY, value float8);
    INSERT INTO metric SELECT t, 20 + (extract(epoch FROM t)::bigint / 60 * 31 % 5)
            + CASE WHEN extract(epoch FROM t - date_trunc('minute', now()) - interval '5 minutes' + interval '20 days')::bigint % 86400 < 7200 THEN 180 ELSE 0 END
        FROM generate_series(date_trunc('minute', now()) - interval '10 days', date_trunc('minute', now()) - interval '1 minute', '1 minute') t;
    SELECT count(*) FROM prescale.add_source('metric', 'metric', period => '1 minute');
";

/// A running worker; killed when dropped.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    log: PathBuf,
    port: u16,
}

/// The built program: beside the tests' own.
///
/// # Errors
/// When it was not built.
pub fn program() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let program = own
        .ancestors()
        .nth(2)
        .map(|folder| folder.join("prescale-worker"))
        .context("target folder")?;
    if program.exists() {
        Ok(program)
    } else {
        bail!(
            "{} is missing: cargo build -p prescale-worker",
            program.display()
        )
    }
}

impl Worker {
    /// Starts `prescale-worker run` with `config` (TOML; `[http]` is added) in `dir`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(dir: &Path, name: &str, config: &str) -> Result<Self> {
        let port = crate::free_port()?;
        let file = dir.join(format!("{name}.toml"));
        let log = dir.join(format!("{name}.log"));
        std::fs::write(
            &file,
            format!("{config}\n[http]\nlisten = \"127.0.0.1:{port}\"\n"),
        )?;
        let child = Command::new(program()?)
            .arg("--config")
            .arg(&file)
            .arg("run")
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&log)?)
            .stderr(std::fs::File::options().append(true).open(&log)?)
            .spawn()?;
        Ok(Self { child, log, port })
    }

    /// Body of a path, with its status code.
    ///
    /// # Errors
    /// When it does not answer within two seconds.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        let answer = tokio::time::timeout(Duration::from_secs(2), async {
            let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream
                .write_all(
                    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                        .as_bytes(),
                )
                .await?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            anyhow::Ok(text)
        })
        .await??;
        let status = answer
            .split_whitespace()
            .nth(1)
            .and_then(|code| code.parse().ok())
            .context("status line")?;
        Ok((status, answer))
    }

    /// Kills it at once, as a lost machine would.
    ///
    /// # Errors
    /// When it had ended before.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends SIGTERM and waits; whether it ended by itself with success.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn terminate(&mut self) -> Result<bool> {
        crate::postgres::run(Command::new("kill").args(["-TERM", &self.child.id().to_string()]))?;
        Ok(self.child.wait()?.success())
    }

    /// What it logged.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end with `config` and `arguments`.
///
/// # Errors
/// When it cannot be started.
pub fn run_once(dir: &Path, config: &str, arguments: &[&str]) -> Result<Output> {
    let file = dir.join("once.toml");
    std::fs::write(&file, config)?;
    Ok(Command::new(program()?)
        .arg("--config")
        .arg(&file)
        .args(arguments)
        .stdin(Stdio::null())
        .output()?)
}
