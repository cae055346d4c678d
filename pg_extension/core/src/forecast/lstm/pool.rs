//! One network over all series of a table: what each gives to learn from, and what comes of it.
//!
//! A global model (Montero-Manso and Hyndman 2021): a series too short to learn from is forecast by what the others taught, and many
//! series together say more about rare movements than each alone. The newest horizon of each series (at most a third of the longest) is not learned
//! and does not decide when to stop, so that forecasting it is a test.
//!
//! Memory: a pool is 32 MiB at most, each series gives the newest windows of its share; where a share would be below
//! [`LEAST_WINDOWS`], every second, third … series takes part. Learning takes the pool twice more, and what [`super`] says.

use std::sync::Arc;

use super::super::grid::Grid;
use super::super::spec::{ForecastSpec, check};
use super::super::uncertainty::Uncertainty;
use super::judge::{Judged, Seen};
use super::series::{STRETCH, in_units, spec as learned};
use super::{Model, Workload, fit_watched};
use crate::error::{Error, ErrorKind, Result};
use crate::sample::Series;
use crate::sample::flat::{Reader, Writer, reserved};
use crate::time::{DAY, Micros, ShouldStop, Step, interval_text};

/// Most numbers of a pool, values and covariates.
const MAX_NUMBERS: usize = 8 << 20;

/// Windows that a series gives at least, where it has them: two weeks of five minutes, so that a week before is known for the other.
const LEAST_WINDOWS: usize = 4_096;

/// Most places at which the network is judged, over all series.
const ORIGINS: usize = 3_000;

/// Most places of one series.
const SERIES_ORIGINS: usize = 64;

/// Most ratios of errors kept per step that is told apart, evenly spread in rank.
const KEPT: usize = 1_000;

const MEMBER: &str = "member of a pool";
const NETWORK: &str = "pooled network";

/// What series `idx` of `n` gives to a pool, in flat form: its newest windows before `as_of`, and each of `covariates` in them. `None` where it gives
/// nothing.
///
/// # Errors
/// `InvalidArgument` for more than 32 covariates; `TooLarge` without memory.
pub fn pool_member(
    series: &Series,
    covariates: &[Series],
    as_of: Option<Micros>,
    (idx, n): (usize, usize),
) -> Result<Option<Vec<u8>>> {
    super::check::covariates(covariates.len())?;
    let share = share(idx, n, covariates.len());
    let grid = Grid::build(series, as_of, DAY)?;
    let (Some(share), Some(grid)) = (share, grid) else {
        return Ok(None);
    };
    let from = grid.y.len() - share.min(grid.y.len());
    let Some((values, _)) = in_units(&grid.y[from..], &grid.seen[from..]) else {
        return Ok(None);
    };
    let rows = grid.covariates(covariates, as_of, &|| false)?;
    let rows = &rows[from * covariates.len()..];
    let mut out = Writer::new(64 + 4 * (values.len() + rows.len()));
    out.i64(grid.step.micros());
    out.i64(grid.local(from));
    out.len(values.len());
    out.len(covariates.len());
    for x in values.iter().chain(rows) {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "the network computes in f32"
        )]
        out.raw(&(*x as f32).clamp(f32::MIN, f32::MAX).to_le_bytes());
    }
    Ok(Some(out.finish()))
}

/// How many windows series `idx` of `n` gives; `None` where it does not take part, as one beyond `n`, which came while they were counted.
pub(super) fn share(idx: usize, n: usize, covariates: usize) -> Option<usize> {
    let windows = MAX_NUMBERS / (1 + covariates);
    let every = n.saturating_mul(LEAST_WINDOWS).div_ceil(windows).max(1);
    (idx < n && idx.is_multiple_of(every)).then(|| windows / n.div_ceil(every).max(1))
}

/// One series of a pool.
struct Member {
    step: Step,
    start: Micros,
    values: Vec<f64>,
    covariates: Vec<f64>,
}

