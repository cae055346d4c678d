//! Aggregates on a real server: parts roll up to the whole, parallel plans and moving windows give what plain ones give.

use anyhow::{Context, Result, ensure};
use prescale_tests::postgres::Postgres;
use serde_json::Value;

#[path = "aggregate/rows.rs"]
mod rows;

use rows::{DATABASE, server};

/// Calls of every aggregate over `r`, and whether it rolls up.
const AGGREGATES: [(&str, bool); 10] = [
    ("series_agg(ts, v)", true),
    ("rate_agg(ts, w)", true),
    ("latency_agg(v)", true),
    ("latency_agg(v, 0.05)", true),
    ("entropy_agg(kind)", true),
    ("entropy_agg(actor)", true),
    ("request_agg(ts, v, w, kind, actor)", true),
    ("request_agg(ts, v, w, kind, actor, x)", true),
    ("pca_agg(x)", true),
    ("rank_corr_agg(nullif(v, 'NaN'), w)", false),
];

/// Makes every scan a parallel one.
const PARALLEL: &str = "
    SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 3;
    SET enable_hashagg = on;";

/// Runs a query under settings and gives its only line.
fn ask(server: &Postgres, settings: &str, query: &str) -> Result<String> {
    let script = format!(
        "SET search_path = prescale, public; SET max_parallel_workers_per_gather = 0; {settings} {query}"
    );
    let text = server
        .psql(DATABASE, "postgres", &script)
        .with_context(|| query.to_owned())?;
    Ok(text.lines().last().unwrap_or_default().to_owned())
}

/// Equal texts, or JSON whose numbers agree within rounding.
fn is_same(a: &str, b: &str) -> bool {
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
    a == b
        || parse(a)
            .zip(parse(b))
            .is_some_and(|(a, b)| is_close(&a, &b))
}

