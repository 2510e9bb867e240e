//! Who may come in: so many sessions at once, and a clear refusal for the next.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Metrics;

/// Counts the sessions. Clones share the count.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    max: usize,
    active: Arc<AtomicUsize>,
    metrics: Metrics,
}

/// A place in the server. Whoever holds it counts as a session; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Permit {
    _place: OwnedSemaphorePermit,
    active: Arc<AtomicUsize>,
    metrics: Metrics,
}

impl Admission {
    pub(crate) fn new(max: usize, metrics: Metrics) -> Self {
        metrics.set_max(max);
        Self { places: Arc::new(Semaphore::new(max)), max, active: Arc::default(), metrics }
    }

    /// A place, or `None` if all are taken.
    pub(crate) fn admit(&self) -> Option<Permit> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.metrics.refused();
            tracing::warn!("server at capacity ({}/{})", self.active(), self.max);
            return None;
        };
        self.active.fetch_add(1, Ordering::Relaxed);
        self.metrics.admitted();
        Some(Permit {
            _place: place,
            active: Arc::clone(&self.active),
            metrics: self.metrics.clone(),
        })
    }

    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
        self.metrics.left();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_when_its_permit_goes() {
        let admission = Admission::new(2, Metrics::unregistered());
        let first = admission.admit().expect("there is room");
        let _second = admission.admit().expect("there is room");
        assert!(admission.is_full());
        assert!(admission.admit().is_none());
        drop(first);
        assert_eq!(admission.active(), 1);
        assert!(admission.admit().is_some());
    }
}
