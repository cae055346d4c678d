//! Features of a request log: one state per window.

use super::LARGEST;
use super::comoment::CoMoment;
use super::entropy::{Correction, EntropyState};
use super::latency::LatencySketch;
use crate::error::{Error, ErrorKind, Result};
use crate::sample::flat::{Reader, Writer, corrupt, reserve};
use crate::time::{Micros, SECOND, Step};

mod text;

/// Most parameters of a request.
pub const MAX_PARAMS: usize = 256;

/// One request; any part may be missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// When it arrived. The rows of a state are those of one window, so nothing depends on it.
    pub ts: Option<Micros>,
    /// How long it took, milliseconds.
    pub latency_ms: Option<f64>,
    /// Bytes sent.
    pub bytes: Option<f64>,
    /// What kind it was.
    pub kind: Option<&'a str>,
    /// Who asked.
    pub actor: Option<&'a str>,
    /// Numeric parameters.
    pub params: &'a [Option<f64>],
}

/// Mergeable state of `request_agg`: counts, latency sketch, entropies, correlations.
///
/// Rows may come in any order and be spread over any number of states. Counts, latency quantiles and entropies are then
/// the same to the last bit; the mean of bytes and the correlations agree within 1e-9 (of their size; correlations
/// absolutely) as long as means are below 10⁴ standard deviations, and a sum of whole bytes below 2⁵³ is exact.
///
/// ```
/// use prescale_core::feature::request::{Request, RequestState};
/// let mut state = RequestState::default();
/// for ms in [10.0, 12.0, 300.0] {
///     state.push(&Request { latency_ms: Some(ms), kind: Some("read"), ..Request::default() })?;
/// }
/// let values = state.values(0);
/// assert_eq!(RequestState::names(&[])[2], "latency_p99_ms");
/// assert!(values[0].is_some_and(|p50| (p50 / 12.0 - 1.0).abs() <= 0.01));
/// assert_eq!(values[4], Some(0.0)); // one kind: no entropy
/// # Ok::<(), prescale_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RequestState {
    n: u64,
    n_nonfinite: u64,
    latency: LatencySketch,
    n_bytes: u64,
    sum_bytes: f64,
    kind: EntropyState,
    actor: EntropyState,
    /// Latency with bytes.
    with_bytes: CoMoment,
    /// Latency with each param.
    with_params: Vec<CoMoment>,
}

/// Names of the values before those of the params.
const NAMES: [&str; 7] = [
    "latency_p50_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "bytes_mean",
    "entropy_kind",
    "entropy_actor",
    "corr_bytes",
];

impl RequestState {
    /// Adds one request. A part that is missing takes no part in what it is needed for. A number that is NaN, infinite
    /// or beyond ±1e140 counts as missing, and its row in [`n_nonfinite`](Self::n_nonfinite).
    ///
    /// # Errors
    /// `InvalidArgument` when the number of params changes, `TooLarge` above [`MAX_PARAMS`] or when memory runs out.
    pub fn push(&mut self, request: &Request<'_>) -> Result<()> {
        let Request {
            ts: _,
            latency_ms,
            bytes,
            kind,
            actor,
            params,
        } = *request;
        self.check_params(params.len())?;
        let mut is_nonfinite = false;
        let mut usable = |x: Option<f64>| {
            let kept = x.filter(|x| x.abs() <= LARGEST);
            is_nonfinite |= kept.is_none() && x.is_some();
            kept
        };
        let (latency_ms, bytes) = (usable(latency_ms), usable(bytes));
        for (state, &param) in self.with_params.iter_mut().zip(params) {
            if let (Some(param), Some(latency)) = (usable(param), latency_ms) {
                state.push(latency, param);
            }
        }
        if let Some(latency) = latency_ms {
            self.latency.push(latency)?;
        }
        if let Some(bytes) = bytes {
            self.n_bytes = self.n_bytes.saturating_add(1);
            self.sum_bytes += bytes;
        }
        if let (Some(latency), Some(bytes)) = (latency_ms, bytes) {
            self.with_bytes.push(latency, bytes);
        }
        kind.map_or(Ok(()), |key| self.kind.push(key))?;
        actor.map_or(Ok(()), |key| self.actor.push(key))?;
        self.n = self.n.saturating_add(1);
        self.n_nonfinite = self.n_nonfinite.saturating_add(u64::from(is_nonfinite));
        Ok(())
    }

