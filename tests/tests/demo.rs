//! `make demo`, shortened to one hour of replay.

use std::process::Command;

use anyhow::{Result, ensure};

#[test]
fn the_demo_runs_and_ends_with_a_comparison() -> Result<()> {
    let dir = tempfile::Builder::new()
        .prefix("prescale-demo-")
        .tempdir()?;
    let output = Command::new(prescale_tests::root().join("tests/bin/demo"))
        .env("DEMO_HOURS", "1")
        .env("DEMO_DIR", dir.path().join("demo"))
        .env("DEMO_KEEP", "no")
        .output()?;
    let shown = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(output.status.success(), "{shown}");
    for part in [
        "prescale (0.99 quantile, 5 min ahead)",
        "HPA at the usual 70 %",
        "demand was within, %",
        "In one sentence",
        "the server is stopped",
    ] {
        ensure!(shown.contains(part), "{part:?} is not in {shown}");
    }
    Ok(())
}
