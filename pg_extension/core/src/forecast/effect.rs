//! What influences do to a series, learnt from its past.
//!
//! The series and every influence are brought to what trend and season leave of them, and a median regression of the one on the others gives
//! their effects. Windows without a sample, and those that lie far from it though no influence explains them, do not count: they are bridged with the effects
//! found and the regression is solved again, until both agree.
//!
//! Each effect is then drawn to zero twice. By how much trend and season explain of its influence, which cannot be told from them: to nothing where they
//! leave nothing. And by how little it stands out from the noise, as the non-negative garrote does (Breiman 1995).

use super::clean::{median, typical};
use super::gap::{bridge, levels};
use super::influence::Influence;
use super::l1::single;
use super::median::Median;
use super::season::Z90;
use crate::error::Result;
use crate::time::{ShouldStop, check_stop};

/// Multiplications of one regression; newest windows of more influences are learnt from, fewer of many.
const BUDGET: usize = 50_000_000;

/// Fewest windows that are learnt from.
const LEARNT_FROM: usize = 20_000;

/// Share of an influence that trend and season leave, at which half of its effect is believed.
const TOLD_APART: f64 = 0.000_1;

/// How often windows that do not count are bridged anew with the effects learnt.
const ROUNDS: usize = 10;

/// Change of effects, in usual errors, below which no other round follows.
const SETTLED: f64 = 0.1;

/// Typical errors that make an outlier.
const OUTLYING: f64 = 8.0;

/// Seasons after which a place in them has a usual error of its own, that one outlier in its mean does not make.
const OFTEN: usize = 14;

/// Squares, as shares of the largest one, that rounding may have left.
const ROUNDING: f64 = 1e-18;

/// Fewest windows of a level.
const NARROW: usize = 6;

/// Smallest unit: others divided by it stay finite.
const LEAST: f64 = 1e-150;

/// How many times the range of usual values a far one lies beyond it.
const FAR: f64 = 3.0;

/// What was learnt.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Of all influences together, on each window of the past and ahead; nothing without any.
    pub(super) values: Vec<f64>,
    /// Of each by name, for one more of it.
    pub(super) each: Vec<(String, f64)>,
    /// What is to be known of them, a sentence each.
    pub(super) notes: Vec<String>,
}

/// An influence that can be learnt from.
struct Learnt {
    /// Its place among all.
    place: usize,
    /// Its unit in `rest`.
    scale: f64,
    /// What trend and season leave of it.
    rest: Vec<f32>,
    /// Share of its effect that is believed.
    believed: f64,
}

/// Why there is nothing to learn of an influence.
enum Unlearnt {
    Constant,
    Tiny,
    Unseen,
    Explained,
}

impl Unlearnt {
    /// What is to be said of it.
    fn note(&self, name: &str) -> Option<String> {
        let why = match self {
            Self::Constant => return None,
            Self::Tiny => {
                "moves too little for its size: counted as constant, subtract what is usual"
            }
            Self::Unseen => "moves only where the series is not known: its effect is not",
            Self::Explained => "is explained by trend and season: no effect of its own",
        };
        Some(format!("{name:?} {why}"))
    }
}

