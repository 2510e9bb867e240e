//! Chooses, fetches and loads the models: the only place that names backends.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use endpointing::Endpointing;
use engine::{Metrics, Watch, onnx::Runtime};
use llm::LanguageModel;
use models::{Platform, Store, Terminal};
use prometheus_client::registry::Registry;
use server::{EngineReport, Ready};
use session::Engines;
use stt::SpeechToText;
use tts::TextToSpeech;

use crate::{
    config::{Config, KvType, TtsEngine},
    recorder,
};

/// Frames that may wait for the VAD: two of every caller of a large server. When it is full a
/// frame goes unheard.
const VAD_QUEUE: usize = 4096;

/// The most conversations that the language model holds at once if the settings do not say: more
/// callers share them, since few are answered at the same time.
const MOST_SLOTS: usize = 32;

/// What engines measure.
#[derive(Clone, Debug)]
pub(crate) struct Measurements {
    pub(crate) engines: Metrics,
    llm: llm::llama::Metrics,
    vad: vad::Metrics,
}

impl Measurements {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        Self {
            engines: Metrics::new(registry),
            llm: llm::llama::Metrics::new(registry),
            vad: vad::Metrics::new(registry),
        }
    }

    /// Measurements that nobody collects.
    pub(crate) fn unregistered() -> Self {
        Self {
            engines: Metrics::unregistered(),
            llm: llm::llama::Metrics::default(),
            vad: vad::Metrics::default(),
        }
    }
}

/// The names of the models that these settings need from the catalogue.
pub(crate) fn needed(config: &Config) -> Vec<String> {
    let mut names = vec![
        config.models.onnx_runtime.clone(),
        config.vad.model.clone(),
        config.stt.model.clone(),
    ];
    if !config.turn.model.is_empty() {
        names.push(config.turn.model.clone());
    }
    if !is_path(&config.llm.model) {
        names.push(config.llm.model.clone());
    }
    names
}

/// Fetches what is missing, loads every engine, and says what was loaded, from where, in how long,
/// with how much memory.
pub(crate) fn load(config: &Config, store: &Store, metrics: &Measurements) -> Result<Ready> {
    let session = Arc::new(config.session()?);
    let recorder = recorder::open(&config.server.record, &session)?;
    let needed = needed(config);
    let names: Vec<&str> = needed.iter().map(String::as_str).collect();
    store.ensure(&names, &Terminal::stderr())?;
    let mut loading = Loading::default();
    let runtime = Runtime::open(&only_file(store, &config.models.onnx_runtime)?)?;
    let Measurements { engines: metrics, llm: llm_metrics, vad: vad_metrics } = metrics;
    let vad = loading.engine(|| vad(config, store, &runtime, metrics, vad_metrics))?;
    let stt = loading.engine(|| stt(config, store, &runtime, metrics))?;
    let llm = loading.engine(|| llm(config, store, metrics, llm_metrics))?;
    let tts = loading.engine(|| tts(config, metrics))?;
    let endpointing = if config.turn.model.is_empty() {
        None
    } else {
        Some(loading.engine(|| endpointing(config, store, &runtime, metrics))?)
    };
    let engines = Engines { vad, stt, endpointing, llm, tts, watch: Watch::calm() };
    Ok(Ready { engines, session, reports: loading.reports.into(), recorder })
}

/// Loads what makes words of speech, and nothing else.
pub(crate) fn recogniser(config: &Config, store: &Store) -> Result<Arc<dyn SpeechToText>> {
    let (runtime, model) = (&config.models.onnx_runtime, &config.stt.model);
    store.ensure(&[runtime, model], &Terminal::stderr())?;
    let runtime = Runtime::open(&only_file(store, runtime)?)?;
    Ok(stt(config, store, &runtime, &Metrics::unregistered())?.engine)
}

/// Loads these voices, and nothing else.
pub(crate) fn voices(names: &[&str]) -> Result<Arc<dyn TextToSpeech>> {
    let voices = names.iter().map(|name| (*name).to_owned()).collect();
    let config = tts::flite::Config { voices, ..tts::flite::Config::default() };
    let engine = tts::flite::Flite::start(&config, &Metrics::unregistered().engine("tts"))
        .context("the flite voice is not available")?;
    Ok(Arc::new(engine))
}

/// An engine with what is to be told of it.
struct Loaded<E> {
    engine: E,
    kind: &'static str,
    name: String,
    from: PathBuf,
    workers: usize,
}

/// Measures time and memory of each engine as it loads.
#[derive(Default)]
struct Loading {
    reports: Vec<EngineReport>,
}

impl Loading {
    fn engine<E>(&mut self, load: impl FnOnce() -> Result<Loaded<E>>) -> Result<E> {
        let (before, started) = (resident_bytes(), Instant::now());
        let Loaded { engine, kind, name, from, workers } = load()?;
        let report = EngineReport {
            kind,
            name,
            device: "cpu",
            workers,
            load_ms: millis(started.elapsed()),
            memory_bytes: resident_bytes().saturating_sub(before),
        };
        tracing::info!(
            kind,
            name = report.name,
            from = %from.display(),
            workers,
            took_ms = report.load_ms,
            memory_mib = report.memory_bytes >> 20,
            "loaded"
        );
        self.reports.push(report);
        Ok(engine)
    }
}

