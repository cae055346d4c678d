//! Tries everything that `run` needs, without deciding anything.

use std::fmt;
use std::time::Instant;

use prescale_core::decide::Observation;

use crate::act::Targets;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{CONTRACT, Database, Purpose, Session, column};
use crate::error::{Result, chain};
use crate::observe::{self, Wanted};

/// What was tried, line by line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    lines: Vec<(bool, String)>,
}

impl Report {
    /// Whether everything works.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.lines.iter().all(|(ok, _)| *ok)
    }

    fn add(&mut self, ok: bool, line: impl Into<String>) {
        self.lines.push((ok, line.into()));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (ok, line) in &self.lines {
            writeln!(f, "{} {line}", if *ok { "ok    " } else { "FAILED" })?;
        }
        let failed = self.lines.iter().filter(|(ok, _)| !ok).count();
        match failed {
            0 => write!(f, "everything works"),
            1 => write!(f, "1 check failed"),
            _ => write!(f, "{failed} checks failed"),
        }
    }
}

/// Connects, looks at contract and privileges, and tries every target: reading it, and scaling it as a dry run.
pub async fn check(config: Config) -> Report {
    let Config {
        database,
        cycle,
        lease,
        http: _,
        log: _,
        kubernetes,
    } = config;
    let mut report = Report::default();
    report.add(true, "the configuration is valid");
    let place = database.place();
    let purpose = Purpose {
        limit: database.statement_timeout,
        wake: None,
    };
    let session = match Database::new(database, purpose).session().await {
        Ok(session) => session,
        Err(error) => {
            report.add(false, chain(&error));
            return report;
        }
    };
    let how = if session.is_encrypted() {
        "with TLS"
    } else {
        "without TLS"
    };
    report.add(true, format!("connected to {place} {how}"));
    report.add(true, format!("the extension speaks contract {CONTRACT}"));
    let targets = Targets::new(Some(kubernetes), cycle.concurrency);
    let tried = async {
        let granted = privileges(&session, &mut report).await?;
        if granted {
            workloads(&session, &lease.shards, targets, &mut report).await
        } else {
            Ok(())
        }
    };
    let tried: Result<()> = tried.await;
    if let Err(error) = tried {
        report.add(false, chain(&error));
    }
    report
}

/// Everything in the contract that the worker calls or reads, and whether this role may.
const PRIVILEGES: &str = "
SELECT needed.name,
       coalesce(CASE needed.kind
           WHEN 'function' THEN (SELECT pg_catalog.bool_or(pg_catalog.has_function_privilege(p.oid, 'EXECUTE'))
                                 FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
                                 WHERE n.nspname = 'prescale' AND p.proname = needed.name)
           ELSE (SELECT pg_catalog.has_table_privilege(c.oid, 'SELECT')
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = 'prescale' AND c.relname = needed.name) END, false)
FROM (VALUES ('acquire_lease', 'function'), ('release_lease', 'function'), ('record_decision', 'function'),
             ('record_result', 'function'), ('record_capacity', 'function'), ('refresh', 'function'),
             ('recommendation', 'view'), ('decision', 'table'), ('capacity', 'table')) AS needed(name, kind)";

async fn privileges(session: &Session, report: &mut Report) -> Result<bool> {
    let rows = session
        .rows("look at the privileges", PRIVILEGES, &[])
        .await?;
    let mut missing = Vec::new();
    for row in &rows {
        if !column::<bool>(row, 1)? {
            missing.push(column::<String>(row, 0)?);
        }
    }
    if missing.is_empty() {
        report.add(true, "this role may do what a worker does");
    } else {
        let why = "prescale.grant_worker(role) gives the right";
        report.add(
            false,
            format!("this role may not use {}; {why}", missing.join(", ")),
        );
    }
    Ok(missing.is_empty())
}

async fn workloads(
    session: &Session,
    shards: &[i32],
    mut targets: Targets,
    report: &mut Report,
) -> Result<()> {
    let reading = observe::wanted(session, shards, Clock::System).await?;
    for row in &reading.unreadable {
        report.add(false, format!("workload \"{}\": {}", row.workload, row.why));
    }
    if reading.wanted.is_empty() {
        report.add(true, format!("no workload is enabled in shards {shards:?}"));
    }
    let unknown = targets.unknown(&reading.wanted);
    targets.restore(observe::capacity(session, &unknown, Clock::System).await?);
    let limit = Instant::now() + std::time::Duration::from_secs(60);
    let seen = targets.observe(&reading.wanted, reading.now, limit).await;
    for (item, observation) in reading.wanted.iter().zip(&seen) {
        let (ok, words) = verdict(&targets, item, observation, limit).await;
        report.add(
            ok,
            format!(
                "workload \"{}\" (shard {}): {words}",
                item.workload, item.shard
            ),
        );
    }
    Ok(())
}

async fn verdict(
    targets: &Targets,
    item: &Wanted,
    observation: &Observation,
    limit: Instant,
) -> (bool, String) {
    match observation {
        _ if item.target == Ok(crate::act::Target::None) => (true, "has no target".to_owned()),
        Observation::Unavailable { why } => (false, why.clone()),
        Observation::Seen {
            units_total,
            units_ready,
            ..
        } => {
            let size = format!("{units_total} units, {units_ready} ready");
            match targets.rehearse(item, *units_total, limit).await {
                None => (true, format!("{size} (simulated)")),
                Some(Ok(())) => (true, format!("{size}, may be scaled")),
                Some(Err(why)) => (false, format!("{size}, but it may not be scaled: {why}")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_tells_what_works_and_what_does_not() {
        let mut report = Report::default();
        report.add(true, "the configuration is valid");
        assert!(report.is_ok());
        assert_eq!(
            report.to_string(),
            "ok     the configuration is valid\neverything works"
        );
        report.add(false, "cannot connect");
        assert!(!report.is_ok());
        let text = "ok     the configuration is valid\nFAILED cannot connect\n1 check failed";
        assert_eq!(report.to_string(), text);
    }
}
