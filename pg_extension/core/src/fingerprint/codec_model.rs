//! Flat and text forms of the model.

use serde::{Deserialize, Serialize};

use super::codec::read_dimension;
use super::model::{Residual, Seen};
use super::moments::{is_comoment, is_mean};
use super::{MAX_DIMENSION, PcaModel};
use crate::error::{Error, Result};
use crate::feature::dot;
use crate::sample::flat::{FORMAT, Reader, Writer, corrupt};

const MODEL: &str = "PCA model";

/// Format 2 added what was seen of each value, the summary of what was left out, and the rotation.
const NEWEST: u8 = 2;

/// Loadings and rotations are made of unit vectors, up to this much rounding.
const UNIT: f64 = 1e-9;

/// A model before it is checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelParts {
    format: u8,
    n: u64,
    scaled: bool,
    mean: Vec<f64>,
    scale: Vec<f64>,
    total: f64,
    eigenvalue: Vec<f64>,
    loading: Vec<Vec<f64>>,
    /// By value: 0 never, 1 constant, 2 varying.
    #[serde(default)]
    seen: Vec<u8>,
    /// Sum, and ratios of squares and cubes.
    #[serde(default)]
    residual: (f64, f64, f64),
    #[serde(default)]
    rotation: Vec<Vec<f64>>,
}

impl ModelParts {
    fn of(model: &PcaModel) -> Self {
        let Residual { sum, square, cube } = model.residual;
        Self {
            format: NEWEST,
            n: model.n,
            scaled: model.is_scaled,
            mean: model.mean.clone(),
            scale: model.scale.clone(),
            total: model.total,
            eigenvalue: model.eigenvalue.clone(),
            loading: model.loading.clone(),
            seen: model.seen.iter().map(|seen| *seen as u8).collect(),
            residual: (sum, square, cube),
            rotation: model.rotation.clone(),
        }
    }
}

pub(super) fn to_bytes(model: &PcaModel) -> Vec<u8> {
    let parts = ModelParts::of(model);
    let n_vectors = parts.loading.len() + parts.rotation.len();
    let mut out = Writer::with_format(NEWEST, 128 + parts.mean.len() * 8 * (n_vectors + 3));
    out.u64(parts.n);
    out.u8(u8::from(parts.scaled));
    out.len(parts.mean.len());
    out.f64s(&parts.mean);
    out.f64s(&parts.scale);
    out.f64(parts.total);
    out.len(parts.eigenvalue.len());
    out.f64s(&parts.eigenvalue);
    parts.loading.iter().for_each(|loading| out.f64s(loading));
    out.raw(&parts.seen);
    let (sum, square, cube) = parts.residual;
    out.f64s(&[sum, square, cube]);
    out.len(parts.rotation.len());
    parts.rotation.iter().for_each(|row| out.f64s(row));
    out.finish()
}

pub(super) fn from_bytes(bytes: &[u8]) -> Result<PcaModel> {
    let (format, mut reader) = Reader::up_to(NEWEST, MODEL, bytes)?;
    let n = reader.u64()?;
    let scaled = match reader.u8()? {
        0 => false,
        1 => true,
        other => return Err(reader.corrupt(format_args!("flag {other} is not known"))),
    };
    let dimension = read_dimension(&mut reader)?;
    let (mean, scale) = (reader.f64s(dimension)?, reader.f64s(dimension)?);
    let total = reader.f64()?;
    let n_components = reader.len(8)?;
    let eigenvalue = reader.f64s(n_components)?;
    let loading = vectors(&mut reader, n_components, dimension)?;
    let (mut seen, mut residual, mut rotation) = (Vec::new(), (0.0, 0.0, 0.0), Vec::new());
    if format > FORMAT {
        seen = reader.raw(dimension)?.to_vec();
        residual = (reader.f64()?, reader.f64()?, reader.f64()?);
        let n_rows = reader.len(8)?;
        rotation = vectors(&mut reader, n_rows, n_rows)?;
    }
    reader.finish()?;
    PcaModel::try_from(ModelParts {
        format,
        n,
        scaled,
        mean,
        scale,
        total,
        eigenvalue,
        loading,
        seen,
        residual,
        rotation,
    })
}

fn vectors(reader: &mut Reader<'_>, n: usize, length: usize) -> Result<Vec<Vec<f64>>> {
    let mut vectors = Vec::new();
    for _ in 0..n.min(MAX_DIMENSION + 1) {
        vectors.push(reader.f64s(length)?);
    }
    Ok(vectors)
}

pub(super) fn to_text(model: &PcaModel) -> String {
    // Numbers in a struct always have a JSON form.
    serde_json::to_string(&ModelParts::of(model)).unwrap_or_default()
}

pub(super) fn from_text(text: &str) -> Result<PcaModel> {
    serde_json::from_str::<ModelParts>(text)
        .map_err(|error| corrupt(MODEL, error))?
        .try_into()
}

impl TryFrom<ModelParts> for PcaModel {
    type Error = Error;

