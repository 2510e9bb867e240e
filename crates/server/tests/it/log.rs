//! What the server logs.

use std::{
    cell::RefCell,
    io,
    sync::{Arc, Mutex, Once, PoisonError},
};

use tracing::level_filters::LevelFilter;

thread_local! {
    /// Where this thread's log goes.
    static KEPT: RefCell<Option<Log>> = const { RefCell::new(None) };
}

/// All that is logged on this thread, down to the last trace, and so by the test's server.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Keeps the log of this thread from now on.
    pub(crate) fn capture() -> Self {
        start_logging();
        let log = Self::default();
        KEPT.set(Some(log.clone()));
        log
    }

    pub(crate) fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// One subscriber for all threads: what tracing remembers of the places that log is for all of
/// them, and a thread without one switches them off.
fn start_logging() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(|| OfThisThread)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("it is the only one");
        tracing::callsite::rebuild_interest_cache();
    });
}

struct OfThisThread;

impl io::Write for OfThisThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(log) = KEPT.with_borrow(Clone::clone) {
            log.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
