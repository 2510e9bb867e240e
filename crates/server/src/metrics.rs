//! What is measured at the edge.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use protocol::ErrorCode;

use crate::{admission::Reason, process::ProcessCollector};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectionLabel {
    direction: &'static str,
}

/// Counts one who is away or waits; dropping it counts them no more.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Counted {
    fn by(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The measurements of the server.
#[derive(Clone, Debug)]
pub struct Metrics {
    active: Gauge,
    max: Gauge,
    total: Counter,
    refused: Family<ReasonLabel, Counter>,
    waiting: Gauge,
    waited: Histogram,
    left_line: Family<ReasonLabel, Counter>,
    away: Gauge,
    resumed: Counter,
    dropped: Counter,
    bad_messages: Family<KindLabel, Counter>,
    bytes: Family<DirectionLabel, Counter>,
    // looked up once: they count each frame of every caller
    bytes_in: Counter,
    bytes_out: Counter,
}

impl Metrics {
    /// Registers the server's measurements and those of its process.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self::unregistered();
        let sessions = registry.sub_registry_with_prefix("sessions");
        sessions.register("active", "Sessions now", metrics.active.clone());
        sessions.register("max", "Sessions that may be at once", metrics.max.clone());
        // the counter's `_total` is added by the exposition
        sessions.register("started", "Sessions since the start", metrics.total.clone());
        sessions.register(
            "refused",
            "Callers refused at capacity, by what was lacking",
            metrics.refused.clone(),
        );
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
        metrics.register_waiting(registry.sub_registry_with_prefix("waiting"));
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

    fn register_waiting(&self, waiting: &mut Registry) {
        waiting.register("callers", "Callers who wait in line now", self.waiting.clone());
        waiting.register_with_unit(
            "time",
            "How long those waited who were let in",
            Unit::Seconds,
            self.waited.clone(),
        );
        waiting.register(
            "left",
            "Callers who left the line without being let in, by why",
            self.left_line.clone(),
        );
    }

    /// Measurements that nobody collects, for tests.
    pub fn unregistered() -> Self {
        let bytes = Family::<DirectionLabel, Counter>::default();
        let direction = |direction| bytes.get_or_create_owned(&DirectionLabel { direction });
        Self {
            bytes_in: direction("in"),
            bytes_out: direction("out"),
            active: Gauge::default(),
            max: Gauge::default(),
            total: Counter::default(),
            refused: Family::default(),
            waiting: Gauge::default(),
            // from half a second to an hour
            waited: Histogram::new(exponential_buckets(0.5, 2.0, 14)),
            left_line: Family::default(),
            away: Gauge::default(),
            resumed: Counter::default(),
            dropped: Counter::default(),
            bad_messages: Family::default(),
            bytes,
        }
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

    pub(crate) fn refused(&self, reason: Reason) {
        self.refused.get_or_create(&ReasonLabel { reason: reason.as_str() }).inc();
    }

    /// A caller waits in line; the guard counts them until they do not.
    pub(crate) fn waiting(&self) -> Counted {
        Counted::by(&self.waiting)
    }

    pub(crate) fn waited(&self, wait: Duration) {
        self.waited.observe(wait.as_secs_f64());
    }

    pub(crate) fn left_line(&self, reason: &'static str) {
        self.left_line.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// A caller has lost the connection; the guard counts them until they are back or given up.
    pub(crate) fn away(&self) -> Counted {
        Counted::by(&self.away)
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
        self.bytes_in.inc_by(bytes as u64);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.bytes_out.inc_by(bytes as u64);
    }
}
