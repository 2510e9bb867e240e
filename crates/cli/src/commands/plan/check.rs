//! How near a plan comes to what really was: runs of the load test, simulated.

use anyhow::{Context, Result, ensure};
use loadtest::{Act, Outcome, Scenario, TurnOutcome};
use planner::{Catalogue, Choice, Hardware, Machine, Outlook, Simulation, Talk};
use serde::Serialize;
use session::Splitter;

use crate::{
    args::PlanArgs,
    commands::{
        bench::{json, table::Table},
        loadtest::kept,
    },
};

/// Turns decided later than this, from the end of speech, sounded or read unsure: with the slider
/// at its default the others are decided as soon as the models have answered.
const LATE_MS: u64 = 400;
/// Seconds that are simulated: whatever the run took, chance should not decide.
const SECONDS: f64 = 36_000.0;

/// A run beside its simulation.
#[derive(Debug, Serialize)]
struct Compared {
    name: String,
    callers: usize,
    turns: usize,
    p50_ms: Pair,
    p95_ms: Pair,
    busy: Vec<(String, f64)>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Pair {
    real: f64,
    simulated: f64,
    /// How much the simulation is off, as a part of what was real.
    error: f64,
}

/// Compares.
pub(super) fn run(args: &PlanArgs, machine: &Machine) -> Result<String> {
    let mut rows = Vec::new();
    for outcome in kept(&args.check)? {
        rows.push(Compared::of(&outcome, args, machine)?);
    }
    if args.form.json {
        return json(&rows);
    }
    let mut table = Table::new([
        "run",
        "callers",
        "turns",
        "p50 real, ms",
        "simulated",
        "error",
        "p95 real, ms",
        "simulated",
        "error",
        "busiest, simulated",
    ]);
    for row in rows {
        let ms = |ms: f64| format!("{ms:.0}");
        let error = |pair: Pair| format!("{:+.0} %", 100.0 * pair.error);
        let busiest =
            row.busy.first().map(|(name, share)| format!("{name} {:.0} %", 100.0 * share));
        table.row(
            row.name,
            [
                row.callers.to_string(),
                row.turns.to_string(),
                ms(row.p50_ms.real),
                ms(row.p50_ms.simulated),
                error(row.p50_ms),
                ms(row.p95_ms.real),
                ms(row.p95_ms.simulated),
                error(row.p95_ms),
                busiest.unwrap_or_default(),
            ],
        );
    }
    Ok(table.text(args.form))
}

impl Compared {
    fn of(outcome: &Outcome, args: &PlanArgs, machine: &Machine) -> Result<Self> {
        let scenario = Scenario::read(&outcome.scenario)
            .with_context(|| format!("the scenario of the run `{}`", outcome.name))?;
        let turns: Vec<&TurnOutcome> = counted(outcome).collect();
        let mut real: Vec<f64> = turns.iter().filter_map(|turn| turn.voice_to_voice_ms).collect();
        ensure!(!real.is_empty(), "in the run `{}` no turn was answered", outcome.name);
        real.sort_unstable_by(f64::total_cmp);
        let talk = talk(&scenario, &turns);
        let choice = Choice {
            gpu: None,
            cores: args.cores.map(usize::from),
            llm: args.llm.clone().unwrap_or_else(|| machine.llm.model.clone()),
            stt: args.stt.clone(),
            tts: args.tts.clone(),
        };
        let hardware = Hardware::of(&choice, machine, &Catalogue::built_in()?, &talk)?;
        let (callers, seed) = (scenario.callers, args.seed);
        let simulation =
            Simulation { hardware: &hardware, talk: &talk, callers, seconds: SECONDS, seed };
        let Outlook { p50, p95, busy, .. } = simulation.run();
        Ok(Self {
            name: outcome.name.clone(),
            callers,
            turns: real.len(),
            p50_ms: Pair::of(nearest_rank(&real, 50), 1e3 * p50),
            p95_ms: Pair::of(nearest_rank(&real, 95), 1e3 * p95),
            busy: busy.iter().map(|(of, share)| (of.to_string(), *share)).collect(),
        })
    }
}

impl Pair {
    fn of(real: f64, simulated: f64) -> Self {
        Self { real, simulated, error: simulated / real - 1.0 }
    }
}

/// Turns within the window.
fn counted(outcome: &Outcome) -> impl Iterator<Item = &TurnOutcome> {
    let (from, to) = outcome.window;
    outcome.turns.iter().filter(move |turn| (from..=to).contains(&turn.at))
}

/// How the callers of a run talked. What depends on the machine is not taken from it; when turns
/// were decided that sounded unsure depends on what was said, and is.
fn talk(scenario: &Scenario, turns: &[&TurnOutcome]) -> Talk {
    let usual = Talk::default();
    let answered: Vec<&&TurnOutcome> =
        turns.iter().filter(|turn| turn.voice_to_voice_ms.is_some()).collect();
    let decided = answered.iter().filter_map(|turn| turn.parts.speech_end_to_turn_end_ms);
    let late: Vec<f64> = decided.filter(|ms| *ms > LATE_MS).map(seconds).collect();
    let texts = answered.iter().map(|turn| turn.answer.as_str());
    let answers: Vec<Vec<usize>> = texts
        .map(|text| parts(text, usual.characters_per_token))
        .filter(|it| !it.is_empty())
        .collect();
    let speculative = answered.iter().filter(|turn| turn.parts.speculative).count();
    let interrupted = turns.iter().filter(|turn| turn.act == Act::Interrupted).count();
    let spoken: f64 = answered.iter().map(|turn| turn.speech_ms / 1e3).sum();
    let words: usize = answered.iter().map(|turn| turn.understood.split_whitespace().count()).sum();
    let thinking = &scenario.thinking;
    Talk {
        speech: answered.iter().map(|turn| turn.speech_ms / 1e3).collect(),
        answers: if answers.is_empty() { usual.answers.clone() } else { answers },
        pause: (thinking.least + thinking.most).as_secs_f64() / 2.0,
        late_share: share(late.len(), answered.len()),
        late_after: late,
        words_per_second: real(words) / spoken,
        interruptions: share(interrupted, turns.len()),
        speculation: 2 * speculative > answered.len(),
        ..usual
    }
}

/// Tokens of what the voice was given, part by part.
fn parts(answer: &str, characters_per_token: f64) -> Vec<usize> {
    let mut splitter = Splitter::default();
    let mut parts = splitter.push(answer);
    parts.extend(splitter.finish());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a sentence is short"
    )]
    let tokens =
        |part: &String| (real(part.chars().count()) / characters_per_token).ceil() as usize;
    parts.iter().map(tokens).filter(|tokens| *tokens > 0).collect()
}

