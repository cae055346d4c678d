//! What is known to act on a series, as rows of the user's tables in JSON: `jsonb_agg(event)`, `jsonb_agg(weather)`.

use std::collections::BTreeMap;
use std::str::FromStr;

use pgrx::prelude::*;
use prescale_core::forecast::{Event, Regressor};
use prescale_core::sample::SeriesBuilder;
use prescale_core::time::{DAY, Micros, check_stop};
use prescale_core::window::Clock;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::convert::json::{Json, rows_from_json};
use crate::convert::{ROWS_PER_LOOK, micros, should_stop};
use crate::error::{Answer, invalid, report};

const EVENTS: &str =
    "Give rows with name, since and until, such as (SELECT jsonb_agg(e) FROM event e).";
const REGRESSORS: &str = "Give rows with ts and one number for each regressor, such as (SELECT jsonb_agg(w) FROM weather w).";

/// Numbers of PostgreSQL that have no number in JSON.
const NOT_FINITE: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// A row of a table of events.
#[derive(Deserialize)]
struct EventRow {
    name: String,
    since: String,
    #[serde(default)]
    until: Option<String>,
}

/// What a row of events may hold.
const KNOWN: [&str; 3] = ["name", "since", "until"];

/// Events from rows with `name`, `since` and `until`; without `until` an event lasts a day of `clock`. Each may be infinite.
///
/// # Errors
/// 22023 for what is no such row or no time, and for a key that is not known: it may be one that was meant.
pub(super) fn events(json: Option<&Json>, clock: Clock) -> Answer<Vec<Event>> {
    let rows: Vec<Value> = rows_from_json(json, "events", EVENTS)?;
    let bound = |text: &str| match text {
        "-infinity" => Ok(Micros::MIN),
        "infinity" => Ok(Micros::MAX),
        finite => instant(finite, clock, "events", EVENTS),
    };
    let event = |row: Value| {
        let row = event_row(row)?;
        let start = bound(&row.since)?;
        let end = match row.until {
            Some(until) => bound(&until)?,
            None => clock.instant(clock.shows(start).saturating_add(DAY)),
        };
        Ok(Event {
            name: row.name,
            start,
            end,
        })
    };
    rows.into_iter().map(event).collect()
}

fn event_row(row: Value) -> Answer<EventRow> {
    let Value::Object(keys) = &row else {
        return Err(invalid("a row of events must be an object", EVENTS));
    };
    if let Some(key) = keys.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(invalid(
            format!("key \"{key}\" of a row of events is not known"),
            format!("Known keys: {}.", KNOWN.join(", ")),
        ));
    }
    let text = row.to_string();
    serde_json::from_value(row)
        .map_err(|error| invalid(format!("event {text} is not valid: {error}"), EVENTS))
}

/// Regressors from rows with `ts` and one number (or truth value) a regressor; what is null or not finite is a gap.
///
/// # Errors
/// 22023 for what is no such row, no time and no number.
pub(super) fn regressors(json: Option<&Json>, clock: Clock) -> Answer<Vec<Regressor>> {
    let rows: Vec<Map<String, Value>> = rows_from_json(json, "regressors", REGRESSORS)?;
    let mut found: BTreeMap<String, SeriesBuilder> = BTreeMap::new();
    for (idx, mut row) in rows.into_iter().enumerate() {
        if idx.is_multiple_of(ROWS_PER_LOOK) {
            check_stop(&should_stop).map_err(report)?;
        }
        let ts = match row.remove("ts") {
            Some(Value::String(ts)) => ts,
            None | Some(Value::Null) => {
                return Err(invalid("a row of regressors has no ts", REGRESSORS));
            }
            Some(other) => {
                let message = format!("ts of a row of regressors must be text, not {other}");
                return Err(invalid(message, REGRESSORS));
            }
        };
        let ts = instant(&ts, clock, "regressors", REGRESSORS)?;
        for (name, value) in row {
            let value = match value {
                Value::Null => None,
                Value::Bool(is_on) => Some(f64::from(u8::from(is_on))),
                Value::Number(number) => number.as_f64(),
                Value::String(text) if NOT_FINITE.contains(&text.as_str()) => None,
                other @ (Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                    let message = format!("regressor \"{name}\" is {other}, not a number");
                    return Err(invalid(message, REGRESSORS));
                }
            };
            let series = found.entry(name).or_default();
            series.push(Some(ts), value).map_err(report)?;
        }
    }
    let regressor = |(name, series): (String, SeriesBuilder)| {
        Ok(Regressor {
            name,
            series: series.finish().map_err(report)?,
        })
    };
    found.into_iter().map(regressor).collect()
}

/// A time in the form that PostgreSQL gives it in JSON. Without an offset it is one of `clock`: the answer must not depend on the session.
fn instant(text: &str, clock: Clock, name: &str, hint: &str) -> Answer<Micros> {
    let is_local = !text
        .get(10..)
        .unwrap_or_default()
        .contains(['+', '-', 'Z', 'z']);
    let whole = format!("{text}{}", if is_local { "+00" } else { "" });
    // Words such as "now" are not what they were when the plan was made.
    let ts = if text.starts_with(|c: char| c.is_ascii_digit()) {
        TimestampWithTimeZone::from_str(&whole).ok()
    } else {
        None
    };
    let ts = ts.ok_or_else(|| invalid(format!("\"{text}\" in {name} is not a time"), hint))?;
    let ts = micros(ts)?;
    Ok(if is_local { clock.instant(ts) } else { ts })
}
