//! Text form of a series: JSON.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::builder::MAX_ROWS;
use super::codec::is_timezone;
use super::counter;
use super::flat::{FORMAT, corrupt, reserve};
use super::series::{Series, SeriesCounts, count_dup};
use crate::error::Result;
use crate::time::{Micros, Step};

#[derive(Serialize)]
struct Written<'a> {
    format: u8,
    ts: &'a [Micros],
    value: &'a [f64],
    #[serde(flatten)]
    counts: SeriesCounts,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    counter: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    format: u8,
    ts: Rows<Micros>,
    value: Rows<f64>,
    #[serde(default)]
    n_null: u64,
    #[serde(default)]
    n_nonfinite: u64,
    n_dup: Option<u64>,
    #[serde(default)]
    n_imputed: u64,
    step: Option<Step>,
    timezone: Option<String>,
    #[serde(default)]
    counter: bool,
}

pub(super) fn series_to_text(series: &Series) -> String {
    let (ts, value) = series.raw();
    let written = Written {
        format: FORMAT,
        ts,
        value,
        counts: series.counts,
        step: series.step,
        timezone: series.timezone.as_deref(),
        counter: series.is_counter(),
    };
    // Numbers and strings in a struct always have a JSON form.
    serde_json::to_string(&written).unwrap_or_default()
}

pub(super) fn series_from_text(text: &str) -> Result<Series> {
    let read: Read = serde_json::from_str(text).map_err(|error| corrupt("series", error))?;
    if read.format != FORMAT {
        return Err(corrupt(
            "series",
            format_args!("format {} is not known", read.format),
        ));
    }
    if read
        .timezone
        .as_deref()
        .is_some_and(|name| !is_timezone(name))
    {
        return Err(corrupt("series", "its time zone is not a name"));
    }
    let mut series =
        Series::try_new(read.ts.0, read.value.0).map_err(|error| corrupt("series", error))?;
    series.counts = SeriesCounts {
        n_null: read.n_null,
        n_nonfinite: read.n_nonfinite,
        n_dup: read.n_dup.unwrap_or_else(|| count_dup(&series.ts)),
        n_imputed: read.n_imputed,
    };
    if read.counter {
        if read.step.is_some() || read.timezone.is_some() || !counter::is_counter(&series.value) {
            return Err(corrupt("series", "its values are not samples of a counter"));
        }
        return counter::series(series.ts, series.value, series.counts);
    }
    series.step = read.step;
    series.timezone = read.timezone;
    Ok(series)
}

/// A column that refuses to grow beyond [`MAX_ROWS`] and asks for memory fallibly.
struct Rows<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_seq(RowsVisitor(Vec::new()))
    }
}

struct RowsVisitor<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for RowsVisitor<T> {
    type Value = Rows<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(
        mut self,
        mut seq: A,
    ) -> std::result::Result<Self::Value, A::Error> {
        while let Some(x) = seq.next_element()? {
            if self.0.len() >= MAX_ROWS {
                return Err(de::Error::custom(format_args!("more than {MAX_ROWS} rows")));
            }
            reserve(&mut self.0, 1).map_err(de::Error::custom)?;
            self.0.push(x);
        }
        Ok(Rows(self.0))
    }
}
