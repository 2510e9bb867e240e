//! What callers wait for when there are too many of them.

use protocol::TurnMetrics;

use crate::{Outcome, capacity::counted};

/// What limits a server, as far as its figures show.
#[derive(Clone, Debug, PartialEq)]
pub struct Bottleneck {
    /// The part of the latency that grew most from few callers to many, and by how much at the
    /// 95th percentile, in milliseconds.
    pub part: Option<(&'static str, f64)>,
    /// The engine that is nearest to its limit.
    pub engine: Option<EngineLoad>,
    /// Cores that the server took on average under the greater load.
    pub cpu: Option<f64>,
}

/// How an engine fared under the greater load, on average over the samples.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineLoad {
    /// Its name.
    pub name: String,
    /// The share of its threads' time at work.
    pub busy: f64,
    /// How long its jobs waited, in milliseconds.
    pub queue_ms: f64,
}

/// A job that waits for longer is felt by a caller as one busy engine more.
const FELT_MS: f64 = 100.0;

type Until = fn(&TurnMetrics) -> Option<u64>;

/// The parts of the latency, each from the one before, and the engine whose work it is.
const PARTS: [(&str, Option<&str>, Until); 6] = [
    ("transcript", Some("stt"), |it| it.speech_end_to_transcript_ms),
    ("end of turn", Some("endpointing"), |it| it.speech_end_to_turn_end_ms),
    ("first token", Some("llm"), |it| it.speech_end_to_first_token_ms),
    ("first sentence", Some("llm"), |it| it.speech_end_to_first_sentence_ms),
    ("first sound made", Some("tts"), |it| it.speech_end_to_first_audio_ms),
    ("first sound sent", None, |it| it.speech_end_to_first_audio_sent_ms),
];

impl Bottleneck {
    /// Between a run with few callers and one with too many.
    pub fn between(few: &Outcome, many: &Outcome) -> Self {
        let grown = (0..PARTS.len())
            .filter_map(|part| Some((part, part_p95(many, part)? - part_p95(few, part)?)));
        let grown = grown.filter(|(_, by)| *by > 0.0).max_by(|a, b| a.1.total_cmp(&b.1));
        let working = grown.and_then(|(part, _)| PARTS[part].1);
        let mut loads = loads(many);
        loads.sort_by(|a, b| b.weight(working).total_cmp(&a.weight(working)));
        Self {
            part: grown.map(|(part, by)| (PARTS[part].0, by)),
            engine: loads.into_iter().next(),
            cpu: mean(many.samples.iter().map(|sample| sample.cpu)),
        }
    }
}

impl EngineLoad {
    /// How probably it is what callers wait for: it is busy, its jobs wait, and its is the part
    /// that grew.
    fn weight(&self, working: Option<&str>) -> f64 {
        let grew = if working == Some(self.name.as_str()) { 1.0 } else { 0.0 };
        self.busy + (self.queue_ms / FELT_MS).min(1.0) + grew
    }
}

/// The 95th percentile of what this part adds to the one before it.
fn part_p95(outcome: &Outcome, part: usize) -> Option<f64> {
    let reached = |metrics: &TurnMetrics, part: usize| -> Option<u64> {
        // what happened side by side with something slower adds nothing
        (0..=part).filter_map(|part| PARTS[part].2(metrics)).max()
    };
    let mut added: Vec<u64> = counted(outcome)
        .filter(|turn| PARTS[part].2(&turn.parts).is_some())
        .filter_map(|turn| {
            let before = if part == 0 { 0 } else { reached(&turn.parts, part - 1).unwrap_or(0) };
            Some(reached(&turn.parts, part)?.saturating_sub(before))
        })
        .collect();
    added.sort_unstable();
    let rank = (added.len() * 95).div_ceil(100);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
    let p95 = *added.get(rank.checked_sub(1)?)? as f64;
    Some(p95)
}