/// Learns the effects on `y` with seasons of `periods`, ascending. Of an influence that they explain it is learnt without the longest of them, as long as there
/// are more than the first `n_known`, which the model has: it may have no other way to the rest.
///
/// # Errors
/// `Cancelled`.
pub(super) fn effects(
    y: &[f64],
    seen: &[bool],
    influences: &[Influence],
    periods: &[usize],
    n_known: usize,
    should_stop: ShouldStop<'_>,
) -> Result<Effects> {
    let mut effects = Effects::default();
    if influences.is_empty() {
        return Ok(effects);
    }
    let n = y.len();
    let from = n.saturating_sub(LEARNT_FROM.max(BUDGET / influences.len().pow(2)));
    let (mut y, seen) = (y[from..].to_vec(), &seen[from..]);
    let columns: Vec<&[f64]> = influences.iter().map(|i| &i.values[from..n]).collect();
    let usual: Vec<f64> = columns.iter().map(|c| twentieth(c, 10)).collect();
    for ((influence, column), usual) in influences.iter().zip(&columns).zip(&usual) {
        effects.notes.extend(far(&influence.name, column, *usual));
    }
    let mut each = vec![0.0; influences.len()];
    let (mut drowned, mut held) = (Vec::new(), Vec::new());
    let mut places: Vec<usize> = (0..influences.len()).collect();
    for k in (n_known..=periods.len()).rev() {
        let (periods, is_last) = (&periods[..k], k == n_known);
        let (mut learnt, mut later) = (Vec::new(), Vec::new());
        for place in places {
            check_stop(should_stop)?;
            match Learnt::new(place, columns[place], seen, periods) {
                Ok(one) if !is_last && one.believed < 0.5 => later.push(place),
                Err(Unlearnt::Explained) if !is_last => later.push(place),
                Ok(one) => learnt.push(one),
                Err(why) => effects.notes.extend(why.note(&influences[place].name)),
            }
        }
        let (found, is_held) = Search {
            y: &y,
            seen,
            columns: &columns,
            learnt: &learnt,
            periods,
        }
        .solve(should_stop)?;
        for (one, is_held) in learnt.iter().zip(is_held) {
            each[one.place] = found[one.place];
            if each[one.place].abs() <= 0.0 {
                let name = format!("{:?}", influences[one.place].name);
                if is_held { &mut held } else { &mut drowned }.push(name);
            }
        }
        places = later;
        if places.is_empty() {
            break;
        }
        for one in &learnt {
            let values = columns[one.place].iter();
            y.iter_mut()
                .zip(values)
                .for_each(|(y, v)| *y -= each[one.place] * v);
        }
    }
    if !drowned.is_empty() {
        let names = drowned.join(", ");
        let note = format!("no effect of {names} stands out from the noise");
        effects.notes.push(note);
    }
    if !held.is_empty() {
        let names = held.join(", ");
        let note = format!("others together move as {names}: they have the effect");
        effects.notes.push(note);
    }
    effects.values = vec![0.0; influences[0].values.len()];
    for ((influence, usual), each) in influences.iter().zip(usual).zip(&each) {
        check_stop(should_stop)?;
        if each.abs() <= 0.0 {
            continue;
        }
        // On the level of the series is what is usual: it does not move with the zero of a unit.
        for (effect, v) in effects.values.iter_mut().zip(&influence.values) {
            *effect += each * (v - usual);
        }
    }
    let names = influences.iter().map(|i| format!("effect_{}", i.name));
    effects.each = names.zip(each).collect();
    Ok(effects)
}

impl Learnt {
    fn new(
        place: usize,
        column: &[f64],
        seen: &[bool],
        periods: &[usize],
    ) -> std::result::Result<Self, Unlearnt> {
        let (own, scale) = centred(column);
        if scale <= 0.0 {
            let moves = column.iter().any(|v| v.total_cmp(&column[0]).is_ne());
            return Err(if moves {
                Unlearnt::Tiny
            } else {
                Unlearnt::Constant
            });
        }
        let n_seen = seen.iter().filter(|s| **s).count() as f64;
        let mean = |values: &[f64], of: &dyn Fn(f64) -> f64| -> f64 {
            let counted = values.iter().zip(seen).filter(|(_, s)| **s);
            counted.map(|(v, _)| of(*v) / n_seen).sum()
        };
        let usual = mean(&own, &|v| v);
        let moves = mean(&own, &|v| (v - usual) * (v - usual));
        if moves <= ROUNDING {
            return Err(Unlearnt::Unseen);
        }
        let rest = rest(&own, periods);
        let left = mean(&rest, &|v| v * v);
        if left <= ROUNDING {
            return Err(Unlearnt::Explained);
        }
        Ok(Self {
            place,
            scale,
            rest: rest.iter().map(|v| whole(*v)).collect(),
            believed: left / (left + TOLD_APART * moves),
        })
    }
}

/// What the effects are sought in.
struct Search<'a> {
    y: &'a [f64],
    seen: &'a [bool],
    columns: &'a [&'a [f64]],
    learnt: &'a [Learnt],
    periods: &'a [usize],
}

