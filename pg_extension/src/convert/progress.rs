//! How far a long computation is, for other sessions: in `pg_stat_activity.query`, before the text of the query.
//!
//! Rows of a running transaction are seen by nobody else; this is the place that PostgreSQL has for it without shared
//! memory of our own.
#![allow(unsafe_code)] // The text of the query is a global variable of PostgreSQL.

use std::ffi::{CStr, CString};

use pgrx::pg_sys;

/// Shows progress as long as it lives, then the query alone again, also after an error.
#[derive(Debug)]
pub(crate) struct Progress {
    query: CString,
}

impl Progress {
    /// The query that this backend runs.
    pub(crate) fn new() -> Self {
        // SAFETY: PostgreSQL keeps the text, ended by NUL, as long as the query runs; null outside of queries.
        let query = unsafe {
            let text = pg_sys::debug_query_string;
            if text.is_null() {
                c""
            } else {
                CStr::from_ptr(text)
            }
        };
        Self {
            query: query.to_owned(),
        }
    }

    /// Shows `what`, for example `tsne: iteration 50 of 1000`.
    pub(crate) fn show(&self, what: &str) {
        let mut text = what.as_bytes().to_vec();
        text.extend_from_slice(b"; ");
        text.extend_from_slice(self.query.to_bytes());
        if let Ok(text) = CString::new(text) {
            report(&text);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        report(&self.query);
    }
}

fn report(text: &CStr) {
    // SAFETY: the text is copied, cut to the size of its slot.
    unsafe { pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, text.as_ptr()) };
}