impl Member {
    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(MEMBER, bytes)?;
        let step = Step::try_new(reader.i64()?).map_err(|error| reader.corrupt(error))?;
        let start = reader.i64()?;
        let n = reader.len(4)?;
        let c = usize::try_from(reader.u64()?).unwrap_or(usize::MAX);
        let values = numbers(&mut reader, n)?;
        let covariates = numbers(&mut reader, n.saturating_mul(c))?;
        reader.finish()?;
        Ok(Self {
            step,
            start,
            values,
            covariates,
        })
    }

    /// All but the newest `hidden` windows.
    fn before(&self, hidden: usize) -> Workload<'_> {
        let n = self.values.len().saturating_sub(hidden);
        let c = self.covariates.len() / self.values.len().max(1);
        Workload {
            start: self.start,
            values: &self.values[..n],
            covariates: &self.covariates[..n * c],
        }
    }
}

/// `n` numbers, NaN where one is missing.
fn numbers(reader: &mut Reader<'_>, n: usize) -> Result<Vec<f64>> {
    let (chunks, _) = reader.raw(n.saturating_mul(4))?.as_chunks::<4>();
    let mut out = reserved(chunks.len())?;
    out.extend(chunks.iter().map(|x| f64::from(f32::from_le_bytes(*x))));
    Ok(out)
}

/// A network trained on many series, and how wrong it was on what it had not learned.
#[derive(Debug, Clone, PartialEq)]
pub struct PooledNetwork {
    /// `None` where there was too little to learn from.
    pub(super) model: Option<Arc<Model>>,
    /// Share of each series' newest part that was not learned.
    pub(super) validation: f64,
    /// Least width that is believed, per step.
    pub(super) least: Vec<f64>,
    /// Mean size of the ratios.
    pub(super) size: f64,
    /// Errors over widths of all series.
    pub(in crate::forecast) errors: Uncertainty,
    ratios: Vec<(usize, Vec<f64>)>,
}

impl PooledNetwork {
    /// Trains it on `members`, each of [`pool_member`], for forecasts as `spec` asks. `progress` is told the number of updates made, and that of
    /// all planned, every 50.
    ///
    /// # Errors
    /// As [`forecast`](super::super::forecast) for the specification; `InvalidArgument` for options of the network and members of several steps or
    /// numbers of covariates; `Corrupt` for foreign bytes; `TooLarge` for more than 8,388,608 numbers; `Cancelled`.
    pub fn fit(
        members: &[&[u8]],
        spec: &ForecastSpec,
        progress: &dyn Fn(u64, u64),
        should_stop: ShouldStop<'_>,
    ) -> Result<Self> {
        check(spec)?;
        let members = read(members)?;
        let longest = members.iter().map(|m| m.values.len()).max().unwrap_or(0);
        let Some(step) = members.first().map(|m| m.step) else {
            return Ok(Self::new(None, 0.0, Vec::new(), Vec::new()));
        };
        let steps = step.cover(spec.horizon);
        let season = season(step, &spec.periods, longest);
        let learned = learned(&spec.options.lstm, step, steps, season, longest);
        let hidden = steps.min(longest / 3).max(learned.steps);
        let workloads: Vec<_> = members.iter().map(|m| m.before(hidden)).collect();
        let model = match fit_watched(&workloads, &learned, progress, should_stop) {
            Err(error) if error.kind() == ErrorKind::Numeric => None,
            found => found?,
        };
        let Some(model) = model else {
            return Ok(Self::new(None, 0.0, Vec::new(), Vec::new()));
        };
        let each = (ORIGINS / workloads.len()).clamp(1, SERIES_ORIGINS);
        let seen = workloads
            .iter()
            .map(|workload| Seen::of(&model, workload, learned.validation, each, should_stop))
            .collect::<Result<Vec<_>>>()?;
        let judged = Judged::of(&seen, model.steps());
        let ratios = judged.ratios.into_iter();
        let ratios = ratios.map(|(knot, pairs)| (knot, thinned(pairs))).collect();
        Ok(Self::new(
            Some(Arc::new(model)),
            learned.validation,
            judged.least,
            ratios,
        ))
    }

    fn new(
        model: Option<Arc<Model>>,
        validation: f64,
        least: Vec<f64>,
        ratios: Vec<(usize, Vec<f64>)>,
    ) -> Self {
        let all = || ratios.iter().flat_map(|(_, ratios)| ratios);
        let size = all().map(|r| r.abs()).sum::<f64>() / all().count().max(1) as f64;
        let pairs = |(knot, ratios): &(usize, Vec<f64>)| {
            (*knot, ratios.iter().map(|r| (*r, 1.0)).collect())
        };
        Self {
            model,
            validation,
            least,
            size,
            errors: Uncertainty::measured(Vec::new(), ratios.iter().map(pairs).collect(), STRETCH),
            ratios,
        }
    }

