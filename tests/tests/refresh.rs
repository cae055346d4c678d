//! `refresh`: incremental, idempotent, safe with two callers, right about late and future rows, never stopped by one bad workload.

use anyhow::Result;
use prescale_tests::postgres::Postgres;

fn database(server: &Postgres, name: &str) -> Result<()> {
    server.psql("postgres", "postgres", &format!("CREATE DATABASE {name}"))?;
    server.psql(name, "postgres", "CREATE EXTENSION prescale; CREATE TABLE metric (ts timestamptz, workload text, name text, value float8)")?;
    Ok(())
}

/// `count` workloads with `days` days of a daily wave at 1 minute, and a second metric that follows it.
fn wave(server: &Postgres, database: &str, count: u32, days: u32) -> Result<()> {
    server.psql(
        database,
        "postgres",
        &format!(
            "INSERT INTO metric SELECT t, 'w' || w, m, CASE m WHEN 'rps' THEN d ELSE 40 + d / 10 + (extract(minute FROM t)::int * 7 % 5) END
             FROM generate_series(timestamptz '2024-05-01', timestamptz '2024-05-01' + {days} * interval '1 day', '1 minute') t, generate_series(1, {count}) w,
                  unnest(ARRAY['rps', 'cpu']) m, LATERAL (SELECT 100 + 60 * sin(extract(epoch FROM t) / 13751) + (extract(epoch FROM t)::bigint / 60 * 31 % 17) + w AS d) d;
             CREATE INDEX ON metric (ts);
             SELECT count(*) FROM prescale.add_source('metric', 'metric', workload_column => 'workload', metric_column => 'name', period => '1 minute');
             SELECT count(prescale.add_workload('w' || w, 'metric', demand => 'rps')) FROM generate_series(1, {count}) w;
             SELECT count(prescale.set_policy('w' || w, unit_capacity => 20)) FROM generate_series(1, {count}) w"
        ),
    )?;
    Ok(())
}

/// All that a refresh computes, but history of forecasts, as one text.
const COMPUTED: &str = "
    SELECT (SELECT md5(string_agg(f::text, ',' ORDER BY workload, ts)) || ' ' || count(*) FROM prescale.feature f),
           (SELECT md5(string_agg((workload, ts, fingerprint, utilization)::text, ',' ORDER BY workload, ts)) || ' ' || count(*) FROM prescale.fingerprint),
           (SELECT string_agg((workload, origin, demand, demand_peak, forecast, forecast_peak, status)::text, ',' ORDER BY workload_id) FROM prescale.recommendation)";

#[test]
fn one_call_or_hundreds_over_the_same_rows_give_the_same() -> Result<()> {
    let server = Postgres::start()?;
    for name in ["once", "often"] {
        database(&server, name)?;
        wave(&server, name, 2, 4)?;
        // Steps that divide neither the day nor the lateness, and a lateness that no step divides.
        server.psql(
            name,
            "postgres",
            "SELECT prescale.add_workload('s' || s, 'metric', source_key => 'w1', demand => 'rps', step => s * interval '1 second', lateness => '90 seconds') FROM unnest(ARRAY[30, 300, 420, 3600]) s;
             SELECT prescale.set_policy('s' || s, unit_capacity => 20) FROM unnest(ARRAY[30, 300, 420, 3600]) s",
        )?;
    }
    server.psql(
        "once",
        "postgres",
        "CALL prescale.refresh(as_of => '2024-05-05')",
    )?;
    // Every 13 minutes of four days, then twice more at the end.
    let mut script = String::new();
    for call in 1..=443 {
        script.push_str(&format!("CALL prescale.refresh(as_of => timestamptz '2024-05-01' + {} * interval '1 minute');\n", call * 13));
    }
    script.push_str("CALL prescale.refresh(as_of => '2024-05-05'); CALL prescale.refresh(as_of => '2024-05-05');");
    let file = server.socket_dir().join("../often.sql");
    std::fs::write(&file, script)?;
    server.run_file("often", &file)?;
    let once = server.psql("once", "postgres", COMPUTED)?;
    let bad = "SELECT count(*) FROM prescale.status WHERE status = 'error' OR watermark < '2024-05-04 23:00'";
    assert_eq!(server.psql("once", "postgres", bad)?.trim(), "0");
    assert_eq!(server.psql("often", "postgres", COMPUTED)?, once);
    assert!(
        once.contains(",ok)") && !once.contains(" 0|"),
        "nothing was compared: {once}"
    );
    // Forecasts are appended by origin and revision: a repeated call adds none.
    assert_eq!(
        server
            .psql(
                "often",
                "postgres",
                "SELECT count(*) - count(DISTINCT (workload, origin)) FROM prescale.forecast"
            )?
            .trim(),
        "0"
    );
    Ok(())
}

