//! One network over all series of a table: equal on every server, stored once, and of use to series that are too short for themselves.

use anyhow::{Result, ensure};
use prescale_tests::postgres::Postgres;

/// `n` series of three weeks of hours, a new one of two days and a leading indicator: `ahead` is what `value` will be added in the next hour.
fn server(n: u32, spec: &str) -> Result<Postgres> {
    let server = Postgres::start()?;
    server.psql(
        "postgres",
        "postgres",
        &format!(
            "CREATE EXTENSION prescale;
             CREATE FUNCTION jump(g int, s int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT (hashint4(g / 3 * 1000 + s) & 15) * 4';
             CREATE TABLE metric AS SELECT timestamptz '2024-05-01' + g * interval '1 hour' AS ts, s AS service,
                 s * (100 + 20 * sin(2 * pi() * g / 24) + jump(g, s)) AS value, s * jump(g + 1, s)::float8 AS ahead, 'x' AS name
             FROM generate_series(1, {n}) s, generate_series(1, 504) g WHERE s < {n} OR g > 456;
             SELECT prescale.create_model('demand', 'metric', 'ts', 'value', '{{service}}', '6 hours', '{spec}')"
        ),
    )?;
    Ok(server)
}

const SPEC: &str = r#"{"model": "lstm", "pooled": true, "step": "1 hour", "covariates": ["ahead"], "options": {"updates": 400}}"#;

const PREDICTED: &str = "SELECT * FROM prescale.predict('demand', quantiles => '{0.01,0.5,0.999}')";

#[test]
fn one_network_forecasts_all_series_also_a_new_one() -> Result<()> {
    let server = server(50, SPEC)?;
    let fitted = server.psql(
        "postgres",
        "postgres",
        "SELECT count(*), min(status), max(status), min(metrics ->> 'form'), count(metrics ->> 'mase') FROM prescale.fit('demand')",
    )?;
    assert_eq!(fitted.trim(), "50|ok|ok|pooled|50");
    let asked = server.psql(
        "postgres",
        "postgres",
        "SELECT count(*), min(status), min(model_used), bool_and(lower < yhat AND yhat < upper) FROM prescale.predict('demand')",
    )?;
    assert_eq!(asked.trim(), "300|ok|lstm|t");
    // Stored once; a series keeps what is its own.
    let sizes = server.psql("postgres", "postgres", "SELECT (SELECT length(network) > 40000 FROM prescale.forecast_model_version), max(length(state)) < 8000 FROM prescale.forecast_model_series")?;
    assert_eq!(sizes.trim(), "t|t");
    // The new one has the shape of the others, on its own scale.
    let error = server.psql(
        "postgres",
        "postgres",
        "SELECT avg(abs(p.yhat - 50 * (100 + 20 * sin(2 * pi() * (504 + p.step) / 24) + 30))) / 50 < 25, avg(p.upper - p.lower) / 50 BETWEEN 10 AND 200
         FROM prescale.predict('demand', key => '{\"service\": 50}') p",
    )?;
    assert_eq!(error.trim(), "t|t");
    // The same rows give the same network, bit for bit.
    server.psql(
        "postgres",
        "postgres",
        "SELECT count(*) FROM prescale.fit('demand')",
    )?;
    let same = "SELECT count(DISTINCT network), count(*) FROM prescale.forecast_model_version";
    assert_eq!(server.psql("postgres", "postgres", same)?.trim(), "1|2");
    Ok(())
}

#[test]
fn a_leading_indicator_improves_the_score() -> Result<()> {
    let server = server(20, SPEC)?;
    let score = |spec: &str| -> Result<f64> {
        let made = format!("SELECT prescale.create_model('next', 'metric', 'ts', 'value', '{{service}}', '1 hour', '{spec}');
             SELECT count(*) FROM prescale.fit('next'); SELECT score FROM prescale.forecast_model_version JOIN prescale.forecast_model USING (forecast_model) WHERE name = 'next' ORDER BY version DESC LIMIT 1");
        let found = server.psql("postgres", "postgres", &made)?;
        Ok(found.lines().last().unwrap_or_default().trim().parse()?)
    };
    let plain =
        r#"{"model": "lstm", "pooled": true, "step": "1 hour", "options": {"updates": 1500}}"#;
    let seeing = plain.replace("\"pooled\"", "\"covariates\": [\"ahead\"], \"pooled\"");
    let (without, with) = (score(plain)?, score(&seeing)?);
    ensure!(with < 0.8 * without, "{with} with, {without} without");
    Ok(())
}

#[test]
fn a_restart_a_replica_and_a_restore_change_no_bit() -> Result<()> {
    let server = server(5, SPEC)?;
    let moved = "SELECT prescale.observe('demand', '{\"service\": 1}', '2024-05-22 01:00', 123.456, '{7}'), prescale.observe('demand', '{\"service\": 2}', '2024-05-22 04:00', 250)";
    server.psql(
        "postgres",
        "postgres",
        "SELECT count(*) FROM prescale.fit('demand')",
    )?;
    let fitted = server.psql("postgres", "postgres", PREDICTED)?;
    assert_eq!(server.psql("postgres", "postgres", moved)?.trim(), "ok|ok");
    let before = server.psql("postgres", "postgres", PREDICTED)?;
    assert_ne!(before, fitted);
    assert_eq!(before.lines().count(), 30);
    let standby = server.standby()?;
    assert_eq!(standby.psql("postgres", "postgres", PREDICTED)?, before);
    drop(standby);
    server.stop("immediate")?;
    server.resume()?;
    assert_eq!(server.psql("postgres", "postgres", PREDICTED)?, before);
    server.psql("postgres", "postgres", "CREATE DATABASE restored")?;
    server.dump_and_restore("postgres", "restored")?;
    assert_eq!(server.psql("restored", "postgres", PREDICTED)?, before);
    // Going back takes the network of that version.
    server.psql("restored", "postgres", "SELECT count(*) FROM prescale.fit('demand', '2024-05-15'); SELECT prescale.deploy('demand', 2)")?;
    assert_ne!(server.psql("restored", "postgres", PREDICTED)?, before);
    server.psql("restored", "postgres", "SELECT prescale.rollback('demand')")?;
    assert_eq!(server.psql("restored", "postgres", PREDICTED)?, before);
    Ok(())
}

#[test]
fn another_session_sees_the_network_learn_and_a_cancel_leaves_no_version() -> Result<()> {
    let server = server(30, &SPEC.replace("400", "1000000000"))?;
    let fit = "SELECT count(*) FROM prescale.fit('demand')";
    server.cancel_when_seen(fit, "fit \"demand\": network: update %")?;
    let left = "SELECT count(*) FROM prescale.forecast_model_version";
    assert_eq!(server.psql("postgres", "postgres", left)?.trim(), "0");
    Ok(())
}
