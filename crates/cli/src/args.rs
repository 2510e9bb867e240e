//! The command line.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::config::Config;

/// Self-hosted real-time voice chat for many callers at once.
#[derive(Debug, Parser)]
#[command(name = "repartee", version, propagate_version = true)]
pub(crate) struct Args {
    /// A file with settings; what it names overrides the defaults.
    #[arg(long, global = true, env = "REPARTEE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Flags that override settings of every command.
#[derive(Debug, ClapArgs)]
pub(crate) struct Common {
    /// Where model files are kept.
    #[arg(long, global = true, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// Never fetch anything.
    #[arg(long, global = true)]
    offline: bool,
}

impl Common {
    pub(crate) fn apply(&self, config: &mut Config) {
        if let Some(dir) = &self.models_dir {
            config.models.dir.clone_from(dir);
        }
        config.models.offline |= self.offline;
    }
}

/// What to do; serving if nothing is said.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the page and the callers.
    Serve(ServeArgs),
    /// List, fetch and check model files.
    Models {
        #[command(subcommand)]
        command: ModelsCommand,
    },
    /// Measure how soon spoken turns are answered, what sessions cost, and how callers fare.
    Bench(BenchArgs),
    /// Let many callers talk to a server at the pace of speech, and measure how they fare.
    Loadtest(LoadtestArgs),
    /// Have recorded conversations again without models: print their turns, and check that the same
    /// is decided.
    Replay(ReplayArgs),
    /// Compute how many callers a machine carries that need not be at hand: by memory, by the time of
    /// each engine, and by a simulation.
    Plan(Box<PlanArgs>),
    /// Check the settings and print what they amount to.
    CheckConfig,
}

impl Default for Command {
    fn default() -> Self {
        Self::Serve(ServeArgs::default())
    }
}

