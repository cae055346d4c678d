//! The distance of fingerprints; `nearest` in sql/45_nearest.sql sorts by it.

#![allow(unsafe_code)] // A version-1 function, whose macro expands to it.

use pgrx::prelude::*;
use prescale_core::fingerprint::distance;

use crate::convert::call::{Call, raise, raw_function};
use crate::convert::null_element;
use crate::error::{Answer, report};

/// `fingerprint_distance(a, b)`, strict. It runs a million times a query, so that it reads both arrays where they lie.
fn fingerprint_distance(call: &Call<'_>) -> Answer<pg_sys::Datum> {
    let missing = || null_element("fingerprint");
    let a = call.float8_dense(0).ok_or_else(missing)?;
    let b = call.float8_dense(1).ok_or_else(missing)?;
    let distance = distance(a, b).map_err(report)?;
    Ok(pg_sys::Datum::from(distance.to_bits()))
}

raw_function!(fingerprint_distance_raw, |call| raise(
    fingerprint_distance(&call)
));

extension_sql!(
    r#"
CREATE FUNCTION fingerprint_distance(a float8[], b float8[]) RETURNS float8
    IMMUTABLE STRICT PARALLEL SAFE COST 5 LANGUAGE c AS 'MODULE_PATHNAME', 'fingerprint_distance_raw';
COMMENT ON FUNCTION fingerprint_distance(float8[], float8[]) IS 'Euclidean distance of two fingerprints of one model';
"#,
    name = "nearest_sql"
);
