//! The SQL that reads a source. Every name in it is quoted and every value bound; functions and operators are those of
//! `pg_catalog`, which is all that the search path holds.
//!
//! Rows are sorted before they are aggregated: floating-point sums then do not depend on the plan, and the same rows
//! give the same windows, bit for bit, however they are read.

use prescale_core::window::Agg;

use super::registered::{Batch, Layout, Source};
use super::relation::Relation;
use crate::error::Answer;

/// Rows before the epoch of windows too: `date_bin` counts in both directions.
const EPOCH: &str = "timestamptz '1970-01-01 00:00:00+00'";

/// Workloads as a table: $1 place, $2 key, $3 demand (its place in $7 or among the wide columns), $4 since, $5 until.
/// The overall bounds $8 and $9 let an index or a BRIN on time serve. $6 is the step.
const WORKLOADS: &str = "unnest($1::int4[], $2::text[], $3::int4[], $4::timestamptz[], $5::timestamptz[]) \
     w (place, key, demand, since, until)";

/// The windows of a batch, ordered by workload and time. Columns: place, start, n_row, n_null, n_nonfinite, then by
/// layout — narrow: metric, demand, mean (one row for each metric); wide: demand, mean of every column; request: state.
///
/// # Errors
/// Those of a column that is missing, of another type, or not readable.
pub(crate) fn windows(source: &Source, relation: &Relation, batch: &Batch) -> Answer<String> {
    match &source.layout {
        Layout::Narrow { value, metric } => {
            narrow(source, relation, batch.agg, value, metric.as_deref())
        }
        Layout::Wide => wide(source, relation, batch),
        Layout::Request { .. } => request(source, relation),
    }
}

/// FROM and WHERE of every layout.
fn rows(source: &Source, relation: &Relation) -> Answer<String> {
    let ts = relation.time(&source.ts)?;
    let key = match &source.workload {
        Some(column) => format!("{} = w.key AND ", relation.text(column)?),
        None => String::new(),
    };
    let table = relation.sql();
    Ok(format!(
        "FROM {table} t JOIN {WORKLOADS} ON {key}{ts} >= w.since AND {ts} < w.until WHERE {ts} >= $8 AND {ts} < $9"
    ))
}

fn bin(source: &Source, relation: &Relation) -> Answer<String> {
    Ok(format!(
        "date_bin($6, {}, {EPOCH})",
        relation.time(&source.ts)?
    ))
}

fn narrow(
    source: &Source,
    relation: &Relation,
    agg: Agg,
    value: &str,
    metric: Option<&str>,
) -> Answer<String> {
    let (value, ts) = (relation.number(value)?, relation.time(&source.ts)?);
    let (bin, rows) = (bin(source, relation)?, rows(source, relation)?);
    let (metric, only) = match metric {
        Some(column) => {
            let column = relation.text(column)?;
            (
                format!("array_position($7::text[], {column}::text)"),
                format!(" AND {column} = ANY ($7::text[])"),
            )
        }
        None => ("1".to_owned(), String::new()),
    };
    let (counts, demand, mean) = (counts("v"), demand(agg, "v"), mean("v"));
    Ok(format!(
        "SELECT s.place, s.start, {counts}, s.metric, {demand}, {mean} FROM \
         (SELECT w.place, {bin} AS start, {metric} AS metric, {ts} AS ts, {value} AS v {rows}{only} \
         ORDER BY 1, 2, 3, 4, 5) s GROUP BY s.place, s.start, s.metric ORDER BY s.place, s.start, s.metric"
    ))
}

/// A metric whose column was dropped is missing from now on; a demand without its column is an error.
fn wide(source: &Source, relation: &Relation, batch: &Batch) -> Answer<String> {
    let is_demand = |metric: &String| {
        let mut demands = batch.workloads.iter().map(|workload| &workload.demand);
        demands.any(|demand| demand.as_ref() == Some(metric))
    };
    let ts = relation.time(&source.ts)?;
    let (bin, rows) = (bin(source, relation)?, rows(source, relation)?);
    let (mut columns, mut means, mut cases, mut order) =
        (String::new(), String::new(), String::new(), String::new());
    for (at, metric) in source.metrics.iter().enumerate() {
        let column = if is_demand(metric) {
            relation.number(metric)?
        } else {
            relation.number_or_null(metric)?
        };
        let at = at + 1;
        columns.push_str(&format!(", {column} AS m{at}"));
        means.push_str(&format!(", {}", mean(&format!("m{at}"))));
        cases.push_str(&format!(" WHEN {at} THEN {column}"));
        order.push_str(&format!(", {}", at + 4));
    }
    let case = if cases.is_empty() {
        "NULL::float8".to_owned()
    } else {
        format!("CASE w.demand{cases} END")
    };
    let (counts, demand) = (counts("v"), demand(batch.agg, "v"));
    Ok(format!(
        "SELECT s.place, s.start, {counts}, {demand}{means} FROM \
         (SELECT w.place, {bin} AS start, {ts} AS ts, {case} AS v{columns} {rows} \
         ORDER BY 1, 2, 3, 4{order}) s GROUP BY s.place, s.start ORDER BY s.place, s.start"
    ))
}