    /// Whether it learned anything.
    #[must_use]
    pub fn is_trained(&self) -> bool {
        self.model.is_some()
    }

    /// The network as bytes; [`PooledNetwork::from_bytes`] gives back one that forecasts the same bits.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let model = self.model.as_ref().map_or(Vec::new(), |m| m.to_bytes());
        let mut out = Writer::new(128 + model.len() + 8 * KEPT * self.ratios.len());
        out.len(model.len());
        out.raw(&model);
        out.f64(self.validation);
        out.len(self.least.len());
        out.f64s(&self.least);
        out.len(self.ratios.len());
        for (knot, ratios) in &self.ratios {
            out.len(*knot);
            out.len(ratios.len());
            out.f64s(ratios);
        }
        out.finish()
    }

    /// Reads what [`PooledNetwork::to_bytes`] wrote.
    ///
    /// # Errors
    /// `Corrupt` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(NETWORK, bytes)?;
        let n = reader.len(1)?;
        let model = reader.raw(n)?;
        let model = (n > 0).then(|| Model::from_bytes(model)).transpose()?;
        let validation = reader.f64()?;
        let n = reader.len(8)?;
        let least = reader.f64s(n)?;
        let mut ratios = Vec::new();
        for _ in 0..reader.len(16)? {
            let knot = usize::try_from(reader.u64()?).unwrap_or(usize::MAX);
            let n = reader.len(8)?;
            ratios.push((knot, reader.f64s(n)?));
        }
        let fits = model.as_ref().is_none_or(|m| m.steps() == least.len());
        let ascends = ratios.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let positive = least.iter().all(|w| *w > 0.0);
        if !fits || !ascends || !positive || !(0.0..=0.5).contains(&validation) {
            return Err(reader.corrupt("its parts do not fit together"));
        }
        reader.finish()?;
        Ok(Self::new(model.map(Arc::new), validation, least, ratios))
    }
}

/// Reads all members; those of one pool have one step.
fn read(members: &[&[u8]]) -> Result<Vec<Member>> {
    let bytes: usize = members.iter().map(|bytes| bytes.len()).sum();
    if bytes / 4 > MAX_NUMBERS + 16 * members.len() {
        let message = format!("a pool of {bytes} bytes, more than {MAX_NUMBERS} numbers");
        return Err(Error::new(ErrorKind::TooLarge, message)
            .with_hint("let each series give its share, as pool_member does"));
    }
    let members = members.iter().map(|bytes| Member::from_bytes(bytes));
    let members: Vec<Member> = members.collect::<Result<_>>()?;
    match members.windows(2).find(|pair| pair[0].step != pair[1].step) {
        None => Ok(members),
        Some(pair) => Err(Error::invalid(format!(
            "series of a pool have one step, not {} and {}",
            interval_text(pair[0].step.micros()),
            interval_text(pair[1].step.micros())
        ))
        .with_hint("resample them to windows of one length")),
    }
}

/// The season in windows: the first that is asked for, else a day, a week or a year, of which the longest series knows two; 0 without one.
fn season(step: Step, asked: &[Micros], longest: usize) -> usize {
    let usual = [DAY, 7 * DAY, 365 * DAY + DAY / 4];
    let mut seasons = if asked.is_empty() { &usual } else { asked }
        .iter()
        .map(|period| step.round(*period));
    seasons
        .find(|season| *season >= 2 && longest / 2 >= *season)
        .unwrap_or(0)
}

/// At most [`KEPT`] of the ratios, ascending.
fn thinned(pairs: Vec<(f64, f64)>) -> Vec<f64> {
    let mut ratios: Vec<f64> = pairs.into_iter().map(|(ratio, _)| ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let n = ratios.len();
    if n <= KEPT {
        return ratios;
    }
    // The middle of each of as many equal parts.
    let rank = |k: usize| (2 * k + 1) * n / (2 * KEPT);
    (0..KEPT)
        .filter_map(|k| ratios.get(rank(k)).copied())
        .collect()
}
