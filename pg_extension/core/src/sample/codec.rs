//! Flat form of a series and of its builder.
//!
//! | field | bytes | |
//! |---|---|---|
//! | format | 1 | 1 |
//! | flags | 1 | 1 = equispaced, 2 = has a step, 4 = has a time zone, 8 = samples of a counter |
//! | counts | 4 × 8 | null, non-finite, duplicate, imputed |
//! | step | 8 | if any, microseconds |
//! | time zone | 1 + n | if any, length first |
//! | rows | 8 | n |
//! | times | 2 × 8 or n × 8 | equispaced: start and gap (0 for equal times, and for one row); else all |
//! | values | n × 8 | |

use super::builder::{MAX_ROWS, SeriesBuilder};
use super::counter;
use super::flat::{Reader, Writer, reserved};
use super::series::{Series, SeriesCounts, first_unordered};
use crate::error::Result;
use crate::time::{Micros, Step};

const EQUISPACED: u8 = 1;
const HAS_STEP: u8 = 2;
const HAS_TIMEZONE: u8 = 4;
const COUNTER: u8 = 8;

/// The longest IANA name has 32 characters. Names are not looked up here: a value written with a newer time zone
/// database must stay loadable.
const MAX_TIMEZONE: usize = 64;

pub(super) fn series_to_bytes(series: &Series) -> Vec<u8> {
    let (ts, value) = series.raw();
    Layout {
        ts,
        value,
        counts: series.counts,
        step: series.step,
        timezone: series.timezone.as_deref(),
        is_counter: series.is_counter(),
    }
    .to_bytes()
}

/// The series that a state with sorted rows stands for.
pub(super) fn sorted_to_bytes(builder: &SeriesBuilder, counts: SeriesCounts) -> Vec<u8> {
    Layout {
        ts: &builder.ts,
        value: &builder.value,
        counts,
        step: None,
        timezone: None,
        is_counter: builder.is_counter,
    }
    .to_bytes()
}

/// What the flat form of a series holds.
struct Layout<'a> {
    ts: &'a [Micros],
    value: &'a [f64],
    counts: SeriesCounts,
    step: Option<Step>,
    timezone: Option<&'a str>,
    is_counter: bool,
}

impl Layout<'_> {
    fn to_bytes(&self) -> Vec<u8> {
        let gap = equal_gap(self.ts);
        // A name that could not be read back is not written; `resample` only knows shorter ones.
        let timezone = self.timezone.filter(|name| is_timezone(name));
        let mut flags = 0;
        flags |= if gap.is_some() { EQUISPACED } else { 0 };
        flags |= if self.step.is_some() { HAS_STEP } else { 0 };
        flags |= if timezone.is_some() { HAS_TIMEZONE } else { 0 };
        flags |= if self.is_counter { COUNTER } else { 0 };
        let per_row = if gap.is_some() { 8 } else { 16 };
        let mut out = Writer::new(160 + self.ts.len() * per_row);
        out.u8(flags);
        write_counts(&mut out, self.counts);
        if let Some(step) = self.step {
            out.i64(step.micros());
        }
        if let Some(name) = timezone {
            out.u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
            out.raw(name.as_bytes());
        }
        out.len(self.ts.len());
        match gap {
            Some((start, gap)) => out.i64s(&[start, gap]),
            None => out.i64s(self.ts),
        }
        out.f64s(self.value);
        out.finish()
    }
}

pub(super) fn series_from_bytes(bytes: &[u8]) -> Result<Series> {
    let mut reader = Reader::new("series", bytes)?;
    let flags = reader.u8()?;
    let is_counter = flags & COUNTER != 0;
    if flags & !(EQUISPACED | HAS_STEP | HAS_TIMEZONE | COUNTER) != 0 {
        return Err(reader.corrupt(format_args!("flags {flags} are not known")));
    }
    let counts = read_counts(&mut reader)?;
    let step = if flags & HAS_STEP != 0 {
        Some(read_step(&mut reader)?)
    } else {
        None
    };
    let timezone = if flags & HAS_TIMEZONE != 0 {
        Some(read_timezone(&mut reader)?)
    } else {
        None
    };
    let is_equispaced = flags & EQUISPACED != 0;
    let n = reader.len(if is_equispaced { 8 } else { 16 })?;
    if n > MAX_ROWS {
        return Err(reader.corrupt(format_args!("{n} rows are more than {MAX_ROWS}")));
    }
    let ts = if is_equispaced {
        read_equispaced(&mut reader, n)?
    } else {
        reader.i64s(n)?
    };
    let value = reader.f64s(n)?;
    if let Some(row_idx) = first_unordered(&ts, &value) {
        return Err(reader.corrupt(format_args!("row {} is not in order", row_idx + 1)));
    }
    if is_counter && (step.is_some() || timezone.is_some() || !counter::is_counter(&value)) {
        return Err(reader.corrupt("its values are not samples of a counter"));
    }
    reader.finish()?;
    if is_counter {
        return counter::series(ts, value, counts);
    }
    Ok(Series {
        ts,
        value,
        counts,
        step,
        timezone,
        counter: None,
    })
}

