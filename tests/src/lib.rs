//! Harness: real servers for tests, started on free loopback ports in temporary directories and stopped by whoever started them.
