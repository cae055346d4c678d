//! How values are read. Text is accepted for every type, since the environment holds nothing else.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::Value;

/// Text that is not empty.
pub(super) fn text(value: &Value) -> Result<String, String> {
    match value.as_str() {
        Some("") => Err("must not be empty".to_owned()),
        Some(text) => Ok(text.to_owned()),
        None => Err("give text in quotes".to_owned()),
    }
}

/// A path.
pub(super) fn path(value: &Value) -> Result<PathBuf, String> {
    text(value).map(PathBuf::from)
}

/// `true` or `false`.
pub(super) fn flag(value: &Value) -> Result<bool, String> {
    let read = value
        .as_bool()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    read.ok_or_else(|| "give true or false".to_owned())
}

/// A whole number within limits.
pub(super) fn whole<T: TryFrom<i64>>(
    value: &Value,
    limits: std::ops::RangeInclusive<i64>,
) -> Result<T, String> {
    let read = value
        .as_integer()
        .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    read.filter(|number| limits.contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| {
            format!(
                "give a whole number from {} to {}",
                limits.start(),
                limits.end()
            )
        })
}

/// A list of shard numbers: `[0, 1]`, or `0,1` in the environment.
pub(super) fn shards(value: &Value) -> Result<Vec<i32>, String> {
    let limits = 0..=i64::from(i32::MAX);
    let items: Vec<Value> = match value {
        Value::Array(items) => items.clone(),
        Value::String(text) => text
            .split(',')
            .map(|item| Value::String(item.to_owned()))
            .collect(),
        Value::Integer(_) => vec![value.clone()],
        Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Table(_) => Vec::new(),
    };
    let mut shards = items
        .iter()
        .map(|item| whole(item, limits.clone()))
        .collect::<Result<Vec<i32>, _>>()?;
    let given = shards.len();
    shards.sort_unstable();
    shards.dedup();
    if shards.is_empty() || shards.len() != given {
        return Err("give one or more different shard numbers, such as [0, 1]".to_owned());
    }
    Ok(shards)
}

/// A length of time with its unit, above zero.
pub(super) fn duration(value: &Value) -> Result<Duration, String> {
    let hint = || {
        "give a length of time above zero with its unit, such as \"15s\" or \"500ms\"".to_owned()
    };
    value.as_str().and_then(length).ok_or_else(hint)
}

/// A length of time as people and PostgreSQL write it (`15s`, `5 minutes`, `00:05:00`), above zero.
pub(crate) fn length(text: &str) -> Option<Duration> {
    let signed: jiff::SignedDuration = text.trim().parse().ok()?;
    Duration::try_from(signed)
        .ok()
        .filter(|length| !length.is_zero())
}

/// An address to listen on.
pub(super) fn address(value: &Value) -> Result<SocketAddr, String> {
    let hint = || "give an IP address and a port, such as \"127.0.0.1:9797\"".to_owned();
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(hint)
}

/// One of several words.
pub(super) fn word<T: Copy>(value: &Value, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| value.as_str() == Some(word));
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        format!("give one of {}", names.join(", "))
    })
}
