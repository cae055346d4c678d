//! How two series move together, and which of them goes first.

use super::correlation::{MIN_PAIRS, to_deviations};
use super::dot;
use super::rank::{correlation_of_ranks, ranks};
use crate::distribution::correlation_two_sided;
use crate::error::{Error, ErrorKind, Result};
use crate::sample::Series;
use crate::sample::flat::{reserve, reserved};
use crate::time::{Micros, ShouldStop, Step, check_stop, interval_text};
use crate::window::{Agg, Fill, Grid, by_name, regularize};

/// Most lags to each side.
pub const MAX_LAGS: usize = 10_000;

/// Lags to each side when nothing is asked for: an hour of minutes, but no more than a quarter of the shorter series,
/// beyond which too few pairs overlap.
const DEFAULT_LAGS: usize = 60;

/// Which correlation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Of the values.
    Pearson,
    /// Of their ranks.
    Spearman,
}

impl std::str::FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = [("pearson", Self::Pearson), ("spearman", Self::Spearman)];
        by_name("method", name, &known)
    }
}

/// What [`correlate()`] is to do.
#[derive(Debug, Clone, Copy)]
pub struct Correlate {
    /// Length of the windows that both series are cut into; `None` for the longer of their own steps, which for a series
    /// that does not know its step is the most frequent gap.
    pub step: Option<Step>,
    /// Longest lag to each side.
    pub max_lag: Option<Micros>,
    /// Which correlation.
    pub method: Method,
}

/// The correlation at one lag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lagged {
    /// How much later the second series is taken: positive where it follows the first.
    pub lag: Micros,
    /// Windows in which both have a value.
    pub n: u64,
    /// The correlation; `None` below five pairs or where a series is constant.
    pub r: Option<f64>,
    /// Two-sided, for a lag that was chosen beforehand; `None` where there is no more than two independent pairs' worth.
    pub p_value: Option<f64>,
    /// How many independent pairs say as much as these `n`.
    pub n_effective: Option<f64>,
}

