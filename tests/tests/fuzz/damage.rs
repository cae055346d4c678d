//! Damaged and foreign bytes and texts of a type.

use std::error::Error;

use anyhow::Result;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, Oid, ToSql, Type, to_sql_checked};

use super::Fuzz;

/// Bytes sent as the binary form of whatever type the server expects.
#[derive(Debug)]
struct Raw(Vec<u8>);

impl ToSql for Raw {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    to_sql_checked!();
}

impl Fuzz {
    /// A damaged value of a type, or the bytes of another one: refused, or kept as an argument.
    pub(super) async fn try_damaged(&mut self, oid: Oid) -> Result<()> {
        self.draw_anew();
        let own: Vec<Oid> = self
            .kinds
            .iter()
            .filter(|(_, kind)| kind.is_own)
            .map(|(oid, _)| *oid)
            .collect();
        // JSON is damaged as text only, and not exchanged with ours
        let from = if self.kinds[&oid].is_own && self.below(8) == 0 {
            own[self.below(own.len())]
        } else {
            oid
        };
        let i = self.below(self.kinds[&from].is_finite.len());
        let is_text = !self.kinds[&oid].is_own || self.below(3) == 0;
        let name = self.kinds[&from].name.clone();
        let form = if is_text {
            "convert_to(v::text, 'UTF8')".to_owned()
        } else {
            format!("{name}_send(v)")
        };
        let read = self
            .client
            .query_one(
                &format!("SELECT {form} FROM odd.t{from} WHERE i = {i}"),
                &[],
            )
            .await;
        let bytes: Option<Vec<u8>> = match read {
            Ok(row) => row.get(0),
            // a damaged value may have been let in, and is then refused by its text form
            Err(error) => return self.refused(&name, &error, &form),
        };
        let Some(mut bytes) = bytes else {
            return Ok(());
        };
        match self.below(4) {
            0 => bytes.truncate(self.below(bytes.len())),
            1 => bytes.push(b'0'),
            _ => {}
        }
        for _ in 0..self.below(3) {
            let at = self.below(bytes.len());
            let byte = if is_text {
                b"9-}e,0"[self.below(6)]
            } else {
                u8::try_from(self.below(256))?
            };
            if let Some(old) = bytes.get_mut(at) {
                *old = byte;
            }
        }
        let own = self.kinds[&oid].name.clone();
        let kept = if is_text {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            self.keep(oid, &format!("SELECT ($1::text)::{own}"), &[&text])
                .await
        } else {
            self.keep(oid, &format!("SELECT $1::{own}"), &[&Raw(bytes.clone())])
                .await
        };
        match kept {
            Ok(()) => {
                *self
                    .outcomes
                    .entry("damaged, let in".to_owned())
                    .or_default() += 1
            }
            Err(error) => {
                self.refused(&own, &error, &format!("{bytes:?}"))?;
                *self
                    .outcomes
                    .entry("damaged, refused".to_owned())
                    .or_default() += 1;
            }
        }
        Ok(())
    }
}
