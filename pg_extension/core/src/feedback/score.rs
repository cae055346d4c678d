//! How supply met demand.

use crate::error::Result;
use crate::sample::Series;
use crate::time::{ShouldStop, check_stop};

/// Steps between two questions whether to stop.
const STOP_EVERY: usize = 4_096;

/// How supply met demand, after Herbst et al. ("Ready for rain?", SPEC RG 2016), and the one number `cost` at equal
/// `drop`. Every field is finite; without a step to score, or without load, the ones that would divide by it are zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Steps scored.
    pub n: usize,
    /// Mean of max(d − s, 0)/d over the steps with load.
    pub theta_under: f64,
    /// Mean of max(s − d, 0)/d over the steps with load.
    pub theta_over: f64,
    /// Share of time under: d > s.
    pub tau_under: f64,
    /// Share of time over: s > d.
    pub tau_over: f64,
    /// Share of steps where supply and demand move in different directions.
    pub instability: f64,
    /// Share of the load above supply: Σ max(d − s, 0) / Σ d.
    pub drop: f64,
    /// Sum of supply over sum of demand.
    pub cost: f64,
    /// Changes of supply.
    pub actions: usize,
}

/// Running sums of a score.
#[derive(Debug, Default)]
struct Sums {
    n: u32,
    loaded: u32,
    missing_share: f64,
    surplus_share: f64,
    under: u32,
    over: u32,
    moves_apart: u32,
    load: f64,
    dropped: f64,
    supplied: f64,
    actions: usize,
    last: Option<(f64, f64)>,
}

impl Sums {
    fn add(&mut self, d: f64, s: f64) {
        let (missing, surplus) = ((d - s).max(0.0), (s - d).max(0.0));
        self.n += 1;
        if d > 0.0 {
            self.loaded += 1;
            self.missing_share += missing / d;
            self.surplus_share += surplus / d;
            self.load += d;
            self.dropped += missing;
        }
        self.under += u32::from(missing > 0.0);
        self.over += u32::from(surplus > 0.0);
        self.supplied += s;
        if let Some((d0, s0)) = self.last {
            self.moves_apart += u32::from(direction(d0, d) != direction(s0, s));
            self.actions += usize::from(direction(s0, s) != std::cmp::Ordering::Equal);
        }
        self.last = Some((d, s));
    }

    fn finish(&self) -> Score {
        Score {
            n: usize::try_from(self.n).unwrap_or(usize::MAX),
            theta_under: share(self.missing_share, f64::from(self.loaded)),
            theta_over: share(self.surplus_share, f64::from(self.loaded)),
            tau_under: share(f64::from(self.under), f64::from(self.n)),
            tau_over: share(f64::from(self.over), f64::from(self.n)),
            instability: share(
                f64::from(self.moves_apart),
                f64::from(self.n.saturating_sub(1)),
            ),
            drop: share(self.dropped, self.load),
            cost: share(self.supplied, self.load),
            actions: self.actions,
        }
    }
}

fn direction(from: f64, to: f64) -> std::cmp::Ordering {
    // Adding +0 makes a negative zero positive, so that it does not count as a move.
    (to + 0.0).total_cmp(&(from + 0.0))
}

fn share(part: f64, whole: f64) -> f64 {
    let ratio = part / whole;
    if whole > 0.0 && ratio.is_finite() {
        ratio
    } else {
        0.0
    }
}

/// Scores `supply` against `demand`, both in demand units, at the times of `demand`.
///
/// Supply is carried forward from its last change; steps before its first value are not scored. Every step counts the
/// same, so `demand` should lie on a regular grid. Steps without load count as supply and as time over, not in the ratios.
///
/// # Errors
/// `Cancelled`.
pub fn score(demand: &Series, supply: &Series, should_stop: ShouldStop<'_>) -> Result<Score> {
    let mut sums = Sums::default();
    let mut changes = supply.ts().iter().zip(supply.value()).peekable();
    let mut current = None;
    for (i, (ts, &d)) in demand.ts().iter().zip(demand.value()).enumerate() {
        if i % STOP_EVERY == 0 {
            check_stop(should_stop)?;
        }
        while let Some((_, &s)) = changes.next_if(|(t, _)| *t <= ts) {
            current = Some(s);
        }
        if let Some(s) = current {
            sums.add(d, s);
        }
    }
    Ok(sums.finish())
}
