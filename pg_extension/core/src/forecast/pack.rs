//! Errors of a stored model in few bytes: tens of thousands of numbers as text would take longer to read than to forecast from.
//!
//! Weights are equal and the two sides mirror each other nearly always; then only what is not known otherwise is written: the values that are not below 0
//! where they are symmetric too.

use super::uncertainty::Ratios;
use crate::error::{Error, ErrorKind, Result};

/// Every value weighs the same.
const EQUAL: u8 = 1;
/// The values are those of the sign turned.
const SYMMETRIC: u8 = 2;
/// The values are those of the ratios before, with their sign turned.
const MIRROR: u8 = 4;

/// Appends `all`, one after the other.
pub(super) fn write(all: &[Ratios], bytes: &mut Vec<u8>) {
    let mut before: Option<&Ratios> = None;
    for ratios in all {
        let n = ratios.value.len();
        let equal = same(&ratios.share, equal_shares(n));
        let mirror = equal && before.is_some_and(|b| same(&ratios.value, mirrored(&b.value)));
        let symmetric = equal && n % 2 == 0 && same(&ratios.value, mirrored(&ratios.value));
        let flags = [(equal, EQUAL), (symmetric, SYMMETRIC), (mirror, MIRROR)];
        bytes.push(flags.iter().filter(|f| f.0).map(|f| f.1).sum());
        bytes.extend((n as u64).to_le_bytes());
        if !mirror {
            let from = if symmetric { n / 2 } else { 0 };
            put(ratios.value.get(from..).unwrap_or_default(), bytes);
        }
        if !equal {
            put(&ratios.share, bytes);
        }
        before = Some(ratios);
    }
}

/// Fills `all` as they were written.
///
/// # Errors
/// `Corrupt` for bytes that are not such a form.
pub(super) fn read(all: Vec<&mut Ratios>, mut bytes: &[u8]) -> Result<()> {
    let mut before: Vec<f64> = Vec::new();
    for ratios in all {
        let flags = *take(&mut bytes, 1)?.first().unwrap_or(&0);
        let mut n = [0; 8];
        n.copy_from_slice(take(&mut bytes, 8)?);
        let n = usize::try_from(u64::from_le_bytes(n)).unwrap_or(usize::MAX);
        ratios.value = if flags & MIRROR > 0 {
            mirrored(&before).collect()
        } else if flags & SYMMETRIC > 0 {
            let upper = get(&mut bytes, n / 2)?;
            mirrored(&upper).chain(upper.iter().copied()).collect()
        } else {
            get(&mut bytes, n)?
        };
        ratios.share = if flags & EQUAL > 0 {
            equal_shares(ratios.value.len()).collect()
        } else {
            get(&mut bytes, n)?
        };
        if ratios.value.len() != n {
            return Err(corrupt());
        }
        before.clone_from(&ratios.value);
    }
    if bytes.is_empty() {
        Ok(())
    } else {
        Err(corrupt())
    }
}

fn equal_shares(n: usize) -> impl ExactSizeIterator<Item = f64> {
    (0..n).map(move |k| (k + 1) as f64 / n as f64)
}

fn mirrored(values: &[f64]) -> impl ExactSizeIterator<Item = f64> {
    values.iter().rev().map(|v| -v)
}

fn same(values: &[f64], other: impl ExactSizeIterator<Item = f64>) -> bool {
    let bits = |(a, b): (&f64, f64)| a.to_bits() == b.to_bits();
    values.len() == other.len() && values.iter().zip(other).all(bits)
}

fn put(values: &[f64], bytes: &mut Vec<u8>) {
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
}

fn get(bytes: &mut &[u8], n: usize) -> Result<Vec<f64>> {
    let (values, _) = take(bytes, n.saturating_mul(8))?.as_chunks();
    Ok(values.iter().map(|v| f64::from_le_bytes(*v)).collect())
}

fn take<'a>(bytes: &mut &'a [u8], n: usize) -> Result<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(n).ok_or_else(corrupt)?;
    *bytes = rest;
    Ok(taken)
}

fn corrupt() -> Error {
    Error::new(ErrorKind::Corrupt, "not a stored model: its errors")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratios(value: &[f64], share: &[f64]) -> Ratios {
        Ratios {
            value: value.to_vec(),
            share: share.to_vec(),
        }
    }

    #[test]
    fn every_form_is_read_as_it_was_written() {
        let all = vec![
            ratios(&[-2.0, -0.0, 0.0, 2.0], &[0.25, 0.5, 0.75, 1.0]),
            ratios(&[-2.0, -0.0, 0.0, 2.0], &[0.25, 0.5, 0.75, 1.0]),
            ratios(&[1.0, 2.0, 5.0], &[0.2, 0.9, 1.0]),
            ratios(&[-1.0, 3.0], &[0.5, 1.0]),
            ratios(&[-3.0, 1.0], &[0.5, 1.0]),
            ratios(&[], &[]),
        ];
        let mut bytes = Vec::new();
        write(&all, &mut bytes);
        assert_eq!(bytes.len(), 6 * 9 + 8 * (2 + 6 + 2));
        let mut back = vec![Ratios::default(); all.len()];
        read(back.iter_mut().collect(), &bytes).unwrap();
        assert_eq!(format!("{back:?}"), format!("{all:?}"));
        for cut in 0..bytes.len() {
            let short = bytes.get(..cut).unwrap();
            assert!(read(back.iter_mut().collect(), short).is_err());
        }
    }
}
