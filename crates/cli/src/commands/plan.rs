//! `repartee plan`.

mod check;
mod measure;
mod report;

use std::{collections::HashMap, fs, path::Path};

use anyhow::{Context, Result};
use planner::{
    Catalogue, Choice, Hardware, KvBits, Machine, Memory, Outlook, Simulation, Talk, Throughput,
    bound, largest,
};

use super::bench::{json, print};
use crate::{
    args::{PlanArgs, PlanKv},
    config::Config,
};

/// Cores beside a GPU, if nobody says how many.
const CORES_BESIDE_GPU: usize = 8;
/// An engine is kept busy for at most so much of its time: the product lets nobody in beyond.
const BUSY: f64 = 0.9;
/// Turns that a simulation should see, so that the slowest twentieth is no accident ...
const TURNS: f64 = 2_000.0;
/// ... and for how long it looks, in seconds: at least and at most.
const SIMULATED: (f64, f64) = (120.0, 7_200.0);

/// Plans, measures, or checks plans.
pub(crate) fn run(
    config: impl Fn() -> Result<Config>,
    args: &PlanArgs,
    environment: &HashMap<String, String>,
) -> Result<()> {
    if let Some(file) = &args.measure {
        return measure::run(&config()?, file, environment);
    }
    let machine = match &args.machine {
        Some(file) => read(file)?,
        None => Machine::built_in()?,
    };
    if !args.check.is_empty() {
        return print(&check::run(args, &machine)?);
    }
    let plan = Plan::make(args, &machine)?;
    print(&if args.form.json {
        json(&report::Figures::of(&plan))?
    } else {
        report::text(&plan, args.form)
    })
}

fn read(file: &Path) -> Result<Machine> {
    let text = fs::read_to_string(file);
    let text = text.with_context(|| format!("could not read {}", file.display()))?;
    Ok(Machine::read(&file.display().to_string(), &text)?)
}

/// What callers take of a machine, and how they would fare.
struct Plan {
    choice: Choice,
    /// The language model's name, layers, heads and numbers in a head.
    dimensions: [u32; 3],
    kv: KvBits,
    context_tokens: u32,
    p95: f64,
    hardware: Hardware,
    talk: Talk,
    memory: Memory,
    /// How many callers keep everything busy for [`BUSY`] of its time.
    bounds: Vec<Throughput>,
    /// The largest number whose p95 is met.
    found: Option<(usize, Outlook)>,
    /// Some numbers of callers.
    simulated: Vec<(usize, Outlook)>,
}

impl Plan {
    fn make(args: &PlanArgs, machine: &Machine) -> Result<Self> {
        let catalogue = Catalogue::built_in()?;
        let choice = Choice {
            gpu: args.gpu.clone(),
            cores: cores(args),
            llm: args.llm.clone().unwrap_or_else(|| machine.llm.model.clone()),
            stt: args.stt.clone(),
            tts: args.tts.clone(),
        };
        let talk = Talk::default().speaking(args.speaking, machine.tts.character);
        let hardware = Hardware::of(&choice, machine, &catalogue, &talk)?;
        let (model, weights) = catalogue.llm(&choice.llm)?;
        let kv = match args.kv {
            PlanKv::F16 => KvBits::F16,
            PlanKv::Q8 => KvBits::Q8,
        };
        // the memory of cores is whatever is put into the machine
        let device = choice.gpu.as_deref().map(|name| catalogue.device(name)).transpose()?;
        let device = device.map_or(f64::INFINITY, |device| device.memory);
        let tokens = (kv, args.context_tokens);
        let memory = Memory::of(device, (model, weights), hardware.gpu_memory, tokens);
        let seed = args.seed;
        let simulate = |callers: usize| simulate(&hardware, &talk, callers, seed);
        let p95 = args.p95.as_secs_f64();
        let mut bounds = bound(&hardware, &talk, BUSY);
        bounds.retain(|bound| bound.one > 0.0);
        // nobody needs to know how far beyond their time engines could go
        let time = bounds.iter().map(|it| it.callers).min().unwrap_or(0);
        let found = largest(memory.callers().min(2 * time + 1), p95, simulate);
        let asked = args.callers.map(usize::from);
        let largest = found.as_ref().map_or(1, |found| found.0).min(time.max(1));
        let simulated = shown(largest, memory.callers(), asked)
            .into_iter()
            .map(|callers| (callers, simulate(callers)))
            .collect();
        let dimensions = [model.layers, model.kv_heads, model.head_size];
        let context_tokens = args.context_tokens;
        Ok(Self {
            choice,
            dimensions,
            kv,
            context_tokens,
            p95,
            hardware,
            talk,
            memory,
            bounds,
            found,
            simulated,
        })
    }
}

