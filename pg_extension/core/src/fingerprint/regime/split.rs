//! How many groups there are, and which vector is in which at first.
//!
//! A group is split where vectors, seen along some direction, have two peaks with a valley between that chance does not
//! make: the dip test says whether, an estimate of density says where (the idea of dip-means, Kalogeratos and Likas 2012, with
//! projections as in Maurus and Plant 2016, "Skinny-dip"). So one blob stays one, whatever its shape, where criteria that
//! compare mixtures (BIC) take a blob that is not normal for several. Groups that were cut through their middle are
//! merged again afterwards.

use std::collections::BTreeMap;

use super::super::random::Random;
use super::dip::dip;
use super::means::k_means;
use super::whiten::Whitening;
use crate::error::Result;
use crate::time::{ShouldStop, check_stop};

/// Fewest vectors of a group: fewer are outliers, not a regime.
const MIN_SIZE: usize = 8;

/// Runs of 2-means for one split; each gives one direction to look along.
const RUNS: usize = 8;

/// √n · dip that uniform numbers, the hardest distribution with one peak, exceed once in 2,000 times or less often; a
/// split looks along a dozen directions. By tests/golden/make_map.py: the quantile 0.9995 is 0.69 for 50 numbers, 0.73 for
/// 200, 0.75 for 1,000 and 0.76 for 5,000.
const CRITICAL: f64 = 0.75;

/// The density at the bottom of a valley must be this many times below the lower of its peaks: two equal normal
/// distributions are then 3.8 standard deviations apart. Numbers on a lattice have shallower valleys in plenty.
const DEPTH: f64 = 3.0;

/// A group with the best way to split it.
struct Group {
    member: Vec<u32>,
    split: Option<Split>,
}

struct Split {
    /// How significant it is; 1 is the border.
    score: f64,
    left: Vec<u32>,
    right: Vec<u32>,
}

/// Groups of the rows of `value`: as many as stand apart, at most `most`, or exactly `k` as far as they can be split.
pub(super) fn groups(
    dimension: usize,
    value: &[f64],
    k: Option<usize>,
    most: usize,
    random: &mut Random,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Vec<u32>>> {
    let all = (0u32..).take(value.len() / dimension).collect();
    let points = Points { dimension, value };
    let mut groups = vec![points.group(all, random, should_stop)?];
    while groups.len() < k.unwrap_or(most) {
        let score = |group: &Group| group.split.as_ref().map_or(0.0, |split| split.score);
        let best = (0..groups.len()).max_by(|&a, &b| {
            score(&groups[a])
                .total_cmp(&score(&groups[b]))
                .then(b.cmp(&a))
        });
        let best = best.filter(|&idx| score(&groups[idx]) > if k.is_some() { 0.0 } else { 1.0 });
        let Some(Split { left, right, .. }) = best.and_then(|idx| groups.swap_remove(idx).split)
        else {
            break;
        };
        groups.push(points.group(left, random, should_stop)?);
        groups.push(points.group(right, random, should_stop)?);
    }
    let members = groups.into_iter().map(|group| group.member).collect();
    if k.is_some() {
        Ok(members)
    } else {
        points.merge(members, random, should_stop)
    }
}

struct Points<'a> {
    dimension: usize,
    value: &'a [f64],
}

