//! The daemon `prescale-worker`.

fn main() {}
