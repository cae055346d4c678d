//! The daemon against a real PostgreSQL.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use prescale_tests::kube::{Progress, wait_until};
use prescale_tests::postgres::{Options, Postgres};
use prescale_tests::worker::{PEAK_AHEAD, Worker, run_once};

const LIMIT: Duration = Duration::from_secs(60);

/// A simulated workload before its peak, and the role that the worker has.
fn peak_ahead(server: &Postgres) -> Result<()> {
    server.psql("postgres", "postgres", PEAK_AHEAD)?;
    server.psql(
        "postgres",
        "postgres",
        "CREATE ROLE worker LOGIN PASSWORD 'correct horse';
         GRANT SELECT ON metric TO worker;
         SELECT prescale.grant_worker('worker');
         SELECT prescale.add_workload('front', 'metric', target => '{\"kind\": \"simulated\", \"ready_after\": \"2 seconds\", \"units\": 3}');
         SELECT prescale.set_policy('front', mode => 'full', unit_capacity => 20, lead_time => '10 minutes', stale_after => '10 minutes')",
    )?;
    Ok(())
}

fn config(server: &Postgres, more: &str) -> String {
    format!(
        "[database]\nhost = \"{}\"\nport = {}\nuser = \"worker\"\ndbname = \"postgres\"\ntls = \"disable\"\n[cycle]\ninterval = \"1s\"\n{more}",
        server.socket_dir().display(),
        server.port()
    )
}

fn dir(server: &Postgres) -> std::path::PathBuf {
    server.socket_dir().join("..")
}

async fn ready(worker: &Worker) -> Result<()> {
    wait_until("the worker is ready", LIMIT, async || {
        Ok(match worker.get("/ready").await {
            Ok((200, _)) => Progress::Done(()),
            Ok((status, body)) => Progress::Waiting(format!("{status} {body}")),
            Err(error) => Progress::Waiting(error.to_string()),
        })
    })
    .await
}

async fn until(server: &Postgres, what: &str, sql: &str) -> Result<String> {
    wait_until(what, LIMIT, async || {
        Ok(match server.psql("postgres", "postgres", sql) {
            Ok(text) if !text.trim().is_empty() && text.trim() != "f" => {
                Progress::Done(text.trim().to_owned())
            }
            Ok(text) => Progress::Waiting(text),
            Err(error) => Progress::Waiting(error.to_string()),
        })
    })
    .await
}

