use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// The exit status by which the build script says that the machine lacks something.
const UNAVAILABLE: i32 = 3;

/// The cluster cannot be built on this machine: a reason to skip a test, unlike a broken build.
#[derive(Debug)]
pub struct Unavailable(String);

impl fmt::Display for Unavailable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Unavailable {}

/// The directory of the five programs, which `tests/kube/build` makes once and then only finds.
pub(super) fn binaries() -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("kube/build");
    let mut build = Command::new(&script)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("running {}", script.display()))?;

    // Passed on line by line: a first build takes minutes, and silence looks like a hang.
    let mut said = Vec::new();
    if let Some(stderr) = build.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            let line = line?;
            eprintln!("{line}");
            said.push(line);
        }
    }
    let mut answer = String::new();
    if let Some(mut stdout) = build.stdout.take() {
        stdout.read_to_string(&mut answer)?;
    }

    let status = build.wait()?;
    let reason = said.split_off(said.len().saturating_sub(20)).join("\n");
    if status.code() == Some(UNAVAILABLE) {
        return Err(Unavailable(reason).into());
    }
    ensure!(
        status.success(),
        "{} ended with {status}:\n{reason}",
        script.display()
    );
    match answer.lines().last() {
        Some(directory) => Ok(PathBuf::from(directory)),
        None => bail!("{} named no directory", script.display()),
    }
}