#[test]
fn what_comes_after_as_of_changes_nothing() -> Result<()> {
    let server = Postgres::start()?;
    for name in ["blind", "peeking"] {
        database(&server, name)?;
        wave(&server, name, 1, 4)?;
    }
    server.psql(
        "blind",
        "postgres",
        "DELETE FROM metric WHERE ts > '2024-05-04 12:00'",
    )?;
    for name in ["blind", "peeking"] {
        server.psql(
            name,
            "postgres",
            "CALL prescale.refresh(as_of => '2024-05-04 12:00')",
        )?;
    }
    assert_eq!(
        server.psql("peeking", "postgres", COMPUTED)?,
        server.psql("blind", "postgres", COMPUTED)?
    );
    Ok(())
}

#[test]
fn late_rows_within_the_bound_count_and_later_ones_are_counted() -> Result<()> {
    let server = Postgres::start()?;
    database(&server, "db")?;
    wave(&server, "db", 1, 1)?;
    server.psql(
        "db",
        "postgres",
        "CALL prescale.refresh(as_of => '2024-05-01 12:00')",
    )?;
    // One minute late: the window is computed again. Eight minutes late, with a bound of two: counted only.
    server.psql(
        "db",
        "postgres",
        "INSERT INTO metric VALUES ('2024-05-01 11:58:30', 'w1', 'rps', 100000), ('2024-05-01 11:51:30', 'w1', 'rps', 100000);
         CALL prescale.refresh(as_of => '2024-05-01 12:00')",
    )?;
    let windows = server.psql(
        "db",
        "postgres",
        "SELECT ts::time, n_row, n_late, demand > 10000 FROM prescale.feature WHERE ts IN ('2024-05-01 11:58', '2024-05-01 11:51') ORDER BY ts",
    )?;
    assert_eq!(windows.trim(), "11:51:00|2|1|f\n11:58:00|3|0|t");
    assert_eq!(
        server
            .psql("db", "postgres", "SELECT n_late FROM prescale.status")?
            .trim(),
        "1"
    );
    Ok(())
}

#[test]
fn a_row_from_the_future_does_not_outrun_the_clock() -> Result<()> {
    let server = Postgres::start()?;
    database(&server, "db")?;
    wave(&server, "db", 1, 1)?;
    server.psql("db", "postgres", "DELETE FROM metric WHERE ts > '2024-05-01 12:00'; INSERT INTO metric VALUES ('2031-01-01', 'w1', 'rps', 1)")?;
    server.psql(
        "db",
        "postgres",
        "CALL prescale.refresh(as_of => '2024-05-01 12:30')",
    )?;
    assert_eq!(
        server
            .psql(
                "db",
                "postgres",
                "SELECT watermark, n_future FROM prescale.status"
            )?
            .trim(),
        "2024-05-01 12:01:00+00|1"
    );
    Ok(())
}

#[test]
fn two_callers_at_once_share_the_work() -> Result<()> {
    let server = Postgres::start()?;
    for name in ["alone", "shared"] {
        database(&server, name)?;
        wave(&server, name, 300, 0)?;
        server.psql(name, "postgres", "INSERT INTO metric SELECT timestamptz '2024-05-01' + g * interval '1 minute', 'w' || w, 'rps', g + w FROM generate_series(1, 60) g, generate_series(1, 300) w")?;
    }
    let call = "CALL prescale.refresh(as_of => '2024-05-01 01:00')";
    server.psql("alone", "postgres", call)?;
    let callers: Vec<_> = (0..2)
        .map(|_| {
            server
                .psql_command("shared", "postgres")
                .args(["-qX", "-v", "ON_ERROR_STOP=1", "-c", call])
                .spawn()
        })
        .collect::<std::io::Result<_>>()?;
    for mut caller in callers {
        assert!(caller.wait()?.success());
    }
    // A caller skips what the other has locked, so the last word may be the other's: one more call finds nothing new.
    server.psql("shared", "postgres", call)?;
    assert_eq!(
        server.psql("shared", "postgres", COMPUTED)?,
        server.psql("alone", "postgres", COMPUTED)?
    );
    Ok(())
}

#[test]
fn one_bad_workload_never_stops_the_others() -> Result<()> {
    let server = Postgres::start()?;
    database(&server, "db")?;
    wave(&server, "db", 3, 1)?;
    server.psql(
        "db",
        "postgres",
        "CREATE TABLE other AS SELECT ts, value FROM metric WHERE workload = 'w1' AND name = 'rps';
         SELECT count(*) FROM prescale.add_source('other', 'other', period => '1 minute');
         SELECT prescale.add_workload('other', 'other'), prescale.add_workload('silent', 'metric', demand => 'rps');
         CALL prescale.refresh(as_of => '2024-05-01 12:00')",
    )?;
    for (damage, code) in [
        ("ALTER TABLE other RENAME COLUMN value TO amount", "42703"),
        (
            "ALTER TABLE other RENAME COLUMN amount TO value; ALTER TABLE other ALTER value TYPE text",
            "42804",
        ),
        ("DROP TABLE other", "42P01"),
    ] {
        server.psql("db", "postgres", damage)?;
        let minute = 10 + code.as_bytes().last().map_or(0, |b| b % 40);
        server.psql(
            "db",
            "postgres",
            &format!("CALL prescale.refresh(as_of => '2024-05-01 13:{minute}')"),
        )?;
        let status = server.psql(
            "db",
            "postgres",
            "SELECT status, code, hint IS NOT NULL FROM prescale.status WHERE workload = 'other'",
        )?;
        assert_eq!(status.trim(), format!("error|{code}|t"), "{damage}");
        let others = server.psql("db", "postgres", "SELECT count(*) FROM prescale.status WHERE workload ~ '^w' AND code IS NULL AND watermark >= '2024-05-01 13:00'")?;
        assert_eq!(others.trim(), "3", "{damage}");
    }
    assert_eq!(
        server
            .psql(
                "db",
                "postgres",
                "SELECT status FROM prescale.status WHERE workload = 'silent'"
            )?
            .trim(),
        "no_samples"
    );
    Ok(())
}

