//! Whether bounds hold what they promise: coverage of intervals at earlier origins of the series.

use super::backtest::{BacktestSpec, Origins, pairs};
use super::loss::pinball;
use super::{ForecastSpec, forecast};
use crate::error::Result;
use crate::sample::Series;
use crate::time::ShouldStop;

/// One level of coverage, measured.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrationRow {
    /// Model asked for.
    pub model: String,
    /// Share of windows that the interval promises to hold.
    pub level: f64,
    /// Windows compared, over all origins.
    pub n: usize,
    /// Share of windows within the interval; as all scores `None` where nothing was compared.
    pub coverage: Option<f64>,
    /// Share below it; (1 − level) / 2, when calibrated.
    pub below: Option<f64>,
    /// Share above it.
    pub above: Option<f64>,
    /// Mean width of the interval.
    pub width: Option<f64>,
    /// Mean pinball loss of its two ends.
    pub pinball: Option<f64>,
    /// Mean scaled interval score: width + 2/(1 − level) · distance outside, over the mean absolute change from one season to the next before
    /// the origin (Makridakis and others 2020); `None` where that is 0.
    pub msis: Option<f64>,
}

/// Measures the intervals of `spec.models` at each of `levels` over `spec.windows` origins, model by model.
///
/// # Errors
/// As [`Backtest::new`](super::Backtest::new); `InvalidArgument` for a level outside (0, 1).
pub fn calibration(
    series: &Series,
    spec: &BacktestSpec,
    levels: &[f64],
    should_stop: ShouldStop<'_>,
) -> Result<Vec<CalibrationRow>> {
    let ends = levels.iter().flat_map(|l| [0.5 - l / 2.0, 0.5 + l / 2.0]);
    let asked = BacktestSpec {
        forecast: ForecastSpec {
            quantiles: ends.collect(),
            ..spec.forecast.clone()
        },
        ..spec.clone()
    };
    for level in levels {
        super::spec::check_level("level", *level)?;
    }
    let origins = Origins::new(series, &asked)?;
    let mut rows = Vec::new();
    for model in &asked.models {
        let mut sums = vec![Sums::default(); levels.len()];
        for origin in &origins.cuts {
            let spec = asked.of(model, Some(*origin));
            let found = forecast(series, &spec, should_stop)?;
            let scale = found.report.scale.filter(|s| *s > 0.0);
            for (row, y) in pairs(series, &found, origins.until) {
                for ((sum, level), q) in sums.iter_mut().zip(levels).zip(row.q.chunks_exact(2)) {
                    sum.add(y, *level, q[0], q[1], scale);
                }
            }
        }
        let of = |(level, sum): (&f64, Sums)| sum.row(model, *level);
        rows.extend(levels.iter().zip(sums).map(of));
    }
    Ok(rows)
}

#[derive(Debug, Clone, Default)]
struct Sums {
    n: usize,
    below: usize,
    above: usize,
    width: f64,
    pinball: f64,
    n_scaled: usize,
    scaled: f64,
}

impl Sums {
    fn add(&mut self, y: f64, level: f64, lower: f64, upper: f64, scale: Option<f64>) {
        self.n += 1;
        self.below += usize::from(y < lower);
        self.above += usize::from(y > upper);
        self.width += upper - lower;
        let loss = pinball(0.5 - level / 2.0, lower, y) + pinball(0.5 + level / 2.0, upper, y);
        self.pinball += loss / 2.0;
        if let Some(scale) = scale {
            // The interval score is the pinball loss of both ends, times 2/(1 − level).
            self.n_scaled += 1;
            self.scaled += 2.0 / (1.0 - level) * loss / scale;
        }
    }

    fn row(&self, model: &str, level: f64) -> CalibrationRow {
        let mean = |sum: f64, n: usize| (n > 0 && sum.is_finite()).then(|| sum / n as f64);
        let share = |count: usize| mean(count as f64, self.n);
        CalibrationRow {
            model: model.into(),
            level,
            n: self.n,
            coverage: share(self.n - self.below - self.above),
            below: share(self.below),
            above: share(self.above),
            width: mean(self.width, self.n),
            pinball: mean(self.pinball, self.n),
            msis: mean(self.scaled, self.n_scaled),
        }
    }
}
