//! Our own types: flat varlena values that hold the bytes of a type of core, format byte first.
//!
//! The text form is core's JSON, the binary form core's bytes; both round-trip whatever the session's settings.
#![allow(unsafe_code)] // Datums are raw pointers.

use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::datum::{Datum, FromDatum, IntoDatum, UnboxDatum};
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use prescale_core::feature::request::RequestState;
use prescale_core::feature::{KeyCounts, LatencySummary};
use prescale_core::fingerprint::{PcaModel, PcaState, RegimeModel, VectorSet};
use prescale_core::sample::Series;
use prescale_core::{Error, ErrorKind, Result};

use super::call::{Call, raise, raw_function};
use crate::error::{Answer, report, report_text};

/// A type of core with a flat form and a text form.
pub(crate) trait Flat: Sized {
    /// The flat form.
    fn to_bytes(&self) -> Vec<u8>;
    /// Reads the flat form.
    fn from_bytes(bytes: &[u8]) -> Result<Self>;
    /// The text form.
    fn to_text(&self) -> String;
    /// Reads the text form.
    fn from_text(text: &str) -> Result<Self>;
}

/// PostgreSQL refuses larger values (`MaxAllocSize`, 1 GB − 1).
const MAX_VALUE: usize = 0x3fff_ffff;

/// The bytes of a varlena without its header, fetched and decompressed where needed.
///
/// # Safety
/// `datum` points to a varlena; the bytes live as long as it, or as the current memory context.
pub(crate) unsafe fn payload<'a>(datum: pg_sys::Datum) -> &'a [u8] {
    let stored = datum.cast_mut_ptr::<pg_sys::varlena>();
    // SAFETY: the caller passes a varlena, and a packed one has VARSIZE_ANY_EXHDR bytes after its header.
    unsafe {
        let plain = pgrx::varatt_is_1b(stored) && !pgrx::varatt_is_1b_e(stored)
            || pgrx::varatt_is_4b_u(stored);
        let packed = if plain {
            stored
        } else {
            pg_sys::pg_detoast_datum_packed(stored)
        };
        std::slice::from_raw_parts(
            pgrx::vardata_any(packed).cast::<u8>(),
            pgrx::varsize_any_exhdr(packed),
        )
    }
}

/// A varlena with these bytes, in the current memory context.
///
/// # Errors
/// 54000 above 1 GB.
pub(crate) fn store(bytes: &[u8]) -> Answer<pg_sys::Datum> {
    let (size, header) = fitting(bytes.len())?;
    // SAFETY: the allocation holds the header and the bytes, and palloc raises an error instead of returning null.
    unsafe {
        let value = pg_sys::palloc(size).cast::<u8>();
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), value.add(pg_sys::VARHDRSZ), bytes.len());
        pgrx::set_varsize_4b(value.cast(), header);
        Ok(pg_sys::Datum::from(value))
    }
}

/// A cstring with this text, in the current memory context.
fn store_cstring(text: &str) -> Answer<pg_sys::Datum> {
    // A cast to text needs a header.
    let (size, _) = fitting(text.len())?;
    // SAFETY: as in `store`; the last byte is the terminator.
    unsafe {
        let value = pg_sys::palloc(size).cast::<u8>();
        std::ptr::copy_nonoverlapping(text.as_ptr(), value, text.len());
        *value.add(text.len()) = 0;
        Ok(pg_sys::Datum::from(value))
    }
}

/// The size of a varlena with `len` bytes, as it is and for its header, where PostgreSQL takes that many.
fn fitting(len: usize) -> Answer<(usize, i32)> {
    let size = len + pg_sys::VARHDRSZ;
    match i32::try_from(size) {
        Ok(header) if size <= MAX_VALUE => Ok((size, header)),
        _ => {
            let message =
                format!("a value of {len} bytes exceeds the 1 GB that PostgreSQL can store");
            Err(report(Error::new(ErrorKind::TooLarge, message)))
        }
    }
}

fn input<T: Flat>(call: &Call<'_>) -> Answer<pg_sys::Datum> {
    let text = call.cstring(0).unwrap_or_default().to_string_lossy();
    store(&T::from_text(&text).map_err(report_text)?.to_bytes())
}

fn output<T: Flat>(call: &Call<'_>) -> Answer<pg_sys::Datum> {
    store_cstring(
        &T::from_bytes(call.bytes(0).unwrap_or_default())
            .map_err(report)?
            .to_text(),
    )
}

fn receive<T: Flat>(call: &Call<'_>) -> Answer<pg_sys::Datum> {
    store(
        &T::from_bytes(call.message(0).unwrap_or_default())
            .map_err(report)?
            .to_bytes(),
    )
}

fn send(call: &Call<'_>) -> Answer<pg_sys::Datum> {
    store(call.bytes(0).unwrap_or_default())
}

