use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;

use anyhow::{Context, Result, bail};

use super::programs::Program;

/// A running program of the control plane, killed when dropped.
#[derive(Debug)]
pub(super) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program` out of `bin`; what it prints is appended to `<dir>/<name>.log`.
    pub(super) fn start(program: Program, bin: &Path, dir: &Path) -> Result<Self> {
        let log = dir.join(format!("{}.log", program.name));
        let output = File::options().create(true).append(true).open(&log)?;
        let prepared = |mut command: Command| -> Result<Command> {
            command
                .args(&program.args)
                // A home without ~/.kube and ~/.kwok: nobody's own configuration takes part.
                .env("HOME", dir)
                .env_remove("KUBECONFIG")
                .stdin(Stdio::null())
                .stdout(output.try_clone()?)
                .stderr(output.try_clone()?);
            Ok(command)
        };

        // setpriv (util-linux) ends the child with this process, even one that is killed and so
        // runs no destructor. Elsewhere than on Linux the destructor has to do.
        let executable = bin.join(program.name);
        let mut tied = Command::new("setpriv");
        tied.args(["--pdeathsig", "KILL", "--"]).arg(&executable);
        let child = match spawn(prepared(tied)?)? {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                spawn(prepared(Command::new(&executable))?)?
            }
            spawned => spawned,
        };
        let child = child.with_context(|| format!("starting {}", program.name))?;
        Ok(Self {
            name: program.name,
            child,
            log,
        })
    }

    /// An error with the end of the log if the program is no longer running.
    pub(super) fn check_running(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}\n{}", self.name, tail(&self.log)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Either can only fail because the child has already ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last lines of every log in `dir`, each under its path.
pub(super) fn log_tails(dir: &Path) -> String {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut logs: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    logs.sort();
    logs.iter().map(|log| tail(log)).collect()
}

fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines
        .get(lines.len().saturating_sub(15)..)
        .unwrap_or_default();
    format!("--- {}\n{}\n", log.display(), last.join("\n"))
}

/// Spawns from a thread that lasts as long as the process.
///
/// The death signal is tied to the *thread* that spawned the child. A test's own thread ends with
/// that test, and would take a control plane with it that a later test shares.
fn spawn(command: Command) -> Result<io::Result<Child>> {
    type Job = (Command, mpsc::Sender<io::Result<Child>>);
    static SPAWNER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for (mut command, reply) in queue {
                // The asker waits for this reply, so it fails only if that thread is torn down.
                let _ = reply.send(command.spawn());
            }
        });
        jobs
    });
    let (reply, answer) = mpsc::channel();
    spawner.send((command, reply))?;
    Ok(answer.recv()?)
}
