//! Mergeable co-moments of two variables.

use serde::{Deserialize, Serialize};

use super::correlation::MIN_PAIRS;
use crate::error::{Error, Result};
use crate::sample::flat::{Reader, Writer, corrupt};

/// Means, squared deviations and their product, by Welford's update and Chan's merge (Chan, Golub and LeVeque 1983,
/// "Algorithms for computing the sample variance"). Order and partition change the result by rounding only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Moments", into = "Moments")]
pub(super) struct CoMoment {
    n: u64,
    mean_x: f64,
    mean_y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl CoMoment {
    /// Adds one pair.
    pub(super) fn push(&mut self, x: f64, y: f64) {
        self.n = self.n.saturating_add(1);
        let n = self.n as f64;
        let (dx, dy) = (x - self.mean_x, y - self.mean_y);
        self.mean_x += dx / n;
        self.mean_y += dy / n;
        let dy_after = y - self.mean_y;
        self.xx += dx * (x - self.mean_x);
        self.yy += dy * dy_after;
        self.xy += dx * dy_after;
    }

    /// Adds the pairs of another state.
    pub(super) fn merge(&mut self, other: &Self) {
        if self.n == 0 || other.n == 0 {
            if self.n == 0 {
                *self = *other;
            }
            return;
        }
        let (n_a, n_b) = (self.n as f64, other.n as f64);
        let n = n_a + n_b;
        let (dx, dy) = (other.mean_x - self.mean_x, other.mean_y - self.mean_y);
        self.n = self.n.saturating_add(other.n);
        self.mean_x += dx * (n_b / n);
        self.mean_y += dy * (n_b / n);
        let weight = n_a * (n_b / n);
        self.xx += other.xx + dx * dx * weight;
        self.yy += other.yy + dy * dy * weight;
        self.xy += other.xy + dx * dy * weight;
    }

    /// Pearson correlation; `None` below five pairs or when a variable is constant.
    pub(super) fn correlation(&self) -> Option<f64> {
        if self.n < MIN_PAIRS as u64 {
            return None;
        }
        // Two roots, because the product of the squares may overflow or vanish.
        let r = self.xy / (self.xx.sqrt() * self.yy.sqrt());
        r.is_finite().then_some(r.clamp(-1.0, 1.0))
    }

    pub(super) fn n(&self) -> u64 {
        self.n
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.u64(self.n);
        out.f64s(&[self.mean_x, self.mean_y, self.xx, self.yy, self.xy]);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let n = reader.u64()?;
        let (mean_x, mean_y) = (reader.f64()?, reader.f64()?);
        let (xx, yy, xy) = (reader.f64()?, reader.f64()?, reader.f64()?);
        Self::try_from(Moments {
            n,
            mean_x,
            mean_y,
            xx,
            yy,
            xy,
        })
    }
}

/// The same numbers before they are checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Moments {
    n: u64,
    mean_x: f64,
    mean_y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl TryFrom<Moments> for CoMoment {
    type Error = Error;

    fn try_from(moments: Moments) -> Result<Self> {
        let Moments {
            n,
            mean_x,
            mean_y,
            xx,
            yy,
            xy,
        } = moments;
        let numbers = [mean_x, mean_y, xx, yy, xy];
        let is_empty = numbers.iter().all(|x| x.abs() <= 0.0);
        if numbers.iter().any(|x| !x.is_finite()) || xx < 0.0 || yy < 0.0 || (n == 0 && !is_empty) {
            return Err(corrupt(
                "request state",
                "its co-moments are not those of any pairs",
            ));
        }
        Ok(Self {
            n,
            mean_x,
            mean_y,
            xx,
            yy,
            xy,
        })
    }
}

impl From<CoMoment> for Moments {
    fn from(state: CoMoment) -> Self {
        let CoMoment {
            n,
            mean_x,
            mean_y,
            xx,
            yy,
            xy,
        } = state;
        Self {
            n,
            mean_x,
            mean_y,
            xx,
            yy,
            xy,
        }
    }
}
