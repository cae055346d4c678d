//! Log lines: where they go, and how often the same thing is said.

use std::collections::HashMap;
use std::hash::Hash;

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Starts logging to the standard error stream. A second call in one process keeps what the first one set up.
pub(crate) fn start(config: &LogConfig) {
    let LogConfig { format, level } = config;
    // The level was checked with the configuration.
    let filter = filter(level).unwrap_or_default();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    let started = match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was set up before");
    }
}

/// The filter for a level of the worker's own lines (others from `warn` on), or for a directive as written.
pub(crate) fn filter(level: &str) -> Result<EnvFilter, String> {
    let own = ["off", "error", "warn", "info", "debug", "trace"].contains(&level);
    let directives = if own {
        format!("warn,prescale_worker={level}")
    } else {
        level.to_owned()
    };
    EnvFilter::try_new(directives).map_err(|_| {
        "give error, warn, info, debug, trace or a filter such as \"info,kube=debug\"".to_owned()
    })
}

/// Remembers what was said last about each thing, so that a lasting failure is logged once and not at every cycle.
#[derive(Debug)]
pub(crate) struct Changes<K>(HashMap<K, String>);

impl<K: Hash + Eq> Changes<K> {
    /// Nothing said yet.
    pub(crate) fn new() -> Self {
        Self(HashMap::new())
    }

    /// Whether this is news about `thing`; remembers it.
    pub(crate) fn is_news(&mut self, thing: K, words: &str) -> bool {
        self.0.insert(thing, words.to_owned()).as_deref() != Some(words)
    }

    /// Whether something bad was said about `thing` that is over now.
    pub(crate) fn is_over(&mut self, thing: &K) -> bool {
        self.0.remove(thing).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lasting_failure_is_news_once() {
        let mut changes = Changes::new();
        assert!(changes.is_news("db", "refused"));
        assert!(!changes.is_news("db", "refused"));
        assert!(changes.is_news("db", "wrong password"));
        assert!(changes.is_over(&"db"));
        assert!(!changes.is_over(&"db"));
        assert!(changes.is_news("db", "wrong password"));
    }

    #[test]
    fn filters_are_levels_or_directives() {
        assert!(filter("debug").is_ok());
        assert!(filter("info,kube=trace").is_ok());
        assert!(filter("prescale_worker=loud").is_err());
    }
}
