//! The command line.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use prescale_core::time::Micros;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, LogFormat, length};
use crate::error::{Error, Result, chain};
use crate::{Replay, check, log, replay, run};

/// Carries out prescale's decisions and feeds their outcome back.
#[derive(Debug, Parser)]
#[command(name = "prescale-worker", version, about)]
struct Arguments {
    /// TOML file; variables PRESCALE_<SECTION>_<KEY> win over it.
    #[arg(long, global = true, env = "PRESCALE_CONFIG")]
    config: Option<PathBuf>,
    /// How to write log lines; wins over log.format.
    #[arg(long, global = true, value_enum)]
    log_format: Option<LogFormat>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Lead, decide and act until stopped.
    Run,
    /// Try everything that `run` needs, and say what does not work.
    Check,
    /// Step a simulated clock through history, on simulated targets.
    Replay(ReplayArguments),
}

#[derive(Debug, clap::Args)]
struct ReplayArguments {
    /// First tick, such as 2026-01-05T00:00:00Z.
    #[arg(long, value_parser = instant)]
    from: Micros,
    /// No tick after this instant.
    #[arg(long, value_parser = instant)]
    until: Micros,
    /// From tick to tick.
    #[arg(long, default_value = "1m", value_parser = step)]
    step: Micros,
    /// A progress line on the error stream after so many ticks; 0 for none.
    #[arg(long, default_value_t = 60)]
    progress: u64,
}

/// Parses the command line, does what it says and returns the exit code: 0 for success, 1 for failure, 2 for a command
/// line that makes no sense.
#[must_use]
pub fn start() -> ExitCode {
    match execute(Arguments::parse()) {
        Ok(code) => code,
        Err(Error::Config(problems)) => fail(&Error::Config(problems).to_string()),
        Err(error) => fail(&chain(&error)),
    }
}

fn fail(words: &str) -> ExitCode {
    eprintln!("prescale-worker: {words}");
    ExitCode::FAILURE
}

fn execute(arguments: Arguments) -> Result<ExitCode> {
    let Arguments {
        config,
        log_format,
        verb,
    } = arguments;
    // A variable that is not Unicode is none of ours: their values are text.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut config = Config::load(config.as_deref(), environment)?;
    config.log.format = log_format.unwrap_or(config.log.format);
    log::start(&config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Error::Refused(format!("cannot start: {error}")))?;
    runtime.block_on(perform(verb, config))
}

async fn perform(verb: Verb, config: Config) -> Result<ExitCode> {
    match verb {
        Verb::Run => run(config, asked_to_stop()?).await?,
        Verb::Check => {
            let report = check(config).await;
            print(&report.to_string())?;
            return Ok(if report.is_ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        Verb::Replay(ReplayArguments {
            from,
            until,
            step,
            progress,
        }) => {
            let plan = Replay {
                from,
                until,
                step,
                progress,
            };
            let outcome = replay(config, plan, asked_to_stop()?).await?;
            let line = serde_json::to_string(&outcome);
            print(&line.map_err(|error| Error::Refused(error.to_string()))?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Completes at SIGTERM or SIGINT. The signals are caught from the call on.
fn asked_to_stop() -> Result<impl Future<Output = ()>> {
    let catch = |kind| {
        signal(kind).map_err(|error| Error::Refused(format!("cannot catch signals: {error}")))
    };
    let (mut terminate, mut interrupt) = (
        catch(SignalKind::terminate())?,
        catch(SignalKind::interrupt())?,
    );
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn print(text: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{text}")
        .map_err(|error| Error::Refused(format!("cannot write the answer: {error}")))
}

fn instant(text: &str) -> std::result::Result<Micros, String> {
    let parsed: std::result::Result<jiff::Timestamp, _> = text.parse();
    parsed
        .map(jiff::Timestamp::as_microsecond)
        .map_err(|_| "give a time with its zone, such as 2026-01-05T00:00:00Z".to_owned())
}

fn step(text: &str) -> std::result::Result<Micros, String> {
    length(text)
        .and_then(|length| Micros::try_from(length.as_micros()).ok())
        .filter(|micros| *micros > 0)
        .ok_or_else(|| "give a length of time above zero, such as 1m or 15s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> std::result::Result<Arguments, clap::Error> {
        Arguments::try_parse_from(words.split(' '))
    }

    #[test]
    fn a_replay_takes_times_with_zones_and_steps_a_minute() {
        let arguments = parse(
            "prescale-worker replay --from 1970-01-01T01:00:00+01:00 --until 1970-01-01T00:10:00Z",
        )
        .unwrap();
        let Verb::Replay(replay) = arguments.verb else {
            panic!("not a replay")
        };
        assert_eq!((replay.from, replay.until), (0, 600_000_000));
        assert_eq!((replay.step, replay.progress), (60_000_000, 60));
    }

    #[test]
    fn a_replay_refuses_what_is_no_time() {
        for words in [
            "--from yesterday --until 1970-01-01T00:00:00Z",
            "--from 1970-01-01 --until 1970-01-02",
        ] {
            let error = parse(&format!("prescale-worker replay {words}"))
                .unwrap_err()
                .to_string();
            assert!(error.contains("give a time with its zone"), "{error}");
        }
        let words = "--from 1970-01-01T00:00:00Z --until 1970-01-02T00:00:00Z --step 0s";
        let error = parse(&format!("prescale-worker replay {words}"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("give a length of time above zero"),
            "{error}"
        );
    }

    #[test]
    fn global_options_may_stand_after_the_verb() {
        let arguments =
            parse("prescale-worker run --config /etc/prescale.toml --log-format json").unwrap();
        assert_eq!(arguments.log_format, Some(LogFormat::Json));
        assert_eq!(arguments.config, Some(PathBuf::from("/etc/prescale.toml")));
    }
}
