//! Looks at the installed extension as PostgreSQL's catalogue shows it: comments, rights, volatility, and whether
//! docs/sql.md and docs/contract.md tell the truth about it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use prescale_tests::postgres::Postgres;

const DATABASE: &str = "catalog";

/// Members of the extension: class, object and name.
const MEMBERS: &str = "CREATE VIEW public.member AS
    SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS name
    FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'prescale';
CREATE VIEW public.routine AS
    SELECT p.*, l.lanname, coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) AS body
    FROM public.member m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid JOIN pg_language l ON l.oid = p.prolang;
CREATE VIEW public.relation AS
    SELECT c.* FROM public.member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid;";

/// Immutable functions written in SQL: each computes from its arguments alone.
const IMMUTABLE_SQL: [&str; 2] = ["contract_version", "fit_boundary"];

/// Functions in C that read tables; every other one is pure.
const READING_C: [&str; 3] = ["read_windows", "source_bounds", "source_preview"];

#[test]
fn the_catalogue_is_commented_and_lets_nobody_in() -> Result<()> {
    let catalog = Catalog::open()?;
    let mut problems = Vec::new();
    catalog.comments(&mut problems)?;
    catalog.rights(&mut problems)?;
    catalog.labels(&mut problems)?;
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

/// The code in the first cells of tables, but for modes of scaling, which core documents beside the reasons.
fn codes<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let rows = lines.filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|line| line.split('|').nth(1));
    let codes = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    codes
        .filter(|code| !["observe", "floor", "out", "full"].contains(code))
        .collect()
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
        server.psql(DATABASE, "postgres", MEMBERS)?;
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

    /// Every row of the query is a problem of this kind.
    fn none(&self, problems: &mut Vec<String>, what: &str, sql: &str) -> Result<()> {
        problems.extend(
            self.rows(sql)?
                .into_iter()
                .map(|row| format!("{what}: {row}")),
        );
        Ok(())
    }

    fn comments(&self, problems: &mut Vec<String>) -> Result<()> {
        let what = "no comment";
        self.none(problems, what, "SELECT name FROM member WHERE obj_description(objid, classid::regclass::name) IS NULL ORDER BY 1")?;
        self.none(problems, what, "SELECT format('column %s.%s', c.relname, a.attname) FROM relation c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relkind IN ('r', 'v', 'm', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL ORDER BY 1")?;
        self.none(problems, what, "SELECT format('index %s', i.indexrelid::regclass) FROM relation c JOIN pg_index i ON i.indrelid = c.oid
            WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid) AND obj_description(i.indexrelid, 'pg_class') IS NULL ORDER BY 1")?;
        self.none(problems, what, "SELECT format('trigger %s on %s', t.tgname, c.relname) FROM relation c JOIN pg_trigger t ON t.tgrelid = c.oid
            WHERE NOT t.tgisinternal AND obj_description(t.oid, 'pg_trigger') IS NULL ORDER BY 1")
    }

    fn rights(&self, problems: &mut Vec<String>) -> Result<()> {
        self.none(problems, "PUBLIC may execute what is not immutable", "SELECT r.oid::regprocedure FROM routine r
            CROSS JOIN LATERAL aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) a WHERE a.grantee = 0 AND r.provolatile <> 'i' ORDER BY 1")?;
        self.none(problems, "PUBLIC has rights on", "SELECT DISTINCT c.relname FROM relation c LEFT JOIN pg_attribute t ON t.attrelid = c.oid
            CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, '{}') || coalesce(t.attacl, '{}')) a
            WHERE a.grantee = 0 ORDER BY 1")?;
        self.none(problems, "not owned by who installed it", "SELECT relname FROM relation WHERE relkind IN ('r', 'v', 'S') AND relowner <> 'installer'::regrole ORDER BY 1")?;
        self.none(
            problems,
            "runs with the rights of its owner",
            "SELECT oid::regprocedure FROM routine WHERE prosecdef ORDER BY 1",
        )?;
        // A procedure that commits takes no SET clause; it sets the path itself.
        self.none(problems, "its search_path is not pinned", "SELECT oid::regprocedure FROM routine WHERE lanname IN ('sql', 'plpgsql') AND prosqlbody IS NULL
            AND NOT EXISTS (SELECT FROM unnest(proconfig) s WHERE s LIKE 'search_path=pg_catalog, %pg_temp')
            AND NOT (prokind = 'p' AND prosrc LIKE '%set_config(''search_path'', ''pg_catalog, pg_temp'', true)%') ORDER BY 1")
    }

    fn labels(&self, problems: &mut Vec<String>) -> Result<()> {
        let reads = r"body ~* ('\m(FROM|JOIN|INTO|UPDATE|USING)\s+(prescale\.)?(' || (SELECT string_agg(relname, '|') FROM relation) || ')\M')";
        let writes = r"body ~* '\m(INSERT INTO|DELETE FROM|UPDATE \w+( \w+)? SET|pg_notify|FOR (UPDATE|SHARE))\M'";
        let in_sql = "lanname IN ('sql', 'plpgsql')";
        self.none(problems, "reads tables but is immutable", &format!("SELECT oid::regprocedure FROM routine WHERE {in_sql} AND {reads} AND provolatile = 'i' ORDER BY 1"))?;
        self.none(problems, "writes but is not volatile", &format!("SELECT oid::regprocedure FROM routine WHERE {in_sql} AND {writes} AND provolatile <> 'v' ORDER BY 1"))?;
        self.none(problems, "writes but is parallel safe", &format!("SELECT oid::regprocedure FROM routine WHERE {in_sql} AND {writes} AND proparallel = 's' ORDER BY 1"))?;
        self.none(
            problems,
            "immutable SQL that is not on the list of this test",
            &format!(
                "SELECT oid::regprocedure FROM routine
            WHERE {in_sql} AND provolatile = 'i' AND proname <> ALL ({}) ORDER BY 1",
                array(&IMMUTABLE_SQL)
            ),
        )?;
        self.none(
            problems,
            "reads tables from C but is immutable or parallel safe",
            &format!(
                "SELECT oid::regprocedure FROM routine
            WHERE proname = ANY ({}) AND (provolatile = 'i' OR proparallel = 's') ORDER BY 1",
                array(&READING_C)
            ),
        )?;
        self.none(problems, "is pure but not labelled immutable and parallel safe", &format!("SELECT oid::regprocedure FROM routine
            WHERE lanname = 'c' AND proname <> ALL ({}) AND (provolatile <> 'i' OR proparallel <> 's') ORDER BY 1", array(&READING_C)))?;
        let known = self
            .rows(&format!(
                "SELECT count(DISTINCT proname) FROM routine WHERE proname = ANY ({})",
                array(&READING_C)
            ))?
            .concat();
        ensure!(
            known == READING_C.len().to_string(),
            "the list of functions that read sources is out of date"
        );
        self.none(problems, "aggregate that cannot run in parallel", "SELECT r.oid::regprocedure FROM routine r JOIN pg_aggregate a ON a.aggfnoid = r.oid
            WHERE r.proparallel <> 's' OR a.aggcombinefn = 0 OR a.aggserialfn = 0 OR a.aggdeserialfn = 0 ORDER BY 1")
    }

    /// Every object that people may use is named on the page (not what serves a type or an
    /// aggregate), and every name in a heading or in the index exists.
    fn names(&self, page: &Page, problems: &mut Vec<String>) -> Result<()> {
        let known: BTreeSet<String> = self
            .rows("SELECT proname FROM routine r
                   WHERE NOT EXISTS (SELECT FROM pg_type t WHERE r.oid IN (t.typinput, t.typoutput, t.typsend, t.typreceive))
                     AND NOT EXISTS (SELECT FROM pg_aggregate a WHERE r.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn))
                   UNION SELECT relname FROM relation WHERE relkind IN ('r', 'v')
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

fn array(names: &[&str]) -> String {
    format!("ARRAY['{}']", names.join("','"))
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

/// A page of docs/.
struct Page {
    name: &'static str,
    text: String,
}

impl Page {
    fn read(name: &'static str) -> Result<Self> {
        let path = prescale_tests::root().join("docs").join(name);
        Ok(Self {
            name,
            text: std::fs::read_to_string(&path)
                .with_context(|| Path::display(&path).to_string())?,
        })
    }

    /// The names that begin the code in headings and in the section `Index`.
    fn index_names(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        let mut in_index = false;
        for line in self.text.lines() {
            if line.starts_with('#') {
                in_index = line == "## Index";
            }
            if in_index || line.starts_with('#') {
                let code = line.split('`').skip(1).step_by(2);
                names.extend(
                    code.map(|code| code.split(['(', ' ', '.']).next().unwrap_or_default()),
                );
            }
        }
        names
    }

    /// The signatures, one line each: an indented line continues the one before.
    fn signatures(&self) -> Vec<String> {
        let mut signatures: Vec<String> = Vec::new();
        for block in self.text.split("\n```signature\n").skip(1) {
            for line in block.split("\n```").next().unwrap_or_default().lines() {
                match signatures.last_mut().filter(|_| line.starts_with(' ')) {
                    Some(last) => last.push_str(&format!(
                        "{}{}",
                        if last.ends_with('(') { "" } else { " " },
                        line.trim()
                    )),
                    None => signatures.push(line.to_owned()),
                }
            }
        }
        signatures
    }

    /// Relations and their columns as `name type`.
    fn columns(&self) -> Vec<(&str, Vec<String>)> {
        let (mut found, mut heading, mut inside) = (Vec::new(), "", false);
        for line in self.text.lines() {
            if line.starts_with('#') {
                heading = line.split('`').nth(1).unwrap_or_default();
            }
            let cells: Vec<&str> = line
                .split('|')
                .map(|cell| cell.trim().trim_matches('`'))
                .collect();
            match cells.as_slice() {
                ["", "column", "type", ..] => {
                    inside = true;
                    found.push((heading, Vec::new()));
                }
                ["", name, kind, ..] if inside && !name.starts_with('-') => {
                    if let Some((_, columns)) = found.last_mut() {
                        columns.push(format!("{name} {kind}"));
                    }
                }
                ["", ..] => {}
                _ => inside = false,
            }
        }
        found
    }
}
