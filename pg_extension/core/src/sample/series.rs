//! A finished series.

use super::counter::{self, Counter};
use super::flat::reserved;
use super::{codec, text};
use crate::error::{Error, ErrorKind, Result};
use crate::time::{Micros, Step};

/// What had to be left out or noticed while a series was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SeriesCounts {
    /// Rows whose time or value was NULL.
    pub n_null: u64,
    /// Rows whose value was NaN or infinite.
    pub n_nonfinite: u64,
    /// Rows that share their time with an earlier row (kept, counted).
    pub n_dup: u64,
    /// Values filled in by `resample`.
    pub n_imputed: u64,
}

/// A time-ordered series of finite values. Invariant: `ts` ascending, ties ordered by value (−0 before 0), values
/// finite. Two rows with the same time are both kept; what to do with them is the choice of a later stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub(super) ts: Vec<Micros>,
    pub(super) value: Vec<f64>,
    pub(super) counts: SeriesCounts,
    pub(super) step: Option<Step>,
    pub(super) timezone: Option<String>,
    /// What the values are the rates of, when it was a counter.
    pub(super) counter: Option<Counter>,
}

impl Series {
    /// A series of rows that are already in order.
    ///
    /// ```
    /// use prescale_core::sample::Series;
    /// let series = Series::try_new(vec![0, 60_000_000], vec![1.0, 2.0])?;
    /// assert_eq!(series.len(), 2);
    /// # Ok::<(), prescale_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument` when the lengths differ or the rows are not ordered by time and then by value, `NotFinite`
    /// for NaN and infinity.
    pub fn try_new(ts: Vec<Micros>, value: Vec<f64>) -> Result<Self> {
        if ts.len() != value.len() {
            return Err(Error::invalid(format!(
                "{} times but {} values",
                ts.len(),
                value.len()
            )));
        }
        if let Some(x) = value.iter().find(|x| !x.is_finite()) {
            return Err(Error::new(
                ErrorKind::NotFinite,
                format!("a value of the series is {x}"),
            ));
        }
        if let Some(row_idx) = first_unordered(&ts, &value) {
            return Err(Error::invalid(format!(
                "row {} of the series is not in order",
                row_idx + 1
            ))
            .with_hint("order the rows by time and rows of the same time by value"));
        }
        let counts = SeriesCounts {
            n_dup: count_dup(&ts),
            ..SeriesCounts::default()
        };
        Ok(Self {
            ts,
            value,
            counts,
            step: None,
            timezone: None,
            counter: None,
        })
    }

    /// A series on a fixed grid (for `window`).
    pub(crate) fn on_grid(
        ts: Vec<Micros>,
        value: Vec<f64>,
        counts: SeriesCounts,
        step: Step,
        timezone: &str,
    ) -> Self {
        Self {
            ts,
            value,
            counts,
            step: Some(step),
            timezone: Some(timezone.to_owned()),
            counter: None,
        }
    }

    /// The rates of a counter whose samples this series holds: the value at each time but the first is the increase
    /// since the sample before, per second. Where the counter fell, it had restarted at zero, so that the increase is the
    /// new value (the rule of Prometheus), and [`n_reset`](Self::n_reset) counts it. Of several samples at one time the largest
    /// counts. Samples below zero or above 1e140 are counted as non-finite and left out.
    ///
    /// The samples stay with the rates: both forms hold them, and series of rates merge as if the rates had been taken
    /// over all samples at once. A range, or windows, of such a series are values like others.
    ///
    /// ```
    /// use prescale_core::sample::Series;
    /// let counter = Series::try_new(vec![0, 10_000_000, 20_000_000], vec![5.0, 25.0, 10.0])?;
    /// let rates = counter.rate()?;
    /// assert_eq!((rates.value(), rates.n_reset()), ([2.0, 1.0].as_slice(), Some(1)));
    /// # Ok::<(), prescale_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument` when the values are rates already, `TooLarge` when there is no memory for them.
    pub fn rate(&self) -> Result<Self> {
        if self.is_counter() {
            return Err(Error::invalid("the values of the series are rates already")
                .with_hint("give a series of what the counter showed"));
        }
        counter::of_values(self)
    }

    /// Whether the values are rates of a counter, whose samples the series holds.
    #[must_use]
    pub fn is_counter(&self) -> bool {
        self.counter.is_some()
    }

