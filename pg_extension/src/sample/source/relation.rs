//! A table or view of somebody's, and what must hold before it is read as its owner.
//!
//! Reading as the owner must not show a row that the caller could not see. So, each time: the name is looked up anew
//! and the relation locked against renaming; the caller must have SELECT on every column that is read; row-level
//! security must not apply to him; a view must not depend on who asks, neither by `security_invoker` nor by
//! `CURRENT_USER` in it, in a view below it or in a policy below it; and a foreign table must not be reached with
//! credentials that are the owner's alone.
#![allow(unsafe_code)] // Names are looked up by PostgreSQL's own functions.

use std::ffi::CString;

use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::PgSqlErrorCode;
use pgrx::spi::{quote_identifier, quote_qualified_identifier};

use super::read::{param, read};
use crate::error::{Answer, failure};

/// A relation that the caller may read as its owner.
#[derive(Debug)]
pub(crate) struct Relation {
    /// The role that it is read as.
    pub(crate) owner: pg_sys::Oid,
    oid: pg_sys::Oid,
    schema: String,
    name: String,
    caller: String,
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    name: String,
    type_oid: pg_sys::Oid,
    type_name: String,
    readable: bool,
}

/// What the catalog says about a relation and the caller.
#[derive(Debug, Default)]
struct Facts {
    kind: String,
    owner: Option<pg_sys::Oid>,
    caller: String,
    readable: bool,
    row_security: bool,
    private_mapping: bool,
}

/// Foreign children count too: they are read with the same credentials.
const FACTS: &str = "
    WITH RECURSIVE part (oid) AS (
        SELECT $1 UNION SELECT i.inhrelid FROM part p JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid
    )
    SELECT c.relkind::text, c.relowner, current_user::text, pg_catalog.has_any_column_privilege(c.oid, 'SELECT'),
           pg_catalog.row_security_active(c.oid),
           c.relowner <> (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = current_user) AND EXISTS (
               SELECT FROM part p JOIN pg_catalog.pg_foreign_table f ON f.ftrelid = p.oid
               JOIN pg_catalog.pg_user_mappings m ON m.srvid = f.ftserver AND m.umuser = c.relowner)
    FROM pg_catalog.pg_class c WHERE c.oid = $1";

const COLUMNS: &str = "
    SELECT a.attname::text, a.atttypid, pg_catalog.format_type(a.atttypid, a.atttypmod),
           pg_catalog.has_column_privilege($1, a.attnum, 'SELECT')
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/// CURRENT_ROLE, CURRENT_USER and USER are the operations 9, 10 and 11 of `SQLValueFunctionOp` in stored expressions.
const ASKERS: &str = "
    WITH RECURSIVE used (oid, relkind) AS (
        SELECT c.oid, c.relkind FROM pg_catalog.pg_class c WHERE c.oid = $1
        UNION
        SELECT c.oid, c.relkind FROM used u
        JOIN pg_catalog.pg_rewrite r ON r.ev_class = u.oid AND r.ev_type = '1'
        JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
                                   AND d.refclassid = 'pg_catalog.pg_class'::regclass
        JOIN pg_catalog.pg_class c ON c.oid = d.refobjid
        WHERE u.relkind = 'v'
    )
    SELECT coalesce(bool_or(u.relkind = 'v' AND EXISTS (
               SELECT FROM pg_catalog.pg_class c, pg_catalog.pg_options_to_table(c.reloptions) o
               WHERE c.oid = u.oid AND o.option_name = 'security_invoker' AND o.option_value::bool)), false),
           coalesce(bool_or(EXISTS (
               SELECT FROM pg_catalog.pg_rewrite r
               WHERE u.relkind = 'v' AND r.ev_class = u.oid AND r.ev_action::text ~ '[{]SQLVALUEFUNCTION :op (9|10|11) ')
             OR EXISTS (
               SELECT FROM pg_catalog.pg_policy p
               WHERE p.polrelid = u.oid AND p.polqual::text ~ '[{]SQLVALUEFUNCTION :op (9|10|11) ')), false)
    FROM used u";

impl Relation {
    /// Looks the name up and checks that the caller may read it as its owner.
    ///
    /// # Errors
    /// 42P01 when there is none, 42809 for what holds no rows, 42501 without SELECT or under row-level security, 0A000
    /// when what it shows depends on who asks.
    pub(crate) fn open(schema: &str, name: &str) -> Answer<Self> {
        let oid =
            look_up(schema, name, pg_sys::AccessShareLock.cast_signed())?.ok_or_else(|| {
                failure(
                    PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
                    format!("relation \"{schema}.{name}\" does not exist"),
                    "It was renamed or dropped: create it again, or add the source anew.",
                )
            })?;
        let facts = facts(oid)?;
        let relation = Self {
            owner: facts.owner.unwrap_or(pg_sys::InvalidOid),
            oid,
            schema: schema.to_owned(),
            name: name.to_owned(),
            caller: facts.caller.clone(),
            columns: columns(oid)?,
        };
        relation.check(&facts)?;
        Ok(relation)
    }