/// Gives a type of core its SQL type: the Rust wrapper for arguments and results, and the four functions of the type.
macro_rules! flat_type {
    ($(#[$doc:meta])* $name:ident($core:ty) = $sql:literal: $input:ident, $output:ident, $receive:ident, $send:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub(crate) struct $name(pub(crate) $core);

        impl Flat for $core {
            fn to_bytes(&self) -> Vec<u8> {
                <$core>::to_bytes(self)
            }
            fn from_bytes(bytes: &[u8]) -> Result<Self> {
                <$core>::from_bytes(bytes)
            }
            fn to_text(&self) -> String {
                <$core>::to_text(self)
            }
            fn from_text(text: &str) -> Result<Self> {
                <$core>::from_text(text)
            }
        }

        // SAFETY: the type of this name is created by this extension and holds what `store` wrote.
        unsafe impl SqlTranslatable for $name {
            const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!($name);
            const TYPE_ORIGIN: TypeOrigin = TypeOrigin::ThisExtension;
            const ARGUMENT_SQL: std::result::Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal($sql));
            const RETURN_SQL: std::result::Result<ReturnsRef, ReturnsError> =
                Ok(ReturnsRef::One(SqlMappingRef::literal($sql)));
        }

        impl FromDatum for $name {
            unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, is_null: bool, _: pg_sys::Oid) -> Option<Self> {
                // SAFETY: the caller passes a datum of this type, a varlena.
                (!is_null).then(|| Self(raise(<$core>::from_bytes(unsafe { payload(datum) }).map_err(report))))
            }
        }

        impl IntoDatum for $name {
            fn into_datum(self) -> Option<pg_sys::Datum> {
                Some(raise(store(&self.0.to_bytes())))
            }
            fn type_oid() -> pg_sys::Oid {
                pgrx::regtypein(concat!("prescale.", $sql))
            }
        }

        // SAFETY: as for FromDatum; elements of arrays are varlenas like any.
        unsafe impl UnboxDatum for $name {
            type As<'src> = Self;
            unsafe fn unbox<'src>(datum: Datum<'src>) -> Self
            where
                Self: 'src,
            {
                // SAFETY: the caller passes a datum of this type, a varlena.
                Self(raise(<$core>::from_bytes(unsafe { payload(datum.sans_lifetime()) }).map_err(report)))
            }
        }

        // SAFETY: as for FromDatum.
        unsafe impl<'fcx> ArgAbi<'fcx> for $name {
            unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
                // SAFETY: pgrx unboxes NULL only through Option.
                raise(unsafe { arg.unbox_arg_using_from_datum::<Self>() }.ok_or_else(|| super::null_element($sql)))
            }
        }

        // SAFETY: `store` allocates in the context that pgrx chose for the result.
        unsafe impl BoxRet for $name {
            unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
                let datum = raise(store(&self.0.to_bytes()));
                // SAFETY: the datum is a varlena of this type.
                unsafe { fcinfo.return_raw_datum(datum) }
            }
        }

        raw_function!($input, |call| raise(input::<$core>(&call)));
        raw_function!($output, |call| raise(output::<$core>(&call)));
        raw_function!($receive, |call| raise(receive::<$core>(&call)));
        raw_function!($send, |call| raise(send(&call)));
    };
}

flat_type! {
    /// SQL type `series`.
    SeriesValue(Series) = "series": series_in, series_out, series_recv, series_send
}
flat_type! {
    /// SQL type `latency_sketch`.
    LatencyValue(LatencySummary) = "latency_sketch": latency_sketch_in, latency_sketch_out, latency_sketch_recv, latency_sketch_send
}
flat_type! {
    /// SQL type `entropy_state`.
    KeysValue(KeyCounts) = "entropy_state": entropy_state_in, entropy_state_out, entropy_state_recv, entropy_state_send
}
flat_type! {
    /// SQL type `request_state`.
    RequestValue(RequestState) = "request_state": request_state_in, request_state_out, request_state_recv, request_state_send
}
flat_type! {
    /// SQL type `pca_state`.
    PcaStateValue(PcaState) = "pca_state": pca_state_in, pca_state_out, pca_state_recv, pca_state_send
}
flat_type! {
    /// SQL type `pca_model`.
    PcaModelValue(PcaModel) = "pca_model": pca_model_in, pca_model_out, pca_model_recv, pca_model_send
}
flat_type! {
    /// SQL type `vector_set`.
    VectorSetValue(VectorSet) = "vector_set": vector_set_in, vector_set_out, vector_set_recv, vector_set_send
}
flat_type! {
    /// SQL type `regime_model`.
    RegimeModelValue(RegimeModel) = "regime_model": regime_model_in, regime_model_out, regime_model_recv, regime_model_send
}
