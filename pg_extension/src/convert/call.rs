//! Calls of version-1 C functions: arguments read straight from the call frame, without a guard or a copy per row.
#![allow(unsafe_code)] // The call frame is raw memory of PostgreSQL.

use std::ffi::{CStr, c_char};
use std::marker::PhantomData;
use std::sync::OnceLock;

use pgrx::pg_sys;
use pgrx::pg_sys::panic::{ErrorReport, ErrorReportable};
use pgrx::prelude::PgSqlErrorCode;
use prescale_core::time::Micros;

use super::finite_micros;
use super::varlena;
use crate::error::{Answer, failure};

/// The arguments of one call.
///
/// Invariant: it is made by functions whose SQL declaration stands in this crate, and each argument is read as the
/// type that is declared there; that is what makes the accessors safe.
pub(crate) struct Call<'a> {
    fcinfo: pg_sys::FunctionCallInfo,
    frame: PhantomData<&'a ()>,
}

/// A time as it stands in a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Time {
    /// NULL.
    Null,
    /// -infinity or infinity.
    Infinite,
    /// Microseconds since the Unix epoch.
    At(Micros),
}

impl<'a> Call<'a> {
    /// The arguments of the call in progress.
    ///
    /// # Safety
    /// `fcinfo` is what PostgreSQL passed, and lives for `'a`.
    pub(crate) unsafe fn new(fcinfo: pg_sys::FunctionCallInfo) -> Self {
        Self {
            fcinfo,
            frame: PhantomData,
        }
    }

    /// The call frame itself.
    pub(crate) fn frame(&self) -> pg_sys::FunctionCallInfo {
        self.fcinfo
    }

    /// Makes NULL the result.
    pub(crate) fn null(&self) -> pg_sys::Datum {
        // SAFETY: the frame is PostgreSQL's, made for this call.
        unsafe { (*self.fcinfo).isnull = true };
        pg_sys::Datum::from(0)
    }

    /// Argument `index`; `None` for NULL.
    pub(crate) fn datum(&self, index: usize) -> Option<pg_sys::Datum> {
        // SAFETY: the frame holds `nargs` arguments, and an index beyond them is answered with None.
        unsafe {
            if index >= self.n_args() {
                return None;
            }
            let argument = *(&raw const (*self.fcinfo).args)
                .cast::<pg_sys::NullableDatum>()
                .add(index);
            (!argument.isnull).then_some(argument.value)
        }
    }

    /// A timestamptz.
    pub(crate) fn time(&self, index: usize) -> Time {
        match self
            .datum(index)
            .map(|datum| finite_micros(i64::from_ne_bytes(datum.value().to_ne_bytes())))
        {
            None => Time::Null,
            Some(None) => Time::Infinite,
            Some(Some(micros)) => Time::At(micros),
        }
    }

    /// A bigint; `None` for NULL.
    pub(crate) fn int8(&self, index: usize) -> Option<i64> {
        self.datum(index)
            .map(|datum| i64::from_ne_bytes(datum.value().to_ne_bytes()))
    }

    /// A float8; `None` for NULL.
    pub(crate) fn float8(&self, index: usize) -> Option<f64> {
        self.datum(index)
            .map(|datum| f64::from_ne_bytes(datum.value().to_ne_bytes()))
    }

