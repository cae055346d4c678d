//! Reading sources: tables and views of the user's, by the name under which they were registered.
//!
//! Each call looks the relation up anew, checks the caller's rights on it and reads it as its owner; see [`relation`]
//! and [`owner`].

use pgrx::PgRelation;
use pgrx::datum::Array;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::convert::name::Name;
use crate::convert::{int, micros, null_element, required, timestamp};
use crate::error::{Answer, invalid};

mod read;
mod relation;
mod owner;
mod registered;
mod query;
mod windows;

use owner::read_as_owner;
use query::Preview;
use read::param;
use registered::{Batch, Source, unknown_kind};
use relation::Relation;
use windows::Span;

/// Rows beyond as_of are counted up to here: enough to see that a clock is wrong, few enough to cost nothing.
const MAX_FUTURE: i64 = 100_000;

/// Most rows of a preview.
const MAX_PREVIEW: i32 = 1_000_000;

/// How far a source reaches.
#[pg_extern(stable, parallel_unsafe, cost = 10000)]
fn source_bounds(
    source: Option<i32>,
    since: Option<TimestampWithTimeZone>,
    as_of: Option<TimestampWithTimeZone>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(oldest, Option<TimestampWithTimeZone>),
            name!(newest, Option<TimestampWithTimeZone>),
            name!(n_future, i64),
        ),
    >,
    ErrorReport,
> {
    let source = Source::find(required(source, "source")?)?;
    let latest = timestamp(micros(required(as_of, "as_of")?)?.saturating_sub(source.period))?;
    let relation = source.open()?;
    let sql = query::bounds(&source, &relation)?;
    let mut bounds = (None, None, 0);
    read_as_owner(
        &relation,
        &sql,
        &[param(since), param(latest), param(MAX_FUTURE)],
        &mut |row| {
            let newest: Option<TimestampWithTimeZone> = row.get(1);
            let newest = newest
                .map(|ts| timestamp(micros(ts)?.saturating_add(source.period)))
                .transpose()?;
            bounds = (row.get(0), newest, row.get(2).unwrap_or(0));
            Ok(())
        },
    )?;
    Ok(TableIterator::once(bounds))
}

/// The windows of workloads that share a source, step, agg and fill, read in one scan, with their features.
#[pg_extern(stable, strict, parallel_unsafe, cost = 100000)]
fn read_windows(
    source: i32,
    workload: Array<'_, i32>,
    since: Array<'_, TimestampWithTimeZone>,
    until: Array<'_, TimestampWithTimeZone>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(workload, i32),
            name!(ts, TimestampWithTimeZone),
            name!(n_row, i32),
            name!(n_null, i32),
            name!(n_nonfinite, i32),
            name!(imputed, bool),
            name!(demand, Option<f64>),
            name!(value, Vec<Option<f64>>),
        ),
    >,
    ErrorReport,
> {
    let ids: Vec<i32> = workload
        .iter()
        .map(|id| id.ok_or_else(|| null_element("workload")))
        .collect::<Answer<_>>()?;
    let spans = spans(ids.len(), &since, &until)?;
    if ids.is_empty() {
        return Ok(TableIterator::empty());
    }
    let (source, batch) = (Source::find(source)?, Batch::find(source, &ids)?);
    let features = windows::features(&source, &batch, &spans)?;
    let rows = ids
        .into_iter()
        .zip(features)
        .flat_map(|(id, rows)| rows.into_iter().map(move |row| (id, row)));
    let rows = rows.map(|(id, row)| {
        let (demand, raw) = (row.demand(), &row.raw);
        let (n_row, n_null, n_nonfinite) =
            (int(raw.n_row)?, int(raw.n_null)?, int(raw.n_nonfinite)?);
        Ok((
            id,
            timestamp(raw.ts)?,
            n_row,
            n_null,
            n_nonfinite,
            row.imputed,
            demand,
            row.values,
        ))
    });
    Ok(TableIterator::new(rows.collect::<Answer<Vec<_>>>()?))
}

