//! Plans as text, and as JSON.

use std::fmt::Write;

use planner::{Curve, Engine, Hardware, KvBits, Outlook, Resource, Source};
use serde::Serialize;

use super::{BUSY, Plan};
use crate::{args::Form, commands::bench::table::Table};

const GB: f64 = 1e9;
const KIB: f64 = 1024.0;

/// For people.
pub(super) fn text(plan: &Plan, form: Form) -> String {
    let figures = Figures::of(plan);
    [
        figures.head.clone(),
        memory(plan),
        engines(plan, form),
        bounds(plan, form),
        simulated(plan, form),
        figures.verdict() + "\n",
    ]
    .join("\n")
}

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    head: String,
    /// Bytes with no caller, and of each caller.
    memory_bytes: (f64, f64),
    engines: Vec<EngineFigures>,
    fit: Fit,
    simulated: Vec<Fared>,
}

#[derive(Debug, Serialize)]
struct EngineFigures {
    engine: String,
    model: String,
    place: String,
    basis: String,
    from: String,
}

/// Callers who fit; `None` where nothing limits them.
#[derive(Debug, Serialize)]
struct Fit {
    by_memory: Option<usize>,
    by_time: Vec<(String, usize)>,
    by_simulation: usize,
    binds: String,
}

#[derive(Debug, Serialize)]
struct Fared {
    callers: usize,
    turns: usize,
    p50_ms: f64,
    p95_ms: f64,
    fairness: f64,
    underruns: usize,
    answers: usize,
    busy: Vec<(String, f64)>,
}

impl Figures {
    pub(super) fn of(plan: &Plan) -> Self {
        let by_time = plan.bounds.iter().map(|it| (it.resource.to_string(), it.callers)).collect();
        let by_simulation = plan.found.as_ref().map_or(0, |found| found.0);
        let by_memory = plan.memory.device.is_finite().then(|| plan.memory.callers());
        let fit = Fit { by_memory, by_time, by_simulation, binds: binds(plan, by_memory) };
        Self {
            head: head(plan),
            memory_bytes: (plan.memory.with(0.0), plan.memory.caller),
            engines: plan.hardware.sources.iter().map(EngineFigures::of).collect(),
            fit,
            simulated: plan.simulated.iter().map(|(callers, it)| Fared::of(*callers, it)).collect(),
        }
    }

    fn verdict(&self) -> String {
        let Fit { by_memory, by_time, by_simulation, binds } = &self.fit;
        let memory = by_memory.map_or("any number".to_owned(), |callers| callers.to_string());
        let time = by_time.iter().min_by_key(|(_, callers)| *callers);
        let time =
            time.map_or(String::new(), |(name, callers)| format!(", {callers} by time ({name})"));
        format!(
            "Callers that fit: {memory} by memory{time}, {by_simulation} by the simulation. {binds}"
        )
    }
}

impl EngineFigures {
    fn of(source: &Source) -> Self {
        Self {
            engine: source.engine.to_string(),
            model: source.model.clone(),
            place: source.place.to_string(),
            basis: source.basis.to_string(),
            from: source.from.clone(),
        }
    }
}

impl Fared {
    fn of(callers: usize, outlook: &Outlook) -> Self {
        let busy = outlook.busy.iter().map(|(of, share)| (of.to_string(), *share)).collect();
        let Outlook { turns, p50, p95, fairness, underruns, answers, .. } = *outlook;
        let (p50_ms, p95_ms) = (p50 * 1e3, p95 * 1e3);
        Self { callers, turns, p50_ms, p95_ms, fairness, underruns, answers, busy }
    }
}

/// What the plan is for.
fn head(plan: &Plan) -> String {
    let Plan { choice, hardware, talk, context_tokens, .. } = plan;
    let gpu = choice.gpu.as_ref().map_or(String::new(), |gpu| format!("{gpu} and "));
    let speaking = 100.0 * talk.speaking_share(hardware.character);
    format!(
        "{gpu}{} cores; {}, {}, {}; conversations of {context_tokens} tokens; callers speak {speaking:.0} % \
         of the time, {:.1} s of each {:.1} s\n",
        hardware.cores,
        choice.stt,
        choice.llm,
        choice.tts,
        talk.mean_speech(),
        talk.cycle(hardware.character),
    )
}

/// The formula, with its numbers.
fn memory(plan: &Plan) -> String {
    let memory = &plan.memory;
    let [layers, heads, size] = plan.dimensions;
    let number = match plan.kv {
        KvBits::F16 => "2",
        KvBits::Q8 => "34/32",
    };
    let mut text = format!(
        "Memory = weights + other models + workspace + callers x tokens x bytes of a token\n       = \
         {:.2} + {:.2} + {:.2} GB + callers x {} x {:.1} KiB (2 x {layers} layers x {heads} heads x {size} \
         numbers x {number} bytes)\n       = {:.2} GB + callers x {:.3} GB\n",
        memory.weights / GB,
        memory.others / GB,
        memory.workspace / GB,
        plan.context_tokens,
        memory.token / KIB,
        memory.with(0.0) / GB,
        memory.caller / GB,
    );
    if memory.device.is_finite() {
        let _ = writeln!(
            text,
            "Callers <= ({:.1} - {:.2}) / {:.3} = {}",
            memory.device / GB,
            memory.with(0.0) / GB,
            memory.caller / GB,
            memory.callers()
        );
    }
    text.lines().fold(String::new(), |text, line| text + "    " + line + "\n")
}

