//! How wrong a model was at earlier origins, and what that says about the next forecast.

use super::grid::Grid;
use super::model::{Fitted, Kind, fit};
use crate::error::Result;
use crate::time::{ShouldStop, check_stop};

/// Fewest errors whose quantiles mean something; below, the normal distribution stands in.
const MIN_ERRORS: usize = 8;

/// Fewest windows judged after each origin, so that a horizon of one step still gives errors enough.
const MIN_AHEAD: usize = 24;

/// Origins on which models are compared; all models are judged at least at these.
const COMPARED: usize = 4;

/// Errors at earlier origins, each divided by the model's own spread at its horizon; sizes, ascending.
#[derive(Debug)]
pub(super) struct Calibration {
    relative: Vec<f64>,
    /// Root of the mean square of the relative errors.
    deviation: f64,
    mean_absolute_error: f64,
}

impl Calibration {
    /// That of a model that never errs.
    pub(super) fn exact() -> Self {
        Self {
            relative: Vec::new(),
            deviation: 0.0,
            mean_absolute_error: 0.0,
        }
    }

    /// Mean absolute error at the newest four origins; infinite where there is none.
    pub(super) fn mean_absolute_error(&self) -> f64 {
        self.mean_absolute_error
    }

    /// By how many spreads the value is away from the median at quantile level `p`; negative below one half.
    pub(super) fn spreads_at(&self, p: f64) -> f64 {
        let size = self.size_within((2.0 * p - 1.0).abs());
        if p < 0.5 { -size } else { size }
    }

    /// The size that a share `coverage` of the errors does not exceed, with the finite-sample correction of conformal
    /// prediction: rank ⌈(n + 1) · coverage⌉. Beyond the largest error the normal distribution extrapolates.
    fn size_within(&self, coverage: f64) -> f64 {
        let n = self.relative.len();
        let z = |share: f64| normal_quantile(0.5 + share / 2.0);
        if n < MIN_ERRORS {
            return self.deviation * z(coverage);
        }
        let position = coverage * (n + 1) as f64;
        if position <= 0.0 {
            return 0.0;
        }
        let largest = self.relative.last().copied().unwrap_or(0.0);
        let known = n as f64 / (n + 1) as f64;
        if coverage > known {
            return largest * z(coverage) / z(known);
        }
        let mut size = 0.0;
        for (rank, v) in self.relative.iter().enumerate() {
            size = *v;
            if (rank + 1) as f64 >= position {
                break;
            }
        }
        size
    }
}

/// Fits the model at up to `origins` earlier origins in the newer half of the grid and collects its errors. Where none of
/// them has enough before it, the errors one step ahead of `whole`, the model fitted to all of the grid, have to do.
/// `None` where there are not even those.
pub(super) fn calibrate(
    kind: Kind,
    whole: &Fitted,
    grid: &Grid,
    periods: &[usize],
    should_stop: ShouldStop<'_>,
) -> Result<Option<Calibration>> {
    let n = grid.y.len();
    let ahead = whole.point.len().max(MIN_AHEAD).min((n / 10).max(1));
    let mut errors = Errors::default();
    for k in 1..=kind.origins() {
        let Some(cut) = n
            .checked_sub(k * ahead)
            .filter(|cut| *cut >= n / 2 && *cut > 0)
        else {
            break;
        };
        check_stop(should_stop)?;
        let Some(fitted) = grid
            .y
            .get(..cut)
            .and_then(|past| fit(kind, past, periods, ahead))
        else {
            continue;
        };
        errors.add(grid, cut, &fitted.point, &fitted.spread, k <= COMPARED);
    }
    if errors.relative.is_empty() {
        let spread = vec![whole.spread.first().copied().unwrap_or(1.0); whole.fitted.len()];
        errors.add(
            grid,
            n - whole.fitted.len().min(n),
            &whole.fitted,
            &spread,
            false,
        );
    }
    Ok(errors.finish())
}

/// Errors as they are collected.
#[derive(Debug, Default)]
struct Errors {
    relative: Vec<f64>,
    absolute: f64,
    compared: u32,
}

impl Errors {
    /// Compares what was seen from window `from` on with its forecast.
    fn add(&mut self, grid: &Grid, from: usize, point: &[f64], spread: &[f64], compare: bool) {
        let seen = grid
            .y
            .iter()
            .zip(&grid.seen)
            .skip(from)
            .zip(point.iter().zip(spread))
            .filter(|((_, s), _)| **s);
        for ((y, _), (point, spread)) in seen {
            self.relative.push((y - point).abs() / spread);
            if compare {
                self.absolute += (y - point).abs();
                self.compared += 1;
            }
        }
    }

    fn finish(mut self) -> Option<Calibration> {
        self.relative.retain(|v| v.is_finite());
        self.relative.sort_unstable_by(f64::total_cmp);
        let count = self.relative.len() as f64;
        let deviation = self
            .relative
            .iter()
            .map(|v| v * v / count)
            .sum::<f64>()
            .sqrt();
        let mean = if self.compared > 0 {
            self.absolute / f64::from(self.compared)
        } else {
            f64::INFINITY
        };
        (count > 0.0).then_some(Calibration {
            mean_absolute_error: mean,
            deviation,
            relative: self.relative,
        })
    }
}

/// Quantile of the standard normal distribution (Acklam's rational approximation, relative error below 1.2e-9), for the
/// upper half: p in [0.5, 1).
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -39.696_830_286_653_76,
        220.946_098_424_520_5,
        -275.928_510_446_968_7,
        138.357_751_867_269,
        -30.664_798_066_147_16,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -54.476_098_798_224_06,
        161.585_836_858_040_9,
        -155.698_979_859_886_6,
        66.801_311_887_719_72,
        -13.280_681_552_885_72,
        1.0,
    ];
    const C: [f64; 6] = [
        -0.007_784_894_002_430_293,
        -0.322_396_458_041_136_5,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        0.007_784_695_709_041_462,
        0.322_467_129_070_039_8,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    let polynomial =
        |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    if p <= 0.975_75 {
        let q = p - 0.5;
        return q * polynomial(&A, q * q) / polynomial(&B, q * q);
    }
    let q = (-2.0 * (1.0 - p).ln()).sqrt();
    -polynomial(&C, q) / polynomial(&D, q)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_quantiles_are_those_of_the_tables() {
        for (p, z) in [
            (0.5, 0.0),
            (0.75, 0.674_489_75),
            (0.975, 1.959_963_985),
            (0.995, 2.575_829_304),
        ] {
            assert!((normal_quantile(p) - z).abs() < 1e-8, "{p}");
        }
    }

    #[test]
    fn sizes_have_conformal_ranks() {
        let relative: Vec<f64> = (1..=19).map(f64::from).collect();
        let c = Calibration {
            relative,
            deviation: 1.0,
            mean_absolute_error: 1.0,
        };
        assert_eq!(
            (c.size_within(0.95), c.size_within(0.5), c.size_within(0.0)),
            (19.0, 10.0, 0.0)
        );
        assert!(c.size_within(0.99) > 19.0);
        assert!((c.spreads_at(0.25) + c.spreads_at(0.75)).abs() < 1e-12);
        assert!(c.spreads_at(0.5).abs() < 1e-12);
    }
}
