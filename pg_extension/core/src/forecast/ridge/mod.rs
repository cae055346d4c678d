//! Direct median regression on the recent past and on the same hour of earlier days: `ridge`, for horizons that are short against the season.
//!
//! Everything is a difference to the last value b = y[t], and coefficients shrink to zero, so that without evidence the forecast is the
//! last value. Per horizon three regressions, on y, √y and ln(y + median / 10), are fitted to rows of the last [`SEASONS`] seasons with a
//! half-life of three, rows weighing so that all three minimise |e| / √level; their equal mean is the forecast. For the columns see
//! [`frame`](self::frame). Horizons are fitted at up to [`KNOTS`] knots and interpolated.
//!
//! **Uncertainty.** The regressions are fitted again to the first 60 % of the rows and to the first 80 %; their errors at up to 700 origins,
//! each judged by the newest of them that ends before it, are divided by a scale that depends on level and roughness at the origin, and their
//! signed quantiles multiplied by that scale now.
//!
//! **Covariates** add two columns each, see [`beside`](self::beside), and take part where the error at those origins is less with them.
//!
//! Cost: 2 fits · 3 scales · 6 knots · 4 passes · 1,500 rows · 27² / 2 multiplications, whatever the length of the series; the two earlier
//! fits have half the rows each, and are made twice where there are covariates.

mod beside;
pub(super) mod frame;
mod spread;

use self::beside::Beside;
use self::frame::{Frame, MIN_ROWS, Row};
use super::fit::{Fitted, Task};
use super::l1::{Line, Problem, single};
use super::parts::Parts;
use super::scale::Scale;
use super::state::State;
use crate::error::Result;
use crate::time::{ShouldStop, check_stop};

/// Seasons that rows come from.
const SEASONS: usize = 14;

/// Windows that rows come from where there is no season.
const UNSEASONAL: usize = 4_000;

/// Most rows of one regression; four times as many changed the error by less than 0.5 %.
const ROWS: usize = 1_500;

/// Half-life of a row's weight in seasons.
const HALF_LIFE: f64 = 3.0;

/// Ends of the rows of the regressions that measure, in fifths of all rows. With one of them alone a new regime is judged by what was learnt
/// before it.
const CUTS: [usize; 2] = [3, 4];

/// Most rows of a regression that measures: half, as there are two; 900 changed neither errors nor coverage.
const MEASURING_ROWS: usize = 700;

const RIDGE: f64 = 0.03;

/// Most horizons that are fitted.
const KNOTS: usize = 6;

/// Name of the fact that `auto` goes by: the error in relation to that of the last value, in the stretch where it was least.
pub(super) const LEAST_ERROR: &str = "least_error_to_last_value";

/// Name of the fact how many covariates are read.
pub(super) const COVARIATES: &str = "covariates";

/// Windows of the past that the fit is shown for.
const HISTORY: usize = 2_000;

/// The regressions: per scale and knot one.
struct Learnt {
    knots: Vec<usize>,
    lines: Vec<Vec<Line>>,
}

/// A part of the past that is judged by regressions fitted to what lies before it.
struct Stretch {
    from: usize,
    before: Learnt,
}

/// Fits the regressions; `None` where the series is too short.
pub(super) fn fit(task: &Task<'_>, should_stop: ShouldStop<'_>) -> Result<Option<Fitted>> {
    let season = task.periods.first().copied();
    let keep = season
        .map_or(UNSEASONAL + 700, |m| (SEASONS + frame::DAYS + 2) * m)
        .max(4 * task.steps);
    let from = task.y.len().saturating_sub(keep);
    let (y, seen) = (&task.y[from..], &task.seen[from..]);
    // Single precision must hold squares of differences.
    let unit = y.iter().map(|v| v.abs() / y.len() as f64).sum::<f64>();
    if !(unit > 0.0 && unit.is_finite()) {
        return Ok(None);
    }
    let y: Vec<f64> = y.iter().map(|v| v / unit).collect();
    let build = |beside| Model::new(&y, seen, season, task.steps, beside);
    let measure =
        |model: &Model<'_>| spread::measure(model, &model.stretches(should_stop)?, should_stop);
    let Some(mut model) = build(Beside::default()) else {
        return Ok(None);
    };
    let mut measured = measure(&model)?;
    let covariates = task.covariates(from);
    let beside = Beside::new(covariates, y.len());
    if beside.len() > 0
        && let Some(with) = build(beside)
    {
        let judged = measure(&with)?;
        if judged.ratio < measured.ratio {
            (model, measured) = (with, judged);
        }
    }
    let n = y.len();
    let mut facts = vec![
        ("error_to_last_value".into(), measured.ratio),
        (LEAST_ERROR.into(), measured.least_ratio),
        ("rows".into(), model.rows(n, ROWS).len() as f64),
    ];
    if !covariates.is_empty() {
        facts.push((COVARIATES.into(), model.beside.len() as f64));
    }
    let learnt = model.learn(n, ROWS, should_stop)?;
    let origin = n - 1;
    let point = model.path(&learnt.knots, y[origin], &model.at(&learnt, origin));
    if !point.iter().all(|v| v.is_finite()) {
        return Ok(None);
    }
    let point: Vec<f64> = point.iter().map(|v| v * unit).collect();
    let past = if task.history {
        model.past(&learnt)
    } else {
        Vec::new()
    };
    let whole: Vec<f64> = y.iter().map(|v| v * unit).collect();
    let periods: Vec<usize> = task.periods.iter().copied().take(2).collect();
    Ok(Some(Fitted {
        state: State::Path(Parts::split(&whole, &point, &periods)),
        past: Parts::flat(past.iter().map(|v| v * unit).collect()),
        growth: (1..=task.steps).map(|h| (h as f64).sqrt()).collect(),
        uncertainty: measured.uncertainty.map(|u| u.times(unit)),
        facts,
        ..Fitted::default()
    }))
}