/// The state is written in the order in which its rows came; there is no time zone, no step and no compression.
pub(super) fn builder_to_bytes(builder: &SeriesBuilder) -> Vec<u8> {
    let mut out = Writer::new(48 + builder.len() * 16);
    out.u8(if builder.is_counter { COUNTER } else { 0 });
    write_counts(&mut out, builder.counts);
    out.len(builder.len());
    out.i64s(&builder.ts);
    out.f64s(&builder.value);
    out.finish()
}

pub(super) fn builder_from_bytes(bytes: &[u8]) -> Result<SeriesBuilder> {
    let mut reader = Reader::new("series state", bytes)?;
    let flags = reader.u8()?;
    let counts = read_counts(&mut reader)?;
    let n = reader.len(16)?;
    if n > MAX_ROWS {
        return Err(reader.corrupt(format_args!("{n} rows are more than {MAX_ROWS}")));
    }
    let ts = reader.i64s(n)?;
    let value = reader.f64s(n)?;
    let is_counter = flags == COUNTER;
    if flags & !COUNTER != 0 || (is_counter && !counter::is_counter(&value)) {
        return Err(reader.corrupt("its values are not samples of a counter"));
    }
    reader.finish()?;
    Ok(SeriesBuilder::of_columns(ts, value, counts, is_counter))
}

/// Start and gap where all gaps are equal; a single row has gap 0.
fn equal_gap(ts: &[Micros]) -> Option<(Micros, Micros)> {
    let start = *ts.first()?;
    let Some(second) = ts.get(1) else {
        return Some((start, 0));
    };
    let gap = second.checked_sub(start)?;
    let is_equal = ts
        .iter()
        .zip(ts.iter().skip(1))
        .all(|(t0, t1)| t1.checked_sub(*t0) == Some(gap));
    is_equal.then_some((start, gap))
}

fn read_equispaced(reader: &mut Reader<'_>, n: usize) -> Result<Vec<Micros>> {
    let (start, gap) = (reader.i64()?, reader.i64()?);
    let last = i64::try_from(n.saturating_sub(1))
        .ok()
        .and_then(|k| k.checked_mul(gap))
        .and_then(|s| start.checked_add(s));
    let Some(last) = last.filter(|_| gap >= 0 && n > 0) else {
        return Err(reader.corrupt(format_args!("{n} times from {start} with gap {gap}")));
    };
    let mut ts: Vec<Micros> = reserved(n)?;
    if gap == 0 {
        ts.resize(n, start);
    } else {
        // A positive gap is at most the span, which fits: `last` was computed without overflow.
        ts.extend((0..n).scan(start, |next, _| {
            let ts = *next;
            *next = next.wrapping_add(gap);
            Some(ts)
        }));
    }
    debug_assert_eq!(ts.last(), Some(&last));
    Ok(ts)
}

fn write_counts(out: &mut Writer, counts: SeriesCounts) {
    let SeriesCounts {
        n_null,
        n_nonfinite,
        n_dup,
        n_imputed,
    } = counts;
    [n_null, n_nonfinite, n_dup, n_imputed]
        .into_iter()
        .for_each(|n| out.u64(n));
}

fn read_counts(reader: &mut Reader<'_>) -> Result<SeriesCounts> {
    let (n_null, n_nonfinite) = (reader.u64()?, reader.u64()?);
    let (n_dup, n_imputed) = (reader.u64()?, reader.u64()?);
    Ok(SeriesCounts {
        n_null,
        n_nonfinite,
        n_dup,
        n_imputed,
    })
}

fn read_step(reader: &mut Reader<'_>) -> Result<Step> {
    let micros = reader.i64()?;
    Step::try_new(micros).map_err(|error| reader.corrupt(error))
}

fn read_timezone(reader: &mut Reader<'_>) -> Result<String> {
    let n = usize::from(reader.u8()?);
    let name = reader.raw(n)?;
    std::str::from_utf8(name)
        .ok()
        .filter(|name| is_timezone(name))
        .map(str::to_owned)
        .ok_or_else(|| reader.corrupt("its time zone is not a name"))
}

/// Whether `name` has the shape of a time zone name.
pub(super) fn is_timezone(name: &str) -> bool {
    (1..=MAX_TIMEZONE).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}
