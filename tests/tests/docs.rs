//! Runs the SQL of README.md and docs/*.md and compares what psql prints with what the page shows.
//!
//! Each page gets a database and one psql session of its own; its blocks run in order.
//! * A block `sql` must run without an error. What it prints stands in a block `text` directly after it; a block that
//!   prints nothing needs none. Results of functions that return nothing are left out.
//! * A block `sql error` must fail; what is shown is the message (without CONTEXT lines).
//! * Every other kind of block is ignored.
//!
//! `BLESS=1` writes what psql printed into the pages; read the difference before you commit it.

use std::fmt::Write as _;
use std::io::{Read, Seek, Write as _, pipe};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use prescale_tests::postgres::Postgres;

/// One block of SQL and what the page shows below it.
struct Block {
    /// Line of the opening fence, counted from 1.
    line: usize,
    /// Whether it is to fail.
    fails: bool,
    sql: String,
    /// What the page shows, and the lines (fences and blank lines before it included) that hold it.
    shown: Option<String>,
    shown_lines: Range<usize>,
}

#[test]
fn what_the_documents_show_is_what_psql_prints() -> Result<()> {
    let server = Postgres::start()?;
    let mut problems = String::new();
    for (number, page) in pages()?.into_iter().enumerate() {
        let text = std::fs::read_to_string(&page)?;
        let name = page
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let blocks = parse(&text).with_context(|| name.clone())?;
        if blocks.is_empty() {
            ensure!(
                !["README.md", "sql.md"].contains(&name.as_str()),
                "{name} has no SQL"
            );
            continue;
        }
        let database = format!("page_{number}");
        server.psql(
            "postgres",
            "postgres",
            &format!("CREATE DATABASE {database}"),
        )?;
        let printed = run(&server, &database, &blocks).with_context(|| name.clone())?;
        for (block, printed) in blocks.iter().zip(&printed) {
            problems.push_str(&judge(&name, block, printed));
        }
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&page, bless(&text, &blocks, &printed))?;
        }
    }
    ensure!(
        problems.is_empty(),
        "{problems}\nBLESS=1 writes what was printed into the pages."
    );
    Ok(())
}

#[test]
fn links_in_the_documents_lead_to_files_and_headings() -> Result<()> {
    let mut broken = Vec::new();
    for page in pages()? {
        let text = std::fs::read_to_string(&page)?;
        for link in links(&text) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap_or(Path::new("")).join(path)
            };
            let found = target.exists()
                && (anchor.is_empty()
                    || headings(&std::fs::read_to_string(&target)?)
                        .iter()
                        .any(|heading| heading == anchor));
            if !found {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    ensure!(
        broken.is_empty(),
        "links that lead nowhere:\n{}",
        broken.join("\n")
    );
    Ok(())
}

/// README.md and docs/*.md, in order of their names.
fn pages() -> Result<Vec<PathBuf>> {
    let root = prescale_tests::root().canonicalize()?;
    let mut pages = vec![root.join("README.md")];
    for entry in std::fs::read_dir(root.join("docs"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    pages.sort();
    Ok(pages)
}

fn parse(text: &str) -> Result<Vec<Block>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut blocks: Vec<Block> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some(kind) = lines[at].strip_prefix("```") else {
            ensure!(
                !lines[at].trim_start().starts_with("```sql"),
                "line {}: an indented block of SQL is not run",
                at + 1
            );
            at += 1;
            continue;
        };
        let end = (at + 1..lines.len())
            .find(|&line| lines[line] == "```")
            .with_context(|| format!("line {}: block without an end", at + 1))?;
        let body = lines[at + 1..end].join("\n");
        if kind == "sql" || kind == "sql error" {
            ensure!(
                is_complete(&body),
                "line {}: the last statement has no end",
                at + 1
            );
            blocks.push(Block {
                line: at + 1,
                fails: kind == "sql error",
                sql: body,
                shown: None,
                shown_lines: end + 1..end + 1,
            });
        } else if let Some(block) = blocks.last_mut().filter(|_| kind == "text")
            && block.shown.is_none()
            && lines[block.shown_lines.start..at]
                .iter()
                .all(|line| line.is_empty())
        {
            block.shown = Some(tidy(&body));
            block.shown_lines.end = end + 1;
        }
        at = end + 1;
    }
    Ok(blocks)
}

/// Whether psql would not wait for more: the last line that is no comment ends a statement or is a command of psql.
fn is_complete(sql: &str) -> bool {
    let code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("--");
    sql.lines().rev().find(code).is_some_and(|line| {
        let line = line.split(" --").next().unwrap_or(line).trim();
        line.ends_with(';') || line.starts_with('\\') || line.contains("\\g")
    })
}

/// What psql prints for each block.
fn run(server: &Postgres, database: &str, blocks: &[Block]) -> Result<Vec<String>> {
    const MARK: &str = "=-=-= block";
    // Context lines name inner functions: noise on a page about what to type.
    let mut script = String::from("\\set SHOW_CONTEXT never\n");
    for block in blocks {
        writeln!(script, "\\echo {MARK}\n{}", block.sql)?;
    }
    writeln!(script, "\\echo {MARK}")?;
    let mut input = tempfile::tempfile()?;
    input.write_all(script.as_bytes())?;
    input.rewind()?;
    let (mut output, writer) = pipe()?;
    let mut command = server.psql_command(database, "postgres");
    command
        .args(["-X", "-q"])
        // Pages name files as they are found from the top folder.
        .current_dir(prescale_tests::root())
        .stdin(input)
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let mut psql = command.spawn()?;
    // The command holds the writing ends of the pipe.
    drop(command);
    let mut text = String::new();
    output.read_to_string(&mut text)?;
    psql.wait()?;
    let parts: Vec<String> = text.split(&format!("{MARK}\n")).map(tidy).collect();
    if parts.len() != blocks.len() + 2 {
        bail!("psql ended early; it printed:\n{text}");
    }
    Ok(parts[1..=blocks.len()].to_vec())
}

/// Lines without spaces at their ends, without results of functions that return nothing and blank lines around.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut kept: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let nothing = lines
            .get(at + 1)
            .is_some_and(|rule| !rule.is_empty() && rule.bytes().all(|byte| byte == b'-'))
            && lines.get(at + 2) == Some(&"")
            && lines.get(at + 3) == Some(&"(1 row)");
        if nothing {
            at += if lines.get(at + 4) == Some(&"") { 5 } else { 4 };
        } else {
            kept.push(lines[at]);
            at += 1;
        }
    }
    kept.join("\n").trim_matches('\n').to_owned()
}

