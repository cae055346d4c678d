//! The flat form that states and series have in the database: a format byte, then little-endian fields.
//!
//! Later stages use the same reader for their states. A reader never trusts a length: it is compared with the bytes
//! that are there before anything is reserved, so corrupt bytes cost no more memory than they occupy.

use crate::error::{Error, ErrorKind, Result};

/// The layout that types begin with. A new layout gets a new number, and the old one stays readable.
pub(crate) const FORMAT: u8 = 1;

/// An error that says what was read and why it cannot be one.
pub(crate) fn corrupt(what: &str, why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Corrupt, format!("not a {what}: {why}"))
}

/// Writes fields one after the other.
#[derive(Debug)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// Starts with the format byte; `capacity` is an estimate of the rest.
    pub(crate) fn new(capacity: usize) -> Self {
        Self::with_format(FORMAT, capacity)
    }

    /// The same for a type whose layout has changed.
    pub(crate) fn with_format(format: u8, capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity.saturating_add(1));
        bytes.push(format);
        Self(bytes)
    }

    pub(crate) fn u8(&mut self, x: u8) {
        self.0.push(x);
    }

    pub(crate) fn u64(&mut self, x: u64) {
        self.0.extend_from_slice(&x.to_le_bytes());
    }

    pub(crate) fn i64(&mut self, x: i64) {
        self.0.extend_from_slice(&x.to_le_bytes());
    }

    pub(crate) fn f64(&mut self, x: f64) {
        self.0.extend_from_slice(&x.to_le_bytes());
    }

    /// A count that is mostly small: seven bits a byte, low ones first, the high bit says that more follow (LEB128).
    pub(crate) fn varint(&mut self, mut x: u64) {
        while x > 0x7f {
            self.0.push((x & 0x7f) as u8 | 0x80);
            x >>= 7;
        }
        self.0.push((x & 0x7f) as u8);
    }

    /// A length; [`Reader::len`] reads it back.
    pub(crate) fn len(&mut self, x: usize) {
        self.u64(x as u64);
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn f64s(&mut self, xs: &[f64]) {
        self.0.extend(xs.iter().flat_map(|x| x.to_le_bytes()));
    }

    pub(crate) fn i64s(&mut self, xs: &[i64]) {
        self.0.extend(xs.iter().flat_map(|x| x.to_le_bytes()));
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads fields one after the other; every failure is `Corrupt`.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Checks the format byte of a `what`.
    pub(crate) fn new(what: &'static str, bytes: &'a [u8]) -> Result<Self> {
        Ok(Self::up_to(FORMAT, what, bytes)?.1)
    }

    /// The same for a type whose layout has changed: any format from the first to `newest`, and which it is.
    pub(crate) fn up_to(newest: u8, what: &'static str, bytes: &'a [u8]) -> Result<(u8, Self)> {
        let mut reader = Self { what, rest: bytes };
        match reader.u8()? {
            format if (FORMAT..=newest).contains(&format) => Ok((format, reader)),
            other => Err(corrupt(what, format_args!("format {other} is not known"))
                .with_hint("it may have been written by a newer version of prescale")),
        }
    }

    /// An error about the thing that is read.
    pub(crate) fn corrupt(&self, why: impl std::fmt::Display) -> Error {
        corrupt(self.what, why)
    }

    pub(crate) fn raw(&mut self, n: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or_else(|| {
            self.corrupt(format_args!(
                "{n} more bytes were expected, {} are there",
                self.rest.len()
            ))
        })?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.raw(N)?);
        Ok(out)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// A finite number.
    pub(crate) fn f64(&mut self) -> Result<f64> {
        let x = f64::from_le_bytes(self.array()?);
        if x.is_finite() {
            Ok(x)
        } else {
            Err(self.corrupt(format_args!("{x} where a finite number belongs")))
        }
    }

    /// What [`Writer::varint`] wrote; longer forms of the same number are refused.
    pub(crate) fn varint(&mut self) -> Result<u64> {
        let mut x = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if (shift == 63 && bits > 1) || (byte == 0 && shift > 0) {
                break;
            }
            x |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(x);
            }
        }
        Err(self.corrupt("a count that is not in its shortest form"))
    }

    /// `n` counts, of which each takes a byte at least.
    pub(crate) fn varints(&mut self, n: usize) -> Result<Vec<u64>> {
        let mut out = reserved(n)?;
        for _ in 0..n {
            out.push(self.varint()?);
        }
        Ok(out)
    }

    /// A length of items of `item_bytes` bytes each, which must still be there.
    pub(crate) fn len(&mut self, item_bytes: usize) -> Result<usize> {
        let n = self.u64()?;
        let left = self.rest.len();
        usize::try_from(n)
            .ok()
            .filter(|n| n.checked_mul(item_bytes).is_some_and(|bytes| bytes <= left))
            .ok_or_else(|| {
                self.corrupt(format_args!(
                    "{n} items of {item_bytes} bytes do not fit into {left} bytes"
                ))
            })
    }

    /// `n` items of eight bytes.
    fn eights<T>(&mut self, n: usize, item: fn([u8; 8]) -> T) -> Result<Vec<T>> {
        let bytes = n
            .checked_mul(8)
            .ok_or_else(|| self.corrupt("a length that overflows"))?;
        let (chunks, _) = self.raw(bytes)?.as_chunks::<8>();
        let mut out = reserved(n)?;
        out.extend(chunks.iter().map(|&chunk| item(chunk)));
        Ok(out)
    }

    /// `n` finite numbers.
    pub(crate) fn f64s(&mut self, n: usize) -> Result<Vec<f64>> {
        let out = self.eights(n, f64::from_le_bytes)?;
        match out.iter().find(|x| !x.is_finite()) {
            None => Ok(out),
            Some(x) => Err(self.corrupt(format_args!("{x} where a finite number belongs"))),
        }
    }

    pub(crate) fn i64s(&mut self, n: usize) -> Result<Vec<i64>> {
        self.eights(n, i64::from_le_bytes)
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<()> {
        match self.rest.len() {
            0 => Ok(()),
            n => Err(self.corrupt(format_args!("{n} bytes too many"))),
        }
    }
}

/// An empty vector with room for `n` items.
///
/// # Errors
/// `TooLarge` when the memory is not there; an allocation that aborts would take the whole server down.
pub(crate) fn reserved<T>(n: usize) -> Result<Vec<T>> {
    let mut out = Vec::new();
    reserve(&mut out, n)?;
    Ok(out)
}

/// Makes room for `n` more items.
///
/// # Errors
/// `TooLarge` as [`reserved`].
pub(crate) fn reserve<T>(out: &mut Vec<T>, n: usize) -> Result<()> {
    out.try_reserve(n).map_err(|_| no_memory::<T>(n))
}

/// Makes room for `n` more items and no others.
///
/// # Errors
/// `TooLarge` as [`reserved`].
pub(crate) fn reserve_exact<T>(out: &mut Vec<T>, n: usize) -> Result<()> {
    out.try_reserve_exact(n).map_err(|_| no_memory::<T>(n))
}

fn no_memory<T>(n: usize) -> Error {
    let bytes = n.saturating_mul(size_of::<T>());
    Error::new(
        ErrorKind::TooLarge,
        format!("no memory for {bytes} more bytes"),
    )
}