/// Correlates the means of both series in windows of a step, aligned to UTC, at every lag from −`max_lag` to `max_lag`;
/// windows in which one of them has no sample are left out, never filled.
///
/// Series that change slowly have few independent values: two unrelated ones often correlate. So p-values are those of
/// n (1 − ab)/(1 + ab) pairs, at most n, where a and b are the correlations of each series with its own next window
/// (Bretherton et al. 1999, "The effective number of spatial degrees of freedom of a time-varying field", eq. 31, for
/// series that forget exponentially; Bartlett 1935). Of ranks it is an approximation. Whoever picks the strongest of m
/// lags should ask for a p-value m times smaller.
///
/// ```
/// use prescale_core::feature::{Correlate, Method, correlate};
/// use prescale_core::sample::Series;
/// use prescale_core::time::MINUTE;
/// let wave = |k: i64| ((k * k) % 97) as f64;
/// let series = |delay: i64| Series::try_new((0..90).map(|k| (k + delay) * MINUTE).collect(), (0..90).map(wave).collect());
/// let spec = Correlate { step: None, max_lag: Some(5 * MINUTE), method: Method::Pearson };
/// let lags = correlate(&series(0)?, &series(3)?, &spec, &|| false)?;
/// let best = lags.iter().max_by(|a, b| a.r.partial_cmp(&b.r).unwrap()).unwrap();
/// assert_eq!(best.lag, 3 * MINUTE);
/// # Ok::<(), prescale_core::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` for a negative `max_lag`, `TooLarge` above [`MAX_LAGS`] or when a series has too many windows,
/// `Cancelled`.
pub fn correlate(
    a: &Series,
    b: &Series,
    spec: &Correlate,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<Lagged>> {
    if let Some(lag) = spec.max_lag.filter(|lag| *lag < 0) {
        return Err(Error::invalid(format!(
            "max_lag must not be negative, not {}",
            interval_text(lag)
        )));
    }
    // Without two times in either series there is nothing to correlate, at any step.
    let step = spec.step.or(own_step(a).max(own_step(b)));
    let Some(step) = step else {
        return Ok(Vec::new());
    };
    let (a, b) = (
        Windows::of(a, step, should_stop)?,
        Windows::of(b, step, should_stop)?,
    );
    let n_lags = n_lags(spec.max_lag, step, a.y.len().min(b.y.len()))?;
    let mut out = reserved(usize::try_from(2 * n_lags + 1).unwrap_or(0))?;
    let mut pairs = Pairs::default();
    for lag in -n_lags..=n_lags {
        check_stop(should_stop)?;
        pairs.fill(&a, &b, lag)?;
        let lag = lag.saturating_mul(step.micros());
        out.push(pairs.lagged(lag, spec.method, should_stop)?);
    }
    Ok(out)
}

/// The step of a series, or its most frequent gap, the shortest of several; `None` below two times.
fn own_step(series: &Series) -> Option<Step> {
    let next = series.ts().iter().skip(1);
    let gaps = series.ts().iter().zip(next);
    let mut gaps: Vec<i64> = gaps
        .filter_map(|(t0, t1)| t1.checked_sub(*t0).filter(|gap| *gap > 0))
        .collect();
    gaps.sort_unstable();
    let most = gaps
        .chunk_by(|a, b| a == b)
        .rev()
        .max_by_key(|equal| equal.len());
    let modal = most.and_then(|equal| Step::try_new(*equal.first()?).ok());
    series.step().or(modal)
}

fn n_lags(max_lag: Option<Micros>, step: Step, n_windows: usize) -> Result<i64> {
    let asked = match max_lag {
        Some(lag) => usize::try_from(lag / step.micros()).unwrap_or(usize::MAX),
        None => DEFAULT_LAGS.min(n_windows / 4),
    };
    i64::try_from(asked)
        .ok()
        .filter(|_| asked <= MAX_LAGS)
        .ok_or_else(|| {
            Error::new(
                ErrorKind::TooLarge,
                format!("{asked} lags to each side are more than {MAX_LAGS}"),
            )
            .with_hint("give a longer step or a shorter max_lag")
        })
}

/// The windows of a series, from its first to its last; NaN for none.
struct Windows {
    /// Number of the first window, counted from any origin that both series share.
    first: i64,
    y: Vec<f64>,
}

impl Windows {
    fn of(series: &Series, step: Step, should_stop: ShouldStop<'_>) -> Result<Self> {
        let grid = Grid {
            step,
            fill: Fill::None,
            agg: Agg::Mean,
            timezone: "UTC".to_owned(),
        };
        let windows = regularize(series, &grid, should_stop)?;
        let first = windows
            .first()
            .map_or(0, |window| window.ts.div_euclid(step.micros()));
        let mut y = reserved(windows.len())?;
        y.extend(windows.iter().map(|window| window.y.unwrap_or(f64::NAN)));
        Ok(Self { first, y })
    }
}

/// Pairs of values of the same window, in order of time.
#[derive(Default)]
struct Pairs {
    x: Vec<f64>,
    y: Vec<f64>,
    /// Whether the pair before is of the window before.
    is_next: Vec<bool>,
}

impl Pairs {
    /// The values of `a` and, `lag` windows later, of `b`.
    fn fill(&mut self, a: &Windows, b: &Windows, lag: i64) -> Result<()> {
        self.x.clear();
        self.y.clear();
        self.is_next.clear();
        // Window i of `a` meets window i + shift of `b`.
        let shift = a.first.saturating_add(lag).saturating_sub(b.first);
        let skipped = |n: i64| usize::try_from(n.max(0)).unwrap_or(usize::MAX);
        let x = a.y.get(skipped(shift.saturating_neg())..);
        let y = b.y.get(skipped(shift)..);
        let (x, y) = (x.unwrap_or_default(), y.unwrap_or_default());
        for column in [&mut self.x, &mut self.y] {
            reserve(column, x.len().min(y.len()))?;
        }
        reserve(&mut self.is_next, x.len().min(y.len()))?;
        let mut has_previous = false;
        for (&x, &y) in x.iter().zip(y) {
            let is_pair = !x.is_nan() && !y.is_nan();
            if is_pair {
                self.x.push(x);
                self.y.push(y);
                self.is_next.push(has_previous);
            }
            has_previous = is_pair;
        }
        Ok(())
    }

    /// Leaves deviations, or ranks, in place of the values.
    fn lagged(
        &mut self,
        lag: Micros,
        method: Method,
        should_stop: ShouldStop<'_>,
    ) -> Result<Lagged> {
        let n = self.x.len();
        let mut out = Lagged {
            lag,
            n: n as u64,
            r: None,
            p_value: None,
            n_effective: None,
        };
        if n < MIN_PAIRS {
            return Ok(out);
        }
        out.r = match method {
            Method::Pearson => {
                to_deviations(&mut self.x);
                to_deviations(&mut self.y);
                // A constant has deviations 0/0.
                let r =
                    dot(&self.x, &self.y) / (dot(&self.x, &self.x) * dot(&self.y, &self.y)).sqrt();
                r.is_finite().then_some(r.clamp(-1.0, 1.0))
            }
            Method::Spearman => {
                let (x, y) = (ranks(&self.x, should_stop)?, ranks(&self.y, should_stop)?);
                for (column, ranks) in [(&mut self.x, &x), (&mut self.y, &y)] {
                    column
                        .iter_mut()
                        .zip(ranks)
                        .for_each(|(to, &rank)| *to = rank as f64);
                }
                correlation_of_ranks(&x, &y)
            }
        };
        if let Some(r) = out.r {
            let both = self.own_correlation(&self.x) * self.own_correlation(&self.y);
            let n_effective = (n as f64 * (1.0 - both) / (1.0 + both)).min(n as f64);
            out.n_effective = Some(n_effective);
            out.p_value = correlation_two_sided(r, n_effective);
        }
        Ok(out)
    }

    /// The correlation of deviations with those of the next window; across gaps there is none.
    fn own_correlation(&self, deviations: &[f64]) -> f64 {
        let next = deviations.iter().skip(1).zip(self.is_next.iter().skip(1));
        let products = deviations
            .iter()
            .zip(next)
            .filter(|(_, (_, is_next))| **is_next);
        let (n, sum) = products.fold((0.0, 0.0), |(n, sum), (x, (next, _))| {
            (n + 1.0, sum + x * next)
        });
        let variance = dot(deviations, deviations) / deviations.len() as f64;
        if n > 0.0 {
            (sum / n / variance).clamp(-1.0, 1.0)
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests;