    /// How often the counter restarted; `None` when the series does not come from one.
    #[must_use]
    pub fn n_reset(&self) -> Option<u64> {
        self.counter.as_ref().map(|counter| counter.n_reset)
    }

    /// The rows as they came: the samples of the counter, if it was one.
    pub(super) fn raw(&self) -> (&[Micros], &[f64]) {
        match &self.counter {
            Some(counter) => (&counter.ts, &counter.value),
            None => (&self.ts, &self.value),
        }
    }

    /// Times, ascending.
    #[must_use]
    pub fn ts(&self) -> &[Micros] {
        &self.ts
    }

    /// Values, finite.
    #[must_use]
    pub fn value(&self) -> &[f64] {
        &self.value
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ts.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ts.is_empty()
    }

    /// What was left out or noticed.
    #[must_use]
    pub fn counts(&self) -> SeriesCounts {
        self.counts
    }

    /// The step, when the series came from `resample`.
    #[must_use]
    pub fn step(&self) -> Option<Step> {
        self.step
    }

    /// The time zone of the windows, when the series came from `resample`.
    #[must_use]
    pub fn timezone(&self) -> Option<&str> {
        self.timezone.as_deref()
    }

    /// The rows with `from <= ts < until`. Step and time zone stay; `n_dup` is counted anew, the other counts still
    /// speak of the rows that the whole series was built from. An empty or reversed range gives no rows.
    ///
    /// # Errors
    /// `TooLarge` when there is no memory for the copy.
    pub fn range(&self, from: Micros, until: Micros) -> Result<Self> {
        let first = self.ts.partition_point(|&ts| ts < from);
        let end = self.ts.partition_point(|&ts| ts < until).max(first);
        let (mut ts, mut value) = (reserved(end - first)?, reserved(end - first)?);
        ts.extend_from_slice(self.ts.get(first..end).unwrap_or_default());
        value.extend_from_slice(self.value.get(first..end).unwrap_or_default());
        let counts = SeriesCounts {
            n_dup: count_dup(&ts),
            ..self.counts
        };
        Ok(Self {
            ts,
            value,
            counts,
            step: self.step,
            timezone: self.timezone.clone(),
            counter: None,
        })
    }

    /// The rows before `until`; see [`range`](Self::range).
    ///
    /// # Errors
    /// As [`range`](Self::range).
    pub fn before(&self, until: Micros) -> Result<Self> {
        self.range(Micros::MIN, until)
    }

    /// The flat form, format byte first: eight bytes a value where the times are equispaced, sixteen otherwise.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::series_to_bytes(self)
    }

    /// Reads the flat form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        codec::series_from_bytes(bytes)
    }

    /// The text form: JSON with epoch microseconds, the same whatever the settings. The round trip is exact.
    ///
    /// ```
    /// use prescale_core::sample::Series;
    /// let series = Series::try_new(vec![0, 1], vec![0.1, 2.0])?;
    /// let text = r#"{"format":1,"ts":[0,1],"value":[0.1,2.0],"n_null":0,"n_nonfinite":0,"n_dup":0,"n_imputed":0}"#;
    /// assert_eq!(series.to_text(), text);
    /// # Ok::<(), prescale_core::Error>(())
    /// ```
    #[must_use]
    pub fn to_text(&self) -> String {
        text::series_to_text(self)
    }

    /// Reads the text form. Only `format`, `ts` and `value` are required; a missing `n_dup` is counted.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_text(text: &str) -> Result<Self> {
        text::series_from_text(text)
    }
}

/// The first row that is smaller than the one before it.
pub(super) fn first_unordered(ts: &[Micros], value: &[f64]) -> Option<usize> {
    let rows = ts.iter().zip(value);
    let next = ts.iter().zip(value).skip(1);
    rows.zip(next)
        .position(|((t0, v0), (t1, v1))| t0.cmp(t1).then(v0.total_cmp(v1)).is_gt())
        .map(|idx| idx + 1)
}

/// Rows that share their time with the row before them.
pub(super) fn count_dup(ts: &[Micros]) -> u64 {
    ts.iter()
        .zip(ts.iter().skip(1))
        .filter(|(t0, t1)| t0 == t1)
        .count() as u64
}
