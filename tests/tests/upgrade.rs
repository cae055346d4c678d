//! The chain of upgrade scripts: an old installation, used, with the new library, updated, is a new one.

use anyhow::{Context, Result};
use prescale_tests::postgres::Postgres;

/// Versions that were released, each with its frozen install script.
const OLD: [&str; 2] = ["0.1.0", "0.2.0"];
const USE: &str = "
    CREATE TABLE metric (ts timestamptz PRIMARY KEY, value float8);
    INSERT INTO metric SELECT t, 100 + 50 * sin(extract(epoch FROM t) / 13751) FROM generate_series(timestamptz '2024-05-01', '2024-05-05', '1 minute') t;
    SELECT count(*) FROM prescale.add_source('metric', 'metric', period => '1 minute');
    SELECT prescale.add_workload('front', 'metric');
    SELECT prescale.set_policy('front', mode => 'full', unit_capacity => 20);
    CALL prescale.refresh(as_of => '2024-05-04 20:00')";

/// A server that also has the frozen install script of an old version.
fn server(old: &str) -> Result<Postgres> {
    let server = Postgres::start()?;
    let script = format!("prescale--{old}.sql");
    std::fs::copy(
        prescale_tests::root().join("tests/upgrade").join(&script),
        server.extension_dir()?.join(&script),
    )
    .context(script)?;
    server.psql(
        "postgres",
        "postgres",
        "CREATE ROLE owner LOGIN; CREATE DATABASE upgraded OWNER owner",
    )?;
    server.psql("postgres", "postgres", "CREATE DATABASE fresh OWNER owner")?;
    server.psql(
        "upgraded",
        "owner",
        &format!("CREATE EXTENSION prescale VERSION '{old}'"),
    )?;
    Ok(server)
}

fn newest(server: &Postgres, database: &str) -> Result<String> {
    server.psql(database, "owner", "SELECT workload, origin, demand, forecast, forecast_peak, status FROM prescale.recommendation")
}

#[test]
fn the_old_sql_works_with_the_new_library() -> Result<()> {
    for old in OLD {
        let server = server(old)?;
        server.psql("upgraded", "owner", USE)?;
        let recommendation = newest(&server, "upgraded")?;
        assert!(
            recommendation.trim().ends_with("|ok"),
            "{old}: {recommendation}"
        );
    }
    Ok(())
}

#[test]
fn an_updated_installation_equals_a_fresh_one_and_goes_on() -> Result<()> {
    OLD.iter().try_for_each(|old| update(old))
}

fn update(old: &str) -> Result<()> {
    let server = server(old)?;
    server.psql("upgraded", "owner", USE)?;
    let before = newest(&server, "upgraded")?;
    server.psql("upgraded", "owner", "ALTER EXTENSION prescale UPDATE")?;
    assert_eq!(
        newest(&server, "upgraded")?,
        before,
        "the update changed what was learned"
    );

    server.psql("fresh", "owner", "CREATE EXTENSION prescale")?;
    let catalogue =
        std::fs::read_to_string(prescale_tests::root().join("tests/upgrade/catalogue.sql"))?;
    let (upgraded, fresh) = (
        server.psql("upgraded", "owner", &catalogue)?,
        server.psql("fresh", "owner", &catalogue)?,
    );
    for (up, new) in upgraded.lines().zip(fresh.lines()) {
        assert_eq!(up, new);
    }
    assert_eq!(upgraded.lines().count(), fresh.lines().count());

    server.psql("fresh", "owner", USE)?;
    for database in ["upgraded", "fresh"] {
        server.psql(
            database,
            "owner",
            "CALL prescale.refresh(as_of => '2024-05-04 23:00')",
        )?;
    }
    assert_eq!(newest(&server, "upgraded")?, newest(&server, "fresh")?);
    Ok(())
}

#[test]
fn who_ran_refresh_before_an_update_still_may() -> Result<()> {
    for old in OLD {
        let server = server(old)?;
        server.psql("upgraded", "owner", USE)?;
        server.psql("postgres", "postgres", "CREATE ROLE worker LOGIN")?;
        server.psql(
            "upgraded",
            "owner",
            "SELECT prescale.grant_worker('worker'); GRANT SELECT ON metric TO worker; ALTER EXTENSION prescale UPDATE",
        )?;
        let status = server.psql(
            "upgraded",
            "worker",
            "CALL prescale.refresh(as_of => '2024-05-04 22:00'); SELECT status FROM prescale.progress",
        )?;
        assert_eq!(status.trim(), "ok", "{old}");
    }
    Ok(())
}
