//! PostgreSQL's `name`: an identifier of at most 63 bytes, as columns are given to SQL functions.
#![allow(unsafe_code)] // Names are raw memory of fixed length.

use std::ffi::CStr;

use pgrx::callconv::{Arg, ArgAbi};
use pgrx::datum::FromDatum;
use pgrx::pg_sys;

use super::call::raise;
use super::null_element;

/// An argument of type `name`.
#[derive(Debug, Clone)]
pub(crate) struct Name(pub(crate) String);

pgrx::impl_sql_translatable!(Name, arg_only = "name");

impl FromDatum for Name {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        // SAFETY: the caller passes a name, whose 64 bytes end with NUL.
        (!is_null).then(|| {
            Self(
                unsafe { CStr::from_ptr(datum.cast_mut_ptr()) }
                    .to_string_lossy()
                    .into_owned(),
            )
        })
    }
}

// SAFETY: as for FromDatum.
unsafe impl<'fcx> ArgAbi<'fcx> for Name {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: pgrx unboxes NULL only through Option.
        raise(
            unsafe { arg.unbox_arg_using_from_datum::<Self>() }.ok_or_else(|| null_element("name")),
        )
    }
}
