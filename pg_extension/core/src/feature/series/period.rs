//! Finds the periods of a series.

use super::comb::{Test, evidence, together, whitened, whitened_ranks};
use super::week::week_of_days;
use super::{Regular, fft, index};
use crate::error::{Error, ErrorKind, Result};
use crate::time::{DAY, MINUTE, Micros, ShouldStop, check_stop};

/// A period of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Period {
    /// Its length.
    pub period: Micros,
    /// Its length in windows.
    pub lag: usize,
    /// From 0 to 1, see [`detect_periods`].
    pub score: f64,
}

/// Periods that people live by, with their share of the false alarms that are allowed; what is left is for all others.
const CALENDAR: [(Micros, f64); 3] = [(60 * MINUTE, 0.05), (DAY, 0.35), (7 * DAY, 0.4)];
const OTHERS: f64 = 0.2;

/// Windows of a level: what a level costs stays below a tenth of a second.
const LEVEL: usize = 1 << 14;
/// How much coarser the next level is.
const COARSER: usize = 8;
/// A period belongs to the coarsest level on which it has so many windows: enough for six harmonics and their noise.
const FINE: f64 = 24.0;
/// Candidates of a level besides the calendar's.
const CANDIDATES: usize = 20;
/// Fewest windows that can hold a period.
const MIN_WINDOWS: usize = 16;
/// Evidence that a harmonic needs against the other harmonics of a longer period: one in ten thousand.
const AGAINST_LONGER: f64 = 4.0;
/// Evidence at which the score is one half.
const HALF_SCORE: f64 = 5.0 / 3.0;

/// The periods of a series, best first, at most `max_periods` of a score of at least `min_score`.
///
/// - Hour, day and week are always tried. Others are tried where the periodogram of the changes peaks.
/// - A period of less than three windows or less than three cycles cannot be told.
/// - A candidate is tested as the text of `comb` says, on the changes of the values and on those of their ranks; a week
///   also on the means, the amplitudes and the main differences of its days.
/// - Multiples of a period are tested on what it does not explain. A period that divides a longer one must stand out
///   among the harmonics of that one; the day within the week need not.
/// - Long series are looked at on levels: the newest 16,384 windows, the newest 131,072 as means of eight, and so on.
///
/// `score` = e / (e + 5/3), where e = −log₁₀(p / share): p is the probability that noise alone would show the period and
/// share the part of all false alarms that is allowed to it (hour 5 %, day 35 %, week 40 %, all others together 20 %). 0.6 is
/// p = 1 in 320 times the share, 0.8 one in 5 million. Smooth noise of any colour, random walks, trends, level shifts and
/// outliers show no period; see the tests for the rates that were measured.
///
/// # Errors
/// `InvalidArgument` for a score outside 0 to 1 or no periods asked for, `NotFinite` for a score that is no number and for
/// values beyond ±1e140, `Cancelled`.
pub fn detect_periods(
    regular: &Regular,
    min_score: f64,
    max_periods: usize,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Period>> {
    if !min_score.is_finite() {
        return Err(Error::new(
            ErrorKind::NotFinite,
            format!("min_score is {min_score}"),
        ));
    }
    if !(0.0..=1.0).contains(&min_score) || max_periods == 0 {
        return Err(Error::invalid(format!(
            "min_score must be from 0 to 1 and max_periods positive, not {min_score} and {max_periods}"
        ))
        .with_hint("0.6 and 3 are the defaults"));
    }
    regular.check_size()?;
    if regular.len() < MIN_WINDOWS {
        return Ok(Vec::new());
    }
    let mut search = Search {
        step: regular.step.micros() as f64,
        levels: levels(&regular.y, should_stop)?,
        needed: HALF_SCORE * min_score / (1.0 - min_score).max(1e-9),
        found: Vec::new(),
        should_stop,
    };
    search.calendar(regular)?;
    search.others()?;
    search.drop_harmonics();
    let mut found = search.found;
    found.sort_by(|a, b| b.evidence.total_cmp(&a.evidence));
    let step = regular.step.micros();
    let mut periods: Vec<Period> = Vec::new();
    for line in &found {
        let lag = index(line.period.round().max(1.0));
        let period = line.calendar.unwrap_or(step.saturating_mul(lag as i64));
        // Two lines may round to one number of windows.
        if periods.iter().all(|p| p.lag != lag) && periods.len() < max_periods {
            let score = line.evidence / (line.evidence + HALF_SCORE);
            periods.push(Period { period, lag, score });
        }
    }
    Ok(periods)
}

/// The series at one resolution: changes of means of `width` windows, and of the ranks of these means.
struct Level {
    width: usize,
    n: usize,
    plain: Vec<f64>,
    ranked: Vec<f64>,
}

/// A period that was found, in windows of the series.
struct Line {
    period: f64,
    evidence: f64,
    calendar: Option<Micros>,
}

struct Search<'a> {
    step: f64,
    levels: Vec<Level>,
    needed: f64,
    found: Vec<Line>,
    should_stop: ShouldStop<'a>,
}

