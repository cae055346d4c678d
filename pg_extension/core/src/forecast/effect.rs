//! What influences do to a series, learnt from its past.
//!
//! The series and every influence are brought to what trend and season leave of them, and a shrunk median regression of the one on the others
//! gives their effects. What trend and season explain of an influence cannot be told from them: the less they leave of it, the more its effect
//! is drawn to zero, which it is where they leave nothing. Outliers that no influence can have caused are not learnt from, nor are windows without a sample.

use super::clean;
use super::influence::Influence;
use super::l1::{Problem, Ridge, single};
use crate::feature::series::fill;

/// Multiplications of one regression; newest windows of more influences are learnt from, fewer of many.
const BUDGET: usize = 50_000_000;

/// Fewest windows that are learnt from.
const LEARNT_FROM: usize = 20_000;

/// Shrinkage toward no effect: a thousandth of what an influence moves, over what trend and season leave of it.
const RIDGE: f64 = 0.001;

/// And for several at once as much as their number to the square over so many windows: what noise lets them explain together.
const CROWDED: f64 = 10.0;

/// How often windows that do not count are bridged anew with the effects learnt.
const ROUNDS: usize = 4;

/// Squares, as shares of the largest one, that rounding may have left.
const ROUNDING: f64 = 1e-18;

/// One in so many windows of the past on either side has an unusual value of an influence.
const UNUSUAL: usize = 20;

/// What was learnt.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Of all influences together, on each window of the past and ahead; nothing without any.
    pub(super) values: Vec<f64>,
    /// Of each by name, on a window where it is one.
    pub(super) each: Vec<(String, f64)>,
    /// Which have none, a sentence each.
    pub(super) notes: Vec<String>,
}

/// Learns the effects on `y` with seasons of `periods`, ascending.
pub(super) fn effects(
    y: &[f64],
    seen: &[bool],
    influences: &[Influence],
    periods: &[usize],
) -> Effects {
    if influences.is_empty() {
        return Effects::default();
    }
    let n = y.len();
    let from = n.saturating_sub(LEARNT_FROM.max(BUDGET / influences.len().pow(2)));
    let columns: Vec<&[f64]> = influences.iter().map(|i| &i.values[from..n]).collect();
    let y = &y[from..];
    let mut counts = seen[from..].to_vec();
    let usual: Vec<[f64; 2]> = columns.iter().map(|column| usual(column)).collect();
    for (idx, _) in clean::outliers(y, periods.first().copied()) {
        let mut each = columns.iter().zip(&usual);
        if each.all(|(column, [low, high])| (*low..=*high).contains(&column[idx])) {
            counts[idx] = false;
        }
    }
    let n_counted = counts.iter().filter(|c| **c).count() as f64;
    let crowded = (influences.len() as f64).powi(2) / (CROWDED * n_counted.max(1.0));
    let mean = |values: &[f64], of: &dyn Fn(f64) -> f64| -> f64 {
        let counted = values.iter().zip(&counts).filter(|(_, c)| **c);
        counted.map(|(v, _)| of(*v) / n_counted).sum()
    };
    let mut effects = Effects::default();
    let mut learnt = Vec::new();
    for (place, (influence, column)) in influences.iter().zip(&columns).enumerate() {
        let (own, scale) = centred(column);
        let left = rest(&own, periods);
        let usual = mean(&own, &|v| v);
        let moves = mean(&own, &|v| (v - usual) * (v - usual));
        let left_of_it = mean(&left, &|v| v * v);
        if moves > ROUNDING && left_of_it > ROUNDING {
            let share = (RIDGE + crowded) * moves / left_of_it;
            learnt.push((place, scale, share, left));
        } else if scale > 0.0 {
            let why = if moves > ROUNDING {
                "is explained by trend and season: no effect of its own"
            } else {
                "moves only where the series is not known: its effect is not"
            };
            effects.notes.push(format!("{:?} {why}", influence.name));
        }
    }
    let single = |values: &[f64]| values.iter().map(|v| single(*v)).collect::<Vec<f32>>();
    let rests: Vec<Vec<f32>> = learnt.iter().map(|l| single(&l.3)).collect();
    let shares: Vec<f64> = learnt.iter().map(|l| l.2).collect();
    let weight: Vec<f32> = counts.iter().map(|c| f32::from(u8::from(*c))).collect();
    let mut each = vec![0.0; influences.len()];
    let rounds = if counts.iter().all(|c| *c) { 1 } else { ROUNDS };
    for _ in 0..rounds {
        let (target, unit) = centred(&bridged(y, &counts, &columns, &each));
        let beta = Problem {
            columns: rests.iter().map(Vec::as_slice).collect(),
            target: &single(&rest(&target, periods)),
            weight: &weight,
            ridge: Ridge::OfOwn(&shares),
        }
        .solve();
        for ((place, scale, ..), beta) in learnt.iter().zip(beta) {
            each[*place] = beta * unit / scale;
        }
    }
    effects.values = vec![0.0; influences[0].values.len()];
    for (influence, each) in influences.iter().zip(&each) {
        for (effect, v) in effects.values.iter_mut().zip(&influence.values) {
            *effect += each * v;
        }
    }
    let names = influences.iter().map(|i| format!("effect_{}", i.name));
    effects.each = names.zip(each).collect();
    effects
}

