//! A database with rows for aggregates.

use anyhow::Result;
use prescale_tests::postgres::Postgres;

/// Its name.
pub(crate) const DATABASE: &str = "aggregate";

/// Rows with everything that rows can have: NULL, NaN, infinite and huge values, equal times, keys in any number.
const ROWS: &str = "
    CREATE EXTENSION prescale;
    SELECT setseed(0.42);
    CREATE TABLE r AS
    SELECT id, CASE WHEN a < 0.03 THEN NULL WHEN a < 0.05 THEN 'infinity' ELSE timestamptz '2024-01-01' + (b * 3000)::int * interval '1 second' END AS ts,
           CASE WHEN c < 0.05 THEN NULL WHEN c < 0.07 THEN 'NaN' WHEN c < 0.08 THEN '-Infinity' WHEN c < 0.09 THEN 1e200 WHEN c < 0.1 THEN 0
                WHEN c < 0.15 THEN -exp(20 * d) ELSE exp(12 * d) END AS v,
           CASE WHEN d < 0.1 THEN NULL ELSE (1000 * b)::int END::float8 AS w,
           CASE WHEN a < 0.1 THEN NULL ELSE 'k' || (e * e * 40)::int END AS kind,
           CASE WHEN b < 0.1 THEN NULL ELSE 'a' || (e * 9000)::int END AS actor,
           CASE WHEN c < 0.2 THEN NULL WHEN c < 0.25 THEN ARRAY[NULL, b, 'NaN'] ELSE ARRAY[a, b, 1e3 + d] END::float8[] AS x
    FROM (SELECT id, random() a, random() b, random() c, random() d, random() e FROM generate_series(1, 12000) id) u;
    ANALYZE r;";

/// A server with the database.
pub(crate) fn server() -> Result<Postgres> {
    let server = Postgres::start()?;
    server.psql(
        "postgres",
        "postgres",
        &format!("CREATE DATABASE {DATABASE}"),
    )?;
    server.psql(DATABASE, "postgres", ROWS)?;
    Ok(server)
}
