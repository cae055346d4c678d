//! Where a series changes its level, its slope or its variance.

use super::Regular;
use super::robust::{running_median, spread};
use super::season::without_seasons;
use crate::error::{Error, ErrorKind, Result};
use crate::time::{Micros, SECOND, ShouldStop, check_stop};

mod line;
mod search;

use line::{Line, Lines};
use search::{Noise, Scatter, Search};

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The level.
    Level,
    /// The slope.
    Trend,
    /// The standard deviation.
    Variance,
}

impl ChangeKind {
    /// Its name in SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Trend => "trend",
            Self::Variance => "variance",
        }
    }
}

/// A place where a series changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Start of the first window after the change.
    pub ts: Micros,
    /// What changed.
    pub kind: ChangeKind,
    /// Level, slope (units per second) or standard deviation before.
    pub before: f64,
    /// The same after.
    pub after: f64,
    /// How much better two stretches fit than one, over what a change must bring; at least `penalty`.
    pub score: f64,
}

/// Fewest windows that can hold a change.
const MIN_WINDOWS: usize = 10;
/// Neighbours on each side of which a lone value must differ to be set aside.
const LONE: usize = 3;

/// The changes of a series, in the order of time.
///
/// The seasons are taken off: those of at least 16 cycles by a robust [`decompose`](super::decompose) of stiffer seasons,
/// others as the smoothed median of each phase. Windows without samples are passed over, lone outliers replaced by the
/// median of their seven neighbours. The windows, in blocks so that there are at most 4,096, are cut into stretches that
/// follow straight lines, by PELT (Killick, Fearnhead and Eckley 2012): the cuts minimise the sum of squares over the
/// long-run variance plus a price per cut, 3 ln(blocks) + 8. The long-run variance is s²(1+φ)/(1−φ), s² and the first
/// autocorrelation φ from the robust spread of differences over one and four blocks; at φ above 0.75 the series wanders,
/// and no change is told from that. A cut is called after what is more significant, the jump or the change of the slope.
/// The remainders, clipped at four standard deviations, are cut in the same way by their variance (normal likelihood,
/// corrected for autocorrelation and kurtosis); cuts of lines that do not pay where the variance is larger than usual are
/// taken back. Positions are refined to a window.
///
/// `penalty` multiplies the price: above 1 fewer changes are found.
///
/// # Errors
/// `NotFinite` and `InvalidArgument` for a penalty that is no positive number, and as [`decompose`](super::decompose).
pub fn changepoints(
    regular: &Regular,
    periods: Option<&[Micros]>,
    penalty: f64,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Change>> {
    if !penalty.is_finite() {
        return Err(Error::new(
            ErrorKind::NotFinite,
            format!("penalty is {penalty}"),
        ));
    }
    if penalty <= 0.0 {
        return Err(
            Error::invalid(format!("penalty must be positive, not {penalty}"))
                .with_hint("1 is the default"),
        );
    }
    let (y, ts) = steady(regular, periods, should_stop)?;
    if y.len() < MIN_WINDOWS {
        return Ok(Vec::new());
    }
    let Some(noise) = Noise::of(&y, should_stop)? else {
        return Ok(Vec::new());
    };
    let search = Search::new(y.len(), &noise, penalty, should_stop);
    let lines = Lines::new(&y, noise.scale());
    let mut cuts = search.cuts_of_lines(&lines)?;
    let mut scatter = search.scatter(&lines.rest(&y, &cuts))?;
    if search.confirm(&mut cuts, &lines, &scatter) {
        scatter = search.scatter(&lines.rest(&y, &cuts))?;
    }
    let seconds = regular.step.micros() as f64 / SECOND as f64;
    let mut changes = changes_of_lines(&ts, seconds, &lines, &cuts, search.price());
    changes.extend(changes_of_scatter(&ts, &scatter, search.price()));
    changes.sort_by_key(|change| change.ts);
    Ok(changes)
}

/// The measured values without seasons and lone outliers, and their times.
fn steady(
    regular: &Regular,
    periods: Option<&[Micros]>,
    should_stop: ShouldStop<'_>,
) -> Result<(Vec<f64>, Vec<Micros>)> {
    let y = without_seasons(regular, periods, should_stop)?;
    let measured = |(value, &seen): (f64, &bool)| seen.then_some(value);
    let mut y: Vec<f64> = y
        .into_iter()
        .zip(&regular.seen)
        .filter_map(measured)
        .collect();
    let times = regular.ts.iter().zip(&regular.seen);
    let ts = times
        .filter_map(|(&ts, &seen)| seen.then_some(ts))
        .collect();
    let typical = running_median(&y, LONE, should_stop)?;
    check_stop(should_stop)?;
    let apart: Vec<f64> = y.iter().zip(&typical).map(|(v, m)| v - m).collect();
    let limit = 4.0 * spread(&apart, 0.0);
    y.iter_mut()
        .zip(&typical)
        .filter(|(v, m)| (**v - **m).abs() > limit)
        .for_each(|(v, m)| *v = *m);
    Ok((y, ts))
}

fn changes_of_lines(
    ts: &[Micros],
    seconds: f64,
    lines: &Lines,
    cuts: &[usize],
    price: f64,
) -> Vec<Change> {
    let change = |three: &[usize]| {
        let (left, right) = (
            lines.line(three[0], three[1]),
            lines.line(three[1], three[2]),
        );
        let middle = three[1] as f64 - 0.5;
        let jump = (right.at(middle) - left.at(middle)).abs()
            / left.error(middle).hypot(right.error(middle));
        let bend = (right.slope - left.slope).abs() / left.slope_error().hypot(right.slope_error());
        let level = |line: &Line| {
            lines.value(if line.is_flat() {
                line.mean
            } else {
                line.at(middle)
            })
        };
        let slope = |line: &Line| lines.scale * line.slope / seconds;
        let (kind, before, after) = if jump >= bend {
            (ChangeKind::Level, level(&left), level(&right))
        } else {
            (ChangeKind::Trend, slope(&left), slope(&right))
        };
        let (ts, score) = (ts[three[1]], lines.gain(three) / price);
        Change {
            ts,
            kind,
            before,
            after,
            score,
        }
    };
    search::ends(cuts, ts.len())
        .windows(3)
        .map(change)
        .collect()
}

fn changes_of_scatter(ts: &[Micros], scatter: &Scatter, price: f64) -> Vec<Change> {
    let change = |three: &[usize]| Change {
        ts: ts[three[1]],
        kind: ChangeKind::Variance,
        before: scatter.sd(three[0], three[1]),
        after: scatter.sd(three[1], three[2]),
        score: scatter.gain(three) / price,
    };
    search::ends(&scatter.cuts, ts.len())
        .windows(3)
        .map(change)
        .collect()
}
