//! Where windows start: the rules are in the text of the module above.

use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{GapInfo, Tz};

use super::MAX_WINDOWS;
use crate::error::{Error, ErrorKind, Result};
use crate::sample::flat::reserve;
use crate::time::{DAY, Micros, SECOND, ShouldStop, Step, check_stop};

/// Monday 2000-01-03 in days since the epoch; see the rules.
const ORIGIN_DAY: i64 = 10_959;

/// Looks up an IANA name.
pub(super) fn timezone(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| {
        Error::new(
            ErrorKind::UnknownName,
            format!("time zone \"{name}\" is not known"),
        )
        .with_hint("give an IANA name such as 'UTC' or 'Europe/Berlin'; case matters")
    })
}

/// The starts of all windows from the one that holds `first` to the one that holds `last`, strictly ascending.
pub(super) fn starts(
    step: Step,
    zone: Tz,
    first: Micros,
    last: Micros,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Micros>> {
    let span = i128::from(last) - i128::from(first);
    if span / i128::from(step.micros()) >= MAX_WINDOWS as i128 {
        return Err(too_many(step, span));
    }
    if step.micros() % DAY == 0 {
        day_starts(step.micros() / DAY, zone, first, last, should_stop)
    } else {
        fixed_starts(step, phase(step, zone, first)?, first, last)
    }
}

fn too_many(step: Step, span: i128) -> Error {
    let message = format!(
        "windows of {} seconds over {} days are more than {MAX_WINDOWS}",
        step.micros() as f64 / SECOND as f64,
        span / i128::from(DAY)
    );
    Error::new(ErrorKind::TooLarge, message)
        .with_hint("use a longer step or a shorter part of the series")
}

/// Windows of equal length, one of which starts at `phase` after the epoch.
fn fixed_starts(step: Step, phase: Micros, first: Micros, last: Micros) -> Result<Vec<Micros>> {
    let into = (i128::from(first) - i128::from(phase)).rem_euclid(i128::from(step.micros()));
    let start = i64::try_from(i128::from(first) - into).map_err(|_| outside(first))?;
    let mut out = Vec::new();
    let mut next = Some(start);
    while let Some(ts) = next.filter(|&ts| ts <= last) {
        if out.len() == out.capacity() {
            reserve(&mut out, 1)?;
        }
        out.push(ts);
        next = ts.checked_add(step.micros());
    }
    Ok(out)
}

/// How long after the epoch windows start that have local midnight as a boundary; zero where that cannot be had.
fn phase(step: Step, zone: Tz, first: Micros) -> Result<Micros> {
    if DAY % step.micros() != 0 || zone == Tz::UTC {
        return Ok(0);
    }
    let month = |k: i64| first.saturating_add(k * 30 * DAY);
    let phase_at = |ts| Ok(-offset(zone, ts)?.rem_euclid(step.micros()));
    let phase = phase_at(first)?;
    for k in 1..=12 {
        if phase_at(month(k))? != phase {
            return Ok(0);
        }
    }
    Ok(phase)
}

/// Windows of `n` local days.
fn day_starts(
    n: i64,
    zone: Tz,
    first: Micros,
    last: Micros,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Micros>> {
    let start_of = |k: i64| {
        k.checked_mul(n)
            .and_then(|day| day.checked_add(ORIGIN_DAY))
            .map(|day| midnight(zone, day))
    };
    let start_of = |k: i64| start_of(k).unwrap_or_else(|| Err(outside(first)));
    let local_day = first.saturating_add(offset(zone, first)?).div_euclid(DAY);
    // Where clocks go back across midnight, two stretches of time have the same date: the date is only a guess.
    let mut k = (local_day - ORIGIN_DAY).div_euclid(n);
    while start_of(k)? > first {
        k -= 1;
    }
    while start_of(k + 1)? <= first {
        k += 1;
    }
    let mut out = Vec::new();
    loop {
        let start = start_of(k)?;
        if start > last {
            return Ok(out);
        }
        if out.len() % (1 << 16) == 0 {
            check_stop(should_stop)?;
        }
        if out.last() != Some(&start) {
            reserve(&mut out, 1)?;
            out.push(start);
        }
        k += 1;
    }
}

/// The first instant of a local day, given in days since the epoch.
fn midnight(zone: Tz, day: i64) -> Result<Micros> {
    let local = day.checked_mul(DAY);
    instant(zone, local.ok_or_else(|| outside(day.saturating_mul(DAY)))?)
}

/// The first instant at which clocks of the zone show `local` or, where they jump over it, more.
pub(super) fn instant(zone: Tz, local: Micros) -> Result<Micros> {
    let missing = || outside(local);
    let local = naive(local).ok_or_else(missing)?;
    let instant = match zone.from_local_datetime(&local).earliest() {
        Some(instant) => Some(instant),
        None => GapInfo::new(&local, &zone).and_then(|gap| gap.end),
    };
    instant
        .map(|instant| instant.timestamp_micros())
        .ok_or_else(missing)
}

/// Local time minus UTC at `ts`.
pub(super) fn offset(zone: Tz, ts: Micros) -> Result<Micros> {
    let utc = naive(ts).ok_or_else(|| outside(ts))?;
    Ok(i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()) * SECOND)
}

fn naive(ts: Micros) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(ts).map(|instant| instant.naive_utc())
}

fn outside(ts: Micros) -> Error {
    Error::invalid(format!(
        "a time {} days from 1970 is outside the calendar",
        ts / DAY
    ))
}
