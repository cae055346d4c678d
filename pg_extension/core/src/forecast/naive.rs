//! The two models that repeat the past.

use super::model::Fitted;

/// The last value; its error grows as that of a random walk.
pub(super) fn last_value(y: &[f64], steps: usize) -> Option<Fitted> {
    let last = *y.last()?;
    Some(Fitted {
        point: vec![last; steps],
        spread: (1..=steps).map(|h| (h as f64).sqrt()).collect(),
        fitted: y.get(..y.len() - 1)?.to_vec(),
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
        .reduce(|a, b| if b.1 < a.1 { b } else { a })?;
    let season = y.get(y.len().checked_sub(best.0)?..)?;
    Some(Fitted {
        point: season.iter().copied().cycle().take(steps).collect(),
        spread: (0..steps)
            .map(|h| ((h / best.0 + 1) as f64).sqrt())
            .collect(),
        fitted: y.get(..y.len() - best.0)?.to_vec(),
    })
}
