//! The configuration: a TOML file, then `PRESCALE_<SECTION>_<KEY>` in the environment, which wins.
//!
//! Everything wrong is reported at once, each with its path and value. Secrets are shown nowhere.

mod value;
mod source;
mod database;
mod section;

use std::path::Path;

pub use database::{DatabaseConfig, Tls};
pub use section::{CycleConfig, HttpConfig, KubernetesConfig, LeaseConfig, LogConfig, LogFormat};
pub use source::{Problem, Problems};

pub(crate) use value::length;

use crate::error::{Error, Result};
use source::Source;

/// Everything that the worker can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// How to reach PostgreSQL.
    pub database: DatabaseConfig,
    /// How often to do what.
    pub cycle: CycleConfig,
    /// Which workloads to lead.
    pub lease: LeaseConfig,
    /// Where to serve metrics and health.
    pub http: HttpConfig,
    /// How to log.
    pub log: LogConfig,
    /// How to reach Kubernetes.
    pub kubernetes: KubernetesConfig,
}

impl Config {
    /// Reads the file, if there is one, and `environment`, which wins.
    ///
    /// # Errors
    /// `Config` with every problem found.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        let text = match file {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path).map_err(|error| Error::File {
                what: "the configuration file",
                path: path.display().to_string(),
                why: error.to_string(),
            })?,
        };
        Self::parse(&text, environment)
    }

    /// Reads TOML text and `environment`, which wins.
    ///
    /// # Errors
    /// `Config` with every problem found.
    pub fn parse(
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        let mut source = Source::new(text, environment).map_err(Error::Config)?;
        let database = database::read(&mut source);
        let cycle = section::cycle(&mut source);
        let lease = section::lease(&mut source, cycle.interval);
        let http = section::http(&mut source);
        let log = section::log(&mut source);
        let kubernetes = section::kubernetes(&mut source);
        source.finish().map_err(Error::Config)?;
        // `database` is `None` only where it reported a problem, and then `finish` has returned already.
        let database =
            database.ok_or_else(|| Error::Refused("no database is configured".to_owned()))?;
        Ok(Self {
            database,
            cycle,
            lease,
            http,
            log,
            kubernetes,
        })
    }
}

#[cfg(test)]
mod tests;
