//! Flat and text forms of the state. Both forms are read into the same fields, which are checked once; so are those of
//! the model.

use serde::{Deserialize, Serialize};

use super::moments::{Complete, Pair, is_comoment, is_mean, places, triangle};
use super::{MAX_DIMENSION, PcaState};
use crate::error::{Error, Result};
use crate::sample::flat::{FORMAT, Reader, Writer, corrupt};

const STATE: &str = "PCA state";

/// A state before it is checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateParts {
    format: u8,
    n_complete: u64,
    n_partial: u64,
    n_missing: u64,
    n_nonfinite: u64,
    mean: Vec<f64>,
    comoment: Vec<f64>,
    /// Of vectors with gaps: (n, mean_i, mean_j, comoment) per pair.
    partial: Vec<(u64, f64, f64, f64)>,
}

pub(super) fn state_to_bytes(state: &PcaState) -> Vec<u8> {
    let mut out = Writer::new(64 + state.complete.comoment.len() * 8 + state.partial.len() * 32);
    [
        state.complete.n,
        state.n_partial,
        state.n_missing,
        state.n_nonfinite,
    ]
    .into_iter()
    .for_each(|n| out.u64(n));
    out.len(state.dimension());
    out.f64s(&state.complete.mean);
    out.f64s(&state.complete.comoment);
    out.len(state.partial.len());
    for pair in &state.partial {
        out.u64(pair.n);
        out.f64s(&[pair.mean_i, pair.mean_j, pair.comoment]);
    }
    out.finish()
}

pub(super) fn state_from_bytes(bytes: &[u8]) -> Result<PcaState> {
    let mut reader = Reader::new(STATE, bytes)?;
    let (n_complete, n_partial) = (reader.u64()?, reader.u64()?);
    let (n_missing, n_nonfinite) = (reader.u64()?, reader.u64()?);
    let dimension = read_dimension(&mut reader)?;
    let mean = reader.f64s(dimension)?;
    let comoment = reader.f64s(triangle(dimension))?;
    let n_pairs = reader.len(32)?;
    let mut partial = Vec::new();
    for _ in 0..n_pairs.min(triangle(MAX_DIMENSION) + 1) {
        partial.push((reader.u64()?, reader.f64()?, reader.f64()?, reader.f64()?));
    }
    reader.finish()?;
    PcaState::try_from(StateParts {
        format: FORMAT,
        n_complete,
        n_partial,
        n_missing,
        n_nonfinite,
        mean,
        comoment,
        partial,
    })
}

pub(super) fn state_to_text(state: &PcaState) -> String {
    let parts = StateParts {
        format: FORMAT,
        n_complete: state.complete.n,
        n_partial: state.n_partial,
        n_missing: state.n_missing,
        n_nonfinite: state.n_nonfinite,
        mean: state.complete.mean.clone(),
        comoment: state.complete.comoment.clone(),
        partial: state
            .partial
            .iter()
            .map(|pair| (pair.n, pair.mean_i, pair.mean_j, pair.comoment))
            .collect(),
    };
    // Numbers in a struct always have a JSON form.
    serde_json::to_string(&parts).unwrap_or_default()
}

pub(super) fn state_from_text(text: &str) -> Result<PcaState> {
    serde_json::from_str::<StateParts>(text)
        .map_err(|error| corrupt(STATE, error))?
        .try_into()
}

pub(super) fn read_dimension(reader: &mut Reader<'_>) -> Result<usize> {
    match reader.len(8)? {
        n if n <= MAX_DIMENSION => Ok(n),
        n => Err(reader.corrupt(format_args!(
            "vectors of {n} values are longer than {MAX_DIMENSION}"
        ))),
    }
}

impl TryFrom<StateParts> for PcaState {
    type Error = Error;

    fn try_from(parts: StateParts) -> Result<Self> {
        let StateParts {
            format,
            n_complete,
            n_partial,
            n_missing,
            n_nonfinite,
            mean,
            comoment,
            partial,
        } = parts;
        let dimension = mean.len();
        if format != FORMAT {
            return Err(corrupt(STATE, format_args!("format {format} is not known")));
        }
        if dimension > MAX_DIMENSION || comoment.len() != triangle(dimension) {
            return Err(corrupt(STATE, "its lengths do not fit together"));
        }
        let has_pairs = n_partial > 0;
        if partial.len() != (if has_pairs { triangle(dimension) } else { 0 })
            || (dimension == 0 && n_complete > 0)
        {
            return Err(corrupt(STATE, "its lengths do not fit together"));
        }
        let pair = |(n, mean_i, mean_j, comoment)| Pair {
            n,
            mean_i,
            mean_j,
            comoment,
        };
        let partial: Vec<_> = partial.into_iter().map(pair).collect();
        let is_pair = |pair: &Pair| {
            let is_possible = is_mean(&pair.mean_i)
                && is_mean(&pair.mean_j)
                && is_comoment(&pair.comoment, pair.n);
            is_possible && pair.n <= n_partial && (pair.n > 0 || *pair == Pair::default())
        };
        let squares = places(dimension)
            .zip(&comoment)
            .filter(|((i, j), _)| i == j);
        let partial_squares = places(dimension).zip(&partial).filter(|((i, j), _)| i == j);
        let is_negative = squares
            .map(|(_, c)| *c)
            .chain(partial_squares.map(|(_, pair)| pair.comoment))
            .any(|c| c < 0.0);
        let is_complete =
            mean.iter().all(is_mean) && comoment.iter().all(|c| is_comoment(c, n_complete));
        if is_negative || !is_complete || !partial.iter().all(is_pair) {
            return Err(corrupt(STATE, "its moments are not those of any vectors"));
        }
        let complete = Complete {
            n: n_complete,
            mean,
            comoment,
        };
        Ok(Self {
            complete,
            n_partial,
            partial,
            n_missing,
            n_nonfinite,
        })
    }
}