fn loads(outcome: &Outcome) -> Vec<EngineLoad> {
    let (from, to) = outcome.window;
    let samples = || outcome.samples.iter().filter(|sample| (from..=to).contains(&sample.at));
    let mut names: Vec<&String> = samples().flat_map(|sample| sample.busy.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let load = |name: &String| EngineLoad {
        name: name.clone(),
        busy: mean(samples().filter_map(|it| it.busy.get(name).copied())).unwrap_or(0.0),
        queue_ms: mean(samples().filter_map(|it| it.queue_ms.get(name).copied())).unwrap_or(0.0),
    };
    names.into_iter().map(load).collect()
}

#[expect(clippy::cast_precision_loss, reason = "samples are few")]
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), it| (sum + it, count + 1));
    (count > 0).then(|| sum / count as f64)
}

impl std::fmt::Display for Bottleneck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { part, engine, cpu } = self;
        match engine {
            Some(EngineLoad { name, busy, queue_ms }) => write!(
                f,
                "bottleneck: {name}, busy {:.0} % of the time, its jobs wait {queue_ms:.0} ms",
                100.0 * busy
            )?,
            None => write!(f, "bottleneck: unknown, the server tells no figures")?,
        }
        if let Some((part, by)) = part {
            write!(f, "; what grew most is the time to the {part}, by {by:.0} ms at p95")?;
        }
        cpu.map_or(Ok(()), |cpu| write!(f, "; the process takes {cpu:.2} cores"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{Sample, TurnOutcome};

    fn outcome(transcript: u64, token: u64, engines: &[(&str, f64, f64)]) -> Outcome {
        let parts = TurnMetrics {
            speech_end_to_transcript_ms: Some(transcript),
            speech_end_to_turn_end_ms: Some(250),
            speech_end_to_first_token_ms: Some(token),
            ..TurnMetrics::default()
        };
        let of = |pick: fn(&(&str, f64, f64)) -> f64| -> BTreeMap<String, f64> {
            engines.iter().map(|it| (it.0.to_owned(), pick(it))).collect()
        };
        let sample = Sample {
            at: 10.0,
            cpu: 1.5,
            busy: of(|it| it.1),
            queue_ms: of(|it| it.2),
            ..Sample::default()
        };
        Outcome {
            window: (5.0, 60.0),
            turns: vec![TurnOutcome { at: 10.0, parts, ..TurnOutcome::default() }],
            samples: vec![sample],
            ..Outcome::default()
        }
    }

    #[test]
    fn the_engine_that_is_busy_and_whose_part_grew_is_found() {
        let few = outcome(120, 300, &[("llm", 0.2, 1.0), ("stt", 0.1, 0.0)]);
        let many = outcome(130, 900, &[("llm", 0.9, 80.0), ("stt", 0.6, 20.0)]);
        let found = Bottleneck::between(&few, &many);
        assert_eq!(found.part, Some(("first token", 600.0)));
        let engine = found.engine.expect("there are samples");
        assert_eq!((engine.name.as_str(), found.cpu), ("llm", Some(1.5)));
    }

    #[test]
    fn jobs_that_wait_tell_more_than_an_engine_that_is_a_little_busier() {
        let few = outcome(120, 300, &[("llm", 0.2, 1.0), ("stt", 0.1, 0.0)]);
        let many = outcome(700, 760, &[("llm", 0.6, 1.0), ("stt", 0.5, 400.0)]);
        let found = Bottleneck::between(&few, &many);
        assert_eq!(found.part, Some(("transcript", 580.0)));
        assert_eq!(found.engine.map(|engine| engine.name).as_deref(), Some("stt"));
    }

    #[test]
    fn what_is_hidden_behind_something_slower_added_nothing() {
        let few = outcome(100, 300, &[]);
        let many = outcome(240, 300, &[]);
        let found = Bottleneck::between(&few, &many);
        assert_eq!(found.part.map(|part| part.0), Some("transcript"));
        assert_eq!(found.engine, None);
        assert_eq!(Bottleneck::between(&few, &few).part, None, "nothing grew");
    }
}
