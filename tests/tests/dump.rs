//! pg_dump and restore carry everything that cannot be recomputed, and the restored database goes on.

use anyhow::Result;
use prescale_tests::postgres::Postgres;

const WORKLOAD: &str = "
    CREATE EXTENSION prescale;
    CREATE TABLE metric (ts timestamptz PRIMARY KEY, value float8);
    INSERT INTO metric SELECT t, 100 + 50 * sin(extract(epoch FROM t) / 13751) FROM generate_series(timestamptz '2024-05-01', '2024-05-05', '1 minute') t;
    SELECT count(*) FROM prescale.add_source('metric', 'metric', period => '1 minute');
    SELECT prescale.add_workload('front', 'metric', target => '{\"kind\": \"simulated\", \"units\": 3}');
    SELECT prescale.set_policy('front', mode => 'full', unit_capacity => 20);
    SELECT prescale.create_model('demand', 'metric', 'ts', 'value', horizon => '1 hour', spec => '{\"model\": \"seasonal_naive\"}');
    SELECT count(*) FROM prescale.fit('demand', '2024-05-04');
    INSERT INTO prescale.retention VALUES ('decision', '500 days');
    SELECT prescale.acquire_lease(0, 'w', '1 hour');
    SELECT prescale.record_capacity(0, 1, '[{\"workload_id\": 1, \"units_total\": 3, \"units_ready\": 3}]', '2024-05-01');
    SELECT decision FROM prescale.record_decision(0, 1, 'w', '[{\"workload_id\": 1, \"recommendation\": {\"mode\": \"full\"}, \"observation\": {}, \"decision\": {\"action\": \"hold\", \"act\": false, \"reasons\": []}}]');";

/// Every row of every table, but the lease, as one text.
const CONTENT: &str = "
    SELECT string_agg(t.relname || ' ' || (xpath('/row/c/text()', query_to_xml(format(
        'SELECT count(*) || '' '' || coalesce(md5(string_agg(x::text, '','' ORDER BY x::text)), '''') AS c FROM prescale.%I x', t.relname), false, true, '')))[1]::text, E'\\n' ORDER BY t.relname)
    FROM pg_class t WHERE t.relnamespace = 'prescale'::regnamespace AND t.relkind = 'r' AND t.relname <> 'lease'";

#[test]
fn a_restored_database_has_everything_and_goes_on() -> Result<()> {
    let server = Postgres::start()?;
    server.psql("postgres", "postgres", "CREATE DATABASE a")?;
    server.psql("postgres", "postgres", "CREATE DATABASE b")?;
    server.psql("a", "postgres", WORKLOAD)?;
    for day in ["2024-05-04 20:00", "2024-05-04 20:05", "2024-05-04 20:10"] {
        server.psql(
            "a",
            "postgres",
            &format!("CALL prescale.refresh(as_of => '{day}')"),
        )?;
    }
    let before = server.psql("a", "postgres", CONTENT)?;
    let empty: Vec<_> = before
        .lines()
        .filter(|line| line.trim_end().ends_with(" 0"))
        .collect();
    assert!(
        empty.is_empty(),
        "a table without rows proves nothing: {empty:?}"
    );

    server.dump_and_restore("a", "b")?;
    assert_eq!(server.psql("b", "postgres", CONTENT)?, before);

    // Both go on to the same state; numbers of new rows do not collide with restored ones.
    for database in ["a", "b"] {
        server.psql(
            database,
            "postgres",
            "CALL prescale.refresh(as_of => '2024-05-04 23:00')",
        )?;
        server.psql(
            database,
            "postgres",
            "SELECT prescale.add_workload('second', 'metric')",
        )?;
    }
    let newest = "SELECT workload, origin, forecast, forecast_peak, status FROM prescale.recommendation ORDER BY 1";
    assert_eq!(
        server.psql("a", "postgres", newest)?,
        server.psql("b", "postgres", newest)?
    );
    Ok(())
}

#[test]
fn dropping_the_extension_leaves_the_measurements() -> Result<()> {
    let server = Postgres::start()?;
    server.psql("postgres", "postgres", "CREATE DATABASE a")?;
    server.psql("a", "postgres", WORKLOAD)?;
    server.psql(
        "a",
        "postgres",
        "CALL prescale.refresh(as_of => '2024-05-02')",
    )?;
    server.psql("a", "postgres", "DROP EXTENSION prescale")?;
    assert_eq!(
        server
            .psql("a", "postgres", "SELECT count(*) FROM metric")?
            .trim(),
        "5761"
    );
    server.psql("a", "postgres", "CREATE EXTENSION prescale")?;
    Ok(())
}

#[test]
fn an_installation_of_a_plain_role_is_restored_after_that_role_installed_it() -> Result<()> {
    let server = Postgres::start()?;
    server.psql("postgres", "postgres", "CREATE ROLE owner LOGIN")?;
    for database in ["a", "b"] {
        server.psql(
            "postgres",
            "postgres",
            &format!("CREATE DATABASE {database} OWNER owner"),
        )?;
        server.psql(database, "postgres", "GRANT ALL ON SCHEMA public TO owner")?;
    }
    server.psql("a", "owner", WORKLOAD)?;
    server.psql(
        "a",
        "owner",
        "CALL prescale.refresh(as_of => '2024-05-04 20:00')",
    )?;
    let dump = server.socket_dir().join("../a.dump");
    let dumped = server
        .tool("pg_dump")
        .args(["-d", "a", "-Fc", "-f"])
        .arg(&dump)
        .status()?;
    assert!(dumped.success());
    server.psql("b", "owner", "CREATE EXTENSION prescale")?;
    let restored = server
        .tool("pg_restore")
        .args(["-d", "b"])
        .arg(&dump)
        .output()?;
    let errors = String::from_utf8_lossy(&restored.stderr)
        .matches("error: could not execute")
        .count();
    assert_eq!(errors, 1, "{}", String::from_utf8_lossy(&restored.stderr));
    assert_eq!(
        server.psql("b", "owner", CONTENT)?,
        server.psql("a", "owner", CONTENT)?
    );
    server.psql(
        "b",
        "owner",
        "CALL prescale.refresh(as_of => '2024-05-04 23:00')",
    )?;
    Ok(())
}
