//! What the user registered: the rows of `prescale.source` and `prescale.workload`, read with the caller's rights.

use pgrx::datum::{Array, Interval};
use pgrx::prelude::PgSqlErrorCode;
use prescale_core::time::{Micros, Step};
use prescale_core::window::{Agg, Fill};

use super::read::{Row, param, read};
use super::relation::Relation;
use crate::convert::{names, required, span, step as to_step};
use crate::error::{Answer, failure, invalid, report};

/// How the rows of a source are laid out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Layout {
    /// One value a row, with the name of its metric where there are several.
    Narrow {
        value: String,
        metric: Option<String>,
    },
    /// One column a metric.
    Wide,
    /// One row a request.
    Request {
        latency: Option<String>,
        bytes: Option<String>,
        kind: Option<String>,
        actor: Option<String>,
    },
}

/// A registered source.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) layout: Layout,
    pub(crate) ts: String,
    pub(crate) workload: Option<String>,
    /// Narrow: metrics; wide: columns; request: numeric parameter columns.
    pub(crate) metrics: Vec<String>,
    /// The time that one row covers, from its own on.
    pub(crate) period: Micros,
    schema: String,
    relation: String,
}

/// A workload that reads a source.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Workload {
    pub(crate) id: i32,
    pub(crate) key: Option<String>,
    pub(crate) demand: Option<String>,
}

/// Workloads that can be read in one scan.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) workloads: Vec<Workload>,
    pub(crate) step: Step,
    pub(crate) interval: Interval,
    pub(crate) agg: Agg,
    pub(crate) fill: Fill,
}

const SOURCE: &str = "
    SELECT s.relation_schema::text, s.relation_name::text, s.kind, s.ts_column::text, s.workload_column::text, s.metric_column::text,
           s.value_column::text, s.metrics, s.latency_column::text, s.bytes_column::text, s.kind_column::text, s.actor_column::text, s.period
    FROM prescale.source s WHERE s.source = $1";

const WORKLOADS: &str = "
    SELECT w.workload, w.source_key, w.demand, w.agg, w.step, w.fill FROM prescale.workload w
    WHERE w.source = $1 AND w.workload = ANY ($2)";

impl Source {
    /// The source of this number.
    ///
    /// # Errors
    /// 42704 when there is none.
    pub(crate) fn find(source: i32) -> Answer<Self> {
        let mut found = None;
        read(SOURCE, &[param(source)], &mut |row| {
            found = Some(Self::from_row(row)?);
            Ok(())
        })?;
        found.ok_or_else(|| {
            failure(
                PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
                format!("source {source} does not exist"),
                "SELECT source, name FROM prescale.source lists the sources.",
            )
        })
    }

    /// The table or view, looked up and checked now.
    ///
    /// # Errors
    /// As [`Relation::open`].
    pub(crate) fn open(&self) -> Answer<Relation> {
        Relation::open(&self.schema, &self.relation)
    }

    fn from_row(row: &Row<'_>) -> Answer<Self> {
        let metrics: Option<Array<'_, &str>> = row.get(7);
        Ok(Self {
            schema: required(row.get(0), "relation_schema")?,
            relation: required(row.get(1), "relation_name")?,
            layout: layout(&required::<String>(row.get(2), "kind")?, row)?,
            ts: required(row.get(3), "ts_column")?,
            workload: row.get(4),
            metrics: names(&required(metrics, "metrics")?, "metrics")?,
            period: span(&required(row.get(12), "period")?)?,
        })
    }
}

fn layout(kind: &str, row: &Row<'_>) -> Answer<Layout> {
    match kind {
        "narrow" => Ok(Layout::Narrow {
            value: required(row.get(6), "value_column")?,
            metric: row.get(5),
        }),
        "wide" => Ok(Layout::Wide),
        "request" => Ok(Layout::Request {
            latency: row.get(8),
            bytes: row.get(9),
            kind: row.get(10),
            actor: row.get(11),
        }),
        other => Err(unknown_kind(other)),
    }
}

/// A source kind that is none (22023).
#[track_caller]
pub(crate) fn unknown_kind(kind: &str) -> pgrx::pg_sys::panic::ErrorReport {
    invalid(
        format!("source kind \"{kind}\" is not known"),
        "Known kinds: narrow, wide, request.",
    )
}

impl Batch {
    /// The workloads of these numbers, in this order.
    ///
    /// # Errors
    /// 42704 for one that is not a workload of the source, 22023 when they cannot be read together.
    pub(crate) fn find(source: i32, ids: &[i32]) -> Answer<Self> {
        let mut found: Vec<(Workload, Shared)> = Vec::new();
        read(
            WORKLOADS,
            &[param(source), param(ids.to_vec())],
            &mut |row| {
                let workload = Workload {
                    id: required(row.get(0), "workload")?,
                    key: row.get(1),
                    demand: row.get(2),
                };
                found.push((workload, Shared::from_row(row)?));
                Ok(())
            },
        )?;
        found.sort_unstable_by_key(|(workload, _)| workload.id);
        let pick = |id: &i32| {
            let at = found.binary_search_by_key(id, |(workload, _)| workload.id);
            at.ok().and_then(|at| found.get(at)).ok_or_else(|| {
                failure(
                    PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
                    format!("workload {id} does not exist or reads another source than {source}"),
                    "SELECT workload, name, source FROM prescale.workload lists the workloads.",
                )
            })
        };
        let picked: Vec<_> = ids.iter().map(pick).collect::<Answer<_>>()?;
        let Some((_, shared)) = picked.first() else {
            return Err(invalid("no workload is given", "Give at least one."));
        };
        if let Some((other, _)) = picked.iter().find(|(_, s)| !s.same(shared)) {
            return Err(invalid(
                format!(
                    "workload {} has another step, agg or fill than the first",
                    other.id
                ),
                "Read workloads of different step, agg or fill in separate calls.",
            ));
        }
        Ok(Self {
            step: to_step(&shared.interval)?,
            interval: shared.interval,
            agg: shared.agg.parse().map_err(report)?,
            fill: shared.fill.parse().map_err(report)?,
            workloads: picked
                .iter()
                .map(|(workload, _)| workload.clone())
                .collect(),
        })
    }
}

/// What workloads of one scan have in common.
#[derive(Debug)]
struct Shared {
    agg: String,
    interval: Interval,
    fill: String,
}

impl Shared {
    fn from_row(row: &Row<'_>) -> Answer<Self> {
        Ok(Self {
            agg: required(row.get(3), "agg")?,
            interval: required(row.get(4), "step")?,
            fill: required(row.get(5), "fill")?,
        })
    }

    fn same(&self, other: &Self) -> bool {
        (&self.agg, &self.fill, self.interval.as_micros())
            == (&other.agg, &other.fill, other.interval.as_micros())
    }
}
