//! How well the end of a turn is found: without a server, as fast as the models compute.
//!
//! Time is that of the callers' sound. What the models take is measured, and their answers come so
//! much later in it, as they would in a conversation with a machine of its own.

mod ears;
mod policy;

use std::{collections::HashMap, time::Duration};

use anyhow::{Result, ensure};
use audio::MediaTime;
use loadtest::{Joining, Percentiles, joined_turns};
use serde::Serialize;

use self::{
    ears::Ears,
    policy::{Detector, fixed_ends},
};
use super::{
    Machine, json, print, recordings,
    table::{Table, p50_p95, share},
};
use crate::{
    args::{Form, TurnsArgs},
    commands::serve::runtime,
    config::Config,
    engines, logging, store,
};

/// After the longest wait of a turn detector: whatever has not ended by then does not.
const BEYOND: Duration = Duration::from_secs(1);

/// Measures and prints.
pub(super) fn run(
    config: &Config,
    args: &TurnsArgs,
    environment: &HashMap<String, String>,
) -> Result<()> {
    let recordings = recordings(&args.speech)?;
    let settings = config.turn_detection();
    let quiet = settings.max_wait + settings.patience + BEYOND;
    let joining = Joining { turns: args.turns.get(), seed: args.seed, quiet };
    let turns = joined_turns(&recordings, &joining);
    ensure!(
        !turns.is_empty(),
        "no recording is long enough for a pause inside: name longer ones with --speech"
    );
    logging::start(&config.log)?;
    let store = store::open(config, environment)?;
    let measurements = engines::Measurements::unregistered();
    let engines = engines::load(config, &store, &measurements)?.engines;
    let policies = policies(engines.endpointing.is_some());
    let mut bench = Bench {
        ears: Ears::new(engines),
        detector: Detector {
            config: settings,
            speed: turn::Speed::from_slider(config.turn.speed),
            pre_roll: config.turn.pre_roll,
        },
        outcomes: policies.iter().map(|_| Vec::new()).collect(),
        policies,
    };
    runtime()?.block_on(async {
        for turn in &turns {
            bench.try_all(turn).await?;
        }
        anyhow::Ok(())
    })?;
    let figures = bench.figures();
    let text = if args.form.json { json(&figures)? } else { figures.text(args.form) };
    print(&text)
}

/// What decides that a turn is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    /// The turn detector, with or without the endpointing model.
    Detector { model: bool },
    /// A silence of fixed length.
    Fixed(Duration),
}

fn policies(model: bool) -> Vec<Policy> {
    let fixed = [500, 800].map(|millis| Policy::Fixed(Duration::from_millis(millis)));
    let detectors = [true, false].into_iter().filter(|with| model || !with);
    detectors.map(|model| Policy::Detector { model }).chain(fixed).collect()
}

impl Policy {
    fn name(self) -> String {
        match self {
            Self::Detector { model: true } => "endpointing model and punctuation".to_owned(),
            Self::Detector { model: false } => "punctuation alone".to_owned(),
            Self::Fixed(wait) => format!("{:.1} s of silence", wait.as_secs_f64()),
        }
    }
}

struct Bench {
    ears: Ears,
    detector: Detector,
    policies: Vec<Policy>,
    /// Of each policy, in order.
    outcomes: Vec<Vec<Outcome>>,
}

/// What a policy made of a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// How often it took a pause for the end.
    wrong_ends: usize,
    /// From the true end of speech to the decision; `None` if there was none.
    wait: Option<Duration>,
}

impl Bench {
    async fn try_all(&mut self, turn: &loadtest::JoinedTurn) -> Result<()> {
        let mut heard = self.ears.listen(&turn.sound).await?;
        for (policy, outcomes) in self.policies.iter().zip(&mut self.outcomes) {
            let ends = match *policy {
                Policy::Fixed(wait) => {
                    fixed_ends(&heard.probabilities, wait, &self.detector.config)
                }
                Policy::Detector { model } => {
                    self.detector.ends(&mut heard, &self.ears, model).await?
                }
            };
            tracing::debug!(turn = turn.name, ?policy, ?ends, end = ?turn.speech_end, "decided");
            outcomes.push(Outcome::of(&ends, turn.speech_end));
        }
        Ok(())
    }