    /// Its name in SQL.
    pub(crate) fn sql(&self) -> String {
        quote_qualified_identifier(&self.schema, &self.name)
    }

    /// The name must still mean the same relation: the lock stops a renaming of the relation, not one of its schema.
    ///
    /// # Errors
    /// 40001.
    pub(crate) fn check_unchanged(&self) -> Answer<()> {
        if look_up(&self.schema, &self.name, pg_sys::NoLock.cast_signed())? == Some(self.oid) {
            return Ok(());
        }
        Err(failure(
            PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
            format!(
                "relation \"{}.{}\" was replaced while it was read",
                self.schema, self.name
            ),
            "Try again.",
        ))
    }

    /// A column of times, as SQL over the alias `t`.
    ///
    /// # Errors
    /// 42703 when there is none, 42804 when it is not timestamptz, 42501 without SELECT.
    pub(crate) fn time(&self, name: &str) -> Answer<String> {
        let (column, base) = self.column(name)?;
        match base {
            pg_sys::TIMESTAMPTZOID => Ok(format!("t.{}::timestamptz", quote_identifier(name))),
            _ => Err(self.wrong_type(
                column,
                "timestamp with time zone",
                "Add a view that converts it with AT TIME ZONE.",
            )),
        }
    }

    /// A column of numbers, as SQL of type float8 over the alias `t`.
    ///
    /// # Errors
    /// As [`time`](Self::time).
    pub(crate) fn number(&self, name: &str) -> Answer<String> {
        let (column, base) = self.column(name)?;
        match base {
            pg_sys::INT2OID
            | pg_sys::INT4OID
            | pg_sys::INT8OID
            | pg_sys::FLOAT4OID
            | pg_sys::FLOAT8OID
            | pg_sys::NUMERICOID => Ok(format!("t.{}::float8", quote_identifier(name))),
            _ => Err(self.wrong_type(
                column,
                "a number",
                "Add a view that converts it to double precision.",
            )),
        }
    }

    /// A column of numbers that may be gone: then it has no value.
    ///
    /// # Errors
    /// As [`time`](Self::time), but for a missing column.
    pub(crate) fn number_or_null(&self, name: &str) -> Answer<String> {
        if self.columns.iter().any(|column| column.name == name) {
            self.number(name)
        } else {
            Ok("NULL::float8".to_owned())
        }
    }

    /// A column of names, as SQL of type text over the alias `t`. Only types whose text form is PostgreSQL's own are
    /// taken: a cast made by somebody else would run as the owner.
    ///
    /// # Errors
    /// As [`time`](Self::time).
    pub(crate) fn text(&self, name: &str) -> Answer<String> {
        let (column, base) = self.column(name)?;
        let quoted = quote_identifier(name);
        match base {
            // Without a cast, so that an index on the column serves.
            pg_sys::TEXTOID | pg_sys::VARCHAROID => Ok(format!("t.{quoted}")),
            pg_sys::BPCHAROID
            | pg_sys::NAMEOID
            | pg_sys::INT2OID
            | pg_sys::INT4OID
            | pg_sys::INT8OID
            | pg_sys::UUIDOID
            | pg_sys::INETOID
            | pg_sys::BOOLOID => Ok(format!("t.{quoted}::text")),
            // SAFETY: looks the type up in the catalog.
            _ if unsafe { pg_sys::type_is_enum(base) } => {
                Ok(format!("pg_catalog.enum_out(t.{quoted})::text"))
            }
            _ => Err(self.wrong_type(column, "a text", "Add a view that converts it to text.")),
        }
    }

    /// A readable column and its type, which for a domain is the type below it.
    fn column(&self, name: &str) -> Answer<(&Column, pg_sys::Oid)> {
        let column = self
            .columns
            .iter()
            .find(|column| column.name == name)
            .ok_or_else(|| {
                let names: Vec<_> = self
                    .columns
                    .iter()
                    .map(|column| column.name.as_str())
                    .collect();
                failure(
                    PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
                    format!(
                        "column \"{name}\" of relation \"{}.{}\" does not exist",
                        self.schema, self.name
                    ),
                    format!("Its columns are: {}.", names.join(", ")),
                )
            })?;
        if !column.readable {
            return Err(self.denied(&format!(", column \"{name}\"")));
        }
        // SAFETY: looks the type up in the catalog.
        Ok((column, unsafe { pg_sys::getBaseType(column.type_oid) }))
    }