fn request(source: &Source, relation: &Relation) -> Answer<String> {
    let Layout::Request {
        latency,
        bytes,
        kind,
        actor,
    } = &source.layout
    else {
        return Ok(String::new());
    };
    let ts = relation.time(&source.ts)?;
    let (bin, rows) = (bin(source, relation)?, rows(source, relation)?);
    let number = |column: &Option<String>| {
        column
            .as_deref()
            .map_or(Ok("NULL::float8".to_owned()), |column| {
                relation.number(column)
            })
    };
    let text = |column: &Option<String>| match column.as_deref() {
        Some(column) => Ok(format!("({})::text COLLATE \"C\"", relation.text(column)?)),
        None => Answer::Ok("NULL::text".to_owned()),
    };
    let params: Vec<_> = source
        .metrics
        .iter()
        .map(|param| relation.number_or_null(param))
        .collect::<Answer<_>>()?;
    let (params, argument) = if params.is_empty() {
        (String::new(), "")
    } else {
        (
            format!(", ARRAY[{}] AS params", params.join(", ")),
            ", s.params",
        )
    };
    let order = if argument.is_empty() { "" } else { ", 8" };
    let nulls = if latency.is_some() {
        "count(*) FILTER (WHERE s.latency IS NULL)"
    } else {
        "0::int8"
    };
    let (latency, bytes, kind, actor) =
        (number(latency)?, number(bytes)?, text(kind)?, text(actor)?);
    Ok(format!(
        "SELECT s.place, s.start, count(*), {nulls}, 0::int8, \
         prescale.request_agg(s.ts, s.latency, s.bytes, s.kind, s.actor{argument}) FROM \
         (SELECT w.place, {bin} AS start, {ts} AS ts, {latency} AS latency, {bytes} AS bytes, {kind} AS kind, \
         {actor} AS actor{params} {rows} ORDER BY 1, 2, 3, 4, 5, 6, 7{order}) s \
         GROUP BY s.place, s.start ORDER BY s.place, s.start"
    ))
}

/// NaN is larger than every number in PostgreSQL's order. Beyond ±1e140 sums of squares overflow, in avg() as in core: such
/// values are counted with the infinite ones.
fn finite(v: &str) -> String {
    format!("s.{v} BETWEEN -1e140::float8 AND 1e140::float8")
}

fn counts(v: &str) -> String {
    let finite = finite(v);
    format!("count(*), count(*) - count(s.{v}), count(s.{v}) - count(*) FILTER (WHERE {finite})")
}

fn mean(v: &str) -> String {
    format!("avg(s.{v}) FILTER (WHERE {})", finite(v))
}

fn demand(agg: Agg, v: &str) -> String {
    let finite = finite(v);
    let call = match agg {
        Agg::Mean => format!("avg(s.{v})"),
        Agg::Sum => format!("sum(s.{v})"),
        Agg::Min => format!("min(s.{v})"),
        Agg::Max => format!("max(s.{v})"),
        Agg::Count => format!("count(s.{v})"),
        // Of several at the same time the largest, as in a series.
        Agg::Last => {
            return format!(
                "(array_agg(s.{v} ORDER BY s.ts DESC, s.{v} DESC) FILTER (WHERE {finite}))[1]"
            );
        }
    };
    format!("({call} FILTER (WHERE {finite}))::float8")
}

/// Bounds of a source: $1 since or NULL, $2 the latest start of a row that is over at as_of, $3 how many later rows to
/// count at most. Columns: first and last start, number of later rows.
///
/// # Errors
/// As [`windows`].
pub(crate) fn bounds(source: &Source, relation: &Relation) -> Answer<String> {
    let (ts, table) = (relation.time(&source.ts)?, relation.sql());
    Ok(format!(
        "SELECT CASE WHEN $1 IS NULL THEN (SELECT min({ts}) FROM {table} t WHERE {ts} > '-infinity' AND {ts} <= $2) END, \
         (SELECT max({ts}) FROM {table} t WHERE {ts} > '-infinity' AND {ts} >= coalesce($1, '-infinity') AND {ts} <= $2), \
         (SELECT count(*) FROM (SELECT FROM {table} t WHERE {ts} > $2 LIMIT $3) later)"
    ))
}

/// The newest $1 rows of a relation, and how many have no time, up to as many; by workload and metric.
pub(crate) struct Preview<'a> {
    pub(crate) ts: &'a str,
    pub(crate) workload: Option<&'a str>,
    pub(crate) metric: Option<&'a str>,
    pub(crate) value: Option<&'a str>,
}

impl Preview<'_> {
    /// Columns: workload, metric, n_row, n_null_ts, n_null, n_nonfinite, first and last time.
    ///
    /// # Errors
    /// As [`windows`].
    pub(crate) fn sql(&self, relation: &Relation) -> Answer<String> {
        let (ts, table) = (relation.time(self.ts)?, relation.sql());
        let text = |column: Option<&str>| match column {
            Some(column) => Ok(format!("{}::text", relation.text(column)?)),
            None => Answer::Ok("NULL::text".to_owned()),
        };
        let (workload, metric) = (text(self.workload)?, text(self.metric)?);
        // A layout without a value has none that could be missing; that of a row without a time is not looked at.
        let none = "0::float8".to_owned();
        let value = self
            .value
            .map_or(Ok(none.clone()), |column| relation.number(column))?;
        let rows = |value: &str, condition: &str| {
            format!(
                "SELECT {workload} AS workload, {metric} AS metric, {ts} AS ts, {value} AS v \
                 FROM {table} t WHERE {ts} {condition} LIMIT $1"
            )
        };
        let timed = rows(&value, &format!("IS NOT NULL ORDER BY {ts} DESC"));
        let untimed = rows(&none, "IS NULL");
        let counts = counts("v").replacen("count(*), ", "count(s.ts), count(*) - count(s.ts), ", 1);
        Ok(format!(
            "SELECT s.workload, s.metric, {counts}, min(s.ts), max(s.ts) \
             FROM (({timed}) UNION ALL ({untimed})) s \
             GROUP BY s.workload, s.metric ORDER BY s.workload COLLATE \"C\", s.metric COLLATE \"C\""
        ))
    }
}
