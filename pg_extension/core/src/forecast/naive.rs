//! The models that repeat the past.

use super::fit::Fitted;
use super::parts::Parts;
use super::state::State;

/// The last value, and with `drift` the mean change per window from there on; the error grows as that of a random walk.
pub(super) fn line(y: &[f64], drift: bool, steps: usize) -> Option<Fitted> {
    let (&first, &last) = (y.first()?, y.last()?);
    let n = y.len() as f64;
    let slope = if drift && n > 1.0 {
        (last - first) / (n - 1.0)
    } else {
        0.0
    };
    let grows = |h: usize| f64::sqrt(h as f64 * if drift { 1.0 + h as f64 / n } else { 1.0 });
    Some(Fitted {
        state: State::Line {
            last,
            first,
            n: y.len() as u64,
            drift,
        },
        past: Parts::flat(y.iter().take(y.len() - 1).map(|v| v + slope).collect()),
        growth: (1..=steps).map(grows).collect(),
        ..Fitted::default()
    })
}

/// The value one season ago, for the season whose repetition errs least; `None` without a season.
pub(super) fn seasonal(y: &[f64], periods: &[usize], steps: usize) -> Option<Fitted> {
    let error = |p: usize| {
        let ago = y.iter().zip(y.iter().skip(p));
        let sum: f64 = ago.map(|(a, b)| (b - a).abs()).sum();
        // A season that is known once has not repeated yet.
        if y.len() > p {
            sum / (y.len() - p) as f64
        } else {
            f64::INFINITY
        }
    };
    let best = periods
        .iter()
        .map(|&p| (p, error(p)))
        .reduce(|a, b| if b.1 < a.1 { b } else { a })?
        .0;
    let season = y.get(y.len().checked_sub(best)?..)?;
    Some(Fitted {
        state: State::Season(season.to_vec()),
        past: Parts::flat(y.get(..y.len() - best)?.to_vec()),
        growth: (0..steps).map(|h| ((h / best + 1) as f64).sqrt()).collect(),
        ..Fitted::default()
    })
}
