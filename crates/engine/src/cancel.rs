//! Cancelling: whoever wants the result holds a [`CancelOnDrop`]; whoever computes it looks at
//! [`Cancelled`] between steps. There is no `cancel()` to forget.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

const WANTED: u8 = 0;
const DROPPED: u8 = 1;
const GAVE_WAY: u8 = 2;

/// Held by the one who wants the result. Dropping it cancels the work.
#[derive(Debug)]
pub struct CancelOnDrop(Arc<AtomicU8>);

/// Looked at by the one who works.
#[derive(Clone, Debug)]
pub struct Cancelled(Arc<AtomicU8>);

/// A connected pair.
pub fn cancellation() -> (CancelOnDrop, Cancelled) {
    let state = Arc::new(AtomicU8::new(WANTED));
    (CancelOnDrop(Arc::clone(&state)), Cancelled(state))
}

impl Cancelled {
    /// Whether to stop: nobody wants the result any more, or the work gives way to more urgent work.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) != WANTED
    }

    /// Whether the work gives way.
    pub(crate) fn gave_way(&self) -> bool {
        self.0.load(Ordering::Relaxed) == GAVE_WAY
    }

    /// Makes the work give way, if it is still wanted.
    pub(crate) fn give_way(&self) {
        let change = (Ordering::Relaxed, Ordering::Relaxed);
        // who dropped it does not mind either way
        let _ = self.0.compare_exchange(WANTED, GAVE_WAY, change.0, change.1);
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(DROPPED, Ordering::Relaxed);
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
        assert!(cancelled.is_cancelled() && !cancelled.gave_way());
    }

    #[test]
    fn work_that_gives_way_stops_as_well() {
        let (_handle, cancelled) = cancellation();
        cancelled.give_way();
        assert!(cancelled.is_cancelled() && cancelled.gave_way());
    }
}
