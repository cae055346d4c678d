//! Looks at the installed extension as PostgreSQL's catalogue shows it: comments, rights, volatility, and whether
//! docs/sql.md and docs/contract.md tell the truth about it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use prescale_tests::postgres::Postgres;

#[path = "catalog/page.rs"]
mod page;

use page::{Page, codes};

const DATABASE: &str = "catalog";

/// Members of the extension, and what its functions do as far as their text tells.
const VIEWS: &str = r"
CREATE VIEW member AS
    SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS name
    FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'prescale';
CREATE VIEW relation AS
    SELECT c.* FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid;
CREATE VIEW routine AS
    SELECT p.*, p.oid::regprocedure AS name, l.lanname = 'c' AS in_c,
           -- of those in C these read tables, every other one is pure
           CASE l.lanname WHEN 'c' THEN p.proname IN ('read_windows', 'source_bounds', 'source_preview')
               ELSE b.body ~* ('\m(FROM|JOIN|INTO|UPDATE|USING)\s+(prescale\.)?(' || (SELECT string_agg(relname, '|') FROM relation) || ')\M') END AS reads,
           l.lanname <> 'c' AND b.body ~* '\m(INSERT INTO|DELETE FROM|UPDATE \w+( \w+)? SET|pg_notify|FOR (UPDATE|SHARE))\M' AS writes,
           EXISTS (SELECT FROM pg_type t WHERE p.oid IN (t.typinput, t.typoutput, t.typsend, t.typreceive))
           OR EXISTS (SELECT FROM pg_aggregate a WHERE p.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)) AS serves
    FROM member m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid JOIN pg_language l ON l.oid = p.prolang
    CROSS JOIN LATERAL coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) b (body);";