fn vad(
    config: &Config,
    store: &Store,
    runtime: &Runtime,
    metrics: &Metrics,
    vad_metrics: &vad::Metrics,
) -> Result<Loaded<vad::Engine>> {
    let from = only_file(store, &config.vad.model)?;
    let backend = vad::silero::Silero::open(runtime, &from)?;
    let name = vad::Backend::name(&backend).to_owned();
    let engine = vad::Engine::start(Box::new(backend), VAD_QUEUE, &metrics.engine("vad"))?;
    let rest = vad::Rest { below: config.vad.rest_below };
    let engine = engine.resting(rest, vad_metrics);
    Ok(Loaded { engine, kind: "vad", name, from, workers: 1 })
}

fn stt(
    config: &Config,
    store: &Store,
    runtime: &Runtime,
    metrics: &Metrics,
) -> Result<Loaded<Arc<dyn SpeechToText>>> {
    let model = config.stt.model.as_str();
    let files = stt::moonshine::Files {
        encoder: store.path(model, "encoder_model.ort")?,
        decoder: store.path(model, "decoder_model_merged.ort")?,
        tokenizer: store.path(model, "tokenizer.bin")?,
    };
    let from = files.encoder.clone();
    let (workers, queue) = (config.stt.workers.count(), config.stt.queue);
    let settings = stt::moonshine::Config { workers, queue };
    let engine =
        stt::moonshine::Moonshine::start(runtime, &files, &settings, &metrics.engine("stt"))?;
    let stt::Info { name, workers, .. } = engine.info();
    Ok(Loaded { engine: Arc::new(engine), kind: "stt", name, from, workers })
}

fn endpointing(
    config: &Config,
    store: &Store,
    runtime: &Runtime,
    metrics: &Metrics,
) -> Result<Loaded<Arc<dyn Endpointing>>> {
    let settings = &config.turn;
    let from = only_file(store, &settings.model)?;
    let smart_turn =
        endpointing::smart_turn::Config { workers: settings.workers, queue: settings.queue };
    let metrics = metrics.engine("endpointing");
    let engine = endpointing::smart_turn::SmartTurn::start(runtime, &from, &smart_turn, &metrics)?;
    let endpointing::Info { name, workers, .. } = engine.info();
    Ok(Loaded { engine: Arc::new(engine), kind: "endpointing", name, from, workers })
}

fn llm(
    config: &Config,
    store: &Store,
    metrics: &Metrics,
    llm_metrics: &llm::llama::Metrics,
) -> Result<Loaded<Arc<dyn LanguageModel>>> {
    let llama = llama(config, store)?;
    let from = llama.model.clone();
    let engine = llm::llama::Llama::start(llama, &metrics.engine("llm"), llm_metrics)?;
    // read once now, so that not even the first caller waits for it
    engine.share(&config.session()?.system_prompt)?;
    let info = engine.info();
    let workers = info.slots.unwrap_or(1);
    Ok(Loaded { engine: Arc::new(engine), kind: "llm", name: info.name, from, workers })
}

/// How the language model is run, and from which file.
pub(crate) fn llama(config: &Config, store: &Store) -> Result<llm::llama::Config> {
    let settings = &config.llm;
    let from = if is_path(&settings.model) {
        PathBuf::from(&settings.model)
    } else {
        store.ensure(&[&settings.model], &Terminal::stderr())?;
        only_file(store, &settings.model)?
    };
    Ok(llm::llama::Config {
        slots: slots(config),
        context_tokens: settings.context_tokens,
        kv_tokens: Some(settings.kv_tokens).filter(|tokens| *tokens > 0),
        threads: settings.threads,
        prefill_chunk: settings.prefill_chunk,
        patience: settings.patience,
        kv_type: match settings.kv_type {
            KvType::F16 => llm::llama::KvType::F16,
            KvType::Q8 => llm::llama::KvType::Q8,
        },
        flash_attention: settings.flash_attention,
        gpu_layers: settings.gpu_layers,
        ..llm::llama::Config::new(from)
    })
}

/// How many conversations the model can hold.
fn slots(config: &Config) -> usize {
    match config.llm.slots {
        0 => config.server.max_connections.min(MOST_SLOTS),
        slots => slots,
    }
}

fn tts(config: &Config, metrics: &Metrics) -> Result<Loaded<Arc<dyn TextToSpeech>>> {
    let settings = &config.tts;
    let TtsEngine::Flite = settings.engine;
    let voices = config.voices();
    let config = tts::flite::Config {
        voices: voices.map(str::to_owned).collect(),
        workers: settings.workers.count().get(),
        queue: settings.queue,
    };
    let engine = tts::flite::Flite::start(&config, &metrics.engine("tts"))
        .context("the flite voice is not available")?;
    let tts::Info { name, workers, .. } = engine.info();
    let from = PathBuf::from("system library");
    Ok(Loaded { engine: Arc::new(engine), kind: "tts", name, from, workers })
}

/// The file of a model that has just one.
fn only_file(store: &Store, name: &str) -> Result<PathBuf> {
    let model = store.catalogue().model(name)?;
    let platform = Platform::current();
    let mut files = model.files_for(&platform);
    let (Some(file), None) = (files.next(), files.next()) else {
        bail!("the model `{name}` does not have exactly one file for this machine");
    };
    Ok(store.path(name, &file.name)?)
}

fn is_path(model: &str) -> bool {
    Path::new(model).extension().is_some_and(|extension| extension == "gguf")
        || model.contains(std::path::MAIN_SEPARATOR)
}

/// Memory of this process now; 0 where `/proc` is not.
fn resident_bytes() -> u64 {
    let stat = procfs::process::Process::myself().and_then(|process| process.stat());
    stat.map_or(0, |stat| stat.rss * procfs::page_size())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