fn spans(
    n: usize,
    since: &Array<'_, TimestampWithTimeZone>,
    until: &Array<'_, TimestampWithTimeZone>,
) -> Answer<Vec<Span>> {
    if since.len() != n || until.len() != n {
        return Err(invalid(
            format!(
                "{n} workloads with {} since and {} until",
                since.len(),
                until.len()
            ),
            "Give one since and one until for each workload.",
        ));
    }
    let at =
        |ts: Option<TimestampWithTimeZone>, name| micros(ts.ok_or_else(|| null_element(name))?);
    let pairs = since.iter().zip(until.iter());
    pairs
        .map(|(since, until)| {
            Ok(Span {
                since: at(since, "since")?,
                until: at(until, "until")?,
            })
        })
        .collect()
}

/// What the newest rows of a relation hold.
#[pg_extern(stable, parallel_unsafe, cost = 10000)]
fn source_preview(
    relation: Option<PgRelation>,
    kind: Option<&str>,
    ts_column: Option<Name>,
    workload_column: Option<Name>,
    metric_column: Option<Name>,
    value_column: Option<Name>,
    max_rows: Option<i32>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(workload, Option<String>),
            name!(metric, Option<String>),
            name!(n_row, i64),
            name!(n_null_ts, i64),
            name!(n_null, i64),
            name!(n_nonfinite, i64),
            name!(first_ts, Option<TimestampWithTimeZone>),
            name!(last_ts, Option<TimestampWithTimeZone>),
        ),
    >,
    ErrorReport,
> {
    let kind = required(kind, "kind")?;
    if !matches!(kind, "narrow" | "wide" | "request") {
        return Err(unknown_kind(kind));
    }
    let max_rows = required(max_rows, "max_rows")?;
    if !(1..=MAX_PREVIEW).contains(&max_rows) {
        return Err(invalid(
            format!("max_rows must be 1 to {MAX_PREVIEW}, not {max_rows}"),
            "10000 shows what is typical.",
        ));
    }
    let named = required(relation, "relation")?;
    let relation = Relation::open(named.namespace(), named.name())?;
    let ts = required(ts_column, "ts_column")?;
    let narrow = kind == "narrow";
    if narrow {
        required(value_column.as_ref(), "value_column")?;
    }
    let preview = Preview {
        ts: &ts.0,
        workload: workload_column.as_ref().map(|name| name.0.as_str()),
        metric: metric_column
            .as_ref()
            .filter(|_| narrow)
            .map(|name| name.0.as_str()),
        value: value_column.as_ref().map(|name| name.0.as_str()),
    };
    let sql = preview.sql(&relation)?;
    let mut rows = Vec::new();
    read_as_owner(&relation, &sql, &[param(i64::from(max_rows))], &mut |row| {
        let metric = if narrow {
            row.get(1)
        } else {
            value_column.as_ref().map(|name| name.0.clone())
        };
        let count = |column| row.get(column).unwrap_or(0);
        rows.push((
            row.get(0),
            metric,
            count(2),
            count(3),
            count(4),
            count(5),
            row.get(6),
            row.get(7),
        ));
        Ok(())
    })?;
    Ok(TableIterator::new(rows))
}

extension_sql!(
    r#"
ALTER FUNCTION source_bounds(int, timestamptz, timestamptz) ROWS 1;
ALTER FUNCTION source_preview(regclass, text, name, name, name, name, int) ROWS 10;
COMMENT ON FUNCTION source_bounds(int, timestamptz, timestamptz) IS
    'Of the rows of a source that are over at as_of: first start (without since), last end; and how many rows are later, up to 100,000';
COMMENT ON FUNCTION read_windows(int, int[], timestamptz[], timestamptz[]) IS
    'Windows with features of workloads that share a source, step, agg and fill, read in one scan as the owner of the relation';
COMMENT ON FUNCTION source_preview(regclass, text, name, name, name, name, int) IS
    'What the newest rows of a table or view hold, by workload and metric; n_row counts rows with a time, n_null_ts those without';
"#,
    name = "source_sql",
    requires = [source_bounds, read_windows, source_preview]
);