impl Search<'_> {
    /// The effect of each column, and which of the learnt ones others hold.
    fn solve(&self, should_stop: ShouldStop<'_>) -> Result<(Vec<f64>, Vec<bool>)> {
        let mut each = vec![0.0; self.columns.len()];
        if self.learnt.is_empty() {
            return Ok((each, Vec::new()));
        }
        let mut counts = self.seen.to_vec();
        let mut median = Median::new(self.learnt.iter().map(|l| l.rest.as_slice()).collect());
        let mut unit = 1.0;
        for _ in 0..ROUNDS {
            check_stop(should_stop)?;
            let bridged = self.bridged(&counts, &each);
            let (target, scale) = centred(&bridged);
            if scale <= 0.0 {
                break;
            }
            let left = rest(&target, self.periods);
            let weight: Vec<f32> = counts.iter().map(|c| f32::from(u8::from(*c))).collect();
            let target: Vec<f32> = left.iter().map(|v| whole(*v)).collect();
            median.rescale(unit / scale);
            unit = scale;
            let moved = median.solve(&target, &weight, should_stop)?;
            for (one, beta) in self.learnt.iter().zip(&median.beta) {
                each[one.place] = beta * unit / one.scale;
            }
            // Of what is seen, not of what bridges it.
            let explained = median.explained();
            let error: Vec<f64> = (0..self.y.len())
                .map(|i| (self.y[i] - bridged[i]) / unit + left[i] - explained[i])
                .collect();
            let now = self.counted(&error, &explained);
            let is_same = now == counts;
            counts = now;
            if is_same && moved <= SETTLED {
                break;
            }
        }
        let seasons: usize = self.periods.iter().sum();
        let (beta, is_held) = median.garrote(seasons);
        for (one, beta) in self.learnt.iter().zip(beta) {
            each[one.place] = beta * unit / one.scale * one.believed;
        }
        Ok((each, is_held))
    }

    /// Windows with a sample that is no outlier: not far off, for all windows and for those of the same place in the longest season that is known often enough, or
    /// more than half explained.
    fn counted(&self, error: &[f64], explained: &[f64]) -> Vec<bool> {
        let often = self
            .periods
            .iter()
            .rev()
            .find(|p| error.len() / **p >= OFTEN);
        let place = often.copied().unwrap_or(1);
        let sizes = |from: usize, by: usize| -> Vec<f64> {
            let of_place = (from..error.len()).step_by(by).filter(|i| self.seen[*i]);
            of_place.map(|i| error[i].abs()).collect()
        };
        let typical = typical(&mut sizes(0, 1));
        let of_place: Vec<f64> = (0..place.min(error.len()))
            .map(|from| median(&mut sizes(from, place)) / Z90)
            .collect();
        let of = |i: usize| {
            let limit = OUTLYING * typical.max(of_place[i % place]);
            let near = error[i].abs() <= limit.max(explained[i].abs());
            self.seen[i] && (near || typical <= 0.0)
        };
        (0..error.len()).map(of).collect()
    }

    /// The series with what does not count bridged without the effects, and these put back: a line from an event to the next window that counts would be an
    /// event of its own.
    fn bridged(&self, counts: &[bool], each: &[f64]) -> Vec<f64> {
        let effect = |idx: usize| -> f64 {
            let columns = self.columns.iter().zip(each);
            columns.map(|(column, each)| each * column[idx]).sum()
        };
        let effects: Vec<f64> = (0..self.y.len()).map(effect).collect();
        let mut bridged: Vec<f64> = self.y.iter().zip(&effects).map(|(v, e)| v - e).collect();
        bridge(&mut bridged, counts, self.periods);
        bridged.iter_mut().zip(&effects).for_each(|(v, e)| *v += e);
        bridged
    }
}

/// Says where most of what an influence moves lies in few windows far from all others, as those of a code for what is missing do.
fn far(name: &str, column: &[f64], usual: f64) -> Option<String> {
    let [low, high] = [1, 19].map(|at| twentieth(column, at));
    let reach = FAR * (high - low);
    let moves = |v: &f64| (v - usual) * (v - usual);
    let away = |v: &&f64| **v < low - reach || **v > high + reach;
    let all: f64 = column.iter().map(moves).sum();
    let of_far: f64 = column.iter().filter(away).map(moves).sum();
    let first = column.iter().find(away)?;
    (high > low && of_far > 0.5 * all).then(|| {
        format!("{name:?} is learnt from few values far beyond {low} to {high}, such as {first}")
    })
}

/// The value below which `at` twentieths of `values` lie.
fn twentieth(values: &[f64], at: usize) -> f64 {
    let place = values.len().saturating_sub(1) * at / 20;
    *values
        .to_vec()
        .select_nth_unstable_by(place, f64::total_cmp)
        .1
}

/// Deviations from the mean as shares of the largest one, which is returned too; zeros where they are rounding.
fn centred(values: &[f64]) -> (Vec<f64>, f64) {
    let n = values.len() as f64;
    let mean: f64 = values.iter().map(|v| v / n).sum();
    let largest = |of: &dyn Fn(f64) -> f64| values.iter().fold(0.0_f64, |a, v| a.max(of(*v).abs()));
    let scale = largest(&|v| v - mean);
    if scale > (1e-12 * largest(&|v| v)).max(LEAST) && scale.is_finite() {
        (values.iter().map(|v| (v - mean) / scale).collect(), scale)
    } else {
        (vec![0.0; values.len()], 0.0)
    }
}

/// `v` in single precision; what rounding left of zero is zero: products of it would be below the normal numbers, which are slow.
fn whole(v: f64) -> f32 {
    if v.abs() < 1e-12 { 0.0 } else { single(v) }
}

/// What trend and season leave of `values`: the level over the longest period (a twelfth of the series, without one) and the usual value at each place of each
/// are taken out.
fn rest(values: &[f64], periods: &[usize]) -> Vec<f64> {
    let width = periods.last().copied().unwrap_or(values.len() / 12);
    let levels = levels(values, width.max(NARROW));
    let mut rest: Vec<f64> = values.iter().zip(levels).map(|(v, l)| v - l).collect();
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
