//! What is measured of all conversations together.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use crate::{FailureCode, TurnTimings};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartLabel {
    part: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

/// The measurements of all sessions of one server.
#[derive(Clone, Debug)]
pub struct Metrics {
    parts: Family<PartLabel, Histogram, fn() -> Histogram>,
    hop_in: Histogram,
    hop_out: Histogram,
    barge_in_pause: Histogram,
    barge_in_stop: Histogram,
    saved: Histogram,
    turns: Counter,
    discarded: Counter,
    interruptions: Counter,
    false_interruptions: Counter,
    echoes: Counter,
    speculations: Family<OutcomeLabel, Counter>,
    failures: Family<CodeLabel, Counter>,
}

impl Metrics {
    /// Registers the conversations' measurements.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self::unregistered();
        registry.register_with_unit(
            "turn_part",
            "From the true end of the caller's speech to the end of each part of the turn",
            Unit::Seconds,
            metrics.parts.clone(),
        );
        metrics.register_hops(registry);
        registry.register_with_unit(
            "barge_in_pause",
            "From the onset of speech over the answer to the last sample sent",
            Unit::Seconds,
            metrics.barge_in_pause.clone(),
        );
        registry.register_with_unit(
            "barge_in_stop",
            "From the onset of speech over the answer to the end of the answer",
            Unit::Seconds,
            metrics.barge_in_stop.clone(),
        );
        registry.register_with_unit(
            "speculation_saved",
            "How much sooner an answer sounded because it was begun before the turn was decided",
            Unit::Seconds,
            metrics.saved.clone(),
        );
        registry.register("turns", "Turns of callers", metrics.turns.clone());
        registry.register(
            "turns_discarded",
            "Turns in which no words were found",
            metrics.discarded.clone(),
        );
        registry.register(
            "interruptions",
            "Answers cut off by their caller",
            metrics.interruptions.clone(),
        );
        registry.register(
            "false_interruptions",
            "Answers that were paused for a sound without words and went on",
            metrics.false_interruptions.clone(),
        );
        registry.register(
            "echoes",
            "Frames and transcripts in which an answer came back through the microphone",
            metrics.echoes.clone(),
        );
        registry.register(
            "speculations",
            "Answers begun before the turn was decided, by what became of them",
            metrics.speculations.clone(),
        );
        registry.register("failures", "Failed turns by kind", metrics.failures.clone());
        metrics
    }

    /// Measurements that nobody collects, for tests.
    pub fn unregistered() -> Self {
        Self {
            parts: Family::new_with_constructor(seconds),
            hop_in: instants(),
            hop_out: instants(),
            barge_in_pause: seconds(),
            barge_in_stop: seconds(),
            saved: seconds(),
            turns: Counter::default(),
            discarded: Counter::default(),
            interruptions: Counter::default(),
            false_interruptions: Counter::default(),
            echoes: Counter::default(),
            speculations: Family::default(),
            failures: Family::default(),
        }
    }

    fn register_hops(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "hop_in",
            "From a frame's arrival to its session taking it up",
            Unit::Seconds,
            self.hop_in.clone(),
        );
        registry.register_with_unit(
            "hop_out",
            "From a session's decision to send something to its connection taking it up",
            Unit::Seconds,
            self.hop_out.clone(),
        );
    }

    /// A session has taken up a frame so long after it arrived.
    pub(crate) fn hop_in(&self, took: Duration) {
        self.hop_in.observe(took.as_secs_f64());
    }

    /// A connection has taken up an output so long after it was decided on.
    pub(crate) fn hop_out(&self, took: Duration) {
        self.hop_out.observe(took.as_secs_f64());
    }

    pub(crate) fn turn(&self) {
        self.turns.inc();
    }

    pub(crate) fn turn_discarded(&self) {
        self.discarded.inc();
    }

    pub(crate) fn interrupted(&self, since_onset: Option<Duration>) {
        self.interruptions.inc();
        if let Some(since_onset) = since_onset {
            self.barge_in_stop.observe(since_onset.as_secs_f64());
        }
    }

    pub(crate) fn paused(&self, since_onset: Option<Duration>) {
        if let Some(since_onset) = since_onset {
            self.barge_in_pause.observe(since_onset.as_secs_f64());
        }
    }

    pub(crate) fn went_on(&self) {
        self.false_interruptions.inc();
    }

    pub(crate) fn echo(&self) {
        self.echoes.inc();
    }

    pub(crate) fn guessed_right(&self) {
        self.speculation("used");
    }

    pub(crate) fn guessed_wrong(&self) {
        self.speculation("wasted");
    }

    fn speculation(&self, outcome: &'static str) {
        self.speculations.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    pub(crate) fn failed(&self, code: FailureCode) {
        let code = match code {
            FailureCode::Stt => "stt_failed",
            FailureCode::Llm => "llm_failed",
            FailureCode::Tts => "tts_failed",
            FailureCode::Overloaded => "overloaded",
            FailureCode::NotAllowed => "not_allowed",
        };
        self.failures.get_or_create(&CodeLabel { code }).inc();
    }

    pub(crate) fn answered(&self, timings: &TurnTimings) {
        if let Some(saved) = timings.saved {
            self.saved.observe(saved.as_secs_f64());
        }
        let parts = [
            ("turn_end", timings.turn_end),
            ("transcript", timings.transcript),
            ("first_token", timings.first_token),
            ("first_sentence", timings.first_sentence),
            ("first_audio", timings.first_audio),
            ("first_audio_sent", timings.first_audio_sent),
        ];
        for (part, duration) in parts {
            if let Some(duration) = duration {
                self.parts.get_or_create(&PartLabel { part }).observe(duration.as_secs_f64());
            }
        }
    }
}

/// From 10 ms to 30 s in steps fine enough to read half a second from.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.01, 1.5, 20))
}

/// From 5 µs to 1.3 s.
fn instants() -> Histogram {
    Histogram::new(exponential_buckets(0.000_005, 2.0, 19))
}
