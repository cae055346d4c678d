//! One season and the trend: STL (Cleveland, Cleveland, McRae and Terpenning 1990).

use super::index;
use super::loess::Loess;
use super::robust::median;
use crate::error::{Error, Result};
use crate::sample::flat::reserved;
use crate::time::{ShouldStop, check_stop};

/// How STL is done. The defaults are those of the authors' program.
#[derive(Debug, Clone, Copy)]
pub struct StlSpec {
    /// Windows of a cycle, at least two.
    pub period: usize,
    /// Cycles over which the season is smoothed, odd.
    pub seasonal: usize,
    /// Windows over which the trend is smoothed, odd.
    pub trend: usize,
    /// Whether outliers lose their weight, which takes 16 rounds of two instead of one of five.
    pub robust: bool,
    /// Whether smooth curves are computed at every tenth of their window and on lines between, as R does.
    pub jumps: bool,
}

impl StlSpec {
    /// The usual widths for a period and a seasonal window.
    #[must_use]
    pub fn new(period: usize, seasonal: usize, robust: bool) -> Self {
        let trend = index((1.5 * period as f64 / (1.0 - 1.5 / seasonal as f64)).ceil());
        Self {
            period,
            seasonal,
            trend: trend | 1,
            robust,
            jumps: true,
        }
    }

    fn loess(&self, window: usize) -> Loess {
        Loess {
            window,
            degree: 1,
            jump: if self.jumps { window.div_ceil(10) } else { 1 },
        }
    }
}

/// What is looked for.
struct Parts {
    seasonal: Vec<f64>,
    trend: Vec<f64>,
}

/// Splits `y` into a season and a trend; what is left over is the remainder. `seen` says which values were measured: the
/// others take no part, but get a season and a trend.
///
/// # Errors
/// `InvalidArgument` for a period below two or of which `y` holds less than two cycles, `TooLarge` without memory (eight
/// arrays as long as `y`), `Cancelled`.
pub fn stl(
    y: &[f64],
    seen: &[bool],
    spec: &StlSpec,
    should_stop: ShouldStop<'_>,
) -> Result<(Vec<f64>, Vec<f64>)> {
    if spec.period < 2 || y.len() < 2 * spec.period {
        return Err(Error::invalid(format!(
            "a period of {} windows needs at least two cycles, not {} windows",
            spec.period,
            y.len()
        )));
    }
    let parts = Work::new(y, seen, spec, should_stop)?.run()?;
    Ok((parts.seasonal, parts.trend))
}

/// An array of zeros.
pub(super) fn zeros(n: usize) -> Result<Vec<f64>> {
    let mut out = reserved(n)?;
    out.resize(n, 0.0);
    Ok(out)
}

struct Work<'a> {
    y: &'a [f64],
    seen: &'a [bool],
    spec: &'a StlSpec,
    should_stop: ShouldStop<'a>,
    parts: Parts,
    /// Weights of the windows, once they are not all one.
    weights: Option<Vec<f64>>,
    rest: Vec<f64>,
    /// The season before the low frequencies are taken out, one cycle longer at each end.
    cycle: Vec<f64>,
    low: Vec<f64>,
    averaged: Vec<f64>,
}

impl<'a> Work<'a> {
    fn new(
        y: &'a [f64],
        seen: &'a [bool],
        spec: &'a StlSpec,
        should_stop: ShouldStop<'a>,
    ) -> Result<Self> {
        let (n, longer) = (y.len(), y.len() + 2 * spec.period);
        let weights = if seen.iter().all(|s| *s) {
            None
        } else {
            Some(base_weights(seen)?)
        };
        Ok(Self {
            y,
            seen,
            spec,
            should_stop,
            parts: Parts {
                seasonal: zeros(n)?,
                trend: zeros(n)?,
            },
            weights,
            rest: zeros(n)?,
            cycle: zeros(longer)?,
            low: zeros(longer)?,
            averaged: zeros(longer)?,
        })
    }

    fn run(mut self) -> Result<Parts> {
        let (outer, inner) = if self.spec.robust { (15, 2) } else { (0, 5) };
        for round in 0..=outer {
            for _ in 0..inner {
                self.step()?;
            }
            if round < outer {
                for (at, rest) in self.rest.iter_mut().enumerate() {
                    *rest = (self.y[at] - self.parts.trend[at] - self.parts.seasonal[at]).abs();
                }
                self.weights = Some(bisquare(&self.rest, self.seen)?);
            }
        }
        Ok(self.parts)
    }