fn engines(plan: &Plan, form: Form) -> String {
    let mut table = Table::new(["engine", "model", "on", "times", "known"]);
    for source in &plan.hardware.sources {
        let Source { engine, model, place, basis, .. } = source;
        table.row(
            engine.to_string(),
            [model.clone(), place.to_string(), times(&plan.hardware, *engine), basis.to_string()],
        );
    }
    table.text(form) + "\n" + &sources(&plan.hardware.sources)
}

/// From what the times are known.
fn sources(sources: &[Source]) -> String {
    let mut from: Vec<(&str, Vec<String>)> = Vec::new();
    for source in sources {
        let name = format!("{} {}", source.engine, source.basis);
        match from.iter_mut().find(|(from, _)| *from == source.from) {
            Some((_, names)) => names.push(name),
            None => from.push((&source.from, vec![name])),
        }
    }
    let line = |(from, names): &(&str, Vec<String>)| {
        ["    ", &names.join(", "), ": ", from, "\n"].concat()
    };
    from.iter().map(line).collect()
}

/// Some times of an engine.
fn times(hardware: &Hardware, engine: Engine) -> String {
    let ms = |curve: &Curve, sizes: &[f64]| {
        let times = sizes.iter().map(|size| format!("{:.1}", 1e3 * curve.at(*size)));
        times.collect::<Vec<_>>().join(" / ") + " ms"
    };
    match engine {
        Engine::Vad => format!("a frame of 1 / 32 callers: {}", ms(&hardware.vad, &[1.0, 32.0])),
        Engine::Stt => format!("2 / 4 s of sound: {}", ms(&hardware.stt.whole, &[2.0, 4.0])),
        Engine::Endpointing => format!("a turn: {}", ms(&hardware.endpointing.whole, &[1.0])),
        Engine::Llm => {
            let model = &hardware.llm;
            let decode = ms(&model.decode, &[1.0, 4.0, 8.0]);
            let prefill = ms(&model.prefill, &[32.0]);
            format!("next token of 1 / 4 / 8: {decode}, 32 of a prompt: {prefill}")
        }
        Engine::Tts => {
            let (first, whole) =
                (ms(&hardware.tts.first, &[40.0]), ms(&hardware.tts.whole, &[40.0]));
            format!("40 characters: first sound {first}, all {whole}")
        }
    }
}

fn bounds(plan: &Plan, form: Form) -> String {
    let most = format!("callers at {:.0} %", 100.0 * BUSY);
    let mut table = Table::new(["busy".to_owned(), "one caller".to_owned(), most]);
    for bound in &plan.bounds {
        let one = format!("{:.2} %", 100.0 * bound.one);
        table.row(bound.resource.to_string(), [one, bound.callers.to_string()]);
    }
    table.text(form)
}

fn simulated(plan: &Plan, form: Form) -> String {
    let mut table = Table::new([
        "callers, simulated",
        "turns",
        "p50, ms",
        "p95, ms",
        "fairness",
        "underruns",
        "busiest",
        "next",
    ]);
    for (callers, outlook) in &plan.simulated {
        let busy = |index: usize| outlook.busy.get(index).map_or(String::new(), busy);
        table.row(
            callers.to_string(),
            [
                outlook.turns.to_string(),
                format!("{:.0}", 1e3 * outlook.p50),
                format!("{:.0}", 1e3 * outlook.p95),
                format!("{:.2}", outlook.fairness),
                format!("{} of {}", outlook.underruns, outlook.answers),
                busy(0),
                busy(1),
            ],
        );
    }
    table.text(form)
}

fn busy((resource, share): &(Resource, f64)) -> String {
    format!("{resource} {:.0} %", 100.0 * share)
}

/// What keeps more callers out.
fn binds(plan: &Plan, by_memory: Option<usize>) -> String {
    let target = plan.p95;
    let Some((simulated, outlook)) = &plan.found else {
        return format!("Not even one is answered within {target:.1} s in 19 of 20 turns.");
    };
    let time = plan.bounds.iter().min_by_key(|bound| bound.callers);
    let least = time.map_or(*simulated, |time| time.callers.min(*simulated));
    if by_memory.is_some_and(|memory| memory <= least) {
        return "Memory binds.".to_owned();
    }
    match time {
        Some(time) if time.callers <= *simulated => {
            format!("The time of the {} binds.", time.resource)
        }
        _ => {
            let busiest = outlook.busy.first().map_or(String::new(), busy);
            format!("Waiting binds: it comes near {target:.1} s; the busiest is the {busiest}.")
        }
    }
}
