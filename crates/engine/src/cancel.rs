//! Cancelling: whoever wants the result holds a [`CancelOnDrop`]; whoever computes it looks at
//! [`Cancelled`] between steps. There is no `cancel()` to forget.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Held by the one who wants the result. Dropping it cancels the work.
#[derive(Debug)]
pub struct CancelOnDrop(Arc<AtomicBool>);

/// Looked at by the one who works.
#[derive(Clone, Debug)]
pub struct Cancelled(Arc<AtomicBool>);

/// A connected pair.
pub fn cancellation() -> (CancelOnDrop, Cancelled) {
    let flag = Arc::new(AtomicBool::new(false));
    (CancelOnDrop(Arc::clone(&flag)), Cancelled(flag))
}

impl Cancelled {
    /// Whether nobody wants the result any more.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_the_handle_cancels() {
        let (handle, cancelled) = cancellation();
        assert!(!cancelled.is_cancelled());
        drop(handle);
        assert!(cancelled.is_cancelled());
    }
}
