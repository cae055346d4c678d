//! What a backend must not do: start threads, ignore a cancel, write on a standby.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
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
    SELECT prescale.create_model('demand', 'metric', 'ts', 'value', horizon => '1 hour');
    SELECT count(*) FROM prescale.fit('demand');
    SELECT count(*) FROM prescale.predict('demand');
    SELECT count(*) FROM s, prescale.detect_periods(s);
    SELECT count(*) FROM s, prescale.decompose(s);
    SELECT count(*) FROM s, prescale.changepoints(s);
    SELECT count(*) FROM s, prescale.outliers(s);
    SELECT count(*) FROM s, prescale.features(s);
    SELECT count(t.*) FROM (SELECT prescale.vector_agg(g, ARRAY[g % 97, g % 31, g % 7]) v FROM generate_series(1, 3000) g) x, prescale.tsne(x.v, iterations => 50) t;
    SELECT count(r.*) FROM (SELECT prescale.vector_agg(g, ARRAY[g % 97, g % 31, g % 7]) v FROM generate_series(1, 30000) g) x, prescale.regimes(prescale.regime_fit(x.v)) r;
    SELECT count(*) FROM prescale.workload_nearest('front') UNION ALL SELECT count(*) FROM prescale.workload_regimes('front');
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
         SELECT prescale.set_policy('front', unit_capacity => 20);
         CREATE TABLE v AS SELECT prescale.vector_agg(g, ARRAY(SELECT sin(g * i) FROM generate_series(1, 8) i)) AS v FROM generate_series(1, 20000) g",
    )?;
    for work in [
        "SELECT count(*) FROM s, prescale.forecast(s, '1 day', 'mstl')",
        "SELECT count(t.*) FROM v, prescale.tsne(v.v) t",
        "SELECT count(*) FROM v WHERE prescale.regime_fit(v.v) IS NOT NULL",
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
        // 100 ms until the timeout, 200 ms to notice; the rest is for a busy machine and for starting psql. Each works far longer.
        ensure!(took < Duration::from_secs(5), "{work}: {took:?}");
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

/// Work on five million rows, stopped while it reads, sorts, cuts or smooths.
#[test]
fn work_on_millions_of_rows_stops_at_once() -> Result<()> {
    let server = Postgres::start()?;
    let rows = "(SELECT to_timestamp(g::bigint * 7919 % 5000011 * 60) AS ts, (g::bigint * 31 % 1013)::float8 AS value FROM generate_series(1, 5000000) g) r";
    server.psql(
        "postgres",
        "postgres",
        &format!(
            "CREATE EXTENSION prescale;
             CREATE TABLE s (s prescale.series); ALTER TABLE s ALTER s SET STORAGE EXTERNAL;
             INSERT INTO s SELECT prescale.series_agg(ts, value) FROM {rows};
             CREATE TABLE parts AS SELECT prescale.series_agg(ts, value) AS s FROM {rows} GROUP BY value::int % 64"
        ),
    )?;
    let aggregate = format!("SELECT prescale.n(prescale.series_agg(ts, value)) FROM {rows}");
    for work in [
        aggregate.as_str(),
        "SELECT prescale.n(prescale.rollup(s)) FROM parts",
        "SELECT prescale.n(prescale.resample(s, '1 minute', 'seasonal', timezone => 'Europe/Berlin')) FROM s",
        "SELECT count(*) FROM s, prescale.regularize(s, '30 seconds')",
        "SELECT count(*) FROM s, prescale.detect_periods(s)",
        "SELECT count(*) FROM s, prescale.decompose(s, '{1 day,7 days}')",
        "SELECT count(*) FROM s, prescale.changepoints(s, periods => '{1 day}')",
        "SELECT count(*) FROM s, prescale.outliers(s, periods => '{}')",
        "SELECT count(*) FROM s, prescale.features(s)",
    ] {
        // Of longer work these are shares of the first three seconds.
        let (_, whole) = work_until(&server, work, Duration::from_secs(3))?;
        for share in [0.1, 0.3, 0.6] {
            let timeout = whole.mul_f64(share).max(Duration::from_millis(1));
            // A share of the work, because the machine may be any; and the best of three, because its cores may be lent to others for a while.
            // Work that does not look is late every time.
            let allowed = whole.mul_f64(0.2) + Duration::from_millis(100);
            let mut late = Duration::MAX;
            for _ in 0..3 {
                let (stopped, spent) = work_until(&server, work, timeout)?;
                late = late.min(spent.saturating_sub(timeout));
                eprintln!("{whole:?}, {timeout:?}, {late:?} late, stopped {stopped}: {work}");
                // It may be done before.
                if !stopped || late <= allowed {
                    late = Duration::ZERO;
                    break;
                }
            }
            ensure!(
                late.is_zero(),
                "{work}: of {whole:?} worked {late:?} after its timeout of {timeout:?}"
            );
        }
    }
    Ok(())
}

/// Whether a timeout stopped the work, and the processor time that it took: of a backend of its own, from /proc, in ticks of 10 ms.
fn work_until(server: &Postgres, work: &str, timeout: Duration) -> Result<(bool, Duration)> {
    let out = server.psql(
        "postgres",
        "postgres",
        &format!(
            "SET statement_timeout = {};
             \\set ON_ERROR_STOP 0
             {work};
             \\set stopped :ERROR
             RESET statement_timeout;
             SELECT :'stopped', split_part(stat, ' ', 14)::int + split_part(stat, ' ', 15)::int FROM pg_read_file('/proc/self/stat') stat",
            timeout.as_millis()
        ),
    )?;
    let (stopped, ticks) = out
        .lines()
        .last()
        .and_then(|line| line.split_once('|'))
        .context("no last line")?;
    Ok((
        stopped == "true",
        Duration::from_millis(ticks.parse::<u64>()? * 10),
    ))
}

#[test]
fn another_session_sees_how_far_a_map_is_and_may_cancel_it() -> Result<()> {
    let server = Postgres::start()?;
    server.psql(
        "postgres",
        "postgres",
        "CREATE EXTENSION prescale; CREATE TABLE v AS SELECT prescale.vector_agg(g, ARRAY[sin(g), cos(3 * g)]) AS v FROM generate_series(1, 5000) g",
    )?;
    let map = "SELECT count(t.*) FROM v, prescale.tsne(v.v, iterations => 100000) t";
    server.cancel_when_seen(map, "tsne: %of 100000%")?;
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
