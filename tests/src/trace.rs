//! Recorded traces as means of windows.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use prescale_core::fingerprint::{Keep, PcaBuilder, PcaModel};
use prescale_core::time::{DAY, MINUTE, Micros, SECOND, Step};

/// A trace on a regular grid, NaN where nothing was seen. Its first number is demand.
#[derive(Debug)]
pub struct Trace {
    pub name: String,
    pub step: Step,
    pub start: Micros,
    /// Numbers of a window.
    pub width: usize,
    /// Window by window.
    pub rows: Vec<f64>,
}

impl Trace {
    /// Traces of a CSV file, which may be compressed, in windows of `step`. Its first column is a time: as RFC 3339 or in seconds, or
    /// `minute`. `FILE:COLUMN` gives one trace for each value of that column, `FILE` a single one; all other columns are numbers.
    ///
    /// # Errors
    /// When the file cannot be read, or is no such table.
    pub fn read(file: &str, step: Step) -> Result<Vec<Self>> {
        let (path, by) = file.split_once(':').unwrap_or((file, ""));
        let text = text(path)?;
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().context("an empty file")?.split(',').collect();
        let unit = if header[0] == "minute" {
            MINUTE
        } else {
            SECOND
        };
        let mut groups: BTreeMap<String, Vec<(Micros, Vec<f64>)>> = BTreeMap::new();
        for line in lines {
            let fields: Vec<&str> = line.split(',').collect();
            ensure!(
                fields.len() == header.len(),
                "a row of {} columns: {line}",
                fields.len()
            );
            let ts = match fields[0].parse::<i64>() {
                Ok(n) => n * unit,
                Err(_) => instant(fields[0])?,
            };
            let named = || header.iter().zip(&fields).skip(1);
            let key = named()
                .filter(|(name, _)| **name == by)
                .map(|(_, v)| format!("/{v}"));
            let numbers = named().filter(|(name, _)| **name != by);
            let numbers = numbers.map(|(_, v)| v.parse().unwrap_or(f64::NAN));
            groups
                .entry(key.collect())
                .or_default()
                .push((ts, numbers.collect()));
        }
        let stem = path
            .rsplit('/')
            .next()
            .unwrap_or(path)
            .split('.')
            .next()
            .unwrap_or(path);
        let trace = |(key, rows): (String, Vec<_>)| Self::of(format!("{stem}{key}"), &rows, step);
        groups.into_iter().map(trace).collect()
    }

    fn of(name: String, rows: &[(Micros, Vec<f64>)], step: Step) -> Result<Self> {
        let width = rows[0].1.len();
        let first = rows.iter().map(|r| r.0).min().context("no rows")?;
        let last = rows.iter().map(|r| r.0).max().context("no rows")?;
        let start = step.floor(first);
        let n = usize::try_from((last - start) / step.micros())? + 1;
        let mut sums = vec![(0.0, 0.0); n * width];
        for (ts, row) in rows {
            let i = usize::try_from((ts - start) / step.micros())?;
            let seen = sums[i * width..]
                .iter_mut()
                .zip(row)
                .filter(|(_, x)| !x.is_nan());
            seen.for_each(|(sum, x)| *sum = (sum.0 + x, sum.1 + 1.0));
        }
        Ok(Self {
            name,
            step,
            start,
            width,
            rows: sums.iter().map(|(sum, n)| sum / n).collect(),
        })
    }

    /// Demand in each window.
    #[must_use]
    pub fn demand(&self) -> Vec<f64> {
        self.rows.chunks(self.width).map(|row| row[0]).collect()
    }

    /// Start of a window.
    #[must_use]
    pub fn ts(&self, idx: usize) -> Micros {
        self.start + self.step.micros() * i64::try_from(idx).unwrap_or(0)
    }

    /// Three principal components of the numbers of each window, fitted on the first `n`; none of a single number.
    ///
    /// # Errors
    /// As [`PcaModel::fit`].
    pub fn fingerprints(&self, n: usize) -> Result<Vec<Vec<f64>>> {
        if self.width < 2 {
            return Ok(Vec::new());
        }
        let known = |x: &f64| (!x.is_nan()).then_some(*x);
        let vectors: Vec<Vec<Option<f64>>> = self
            .rows
            .chunks(self.width)
            .map(|row| row.iter().map(known).collect())
            .collect();
        let mut state = PcaBuilder::default();
        for vector in &vectors[..n] {
            state.push(vector)?;
        }
        let model = PcaModel::fit(&state.state(), Keep::Components(3), true)?;
        vectors
            .iter()
            .map(|vector| Ok(model.project(vector)?))
            .collect()
    }
}

/// The text of a file, which may be compressed.
///
/// # Errors
/// When it cannot be read.
pub fn text(path: &str) -> Result<String> {
    let out = Command::new("zcat").args(["-f", path]).output()?;
    ensure!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    Ok(String::from_utf8(out.stdout)?)
}

/// Microseconds of `YYYY-MM-DDTHH:MM:SS`, by the clock that wrote it.
fn instant(text: &str) -> Result<Micros> {
    let part = |from: usize, to: usize| -> Result<i64> {
        Ok(text.get(from..to).context("a short time")?.parse()?)
    };
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    // Days since the epoch of the proleptic Gregorian calendar, years beginning in March.
    let year = if month > 2 { year } else { year - 1 };
    let days =
        year * 365 + year / 4 - year / 100 + year / 400 + (153 * ((month + 9) % 12) + 2) / 5 + day
            - 719_469;
    Ok(days * DAY + (part(11, 13)? * 3600 + part(14, 16)? * 60 + part(17, 19)?) * SECOND)
}
