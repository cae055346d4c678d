//! From the rows of one scan to the windows of each workload of a batch, and from these to features.

use std::collections::HashMap;

use pgrx::datum::TimestampWithTimeZone;
use prescale_core::feature::request::RequestState;
use prescale_core::feature::{self, FeatureRow, FeatureSpec, LOOKBACK, RawWindow};
use prescale_core::time::Micros;
use prescale_core::window::Fill;

use super::owner::read_as_owner;
use super::query;
use super::read::{Param, Row, param};
use super::registered::{Batch, Layout, Source};
use crate::convert::{int, micros, required, timestamp};
use crate::error::{Answer, report};

/// The stretch of one workload that is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) since: Micros,
    pub(crate) until: Micros,
}

/// Reads the windows of a batch in one scan and computes their features, in the order of the batch.
///
/// # Errors
/// Those of the relation, of its columns, and of core.
pub(crate) fn features(
    source: &Source,
    batch: &Batch,
    spans: &[Span],
) -> Answer<Vec<Vec<FeatureRow>>> {
    let names = metric_names(source);
    let correlate = !matches!(source.layout, Layout::Request { .. });
    let lookback = lookback(batch.fill, correlate && !names.is_empty());
    let relation = source.open()?;
    let sql = query::windows(source, &relation, batch)?;
    let mut scan = Scan::new(source, batch, names.len());
    let params = scan.params(batch, spans, lookback)?;
    read_as_owner(&relation, &sql, &params, &mut |row| scan.add(row))?;
    let specs = spans.iter().map(|span| FeatureSpec {
        step: batch.step,
        since: span.since,
        until: span.until,
        fill: batch.fill,
        n_metrics: names.len(),
        correlate,
    });
    scan.windows
        .iter()
        .zip(specs)
        .map(|(windows, spec)| feature::features(windows, &spec).map_err(report))
        .collect()
}

fn metric_names(source: &Source) -> Vec<String> {
    match source.layout {
        Layout::Narrow { .. } | Layout::Wide => source.metrics.clone(),
        Layout::Request { .. } => RequestState::names(&source.metrics),
    }
}

/// Windows before the first that it takes to compute it: one for the change, more to correlate or to carry forward.
fn lookback(fill: Fill, correlate: bool) -> i64 {
    match fill {
        Fill::None | Fill::Zero if !correlate => 1,
        Fill::None | Fill::Zero | Fill::Locf | Fill::Linear | Fill::Seasonal => {
            i64::try_from(LOOKBACK).unwrap_or(i64::MAX)
        }
    }
}

/// A scan in progress.
struct Scan<'a> {
    source: &'a Source,
    batch: &'a Batch,
    /// Metrics to read; narrow: those of the source, then those that are only a demand.
    names: Vec<String>,
    /// Place of each workload's demand in `names`, from 1.
    demands: Vec<Option<i32>>,
    n_metrics: usize,
    windows: Vec<Vec<RawWindow>>,
}

impl<'a> Scan<'a> {
    fn new(source: &'a Source, batch: &'a Batch, n_metrics: usize) -> Self {
        let mut names = source.metrics.clone();
        let mut places: HashMap<String, usize> = names
            .iter()
            .cloned()
            .enumerate()
            .map(|(at, name)| (name, at))
            .collect();
        let single = matches!(&source.layout, Layout::Narrow { metric: None, .. });
        let mut demands = Vec::with_capacity(batch.workloads.len());
        for workload in &batch.workloads {
            let place = match &workload.demand {
                _ if single => Some(0),
                Some(demand) => Some(*places.entry(demand.clone()).or_insert_with(|| {
                    names.push(demand.clone());
                    names.len() - 1
                })),
                None => None,
            };
            demands.push(place.and_then(|at| i32::try_from(at + 1).ok()));
        }
        Self {
            source,
            batch,
            names,
            demands,
            n_metrics,
            windows: vec![Vec::new(); batch.workloads.len()],
        }
    }

