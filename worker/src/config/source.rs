//! Where settings come from, and how everything wrong with them is gathered.

use std::collections::BTreeMap;
use std::fmt;

use toml::{Table, Value};

/// The prefix of the worker's environment variables.
const PREFIX: &str = "PRESCALE_";

/// The sections of the file.
const SECTIONS: [&str; 6] = ["database", "cycle", "lease", "http", "log", "kubernetes"];

/// The one variable with a second, shorter name.
const ALIAS: (&str, &str) = ("PRESCALE_LISTEN", "PRESCALE_HTTP_LISTEN");

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path of the setting, such as `cycle.interval`, or the name of the variable.
    pub path: String,
    /// The value as written; `None` when it is a secret or missing.
    pub value: Option<String>,
    /// What would be right.
    pub why: String,
}

/// Everything that is wrong, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { path, value, why }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            match value {
                Some(value) => write!(f, "{separator}  {path} = {value}: {why}")?,
                None => write!(f, "{separator}  {path}: {why}")?,
            }
        }
        Ok(())
    }
}

/// The file and the environment, from which sections are taken one after the other.
#[derive(Debug)]
pub(super) struct Source {
    file: Table,
    environment: BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl Source {
    /// Parses the text and keeps the variables that are ours.
    pub(super) fn new(
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        let file = text.parse::<Table>().map_err(|error| {
            // The message alone: the quoted line might hold a password.
            let line = error.span().map_or(0, |span| {
                text.get(..span.start).unwrap_or("").matches('\n').count() + 1
            });
            let why = format!("line {line} is not TOML: {}", error.message());
            Problems(vec![Problem {
                path: "configuration file".to_owned(),
                value: None,
                why,
            }])
        })?;
        let mut environment: BTreeMap<_, _> = environment
            .into_iter()
            .filter(|(name, _)| is_ours(name))
            .collect();
        if let Some(value) = environment.remove(ALIAS.0) {
            environment.entry(ALIAS.1.to_owned()).or_insert(value);
        }
        Ok(Self {
            file,
            environment,
            problems: Vec::new(),
        })
    }

    /// The settings of one section.
    pub(super) fn section(&mut self, name: &'static str) -> Section<'_> {
        let table = match self.file.remove(name) {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(other) => {
                let why = format!("write a section [{name}]");
                self.problems.push(Problem {
                    path: name.to_owned(),
                    value: Some(other.to_string()),
                    why,
                });
                Table::new()
            }
        };
        Section {
            name,
            table,
            source: self,
            known: Vec::new(),
        }
    }

    /// Adds a problem that concerns several settings.
    pub(super) fn problem(&mut self, path: &str, value: Option<String>, why: impl Into<String>) {
        self.problems.push(Problem {
            path: path.to_owned(),
            value,
            why: why.into(),
        });
    }

    /// Reports what nobody took, and everything that was found before.
    pub(super) fn finish(mut self) -> Result<(), Problems> {
        for name in self.file.keys() {
            let why = format!("no such section; known are {}", SECTIONS.join(", "));
            self.problems.push(Problem {
                path: name.clone(),
                value: None,
                why,
            });
        }
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(Problems(self.problems))
        }
    }
}

/// One section while its settings are taken.
#[derive(Debug)]
pub(super) struct Section<'a> {
    name: &'static str,
    table: Table,
    source: &'a mut Source,
    known: Vec<&'static str>,
}

impl Section<'_> {
    /// Takes a setting; what is wrong with it is shown together with its value.
    pub(super) fn take<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&Value) -> Result<T, String>,
    ) -> Option<T> {
        self.read(key, true, parse)
    }

    /// Takes a setting whose value is never shown.
    pub(super) fn secret<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&Value) -> Result<T, String>,
    ) -> Option<T> {
        self.read(key, false, parse)
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        show: bool,
        parse: impl Fn(&Value) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(key);
        let file = self.table.remove(key);
        let variable = variable(self.name, key);
        let (path, value) = match self.source.environment.remove(&variable) {
            Some(text) => (variable, Value::String(text)),
            None => (format!("{}.{key}", self.name), file?),
        };
        match parse(&value) {
            Ok(parsed) => Some(parsed),
            Err(why) => {
                let value = show.then(|| value.to_string());
                self.source.problem(&path, value, why);
                None
            }
        }
    }

    /// How many problems were found so far, in all sections.
    pub(super) fn n_problems(&self) -> usize {
        self.source.problems.len()
    }

    /// Reports keys and variables of this section that nobody took.
    pub(super) fn finish(self) {
        let Self {
            name,
            table,
            source,
            known,
        } = self;
        for key in table.keys() {
            let why = format!("no such key; known are {}", known.join(", "));
            source.problem(&format!("{name}.{key}"), None, why);
        }
        let prefix = variable(name, "");
        let unknown: Vec<_> = source
            .environment
            .keys()
            .filter(|key| key.starts_with(&prefix))
            .cloned()
            .collect();
        for key in unknown {
            let names: Vec<_> = known.iter().map(|known| variable(name, known)).collect();
            source.problem(
                &key,
                None,
                format!("no such variable; known are {}", names.join(", ")),
            );
            source.environment.remove(&key);
        }
    }
}

fn variable(section: &str, key: &str) -> String {
    format!("{PREFIX}{section}_{key}").to_uppercase()
}

/// Whether a variable is meant for the worker. Kubernetes sets variables such as `PRESCALE_DATABASE_SERVICE_HOST` and
/// `PRESCALE_DATABASE_PORT_5432_TCP` for a service of that name; they are nobody's mistake.
fn is_ours(name: &str) -> bool {
    if name == ALIAS.0 {
        return true;
    }
    let service =
        name.contains("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || name.contains("_PORT_");
    !service
        && SECTIONS
            .iter()
            .any(|section| name.starts_with(&variable(section, "")))
}
