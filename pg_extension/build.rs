//! Rebuilds the extension when a SQL file changes: the macro that embeds them does not tell cargo.
#![allow(
    clippy::print_stdout,
    reason = "cargo reads what a build script prints"
)]

fn main() {
    println!("cargo:rerun-if-changed=../sql");
}