fn is_close(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let (a, b) = (
                a.as_f64().unwrap_or(f64::NAN),
                b.as_f64().unwrap_or(f64::NAN),
            );
            (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_close(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| is_close(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Only sums of floating-point numbers may differ, and only by rounding.
fn check(call: &str, how: &str, found: &str, expected: &str) -> Result<()> {
    let rounds = call.starts_with("request_agg") || call.starts_with("pca_agg");
    let same = if rounds {
        is_same(found, expected)
    } else {
        found == expected
    };
    ensure!(
        same,
        "{call} {how}:\n{}\ninstead of\n{}",
        &found[..found.len().min(2000)],
        &expected[..expected.len().min(2000)]
    );
    Ok(())
}

#[test]
fn parts_roll_up_to_the_whole_in_any_order_and_parallel_plan() -> Result<()> {
    let server = server()?;
    let mut n_checked = 0;
    for (call, rolls_up) in AGGREGATES {
        for (round, keep) in ["true", "id % 3 > 0", "kind IS NULL", "id < 0"]
            .into_iter()
            .enumerate()
        {
            let agg = format!("{call} FILTER (WHERE {keep})");
            let whole = ask(&server, "", &format!("SELECT {agg} FROM r"))?;
            let shuffled = format!("(SELECT * FROM r ORDER BY md5(id || '{round}')) r");
            let found = ask(&server, "", &format!("SELECT {agg} FROM {shuffled}"))?;
            check(call, "in another order", &found, &whole)?;
            for settings in ["", "SET parallel_leader_participation = off;"] {
                let settings = format!("{PARALLEL} {settings}");
                let query = format!("SELECT {agg} FROM r");
                let plan = server.psql(
                    DATABASE,
                    "postgres",
                    &format!("SET search_path = prescale, public; {settings} EXPLAIN {query}"),
                )?;
                ensure!(plan.contains("Partial Aggregate"), "{query}:\n{plan}");
                check(
                    call,
                    "in parallel",
                    &ask(&server, &settings, &query)?,
                    &whole,
                )?;
                n_checked += 1;
            }
            if rolls_up {
                for part in [
                    "id % 7",
                    "hashint4(id) % 50",
                    "id",
                    "extract(minute FROM ts)",
                ] {
                    let parts = format!("SELECT {agg} AS s FROM {shuffled} GROUP BY {part}");
                    let query = format!("SELECT rollup(s) FROM ({parts} UNION ALL SELECT NULL) p");
                    check(call, part, &ask(&server, "", &query)?, &whole)?;
                    check(call, part, &ask(&server, PARALLEL, &query)?, &whole)?;
                    n_checked += 2;
                }
            }
        }
    }
    ensure!(n_checked > 300, "only {n_checked} comparisons");
    Ok(())
}

#[test]
fn moving_windows_equal_the_plain_aggregate_of_their_rows() -> Result<()> {
    let server = server()?;
    for call in [
        "latency_agg(v)",
        "latency_agg(v, 0.02)",
        "entropy_agg(kind)",
        "entropy_agg(actor)",
    ] {
        for (from, until) in [
            ("40 PRECEDING", "CURRENT ROW"),
            ("7 PRECEDING", "3 PRECEDING"),
            ("CURRENT ROW", "30 FOLLOWING"),
            ("9 PRECEDING", "9 FOLLOWING"),
        ] {
            for keep in ["true", "id % 5 > 1"] {
                let query = format!(
                    "SELECT count(*) FILTER (WHERE moving::text = (SELECT {call} FILTER (WHERE {keep}) FROM unnest(frame))::text), count(*) FROM (
                        SELECT {call} FILTER (WHERE {keep}) OVER w AS moving, coalesce(array_agg(r) OVER w, '{{}}') AS frame
                        FROM r WHERE id <= 600 WINDOW w AS (ORDER BY id ROWS BETWEEN {from} AND {until})) f"
                );
                let line = ask(&server, "", &query)?;
                ensure!(line == "600|600", "{call} {from} {until} {keep}: {line}");
            }
        }
    }
    // Beyond 4,096 keys a window is computed anew, with the same result.
    let query = "SELECT bool_and(moving::text = plain::text) FROM (
        SELECT id, entropy_agg(id::text) OVER (ORDER BY id ROWS 4100 PRECEDING) AS moving,
               CASE WHEN id % 50 = 0 THEN (SELECT entropy_agg(i::text) FROM generate_series(greatest(1, id - 4100), id) i) END AS plain
        FROM generate_series(1, 4300) id) f WHERE plain IS NOT NULL";
    ensure!(ask(&server, "", query)? == "t");
    Ok(())
}

#[test]
fn lagged_correlations_of_real_services_are_those_of_scipy() -> Result<()> {
    let server = server()?;
    let root = prescale_tests::root().canonicalize()?;
    let file = root.join("tests/data/nezha_services_1min.csv.gz");
    let golden = std::fs::read_to_string(root.join("tests/golden/aggregate.json"))?;
    let golden: Value = serde_json::from_str(&golden)?;
    server.psql(DATABASE, "postgres", &format!(
        "CREATE TABLE nezha (unix_ts bigint, service text, requests_per_s float8, syscall_read float8, cpu_milli float8);
         \\copy nezha FROM PROGRAM 'gzip -dc {}' WITH (FORMAT csv, HEADER)", file.display()))?;
    for method in ["pearson", "spearman"] {
        let rows = ask(&server, "", &format!(
            "SELECT json_agg(json_build_array(extract(epoch FROM lag)::int / 60, n, r, n_effective, p_value)) FROM
             (SELECT series_agg(to_timestamp(unix_ts), requests_per_s) a, series_agg(to_timestamp(unix_ts), syscall_read) b FROM nezha WHERE service = 'shippingservice') s,
             correlate(s.a, s.b, '1 minute', '5 minutes', '{method}')"))?;
        let expected: Vec<Value> = golden["nezha"][method]
            .as_array()
            .context("no golden values")?
            .iter()
            .map(|lag| {
                Value::from(
                    ["lag", "n", "r", "n_effective", "p_value"]
                        .map(|name| lag[name].clone())
                        .to_vec(),
                )
            })
            .collect();
        check(
            "request_agg",
            method,
            &rows,
            &serde_json::to_string(&expected)?,
        )?;
    }
    // System calls follow requests by one minute.
    let strongest = ask(&server, "",
        "SELECT lag FROM (SELECT series_agg(to_timestamp(unix_ts), requests_per_s) a, series_agg(to_timestamp(unix_ts), syscall_read) b FROM nezha WHERE service = 'shippingservice') s,
         correlate(s.a, s.b) ORDER BY abs(r) DESC LIMIT 1")?;
    ensure!(strongest == "00:01:00", "{strongest}");
    Ok(())
}
