//! A trusted extension that lets nobody in: every promise about rights, with somebody who tries to break it.

use anyhow::Result;
use prescale_tests::postgres::Postgres;

/// A server where `owner` installed the extension in `db`, and `mallory` may log in and create schemas.
fn server() -> Result<Postgres> {
    let server = Postgres::start()?;
    server.psql("postgres", "postgres", "CREATE ROLE owner LOGIN; CREATE ROLE mallory LOGIN; CREATE ROLE worker LOGIN; CREATE ROLE victim LOGIN")?;
    server.psql("postgres", "postgres", "CREATE DATABASE db")?;
    server.psql("db", "postgres", "GRANT CREATE ON DATABASE db TO owner, mallory, victim; REVOKE CREATE ON SCHEMA public FROM PUBLIC")?;
    Ok(server)
}

fn installed() -> Result<Postgres> {
    let server = server()?;
    server.psql("db", "owner", "CREATE EXTENSION prescale")?;
    server.psql(
        "db",
        "owner",
        "SELECT prescale.grant_worker('worker'), prescale.grant_operator('worker')",
    )?;
    Ok(server)
}

/// The error that `sql` must give.
fn refused(server: &Postgres, user: &str, sql: &str) -> String {
    match server.psql("db", user, sql) {
        Ok(output) => panic!("{user} was let in by {sql}: {output}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_role_with_create_on_the_database_installs_it_and_owns_its_tables() -> Result<()> {
    let server = installed()?;
    let foreign = server.psql("db", "owner", "SELECT relname FROM pg_class WHERE relnamespace = 'prescale'::regnamespace AND relkind IN ('r', 'v', 'S') AND relowner <> 'owner'::regrole")?;
    assert_eq!(foreign, "", "not the installer's");
    server.psql(
        "db",
        "owner",
        "ALTER TABLE prescale.feature SET (autovacuum_vacuum_scale_factor = 0.05)",
    )?;
    Ok(())
}

#[test]
fn a_role_without_create_on_the_database_is_refused() -> Result<()> {
    let server = server()?;
    let error = refused(&server, "worker", "CREATE EXTENSION prescale");
    assert!(error.contains("permission denied"), "{error}");
    Ok(())
}

#[test]
fn a_schema_that_somebody_prepared_is_refused() -> Result<()> {
    let server = server()?;
    server.psql(
        "db",
        "mallory",
        "CREATE SCHEMA prescale; GRANT ALL ON SCHEMA prescale TO PUBLIC",
    )?;
    let error = refused(&server, "owner", "CREATE EXTENSION prescale");
    assert!(
        error.contains("cannot be trusted") && error.contains("mallory"),
        "{error}"
    );
    assert!(
        server
            .psql("db", "postgres", "CREATE EXTENSION prescale")
            .is_err(),
        "a superuser must be warned too"
    );
    Ok(())
}

#[test]
fn a_schema_with_something_in_it_or_open_to_others_is_refused_and_an_own_empty_one_is_not()
-> Result<()> {
    let server = server()?;
    server.psql("db", "owner", "CREATE SCHEMA prescale; CREATE FUNCTION prescale.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.now()'")?;
    assert!(refused(&server, "owner", "CREATE EXTENSION prescale").contains("not empty"));
    server.psql(
        "db",
        "owner",
        "DROP FUNCTION prescale.now(); GRANT CREATE ON SCHEMA prescale TO mallory",
    )?;
    assert!(refused(&server, "owner", "CREATE EXTENSION prescale").contains("others may create"));
    server.psql(
        "db",
        "owner",
        "REVOKE CREATE ON SCHEMA prescale FROM mallory; CREATE EXTENSION prescale",
    )?;
    // What DROP EXTENSION leaves behind does not stand in the way of the next one.
    server.psql(
        "db",
        "owner",
        "DROP EXTENSION prescale; CREATE EXTENSION prescale",
    )?;
    Ok(())
}

#[test]
fn the_public_may_compute_but_not_read_or_write() -> Result<()> {
    let server = installed()?;
    assert_eq!(
        server
            .psql(
                "db",
                "mallory",
                "SELECT prescale.required_capacity(95, 10, 0.5)"
            )?
            .trim(),
        "19"
    );
    for sql in [
        "CALL prescale.refresh()",
        "SELECT prescale.refresh_workload('x')",
        "SELECT * FROM prescale.read_windows(1, '{1}', '{2024-01-01}', '{2024-01-02}')",
        "SELECT * FROM prescale.source_bounds(1, NULL, now())",
        "SELECT * FROM prescale.source_preview('pg_class', 'narrow', 'ts', NULL, NULL, 'value', 10)",
        "SELECT * FROM prescale.workload",
        "SELECT * FROM prescale.recommendation",
        "SELECT prescale.acquire_lease(0, 'mallory', '1 hour')",
        "SELECT prescale.grant_worker('mallory')",
        "SELECT prescale.pause()",
    ] {
        let error = refused(&server, "mallory", sql);
        assert!(error.contains("permission denied"), "{sql}: {error}");
    }
    Ok(())
}

#[test]
fn grants_make_no_role_and_a_reader_only_reads() -> Result<()> {
    let server = installed()?;
    let before = server.psql("db", "postgres", "SELECT count(*) FROM pg_roles")?;
    server.psql("db", "owner", "SELECT prescale.grant_reader('mallory')")?;
    assert_eq!(
        server.psql("db", "postgres", "SELECT count(*) FROM pg_roles")?,
        before
    );
    assert_eq!(
        server
            .psql(
                "db",
                "mallory",
                "SELECT count(*) FROM prescale.recommendation"
            )?
            .trim(),
        "0"
    );
    for sql in [
        "SELECT prescale.pause()",
        "DELETE FROM prescale.decision",
        "UPDATE prescale.policy SET mode = 'full'",
        "CALL prescale.refresh()",
    ] {
        assert!(
            refused(&server, "mallory", sql).contains("permission denied"),
            "{sql}"
        );
    }
    Ok(())
}

/// Mallory's view over a function of hers, which the worker reads.
fn trap(server: &Postgres, body: &str) -> Result<()> {
    server.psql(
        "db",
        "mallory",
        &format!(
            "CREATE SCHEMA bait; GRANT USAGE ON SCHEMA bait TO worker;
             CREATE FUNCTION bait.trap() RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
             CREATE VIEW bait.metric AS SELECT now() - g * interval '1 minute' AS ts, bait.trap() AS value FROM generate_series(1, 5) g;
             GRANT SELECT ON bait.metric TO worker; GRANT EXECUTE ON FUNCTION bait.trap() TO PUBLIC"
        ),
    )?;
    Ok(())
}

#[test]
fn a_view_of_somebody_else_runs_as_its_owner_and_cannot_escape() -> Result<()> {
    for (body, expected) in [
        (
            "RAISE EXCEPTION 'ran as %', current_user;",
            "ran as mallory",
        ),
        (
            "SET ROLE worker; RETURN 1;",
            "cannot set parameter \"role\"",
        ),
        (
            "CREATE TEMPORARY TABLE foothold (x int); RETURN 1;",
            "cannot create temporary table",
        ),
        ("DELETE FROM prescale.lease; RETURN 1;", "permission denied"),
    ] {
        let server = installed()?;
        trap(&server, body)?;
        let error = refused(
            &server,
            "worker",
            "SELECT * FROM prescale.add_source('bait', 'bait.metric')",
        );
        assert!(error.contains(expected), "{body}: {error}");
        // Registered behind the preview's back, the same view is no better at refresh.
        server.psql("db", "worker", "INSERT INTO prescale.source (name, relation_schema, relation_name, kind, ts_column, value_column) VALUES ('bait', 'bait', 'metric', 'narrow', 'ts', 'value');
                                     SELECT prescale.add_workload('bait', 'bait'); ")?;
        server.psql("db", "worker", "CALL prescale.refresh()")?;
        let status = server.psql(
            "db",
            "worker",
            "SELECT status, message, current_user FROM prescale.status",
        )?;
        assert!(
            status.starts_with("error|")
                && status.contains(expected)
                && status.trim().ends_with("|worker"),
            "{body}: {status}"
        );
    }
    Ok(())
}

/// The victim's table, readable by the worker as long as the grant stands.
fn victims_table(server: &Postgres) -> Result<()> {
    server.psql(
        "db",
        "victim",
        "CREATE SCHEMA own; GRANT USAGE ON SCHEMA own TO PUBLIC; CREATE TABLE own.secret (ts timestamptz, value float8);
         INSERT INTO own.secret SELECT now() - g * interval '1 minute', g FROM generate_series(0, 10) g; GRANT SELECT ON own.secret TO worker",
    )?;
    server.psql(
        "db",
        "worker",
        "SELECT count(*) FROM prescale.add_source('secret', 'own.secret')",
    )?;
    server.psql(
        "db",
        "worker",
        "SELECT prescale.add_workload('secret', 'secret')",
    )?;
    Ok(())
}

#[test]
fn a_right_that_was_taken_back_ends_the_reading() -> Result<()> {
    let server = installed()?;
    victims_table(&server)?;
    server.psql("db", "worker", "CALL prescale.refresh()")?;
    let before = server.psql("db", "worker", "SELECT count(*) FROM prescale.feature")?;
    assert_ne!(before.trim(), "0");
    server.psql(
        "db",
        "victim",
        "REVOKE SELECT ON own.secret FROM worker; INSERT INTO own.secret VALUES (now(), 99)",
    )?;
    server.psql("db", "worker", "CALL prescale.refresh()")?;
    let status = server.psql(
        "db",
        "worker",
        "SELECT status, code, hint FROM prescale.status",
    )?;
    assert!(
        status.starts_with("error|42501|") && status.contains("GRANT SELECT"),
        "{status}"
    );
    assert_eq!(
        server.psql("db", "worker", "SELECT count(*) FROM prescale.feature")?,
        before
    );
    Ok(())
}

#[test]
fn not_even_the_owner_of_the_extension_reads_what_he_may_not_select() -> Result<()> {
    let server = installed()?;
    victims_table(&server)?;
    let forged = refused(
        &server,
        "owner",
        "UPDATE prescale.source SET added_by = 'victim'",
    );
    assert!(forged.contains("permission denied"), "{forged}");
    // He owns the configuration and may forge it all the same, but the check is also on who calls.
    server.psql(
        "db",
        "owner",
        "ALTER TABLE prescale.source DISABLE TRIGGER USER; UPDATE prescale.source SET added_by = 'victim'",
    )?;
    for sql in [
        "SELECT * FROM prescale.read_windows((SELECT source FROM prescale.source), ARRAY[(SELECT workload FROM prescale.workload)], ARRAY[now() - interval '1 hour'], ARRAY[now()])",
        "SELECT * FROM prescale.source_bounds((SELECT source FROM prescale.source), NULL, now())",
        "SELECT * FROM prescale.source_preview('own.secret', 'narrow', 'ts', NULL, NULL, 'value', 10)",
    ] {
        let error = refused(&server, "owner", sql);
        assert!(error.contains("permission denied"), "{sql}: {error}");
    }
    Ok(())
}

#[test]
fn rows_that_the_caller_may_not_see_are_not_read_through_the_owner() -> Result<()> {
    let server = installed()?;
    victims_table(&server)?;
    server.psql("db", "victim", "CREATE VIEW own.as_invoker WITH (security_invoker) AS SELECT * FROM own.secret; GRANT SELECT ON own.as_invoker TO worker")?;
    assert!(
        refused(
            &server,
            "worker",
            "SELECT * FROM prescale.add_source('v', 'own.as_invoker')"
        )
        .contains("security_invoker")
    );
    server.psql("db", "victim", "ALTER TABLE own.secret ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON own.secret USING (false)")?;
    server.psql("db", "worker", "CALL prescale.refresh()")?;
    let status = server.psql(
        "db",
        "worker",
        "SELECT status, message FROM prescale.status",
    )?;
    assert!(
        status.starts_with("error|") && status.contains("row-level security"),
        "{status}"
    );
    Ok(())
}

#[test]
fn a_table_swapped_by_renaming_is_read_by_its_name() -> Result<()> {
    let server = installed()?;
    victims_table(&server)?;
    server.psql("db", "worker", "CALL prescale.refresh()")?;
    server.psql(
        "db",
        "victim",
        "BEGIN; CREATE TABLE own.next (LIKE own.secret); INSERT INTO own.next SELECT ts, value + 1000 FROM own.secret; INSERT INTO own.next VALUES (now() + interval '1 minute', 5000), (now() + interval '2 minutes', 5000);
         GRANT SELECT ON own.next TO worker; ALTER TABLE own.secret RENAME TO old; ALTER TABLE own.next RENAME TO secret; COMMIT",
    )?;
    server.psql(
        "db",
        "worker",
        "CALL prescale.refresh(as_of => now() + interval '3 minutes')",
    )?;
    assert_eq!(
        server
            .psql("db", "worker", "SELECT max(demand) FROM prescale.feature")?
            .trim(),
        "5000"
    );
    Ok(())
}

#[test]
fn an_operator_does_not_read_through_the_worker_what_he_may_not_select() -> Result<()> {
    let server = installed()?;
    victims_table(&server)?;
    server.psql("db", "owner", "SELECT prescale.grant_operator('mallory')")?;
    let insert = "INSERT INTO prescale.source (name, relation_schema, relation_name, kind, ts_column, value_column, added_by)
                  VALUES ('mine', 'own', '{}', 'narrow', 'ts', 'value', 'worker')";
    let error = refused(&server, "mallory", &insert.replace("{}", "secret"));
    assert!(error.contains("permission denied"), "{error}");
    // Named before it is there, the table is not read either once it is.
    server.psql("db", "mallory", &insert.replace("{}", "later"))?;
    server.psql(
        "db",
        "mallory",
        "SELECT prescale.add_workload('mine', 'mine')",
    )?;
    server.psql(
        "db",
        "victim",
        "CREATE TABLE own.later AS SELECT * FROM own.secret; GRANT SELECT ON own.later TO worker",
    )?;
    server.psql("db", "worker", "CALL prescale.refresh()")?;
    let status = server.psql(
        "db",
        "worker",
        "SELECT status, code, message FROM prescale.status WHERE workload = 'mine'",
    )?;
    assert!(
        status.starts_with("error|42501|") && status.contains("mallory"),
        "{status}"
    );
    Ok(())
}
