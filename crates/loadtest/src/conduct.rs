//! What callers that talked as people do amount to.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use crate::{Conversation, Coughed, Exchange, Percentiles, Report, Stop};

/// The figures of a conversation.
#[derive(Clone, Debug, Serialize)]
pub struct Conduct {
    /// How soon the turns were answered, and what went wrong.
    pub latency: Report,
    /// Turns that were not answered.
    pub failed: usize,
    /// Turns whose answer had been begun before the turn was decided.
    pub speculative: usize,
    /// How much sooner those were heard for it.
    pub saved: Option<Percentiles>,
    /// Answers that were interrupted.
    pub interruptions: usize,
    /// From the caller's first sound to the last sample that was heard of an interrupted answer.
    /// Fewer than there were interruptions where answers did not stop, or had ended before.
    pub stop_heard: Option<Percentiles>,
    /// The same to the last samples that arrived.
    pub stop_arrived: Option<Percentiles>,
    /// Coughs over an answer that was not over by itself.
    pub coughs: usize,
    /// Answers that went on after a cough.
    pub went_on: usize,
    /// How long they were held.
    pub cough_gap: Option<Percentiles>,
    /// The 95th percentile of voice to voice of the caller who waited longest, over that of the
    /// caller in the middle: 1.0 is fair. `None` of fewer than two callers.
    pub fairness: Option<f64>,
}

impl Conduct {
    /// The figures of this conversation.
    pub fn of(conversation: &Conversation) -> Self {
        let Conversation { exchanges, stops, coughs, failures } = conversation;
        let metrics = || exchanges.iter().map(|exchange| &exchange.turn.metrics);
        let stop =
            |measured: fn(&Stop) -> Duration| Percentiles::of(stops.iter().flatten().map(measured));
        let gaps = coughs.iter().filter_map(|cough| match cough {
            Coughed::WentOn { gap } => Some(*gap),
            Coughed::Lost | Coughed::TooLate => None,
        });
        let gaps: Vec<Duration> = gaps.collect();
        let saved = metrics().filter_map(|metrics| metrics.saved_ms);
        Self {
            latency: Report::of(exchanges),
            failed: failures.len(),
            speculative: metrics().filter(|metrics| metrics.speculative).count(),
            saved: Percentiles::of(saved.map(Duration::from_millis)),
            interruptions: stops.len(),
            stop_heard: stop(|stop| stop.heard),
            stop_arrived: stop(|stop| stop.arrived),
            coughs: coughs.iter().filter(|cough| **cough != Coughed::TooLate).count(),
            went_on: gaps.len(),
            cough_gap: Percentiles::of(gaps),
            fairness: fairness(exchanges),
        }
    }
}

fn fairness(exchanges: &[Exchange]) -> Option<f64> {
    let mut latencies: BTreeMap<usize, Vec<Duration>> = BTreeMap::new();
    for exchange in exchanges {
        latencies.entry(exchange.caller).or_default().extend(exchange.turn.voice_to_voice);
    }
    let each = latencies.into_values().filter_map(|its| Some(Percentiles::of(its)?.p95));
    let all = Percentiles::of(each).filter(|all| all.count > 1)?;
    Some(all.max.as_secs_f64() / all.p50.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use audio::{Frame, SampleRate};
    use tokio::time::Instant;

    use super::*;
    use crate::turn::Arrivals;
    use crate::{Turn, TurnMetrics};

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn exchange(caller: usize, latency: u64, saved_ms: Option<u64>) -> Exchange {
        let now = Instant::now();
        let turn = Turn {
            said: String::new(),
            turns: 1,
            answer: String::new(),
            sound: Frame::new(SampleRate::HZ_16000, []),
            voice_to_voice: Some(ms(latency)),
            leading_silence: None,
            answered_early: false,
            underruns: 0,
            metrics: TurnMetrics {
                speculative: saved_ms.is_some(),
                saved_ms,
                ..TurnMetrics::default()
            },
            speech: now..now,
            arrivals: Arrivals::default(),
        };
        Exchange { caller, clip: 0, turn }
    }

    #[test]
    fn it_counts_what_went_well_and_what_did_not() {
        let conduct = Conduct::of(&Conversation {
            exchanges: vec![
                exchange(0, 400, Some(120)),
                exchange(1, 500, None),
                exchange(2, 1_000, None),
            ],
            stops: vec![Some(Stop { heard: ms(150), arrived: ms(0) }), None],
            coughs: vec![Coughed::WentOn { gap: ms(300) }, Coughed::Lost, Coughed::TooLate],
            failures: vec!["so it is".to_owned()],
        });
        assert_eq!((conduct.failed, conduct.speculative), (1, 1));
        assert_eq!(conduct.saved.map(|saved| saved.p50), Some(ms(120)));
        let stop = conduct.stop_heard.expect("one stopped");
        assert_eq!((conduct.interruptions, stop.count, stop.p50), (2, 1, ms(150)));
        assert_eq!((conduct.coughs, conduct.went_on), (2, 1));
        assert_eq!(conduct.cough_gap.map(|gap| gap.max), Some(ms(300)));
        assert_eq!(conduct.fairness, Some(2.0));
    }

    #[test]
    fn one_caller_is_neither_fair_nor_unfair() {
        assert_eq!(fairness(&[exchange(0, 400, None), exchange(0, 900, None)]), None);
        assert_eq!(fairness(&[]), None);
    }
}
