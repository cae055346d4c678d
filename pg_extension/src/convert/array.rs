//! Reads a `float8[]` in place, also where a one-byte header leaves it unaligned; writes one of two dimensions.
#![allow(unsafe_code)] // Results are raw datums.

use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::datum::{Datum, IntoDatum};
use pgrx::pg_sys;
use prescale_core::{Error, ErrorKind};

use super::call::raise;
use super::varlena;
use crate::error::{Answer, report};

/// Bytes of `ArrayType` before its dimensions: length word, number of dimensions, offset of the data, element type.
const HEADER: usize = 16;
/// The length word, which is not part of the bytes that are read here.
const LENGTH_WORD: usize = 4;
/// Most dimensions of an array (`MAXDIM`).
const MAX_DIMENSIONS: usize = 6;
/// `MAXALIGN`: data begin at a multiple of this.
const ALIGNMENT: usize = 8;

/// Fills `elements` with those of the array, in storage order; `bytes` is the varlena without its header.
///
/// # Errors
/// 22P03 when the bytes are too short for what they announce.
pub(crate) fn read_float8(bytes: &[u8], elements: &mut Vec<Option<f64>>) -> Answer<()> {
    elements.clear();
    read(bytes, elements).ok_or_else(|| {
        report(Error::new(
            ErrorKind::Corrupt,
            "array is shorter than its header says",
        ))
    })
}

/// The elements of an array without NULLs, where they stand; `None` when one is NULL or bytes are missing.
pub(crate) fn dense_float8(bytes: &[u8]) -> Option<&[[u8; 8]]> {
    let layout = Layout::read(bytes)?;
    let all = (0..layout.n).try_for_each(|index| layout.is_present(index)?.then_some(()));
    all.and_then(|()| layout.values.get(..layout.n))
}

fn read(bytes: &[u8], elements: &mut Vec<Option<f64>>) -> Option<()> {
    let layout = Layout::read(bytes)?;
    let mut values = layout.values.iter().map(|value| f64::from_ne_bytes(*value));
    elements.reserve(layout.n.min(bytes.len()));
    for index in 0..layout.n {
        let is_present = layout.is_present(index)?;
        elements.push(if is_present {
            Some(values.next()?)
        } else {
            None
        });
    }
    Some(())
}

/// Where the parts of an array are.
struct Layout<'a> {
    /// Elements, those that are NULL included.
    n: usize,
    /// One bit an element, 0 for NULL.
    bitmap: Option<&'a [u8]>,
    /// What is not NULL, and perhaps more.
    values: &'a [[u8; 8]],
}

impl<'a> Layout<'a> {
    #[inline]
    fn is_present(&self, index: usize) -> Option<bool> {
        self.bitmap.map_or(Some(true), |bitmap| {
            Some(bitmap.get(index / 8)? & (1 << (index % 8)) != 0)
        })
    }

    #[inline]
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let dimensions = usize::try_from(i32::from_ne_bytes(word(bytes, 0)?))
            .ok()
            .filter(|n| *n <= MAX_DIMENSIONS)?;
        if dimensions == 0 {
            let (n, bitmap, values) = (0, None, [].as_slice());
            return Some(Self { n, bitmap, values });
        }
        let mut n = 1_usize;
        for dimension in 0..dimensions {
            let length = word(bytes, HEADER - LENGTH_WORD + 4 * dimension)?;
            n = n.checked_mul(usize::try_from(i32::from_ne_bytes(length)).ok()?)?;
        }
        let bitmap_at = HEADER + 8 * dimensions;
        let data_at = usize::try_from(i32::from_ne_bytes(word(bytes, 4)?)).ok()?;
        let bitmap = (data_at != 0)
            .then(|| bytes.get(bitmap_at - LENGTH_WORD..))
            .flatten();
        let data_at = if data_at == 0 {
            bitmap_at.next_multiple_of(ALIGNMENT)
        } else {
            data_at
        };
        let (values, _) = bytes
            .get(data_at.checked_sub(LENGTH_WORD)?..)?
            .as_chunks::<8>();
        Some(Self { n, bitmap, values })
    }
}

fn word(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..at + 4)?.try_into().ok()
}

/// A matrix by rows, as a `float8[]` of two dimensions; rows are of one length.
#[derive(Debug, Clone)]
pub(crate) struct Matrix(pub(crate) Vec<Vec<Option<f64>>>);

pgrx::impl_sql_translatable!(Matrix, "float8[]");

impl Matrix {
    /// The varlena without its header: number of dimensions, offset of the data, element type, lengths, lower bounds, the
    /// bitmap where there are NULLs, and what is not NULL.
    fn to_bytes(&self) -> Vec<u8> {
        let lengths = [self.0.len(), self.0.first().map_or(0, Vec::len)];
        let elements = || self.0.iter().flatten();
        let bitmap_at = HEADER + 8 * lengths.len();
        let n_bitmap = if elements().all(Option::is_some) {
            0
        } else {
            elements().count().div_ceil(8)
        };
        let data_at = (bitmap_at + n_bitmap).next_multiple_of(ALIGNMENT);
        let mut bytes = Vec::with_capacity(data_at + 8 * elements().count());
        let mut word = |x: usize| bytes.extend(i32::try_from(x).unwrap_or(i32::MAX).to_ne_bytes());
        // An array without elements has no dimensions.
        let is_empty = lengths.contains(&0);
        word(if is_empty { 0 } else { lengths.len() });
        word(if n_bitmap == 0 { 0 } else { data_at });
        word(usize::try_from(pg_sys::FLOAT8OID.to_u32()).unwrap_or(0));
        if is_empty {
            return bytes;
        }
        [lengths[0], lengths[1], 1, 1].into_iter().for_each(word);
        let mut bitmap = vec![0_u8; n_bitmap];
        for (index, element) in elements().enumerate() {
            if let (Some(_), Some(byte)) = (element, bitmap.get_mut(index / 8)) {
                *byte |= 1 << (index % 8);
            }
        }
        bytes.extend(bitmap);
        bytes.resize(data_at - LENGTH_WORD, 0);
        bytes.extend(elements().flatten().flat_map(|x| x.to_ne_bytes()));
        bytes
    }
}

impl IntoDatum for Matrix {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        Some(raise(varlena::store(&self.to_bytes())))
    }
    fn type_oid() -> pg_sys::Oid {
        pg_sys::FLOAT8ARRAYOID
    }
}

// SAFETY: `store` allocates in the context that pgrx chose for the result.
unsafe impl BoxRet for Matrix {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        let datum = raise(varlena::store(&self.to_bytes()));
        // SAFETY: the datum is an array.
        unsafe { fcinfo.return_raw_datum(datum) }
    }
}
