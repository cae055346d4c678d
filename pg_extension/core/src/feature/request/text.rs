//! Text form of a request state: JSON.

use serde::{Deserialize, Serialize};

use super::RequestState;
use crate::error::Result;
use crate::feature::comoment::CoMoment;
use crate::feature::{EntropyState, LatencySketch};
use crate::sample::flat::{FORMAT, corrupt};

impl RequestState {
    /// The text form (JSON).
    #[must_use]
    pub fn to_text(&self) -> String {
        let Self {
            n,
            n_nonfinite,
            latency,
            n_bytes,
            sum_bytes,
            kind,
            actor,
            with_bytes,
            with_params,
        } = self.clone();
        let text = Text {
            format: FORMAT,
            n,
            n_nonfinite,
            latency,
            n_bytes,
            sum_bytes,
            kind,
            actor,
            with_bytes,
            with_params,
        };
        // Numbers in structs always have a JSON form.
        serde_json::to_string(&text).unwrap_or_default()
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn from_text(text: &str) -> Result<Self> {
        let text: Text =
            serde_json::from_str(text).map_err(|error| corrupt("request state", error))?;
        let Text {
            format,
            n,
            n_nonfinite,
            latency,
            n_bytes,
            sum_bytes,
            kind,
            actor,
            with_bytes,
            with_params,
        } = text;
        if format != FORMAT {
            return Err(corrupt(
                "request state",
                format_args!("format {format} is not known"),
            ));
        }
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
}

/// The fields of the text form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    format: u8,
    n: u64,
    n_nonfinite: u64,
    latency: LatencySketch,
    n_bytes: u64,
    sum_bytes: f64,
    kind: EntropyState,
    actor: EntropyState,
    with_bytes: CoMoment,
    with_params: Vec<CoMoment>,
}