    fn try_from(parts: ModelParts) -> Result<Self> {
        let ModelParts {
            format,
            n,
            scaled,
            mean,
            scale,
            total,
            eigenvalue,
            loading,
            seen,
            residual,
            rotation,
        } = parts;
        let dimension = mean.len();
        if !(FORMAT..=NEWEST).contains(&format) {
            return Err(corrupt(MODEL, format_args!("format {format} is not known")));
        }
        let has_lengths = scale.len() == dimension
            && loading.len() == eigenvalue.len()
            && loading.len() <= dimension
            && loading.iter().all(|loading| loading.len() == dimension);
        if dimension == 0 || dimension > MAX_DIMENSION || !has_lengths {
            return Err(corrupt(MODEL, "its lengths do not fit together"));
        }
        let is_descending = eigenvalue
            .iter()
            .zip(eigenvalue.iter().skip(1))
            .all(|(a, b)| a >= b);
        let is_loading = |x: &f64| x.abs() <= 1.0 + UNIT;
        let is_possible =
            mean.iter().chain(&scale).all(is_mean) && is_comoment(&total, 4 * dimension as u64);
        if !is_descending
            || !is_possible
            || eigenvalue.iter().any(|x| *x <= 0.0)
            || scale.iter().any(|x| *x <= 0.0)
            || eigenvalue.iter().sum::<f64>() > total * (1.0 + 1e-9)
            || !loading.iter().flatten().all(is_loading)
        {
            return Err(corrupt(MODEL, "its components are not those of any fit"));
        }
        let mut model = Self {
            n,
            is_scaled: scaled,
            mean,
            scale,
            seen: Vec::new(),
            total,
            eigenvalue,
            loading,
            residual: Residual::default(),
            rotation: Vec::new(),
        };
        if format == FORMAT {
            model.guess();
        } else {
            model.add(&seen, residual, rotation)?;
        }
        Ok(model)
    }
}

impl PcaModel {
    /// What format 1 did not hold. A value without loadings and scale is taken for one that was never seen, which makes no
    /// anomaly of it; what was left out for equal eigenvalues.
    fn guess(&mut self) {
        let is_varying = |(idx, scale): (usize, &f64)| {
            let mut loadings = self.loading.iter().filter_map(|loading| loading.get(idx));
            (scale - 1.0).abs() > 0.0 || loadings.any(|x| x.abs() > 0.0)
        };
        let varying: Vec<bool> = self.scale.iter().enumerate().map(is_varying).collect();
        let n_varying = varying.iter().filter(|varying| **varying).count();
        let left_out = self.total - self.eigenvalue.iter().sum::<f64>();
        if left_out > self.total * n_varying as f64 * f64::EPSILON {
            let n_left_out = n_varying.saturating_sub(self.eigenvalue.len());
            self.residual = Residual::equal(left_out, n_left_out.max(1));
        }
        let seen = |varying| if varying { Seen::Varying } else { Seen::Never };
        self.seen = varying.into_iter().map(seen).collect();
    }

    /// What format 2 holds besides.
    fn add(
        &mut self,
        seen: &[u8],
        (sum, square, cube): (f64, f64, f64),
        rotation: Vec<Vec<f64>>,
    ) -> Result<()> {
        let kind = |seen: &u8| match seen {
            0 => Ok(Seen::Never),
            1 => Ok(Seen::Constant),
            2 => Ok(Seen::Varying),
            other => Err(corrupt(
                MODEL,
                format_args!("{other} says nothing about a value"),
            )),
        };
        self.seen = seen.iter().map(kind).collect::<Result<_>>()?;
        self.residual = Residual { sum, square, cube };
        let kept: f64 = self.eigenvalue.iter().sum();
        let is_share = |x: f64| x > 0.0 && x <= 1.0 + UNIT;
        // Of m values that are left out, square is 1/m at least, and cube between its square (Cauchy and Schwarz) and itself.
        let least = (1.0 - UNIT) / MAX_DIMENSION as f64;
        let is_moments = is_share(square)
            && square >= least
            && cube >= square * square * (1.0 - UNIT)
            && cube <= square * (1.0 + UNIT);
        let is_summary = if sum > 0.0 {
            is_moments && kept + sum <= self.total * (1.0 + UNIT)
        } else {
            self.residual == Residual::default()
        };
        self.rotation = rotation;
        if self.seen.len() != self.mean.len() || !is_summary || !self.is_rotation() {
            return Err(corrupt(MODEL, "its parts are not those of any fit"));
        }
        Ok(())
    }

    fn is_rotation(&self) -> bool {
        let n = self.rotation.len();
        let is_unit = |i: usize, a: &[f64]| {
            let expected = |j: usize| f64::from(u8::from(i == j));
            let others = self.rotation.iter().enumerate().take(i + 1);
            a.len() == n
                && others
                    .into_iter()
                    .all(|(j, b)| (dot(a, b) - expected(j)).abs() <= UNIT)
        };
        n == 0
            || (n == self.loading.len()
                && self
                    .rotation
                    .iter()
                    .enumerate()
                    .all(|(i, row)| is_unit(i, row)))
    }
}