fn judge(page: &str, block: &Block, printed: &str) -> String {
    let place = format!("{page}:{}", block.line);
    let failed = printed
        .lines()
        .any(|line| line.starts_with("ERROR: ") || line.starts_with("FATAL: "));
    if failed != block.fails {
        let what = if block.fails {
            "should fail but did not"
        } else {
            "failed"
        };
        return format!("{place}: {what}; it printed:\n{printed}\n\n");
    }
    if std::env::var_os("BLESS").is_some() {
        return String::new();
    }
    match &block.shown {
        None if printed.is_empty() => String::new(),
        None => format!("{place}: a block text must show what it prints:\n{printed}\n\n"),
        Some(shown) if shown == printed => String::new(),
        Some(shown) => format!(
            "{place}: shown (-) and printed (+) differ:\n{}\n",
            diff(shown, printed)
        ),
    }
}

fn bless(text: &str, blocks: &[Block], printed: &[String]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (block, printed) in blocks.iter().zip(printed).rev() {
        let shown = if printed.is_empty() {
            vec![]
        } else {
            vec!["```text".to_owned(), printed.clone(), "```".to_owned()]
        };
        lines.splice(block.shown_lines.clone(), shown);
    }
    lines.join("\n") + "\n"
}

/// The lines of both, with `-` or `+` before those that only one has (longest common subsequence).
fn diff(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut text) = (0, 0, String::new());
    while i < old.len() || j < new.len() {
        let (mark, line) = if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
            (' ', old[i - 1])
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            i += 1;
            ('-', old[i - 1])
        } else {
            j += 1;
            ('+', new[j - 1])
        };
        text.push(mark);
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// Targets of links into the repository.
fn links(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.contains("://"))
        .collect()
}

/// Anchors of the headings, as GitHub makes them.
fn headings(text: &str) -> Vec<String> {
    let heading = |line: &str| {
        line.starts_with('#')
            .then(|| line.trim_start_matches('#').trim().to_lowercase())
    };
    let anchor = |heading: String| {
        let kept = heading
            .chars()
            .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter })
            .collect()
    };
    text.lines().filter_map(heading).map(anchor).collect()
}
