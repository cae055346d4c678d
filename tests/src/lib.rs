//! Harness: real servers for tests, started on free loopback ports in temporary folders and stopped by whoever started them.

use std::path::PathBuf;

pub mod kube;
pub mod postgres;
mod session;
pub mod trace;
pub mod worker;

/// The top folder of the checkout.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A loopback port that was free a moment ago.
///
/// # Errors
/// When none can be bound.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}