    /// A text as UTF-8; `None` for NULL.
    ///
    /// # Errors
    /// 22021 for bytes that have no form in UTF-8.
    pub(crate) fn text(&self, index: usize) -> Answer<Option<&'a str>> {
        // SAFETY: declared as text, a varlena that lives as long as the call.
        self.datum(index)
            .map(|datum| utf8(unsafe { varlena::payload(datum) }))
            .transpose()
    }

    /// The bytes of a varlena, without its header; `None` for NULL.
    pub(crate) fn bytes(&self, index: usize) -> Option<&'a [u8]> {
        // SAFETY: declared as a varlena type, which lives as long as the call.
        self.datum(index)
            .map(|datum| unsafe { varlena::payload(datum) })
    }

    /// Fills `elements` with those of a float8[]; `None` for NULL.
    ///
    /// # Errors
    /// 22P03 when the bytes are not an array.
    pub(crate) fn float8_array(
        &self,
        index: usize,
        elements: &mut Vec<Option<f64>>,
    ) -> Answer<Option<()>> {
        let Some(bytes) = self.bytes(index) else {
            return Ok(None);
        };
        super::array::read_float8(bytes, elements).map(Some)
    }

    /// The elements of a float8[] without NULLs, where they stand; `None` for NULL and for an array with NULLs, which
    /// [`float8_array`](Self::float8_array) tells apart.
    pub(crate) fn float8_dense(
        &self,
        index: usize,
    ) -> Option<impl ExactSizeIterator<Item = f64> + Clone + 'a> {
        let values = super::array::dense_float8(self.bytes(index)?)?;
        Some(values.iter().map(|value| f64::from_ne_bytes(*value)))
    }

    /// How many arguments there are.
    pub(crate) fn n_args(&self) -> usize {
        // SAFETY: the frame is PostgreSQL's.
        usize::try_from(unsafe { (*self.fcinfo).nargs }).unwrap_or(0)
    }

    /// A cstring; `None` for NULL.
    pub(crate) fn cstring(&self, index: usize) -> Option<&'a CStr> {
        // SAFETY: declared as cstring, which is terminated by NUL and lives as long as the call.
        self.datum(index)
            .map(|datum| unsafe { CStr::from_ptr(datum.cast_mut_ptr()) })
    }

    /// What is left of the message in a receive function's buffer; it counts as read.
    pub(crate) fn message(&self, index: usize) -> Option<&'a [u8]> {
        let buffer = self.datum(index)?.cast_mut_ptr::<pg_sys::StringInfoData>();
        // SAFETY: the argument of a receive function is a StringInfo whose `len` bytes are readable.
        unsafe {
            let (cursor, len) = (
                usize::try_from((*buffer).cursor).ok()?,
                usize::try_from((*buffer).len).ok()?,
            );
            (*buffer).cursor = (*buffer).len;
            std::slice::from_raw_parts((*buffer).data.cast::<u8>(), len).get(cursor..)
        }
    }
}

/// The bytes of a text in UTF-8, whatever the encoding of the database.
fn utf8(bytes: &[u8]) -> Answer<&str> {
    // A backend stays in one database. Asking for every row would cost as much as the row itself.
    static IS_UTF8: OnceLock<bool> = OnceLock::new();
    let utf8 = pg_sys::pg_enc::PG_UTF8.cast_signed();
    // SAFETY: the function reads a variable that is set before any SQL runs.
    if *IS_UTF8.get_or_init(|| unsafe { pg_sys::GetDatabaseEncoding() } == utf8) {
        return std::str::from_utf8(bytes).map_err(not_utf8);
    }
    let given = bytes.as_ptr().cast::<c_char>();
    // SAFETY: the length is that of the bytes; what is returned is either the text itself, which does not end with
    // NUL, or a converted one in PostgreSQL's memory, which does.
    let converted = unsafe {
        let len = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
        let converted = pg_sys::pg_server_to_any(given, len, utf8);
        if converted.cast_const() == given {
            bytes
        } else {
            CStr::from_ptr(converted).to_bytes()
        }
    };
    std::str::from_utf8(converted).map_err(not_utf8)
}

/// 22021 for text that is not UTF-8.
#[track_caller]
pub(crate) fn not_utf8(error: std::str::Utf8Error) -> ErrorReport {
    failure(
        PgSqlErrorCode::ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
        format!("text is not valid UTF-8: {error}"),
        "In a database with another encoding than UTF8, use ASCII only.",
    )
}

/// Raises an error, or gives the value.
pub(crate) fn raise<T>(answer: Answer<T>) -> T {
    answer.unwrap_or_report()
}

/// Exports `$body`, a function from [`Call`] to [`pg_sys::Datum`], as the version-1 C function `$name`.
macro_rules! raw_function {
    ($name:ident, $body:expr) => {
        #[pgrx::pg_guard]
        #[unsafe(no_mangle)]
        unsafe extern "C-unwind" fn $name(
            fcinfo: pgrx::pg_sys::FunctionCallInfo,
        ) -> pgrx::pg_sys::Datum {
            let body: for<'a> fn($crate::convert::call::Call<'a>) -> pgrx::pg_sys::Datum = $body;
            // SAFETY: PostgreSQL calls this with the frame of the call, which outlives it.
            body(unsafe { $crate::convert::call::Call::new(fcinfo) })
        }
        const _: () = {
            #[unsafe(export_name = concat!("pg_finfo_", stringify!($name)))]
            extern "C" fn finfo() -> &'static pgrx::pg_sys::Pg_finfo_record {
                &pgrx::pg_sys::Pg_finfo_record { api_version: 1 }
            }
        };
    };
}
pub(crate) use raw_function;
