//! Reads a `float8[]` in place, also where a one-byte header leaves it unaligned.

use prescale_core::{Error, ErrorKind};

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

fn read(bytes: &[u8], elements: &mut Vec<Option<f64>>) -> Option<()> {
    let dimensions = usize::try_from(i32::from_ne_bytes(word(bytes, 0)?))
        .ok()
        .filter(|n| *n <= MAX_DIMENSIONS)?;
    if dimensions == 0 {
        return Some(());
    }
    let mut n = 1_usize;
    for dimension in 0..dimensions {
        n = n.checked_mul(
            usize::try_from(i32::from_ne_bytes(word(
                bytes,
                HEADER - LENGTH_WORD + 4 * dimension,
            )?))
            .ok()?,
        )?;
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
    let mut values = values.iter().map(|value| f64::from_ne_bytes(*value));
    elements.reserve(n.min(bytes.len()));
    for index in 0..n {
        let present = match bitmap {
            Some(bitmap) => bitmap.get(index / 8)? & (1 << (index % 8)) != 0,
            None => true,
        };
        elements.push(if present { Some(values.next()?) } else { None });
    }
    Some(())
}

fn word(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..at + 4)?.try_into().ok()
}
