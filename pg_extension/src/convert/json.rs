//! Arguments of type `jsonb`, and JSON of types of core.
#![allow(unsafe_code)] // Datums are raw pointers.

use std::ffi::CStr;
use std::fmt::Formatter;
use std::marker::PhantomData;

use pgrx::callconv::{Arg, ArgAbi};
use pgrx::datum::{FromDatum, JsonB};
use pgrx::pg_sys;
use prescale_core::time::check_stop;
use prescale_core::{Error, ErrorKind};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::call::raise;
use super::{ROWS_PER_LOOK, null_element, should_stop};
use crate::error::{Answer, invalid, report};

/// A `jsonb` argument as text: pgrx's own type fails with an internal error on what PostgreSQL allows and Rust's parser does
/// not (more than 127 levels, numbers beyond the range of a double).
#[derive(Debug, Clone)]
pub(crate) struct Json(String);

pgrx::impl_sql_translatable!(Json, arg_only = "jsonb");

impl FromDatum for Json {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        // SAFETY: the caller passes a jsonb, whose root follows its length, and the text ends with NUL.
        (!is_null).then(|| unsafe {
            let jsonb = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::Jsonb>();
            let length = i32::try_from(pgrx::varsize_any(jsonb.cast())).unwrap_or(i32::MAX);
            let text = pg_sys::JsonbToCString(std::ptr::null_mut(), &raw mut (*jsonb).root, length);
            Self(CStr::from_ptr(text).to_string_lossy().into_owned())
        })
    }
}

// SAFETY: as for FromDatum.
unsafe impl<'fcx> ArgAbi<'fcx> for Json {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: pgrx unboxes NULL only through Option.
        raise(
            unsafe { arg.unbox_arg_using_from_datum::<Self>() }
                .ok_or_else(|| null_element("jsonb")),
        )
    }
}

/// A type of core from its JSON form; `hint` says where such a value comes from.
///
/// # Errors
/// 22023 with what the parser missed.
pub(crate) fn from_json<T: for<'de> Deserialize<'de>>(
    json: &Json,
    name: &str,
    hint: &str,
) -> Answer<T> {
    serde_json::from_str(&json.0)
        .and_then(serde_json::from_value)
        .map_err(|error| invalid(format!("{name} is not valid: {error}"), hint))
}

/// Rows from an array of them, none from null or without any; a cancel is noticed between rows.
///
/// # Errors
/// 22023 with what the parser missed; 57014.
pub(crate) fn rows_from_json<T: for<'de> Deserialize<'de>>(
    json: Option<&Json>,
    name: &str,
    hint: &str,
) -> Answer<Vec<T>> {
    let Some(json) = json else {
        return Ok(Vec::new());
    };
    let rows = serde_json::from_str::<Option<Rows<T>>>(&json.0).map_err(|error| {
        check_stop(&should_stop).map_or_else(report, |()| {
            invalid(format!("{name} is not valid: {error}"), hint)
        })
    })?;
    Ok(rows.map_or(Vec::new(), |Rows(rows)| rows))
}

/// An array that is left at a cancel.
struct Rows<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<T> {
            type Value = Rows<T>;

            fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array of rows")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Rows<T>, A::Error> {
                let mut rows = Vec::new();
                while let Some(row) = seq.next_element()? {
                    rows.push(row);
                    if rows.len().is_multiple_of(ROWS_PER_LOOK) {
                        check_stop(&should_stop).map_err(A::Error::custom)?;
                    }
                }
                Ok(Rows(rows))
            }
        }
        deserializer.deserialize_seq(Each(PhantomData))
    }
}

/// The JSON form of a type of core.
///
/// # Errors
/// 22000 when it has none.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Answer<JsonB> {
    serde_json::to_value(value).map(JsonB).map_err(|error| {
        report(Error::new(
            ErrorKind::Numeric,
            format!("result has no JSON form: {error}"),
        ))
    })
}