/// Means of `width` windows, the newest ones complete.
pub(super) fn means(y: &[f64], width: usize) -> Vec<f64> {
    let n = y.len() / width;
    let mean = |block: &[f64]| block.iter().map(|v| v / width as f64).sum();
    y[y.len() - n * width..]
        .chunks_exact(width)
        .map(mean)
        .collect()
}

fn levels(y: &[f64], should_stop: ShouldStop<'_>) -> Result<Vec<Level>> {
    let mut levels = Vec::new();
    let mut width = 1;
    loop {
        check_stop(should_stop)?;
        let newest = &y[y.len() - y.len().min(LEVEL * width)..];
        let z = means(newest, width);
        if let (Some(plain), Some(ranked)) = (whitened(&z), whitened_ranks(&z)) {
            levels.push(Level {
                width,
                n: plain.len(),
                plain,
                ranked,
            });
        }
        if newest.len() == y.len() {
            return Ok(levels);
        }
        width *= COARSER;
    }
}

impl Search<'_> {
    fn calendar(&mut self, regular: &Regular) -> Result<()> {
        for (micros, share) in CALENDAR {
            check_stop(self.should_stop)?;
            let period = micros as f64 / self.step;
            let known: Vec<f64> = self.found.iter().map(|line| line.period).collect();
            let Some(level) = self.level_of(period) else {
                continue;
            };
            let mut tests = level.tests(period, &known, None);
            if micros == 7 * DAY {
                let per_day = DAY as f64 / self.step;
                tests.extend(week_of_days(&regular.y, per_day, self.should_stop)?);
            }
            self.keep(period, together(&tests), share, Some(micros));
        }
        // What repeats every hour only because the day does, goes.
        self.drop_harmonics();
        Ok(())
    }

    fn others(&mut self) -> Result<()> {
        let mut candidates = Vec::new();
        for (idx, level) in self.levels.iter().enumerate() {
            check_stop(self.should_stop)?;
            let coarser = self.levels.get(idx + 1).map_or(f64::INFINITY, |next| {
                FINE * (next.width / level.width) as f64
            });
            let finer = if idx == 0 { 3.0 } else { FINE };
            let peaks = peaks(&level.plain)
                .into_iter()
                .filter(|p| (finer..coarser).contains(p));
            candidates.extend(peaks.map(|p| p * level.width as f64));
        }
        candidates.sort_by(f64::total_cmp);
        for period in candidates {
            check_stop(self.should_stop)?;
            let Some(level) = self.level_of(period) else {
                continue;
            };
            let width = level.width as f64;
            let bins = (level.n as f64) * width;
            if self
                .found
                .iter()
                .any(|line| (bins / line.period - bins / period).abs() < 1.5)
            {
                continue;
            }
            let known: Vec<f64> = self
                .found
                .iter()
                .map(|line| line.period)
                .filter(|p| p * 1.5 < period)
                .collect();
            let tests = level.tests(period, &known, None);
            let tried = (level.n / 2 * self.levels.len()) as f64;
            self.keep(period, together(&tests), OTHERS / tried, None);
        }
        Ok(())
    }

    fn keep(&mut self, period: f64, evidence: Option<f64>, share: f64, calendar: Option<Micros>) {
        if let Some(evidence) = evidence
            .map(|e| e + share.log10())
            .filter(|e| *e >= self.needed && *e > 0.0)
        {
            self.found.push(Line {
                period,
                evidence,
                calendar,
            });
        }
    }

    /// Drops what is only a harmonic of a longer period.
    fn drop_harmonics(&mut self) {
        let is_harmonic = |line: &Line| {
            self.found.iter().any(|longer| {
                let times = (longer.period / line.period).round();
                let both =
                    line.calendar.is_some_and(|c| c == DAY) && longer.calendar == Some(7 * DAY);
                let Some(level) = self
                    .level_of(longer.period)
                    .filter(|_| times >= 2.0 && !both)
                else {
                    return false;
                };
                let (n, width) = (level.n as f64 * level.width as f64, level.width as f64);
                let apart = (n / line.period - times * n / longer.period).abs();
                apart < 1.5
                    && together(&level.tests(line.period, &[], Some(longer.period)))
                        .is_none_or(|e| e < AGAINST_LONGER || line.period < 3.0 * width)
            })
        };
        let keep: Vec<bool> = self.found.iter().map(|line| !is_harmonic(line)).collect();
        let mut keep = keep.into_iter();
        self.found.retain(|_| keep.next().unwrap_or(true));
    }

    /// The coarsest level on which a period is still fine, else the finest.
    fn level_of(&self, period: f64) -> Option<&Level> {
        let fine = |level: &&Level| period / level.width as f64 >= FINE;
        let level = self
            .levels
            .iter()
            .rev()
            .find(fine)
            .or(self.levels.first())?;
        (period / level.width as f64 >= 3.0).then_some(level)
    }
}

