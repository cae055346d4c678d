//! Models with a name: what they forecast outlives restarts, restores and replicas bit by bit, a fit can be watched and stopped, and
//! nobody reads or changes through them what is not his.

use anyhow::{Result, ensure};
use prescale_tests::postgres::Postgres;

/// A server with `n` series of `rows` hourly values, read by model `demand` of the superuser.
fn server(n: u32, rows: u32, model: &str) -> Result<Postgres> {
    let server = Postgres::start()?;
    server.psql(
        "postgres",
        "postgres",
        &format!(
            "CREATE EXTENSION prescale;
             CREATE TABLE metric AS SELECT timestamptz '2024-05-01' + g * interval '1 hour' AS ts, s AS service, 100 + s % 50 + 20 * sin(g / 3.8) + g * s * 31 % 7 AS value
             FROM generate_series(1, {n}) s, generate_series(1, {rows}) g;
             SELECT prescale.create_model('demand', 'metric', 'ts', 'value', '{{service}}', '6 hours', '{{\"model\": \"{model}\", \"quantiles\": [0.05, 0.5, 0.95]}}')"
        ),
    )?;
    Ok(server)
}

/// Every digit of every forecast.
const PREDICTED: &str = "SELECT * FROM prescale.predict('demand', quantiles => '{0.01,0.5,0.999}')";

#[test]
fn a_restart_a_replica_and_a_restore_change_no_bit() -> Result<()> {
    let server = server(3, 500, "ets")?;
    server.psql(
        "postgres",
        "postgres",
        "SELECT count(*) FROM prescale.fit('demand', '2024-05-20'); SELECT prescale.observe('demand', '{\"service\": 1}', '2024-05-20', 123.456)",
    )?;
    let before = server.psql("postgres", "postgres", PREDICTED)?;
    assert_eq!(before.lines().count(), 18);
    let standby = server.standby()?;
    assert_eq!(standby.psql("postgres", "postgres", PREDICTED)?, before);
    drop(standby);
    server.stop("immediate")?;
    server.resume()?;
    assert_eq!(server.psql("postgres", "postgres", PREDICTED)?, before);

    server.psql("postgres", "postgres", "CREATE DATABASE restored")?;
    server.dump_and_restore("postgres", "restored")?;
    assert_eq!(server.psql("restored", "postgres", PREDICTED)?, before);
    // The restored one goes on: the same value moves it on to the same forecast, and the next version has the next number.
    let on = "SELECT prescale.observe('demand', '{\"service\": 2}', '2024-05-20', 99.5)";
    for database in ["postgres", "restored"] {
        assert_eq!(server.psql(database, "postgres", on)?.trim(), "ok");
        let version = server.psql(
            database,
            "postgres",
            "SELECT DISTINCT version FROM prescale.fit('demand')",
        )?;
        assert_eq!(version.trim(), "2");
    }
    let after = server.psql("postgres", "postgres", PREDICTED)?;
    assert_ne!(after, before);
    assert_eq!(server.psql("restored", "postgres", PREDICTED)?, after);
    Ok(())
}

#[test]
fn a_thousand_series_are_fitted_and_asked() -> Result<()> {
    let server = server(1000, 100, "seasonal_naive")?;
    let fitted = server.psql(
        "postgres",
        "postgres",
        "SELECT count(*), count(DISTINCT key), min(status) FROM prescale.fit('demand')",
    )?;
    assert_eq!(fitted.trim(), "1000|1000|ok");
    let asked = server.psql(
        "postgres",
        "postgres",
        "SELECT count(*), count(DISTINCT key) FROM prescale.predict('demand')",
    )?;
    assert_eq!(asked.trim(), "6000|1000");
    Ok(())
}

#[test]
fn another_session_sees_how_far_a_fit_is_and_a_cancel_leaves_no_version() -> Result<()> {
    let server = server(300, 1000, "ets")?;
    let fit = "SELECT count(*) FROM prescale.fit('demand')";
    server.cancel_when_seen(fit, "fit \"demand\": series % of 300; %")?;

    let error = server
        .psql(
            "postgres",
            "postgres",
            &format!("SET statement_timeout = 300; {fit}"),
        )
        .unwrap_or_else(|error| error.to_string());
    ensure!(error.contains("statement timeout"), "{error}");
    let left = "SELECT count(*) FROM prescale.forecast_model_version";
    assert_eq!(server.psql("postgres", "postgres", left)?.trim(), "0");
    Ok(())
}

