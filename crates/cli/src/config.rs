//! The settings: built-in defaults, then a file, then the environment, then flags.

use std::{
    collections::HashMap,
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use toml::{Table, Value};

/// Every setting with its default; also what the defaults are taken from.
pub(crate) const DEFAULTS: &str = include_str!("../../../config/default.toml");
/// What the model is told when no file says otherwise.
const SYSTEM_PROMPT: &str = include_str!("../../../config/system-prompt.txt");

/// Environment variables and the settings they override.
const ENVIRONMENT: &[(&str, &str, &str)] = &[
    ("REPARTEE_ADDRESS", "server", "address"),
    ("MAX_CONNECTIONS", "server", "max_connections"),
    ("MAX_AUDIO_QUEUE_SIZE", "server", "max_audio_queue_size"),
    ("REPARTEE_RECORD", "server", "record"),
    ("LOG_LEVEL", "log", "level"),
    ("LOG_FORMAT", "log", "format"),
    ("REPARTEE_MODELS_DIR", "models", "dir"),
    ("REPARTEE_OFFLINE", "models", "offline"),
];

/// A worker's model takes memory of its own: more of them than this are asked for by number.
const MOST_WORKERS: usize = 8;

/// The most sound that a client may hold: the echo of all of it is looked for in each frame.
const LONGEST_LEAD: Duration = Duration::from_secs(4);

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) server: ServerConfig,
    pub(crate) log: LogConfig,
    pub(crate) models: ModelsConfig,
    pub(crate) vad: VadConfig,
    pub(crate) turn: TurnConfig,
    pub(crate) interruption: InterruptionConfig,
    pub(crate) conversation: ConversationConfig,
    pub(crate) stt: SttConfig,
    pub(crate) llm: LlmConfig,
    pub(crate) tts: TtsConfig,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerConfig {
    pub(crate) address: SocketAddr,
    pub(crate) max_connections: usize,
    pub(crate) max_busy: f64,
    pub(crate) max_lateness: f64,
    #[serde(with = "humantime_serde")]
    pub(crate) admit_every: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) stuck_after: Duration,
    pub(crate) waiting_room: usize,
    #[serde(with = "humantime_serde")]
    pub(crate) max_wait: Duration,
    pub(crate) max_audio_queue_size: usize,
    #[serde(with = "humantime_serde")]
    pub(crate) grace: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) ping: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) send_timeout: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) resume: Duration,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) record: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogConfig {
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Human,
    Json,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelsConfig {
    pub(crate) dir: PathBuf,
    pub(crate) offline: bool,
    pub(crate) catalogue: PathBuf,
    pub(crate) onnx_runtime: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VadConfig {
    pub(crate) model: String,
    pub(crate) rest_below: f32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TurnConfig {
    pub(crate) speed: u8,
    pub(crate) model: String,
    pub(crate) workers: NonZeroUsize,
    pub(crate) queue: usize,
    pub(crate) speculation: bool,
    pub(crate) start_threshold: f32,
    pub(crate) stop_threshold: f32,
    pub(crate) hush: f32,
    #[serde(with = "humantime_serde")]
    pub(crate) min_speech: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) micro_pause: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) pause: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) min_wait: Duration,
    pub(crate) complete_threshold: f32,
    pub(crate) open_odds: f32,
    #[serde(with = "humantime_serde")]
    pub(crate) incomplete_wait: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) max_wait: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) pre_roll: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InterruptionConfig {
    pub(crate) enabled: bool,
    pub(crate) sensitivity: f32,
    #[serde(with = "humantime_serde")]
    pub(crate) min_duration: Duration,
    pub(crate) min_words: usize,
    #[serde(with = "humantime_serde")]
    pub(crate) patience: Duration,
    pub(crate) echo_guard: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConversationConfig {
    #[serde(with = "humantime_serde")]
    pub(crate) ask_after: Duration,
    pub(crate) ask_with: String,
    pub(crate) instructions_allowed: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SttConfig {
    pub(crate) model: String,
    pub(crate) workers: Workers,
    pub(crate) queue: usize,
    #[serde(with = "humantime_serde")]
    pub(crate) partial_period: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LlmConfig {
    pub(crate) model: String,
    pub(crate) system_prompt: PathBuf,
    pub(crate) slots: usize,
    pub(crate) context_tokens: u32,
    pub(crate) kv_tokens: u32,
    #[serde(with = "humantime_serde")]
    pub(crate) patience: Duration,
    pub(crate) kv_type: KvType,
    pub(crate) flash_attention: bool,
    pub(crate) gpu_layers: u32,
    pub(crate) threads: usize,
    pub(crate) prefill_chunk: usize,
    pub(crate) max_tokens: u32,
    pub(crate) temperature: f32,
    pub(crate) top_p: f32,
    pub(crate) repeat_penalty: f32,
}

/// How conversations are kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum KvType {
    #[serde(rename = "f16")]
    F16,
    #[serde(rename = "q8_0")]
    Q8,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TtsConfig {
    pub(crate) engine: TtsEngine,
    pub(crate) voice: String,
    pub(crate) speed: f32,
    pub(crate) workers: Workers,
    pub(crate) queue: usize,
    #[serde(with = "humantime_serde")]
    pub(crate) lead: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) plain_lead: Duration,
    pub(crate) voices: Vec<String>,
}

/// How many jobs an engine works on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "usize")]
pub(crate) enum Workers {
    /// As many as the machine has cores, within reason.
    OfTheMachine,
    Number(NonZeroUsize),
}

impl From<usize> for Workers {
    fn from(number: usize) -> Self {
        NonZeroUsize::new(number).map_or(Self::OfTheMachine, Self::Number)
    }
}

impl Workers {
    /// How many they are on this machine.
    pub(crate) fn count(self) -> NonZeroUsize {
        match self {
            Self::Number(number) => number,
            Self::OfTheMachine => {
                let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
                NonZeroUsize::new(cores.get().min(MOST_WORKERS)).unwrap_or(cores)
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TtsEngine {
    Flite,
}

impl Config {
    /// As without anything over them.
    #[cfg(test)]
    pub(crate) fn load(file: Option<&Path>, environment: &HashMap<String, String>) -> Result<Self> {
        Self::load_with(file, environment, Table::new())
    }

    /// The settings of this file and environment over the defaults, and these over all of them.
    pub(crate) fn load_with(
        file: Option<&Path>,
        environment: &HashMap<String, String>,
        over: Table,
    ) -> Result<Self> {
        let mut table: Table = DEFAULTS.parse().context("the built-in settings are broken")?;
        if let Some(file) = file {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("could not read the settings in {}", file.display()))?;
            let own: Table =
                text.parse().with_context(|| format!("{} is not TOML", file.display()))?;
            merge(&mut table, own);
        }
        for (variable, section, key) in ENVIRONMENT {
            if let Some(text) = environment.get(*variable) {
                override_with(&mut table, section, key, text)
                    .with_context(|| format!("{variable} has a wrong value"))?;
            }
        }
        merge(&mut table, over);
        let config: Self = Value::Table(table).try_into().context("wrong settings")?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        let Self { server, turn, interruption, stt, llm, tts, .. } = self;
        ensure!(server.max_connections > 0, "[server] max_connections must be at least 1");
        ensure!(
            server.max_audio_queue_size > 0,
            "[server] max_audio_queue_size must be at least 1"
        );
        ensure!(!server.ping.is_zero(), "[server] ping must not be zero");
        // soft speech is louder than this
        ensure!(self.vad.rest_below <= -30.0, "[vad] rest_below must be at most -30.0");
        ensure!(server.max_busy > 0.0, "[server] max_busy must be above 0");
        ensure!(server.max_lateness > 0.0, "[server] max_lateness must be above 0");
        ensure!(!server.stuck_after.is_zero(), "[server] stuck_after must not be zero");
        ensure!(!server.max_wait.is_zero(), "[server] max_wait must not be zero");
        ensure!(turn.speed <= 100, "[turn] speed is 0 to 100");
        let thresholds = 0.0 < turn.stop_threshold
            && turn.stop_threshold <= turn.start_threshold
            && turn.start_threshold < 1.0;
        ensure!(thresholds, "[turn] needs 0 < stop_threshold <= start_threshold < 1");
        ensure!(turn.min_wait <= turn.max_wait, "[turn] min_wait must not exceed max_wait");
        ensure!(turn.micro_pause <= turn.pause, "[turn] micro_pause must not exceed pause");
        ensure!(turn.pause <= turn.max_wait, "[turn] pause must not exceed max_wait");
        let complete = turn.complete_threshold;
        ensure!(complete > 0.0 && complete < 1.0, "[turn] complete_threshold is between 0 and 1");
        ensure!(turn.hush > 0.0, "[turn] hush must be above 0");
        ensure!(turn.open_odds >= 1.0, "[turn] open_odds must be at least 1");
        ensure!(turn.queue > 0, "[turn] queue must be at least 1");
        let sensitivity = interruption.sensitivity;
        ensure!((0.0..=1.0).contains(&sensitivity), "[interruption] sensitivity is 0.0 to 1.0");
        ensure!(stt.queue > 0, "[stt] queue must be at least 1");
        ensure!(tts.queue > 0, "[tts] queue must be at least 1");
        let longest = tts.lead.max(tts.plain_lead);
        ensure!(longest <= LONGEST_LEAD, "[tts] lead and plain_lead are at most {LONGEST_LEAD:?}");
        ensure!((0.5..=2.0).contains(&tts.speed), "[tts] speed is 0.5 to 2.0");
        ensure!(llm.slots <= 255, "[llm] slots must be at most 255");
        ensure!(
            llm.kv_tokens == 0 || llm.kv_tokens >= llm.context_tokens,
            "[llm] kv_tokens must be 0 or at least context_tokens"
        );
        ensure!(
            llm.kv_type == KvType::F16 || llm.flash_attention,
            "[llm] kv_type \"q8_0\" needs flash_attention"
        );
        ensure!(llm.threads > 0, "[llm] threads must be at least 1");
        ensure!(llm.prefill_chunk > 0, "[llm] prefill_chunk must be at least 1");
        ensure!(llm.temperature >= 0.0, "[llm] temperature must not be negative");
        ensure!(llm.top_p > 0.0 && llm.top_p <= 1.0, "[llm] top_p is above 0 and at most 1");
        ensure!(
            (1..llm.context_tokens / 2).contains(&llm.max_tokens),
            "[llm] max_tokens must be at least 1 and less than half of context_tokens"
        );
        Ok(())
    }

    /// How the turn detector decides.
    pub(crate) fn turn_detection(&self) -> turn::Config {
        let settings = &self.turn;
        turn::Config {
            start_threshold: settings.start_threshold,
            stop_threshold: settings.stop_threshold,
            hush: settings.hush,
            min_speech: settings.min_speech,
            micro_pause: settings.micro_pause,
            pause: settings.pause,
            min_wait: settings.min_wait,
            complete_threshold: settings.complete_threshold,
            open_odds: settings.open_odds,
            incomplete_wait: settings.incomplete_wait,
            max_wait: settings.max_wait,
            ..turn::Config::default()
        }
    }

    /// How sessions behave.
    pub(crate) fn session(&self) -> Result<session::Config> {
        Ok(session::Config {
            turn: self.turn_detection(),
            speed: turn::Speed::from_slider(self.turn.speed),
            system_prompt: self.system_prompt()?,
            generation: llm::Options {
                max_tokens: self.llm.max_tokens,
                temperature: self.llm.temperature,
                top_p: self.llm.top_p,
                repeat_penalty: self.llm.repeat_penalty,
                seed: None,
            },
            voice: Some(Arc::from(self.tts.voice.as_str())),
            voices: self.voices().map(Arc::from).collect(),
            instructions_allowed: self.conversation.instructions_allowed,
            speech_speed: self.tts.speed,
            partial_period: self.stt.partial_period,
            speculation: self.turn.speculation,
            lead: self.tts.lead,
            plain_lead: self.tts.plain_lead,
            interruption: self.interruption(),
            pre_roll: self.turn.pre_roll,
            ask_after: Some(self.conversation.ask_after).filter(|after| !after.is_zero()),
            ask_with: Arc::from(self.conversation.ask_with.as_str()),
        })
    }

    /// The voices that are loaded, the default one first.
    pub(crate) fn voices(&self) -> impl Iterator<Item = &str> {
        let others = self.tts.voices.iter().filter(|voice| **voice != self.tts.voice);
        std::iter::once(&self.tts.voice).chain(others).map(String::as_str)
    }

    fn interruption(&self) -> session::Interruption {
        let settings = &self.interruption;
        session::Interruption {
            enabled: settings.enabled,
            sensitivity: settings.sensitivity,
            min_duration: settings.min_duration,
            min_words: settings.min_words,
            patience: settings.patience,
            echo_guard: settings.echo_guard,
        }
    }

    /// The edge's settings.
    pub(crate) fn server(&self) -> server::Settings {
        let settings = &self.server;
        server::Settings {
            max_connections: settings.max_connections,
            admit_every: settings.admit_every,
            waiting_room: settings.waiting_room,
            max_wait: settings.max_wait,
            audio_queue: settings.max_audio_queue_size,
            grace: settings.grace,
            ping: settings.ping,
            send_timeout: settings.send_timeout,
            resume: settings.resume,
            allowed_origins: settings.allowed_origins.clone(),
        }
    }

    /// What the engines may take before nobody is let in.
    pub(crate) fn limits(&self) -> engine::Limits {
        let ServerConfig { max_busy, max_lateness, stuck_after, .. } = self.server;
        engine::Limits { busy: max_busy, late: max_lateness, stuck: stuck_after }
    }

    fn system_prompt(&self) -> Result<Arc<str>> {
        let file = &self.llm.system_prompt;
        if file.as_os_str().is_empty() {
            return Ok(Arc::from(SYSTEM_PROMPT.trim()));
        }
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("could not read the system prompt in {}", file.display()))?;
        Ok(Arc::from(text.trim()))
    }
}

/// Lays `over` over `table`, section by section.
fn merge(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => merge(under, over),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

/// Sets a known setting from text, as the type that its default has.
fn override_with(table: &mut Table, section: &str, key: &str, text: &str) -> Result<()> {
    let default = table.get(section).and_then(|section| section.get(key));
    let value = match default {
        Some(Value::Integer(_)) => Value::Integer(text.trim().parse()?),
        Some(Value::Boolean(_)) => Value::Boolean(truth(text)?),
        _ => Value::String(text.trim().to_owned()),
    };
    let value = Table::from_iter([(key.to_owned(), value)]);
    merge(table, Table::from_iter([(section.to_owned(), Value::Table(value))]));
    Ok(())
}

fn truth(text: &str) -> Result<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        other => bail!("`{other}` is neither true nor false"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(own: &str, environment: &[(&str, &str)]) -> Result<Config> {
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("config.toml");
        std::fs::write(&file, own)?;
        let environment = environment.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        Config::load(Some(&file), &environment.collect())
    }

    fn complaint(own: &str) -> String {
        format!("{:#}", load(own, &[]).expect_err("this is wrong"))
    }

    #[test]
    fn the_defaults_are_complete_and_agree_with_the_rooms() {
        let config = Config::load(None, &HashMap::new()).expect("the defaults are right");
        assert_eq!(config.server().max_connections, server::Settings::default().max_connections);
        assert_eq!(config.server().resume, server::Settings::default().resume);
        assert_eq!(config.server().admit_every, server::Settings::default().admit_every);
        assert_eq!(config.server().max_wait, server::Settings::default().max_wait);
        assert_eq!(config.server().waiting_room, 0);
        assert_eq!(config.limits(), engine::Limits::default());
        assert_eq!(config.turn_detection(), turn::Config::default());
        let session = config.session().expect("the prompt is built in");
        let defaults = session::Config::default();
        assert_eq!(session.interruption, defaults.interruption);
        assert_eq!((session.lead, session.plain_lead), (defaults.lead, defaults.plain_lead));
        assert_eq!((session.ask_after, &session.ask_with), (None, &defaults.ask_with));
        assert!(session.system_prompt.contains("seven words"));
    }

    #[test]
    fn a_file_overrides_the_defaults_and_the_environment_the_file() {
        let own = "[server]\nmax_connections = 3\n[tts]\nspeed = 1.5\n";
        let environment =
            [("MAX_CONNECTIONS", "12"), ("REPARTEE_OFFLINE", "yes"), ("REPARTEE_RECORD", "calls")];
        let config = load(own, &environment).unwrap();
        assert_eq!(config.server.max_connections, 12);
        assert!((config.tts.speed - 1.5).abs() < f32::EPSILON);
        assert!(config.models.offline);
        assert_eq!(config.server.record, Path::new("calls"));
        assert_eq!(config.server.max_audio_queue_size, 50);
    }

    #[test]
    fn workers_are_a_number_or_as_the_machine_has_cores() {
        let config = load("[tts]\nworkers = 3\n", &[]).unwrap();
        assert_eq!(
            (config.tts.workers.count().get(), config.stt.workers),
            (3, Workers::OfTheMachine)
        );
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!(Workers::OfTheMachine.count().get(), cores.min(MOST_WORKERS));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(complaint("[server]\nport = 1\n").contains("port"));
        assert!(complaint("[turn]\nstop_threshold = 0.9\n").contains("stop_threshold"));
        assert!(complaint("[server]\nmax_connections = 0\n").contains("max_connections"));
        assert!(complaint("[llm]\nslots = 256\n").contains("slots"));
        assert!(complaint("[llm]\nkv_tokens = 100\n").contains("kv_tokens"));
        assert!(complaint("[llm]\nkv_type = \"q4_0\"\n").contains("q4_0"));
        let quantised = "[llm]\nkv_type = \"q8_0\"\nflash_attention = false\n";
        assert!(complaint(quantised).contains("flash_attention"));
        assert!(complaint("[server]\nmax_busy = 0\n").contains("max_busy"));
        assert!(complaint("[server]\nmax_wait = \"0s\"\n").contains("max_wait"));
        assert!(complaint("[vad]\nrest_below = -20.0\n").contains("rest_below"));
        assert!(complaint("[vad]\nrest_below = nan\n").contains("rest_below"));
        assert!(complaint("not toml").contains("not TOML"));
        let wrong = load("", &[("MAX_CONNECTIONS", "many")]).expect_err("not a number");
        assert!(format!("{wrong:#}").contains("MAX_CONNECTIONS"));
    }
}
