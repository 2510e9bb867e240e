//! What is measured at the edge.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use protocol::ErrorCode;

use crate::process::ProcessCollector;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectionLabel {
    direction: &'static str,
}

/// Counts one who is away; dropping it counts them no more.
#[derive(Debug)]
pub(crate) struct Away(Gauge);

impl Drop for Away {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The measurements of the server.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    active: Gauge,
    max: Gauge,
    total: Counter,
    refused: Counter,
    away: Gauge,
    resumed: Counter,
    dropped: Counter,
    bad_messages: Family<KindLabel, Counter>,
    bytes: Family<DirectionLabel, Counter>,
}

impl Metrics {
    /// Registers the server's measurements and those of its process.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let sessions = registry.sub_registry_with_prefix("sessions");
        sessions.register("active", "Sessions now", metrics.active.clone());
        sessions.register("max", "Sessions that may be at once", metrics.max.clone());
        // the counter's `_total` is added by the exposition
        sessions.register("started", "Sessions since the start", metrics.total.clone());
        sessions.register("refused", "Callers refused at capacity", metrics.refused.clone());
        sessions.register(
            "away",
            "Sessions now whose callers have lost the connection and may come back",
            metrics.away.clone(),
        );
        sessions.register(
            "resumed",
            "Sessions taken up again after the connection was lost",
            metrics.resumed.clone(),
        );
        registry.register(
            "dropped_frames",
            "Frames of callers dropped because their session was behind",
            metrics.dropped.clone(),
        );
        registry.register(
            "bad_messages",
            "Messages of clients that were refused, by kind",
            metrics.bad_messages.clone(),
        );
        registry.register("wire_bytes", "Payload of all sockets", metrics.bytes.clone());
        registry.register_collector(Box::new(ProcessCollector));
        metrics
    }

    /// Measurements that nobody collects, for tests.
    pub fn unregistered() -> Self {
        Self::default()
    }

    pub(crate) fn set_max(&self, max: usize) {
        self.max.set(i64::try_from(max).unwrap_or(i64::MAX));
    }

    pub(crate) fn admitted(&self) {
        self.active.inc();
        self.total.inc();
    }

    pub(crate) fn left(&self) {
        self.active.dec();
    }

    pub(crate) fn refused(&self) {
        self.refused.inc();
    }

    /// A caller has lost the connection; the guard counts them until they are back or given up.
    pub(crate) fn away(&self) -> Away {
        self.away.inc();
        Away(self.away.clone())
    }

    pub(crate) fn resumed(&self) {
        self.resumed.inc();
    }

    pub(crate) fn dropped_frame(&self) {
        self.dropped.inc();
    }

    pub(crate) fn bad_message(&self, code: ErrorCode) {
        self.bad_messages.get_or_create(&KindLabel { kind: code.as_str() }).inc();
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.bytes.get_or_create(&DirectionLabel { direction: "in" }).inc_by(bytes as u64);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.bytes.get_or_create(&DirectionLabel { direction: "out" }).inc_by(bytes as u64);
    }
}