/// What must not be found, and how to look for it: every row is an offender.
const RULES: [(&str, &str); 17] = [
    ("no comment on", "SELECT name FROM member WHERE obj_description(objid, classid::regclass::name) IS NULL"),
    ("no comment on column", "SELECT c.relname || '.' || a.attname FROM relation c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relkind IN ('r', 'v', 'm', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL"),
    ("no comment on index", "SELECT i.indexrelid::regclass FROM relation c JOIN pg_index i ON i.indrelid = c.oid
        WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid) AND obj_description(i.indexrelid, 'pg_class') IS NULL"),
    ("no comment on trigger", "SELECT t.tgname || ' on ' || c.relname FROM relation c JOIN pg_trigger t ON t.tgrelid = c.oid
        WHERE NOT t.tgisinternal AND obj_description(t.oid, 'pg_trigger') IS NULL"),
    // Those on any table read what their caller may read.
    ("PUBLIC may execute what is not immutable:", "SELECT r.name FROM routine r
        CROSS JOIN LATERAL aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) a WHERE a.grantee = 0 AND r.provolatile <> 'i'
        AND r.proname NOT IN ('fit_report', 'backtest', 'forecast_table', 'backtest_table', 'series_query', 'check_column', 'check_column_types')"),
    ("PUBLIC may not execute what is immutable:", "SELECT r.name FROM routine r WHERE r.provolatile = 'i' AND NOT EXISTS (
        SELECT FROM aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) a WHERE a.grantee = 0)"),
    ("PUBLIC has rights on", "SELECT DISTINCT c.relname FROM relation c LEFT JOIN pg_attribute t ON t.attrelid = c.oid
        CROSS JOIN LATERAL (SELECT * FROM aclexplode(c.relacl) UNION ALL SELECT * FROM aclexplode(t.attacl)) a WHERE a.grantee = 0"),
    ("not owned by who installed it:", "SELECT relname FROM relation WHERE relkind IN ('r', 'v', 'S') AND relowner <> 'installer'::regrole"),
    ("runs with the rights of its owner:", "SELECT name FROM routine WHERE prosecdef"),
    // A procedure that commits takes no SET clause; it sets the path itself.
    ("its search_path is not pinned:", "SELECT name FROM routine WHERE NOT in_c AND prokind <> 'a' AND prosqlbody IS NULL
        AND NOT EXISTS (SELECT FROM unnest(proconfig) s WHERE s LIKE 'search_path=pg_catalog, %pg_temp')
        AND NOT (prokind = 'p' AND prosrc LIKE '%set_config(''search_path'', ''pg_catalog, pg_temp'', true)%')"),
    ("reads tables but is immutable:", "SELECT name FROM routine WHERE reads AND provolatile = 'i'"),
    ("reads tables from C but is parallel safe:", "SELECT name FROM routine WHERE in_c AND reads AND proparallel = 's'"),
    ("writes but is not volatile:", "SELECT name FROM routine WHERE writes AND provolatile <> 'v'"),
    ("writes but is parallel safe:", "SELECT name FROM routine WHERE writes AND proparallel = 's'"),
    // Each computes from its arguments alone.
    ("immutable SQL that is not on the list of this test:", "SELECT name FROM routine
        WHERE NOT in_c AND prokind <> 'a' AND provolatile = 'i' AND proname NOT IN ('contract_version', 'fit_boundary', 'fingerprint_boundary', 'window_start', 'source_feature_names',
            'check_on_error', 'check_regressors', 'keys_of_events', 'rows_for')"),
    // Two tell how long they took.
    ("is pure but not labelled immutable and parallel safe:", "SELECT name FROM routine
        WHERE in_c AND NOT reads AND (provolatile <> 'i' OR proparallel <> 's') AND proname NOT IN ('fit_report', 'backtest')"),
    ("aggregate that cannot run in parallel:", "SELECT r.name FROM routine r JOIN pg_aggregate a ON a.aggfnoid = r.oid
        WHERE r.proparallel <> 's' OR a.aggcombinefn = 0 OR a.aggserialfn = 0 OR a.aggdeserialfn = 0"),
];

#[test]
fn the_catalogue_is_commented_and_lets_nobody_in() -> Result<()> {
    let catalog = Catalog::open()?;
    let mut problems = Vec::new();
    for (what, sql) in RULES {
        let offenders = catalog.rows(&format!("{sql} ORDER BY 1"))?;
        problems.extend(offenders.iter().map(|name| format!("{what} {name}")));
    }
    report(&problems)
}

#[test]
fn the_reference_and_the_contract_tell_what_the_catalogue_holds() -> Result<()> {
    let catalog = Catalog::open()?;
    let mut problems = Vec::new();
    for name in ["sql.md", "contract.md"] {
        let page = Page::read(name)?;
        catalog.signatures(&page, &mut problems)?;
        catalog.columns(&page, &mut problems)?;
    }
    catalog.names(&Page::read("sql.md")?, &mut problems)?;
    report(&problems)
}

#[test]
fn the_contract_lists_the_reasons_that_core_documents() -> Result<()> {
    let core = std::fs::read_to_string(
        prescale_tests::root().join("pg_extension/core/src/decide/mod.rs"),
    )?;
    let core = codes(core.lines().filter_map(|line| line.strip_prefix("//! ")));
    let page = Page::read("contract.md")?;
    let section = page.text.split("## Reasons of a decision").nth(1);
    let section = section.and_then(|rest| rest.split("\n## ").next());
    let contract = codes(section.context("no section about reasons")?.lines());
    ensure!(!core.is_empty(), "core documents no reasons");
    let apart: Vec<_> = core.symmetric_difference(&contract).collect();
    ensure!(apart.is_empty(), "in one of both only: {apart:?}");
    Ok(())
}

fn report(problems: &[String]) -> Result<()> {
    ensure!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.join("\n")
    );
    Ok(())
}

struct Catalog(Postgres);

impl Catalog {
    fn open() -> Result<Self> {
        let server = Postgres::start()?;
        server.psql(
            "postgres",
            "postgres",
            &format!("CREATE DATABASE {DATABASE}"),
        )?;
        // The installer is no superuser, as PostgreSQL allows for a trusted extension.
        server.psql(
            DATABASE,
            "postgres",
            &format!(
                "CREATE ROLE installer LOGIN; GRANT CREATE ON DATABASE {DATABASE} TO installer"
            ),
        )?;
        server.psql(DATABASE, "installer", "CREATE EXTENSION prescale")?;
        server.psql(DATABASE, "postgres", VIEWS)?;
        let catalog = Self(server);
        let members: usize = catalog
            .rows("SELECT count(*) FROM member")?
            .concat()
            .parse()?;
        // Fewer means that the queries below look at nothing.
        ensure!(
            members > 80,
            "only {members} objects belong to the extension"
        );
        Ok(catalog)
    }

    fn rows(&self, sql: &str) -> Result<Vec<String>> {
        let text = self
            .0
            .psql(DATABASE, "postgres", sql)
            .with_context(|| sql.to_owned())?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Every object that people may use is named on the page (not what serves a type or an
    /// aggregate), and every name in a heading or in the index exists.
    fn names(&self, page: &Page, problems: &mut Vec<String>) -> Result<()> {
        let known: BTreeSet<String> = self
            .rows("SELECT proname FROM routine WHERE NOT serves UNION SELECT relname FROM relation WHERE relkind IN ('r', 'v')
                   UNION SELECT t.typname FROM member m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid")?
            .into_iter()
            .collect();
        for name in &known {
            if !["`", "(", "."]
                .iter()
                .any(|end| page.text.contains(&format!("`{name}{end}")))
            {
                problems.push(format!("docs/{} does not name: {name}", page.name));
            }
        }
        for name in page.index_names() {
            if !known.contains(name) {
                problems.push(format!(
                    "docs/{} names in a heading or in its index what does not exist: {name}",
                    page.name
                ));
            }
        }
        Ok(())
    }

    /// Every line of a block `signature` is a function, aggregate or procedure exactly as the catalogue has it.
    fn signatures(&self, page: &Page, problems: &mut Vec<String>) -> Result<()> {
        let rows = self.rows("SELECT format('%s(%s)%s', proname, pg_get_function_arguments(oid), ' -> ' || pg_get_function_result(oid)) FROM routine")?;
        let known: BTreeSet<String> = rows.iter().map(|row| short(row)).collect();
        let written = page.signatures();
        ensure!(!written.is_empty(), "docs/{} has no signature", page.name);
        for signature in written {
            if !known.contains(&signature) {
                let name = signature.split('(').next().unwrap_or_default();
                let right: Vec<&str> = known
                    .iter()
                    .filter(|known| known.starts_with(&format!("{name}(")))
                    .map(String::as_str)
                    .collect();
                problems.push(format!(
                    "docs/{}: {signature}\n    the catalogue has: {}",
                    page.name,
                    right.join("\n    ")
                ));
            }
        }
        Ok(())
    }

    /// Tables with the columns `column` and `type` list the columns of the relation in the heading above them.
    fn columns(&self, page: &Page, problems: &mut Vec<String>) -> Result<()> {
        let listed = page.columns();
        ensure!(!listed.is_empty(), "docs/{} lists no columns", page.name);
        for (relation, written) in listed {
            let right = self.rows(&format!("SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute
                WHERE attrelid = 'prescale.{relation}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"))?;
            let right: Vec<String> = right.iter().map(|column| short(column)).collect();
            if written != right {
                problems.push(format!(
                    "docs/{}, {relation}:\n    written: {}\n    catalogue: {}",
                    page.name,
                    written.join(", "),
                    right.join(", ")
                ));
            }
        }
        Ok(())
    }
}

/// Names of types as people write them, defaults without casts.
fn short(text: &str) -> String {
    let mut text = text.to_owned();
    for (long, brief) in [
        ("timestamp with time zone", "timestamptz"),
        ("double precision", "float8"),
        ("integer", "int"),
        ("boolean", "bool"),
        ("prescale.", ""),
        (" DEFAULT ", " = "),
        ("IN ", ""),
    ] {
        text = text.replace(long, brief);
    }
    while let Some(start) = text.find("::") {
        let length = text[start + 2..]
            .find([',', ')'])
            .unwrap_or(text.len() - start - 2);
        text.replace_range(start..start + 2 + length, "");
    }
    text
}
