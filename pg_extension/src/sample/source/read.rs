//! Runs a query and hands out its rows in batches, so that memory does not grow with the number of rows.
#![allow(unsafe_code)] // SPI and tuples are raw memory of PostgreSQL.

use std::ffi::CString;

use pgrx::datum::{FromDatum, IntoDatum};
use pgrx::pg_sys;
use prescale_core::{Error, ErrorKind};

use crate::convert::should_stop;
use crate::convert::varlena;
use crate::error::{Answer, report};

/// Rows fetched at a time: a few megabytes, and few enough that a cancel is noticed at once.
const BATCH: std::ffi::c_long = 10_000;

/// A value bound to a query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Param {
    value: Option<pg_sys::Datum>,
    oid: pg_sys::Oid,
}

/// Binds a value; it lives in the current memory context.
pub(crate) fn param<T: IntoDatum>(value: T) -> Param {
    Param {
        value: value.into_datum(),
        oid: T::type_oid(),
    }
}

/// One row of a result.
pub(crate) struct Row<'a> {
    values: &'a [pg_sys::Datum],
    nulls: &'a [bool],
}

impl Row<'_> {
    /// Column `index`; `None` for NULL. Queries cast each column to the type that it is read as.
    pub(crate) fn get<T: FromDatum>(&self, index: usize) -> Option<T> {
        // SAFETY: the queries of this module's siblings name the type of every column, and it is the one asked for.
        self.datum(index)
            .and_then(|datum| unsafe { T::from_datum(datum, false) })
    }

    /// The bytes of column `index`, a varlena; `None` for NULL.
    pub(crate) fn bytes(&self, index: usize) -> Option<&[u8]> {
        // SAFETY: as for `get`; the tuple outlives the row.
        self.datum(index)
            .map(|datum| unsafe { varlena::payload(datum) })
    }

    fn datum(&self, index: usize) -> Option<pg_sys::Datum> {
        let is_null = self.nulls.get(index).copied().unwrap_or(true);
        self.values.get(index).copied().filter(|_| !is_null)
    }
}

/// Runs one read-only query as the current user and gives each row to `each`.
///
/// # Errors
/// Those of `each`; what the query raises is raised.
pub(crate) fn read(
    sql: &str,
    params: &[Param],
    each: &mut dyn FnMut(&Row<'_>) -> Answer<()>,
) -> Answer<()> {
    let sql =
        CString::new(sql).map_err(|_| report(Error::invalid("a name holds a NUL character")))?;
    // SAFETY: connected before and finished after use; an error that is raised between ends the transaction, which
    // finishes SPI and closes the portal.
    unsafe {
        pg_sys::SPI_connect();
        let portal = open(&sql, params)?;
        let outcome = fetch_all(portal, each);
        pg_sys::SPI_cursor_close(portal);
        pg_sys::SPI_finish();
        outcome
    }
}

/// Opens a read-only portal.
///
/// # Safety
/// SPI is connected.
unsafe fn open(sql: &CString, params: &[Param]) -> Answer<pg_sys::Portal> {
    let mut oids: Vec<_> = params.iter().map(|p| p.oid).collect();
    let mut values: Vec<_> = params
        .iter()
        .map(|p| p.value.unwrap_or(pg_sys::Datum::null()))
        .collect();
    let nulls: Vec<_> = params
        .iter()
        .map(|p| if p.value.is_some() { b' ' } else { b'n' }.cast_signed())
        .collect();
    let n = i32::try_from(params.len())
        .map_err(|_| report(Error::new(ErrorKind::TooLarge, "too many parameters")))?;
    // SAFETY: the three arrays have n elements and outlive the call, which copies them.
    Ok(unsafe {
        pg_sys::SPI_cursor_open_with_args(
            std::ptr::null(),
            sql.as_ptr(),
            n,
            oids.as_mut_ptr(),
            values.as_mut_ptr(),
            nulls.as_ptr(),
            true,
            0,
        )
    })
}

/// Gives all rows of a portal to `each`.
///
/// # Safety
/// SPI is connected and the portal open.
unsafe fn fetch_all(
    portal: pg_sys::Portal,
    each: &mut dyn FnMut(&Row<'_>) -> Answer<()>,
) -> Answer<()> {
    loop {
        should_stop();
        // SAFETY: by the caller's word; SPI_tuptable holds SPI_processed tuples until it is freed.
        unsafe {
            pg_sys::SPI_cursor_fetch(portal, true, BATCH);
            let table = pg_sys::SPI_tuptable;
            let n = usize::try_from(pg_sys::SPI_processed).unwrap_or(0);
            if n == 0 || table.is_null() {
                return Ok(());
            }
            let tuples = std::slice::from_raw_parts((*table).vals, n);
            give((*table).tupdesc, tuples, each)?;
            pg_sys::SPI_freetuptable(table);
        }
    }
}

/// Gives a batch of tuples to `each`.
///
/// # Safety
/// The tuples are of this descriptor.
unsafe fn give(
    descriptor: pg_sys::TupleDesc,
    tuples: &[pg_sys::HeapTuple],
    each: &mut dyn FnMut(&Row<'_>) -> Answer<()>,
) -> Answer<()> {
    // SAFETY: the descriptor is that of the tuples, so that both arrays have one place for every attribute.
    unsafe {
        let width = usize::try_from((*descriptor).natts).unwrap_or(0);
        let mut values = vec![pg_sys::Datum::null(); width];
        let mut nulls = vec![true; width];
        for tuple in tuples {
            pg_sys::heap_deform_tuple(*tuple, descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
            each(&Row {
                values: &values,
                nulls: &nulls,
            })?;
        }
    }
    Ok(())
}
