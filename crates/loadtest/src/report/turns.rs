//! What turns that were asked one after the other amount to.

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::{Exchange, Percentiles, TurnMetrics};

/// The figures of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Callers at once.
    pub callers: usize,
    /// Turns of all of them.
    pub turns: usize,
    /// Answers that began before the caller had finished; they have no latency.
    pub answered_early: usize,
    /// Times that an answer fell silent for lack of sound.
    pub underruns: usize,
    /// From the true end of speech to the first audible sample; `None` without any answer.
    pub voice_to_voice: Option<Percentiles>,
    /// The silence that answers begin with, which is the last part of it.
    pub leading_silence: Option<Percentiles>,
    /// The other parts of it as the server measured them, each from the end of speech, in order.
    pub parts: Vec<Part>,
}

/// One part of the latency.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Part {
    /// What was reached.
    pub name: &'static str,
    /// How long that took, over all turns in which it happened.
    pub percentiles: Percentiles,
}

pub(super) type Measured = fn(&TurnMetrics) -> Option<u64>;

/// What the server measures of a turn, in order.
pub(super) const PARTS: [(&str, Measured); 6] = [
    ("turn decided", |metrics| metrics.speech_end_to_turn_end_ms),
    ("transcript", |metrics| metrics.speech_end_to_transcript_ms),
    ("first token", |metrics| metrics.speech_end_to_first_token_ms),
    ("first sentence", |metrics| metrics.speech_end_to_first_sentence_ms),
    ("first sound made", |metrics| metrics.speech_end_to_first_audio_ms),
    ("first sound sent", |metrics| metrics.speech_end_to_first_audio_sent_ms),
];

impl Report {
    /// The figures of these turns.
    pub fn of(exchanges: &[Exchange]) -> Self {
        let turns = || exchanges.iter().map(|exchange| &exchange.turn);
        let part = |(name, measured): (&'static str, Measured)| {
            let millis = turns().filter_map(|turn| measured(&turn.metrics));
            let percentiles = Percentiles::of(millis.map(Duration::from_millis))?;
            Some(Part { name, percentiles })
        };
        Self {
            callers: exchanges.iter().map(|exchange| exchange.caller + 1).max().unwrap_or(0),
            turns: exchanges.len(),
            answered_early: turns().filter(|turn| turn.answered_early).count(),
            underruns: turns().map(|turn| turn.underruns).sum(),
            voice_to_voice: Percentiles::of(turns().filter_map(|turn| turn.voice_to_voice)),
            leading_silence: Percentiles::of(turns().filter_map(|turn| turn.leading_silence)),
            parts: PARTS.into_iter().filter_map(part).collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { callers, turns, answered_early, underruns, .. } = self;
        writeln!(f, "{turns} turns, {callers} at once")?;
        writeln!(f, "{answered_early} answered early, {underruns} underruns")?;
        writeln!(f, "{:<18}{:>7}{:>7}{:>7}{:>7}{:>7}", "ms", "p50", "p90", "p95", "p99", "max")?;
        if let Some(percentiles) = &self.voice_to_voice {
            row(f, "voice to voice", percentiles)?;
        }
        self.parts.iter().try_for_each(|part| row(f, part.name, &part.percentiles))?;
        self.leading_silence.iter().try_for_each(|silence| row(f, "leading silence", silence))
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, percentiles: &Percentiles) -> fmt::Result {
    let Percentiles { p50, p90, p95, p99, max, .. } = percentiles;
    write!(f, "{name:<18}")?;
    for duration in [p50, p90, p95, p99, max] {
        write!(f, "{:>7}", duration.as_millis())?;
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use audio::{Frame, SampleRate};
    use tokio::time::Instant;

    use super::*;
    use crate::Turn;
    use crate::turn::Arrivals;

    fn exchange(caller: usize, latency: Option<u64>, turn_end: u64) -> Exchange {
        let now = Instant::now();
        let turn = Turn {
            said: "hello".to_owned(),
            turns: 1,
            answer: "hi".to_owned(),
            sound: Frame::new(SampleRate::HZ_24000, []),
            voice_to_voice: latency.map(Duration::from_millis),
            leading_silence: Some(Duration::from_millis(30)),
            answered_early: latency.is_none(),
            underruns: 1,
            metrics: TurnMetrics {
                speech_end_to_turn_end_ms: Some(turn_end),
                ..TurnMetrics::default()
            },
            speech: now..now,
            arrivals: Arrivals::default(),
        };
        Exchange { caller, clip: 0, turn }
    }

    #[test]
    fn a_report_tells_what_happened_and_leaves_out_what_did_not() {
        let report = Report::of(&[
            exchange(0, Some(600), 400),
            exchange(1, Some(800), 420),
            exchange(1, None, 500),
        ]);
        let table = "\
            3 turns, 2 at once\n\
            1 answered early, 3 underruns\n\
            ms                    p50    p90    p95    p99    max\n\
            voice to voice        600    800    800    800    800\n\
            turn decided          420    500    500    500    500\n\
            leading silence        30     30     30     30     30\n";
        assert_eq!(report.to_string(), table);
    }
}
