//! What the pages of docs/ say about the catalogue.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};

/// A page of docs/.
pub(crate) struct Page {
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

impl Page {
    /// Reads it.
    pub(crate) fn read(name: &'static str) -> Result<Self> {
        let path = prescale_tests::root().join("docs").join(name);
        Ok(Self {
            name,
            text: std::fs::read_to_string(&path)
                .with_context(|| Path::display(&path).to_string())?,
        })
    }

    /// The names that begin the code in headings and in the section `Index`.
    pub(crate) fn index_names(&self) -> BTreeSet<&str> {
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
    pub(crate) fn signatures(&self) -> Vec<String> {
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
    pub(crate) fn columns(&self) -> Vec<(&str, Vec<String>)> {
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

/// The code in the first cells of tables, but for modes of scaling, which core documents beside the reasons.
pub(crate) fn codes<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let rows = lines.filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|line| line.split('|').nth(1));
    let codes = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    codes
        .filter(|code| !["observe", "floor", "out", "full"].contains(code))
        .collect()
}