/// `alice` and `mallory` operate, `reader` reads, `nobody` has no rights; alice's model `demand` reads her own table.
fn shared() -> Result<Postgres> {
    let server = Postgres::start()?;
    server.psql("postgres", "postgres", "CREATE ROLE owner LOGIN; CREATE ROLE alice LOGIN; CREATE ROLE mallory LOGIN; CREATE ROLE reader LOGIN; CREATE ROLE nobody LOGIN; CREATE DATABASE db")?;
    server.psql("db", "postgres", "GRANT CREATE ON DATABASE db TO owner, alice, mallory; REVOKE CREATE ON SCHEMA public FROM PUBLIC")?;
    server.psql("db", "owner", "CREATE EXTENSION prescale; SELECT prescale.grant_operator('alice'), prescale.grant_operator('mallory'), prescale.grant_reader('reader')")?;
    server.psql(
        "db",
        "alice",
        "CREATE SCHEMA own; GRANT USAGE ON SCHEMA own TO PUBLIC;
         CREATE TABLE own.metric AS SELECT timestamptz '2024-05-01' + g * interval '1 hour' AS ts, g % 24 AS value FROM generate_series(1, 200) g;
         SELECT prescale.create_model('demand', 'own.metric', 'ts', 'value', horizon => '3 hours', spec => '{\"model\": \"seasonal_naive\"}');
         SELECT count(*) FROM prescale.fit('demand', '2024-05-05'); SELECT count(*) FROM prescale.fit('demand')",
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
fn who_has_no_rights_has_none_and_a_reader_only_asks() -> Result<()> {
    let server = shared()?;
    let asks = "SELECT count(*) FROM prescale.predict('demand')";
    assert_eq!(server.psql("db", "reader", asks)?.trim(), "3");
    let changes = [
        "SELECT prescale.create_model('mine', 'pg_class', 'ts', 'value', horizon => '1 hour')",
        "SELECT * FROM prescale.fit('demand')",
        "SELECT prescale.observe('demand', '{}', now(), 1)",
        "SELECT prescale.deploy('demand', 2)",
        "SELECT prescale.deploy('demand', 'most_recent')",
        "SELECT prescale.rollback('demand')",
        "SELECT prescale.drop_model('demand')",
        "UPDATE prescale.forecast_model SET deployed = 2",
        "DELETE FROM prescale.forecast_model_version",
        "INSERT INTO prescale.forecast_model_series SELECT * FROM prescale.forecast_model_series",
    ];
    for sql in changes {
        for user in ["nobody", "reader"] {
            let error = refused(&server, user, sql);
            assert!(
                error.contains("permission denied"),
                "{user}: {sql}: {error}"
            );
        }
    }
    for sql in [asks, "SELECT * FROM prescale.forecast_model"] {
        assert!(refused(&server, "nobody", sql).contains("permission denied"));
    }
    Ok(())
}

#[test]
fn an_operator_deploys_models_of_others_and_changes_nothing_else() -> Result<()> {
    let server = shared()?;
    let deployed = server.psql("db", "mallory", "SELECT prescale.deploy('demand', 'most_recent'), prescale.rollback('demand'), prescale.deploy('demand', 2)")?;
    assert_eq!(deployed.trim(), "2|1|2");
    server.psql("db", "mallory", "CREATE SCHEMA bait; CREATE TABLE bait.metric AS SELECT now() AS ts, 1.0 AS value; GRANT USAGE ON SCHEMA bait TO PUBLIC; GRANT SELECT ON bait.metric TO PUBLIC;
        SELECT prescale.create_model('mine', 'bait.metric', 'ts', 'value', horizon => '1 hour'); SELECT count(*) FROM prescale.fit('mine')")?;
    let content = "SELECT md5(string_agg(m::text, '')), (SELECT md5(string_agg(s::text, '' ORDER BY version)) FROM prescale.forecast_model_series s JOIN prescale.forecast_model USING (forecast_model) WHERE owner = 'alice')
        FROM prescale.forecast_model m WHERE owner = 'alice'";
    let before = server.psql("db", "postgres", content)?;
    for sql in [
        "SELECT prescale.create_model('demand', 'bait.metric', 'ts', 'value', horizon => '1 hour')",
        "SELECT * FROM prescale.fit('demand')",
        "SELECT prescale.observe('demand', '{}', '2024-05-10', 1)",
        "SELECT prescale.drop_model('demand')",
        "UPDATE prescale.forecast_model SET owner = 'mallory', relation_schema = 'bait'",
        "UPDATE prescale.forecast_model SET relation_schema = 'bait', relation_name = 'metric' WHERE owner = 'alice'",
        "UPDATE prescale.forecast_model SET spec = '{}', deployed = 1 WHERE owner = 'alice'",
        "DELETE FROM prescale.forecast_model WHERE owner = 'alice'",
        "DELETE FROM prescale.forecast_model_version WHERE version = 2",
        "UPDATE prescale.forecast_model_version SET score = 0 WHERE version = 2",
        "UPDATE prescale.forecast_model_series SET state = NULL WHERE version = 2",
        "INSERT INTO prescale.forecast_model_version (forecast_model, version, horizon, spec) SELECT forecast_model, 3, horizon, spec FROM prescale.forecast_model WHERE owner = 'alice'",
        "UPDATE prescale.forecast_model_version SET version = 9, forecast_model = (SELECT forecast_model FROM prescale.forecast_model WHERE owner = 'alice')
         WHERE forecast_model = (SELECT forecast_model FROM prescale.forecast_model WHERE owner = 'mallory')",
        "UPDATE prescale.forecast_model_series SET key = '1', forecast_model = (SELECT forecast_model FROM prescale.forecast_model WHERE owner = 'alice')
         WHERE forecast_model = (SELECT forecast_model FROM prescale.forecast_model WHERE owner = 'mallory')",
        "INSERT INTO prescale.forecast_model_series SELECT forecast_model, version, '1', status, metrics, fit_ms, last_ts, n_observed, state FROM prescale.forecast_model_series WHERE version = 2",
    ] {
        let error = refused(&server, "mallory", sql);
        assert!(error.contains("permission denied for model"), "{sql}: {error}");
    }
    assert_eq!(server.psql("db", "postgres", content)?, before);
    // Nobody makes a model in the name of somebody else.
    let forged = server.psql("db", "mallory", "INSERT INTO prescale.forecast_model (name, owner, relation_schema, relation_name, time_column, value_column, by_columns, horizon, spec)
        VALUES ('forged', 'alice', 'bait', 'metric', 'ts', 'value', '{}', '1 hour', '{}') RETURNING owner")?;
    assert_eq!(forged.trim(), "mallory");
    server.psql("db", "mallory", "SELECT prescale.drop_model('mine')")?;
    // Who owns the tables may clear away what somebody left behind.
    server.psql("db", "owner", "SELECT prescale.drop_model('demand')")?;
    Ok(())
}

#[test]
fn a_model_reads_what_its_fitter_may_select_and_runs_nobodys_code() -> Result<()> {
    let server = shared()?;
    let made =
        "SELECT prescale.create_model('theirs', 'own.metric', 'ts', 'value', horizon => '1 hour')";
    let error = refused(&server, "mallory", made);
    assert!(
        error.contains("permission denied for table metric"),
        "{error}"
    );
    // A right that was taken back ends the fitting, and a model made before the table does not read it either.
    server.psql("db", "alice", "GRANT SELECT ON own.metric TO mallory")?;
    server.psql("db", "mallory", made)?;
    server.psql(
        "db",
        "mallory",
        "SELECT count(*) FROM prescale.fit('theirs')",
    )?;
    server.psql("db", "alice", "REVOKE SELECT ON own.metric FROM mallory")?;
    let error = refused(&server, "mallory", "SELECT * FROM prescale.fit('theirs')");
    assert!(
        error.contains("permission denied for table metric"),
        "{error}"
    );
    // Row-level security holds as in any query.
    server.psql("db", "alice", "GRANT SELECT ON own.metric TO mallory; ALTER TABLE own.metric ENABLE ROW LEVEL SECURITY; CREATE POLICY early ON own.metric USING (ts < '2024-05-02')")?;
    let seen = server.psql(
        "db",
        "mallory",
        "SELECT metrics ->> 'n_obs' FROM prescale.fit('theirs')",
    )?;
    assert_eq!(seen.trim(), "23");

    // A view calls a function of hers with the rights of who reads it: only she does.
    server.psql(
        "db",
        "mallory",
        "CREATE SCHEMA bait; GRANT USAGE ON SCHEMA bait TO PUBLIC; CREATE TABLE bait.log (who name); GRANT INSERT ON bait.log TO PUBLIC;
         CREATE FUNCTION bait.trap() RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN INSERT INTO bait.log VALUES (current_user); RETURN 1; END $$;
         CREATE VIEW bait.metric AS SELECT now() - g * interval '1 minute' AS ts, bait.trap() AS value FROM generate_series(1, 5) g;
         GRANT SELECT ON bait.metric TO PUBLIC; SELECT prescale.create_model('bait', 'bait.metric', 'ts', 'value', horizon => '1 hour')",
    )?;
    for user in ["alice", "owner", "postgres"] {
        let error = refused(&server, user, "SELECT * FROM prescale.fit('bait')");
        assert!(error.contains("permission denied"), "{user}: {error}");
    }
    server.psql("db", "mallory", "SELECT count(*) FROM prescale.fit('bait')")?;
    for user in ["alice", "owner", "postgres"] {
        let ask =
            "SELECT count(*) FROM prescale.predict('bait'); SELECT prescale.deploy('bait', 1)";
        server.psql("db", user, ask)?;
    }
    let ran_as = server.psql("db", "mallory", "SELECT DISTINCT who FROM bait.log")?;
    assert_eq!(ran_as.trim(), "mallory");
    Ok(())
}
