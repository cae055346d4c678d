//! What several tests do with a server through its client programs.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::postgres::{Postgres, text};

impl Postgres {
    /// Runs a file with SQL; its first error is that of the call.
    ///
    /// # Errors
    /// What psql says.
    pub fn run_file(&self, database: &str, file: &Path) -> Result<()> {
        let output = self
            .psql_command(database, "postgres")
            .args(["-qX", "-v", "ON_ERROR_STOP=1", "-f"])
            .arg(file)
            .output()?;
        text(output).map(drop)
    }

    /// Dumps a database and restores it into another one, which is there and empty.
    ///
    /// # Errors
    /// What `pg_dump` or psql says.
    pub fn dump_and_restore(&self, from: &str, to: &str) -> Result<()> {
        let dump = self.socket_dir().join("../dump.sql");
        let mut command = self.tool("pg_dump");
        let dumped = command.args(["-d", from, "-f"]).arg(&dump).status()?;
        ensure!(dumped.success(), "pg_dump of {from} failed");
        self.run_file(to, &dump)
    }

    /// Runs a query until another session sees it in `pg_stat_activity` as text like `shown`, and cancels it.
    ///
    /// # Errors
    /// Where it is not seen for a minute or does not stop at once.
    pub fn cancel_when_seen(&self, query: &str, shown: &str) -> Result<()> {
        let child = self
            .psql_command("postgres", "postgres")
            .args(["-X", "-c", query])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let running = format!("FROM pg_stat_activity WHERE query LIKE '{shown}'");
        let began = Instant::now();
        let seen = loop {
            let seen = self.psql("postgres", "postgres", &format!("SELECT query {running}"))?;
            if !seen.trim().is_empty() || began.elapsed() > Duration::from_secs(60) {
                break seen;
            }
        };
        ensure!(seen.trim_end().ends_with(query), "{seen}");
        let began = Instant::now();
        let cancel = format!("SELECT pg_cancel_backend(pid) {running}");
        self.psql("postgres", "postgres", &cancel)?;
        let error = String::from_utf8(child.wait_with_output()?.stderr)?;
        ensure!(error.contains("canceling statement"), "{error}");
        // 200 ms to notice; the rest is for a busy machine and for starting psql.
        ensure!(began.elapsed() < Duration::from_secs(5), "{error}");
        Ok(())
    }
}