impl Points<'_> {
    /// The values of some rows.
    fn rows(&self, member: &[u32]) -> Vec<f64> {
        let row = |idx: &u32| {
            let start = *idx as usize * self.dimension;
            self.value[start..start + self.dimension].iter().copied()
        };
        member.iter().flat_map(row).collect()
    }

    fn group(
        &self,
        member: Vec<u32>,
        random: &mut Random,
        should_stop: ShouldStop<'_>,
    ) -> Result<Group> {
        let split = self.split(&member, None, random, should_stop)?;
        Ok(Group { member, split })
    }

    /// The most significant split along a column, an axis of the group's own white coordinates or between the centres of
    /// 2-means in them, or along a direction that is given.
    fn split(
        &self,
        member: &[u32],
        direction: Option<&[f64]>,
        random: &mut Random,
        should_stop: ShouldStop<'_>,
    ) -> Result<Option<Split>> {
        if member.len() < 2 * MIN_SIZE {
            return Ok(None);
        }
        let value = self.rows(member);
        let mut best: Option<(f64, f64, Vec<f64>)> = None;
        let mut look = |along: Vec<f64>| {
            check_stop(should_stop)?;
            if let Some((score, border)) = valley(&along)
                && best.as_ref().is_none_or(|(most, ..)| score > *most)
            {
                best = Some((score, border, along));
            }
            Ok(())
        };
        if let Some(direction) = direction {
            look(project(self.dimension, &value, direction))?;
        }
        for axis in 0..self.dimension {
            look(column(self.dimension, &value, axis))?;
        }
        let whitening = Whitening::fit(self.dimension, &value, should_stop)?;
        let (rank, white) = (whitening.rank(), whitening.apply(&value)?);
        for axis in 0..rank {
            look(column(rank, &white, axis))?;
        }
        let runs = if rank > 0 { RUNS } else { 0 };
        for _ in 0..runs {
            let means = k_means(rank, &white, 2, random, should_stop)?;
            let (a, b) = means.centre.split_at(rank);
            let between: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
            look(project(rank, &white, &between))?;
        }
        Ok(best.map(|(score, border, along)| {
            let (mut left, mut right) = (Vec::new(), Vec::new());
            for (&idx, x) in member.iter().zip(along) {
                if x < border {
                    left.push(idx)
                } else {
                    right.push(idx)
                }
            }
            Split { score, left, right }
        }))
    }

    /// Merges groups, the least separate pair first, as long as a pair together has one peak, however one looks at it.
    fn merge(
        &self,
        members: Vec<Vec<u32>>,
        random: &mut Random,
        should_stop: ShouldStop<'_>,
    ) -> Result<Vec<Vec<u32>>> {
        let mut groups: Vec<(usize, Vec<u32>)> = members.into_iter().enumerate().collect();
        let mut scores = BTreeMap::new();
        let mut n_named = groups.len();
        loop {
            let mut least: Option<(f64, usize, usize)> = None;
            for b in 0..groups.len() {
                for a in 0..b {
                    let ((name_a, group_a), (name_b, group_b)) = (&groups[a], &groups[b]);
                    let score = match scores.get(&(*name_a, *name_b)) {
                        Some(score) => *score,
                        None => self.separation(group_a, group_b, random, should_stop)?,
                    };
                    scores.insert((*name_a, *name_b), score);
                    if least.is_none_or(|(least, ..)| score < least) {
                        least = Some((score, a, b));
                    }
                }
            }
            match least {
                Some((score, a, b)) if score <= 1.0 => {
                    let (_, other) = groups.remove(b);
                    let (_, mut group) = groups.remove(a);
                    group.extend(other);
                    groups.push((n_named, group));
                    n_named += 1;
                }
                _ => return Ok(groups.into_iter().map(|(_, group)| group).collect()),
            }
        }
    }

    /// Significance of the best split of two groups together, of which Fisher's discriminant may be one.
    fn separation(
        &self,
        a: &[u32],
        b: &[u32],
        random: &mut Random,
        should_stop: ShouldStop<'_>,
    ) -> Result<f64> {
        let discriminant = self.discriminant(a, b, should_stop)?;
        let split = self.split(&[a, b].concat(), Some(&discriminant), random, should_stop)?;
        Ok(split.map_or(0.0, |split| split.score))
    }

    /// The direction that tells two groups apart best (Fisher 1936): within-group covariance⁻¹ · (mean_b − mean_a).
    fn discriminant(&self, a: &[u32], b: &[u32], should_stop: ShouldStop<'_>) -> Result<Vec<f64>> {
        let (a, b) = (self.rows(a), self.rows(b));
        let (mean_a, mean_b) = (mean(self.dimension, &a), mean(self.dimension, &b));
        // Within-group covariance: of both groups moved to one centre.
        let mut within = Vec::with_capacity(a.len() + b.len());
        for (rows, mean) in [(&a, &mean_a), (&b, &mean_b)] {
            for row in rows.chunks_exact(self.dimension) {
                within.extend(row.iter().zip(mean).map(|(x, mean)| x - mean));
            }
        }
        let whitening = Whitening::fit(self.dimension, &within, should_stop)?;
        let between: Vec<f64> = mean_a.iter().zip(&mean_b).map(|(a, b)| b - a).collect();
        let mut direction = vec![0.0; self.dimension];
        for w in &whitening.rows {
            let along: f64 = w.iter().zip(&between).map(|(w, d)| w * d).sum();
            direction
                .iter_mut()
                .zip(w)
                .for_each(|(slot, w)| *slot += along * w);
        }
        Ok(direction)
    }
}

fn mean(rank: usize, value: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; rank];
    for row in value.chunks_exact(rank) {
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    let n = (value.len() / rank) as f64;
    sum.into_iter().map(|sum| sum / n).collect()
}

fn column(dimension: usize, value: &[f64], axis: usize) -> Vec<f64> {
    value
        .iter()
        .skip(axis)
        .step_by(dimension)
        .copied()
        .collect()
}

fn project(rank: usize, value: &[f64], direction: &[f64]) -> Vec<f64> {
    let dot = |row: &[f64]| row.iter().zip(direction).map(|(x, d)| x * d).sum();
    value.chunks_exact(rank).map(dot).collect()
}

fn sorted(x: &[f64]) -> Vec<f64> {
    let mut x = x.to_vec();
    x.sort_unstable_by(f64::total_cmp);
    x
}

fn significance(sorted: &[f64]) -> f64 {
    dip(sorted) * (sorted.len() as f64).sqrt() / CRITICAL
}

/// Significance of two peaks, and the bottom of the valley between them; none when no valley leaves [`MIN_SIZE`] on both
/// sides.
///
/// The density at a number is that of the m around it, which needs no bandwidth and is not misled by outliers; a valley
/// is as deep as the ratio of the lower of the peaks on its two sides to its own density.
fn valley(x: &[f64]) -> Option<(f64, f64)> {
    let x = sorted(x);
    let n = x.len();
    // n^(2/3) / 2: enough for a ratio to be no chance, few enough to see two peaks in a hundred numbers.
    let m = ((0..n).take_while(|m| m * m * m * 8 <= n * n).count()).max(MIN_SIZE);
    let width: Vec<f64> = x
        .windows(m + 1)
        .map(|w| (w[m] - w[0]).max(f64::MIN_POSITIVE))
        .collect();
    let mut narrowest_after = width.clone();
    for at in (1..width.len()).rev() {
        narrowest_after[at - 1] = narrowest_after[at - 1].min(narrowest_after[at]);
    }
    let (mut narrowest_before, mut deepest, mut border) = (f64::INFINITY, 1.0, None);
    for (at, &width) in width.iter().enumerate() {
        narrowest_before = width.min(narrowest_before);
        let depth = width / narrowest_before.max(narrowest_after[at]);
        let middle = at + m / 2;
        if depth > deepest && middle + 1 >= MIN_SIZE && n - middle > MIN_SIZE {
            (deepest, border) = (depth, Some(middle));
        }
    }
    let middle = border?;
    let most = if deepest < DEPTH { 1.0 } else { f64::INFINITY };
    let border = f64::midpoint(x[middle], x[middle + 1]);
    Some((significance(&x).min(most), border))
}
