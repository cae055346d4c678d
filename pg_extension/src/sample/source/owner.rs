//! Reads a relation as its owner: the only place where the identity of the session changes.
//!
//! A view of somebody else's may call any function of his. Read as the caller, it would run with the caller's rights;
//! so it is read as a materialised view is refreshed: as its owner, in a security-restricted operation (no SET ROLE,
//! no temporary tables, no deferred triggers), with a search path that holds nothing of anybody's, read-only.
//! [`super::relation`] has checked before that the caller may see all of it.
#![allow(unsafe_code)] // The identity of the session belongs to PostgreSQL.

use std::panic::AssertUnwindSafe;

use pgrx::PgTryBuilder;
use pgrx::pg_sys;

use super::read::{Param, Row, read};
use super::relation::Relation;
use crate::error::Answer;

/// Who the session was, and which settings it had.
struct Identity {
    user: pg_sys::Oid,
    context: i32,
    settings: i32,
}

impl Identity {
    /// Becomes `owner` until [`restore`](Self::restore).
    fn become_owner(owner: pg_sys::Oid) -> Self {
        let mut was = Self {
            user: pg_sys::InvalidOid,
            context: 0,
            settings: 0,
        };
        // SAFETY: the pointers are valid, and the caller restores what is saved here; so does the end of a failed
        // transaction or subtransaction, should an error come between.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&raw mut was.user, &raw mut was.context);
            let restricted = was.context | pg_sys::SECURITY_RESTRICTED_OPERATION.cast_signed();
            pg_sys::SetUserIdAndSecContext(owner, restricted);
            was.settings = pg_sys::NewGUCNestLevel();
            pg_sys::set_config_option(
                c"search_path".as_ptr(),
                c"pg_catalog, pg_temp".as_ptr(),
                pg_sys::GucContext::PGC_USERSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
        }
        was
    }

    fn restore(&self) {
        // SAFETY: puts back what `become_owner` saved.
        unsafe {
            pg_sys::AtEOXact_GUC(false, self.settings);
            pg_sys::SetUserIdAndSecContext(self.user, self.context);
        }
    }
}

/// Runs a query over `relation` as its owner. The text is made in this crate; names in it are quoted, values bound.
///
/// # Errors
/// Those of [`read`]; 40001 when the name came to mean another relation meanwhile.
pub(crate) fn read_as_owner(
    relation: &Relation,
    sql: &str,
    params: &[Param],
    each: &mut dyn FnMut(&Row<'_>) -> Answer<()>,
) -> Answer<()> {
    let was = Identity::become_owner(relation.owner);
    PgTryBuilder::new(AssertUnwindSafe(|| read(sql, params, each)))
        .finally(|| was.restore())
        .execute()?;
    relation.check_unchanged()
}
