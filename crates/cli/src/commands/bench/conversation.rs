//! How callers fare who talk as people do, alone and with others, with and without speculation.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use audio::{Frame, level};
use loadtest::{
    Caller, Conduct, JoinedTurn, Joining, Load, Percentiles, Rates, Recording, Turn, joined_turns,
};
use serde::Serialize;

use super::{
    Machine, json,
    own::{warm_up, with_server},
    print, recordings,
    table::{Pick, Table, ms, p50_p95, share},
};
use crate::{
    args::{ConversationArgs, Form},
    commands::serve::runtime,
    config::Config,
    logging,
};

/// Recordings no longer than this are asked as they are: short questions and remarks, without a
/// pause that might be taken for their end.
const SHORT: Duration = Duration::from_millis(2_500);
/// The quiet after turns with a pause inside: the microphone goes on with the same room.
const QUIET: Duration = Duration::from_millis(500);
/// Tokens of an answer at most, about ten seconds: small models do not always find an end, and who
/// waits for it measures nothing.
const ANSWER_TOKENS: u32 = 40;
/// Which turns with a pause inside are made; the same each time, so that runs compare.
const SEED: u64 = 1;

/// Measures and prints.
pub(super) fn run(
    config: &Config,
    args: &ConversationArgs,
    environment: &HashMap<String, String>,
) -> Result<()> {
    let recordings = recordings(&args.speech)?;
    let bench = Bench {
        config,
        environment,
        turns: args.turns.get(),
        clips: short_ones(&recordings),
        paused: paused_ones(&recordings, args.paused_turns)?,
    };
    logging::start(&config.log)?;
    let runtime = runtime()?;
    let speculation = if args.no_compare { &[true][..] } else { &[true, false] };
    let mut figures = Figures::new();
    for &speculation in speculation {
        for callers in args.callers.iter().map(|callers| callers.get()) {
            figures.talking.push(runtime.block_on(bench.talk(callers, speculation))?);
        }
        if !bench.paused.is_empty() {
            figures.pausing.push(runtime.block_on(bench.pause(speculation))?);
        }
    }
    let text = if args.form.json { json(&figures)? } else { figures.text(args.form) };
    print(&text)
}

/// What is measured, and with what.
struct Bench<'a> {
    config: &'a Config,
    environment: &'a HashMap<String, String>,
    turns: usize,
    clips: Arc<[Frame]>,
    paused: Vec<JoinedTurn>,
}

/// All that was measured.
#[derive(Debug, Serialize)]
struct Figures {
    version: &'static str,
    machine: Machine,
    talking: Vec<Talking>,
    pausing: Vec<Pausing>,
}

/// Callers who asked, interrupted and coughed.
#[derive(Debug, Serialize)]
struct Talking {
    callers: usize,
    /// Whether answers were begun before turns were decided, as far as the settings allow it.
    speculation: bool,
    conduct: Conduct,
}

/// A caller who paused within each turn.
#[derive(Debug, Serialize)]
struct Pausing {
    speculation: bool,
    turns: usize,
    /// Turns that were not answered.
    failed: usize,
    /// Turns in which an answer began before the caller had finished.
    answered_early: usize,
    /// Answers to a part of a turn, beyond the one to all of it.
    wasted: usize,
    /// Of the turns that were not answered early.
    voice_to_voice: Option<Percentiles>,
}

impl Bench<'_> {
    /// Lets so many callers talk at once to a server of their own.
    async fn talk(&self, callers: usize, speculation: bool) -> Result<Talking> {
        let config = self.settings(callers, speculation);
        tracing::info!(callers, speculation, "callers talk");
        let talking = with_server(config, self.environment, async |url: String| {
            let clips = Arc::clone(&self.clips);
            let load = Load { url, rates: Rates::default(), callers, turns: self.turns, clips };
            warm_up(&load).await?;
            load.converse().await
        });
        let conversation = talking.await?;
        for failure in &conversation.failures {
            tracing::warn!(failure, "a turn was not answered");
        }
        Ok(Talking { callers, speculation, conduct: Conduct::of(&conversation) })
    }

    /// Lets one caller pause within each turn.
    async fn pause(&self, speculation: bool) -> Result<Pausing> {
        let config = self.settings(1, speculation);
        tracing::info!(turns = self.paused.len(), speculation, "a caller pauses within turns");
        let turns = with_server(config, self.environment, async |url: String| {
            let clips = Arc::clone(&self.clips);
            let load = Load { url, rates: Rates::default(), callers: 1, turns: 1, clips };
            warm_up(&load).await?;
            let mut turns = Vec::new();
            for joined in &self.paused {
                // each to a server that has heard nothing: what was said before may lie in the way
                let mut caller = Caller::connect(&load.url, load.rates).await?;
                turns.push(caller.turn(&joined.sound).await);
                caller.close().await?;
            }
            Ok(turns)
        });
        Ok(Pausing::of(speculation, turns.await?))
    }

    fn settings(&self, callers: usize, speculation: bool) -> Config {
        let mut config = self.config.clone();
        config.server.max_connections = config.server.max_connections.max(callers);
        config.llm.max_tokens = config.llm.max_tokens.min(ANSWER_TOKENS);
        if !speculation {
            speculation_off(&mut config);
        }
        config
    }
}

/// No answer is begun before its turn is decided.
fn speculation_off(config: &mut Config) {
    config.turn.speculation = false;
}

