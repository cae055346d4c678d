//! Covariates on one scale, over all workloads.

use super::Workload;
use crate::error::Result;
use crate::time::{ShouldStop, check_stop};

/// Mean and reciprocal of the standard deviation of each covariate over all workloads.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standard {
    pub(super) mean: Vec<f32>,
    pub(super) scale: Vec<f32>,
}

impl Standard {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the network computes in f32"
    )]
    pub(super) fn of(
        workloads: &[Workload<'_>],
        n: usize,
        should_stop: ShouldStop<'_>,
    ) -> Result<Self> {
        let mut moments = vec![(0.0, 0.0, 0.0); n];
        // 65,536 rows at a time take a few milliseconds.
        let parts = workloads
            .iter()
            .flat_map(|w| w.covariates.chunks(n.max(1) << 16));
        for part in parts {
            check_stop(should_stop)?;
            for row in part.chunks_exact(n) {
                for (x, (count, mean, square)) in row.iter().zip(&mut moments) {
                    if !x.is_nan() {
                        *count += 1.0;
                        let before = x - *mean;
                        *mean += before / *count;
                        *square += before * (x - *mean);
                    }
                }
            }
        }
        let scale = |m: &(f64, f64, f64)| {
            let deviation = (m.2 / m.0).sqrt();
            // A constant covariate says nothing, and one beyond the arithmetic neither: it becomes zero.
            let (mean, scale) = (m.1 as f32, (1.0 / deviation) as f32);
            if deviation > 0.0 && mean.is_finite() && scale.is_finite() {
                (mean, scale)
            } else {
                (0.0, 0.0)
            }
        };
        let (mean, scale) = moments.iter().map(scale).unzip();
        Ok(Self { mean, scale })
    }
}