/// The series on each scale.
struct Model<'a> {
    y: &'a [f64],
    seen: &'a [bool],
    /// That of `y` itself first.
    frames: Vec<(Scale, Frame)>,
    steps: usize,
    beside: Beside,
}

impl<'a> Model<'a> {
    fn new(
        y: &'a [f64],
        seen: &'a [bool],
        season: Option<usize>,
        steps: usize,
        beside: Beside,
    ) -> Option<Self> {
        let frames: Vec<(Scale, Frame)> = Scale::all(y)
            .into_iter()
            .map(|scale| {
                (
                    scale,
                    Frame::new(y.iter().map(|v| scale.onto(*v)).collect(), season, steps),
                )
            })
            .collect();
        let first = frames.first()?.1.first();
        (y.len() >= first + MIN_ROWS + 2 * steps).then_some(Self {
            y,
            seen,
            frames,
            steps,
            beside,
        })
    }

    /// The columns at origin `t` that all horizons share, with those of the covariates, and what the others need.
    fn row(&self, scale: Scale, frame: &Frame, t: usize) -> Row {
        let mut row = frame.row(t);
        self.beside.append(scale, frame, t, &mut row.shared);
        row
    }

    fn raw(&self) -> &Frame {
        &self.frames[0].1
    }

    fn first(&self) -> usize {
        let (frame, n) = (self.raw(), self.y.len());
        frame
            .first()
            .max(n.saturating_sub(frame.season.map_or(UNSEASONAL, |m| SEASONS * m)))
    }

    /// At most `most` origins of rows whose targets lie before window `end`, the newest first.
    fn rows(&self, end: usize, most: usize) -> Vec<usize> {
        let count = end.saturating_sub(self.first());
        (0..count)
            .step_by(count.div_ceil(most).max(1))
            .map(|back| end - 1 - back)
            .collect()
    }

    /// Horizons fitted: denser where they are short.
    fn knots(&self) -> Vec<usize> {
        if self.steps <= KNOTS {
            return (1..=self.steps).collect();
        }
        // Powers of the way as whole numbers: (k / last)^1.3 of the steps.
        let at = |k: usize| (self.steps - 1) as f64 * (k as f64 / (KNOTS - 1) as f64).powf(1.3);
        (0..KNOTS)
            .map(|k| {
                (1..=self.steps)
                    .take_while(|h| (*h as f64) < at(k) + 1.5)
                    .last()
                    .unwrap_or(1)
            })
            .collect()
    }

    /// Age of an origin in seasons.
    fn age(&self, end: usize, t: usize) -> f64 {
        (end - 1 - t) as f64 / self.raw().season.unwrap_or(UNSEASONAL / SEASONS) as f64
    }

    /// The newer part of the past, cut at [`CUTS`].
    fn stretches(&self, should_stop: ShouldStop<'_>) -> Result<Vec<Stretch>> {
        let (first, n) = (self.first(), self.y.len());
        CUTS.iter()
            .map(|fifths| {
                let from = first + (n - first) * fifths / 5;
                let before = self.learn(from, MEASURING_ROWS, should_stop)?;
                Ok(Stretch { from, before })
            })
            .collect()
    }