    fn figures(&self) -> Figures {
        let qualities = self.policies.iter().zip(&self.outcomes);
        Figures {
            version: env!("CARGO_PKG_VERSION"),
            machine: Machine::here(),
            policies: qualities.map(|(policy, all)| Quality::of(*policy, all)).collect(),
        }
    }
}

impl Outcome {
    /// A turn goes on after an end that was wrong, and the first end after the true one counts.
    fn of(ends: &[MediaTime], speech_end: Duration) -> Self {
        let speech_end = MediaTime::after(speech_end);
        let right = ends.iter().find(|end| **end >= speech_end);
        Self {
            wrong_ends: ends.iter().filter(|end| **end < speech_end).count(),
            wait: right.map(|end| end.since(speech_end)),
        }
    }
}

/// All that was measured.
#[derive(Debug, Serialize)]
struct Figures {
    version: &'static str,
    machine: Machine,
    policies: Vec<Quality>,
}

/// How well a policy finds the end.
#[derive(Debug, Serialize)]
struct Quality {
    policy: String,
    turns: usize,
    /// Turns that it ended too early at least once.
    cut: usize,
    /// How often it took a pause for the end.
    wrong_ends: usize,
    /// Turns that it never ended.
    unended: usize,
    /// From the true end of speech to the decision.
    wait: Option<Percentiles>,
}

impl Quality {
    fn of(policy: Policy, outcomes: &[Outcome]) -> Self {
        Self {
            policy: policy.name(),
            turns: outcomes.len(),
            cut: outcomes.iter().filter(|outcome| outcome.wrong_ends > 0).count(),
            wrong_ends: outcomes.iter().map(|outcome| outcome.wrong_ends).sum(),
            unended: outcomes.iter().filter(|outcome| outcome.wait.is_none()).count(),
            wait: Percentiles::of(outcomes.iter().filter_map(|outcome| outcome.wait)),
        }
    }
}

impl Figures {
    fn text(&self, form: Form) -> String {
        let Self { version, machine, policies } = self;
        let mut table = Table::new([
            "a turn ends after",
            "turns cut",
            "wrong ends",
            "never ended",
            "wait p50 / p95, ms",
        ]);
        for Quality { policy, turns, cut, wrong_ends, unended, wait } in policies {
            let cut = share(*cut, *turns);
            let wait = p50_p95(wait.as_ref());
            table.row(policy, [cut, wrong_ends.to_string(), unended.to_string(), wait]);
        }
        format!("repartee {version}, {machine}\n\n{}", table.text(form))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(ends: &[u64]) -> Outcome {
        let ends: Vec<MediaTime> = ends.iter().map(|end| MediaTime::from_millis(*end)).collect();
        Outcome::of(&ends, Duration::from_secs(2))
    }

    #[test]
    fn ends_before_the_true_one_are_wrong_and_the_first_after_it_counts() {
        let wait = |millis| Some(Duration::from_millis(millis));
        assert_eq!(outcome(&[2_400]), Outcome { wrong_ends: 0, wait: wait(400) });
        assert_eq!(outcome(&[900, 1_999, 2_350]), Outcome { wrong_ends: 2, wait: wait(350) });
        assert_eq!(outcome(&[2_000, 5_000]), Outcome { wrong_ends: 0, wait: wait(0) });
        assert_eq!(outcome(&[1_000]), Outcome { wrong_ends: 1, wait: None });
    }

    #[test]
    fn a_policy_is_judged_by_all_turns() {
        let outcomes = [outcome(&[2_400]), outcome(&[900, 1_500, 2_600]), outcome(&[900])];
        let quality = Quality::of(Policy::Detector { model: false }, &outcomes);
        assert_eq!((quality.turns, quality.cut, quality.wrong_ends), (3, 2, 3));
        assert_eq!(
            (quality.unended, quality.wait.map(|wait| wait.max.as_millis())),
            (1, Some(600))
        );
    }

    #[test]
    fn without_a_model_there_is_no_policy_with_it() {
        assert_eq!(policies(true).len(), 4);
        assert!(!policies(false).contains(&Policy::Detector { model: true }));
    }
}