    /// Adds another state.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if other.n == 0 {
            return Ok(());
        }
        self.check_params(other.with_params.len())?;
        self.latency.merge(&other.latency)?;
        self.kind.merge(&other.kind)?;
        self.actor.merge(&other.actor)?;
        self.with_bytes.merge(&other.with_bytes);
        self.with_params
            .iter_mut()
            .zip(&other.with_params)
            .for_each(|(a, b)| a.merge(b));
        self.n_bytes = self.n_bytes.saturating_add(other.n_bytes);
        self.sum_bytes += other.sum_bytes;
        self.n = self.n.saturating_add(other.n);
        self.n_nonfinite = self.n_nonfinite.saturating_add(other.n_nonfinite);
        Ok(())
    }

    /// The first request with params says how many there are; one without has none of them.
    fn check_params(&mut self, n_params: usize) -> Result<()> {
        let known = self.with_params.len();
        if n_params > MAX_PARAMS {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("{n_params} params are more than {MAX_PARAMS}"),
            ));
        }
        if n_params == 0 || n_params == known {
            return Ok(());
        }
        if known > 0 {
            return Err(Error::invalid(format!(
                "a request has {n_params} params, the ones before had {known}"
            ))
            .with_hint(
                "give every row an array of the same length, with NULL for what is missing",
            ));
        }
        reserve(&mut self.with_params, n_params)?;
        self.with_params.resize(n_params, CoMoment::default());
        Ok(())
    }

    /// How many params requests have; 0 while none had any.
    #[must_use]
    pub fn n_params(&self) -> usize {
        self.with_params.len()
    }

    /// Requests seen.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Rows whose latency, bytes or one of whose params were NaN or infinite.
    #[must_use]
    pub fn n_nonfinite(&self) -> u64 {
        self.n_nonfinite
    }

    /// The latencies.
    #[must_use]
    pub fn latency(&self) -> &LatencySketch {
        &self.latency
    }

    /// The kinds.
    #[must_use]
    pub fn kind(&self) -> &EntropyState {
        &self.kind
    }

    /// The actors.
    #[must_use]
    pub fn actor(&self) -> &EntropyState {
        &self.actor
    }

    /// Whether an entropy is approximate because there were more than [`MAX_KEYS`](super::MAX_KEYS) kinds or actors.
    #[must_use]
    pub fn is_approximate(&self) -> bool {
        self.kind.is_approximate() || self.actor.is_approximate()
    }

    /// Names of the values of [`values`](Self::values) for params called `param_names`: `latency_p50_ms`,
    /// `latency_p95_ms`, `latency_p99_ms`, `bytes_mean`, `entropy_kind`, `entropy_actor`, `corr_bytes`, then
    /// `corr_<param>` for each.
    #[must_use]
    pub fn names(param_names: &[String]) -> Vec<String> {
        let params = param_names.iter().map(|name| format!("corr_{name}"));
        NAMES.into_iter().map(str::to_owned).chain(params).collect()
    }

    /// The features: latency quantiles in ms (within 1 %, see [`LatencySketch`]), mean bytes, entropies of kind and
    /// actor in bits (Miller-Madow corrected, see [`EntropyState`]), Pearson correlations of latency with bytes and with
    /// each param (`None` below five rows that have both or when one is constant). Always 7 + `n_params` values; `None`
    /// where no row had what it takes.
    #[must_use]
    pub fn values(&self, n_params: usize) -> Vec<Option<f64>> {
        let mean = (self.n_bytes > 0).then(|| self.sum_bytes / self.n_bytes as f64);
        let params =
            (0..n_params).map(|idx| self.with_params.get(idx).and_then(CoMoment::correlation));
        [
            self.latency.lower_quantile(0.50),
            self.latency.lower_quantile(0.95),
            self.latency.lower_quantile(0.99),
            mean,
            self.kind.entropy(Correction::MillerMadow),
            self.actor.entropy(Correction::MillerMadow),
            self.with_bytes.correlation(),
        ]
        .into_iter()
        .chain(params)
        .collect()
    }

    /// Requests per second over a window of `step`.
    #[must_use]
    pub fn rate(&self, step: Step) -> f64 {
        self.n as f64 / (step.micros() as f64 / SECOND as f64)
    }

    /// The flat form, format byte first. A window of a thousand requests of ten kinds takes about a kilobyte; the
    /// bound is 110 kB, most of it for more than 4,096 kinds and actors.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(1024);
        [self.n, self.n_nonfinite, self.n_bytes]
            .into_iter()
            .for_each(|n| out.u64(n));
        out.f64(self.sum_bytes);
        self.latency.write(&mut out);
        self.kind.write(&mut out);
        self.actor.write(&mut out);
        self.with_bytes.write(&mut out);
        out.len(self.with_params.len());
        self.with_params
            .iter()
            .for_each(|state| state.write(&mut out));
        out.finish()
    }

    /// Reads the flat form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("request state", bytes)?;
        let (n, n_nonfinite, n_bytes) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let sum_bytes = reader.f64()?;
        let latency = LatencySketch::read(&mut reader)?;
        let (kind, actor) = (
            EntropyState::read(&mut reader)?,
            EntropyState::read(&mut reader)?,
        );
        let with_bytes = CoMoment::read(&mut reader)?;
        let n_params = reader.len(48)?;
        let mut with_params = Vec::new();
        for _ in 0..n_params.min(MAX_PARAMS + 1) {
            with_params.push(CoMoment::read(&mut reader)?);
        }
        reader.finish()?;
        Self {
            n,
            n_nonfinite,
            latency,
            n_bytes,
            sum_bytes,
            kind,
            actor,
            with_bytes,
            with_params,
        }
        .checked()
    }

    /// No part may have seen more rows than there were.
    fn checked(self) -> Result<Self> {
        let parts = [
            self.n_nonfinite,
            self.n_bytes,
            self.latency.n(),
            self.kind.n(),
            self.actor.n(),
            self.with_bytes.n(),
        ];
        let has_too_many = parts
            .into_iter()
            .chain(self.with_params.iter().map(CoMoment::n))
            .any(|n| n > self.n);
        if has_too_many || self.with_params.len() > MAX_PARAMS || !self.sum_bytes.is_finite() {
            return Err(corrupt("request state", "its parts do not fit together"));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