    /// The regressions on at most `most` rows before window `end`.
    fn learn(&self, end: usize, most: usize, should_stop: ShouldStop<'_>) -> Result<Learnt> {
        let (rows, knots) = (self.rows(end, most), self.knots());
        let level = |t: usize| {
            let frame = self.raw();
            frame.level(t).abs() + 0.05 * frame.typical(t).abs() + f64::MIN_POSITIVE
        };
        let mut lines = Vec::new();
        for (scale, frame) in &self.frames {
            let weight: Vec<f32> = rows
                .iter()
                .map(|&t| {
                    let by_level = match scale {
                        Scale::Raw if self.frames.len() == 1 => 1.0,
                        Scale::Raw => level(t).powf(-0.5),
                        Scale::Sqrt => 1.0,
                        Scale::Log(_) => level(t).sqrt(),
                    };
                    single(0.5_f64.powf(self.age(end, t) / HALF_LIFE) * by_level)
                })
                .collect();
            let prepared: Vec<Row> = rows.iter().map(|&t| self.row(*scale, frame, t)).collect();
            check_stop(should_stop)?;
            let shared = transpose(prepared.iter().map(|row| row.shared.as_slice()));
            let mut learnt = Vec::new();
            for &h in &knots {
                let skip = rows.iter().take_while(|t| **t + h >= end).count();
                let mut buffer = Vec::new();
                let mut seasonal: Vec<Vec<f32>> = Vec::new();
                let mut target = Vec::new();
                let with_ratio = *scale == Scale::Raw;
                for row in prepared.iter().skip(skip) {
                    frame.seasonal(row, h, with_ratio, &mut buffer);
                    seasonal.resize(buffer.len(), Vec::new());
                    for (column, v) in seasonal.iter_mut().zip(buffer.drain(..)) {
                        column.push(single(v));
                    }
                    target.push(single(frame.z[row.t + h] - frame.z[row.t]));
                }
                check_stop(should_stop)?;
                let columns = shared
                    .iter()
                    .map(|c| &c[skip..])
                    .chain(seasonal.iter().map(Vec::as_slice))
                    .collect();
                learnt.push(
                    Problem {
                        columns,
                        target: &target,
                        weight: &weight[skip..],
                        ridge: RIDGE,
                        doubted: shared.len() - self.beside.columns()..shared.len(),
                    }
                    .line(),
                );
            }
            lines.push(learnt);
        }
        Ok(Learnt { knots, lines })
    }

    /// The forecast at each knot after window `t`: the mean over the scales.
    fn at(&self, learnt: &Learnt, t: usize) -> Vec<f64> {
        let mut out = vec![0.0; learnt.knots.len()];
        let mut seasonal = Vec::new();
        for ((scale, frame), lines) in self.frames.iter().zip(&learnt.lines) {
            let row = self.row(*scale, frame, t);
            for ((v, &h), line) in out.iter_mut().zip(&learnt.knots).zip(lines) {
                seasonal.clear();
                frame.seasonal(&row, h, *scale == Scale::Raw, &mut seasonal);
                let change = line.at(row.shared.iter().chain(&seasonal));
                *v += scale.back(frame.z[t] + change) / self.frames.len() as f64;
            }
        }
        out
    }

    /// Values at the knots on lines from `last` on.
    fn path(&self, knots: &[usize], last: f64, values: &[f64]) -> Vec<f64> {
        let mut out = Vec::with_capacity(self.steps);
        let (mut h0, mut v0) = (0, last);
        for (&h1, &v1) in knots.iter().zip(values) {
            out.extend((h0 + 1..=h1).map(|h| v0 + (v1 - v0) * (h - h0) as f64 / (h1 - h0) as f64));
            (h0, v0) = (h1, v1);
        }
        out
    }

    /// Forecasts one step ahead for the newest windows.
    fn past(&self, learnt: &Learnt) -> Vec<f64> {
        let n = self.y.len();
        let one = Learnt {
            knots: vec![1],
            lines: learnt
                .lines
                .iter()
                .map(|lines| lines.iter().take(1).cloned().collect())
                .collect(),
        };
        (self.raw().first().max(n.saturating_sub(HISTORY))..n - 1)
            .flat_map(|t| self.at(&one, t))
            .collect()
    }
}

fn transpose<'b>(rows: impl Iterator<Item = &'b [f64]>) -> Vec<Vec<f32>> {
    let mut columns: Vec<Vec<f32>> = Vec::new();
    for row in rows {
        columns.resize(row.len(), Vec::new());
        for (column, v) in columns.iter_mut().zip(row) {
            column.push(single(*v));
        }
    }
    columns
}
