//! The PostgreSQL extension: SQL in front of `prescale-core`. Translation only; one file per stage.
#![deny(unsafe_code)]

pgrx::pg_module_magic!();