impl Level {
    /// The tests of a period, which is given in windows of the series as the others are.
    fn tests(&self, period: f64, known: &[f64], within: Option<f64>) -> Vec<f64> {
        let width = self.width as f64;
        let known: Vec<f64> = known.iter().map(|p| p / width).collect();
        let test = Test {
            period: period / width,
            known: &known,
            within: within.map(|p| p / width),
        };
        [&self.plain, &self.ranked]
            .into_iter()
            .filter_map(|d| evidence(d, &test))
            .collect()
    }
}

/// Periods at which the periodogram stands out most over its surroundings, at least three windows and three cycles long.
fn peaks(d: &[f64]) -> Vec<f64> {
    let n = d.len();
    let size = (2 * n).next_power_of_two();
    let mut tapered: Vec<f64> = d.to_vec();
    // Hann's window keeps a strong period from hiding others.
    for (t, v) in tapered.iter_mut().enumerate() {
        *v *= 0.5 - 0.5 * (std::f64::consts::TAU * (t as f64 + 0.5) / n as f64).cos();
    }
    tapered.resize(size, 0.0);
    let power = fft::power(&tapered);
    let per_bin = size as f64 / n as f64;
    let around = index(8.0 * per_bin);
    let mut sums = vec![0.0];
    sums.extend(power.iter().scan(0.0, |sum, p| {
        *sum += p;
        Some(*sum)
    }));
    let (first, last) = (index(3.0 * per_bin).max(1), size / 3);
    let mut out: Vec<(f64, f64)> = (first..last.min(power.len().saturating_sub(1)))
        .filter(|&k| power[k] > power[k - 1] && power[k] >= power[k + 1])
        .map(|k| {
            let (from, until) = (k.saturating_sub(around), (k + around).min(power.len()));
            let level = (sums[until] - sums[from]) / (until - from) as f64;
            // The top of the parabola through the logarithms of the peak and its neighbours.
            let [a, b, c] = [k - 1, k, k + 1].map(|at| power[at].max(f64::MIN_POSITIVE).ln());
            let curve = a - 2.0 * b + c;
            let shift = if curve < -1e-12 {
                0.5 * (a - c) / curve
            } else {
                0.0
            };
            (
                power[k] / level.max(f64::MIN_POSITIVE),
                size as f64 / (k as f64 + shift.clamp(-0.5, 0.5)),
            )
        })
        .collect();
    out.sort_by(|a, b| b.0.total_cmp(&a.0));
    out.truncate(CANDIDATES);
    out.into_iter().map(|(_, period)| period).collect()
}
