//! What a backend must not do: start threads, ignore a cancel, write on a standby.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use prescale_tests::postgres::Postgres;

/// Every kind of computation once, on enough rows to be worth a thread.
const WORK: &str = "
    CREATE EXTENSION IF NOT EXISTS prescale;
    CREATE TABLE metric AS SELECT t AS ts, 200 + 150 * sin(extract(epoch FROM t) / 13751) AS value FROM generate_series(timestamptz '2024-05-01', '2024-05-09', '1 minute') t;
    SELECT count(*) FROM prescale.add_source('metric', 'metric', period => '1 minute');
    SELECT prescale.add_workload('front', 'metric');
    SELECT prescale.set_policy('front', mode => 'full', unit_capacity => 20);
    CALL prescale.refresh(as_of => '2024-05-08');
    CREATE TABLE s AS SELECT prescale.series_agg(ts, value) AS s FROM metric;
    SELECT count(*) FROM s, prescale.regularize(s, '5 minutes');
    SELECT count(f.*) FROM s, unnest(ARRAY['auto', 'seasonal_naive', 'last_value', 'ets', 'mstl']) m, prescale.forecast(s, '1 hour', m) f;
    SELECT count(c.*) FROM (SELECT prescale.pca_fit(prescale.pca_agg(ARRAY(SELECT (g * i) % 97 FROM generate_series(1, 60) i)::float8[])) m FROM generate_series(1, 500) g) x, prescale.pca_components(x.m) c;
    SELECT count(f.*) FROM (SELECT prescale.request_agg(ts, value, value, 'k', ts::text) r FROM metric) x, prescale.features(x.r) f;
    SELECT count(r.*) FROM s, prescale.simulate_reactive(s, 20) r;
    SELECT c.n FROM s, prescale.score(s, s) c;";

#[test]
fn a_backend_has_one_thread_after_every_kind_of_work() -> Result<()> {
    let server = Postgres::start()?;
    let script = server.socket_dir().join("../work.sql");
    let count = "SELECT pg_backend_pid() AS pid \\gset\n\\setenv BACKEND :pid\n\\! echo threads $(ls /proc/$BACKEND/task | wc -l)\n";
    std::fs::write(&script, WORK.replace(";\n", &format!(";\n{count}")) + count)?;
    let output = server
        .psql_command("postgres", "postgres")
        .args(["-AtqX", "-v", "ON_ERROR_STOP=1", "-f"])
        .arg(&script)
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let shown = String::from_utf8(output.stdout)?;
    let counts: Vec<_> = shown
        .lines()
        .filter(|line| line.starts_with("threads "))
        .collect();
    ensure!(
        counts.len() > 10 && counts.iter().all(|line| *line == "threads 1"),
        "{shown}"
    );
    Ok(())
}

#[test]
fn a_timeout_stops_a_forecast_and_a_refresh_in_the_middle() -> Result<()> {
    let server = Postgres::start()?;
    server.psql(
        "postgres",
        "postgres",
        "CREATE EXTENSION prescale;
         CREATE TABLE metric (ts timestamptz PRIMARY KEY, value float8);
         INSERT INTO metric SELECT t, 200 + 150 * sin(extract(epoch FROM t) / 13751) FROM generate_series(timestamptz '2024-01-01', '2024-04-01', '1 minute') t;
         CREATE TABLE s AS SELECT prescale.series_agg(ts, value) AS s FROM metric;
         SELECT count(*) FROM prescale.add_source('metric', 'metric', period => '1 minute');
         SELECT prescale.add_workload('front', 'metric');
         SELECT prescale.set_policy('front', unit_capacity => 20)",
    )?;
    for work in [
        "SELECT count(*) FROM s, prescale.forecast(s, '1 day', 'mstl')",
        "CALL prescale.refresh(as_of => '2024-04-01')",
    ] {
        let began = Instant::now();
        let error = server.psql(
            "postgres",
            "postgres",
            &format!("SET statement_timeout = 100; {work}"),
        );
        let took = began.elapsed();
        let text = error.unwrap_or_else(|error| error.to_string());
        ensure!(text.contains("statement timeout"), "{work}: {text}");
        // 100 ms until the timeout, 200 ms to notice; the rest is for a busy machine and for starting psql.
        ensure!(took < Duration::from_secs(2), "{work}: {took:?}");
    }
    // What was committed before stays, and the next call goes on from there.
    server.psql(
        "postgres",
        "postgres",
        "CALL prescale.refresh(as_of => '2024-04-01')",
    )?;
    assert_eq!(
        server
            .psql("postgres", "postgres", "SELECT status FROM prescale.status")?
            .trim(),
        "ok"
    );
    Ok(())
}

#[test]
fn a_standby_computes_and_says_why_it_does_not_refresh() -> Result<()> {
    let server = Postgres::start()?;
    server.psql("postgres", "postgres", WORK)?;
    let standby = server.standby()?;
    assert_eq!(
        standby.psql("postgres", "postgres", "SELECT prescale.required_capacity(95, 10, 1), (SELECT count(*) FROM s, prescale.forecast(s, '3 minutes')), (SELECT count(*) FROM prescale.recommendation)")?.trim(),
        "10|3|1"
    );
    let mut command = standby.psql_command("postgres", "postgres");
    let output = command
        .args([
            "-X",
            "-v",
            "VERBOSITY=verbose",
            "-c",
            "CALL prescale.refresh()",
        ])
        .stdin(Stdio::null())
        .output()?;
    let error = String::from_utf8(output.stderr)?;
    ensure!(
        error.contains("25006") && error.contains("standby") && error.contains("HINT"),
        "{error}"
    );
    Ok(())
}
