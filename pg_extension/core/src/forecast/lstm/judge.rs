//! How wrong a network was where it had not learned, relative to the distance between its own outer quantiles.

use super::{Model, Workload};
use crate::error::Result;
use crate::time::ShouldStop;

/// Steps whose errors are told apart.
const KNOTS: usize = 6;

/// What the network says after one place.
pub(super) struct Quantiles {
    pub(super) median: Vec<f64>,
    /// Distance of the outer quantiles.
    width: Vec<f64>,
}

impl Quantiles {
    /// Widths, none below what is `least` at its step, over `steps`: beyond the network's, those of each block on top of that of the end of
    /// the one before, in squares.
    pub(super) fn scale(&self, least: &[f64], steps: usize) -> Vec<f64> {
        let block: Vec<f64> = self
            .width
            .iter()
            .zip(least)
            .map(|(w, least)| w.max(*least))
            .collect();
        let end = block.last().copied().unwrap_or(0.0);
        (0..steps)
            .map(|h| {
                let before = (h / block.len()) as f64;
                (block[h % block.len()].powi(2) + before * end * end).sqrt()
            })
            .collect()
    }
}

impl Model {
    pub(super) fn quantiles(
        &self,
        workload: &Workload<'_>,
        places: &[usize],
        should_stop: ShouldStop<'_>,
    ) -> Result<Vec<Option<Quantiles>>> {
        let levels = self.levels.len();
        let found = self.predict_after(workload, places, should_stop)?;
        let split = |q: Vec<f64>| Quantiles {
            median: q.chunks(levels).map(|q| q[self.shape.middle()]).collect(),
            width: q.chunks(levels).map(|q| q[levels - 1] - q[0]).collect(),
        };
        Ok(found.into_iter().map(|q| q.map(split)).collect())
    }
}

/// Forecasts of one workload after places whose whole horizon is known.
pub(super) struct Seen<'a> {
    values: &'a [f64],
    found: Vec<(usize, Quantiles)>,
}

impl<'a> Seen<'a> {
    /// At `most` places, evenly spread over the newest share `validation` of the workload, at least over one horizon.
    pub(super) fn of(
        model: &Model,
        workload: &Workload<'a>,
        validation: f64,
        most: usize,
        should_stop: ShouldStop<'_>,
    ) -> Result<Self> {
        let (values, steps) = (workload.values, model.steps());
        let n = values.len();
        let back = super::sample::held_back(n, validation).max(steps);
        let first = n.saturating_sub(back).max(1);
        let places: Vec<usize> = if first + steps <= n {
            let stride = (n - steps - first + 1).div_ceil(most);
            let all = first..=n - steps;
            all.step_by(stride).map(|known| known - 1).collect()
        } else {
            Vec::new()
        };
        let found = model.quantiles(workload, &places, should_stop)?;
        let found = places.into_iter().zip(found);
        Ok(Self {
            values,
            found: found.filter_map(|(at, q)| Some((at, q?))).collect(),
        })
    }

    /// Errors over widths, each with its step from 0.
    fn ratios<'b>(&'b self, least: &'b [f64]) -> impl Iterator<Item = (usize, f64)> + 'b {
        let of = |(at, q): &'b (usize, Quantiles)| {
            let values = &self.values[at + 1..];
            let steps = least.iter().zip(&q.median).zip(&q.width);
            values
                .iter()
                .zip(steps)
                .map(|(y, ((least, median), width))| (y - median) / width.max(*least))
                .enumerate()
        };
        self.found
            .iter()
            .flat_map(of)
            .filter(|(_, ratio)| ratio.is_finite())
    }

    /// Mean size of its ratios, and how many horizons one after the other they make up.
    pub(super) fn size(&self, least: &[f64]) -> (f64, f64) {
        let (sum, n) = self
            .ratios(least)
            .fold((0.0, 0.0), |(sum, n), (_, r)| (sum + r.abs(), n + 1.0));
        let span = match (self.found.first(), self.found.last()) {
            (Some(first), Some(last)) => (last.0 - first.0) / least.len() + 1,
            _ => 0,
        };
        let known = n / (self.found.len() * least.len()).max(1) as f64;
        (sum / f64::max(n, 1.0), known * span as f64)
    }
}

/// What the parts that were not learned say about the network's quantiles.
pub(super) struct Judged {
    /// Least width that is believed, per step.
    pub(super) least: Vec<f64>,
    /// Errors over widths, per knot.
    pub(super) ratios: Vec<(usize, Vec<(f64, f64)>)>,
}

impl Judged {
    pub(super) fn of(all: &[Seen<'_>], steps: usize) -> Self {
        // A width far below the usual one is no scale: the error of one such window would be the largest of all.
        let found = || all.iter().flat_map(|seen| &seen.found);
        let n = found().count() as f64;
        let least: Vec<f64> = (0..steps)
            .map(|h| 0.1 * found().map(|(_, q)| q.width[h]).sum::<f64>() / n)
            .map(|w| if w > 0.0 { w } else { f64::MIN_POSITIVE })
            .collect();
        let knots = knots(steps);
        let mut ratios: Vec<(usize, Vec<(f64, f64)>)> =
            knots.iter().map(|h| (*h, Vec::new())).collect();
        for (h, ratio) in all.iter().flat_map(|seen| seen.ratios(&least)) {
            let next = knots.partition_point(|knot| *knot <= h);
            if let Some((_, pairs)) = ratios.get_mut(next) {
                pairs.push((ratio, 1.0));
            }
        }
        Self { least, ratios }
    }
}

/// Steps in even proportions, the last one of all.
fn knots(steps: usize) -> Vec<usize> {
    let mut knots = vec![steps];
    while knots.len() < KNOTS && knots[0] > 1 {
        knots.insert(0, knots[0].div_ceil(2).min(knots[0] - 1));
    }
    knots
}
