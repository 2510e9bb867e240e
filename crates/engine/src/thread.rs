//! A named thread that is joined when its handle goes.

use std::{io, thread::JoinHandle};

/// The operating system gave no thread.
#[derive(Debug, thiserror::Error)]
#[error("could not start the engine thread `{name}`")]
pub struct StartError {
    name: String,
    #[source]
    source: io::Error,
}

/// A running thread. Dropping the handle waits for its end, so whatever makes it end (a closed
/// queue, a dropped sender) must be dropped before: declare it above the `Thread` in a struct.
#[derive(Debug)]
pub struct Thread(Option<JoinHandle<()>>);

impl Thread {
    /// Starts `body` on a thread of this name (Linux shows the first 15 bytes).
    pub fn start(name: &str, body: impl FnOnce() + Send + 'static) -> Result<Self, StartError> {
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(body)
            .map(|handle| Self(Some(handle)))
            .map_err(|source| StartError { name: name.to_owned(), source })
    }

    /// Whether the body has returned or panicked.
    pub fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take()
            && handle.join().is_err()
        {
            tracing::error!("an engine thread had panicked");
        }
    }
}