    fn step(&mut self) -> Result<()> {
        let (n, period) = (self.y.len(), self.spec.period);
        self.difference(false);
        self.cycles()?;
        check_stop(self.should_stop)?;
        moving_mean(&self.cycle, period, &mut self.low);
        moving_mean(&self.low[..n + period + 1], period, &mut self.averaged);
        moving_mean(&self.averaged[..n + 2], 3, &mut self.low);
        check_stop(self.should_stop)?;
        self.spec.loess((period + 1) | 1).smooth(
            &self.low[..n],
            None,
            &mut self.averaged[..n],
            self.should_stop,
        )?;
        for (at, seasonal) in self.parts.seasonal.iter_mut().enumerate() {
            *seasonal = self.cycle[period + at] - self.averaged[at];
        }
        self.difference(true);
        self.spec.loess(self.spec.trend).smooth(
            &self.rest,
            self.weights.as_deref(),
            &mut self.parts.trend,
            self.should_stop,
        )
    }

    fn difference(&mut self, of_season: bool) {
        let part = if of_season {
            &self.parts.seasonal
        } else {
            &self.parts.trend
        };
        for ((rest, y), part) in self.rest.iter_mut().zip(self.y).zip(part) {
            *rest = y - part;
        }
    }

    /// Smooths the values of each phase over the cycles, and carries them on by one cycle at both ends.
    fn cycles(&mut self) -> Result<()> {
        let (n, period) = (self.y.len(), self.spec.period);
        let loess = self.spec.loess(self.spec.seasonal);
        let most = n.div_ceil(period);
        let (mut values, mut weights, mut smooth) = (
            Vec::with_capacity(most),
            Vec::with_capacity(most),
            vec![0.0; most],
        );
        for phase in 0..period {
            if phase % 64 == 0 {
                check_stop(self.should_stop)?;
            }
            values.clear();
            values.extend(self.rest[phase..].iter().step_by(period));
            let weights = self.weights.as_ref().map(|all| {
                weights.clear();
                weights.extend(all[phase..].iter().step_by(period));
                weights.as_slice()
            });
            let k = values.len();
            loess.smooth(&values, weights, &mut smooth[..k], self.should_stop)?;
            let before = loess
                .at(&values, weights, -1.0, 0..loess.window.min(k))
                .unwrap_or(smooth[0]);
            let after = loess
                .at(
                    &values,
                    weights,
                    k as f64,
                    k.saturating_sub(loess.window)..k,
                )
                .unwrap_or(smooth[k - 1]);
            self.cycle[phase] = before;
            for (at, &value) in smooth[..k].iter().enumerate() {
                self.cycle[(at + 1) * period + phase] = value;
            }
            self.cycle[(k + 1) * period + phase] = after;
        }
        Ok(())
    }
}

/// Weight one for what was measured.
pub(super) fn base_weights(seen: &[bool]) -> Result<Vec<f64>> {
    let mut weights = reserved(seen.len())?;
    weights.extend(seen.iter().map(|&s| f64::from(u8::from(s))));
    Ok(weights)
}

/// Weights that fall to zero at six times the median distance (Tukey's bisquare).
pub(super) fn bisquare(distance: &[f64], seen: &[bool]) -> Result<Vec<f64>> {
    let mut measured = reserved(distance.len())?;
    measured.extend(
        distance
            .iter()
            .zip(seen)
            .filter(|(_, s)| **s)
            .map(|(d, _)| *d),
    );
    let reach = 6.0 * median(&mut measured);
    let mut weights = base_weights(seen)?;
    for (weight, &d) in weights.iter_mut().zip(distance) {
        let ratio = d / reach;
        *weight *= if d <= 0.001 * reach {
            1.0
        } else if d <= 0.999 * reach {
            (1.0 - ratio * ratio) * (1.0 - ratio * ratio)
        } else {
            0.0
        };
    }
    Ok(weights)
}

/// Means of every `width` neighbours; the first `x.len() + 1 − width` places of `out` are written.
fn moving_mean(x: &[f64], width: usize, out: &mut [f64]) {
    let mut sum: f64 = x[..width].iter().sum();
    out[0] = sum / width as f64;
    for (k, (enters, leaves)) in x[width..].iter().zip(x).enumerate() {
        sum += enters - leaves;
        out[k + 1] = sum / width as f64;
    }
}
