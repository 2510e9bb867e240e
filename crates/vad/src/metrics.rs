//! What is measured of voice activity beside what is of every engine.

use prometheus_client::{metrics::counter::Counter, registry::Registry};

/// How much the model was spared.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    rested: Counter,
}

impl Metrics {
    /// Registers the measurements under `vad_*`.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let vad = registry.sub_registry_with_prefix("vad");
        vad.register(
            "frames_rested",
            "Frames of lasting silence that the model did not hear",
            metrics.rested.clone(),
        );
        metrics
    }

    /// Frames that the model did not hear.
    pub fn rested(&self) -> u64 {
        self.rested.get()
    }

    pub(crate) fn count_rested(&self) {
        self.rested.inc();
    }
}
