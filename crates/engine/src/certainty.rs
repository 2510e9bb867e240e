//! Whether the result of some work is certain to be needed, told while the work goes on.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether a result is certain to be needed. Clones tell the same.
#[derive(Clone, Debug)]
pub struct Certainty(Arc<AtomicBool>);

impl Certainty {
    /// A result that is needed.
    pub fn certain() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    /// A result that may not be needed, until it is [confirmed](Self::confirm).
    pub fn guess() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }

    /// The result is needed.
    pub fn confirm(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is.
    pub fn is_certain(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_works_learns_that_a_guess_came_true() {
        assert!(Certainty::certain().is_certain());
        let guess = Certainty::guess();
        let seen_by_worker = guess.clone();
        assert!(!seen_by_worker.is_certain());
        guess.confirm();
        assert!(seen_by_worker.is_certain());
    }
}
