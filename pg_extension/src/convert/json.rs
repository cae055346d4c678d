//! Arguments of type `jsonb`, and JSON of types of core.
#![allow(unsafe_code)] // Datums are raw pointers.

use std::ffi::CStr;

use pgrx::callconv::{Arg, ArgAbi};
use pgrx::datum::{FromDatum, JsonB};
use pgrx::pg_sys;
use prescale_core::{Error, ErrorKind};

use super::call::raise;
use super::null_element;
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
pub(crate) fn from_json<T: for<'de> serde::Deserialize<'de>>(
    json: &Json,
    name: &str,
    hint: &str,
) -> Answer<T> {
    serde_json::from_str(&json.0)
        .and_then(serde_json::from_value)
        .map_err(|error| invalid(format!("{name} is not valid: {error}"), hint))
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
