//! Fingerprints of real data carry signal: floors, with the queries of docs/sql.md and nothing else. Fitted on an earlier
//! part of the data, scored on a later one; labels are used for scoring only.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use prescale_tests::postgres::Postgres;

/// A label and a fingerprint.
type Labelled = (String, Vec<f64>);

fn server() -> Result<Postgres> {
    let server = Postgres::start()?;
    server.psql("postgres", "postgres", "CREATE EXTENSION prescale")?;
    Ok(server)
}

/// Fills a table from a file of tests/data.
fn load(server: &Postgres, table: &str, columns: &str, file: &str) -> Result<()> {
    server.psql(
        "postgres",
        "postgres",
        &format!("CREATE TABLE {table} ({columns})"),
    )?;
    let path = prescale_tests::root()
        .join("tests/data")
        .join(file)
        .canonicalize()?;
    let copy = format!(
        "\\copy {table} FROM PROGRAM 'gunzip -c {}' CSV HEADER",
        path.display()
    );
    server.psql("postgres", "postgres", &copy)?;
    Ok(())
}

/// Rows of (label, fingerprint).
fn fingerprints(server: &Postgres, sql: &str) -> Result<Vec<Labelled>> {
    let row = |line: &str| -> Result<Labelled> {
        let (label, scores) = line.split_once('|').context("no fingerprint")?;
        let scores = scores.trim_matches(['{', '}']).split(',');
        Ok((
            label.to_owned(),
            scores.map(str::parse).collect::<Result<_, _>>()?,
        ))
    };
    server
        .psql("postgres", "postgres", sql)?
        .lines()
        .map(row)
        .collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Lloyd's two means from every pair of far ends: the two that are furthest from each other by turns, a few times.
fn two_means(rows: &[Labelled]) -> Vec<bool> {
    let mut best = (f64::INFINITY, Vec::new());
    for start in 0..10 {
        let first = &rows[start * rows.len() / 10].1;
        let far = rows
            .iter()
            .max_by(|a, b| distance(&a.1, first).total_cmp(&distance(&b.1, first)));
        let mut centres = [
            first.clone(),
            far.map_or_else(Vec::new, |row| row.1.clone()),
        ];
        let mut sides = Vec::new();
        for _ in 0..100 {
            sides = rows
                .iter()
                .map(|row| distance(&row.1, &centres[0]) > distance(&row.1, &centres[1]))
                .collect();
            for (side, centre) in [false, true].into_iter().zip(&mut centres) {
                let own: Vec<_> = rows
                    .iter()
                    .zip(&sides)
                    .filter(|(_, s)| **s == side)
                    .map(|(row, _)| &row.1)
                    .collect();
                for (k, x) in centre.iter_mut().enumerate() {
                    *x = own.iter().map(|row| row[k]).sum::<f64>() / own.len().max(1) as f64;
                }
            }
        }
        let inertia: f64 = rows
            .iter()
            .zip(&sides)
            .map(|(row, side)| distance(&row.1, &centres[usize::from(*side)]))
            .sum();
        if inertia < best.0 {
            best = (inertia, sides);
        }
    }
    best.1
}

/// Hubert and Arabie's adjusted Rand index of labels and clusters.
fn adjusted_rand(rows: &[Labelled], clusters: &[bool]) -> f64 {
    let pairs = |n: usize| (n * n.saturating_sub(1)) as f64 / 2.0;
    let mut cells: HashMap<(&str, bool), usize> = HashMap::new();
    let (mut labels, mut sides): (HashMap<&str, usize>, HashMap<bool, usize>) = Default::default();
    for ((label, _), side) in rows.iter().zip(clusters) {
        *cells.entry((label, *side)).or_default() += 1;
        *labels.entry(label).or_default() += 1;
        *sides.entry(*side).or_default() += 1;
    }
    let sum = |counts: Vec<usize>| counts.into_iter().map(pairs).sum::<f64>();
    let (both, a, b) = (
        sum(cells.into_values().collect()),
        sum(labels.into_values().collect()),
        sum(sides.into_values().collect()),
    );
    let expected = a * b / pairs(rows.len());
    (both - expected) / ((a + b) / 2.0 - expected)
}

/// Share of the later rows whose label most of the five nearest earlier rows have.
fn nearest_accuracy(earlier: &[Labelled], later: &[Labelled]) -> f64 {
    let is_right = |row: &&Labelled| {
        let mut near: Vec<_> = earlier
            .iter()
            .map(|other| (distance(&other.1, &row.1), &other.0))
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        let five = near.get(..5).unwrap_or(&near);
        let votes = |label: &str| five.iter().filter(|(_, other)| *other == label).count();
        // Of equal votes the nearest wins: the last of the largest, from the far end.
        let winner = five.iter().rev().max_by_key(|(_, label)| votes(label));
        winner.is_some_and(|(_, label)| **label == row.0)
    };
    later.iter().filter(is_right).count() as f64 / later.len() as f64
}

#[test]
fn two_services_of_a_request_log_are_told_apart_without_labels() -> Result<()> {
    let server = server()?;
    load(
        &server,
        "log",
        "ts timestamptz, service text, context_tokens float8, generated_tokens float8",
        "azure_llm_2023.csv.gz",
    )?;
    server.psql(
        "postgres",
        "postgres",
        "CREATE TABLE window_feature AS
         SELECT g.service, g.ts, f.x
         FROM (SELECT service, date_bin('30 seconds', ts, '2000-01-01') AS ts, prescale.request_agg(ts, generated_tokens, context_tokens, NULL, NULL) AS s
               FROM log GROUP BY 1, 2) g,
              LATERAL (SELECT array_agg(asinh(f.value) ORDER BY f.ordinality) FROM prescale.features(g.s) WITH ORDINALITY f) f (x);
         CREATE TABLE window_model AS SELECT prescale.pca_fit(prescale.pca_agg(x)) AS model FROM window_feature WHERE ts < '2023-11-16 18:30'",
    )?;
    let later = fingerprints(
        &server,
        "SELECT service, prescale.pca_project(model, x) FROM window_feature, window_model WHERE ts >= '2023-11-16 18:30' ORDER BY ts, service",
    )?;
    ensure!(later.len() > 50, "{} windows", later.len());
    let agreement = adjusted_rand(&later, &two_means(&later));
    println!(
        "adjusted Rand index of two means and services: {agreement:.3} of {} windows",
        later.len()
    );
    ensure!(agreement >= 0.95, "{agreement}");
    Ok(())
}

/// Columns of the pods' metrics.
const METRICS: &str = "cpu_milli, cpu_percent, memory_mib, memory_percent, syscall_read, syscall_write, receive_bytes, transmit_bytes, client_p90_s, server_p90_s,
    client_p95_s, server_p95_s, client_p99_s, server_p99_s, requests_per_s, success_percent, node_cpu_percent, node_memory_percent, node_receive_bytes";

#[test]
fn ten_services_are_recognised_by_their_metrics() -> Result<()> {
    let server = server()?;
    let columns = METRICS.replace(',', " float8,");
    load(
        &server,
        "pod",
        &format!("minute int, service text, {columns} float8"),
        "nezha_pods_1min.csv.gz",
    )?;
    server.psql(
        "postgres",
        "postgres",
        &format!(
            "CREATE TABLE metric AS SELECT timestamptz '2022-08-22 03:51+00' + minute * interval '1 minute' AS ts, service, ARRAY[{METRICS}] AS value FROM pod;
             CREATE TABLE level AS SELECT service, ts, ARRAY(SELECT asinh(v) FROM unnest(value) WITH ORDINALITY u (v, i) ORDER BY i) AS x FROM metric;
             CREATE TABLE shape AS
             SELECT g.service, g.ts, f.x
             FROM (SELECT service, date_bin('10 minutes', ts, '2022-08-22 03:51+00') AS ts, prescale.pca_agg(value) AS s FROM metric GROUP BY 1, 2) g,
                  LATERAL (SELECT array_agg(f.value ORDER BY f.ordinality) FROM prescale.features(g.s) WITH ORDINALITY f WHERE f.name LIKE 'log_cv_%') f (x)"
        ),
    )?;
    for (table, floor) in [("level", 0.93), ("shape", 0.70)] {
        let project = |side: &str| {
            let sql = format!(
                "SELECT service, prescale.pca_project(model, x) FROM {table},
                     (SELECT prescale.pca_fit(prescale.pca_agg(x)) AS model FROM {table} WHERE ts < '2022-08-22 09:51+00') m
                 WHERE ts {side} '2022-08-22 09:51+00' ORDER BY ts, service"
            );
            fingerprints(&server, &sql)
        };
        let (earlier, later) = (project("<")?, project(">=")?);
        let accuracy = nearest_accuracy(&earlier, &later);
        println!(
            "five nearest neighbours by {table}: {accuracy:.3} of {} windows, {} numbers each",
            later.len(),
            later[0].1.len()
        );
        ensure!(accuracy >= floor, "{table}: {accuracy}");
    }
    Ok(())
}

/// Every function of the stage on odd arrays and arguments: a number, NULL or an error that says what is wrong with the
/// input; never NaN, never an internal error, never a lost server.
const FUZZ: &str = r"
SET search_path = public, prescale;
CREATE FUNCTION attempt(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE 'SELECT (' || call || ')::text' INTO result;
    RETURN CASE WHEN result ~* 'nan|infinity' THEN 'not finite' ELSE 'ok' END;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
CREATE TABLE odd (v text);
INSERT INTO odd SELECT quote_literal(x) || '::float8[]' FROM unnest(ARRAY['{}', '{NULL}', '{NULL,NULL}', '{1}', '{1,2}', '{2,1}', '{1e9,1e9}', '{NaN,1}', '{Infinity,-Infinity}',
    '{1e308,-1e308}', '{1e140,-1e140}', '{1e-300,-1e-300}', '{{1,2},{3,4}}', '[0:1]={5,6}']) x;
INSERT INTO odd VALUES ('NULL::float8[]');
INSERT INTO odd SELECT format('array_fill(1.5::float8, ARRAY[%s])', n) FROM unnest(ARRAY[256, 257, 100000]) n;
CREATE TABLE fuzzed AS
WITH state AS (
    SELECT format('(SELECT pca_agg(x) FROM (VALUES (%1$s), (%2$s), (%1$s)) v (x))', a.v, b.v) AS s FROM odd a, odd b
), call AS (
    SELECT format(f, s, v.v) AS call FROM state, unnest(ARRAY[
        'n(%s)', 'mean(%s)', 'covariance(%s)', 'corr_matrix(%s)', 'SELECT string_agg(r::text, '','') FROM counts(%s) r', 'SELECT string_agg(r::text, '','') FROM correlations(%s) r',
        'SELECT string_agg(r::text, '','') FROM features(%s) r', '(SELECT rollup(s) FROM (VALUES (%s)) r (s))', 'SELECT string_agg(r::text, '','') FROM pca_components(pca_fit(%s, scale => false)) r',
        'pca_fit(%s, -1)', 'pca_fit(%s, 0)', 'pca_fit(%s, 2147483647)', 'pca_fit(%s, variance => ''NaN'')', 'pca_fit(%s, variance => ''-Infinity'')', 'pca_fit(%s, variance => 1e-300)',
        'pca_project(pca_fit(%s, 1), %s)', 'SELECT string_agg(r::text, '','') FROM pca_anomaly(pca_fit(%s, 1, scale => false), %s) r', 'SELECT string_agg(r::text, '','') FROM pca_anomaly(pca_fit(%s, variance => 1), %s) r',
        'pca_reconstruct(pca_fit(%s), %s)', 'pca_align(pca_fit(%1$s), pca_fit((SELECT pca_agg(x) FROM (VALUES (%2$s), (''{3,1}'')) w (x))))']) f,
        LATERAL (SELECT o.v FROM odd o WHERE f ~ '%s.*%s|%2\$s' OR o.v = quote_literal('{1}') || '::float8[]') v
)
SELECT call, attempt(call) AS code FROM call;
-- damaged text forms
INSERT INTO fuzzed
SELECT t.kind, attempt(format('%L::%s', overlay(t.form PLACING g.letter FROM g.at FOR 1), t.kind))
FROM (SELECT 'pca_model' AS kind, pca_fit(pca_agg(x), 2)::text AS form FROM (VALUES ('{1,2,3}'::float8[]), ('{2,1,5}'), ('{4,4,NULL}'), ('{0,1,1}')) v (x)
      UNION ALL SELECT 'pca_state', pca_agg(x)::text FROM (VALUES ('{1,2}'::float8[]), ('{2,NULL}')) v (x)) t,
     LATERAL (SELECT at, letter FROM generate_series(1, length(t.form)) at, unnest(ARRAY['9', '-', '}', 'e', ',']) letter) g;";

#[test]
fn odd_input_gives_an_answer_or_a_clear_error() -> Result<()> {
    let server = server()?;
    server.psql("postgres", "postgres", FUZZ)?;
    let counts = server.psql(
        "postgres",
        "postgres",
        "SELECT code, count(*) FROM fuzzed GROUP BY 1 ORDER BY 1",
    )?;
    println!("fuzzed calls by outcome:\n{counts}");
    // 22023 argument, 22004 NULL element, 54000 too long, 22P02 not a text form, 22000 beyond the range of a double
    let others = server.psql("postgres", "postgres", "SELECT code, call FROM fuzzed WHERE code NOT IN ('ok', '22023', '22004', '54000', '22P02', '22000') LIMIT 5")?;
    ensure!(others.is_empty(), "{others}");
    let few = server.psql(
        "postgres",
        "postgres",
        "SELECT count(*) < 10000 OR count(*) FILTER (WHERE code = 'ok') < 1000 FROM fuzzed",
    )?;
    ensure!(few.trim() == "f", "{counts}");
    Ok(())
}
