//! Fills gaps with what the same time of other days says.

use chrono_tz::Tz;

use super::regularize::{Gap, fill_gaps, on_line};
use super::{Window, calendar};
use crate::error::{Error, Result};
use crate::sample::flat::reserved;
use crate::time::{DAY, Micros, SECOND, ShouldStop, Step, check_stop};

/// Turns of fitting phases and levels; ten settle what gaps of half a season unbalance.
const TURNS: usize = 10;

/// Fills every window without a value from the usual course of a season: the day for steps that divide it, the week for days.
/// Seasons follow local time, so that nine o'clock stays nine o'clock when the clocks change.
///
/// value = usual(phase) + what the two neighbours of the gap differ from *their* phases, on a line between them; kept
/// between the smallest and the largest measured value. usual(phase) is the mean of the measured windows of the phase, each
/// less the level of its season (fitted in turns, so that a gap in a high season does not lower its phases); where a phase
/// was never measured, on the line between those around it. Less than one season of windows is filled as `linear`.
pub(super) fn fill(
    windows: &mut [Window],
    step: Step,
    zone: Tz,
    should_stop: ShouldStop<'_>,
) -> Result<()> {
    let season = Season::new(step, zone)?;
    if windows.len() < season.phases {
        fill_gaps(windows, on_line);
        return Ok(());
    }
    let mut phases: Vec<u32> = reserved(windows.len())?;
    for (idx, window) in windows.iter().enumerate() {
        if idx % (1 << 18) == 0 {
            check_stop(should_stop)?;
        }
        phases.push(season.phase(window.ts)?);
    }
    let measured = || windows.iter().filter_map(|w| w.y);
    let low = measured().fold(f64::INFINITY, f64::min);
    let high = measured().fold(f64::NEG_INFINITY, f64::max);
    let usual = usual(windows, &phases, season.phases, should_stop)?;
    let usual_at = |ts| season.phase(ts).map_or(0.0, |phase| usual[phase as usize]);
    fill_gaps(windows, |gap| {
        let above = |(ts, y): (Micros, f64)| (ts, y - usual_at(ts));
        let bridge = on_line(&Gap {
            ts: gap.ts,
            before: above(gap.before),
            after: above(gap.after),
        });
        (usual_at(gap.ts) + bridge).clamp(low, high)
    });
    Ok(())
}

/// What is usual in each phase, by turns with the level of each season (backfitting of two additive factors).
fn usual(
    windows: &[Window],
    phases: &[u32],
    n: usize,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<f64>> {
    let mut usual = vec![(0.0, 0.0); n];
    // A running mean cannot leave the range of a double.
    let add = |mean: &mut (f64, f64), v: f64| {
        mean.1 += 1.0;
        mean.0 += v / mean.1 - mean.0 / mean.1;
    };
    for _ in 0..TURNS {
        let mut turn = vec![(0.0, 0.0); n];
        for (season, (windows, phases)) in windows.chunks(n).zip(phases.chunks(n)).enumerate() {
            if season * n % (1 << 18) < n {
                check_stop(should_stop)?;
            }
            let measured = || {
                windows
                    .iter()
                    .zip(phases)
                    .filter_map(|(w, &p)| Some((w.y?, p as usize)))
            };
            let mut level = (0.0, 0.0);
            measured().for_each(|(y, phase)| add(&mut level, y - usual[phase].0));
            measured().for_each(|(y, phase)| add(&mut turn[phase], y - level.0));
        }
        usual = turn;
    }
    Ok(complete(&usual))
}

/// The phases of a season.
struct Season {
    phases: usize,
    of_day: bool,
    step: Step,
    zone: Tz,
}

impl Season {
    fn new(step: Step, zone: Tz) -> Result<Self> {
        let micros = step.micros();
        if DAY % micros != 0 {
            let message = format!(
                "fill seasonal has no season for a step of {} seconds",
                micros as f64 / SECOND as f64
            );
            return Err(Error::invalid(message)
                .with_hint("give a step that divides a day, or one day; or fill linear"));
        }
        let of_day = micros < DAY;
        let phases = if of_day { DAY / micros } else { 7 };
        Ok(Self {
            phases: usize::try_from(phases).unwrap_or(usize::MAX),
            of_day,
            step,
            zone,
        })
    }

    fn phase(&self, ts: Micros) -> Result<u32> {
        let local = ts.saturating_add(calendar::offset(self.zone, ts)?);
        let phase = if self.of_day {
            local.rem_euclid(DAY) / self.step.micros()
        } else {
            local.div_euclid(DAY).rem_euclid(7)
        };
        Ok(u32::try_from(phase).unwrap_or(0))
    }
}

/// The mean of each phase; of one without values, on the line between those around it, across the end of the season.
fn complete(sums: &[(f64, f64)]) -> Vec<f64> {
    let mut usual: Vec<f64> = sums.iter().map(|sum| sum.0).collect();
    let known: Vec<usize> = (0..sums.len())
        .filter(|&phase| sums[phase].1 > 0.0)
        .collect();
    for (nth, &from) in known.iter().enumerate() {
        let until = known.get(nth + 1).copied().unwrap_or(known[0] + sums.len());
        let (y0, y1) = (usual[from], usual[until % sums.len()]);
        for phase in from + 1..until {
            let share = (phase - from) as f64 / (until - from) as f64;
            usual[phase % sums.len()] = y0 * (1.0 - share) + y1 * share;
        }
    }
    usual
}