impl Pausing {
    fn of(speculation: bool, results: Vec<Result<Turn>>) -> Self {
        let all = results.len();
        let turns: Vec<Turn> = results
            .into_iter()
            .filter_map(|result| {
                result
                    .inspect_err(|error| tracing::warn!("a turn was not answered: {error:#}"))
                    .ok()
            })
            .collect();
        Self {
            speculation,
            turns: turns.len(),
            failed: all - turns.len(),
            answered_early: turns.iter().filter(|turn| turn.answered_early).count(),
            wasted: turns.iter().map(|turn| turn.turns.saturating_sub(1)).sum(),
            voice_to_voice: Percentiles::of(turns.iter().filter_map(|turn| turn.voice_to_voice)),
        }
    }
}

/// The short recordings; all where none is short.
fn short_ones(recordings: &[Recording]) -> Arc<[Frame]> {
    let is_short = |sound: &&Frame| level::trimmed_end(sound).is_some_and(|end| end <= SHORT);
    let sounds = || recordings.iter().map(|recording| &recording.sound);
    let short: Vec<Frame> = sounds().filter(is_short).cloned().collect();
    if short.is_empty() { sounds().cloned().collect() } else { short.into() }
}

fn paused_ones(recordings: &[Recording], turns: usize) -> Result<Vec<JoinedTurn>> {
    let paused = joined_turns(recordings, &Joining { turns, seed: SEED, quiet: QUIET });
    ensure!(
        turns == 0 || !paused.is_empty(),
        "no recording is long enough for a pause inside: name longer ones with --speech, or none \
         of these turns with --paused-turns 0"
    );
    Ok(paused)
}

impl Figures {
    fn new() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            machine: Machine::here(),
            talking: Vec::new(),
            pausing: Vec::new(),
        }
    }

    fn text(&self, form: Form) -> String {
        let Self { version, machine, talking, pausing } = self;
        let mut parts =
            vec![format!("repartee {version}, {machine}\n"), talked(talking).text(form)];
        if !pausing.is_empty() {
            parts.push(paused(pausing).text(form));
        }
        parts.join("\n")
    }
}

/// A column for each run.
fn talked(runs: &[Talking]) -> Table {
    let name = |run: &Talking| match run.callers {
        1 => named("1 caller", run.speculation),
        callers => named(&format!("{callers} callers"), run.speculation),
    };
    let head = std::iter::once("times in ms".to_owned()).chain(runs.iter().map(name));
    let mut table = Table::new(head);
    let mut row = |name: &str, cell: &dyn Fn(&Conduct) -> String| {
        table.row(name, runs.iter().map(|run| cell(&run.conduct)));
    };
    row("turns answered", &|it| share(it.latency.turns, it.latency.turns + it.failed));
    let latency: [(&str, Pick); 5] = [
        ("p50", |it| it.p50),
        ("p90", |it| it.p90),
        ("p95", |it| it.p95),
        ("p99", |it| it.p99),
        ("max", |it| it.max),
    ];
    for (name, of) in latency {
        row(&format!("voice to voice {name}"), &|it| ms(it.latency.voice_to_voice.as_ref(), of));
    }
    for part in parts(runs) {
        let of = |it: &Conduct| it.latency.parts.iter().find(|it| it.name == part).copied();
        row(&format!("{part} p50 / p95"), &|it| p50_p95(of(it).map(|it| it.percentiles).as_ref()));
    }
    row("leading silence p50 / p95", &|it| p50_p95(it.latency.leading_silence.as_ref()));
    row("underruns", &|it| it.latency.underruns.to_string());
    row("answered early", &|it| share(it.latency.answered_early, it.latency.turns));
    row("answered from speculation", &|it| share(it.speculative, it.latency.turns));
    row("saved by it p50", &|it| ms(it.saved.as_ref(), |it| it.p50));
    let stopped = |it: &Conduct| it.stop_heard.map_or(0, |stop| stop.count);
    row("interruptions that stopped", &|it| share(stopped(it), it.interruptions));
    row("barge-in stop, heard p50 / p95", &|it| p50_p95(it.stop_heard.as_ref()));
    row("barge-in stop, arrived p50 / p95", &|it| p50_p95(it.stop_arrived.as_ref()));
    row("answers that survived a cough", &|it| share(it.went_on, it.coughs));
    row("silence after a cough p50 / p95", &|it| p50_p95(it.cough_gap.as_ref()));
    row("fairness", &|it| it.fairness.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")));
    table
}

/// The parts of the latency that were measured, in order.
fn parts(runs: &[Talking]) -> Vec<&'static str> {
    let most = runs.iter().map(|run| &run.conduct.latency.parts).max_by_key(|parts| parts.len());
    most.into_iter().flatten().map(|part| part.name).collect()
}

fn paused(runs: &[Pausing]) -> Table {
    let head = std::iter::once("1 caller who pauses within each turn".to_owned());
    let name = |run: &Pausing| named("with the settings", run.speculation);
    let mut table = Table::new(head.chain(runs.iter().map(name)));
    let mut row = |name: &str, cell: &dyn Fn(&Pausing) -> String| {
        table.row(name, runs.iter().map(cell));
    };
    row("turns answered", &|it| share(it.turns, it.turns + it.failed));
    row("answer began too early", &|it| share(it.answered_early, it.turns));
    row("wasted answers", &|it| it.wasted.to_string());
    row("voice to voice p50 / p95, ms", &|it| p50_p95(it.voice_to_voice.as_ref()));
    table
}

fn named(run: &str, speculation: bool) -> String {
    if speculation { run.to_owned() } else { format!("{run}, no speculation") }
}