/// `y` with what does not count on the line between its neighbours without the effects, and these put back: a line from an event to the next window that
/// counts would be an event of its own.
fn bridged(y: &[f64], counts: &[bool], columns: &[&[f64]], each: &[f64]) -> Vec<f64> {
    let effect = |idx: usize| -> f64 {
        let columns = columns.iter().zip(each);
        columns.map(|(column, each)| each * column[idx]).sum()
    };
    let mut bridged: Vec<f64> = (0..y.len()).map(|idx| y[idx] - effect(idx)).collect();
    fill(&mut bridged, counts);
    for (idx, v) in bridged.iter_mut().enumerate() {
        *v += effect(idx);
    }
    bridged
}

/// Between which values all but the least and the largest are.
fn usual(values: &[f64]) -> [f64; 2] {
    let mut values = values.to_vec();
    let last = values.len().saturating_sub(1);
    [last / UNUSUAL, last - last / UNUSUAL]
        .map(|place| *values.select_nth_unstable_by(place, f64::total_cmp).1)
}

/// Deviations from the mean as shares of the largest one, which is returned too; zeros where they are rounding.
fn centred(values: &[f64]) -> (Vec<f64>, f64) {
    let n = values.len() as f64;
    let mean: f64 = values.iter().map(|v| v / n).sum();
    let largest = |of: &dyn Fn(f64) -> f64| values.iter().fold(0.0_f64, |a, v| a.max(of(*v).abs()));
    let scale = largest(&|v| v - mean);
    if scale > 1e-12 * largest(&|v| v) && scale.is_finite() {
        (values.iter().map(|v| (v - mean) / scale).collect(), scale)
    } else {
        (vec![0.0; values.len()], 0.0)
    }
}

/// What trend and season leave of `values`: the mean over the longest period (a twelfth of the series, without one) around each window and the usual
/// value at each place of the shorter ones are taken out. At the ends the line through the outermost means goes on.
fn rest(values: &[f64], periods: &[usize]) -> Vec<f64> {
    let n = values.len();
    let width = periods.last().copied().unwrap_or(n / 12).clamp(1, n.max(1));
    let mut sums = vec![0.0];
    let mut sum = 0.0;
    for v in values {
        sum += v;
        sums.push(sum);
    }
    let mean = |from: usize| (sums[from + width] - sums[from]) / width as f64;
    let level = |i: usize| {
        let from = i.saturating_sub(width / 2).min(n - width);
        let off = i as f64 - (from + width / 2) as f64;
        let slope = if n < 2 * width {
            0.0
        } else if off < 0.0 {
            (mean(width) - mean(0)) / width as f64
        } else {
            (mean(n - width) - mean(n - 2 * width)) / width as f64
        };
        mean(from) + slope * off
    };
    let mut rest: Vec<f64> = values
        .iter()
        .enumerate()
        .map(|(i, v)| v - level(i))
        .collect();
    for p in periods.iter().copied().chain([1]) {
        let mut places = vec![(0.0, 0.0); p];
        for (i, r) in rest.iter().enumerate() {
            let place = &mut places[i % p];
            *place = (place.0 + r, place.1 + 1.0);
        }
        for (i, r) in rest.iter_mut().enumerate() {
            *r -= places[i % p].0 / f64::max(places[i % p].1, 1.0);
        }
    }
    rest
}
