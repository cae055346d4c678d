//! The daemon `prescale-worker`.

use std::process::ExitCode;

fn main() -> ExitCode {
    prescale_worker::start()
}