#[test]
fn values_that_are_no_numbers_and_times_that_are_null_are_counted_not_used() -> Result<()> {
    let server = Postgres::start()?;
    database(&server, "db")?;
    server.psql(
        "db",
        "postgres",
        "INSERT INTO metric VALUES ('2024-05-01 00:00', 'a', 'rps', 10), ('2024-05-01 00:00:20', 'a', 'rps', 'NaN'), ('2024-05-01 00:00:40', 'a', 'rps', 'Infinity'),
             ('2024-05-01 00:00:45', 'a', 'rps', 1e308), ('2024-05-01 00:00:46', 'a', 'rps', 1e308), ('2024-05-01 00:00:50', 'a', 'rps', NULL), (NULL, 'a', 'rps', 1e9), ('2024-05-01 00:03', 'a', 'rps', 20)",
    )?;
    let seen = server.psql("db", "postgres", "SELECT workload, metric, n_row, n_null_ts, n_null, n_nonfinite FROM prescale.add_source('m', 'metric', workload_column => 'workload', metric_column => 'name', period => '1 minute')")?;
    assert_eq!(seen.trim(), "a|rps|7|1|1|4");
    server.psql("db", "postgres", "SELECT prescale.add_workload('a', 'm'); CALL prescale.refresh(as_of => '2024-05-01 00:10')")?;
    let windows = server.psql("db", "postgres", "SELECT ts::time, n_row, n_null, n_nonfinite, imputed, demand FROM prescale.feature ORDER BY ts")?;
    assert_eq!(
        windows.trim(),
        "00:00:00|6|1|4|f|10\n00:01:00|0|0|0|f|\n00:02:00|0|0|0|f|\n00:03:00|1|0|0|f|20"
    );
    Ok(())
}

#[test]
fn every_table_is_kept_as_long_as_retention_says() -> Result<()> {
    let server = Postgres::start()?;
    database(&server, "db")?;
    wave(&server, "db", 1, 4)?;
    server.psql(
        "db",
        "postgres",
        "CALL prescale.refresh(as_of => '2024-05-03 12:00')",
    )?;
    server.psql(
        "db",
        "postgres",
        "INSERT INTO prescale.retention SELECT r, '1 day' FROM unnest(ARRAY['feature', 'fingerprint', 'model', 'forecast', 'outcome', 'decision', 'capacity']) r",
    )?;
    for hour in ["2024-05-04 12:00", "2024-05-04 13:00"] {
        server.psql(
            "db",
            "postgres",
            &format!("CALL prescale.refresh(as_of => '{hour}')"),
        )?;
    }
    let oldest = server.psql(
        "db",
        "postgres",
        "SELECT (SELECT min(ts) FROM prescale.feature) >= '2024-05-03 11:00', (SELECT min(ts) FROM prescale.fingerprint) >= '2024-05-03 11:00',
                (SELECT min(origin) FROM prescale.forecast) >= '2024-05-03 11:00', (SELECT count(*) FROM prescale.model WHERE kind = 'pca')",
    )?;
    // The only PCA is older than a day, and stays: windows could not be projected without it.
    assert_eq!(oldest.trim(), "t|t|t|1");
    let refused = server.psql(
        "db",
        "postgres",
        "INSERT INTO prescale.retention VALUES ('history', '2 days')",
    );
    assert!(refused.is_err_and(|error| error.to_string().contains("retention_history_check")));
    Ok(())
}

#[test]
fn refresh_inside_a_transaction_block_is_refused_and_refresh_workload_is_not() -> Result<()> {
    let server = Postgres::start()?;
    database(&server, "db")?;
    wave(&server, "db", 1, 1)?;
    let error = server
        .psql("db", "postgres", "BEGIN; CALL prescale.refresh(); COMMIT")
        .map_err(|e| e.to_string());
    assert!(
        error
            .as_ref()
            .is_err_and(|e| e.contains("invalid transaction termination")),
        "{error:?}"
    );
    assert_eq!(
        server
            .psql(
                "db",
                "postgres",
                "BEGIN; SELECT prescale.refresh_workload('w1', '2024-05-01 06:00'); COMMIT"
            )?
            .trim(),
        "no_model"
    );
    Ok(())
}
