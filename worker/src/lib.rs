//! The worker: everything that touches the world.