fn cores(args: &PlanArgs) -> Option<usize> {
    let beside = args.gpu.as_ref().map(|_| CORES_BESIDE_GPU);
    args.cores.map(usize::from).or(beside)
}

fn simulate(hardware: &Hardware, talk: &Talk, callers: usize, seed: u64) -> Outlook {
    #[expect(clippy::cast_precision_loss, reason = "so many callers there are not")]
    let turns_in_a_second = callers as f64 / talk.cycle(hardware.character);
    let seconds = (TURNS / turns_in_a_second).clamp(SIMULATED.0, SIMULATED.1);
    Simulation { hardware, talk, callers, seconds, seed }.run()
}

/// Numbers of callers whose outlook is told: up to the largest that fits, and a quarter more if memory has room.
fn shown(largest: usize, most: usize, asked: Option<usize>) -> Vec<usize> {
    let more = largest + largest.div_ceil(4);
    let mut shown = vec![1, largest.div_ceil(4), largest.div_ceil(2), largest, more.min(most)];
    shown.extend(asked);
    shown.sort_unstable();
    shown.dedup();
    shown
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command, Form};

    pub(super) fn args(flags: &str) -> PlanArgs {
        let words = ["repartee", "plan"].into_iter().chain(flags.split_whitespace());
        let args = Args::try_parse_from(words).expect("flags that there are");
        let Some(Command::Plan(args)) = args.command else { panic!("it is the command") };
        *args
    }

    fn plan(flags: &str) -> Plan {
        Plan::make(&args(flags), &Machine::built_in().expect("it is there")).expect("a plan")
    }

    #[test]
    fn a_plan_for_a_gpu_names_its_engines_the_formula_and_what_binds() {
        let plan = plan("--gpu a10g --llm llama3.2-3b-q4 --callers 3");
        let text = report::text(&plan, Form { json: false, markdown: true });
        let engines = ["| vad | silero | cores |", "| stt | moonshine-tiny | cores |"];
        for engine in
            engines.into_iter().chain(["| llm | llama3.2-3b-q4 | GPU |", "| tts | flite |"])
        {
            assert!(text.contains(engine), "{engine}: {text}");
        }
        // 2.02 GB of weights, 0.70 to work in; 24 - 2.72 over 0.235
        assert!(
            text.contains("112.0 KiB (2 x 28 layers x 8 heads x 128 numbers x 2 bytes)"),
            "{text}"
        );
        assert!(text.contains("(24.0 - 2.72) / 0.235 = 90"), "{text}");
        assert!(text.contains("measured") && text.contains("estimated"), "{text}");
        assert!(text.contains("\n| 3 |") && text.contains(" binds"), "{text}");
        assert!(plan.found.is_some_and(|(callers, _)| (1..=90).contains(&callers)));
    }

    #[test]
    fn conversations_of_half_the_size_let_twice_as_many_in() {
        let memory = |kv: &str| {
            let flags = format!("--gpu l4 --llm llama3.2-3b-q4 --context-tokens 4096 --kv {kv}");
            plan(&flags).memory.callers()
        };
        assert_eq!((memory("f16"), memory("q8_0")), (45, 85));
    }

    #[test]
    fn the_memory_of_cores_alone_limits_nobody() {
        let plan = plan("--cores 2");
        let json = json(&report::Figures::of(&plan)).expect("it can be written");
        assert!(json.contains("\"by_memory\": null"), "{json}");
        assert_eq!((plan.hardware.cores, plan.choice.llm.as_str()), (2, "smollm2-135m-q4"));
    }

    #[test]
    fn what_is_shown_is_no_more_than_fits_but_for_what_is_asked() {
        assert_eq!(shown(8, 100, None), [1, 2, 4, 8, 10]);
        assert_eq!(shown(8, 9, Some(20)), [1, 2, 4, 8, 9, 20]);
        assert_eq!(shown(1, 100, None), [1, 2]);
    }
}
