//! The wish to stop, as seen by every task.

use tokio::sync::watch;

/// Tells whether the worker was asked to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// A switch and what it switches.
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Whether the worker was asked to stop; also when nobody is left who could ask.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until the worker is asked to stop.
    pub(crate) async fn wait(&mut self) {
        // An error means that the sender is gone, which is a wish to stop as well.
        let _gone = self.0.wait_for(|stop| *stop).await;
    }
}