#[tokio::test]
async fn it_scales_before_the_peak_and_the_ledger_says_why() -> Result<()> {
    let server = Postgres::start()?;
    peak_ahead(&server)?;
    let mut worker = Worker::start(&dir(&server), "one", &config(&server, ""))?;
    let row = until(&server, "a scale-out is done", "
        SELECT d.units_before, d.units_desired >= 10, (d.recommendation ->> 'demand')::float8 < 30, d.reasons::text ~ 'predicted'
        FROM prescale.decision d WHERE action = 'scale_out' AND act_status = 'done' ORDER BY decision LIMIT 1").await?;
    assert_eq!(row, "3|t|t|t");
    until(
        &server,
        "all units are ready",
        "SELECT true FROM prescale.capacity WHERE units_total >= 10 AND units_ready = units_total",
    )
    .await?;
    let (status, metrics) = worker.get("/metrics").await?;
    ensure!(status == 200 && metrics.contains("prescale_"), "{metrics}");
    assert_eq!(worker.get("/live").await?.0, 200);
    ready(&worker).await?;
    ensure!(
        worker.terminate()?,
        "SIGTERM did not end it in order: {}",
        worker.log()?
    );
    // The lease was given back, so that the next worker need not wait.
    assert_eq!(
        server
            .psql(
                "postgres",
                "postgres",
                "SELECT count(*) FROM prescale.lease WHERE expires_at > now()"
            )?
            .trim(),
        "0"
    );
    assert_eq!(
        server
            .psql(
                "postgres",
                "postgres",
                "SELECT count(*) FROM prescale.decision WHERE act_status = 'intent'"
            )?
            .trim(),
        "0"
    );
    Ok(())
}

#[tokio::test]
async fn it_survives_a_restart_of_the_database() -> Result<()> {
    let server = Postgres::start()?;
    peak_ahead(&server)?;
    let worker = Worker::start(&dir(&server), "one", &config(&server, ""))?;
    ready(&worker).await?;
    server.stop("immediate")?;
    wait_until("it notices", LIMIT, async || {
        let (status, body) = worker.get("/ready").await?;
        Ok(if status == 503 {
            Progress::Done(())
        } else {
            Progress::Waiting(body)
        })
    })
    .await?;
    assert_eq!(
        worker.get("/live").await?.0,
        200,
        "a database that is away is no reason to be restarted"
    );
    server.resume()?;
    ready(&worker).await?;
    server.psql(
        "postgres",
        "postgres",
        "DELETE FROM prescale.capacity; SELECT prescale.set_policy('front', min_units => 30)",
    )?;
    until(
        &server,
        "it scales again",
        "SELECT true FROM prescale.decision WHERE units_desired >= 30 AND act_status = 'done'",
    )
    .await?;
    Ok(())
}

#[tokio::test]
async fn one_leads_and_another_takes_over_when_it_is_killed() -> Result<()> {
    let server = Postgres::start()?;
    peak_ahead(&server)?;
    let more = |holder: &str| format!("[lease]\nttl = \"3s\"\nholder = \"{holder}\"\n");
    let mut first = Worker::start(&dir(&server), "first", &config(&server, &more("first")))?;
    until(
        &server,
        "the first leads",
        "SELECT true FROM prescale.lease WHERE holder = 'first' AND generation = 1",
    )
    .await?;
    let second = Worker::start(&dir(&server), "second", &config(&server, &more("second")))?;
    ready(&second).await?;
    until(
        &server,
        "the first decides",
        "SELECT true FROM prescale.decision WHERE holder = 'first'",
    )
    .await?;
    assert_eq!(
        server
            .psql(
                "postgres",
                "postgres",
                "SELECT count(*) FROM prescale.decision WHERE holder = 'second'"
            )?
            .trim(),
        "0"
    );
    first.kill()?;
    until(
        &server,
        "the second leads",
        "SELECT true FROM prescale.lease WHERE holder = 'second' AND generation = 2",
    )
    .await?;
    server.psql(
        "postgres",
        "postgres",
        "SELECT prescale.set_policy('front', min_units => 25)",
    )?;
    until(&server, "the second decides", "SELECT true FROM prescale.decision WHERE holder = 'second' AND generation = 2 AND units_desired >= 25 AND act_status = 'done'").await?;
    Ok(())
}

#[tokio::test]
async fn observe_decides_and_never_acts() -> Result<()> {
    let server = Postgres::start()?;
    peak_ahead(&server)?;
    server.psql(
        "postgres",
        "postgres",
        "SELECT prescale.set_policy('front', mode => 'observe')",
    )?;
    let worker = Worker::start(&dir(&server), "one", &config(&server, ""))?;
    until(&server, "a decision to scale out", "SELECT true FROM prescale.decision WHERE action = 'scale_out' AND NOT act AND act_status = 'none'").await?;
    assert_eq!(
        server
            .psql(
                "postgres",
                "postgres",
                "SELECT max(units_total) FROM prescale.capacity"
            )?
            .trim(),
        "3"
    );
    drop(worker);
    Ok(())
}

fn checked(dir: &Path, config: &str) -> Result<(bool, String)> {
    let output = run_once(dir, config, &["check"])?;
    Ok((
        output.status.success(),
        format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
    ))
}

#[tokio::test]
async fn check_tells_what_is_wrong() -> Result<()> {
    let server = Postgres::start_with(&Options {
        tls: true,
        ..Options::default()
    })?;
    peak_ahead(&server)?;
    let dir = dir(&server);
    let database = |password: &str, tls: &str, host: &str| {
        format!(
            "[database]\nhost = \"{host}\"\nport = {}\nuser = \"worker\"\ndbname = \"postgres\"\npassword = \"{password}\"\ntls = \"{tls}\"\n",
            server.port()
        )
    };
    let (fine, report) = checked(&dir, &database("correct horse", "require", "localhost"))?;
    ensure!(fine && report.contains("front"), "{report}");
    let (fine, report) = checked(
        &dir,
        &format!(
            "{}ca_file = \"{}\"\n",
            database("correct horse", "verify-full", "localhost"),
            server.ca_file().display()
        ),
    )?;
    ensure!(fine, "{report}");
    let (fine, report) = checked(&dir, &database("correct horse", "verify-full", "localhost"))?;
    ensure!(
        !fine && report.to_lowercase().contains("certificate"),
        "an unknown certificate was trusted: {report}"
    );
    let (fine, report) = checked(&dir, &database("wrong battery", "require", "localhost"))?;
    ensure!(
        !fine && report.contains("password") && !report.contains("wrong battery"),
        "{report}"
    );
    let (fine, report) = checked(
        &dir,
        "[database]\nhost = 5\nuser = \"\"\ntls = \"maybe\"\n[cycle]\ninterval = \"-1s\"\n[lease]\nholde = \"x\"\n",
    )?;
    for part in [
        "database.host",
        "database.tls",
        "maybe",
        "cycle.interval",
        "-1s",
        "holde",
    ] {
        ensure!(!fine && report.contains(part), "{part} is not in: {report}");
    }
    Ok(())
}