    /// The values of `query::windows`, in its order.
    fn params(&self, batch: &Batch, spans: &[Span], lookback: i64) -> Answer<Vec<Param>> {
        let step = batch.step;
        let from: Vec<Micros> = spans
            .iter()
            .map(|span| {
                step.floor(span.since)
                    .saturating_sub(step.micros().saturating_mul(lookback))
            })
            .collect();
        let times = |micros: Vec<Micros>| {
            micros
                .into_iter()
                .map(timestamp)
                .collect::<Answer<Vec<_>>>()
        };
        let first = from.iter().copied().min().unwrap_or_default();
        let last = spans
            .iter()
            .map(|span| span.until)
            .max()
            .unwrap_or_default();
        let places = (0..spans.len()).map(int).collect::<Answer<Vec<i32>>>()?;
        Ok(vec![
            param(places),
            param(
                batch
                    .workloads
                    .iter()
                    .map(|workload| workload.key.clone())
                    .collect::<Vec<_>>(),
            ),
            param(self.demands.clone()),
            param(times(from)?),
            param(times(spans.iter().map(|span| span.until).collect())?),
            param(batch.interval),
            param(self.names.clone()),
            param(timestamp(first)?),
            param(timestamp(last)?),
        ])
    }

    fn add(&mut self, row: &Row<'_>) -> Answer<()> {
        let place = usize::try_from(required(row.get::<i32>(0), "place")?).unwrap_or(usize::MAX);
        let ts = micros(required(row.get::<TimestampWithTimeZone>(1), "start")?)?;
        let demand_at = self.demands.get(place).copied().flatten();
        let mut window = RawWindow {
            ts,
            n_row: rows(row, 2),
            n_null: rows(row, 3),
            n_nonfinite: rows(row, 4),
            demand: None,
            metrics: vec![None; self.n_metrics],
        };
        match self.source.layout {
            Layout::Narrow { .. } => {
                if !self.narrow(row, demand_at, &mut window) {
                    return Ok(());
                }
            }
            Layout::Wide => {
                window.demand = row.get(5);
                window.metrics = (0..self.n_metrics).map(|at| row.get(6 + at)).collect();
            }
            Layout::Request { .. } => self.request(row, &mut window)?,
        }
        if let Some(windows) = self.windows.get_mut(place) {
            append(windows, window);
        }
        Ok(())
    }

    /// One metric of a window; false when it is neither a metric of the source nor the demand of this workload.
    fn narrow(&self, row: &Row<'_>, demand_at: Option<i32>, window: &mut RawWindow) -> bool {
        let at = row.get::<i32>(5);
        let is_demand = at.is_some() && at == demand_at;
        if is_demand {
            window.demand = row.get(6);
        }
        let metric = at
            .and_then(|at| usize::try_from(at - 1).ok())
            .and_then(|at| window.metrics.get_mut(at));
        let is_metric = metric.is_some();
        if let Some(metric) = metric {
            *metric = row.get(7);
        }
        is_demand || is_metric
    }

    fn request(&self, row: &Row<'_>, window: &mut RawWindow) -> Answer<()> {
        let state = RequestState::from_bytes(row.bytes(5).unwrap_or_default()).map_err(report)?;
        window.n_nonfinite = u32::try_from(state.n_nonfinite()).unwrap_or(u32::MAX);
        window.demand = Some(state.rate(self.batch.step));
        window.metrics = state.values(self.source.metrics.len());
        Ok(())
    }
}

/// A number of rows; more than four billion in one window count as that many.
fn rows(row: &Row<'_>, column: usize) -> u32 {
    u32::try_from(row.get::<i64>(column).unwrap_or(0)).unwrap_or(u32::MAX)
}

/// Adds a window, or what one more metric says about the last one.
fn append(windows: &mut Vec<RawWindow>, next: RawWindow) {
    match windows.last_mut() {
        Some(last) if last.ts == next.ts => {
            last.n_row = last.n_row.saturating_add(next.n_row);
            last.n_null = last.n_null.saturating_add(next.n_null);
            last.n_nonfinite = last.n_nonfinite.saturating_add(next.n_nonfinite);
            last.demand = last.demand.or(next.demand);
            for (metric, value) in last.metrics.iter_mut().zip(next.metrics) {
                *metric = metric.or(value);
            }
        }
        _ => windows.push(next),
    }
}