#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct ServeArgs {
    /// Where to listen, for example 0.0.0.0:8000.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) address: Option<SocketAddr>,
    /// Record conversations into this folder. Callers are told.
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct LoadtestArgs {
    /// A scenario: a TOML file (docs/loadtest.md). Without one two callers talk for half a minute.
    #[arg(value_name = "SCENARIO.toml")]
    pub(crate) scenario: Option<PathBuf>,
    /// A server that runs already, for example `ws://localhost:8000/ws`; without it one is started
    /// in this process for as long as it takes.
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Callers in conversation at once, in place of the scenario's.
    #[arg(long, value_name = "N")]
    pub(crate) callers: Option<usize>,
    /// How long they talk once all have come, in place of the scenario's.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) duration: Option<Duration>,
    /// Recordings for the callers to speak, in place of the scenario's: WAV files, or folders of
    /// them. Without any they speak sentences of the embedded voices.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) speech: Vec<PathBuf>,
    /// After the run, write down the sound of so many answers, and compare it with their words.
    #[arg(long, value_name = "N", default_value = "50")]
    pub(crate) listen: usize,
    #[command(flatten)]
    pub(crate) files: LoadtestFiles,
    /// Search the largest number of callers that are served well; `--duration` is then that of a
    /// trial.
    #[arg(long, conflicts_with = "connects")]
    pub(crate) find_capacity: bool,
    /// With `--find-capacity`: how long 19 of 20 callers may wait for an answer.
    #[arg(long, value_name = "TIME", default_value = "1.5s", value_parser = seconds)]
    pub(crate) p95: Duration,
    /// With `--find-capacity`: no more callers than this are tried.
    #[arg(long, value_name = "N", default_value = "64")]
    pub(crate) most: NonZeroUsize,
    /// Connect and disconnect so many times instead of talking, and tell what is left of it.
    #[arg(long, value_name = "N")]
    pub(crate) connects: Option<NonZeroUsize>,
    /// Run nothing: report on runs that `--json` kept, beside each other.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["scenario", "find_capacity", "connects", "url"])]
    pub(crate) kept: Vec<PathBuf>,
    /// Print the table as Markdown.
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// Files that the load test writes.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct LoadtestFiles {
    /// Write all that was seen, as JSON; an array of the trials with `--find-capacity`.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write a line for each turn, as CSV.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Write one page with plots.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// `1.5s` as well as what durations are elsewhere.
fn seconds(text: &str) -> Result<Duration, String> {
    let decimal = text.strip_suffix('s').and_then(|number| number.trim().parse().ok());
    if let Some(seconds) = decimal.and_then(|it: f64| Duration::try_from_secs_f64(it).ok()) {
        return Ok(seconds);
    }
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PlanArgs {
    /// The GPU, by a name of the catalogue: a10g, l4, rtx-4090, a100-40gb or h100. Without one all
    /// models run on cores.
    #[arg(long, value_name = "NAME")]
    pub(crate) gpu: Option<String>,
    /// Cores: without this 8 beside a GPU, else as many as the machine of the figures.
    #[arg(long, value_name = "N")]
    pub(crate) cores: Option<NonZeroUsize>,
    /// The language model and how its weights are kept, for example llama3.2-3b-q4. Without one, the
    /// model of the machine's figures.
    #[arg(long, value_name = "NAME")]
    pub(crate) llm: Option<String>,
    /// The speech recogniser: moonshine-tiny on cores, others on the GPU.
    #[arg(long, value_name = "NAME", default_value = "moonshine-tiny")]
    pub(crate) stt: String,
    /// The voice: flite on cores, others on the GPU.
    #[arg(long, value_name = "NAME", default_value = "flite")]
    pub(crate) tts: String,
    /// Show how so many callers would fare as well.
    #[arg(long, value_name = "N")]
    pub(crate) callers: Option<NonZeroUsize>,
    /// Tokens of each conversation, at most.
    #[arg(long, value_name = "N", default_value = "2048")]
    pub(crate) context_tokens: u32,
    /// How conversations are kept.
    #[arg(long, value_name = "KIND", value_enum, default_value = "f16")]
    pub(crate) kv: PlanKv,
    /// How much of the time a caller speaks.
    #[arg(long, value_name = "SHARE", default_value = "0.4", value_parser = share)]
    pub(crate) speaking: f64,
    /// How long 19 of 20 callers may wait for an answer.
    #[arg(long, value_name = "TIME", default_value = "1.5s", value_parser = seconds)]
    pub(crate) p95: Duration,
    /// Another number gives other turns and pauses; the same gives the same.
    #[arg(long, default_value = "1")]
    pub(crate) seed: u64,
    /// Figures of another machine's cores, as `--measure` wrote them.
    #[arg(long, value_name = "FILE")]
    pub(crate) machine: Option<PathBuf>,
    /// Measure the embedded engines on this machine, and write the figures that `--machine` reads.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["machine", "check"])]
    pub(crate) measure: Option<PathBuf>,
    /// Simulate the runs that `repartee loadtest --json FILE` kept, and compare.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) check: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) form: Form,
}

/// How conversations are kept in memory.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum PlanKv {
    /// 16-bit numbers.
    #[value(name = "f16")]
    F16,
    /// About 8 bits.
    #[value(name = "q8_0")]
    Q8,
}

/// More than none of something, and not all.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| *share > 0.0 && *share < 1.0);
    share.ok_or_else(|| "a number between 0 and 1".to_owned())
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ReplayArgs {
    /// Recordings that `serve --record` made.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Show how the turns would differ under the settings in force: an estimate.
    #[arg(long)]
    pub(crate) with_settings: bool,
    /// Print a line of JSON for each recording.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) command: Option<BenchCommand>,
    #[command(flatten)]
    pub(crate) latency: LatencyArgs,
}

/// What to measure; latency and cost if nothing is said.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Measure how callers fare who talk as people do: some interrupt, some cough, some pause
    /// within their sentences.
    Conversation(ConversationArgs),
    /// Measure what one server for all callers saves: beside a server for each of them, with
    /// models and threads of its own.
    Pipelines(PipelinesArgs),
    /// Measure what callers take who say nothing, at a server in a process of its own.
    Idle(IdleArgs),
    /// Measure how well the end of a turn is found, without a server.
    Turns(TurnsArgs),
    /// Measure how fast the language model answers callers at once, beside llama.cpp alone.
    Llm(LlmArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LatencyArgs {
    /// Recordings for the callers to speak: WAV files, or folders of them. Short questions without
    /// long pauses measure best.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) speech: Vec<PathBuf>,
    /// Turns that each caller takes.
    #[arg(long, default_value = "10")]
    pub(crate) turns: NonZeroUsize,
    /// Callers at once.
    #[arg(long, default_value = "1")]
    pub(crate) callers: NonZeroUsize,
    /// A server that runs already, for example `ws://localhost:8000/ws`; without it one is started
    /// in this process for as long as it takes.
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ConversationArgs {
    /// Recordings: WAV files, or folders of them. Callers ask the short ones; the long ones become
    /// turns with a pause inside, and so do those that a `manifest.tsv` beside them says to end
    /// within a sentence.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) speech: Vec<PathBuf>,
    /// Callers at once: a number for each run.
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_values = ["1", "2", "4"])]
    pub(crate) callers: Vec<NonZeroUsize>,
    /// Turns that each caller takes. One of four is interrupted and another one coughed over.
    #[arg(long, default_value = "8")]
    pub(crate) turns: NonZeroUsize,
    /// Turns with a pause inside, which one caller takes in a run of its own; 0 leaves it out.
    #[arg(long, default_value = "20")]
    pub(crate) paused_turns: usize,
    /// Measure with the settings in force only, not also without speculation.
    #[arg(long)]
    pub(crate) no_compare: bool,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PipelinesArgs {
    /// Recordings for the callers to speak: WAV files, or folders of them.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) speech: Vec<PathBuf>,
    /// Callers at once: two runs for each number.
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_values = ["1", "2", "4", "8"])]
    pub(crate) callers: Vec<NonZeroUsize>,
    /// Turns that each caller takes.
    #[arg(long, default_value = "5")]
    pub(crate) turns: NonZeroUsize,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct IdleArgs {
    /// Callers at once: a run for each number.
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_values = ["1000"])]
    pub(crate) callers: Vec<NonZeroUsize>,
    /// They send nothing; without this, what an open microphone hears in a silent room.
    #[arg(long)]
    pub(crate) muted: bool,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TurnsArgs {
    /// Recordings: WAV files, or folders of them. The long ones become turns with a pause inside,
    /// and so do those that a `manifest.tsv` beside them says to end within a sentence.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) speech: Vec<PathBuf>,
    /// How many turns to make of them.
    #[arg(long, default_value = "60")]
    pub(crate) turns: NonZeroUsize,
    /// Another number gives other turns; the same gives the same.
    #[arg(long, default_value = "1")]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LlmArgs {
    /// A GGUF file, or a model's name in the catalogue, instead of the settings' one.
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Conversations at once: a number for each row.
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_values = ["1", "4", "8"])]
    pub(crate) sequences: Vec<NonZeroUsize>,
    /// Tokens that each of them generates.
    #[arg(long, default_value = "64")]
    pub(crate) tokens: NonZeroUsize,
    /// How often each is measured, ours and llama.cpp alone in turns; medians are shown.
    #[arg(long, default_value = "5")]
    pub(crate) runs: NonZeroUsize,
    /// Threads of one step, instead of what the settings say.
    #[arg(long)]
    pub(crate) threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(crate) form: Form,
}

/// How figures are printed.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub(crate) struct Form {
    /// Print JSON.
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// Print Markdown.
    #[arg(long)]
    pub(crate) markdown: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// What there is, and what is here.
    List,
    /// Fetch models; those that the settings need if none are named.
    Pull { names: Vec<String> },
    /// Check the files of models against their digests; of all that are here if none are named.
    Verify { names: Vec<String> },
    /// Print where a model's files are.
    Path { name: String },
}
