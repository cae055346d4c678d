//! The flat form of a model: a format byte, sizes, weights, a checksum. Whatever is read is checked before it is used.

use super::check::{self, MAX_WEIGHTS};
use super::standard::Standard;
use super::window::Frame;
use super::{Model, Report};
use crate::error::Result;
use crate::sample::flat::{Reader, Writer, reserved};
use crate::time::Step;

const WHAT: &str = "LSTM model";

impl Model {
    /// The model as bytes; [`Model::from_bytes`] gives back one that forecasts the same bits.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new(256 + 4 * self.weights.len());
        let frame = &self.frame;
        out.i64(frame.step.micros());
        for n in [
            frame.window,
            frame.steps,
            frame.season,
            frame.covariates,
            self.shape.hidden,
        ] {
            out.len(n);
        }
        out.len(self.levels.len());
        out.f64s(&self.levels);
        let report = &self.report;
        for n in [
            report.n_windows,
            report.stride,
            report.n_validation,
            report.epochs,
            report.updates,
        ] {
            out.u64(n);
        }
        out.f64(report.train_loss);
        out.u8(u8::from(report.validation_loss.is_some()));
        out.f64(report.validation_loss.unwrap_or(0.0));
        for x in self
            .standard
            .mean
            .iter()
            .chain(&self.standard.scale)
            .chain(&self.weights)
        {
            out.raw(&x.to_le_bytes());
        }
        let mut bytes = out.finish();
        bytes.extend_from_slice(&checksum(&bytes).to_le_bytes());
        bytes
    }

    /// Reads what [`Model::to_bytes`] wrote.
    ///
    /// # Errors
    /// `Corrupt` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(WHAT, bytes)?;
        let (body, sum) = bytes
            .split_last_chunk::<8>()
            .ok_or_else(|| reader.corrupt("its end is missing"))?;
        if checksum(body) != u64::from_le_bytes(*sum) {
            return Err(reader.corrupt("its checksum does not match"));
        }
        let step = Step::try_new(reader.i64()?).map_err(|error| reader.corrupt(error))?;
        let mut sizes = [0; 5];
        for size in &mut sizes {
            *size = usize::try_from(reader.u64()?).map_err(|error| reader.corrupt(error))?;
        }
        let [window, steps, season, covariates, hidden] = sizes;
        let n_levels = reader.len(8)?;
        let levels = reader.f64s(n_levels)?;
        let frame = Frame {
            window,
            steps,
            season,
            covariates,
            step,
        };
        let shape = check::shape(&frame, hidden, &levels).map_err(|error| reader.corrupt(error))?;
        let report = Report {
            n_windows: reader.u64()?,
            stride: reader.u64()?,
            n_validation: reader.u64()?,
            epochs: reader.u64()?,
            updates: reader.u64()?,
            train_loss: reader.f64()?,
            validation_loss: match (reader.u8()?, reader.f64()?) {
                (0, _) => None,
                (_, loss) => Some(loss),
            },
        };
        let standard = Standard {
            mean: numbers(&mut reader, covariates)?,
            scale: numbers(&mut reader, covariates)?,
        };
        let weights = numbers(&mut reader, shape.weights())?;
        reader.raw(8)?;
        reader.finish()?;
        Ok(Self {
            frame,
            shape,
            levels,
            standard,
            weights,
            report,
        })
    }
}

/// `n` finite numbers.
fn numbers(reader: &mut Reader<'_>, n: usize) -> Result<Vec<f32>> {
    let (chunks, _) = reader.raw(4 * n.min(MAX_WEIGHTS))?.as_chunks::<4>();
    let mut out = reserved(chunks.len())?;
    out.extend(chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)));
    match out.iter().find(|x| !x.is_finite()) {
        None => Ok(out),
        Some(x) => Err(reader.corrupt(format_args!("{x} where a finite number belongs"))),
    }
}

/// FNV-1a of 64 bits: finds every single flipped bit, which a weight would hide.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The bytes of a model as text, two digits of base 16 each, within a text format that keeps numbers as digits; none where there is no model.
pub(super) mod text {
    use std::fmt::Write;
    use std::sync::Arc;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Model;

    #[allow(clippy::ref_option, reason = "the signature that serde calls")]
    pub(in super::super) fn serialize<S: Serializer>(
        model: &Option<Arc<Model>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut text = String::new();
        for byte in model.iter().flat_map(|model| model.to_bytes()) {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        serializer.serialize_str(&text)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<Model>>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(None);
        }
        let digits = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(digits).collect();
        let bytes = bytes.ok_or_else(|| D::Error::custom("a digit that is not of base 16"))?;
        let model = Model::from_bytes(&bytes).map_err(D::Error::custom)?;
        Ok(Some(Arc::new(model)))
    }
}