    fn check(&self, facts: &Facts) -> Answer<()> {
        if !matches!(facts.kind.as_str(), "r" | "p" | "v" | "m" | "f") {
            return Err(self.refused(
                PgSqlErrorCode::ERRCODE_WRONG_OBJECT_TYPE,
                "is neither a table nor a view",
                "Sources are tables, partitioned tables, views, materialized views and foreign tables.",
            ));
        }
        if !facts.readable {
            return Err(self.denied(""));
        }
        if facts.row_security {
            return Err(self.refused(
                PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
                "has row-level security that applies to you, and it would be read as its owner",
                "Let the owner make a view of the rows that you may see, or exempt the role with BYPASSRLS.",
            ));
        }
        if facts.private_mapping {
            return Err(self.refused(
                PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
                "is foreign, and would be read with its owner's own user mapping",
                "Let the owner make a view of it, or use one mapping for PUBLIC.",
            ));
        }
        if facts.kind == "v" {
            self.check_view()
        } else {
            Ok(())
        }
    }

    fn check_view(&self) -> Answer<()> {
        let (mut by_invoker, mut by_user) = (false, false);
        read(ASKERS, &[param(self.oid)], &mut |row| {
            (by_invoker, by_user) = (row.get(0).unwrap_or(true), row.get(1).unwrap_or(true));
            Ok(())
        })?;
        let what = if by_invoker {
            "is or uses a view with security_invoker"
        } else if by_user {
            "depends on CURRENT_USER"
        } else {
            return Ok(());
        };
        Err(self.refused(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            &format!("{what}, and it would be read as its owner, who may see more than you"),
            "Read a view that shows everybody the same.",
        ))
    }

    #[track_caller]
    fn refused(&self, code: PgSqlErrorCode, why: &str, hint: &str) -> ErrorReport {
        failure(
            code,
            format!("relation \"{}.{}\" {why}", self.schema, self.name),
            hint,
        )
    }

    #[track_caller]
    fn denied(&self, part: &str) -> ErrorReport {
        failure(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!(
                "permission denied for relation \"{}.{}\"{part}",
                self.schema, self.name
            ),
            format!(
                "Let its owner run: GRANT SELECT ON {} TO {};",
                self.sql(),
                quote_identifier(&self.caller)
            ),
        )
    }

    #[track_caller]
    fn wrong_type(&self, column: &Column, wanted: &str, hint: &str) -> ErrorReport {
        let Column {
            name, type_name, ..
        } = column;
        failure(
            PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
            format!(
                "column \"{name}\" of relation \"{}.{}\" has type {type_name}, not {wanted}",
                self.schema, self.name
            ),
            hint,
        )
    }
}

/// The relation of this name, locked until the transaction ends; raises 42501 without USAGE on the schema.
fn look_up(schema: &str, name: &str, lock: pg_sys::LOCKMODE) -> Answer<Option<pg_sys::Oid>> {
    let (Ok(schema), Ok(name)) = (CString::new(schema), CString::new(name)) else {
        return Ok(None);
    };
    // SAFETY: the strings outlive the call, which does not change them.
    let oid = unsafe {
        let range = pg_sys::makeRangeVar(schema.as_ptr().cast_mut(), name.as_ptr().cast_mut(), -1);
        pg_sys::RangeVarGetRelidExtended(
            range,
            lock,
            pg_sys::RVROption::RVR_MISSING_OK,
            None,
            std::ptr::null_mut(),
        )
    };
    Ok((oid != pg_sys::InvalidOid).then_some(oid))
}

fn facts(oid: pg_sys::Oid) -> Answer<Facts> {
    let mut facts = Facts::default();
    read(FACTS, &[param(oid)], &mut |row| {
        facts = Facts {
            kind: row.get(0).unwrap_or_default(),
            owner: row.get(1),
            caller: row.get(2).unwrap_or_default(),
            readable: row.get(3).unwrap_or(false),
            row_security: row.get(4).unwrap_or(true),
            private_mapping: row.get(5).unwrap_or(true),
        };
        Ok(())
    })?;
    Ok(facts)
}

fn columns(oid: pg_sys::Oid) -> Answer<Vec<Column>> {
    let mut columns = Vec::new();
    read(COLUMNS, &[param(oid)], &mut |row| {
        columns.push(Column {
            name: row.get(0).unwrap_or_default(),
            type_oid: row.get(1).unwrap_or(pg_sys::InvalidOid),
            type_name: row.get(2).unwrap_or_default(),
            readable: row.get(3).unwrap_or(false),
        });
        Ok(())
    })?;
    Ok(columns)
}