fn nearest_rank(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0.0)
}

fn share(part: usize, of: usize) -> f64 {
    real(part) / real(of.max(1))
}

#[expect(clippy::cast_precision_loss, reason = "turns, words and characters")]
fn real(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use loadtest::TurnMetrics;

    use super::*;

    fn turn(decided_ms: u64) -> TurnOutcome {
        let parts = TurnMetrics {
            speech_end_to_turn_end_ms: Some(decided_ms),
            speculative: true,
            ..TurnMetrics::default()
        };
        TurnOutcome {
            at: 5.0,
            speech_ms: 2_000.0,
            voice_to_voice_ms: Some(500.0),
            understood: "what is the weather like today".to_owned(),
            answer: "It is sunny today. Take a hat with you, and something to drink.".to_owned(),
            parts,
            ..TurnOutcome::default()
        }
    }

    fn close(one: f64, other: f64) {
        assert!((one - other).abs() < 1e-9, "{one} {other}");
    }

    #[test]
    fn callers_talk_as_they_did_in_the_run() {
        let (soon, late, unanswered) = (turn(260), turn(610), TurnOutcome::default());
        let talk = talk(&Scenario::default(), &[&soon, &late, &unanswered]);
        assert_eq!(talk.speech, [2.0, 2.0]);
        assert_eq!(talk.late_after, [0.61]);
        close(talk.late_share, 0.5);
        close(talk.words_per_second, 3.0);
        assert!(talk.speculation);
        // 18 and 45 characters at 4.4 a token
        assert_eq!(talk.answers[0], [5, 11]);
    }

    #[test]
    fn only_turns_of_the_window_count_and_errors_are_parts_of_what_was_real() {
        let before = TurnOutcome { at: 1.0, ..turn(260) };
        let turns = vec![before, turn(260)];
        let outcome = Outcome { turns, window: (2.0, 9.0), ..Outcome::default() };
        assert_eq!(counted(&outcome).count(), 1);
        close(Pair::of(500.0, 450.0).error, -0.1);
        close(nearest_rank(&[1.0, 2.0, 3.0, 4.0], 50), 2.0);
    }

    #[test]
    fn a_run_is_laid_beside_its_simulation() {
        let scenario = Scenario { callers: 2, ..Scenario::default() };
        let scenario = scenario.to_toml().expect("it can be written");
        let (window, turns) = ((0.0, 9.0), vec![turn(260)]);
        let outcome = Outcome { scenario, window, turns, ..Outcome::default() };
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("run.json");
        let text = serde_json::to_string(&outcome).expect("it can be written");
        std::fs::write(&file, text).expect("it is written");
        let machine = Machine::built_in().expect("it is there");
        let args =
            crate::commands::plan::tests::args(&format!("--markdown --check {}", file.display()));
        let table = run(&args, &machine).expect("a table");
        assert!(table.contains("| 2 | 1 | 500 |"), "{table}");
    }
}
