//! What callers share: cores, perhaps a GPU, and the engines on them with the times of their steps.

use std::fmt;

use crate::{
    Catalogue, Curve, Device, Machine, PlanError, Speaking, Talk, catalogue::VoiceTokens,
    throughput::FRAME,
};

/// Transcripts, or whole sentences, that a GPU makes at once.
const GPU_WORKERS: usize = 4;
/// Sentences that a voice which is a language model speaks at once.
const VOICE_SLOTS: usize = 64;
/// Tokens of a prompt in a step: the product's default on cores, and what hides behind reading the
/// weights on a GPU.
const CHUNK: (usize, usize) = (32, 256);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The GPU; `None` for cores alone.
    pub gpu: Option<String>,
    /// How many cores; `None` for as many as the machine has whose figures are used.
    pub cores: Option<usize>,
    /// The language model.
    pub llm: String,
    /// The speech recogniser.
    pub stt: String,
    /// The voice.
    pub tts: String,
}

/// Where an engine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the cores.
    Cores,
    /// On the GPU.
    Gpu,
}

/// How a time is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The step was timed.
    Measured,
    /// Somebody else timed it, on something alike.
    Published,
    /// It is computed from sizes.
    Estimated,
}

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// Voice activity.
    Vad,
    /// Speech recognition.
    Stt,
    /// Whether turns are complete.
    Endpointing,
    /// The language model.
    Llm,
    /// The voice.
    Tts,
}

/// Where the times of an engine are from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Which engine.
    pub engine: Engine,
    /// Its model.
    pub model: String,
    /// Where it runs.
    pub place: Place,
    /// How its times are known.
    pub basis: Basis,
    /// From what.
    pub from: String,
}

/// An engine whose workers take jobs from one queue.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Where it runs.
    pub place: Place,
    /// Jobs at once.
    pub workers: usize,
    /// Until there is something of a job's result, by the job's size.
    pub first: Curve,
    /// Until all of it is there.
    pub whole: Curve,
    /// How much longer each job takes when so many share the engine's steps; flat where each job
    /// has its own.
    pub together: Option<Curve>,
}

/// The engine of the language model: one step at a time, for all.
#[derive(Clone, Debug)]
pub struct Model {
    /// Where it runs.
    pub place: Place,
    /// Threads of a step.
    pub threads: usize,
    /// Tokens of prompts in a step.
    pub chunk: usize,
    /// The next token of so many responses.
    pub decode: Curve,
    /// So many tokens of a prompt.
    pub prefill: Curve,
    /// What each token that a response looks back on adds.
    pub context: f64,
}

impl Model {
    /// Seconds of a step with so many responses, which look back on so many tokens, and so many
    /// tokens of prompts. What every step costs is paid once.
    pub fn step(&self, responses: f64, looked_at: f64, prompt: f64) -> f64 {
        let decode = if responses > 0.0 { self.decode.at(responses) } else { 0.0 };
        let prefill = if prompt > 0.0 { self.prefill.at(prompt) } else { 0.0 };
        let both = responses > 0.0 && prompt > 0.0;
        let shared = if both { self.decode.fixed().min(self.prefill.fixed()) } else { 0.0 };
        decode + prefill - shared + self.context * looked_at
    }
}

/// All that callers share.
#[derive(Clone, Debug)]
pub struct Hardware {
    /// Cores.
    pub cores: usize,
    /// How fast each of one, two, ... busy threads runs.
    pub speed: Vec<f64>,
    /// Share of a core that a session takes, without models.
    pub session: f64,
    /// A frame of each of so many callers, on the cores.
    pub vad: Curve,
    /// Speech recognition.
    pub stt: Stage,
    /// Whether turns are complete.
    pub endpointing: Stage,
    /// The language model.
    pub llm: Model,
    /// The voice.
    pub tts: Stage,
    /// How long a character sounds, in seconds.
    pub character: f64,
    /// Silence that sound begins with.
    pub lead: f64,
    /// Bytes that models other than the language model take of the GPU.
    pub gpu_memory: f64,
    /// Where the times are from.
    pub sources: Vec<Source>,
}

impl Hardware {
    /// The share of a core that frames of so many callers take. While the engine is idle each is
    /// stepped as it comes; only where that would keep it busy all the time they share steps.
    pub(crate) fn frames(&self, callers: f64) -> f64 {
        let one_by_one = callers * self.vad.at(1.0) / FRAME;
        one_by_one.min(1.0).max(self.vad.at(callers) / FRAME)
    }

    /// What is asked for, with the cores of this machine, as callers who talk like this use it.
    pub fn of(
        choice: &Choice,
        machine: &Machine,
        catalogue: &Catalogue,
        talk: &Talk,
    ) -> Result<Self, PlanError> {
        let gpu = choice.gpu.as_deref().map(|name| catalogue.device(name)).transpose()?;
        let cores = choice.cores.unwrap_or(machine.cores);
        let mut building =
            Building { gpu, cores, machine, catalogue, sources: Vec::new(), taken: 0.0 };
        building.measured(Engine::Vad, "silero");
        building.measured(Engine::Endpointing, "smart-turn");
        let hush = Curve::flat(machine.endpointing);
        let endpointing = building.on_cores((cores / 2).max(1), hush.clone(), hush);
        let stt = building.stt(&choice.stt, talk)?;
        let llm = building.llm(&choice.llm)?;
        let (tts, lead) = building.tts(&choice.tts)?;
        let Building { mut sources, taken: gpu_memory, .. } = building;
        sources.sort_by_key(|source| source.engine);
        Ok(Self {
            cores,
            speed: machine.speed.clone(),
            session: machine.session,
            vad: machine.vad.clone(),
            stt,
            endpointing,
            llm,
            tts,
            character: machine.tts.character,
            lead,
            gpu_memory,
            sources,
        })
    }
}

struct Building<'a> {
    gpu: Option<&'a Device>,
    cores: usize,
    machine: &'a Machine,
    catalogue: &'a Catalogue,
    sources: Vec<Source>,
    taken: f64,
}

impl<'a> Building<'a> {
    fn stt(&mut self, name: &str, talk: &Talk) -> Result<Stage, PlanError> {
        if name == "moonshine-tiny" {
            self.measured(Engine::Stt, name);
            let whole = self.machine.stt.clone();
            return Ok(self.on_cores(self.cores, whole.clone(), whole));
        }
        let model = self.catalogue.stt(name)?;
        let device = self.gpu_for(name)?;
        self.taken += model.memory;
        let from =
            "operations of the encoder / reached rate + tokens x decoder / reached bandwidth";
        self.estimated(Engine::Stt, name, from);
        let whole = device.transcription(model, talk.tokens_per_second());
        Ok(Stage {
            place: Place::Gpu,
            workers: GPU_WORKERS,
            first: whole.clone(),
            whole,
            together: None,
        })
    }

    fn llm(&mut self, name: &str) -> Result<Model, PlanError> {
        let (model, weights) = self.catalogue.llm(name)?;
        if let Some(device) = self.gpu {
            let from =
                "max(weights / reached bandwidth, 2 x weights x tokens / reached rate) + layers";
            self.estimated(Engine::Llm, name, from);
            let step = device.step(model, weights);
            return Ok(Model {
                place: Place::Gpu,
                threads: 1,
                chunk: CHUNK.1,
                decode: step.clone(),
                prefill: step,
                context: device.reading(crate::memory::token_bytes(model, crate::KvBits::F16)),
            });
        }
        let steps = &self.machine.llm;
        let factor = if steps.model == name {
            self.measured(Engine::Llm, name);
            1.0
        } else {
            let (measured, _) = self.catalogue.llm(&steps.model)?;
            let from = format!("{}'s steps x weights / its weights", steps.model);
            self.estimated(Engine::Llm, name, &from);
            model.params / measured.params
        };
        Ok(Model {
            place: Place::Cores,
            threads: 1,
            chunk: CHUNK.0,
            decode: steps.decode.stretched(factor),
            prefill: steps.prefill.stretched(factor),
            context: steps.context * factor,
        })
    }

    /// The voice, and the silence that its sound begins with.
    fn tts(&mut self, name: &str) -> Result<(Stage, f64), PlanError> {
        let sentences = &self.machine.tts;
        if name == "flite" {
            self.measured(Engine::Tts, name);
            let stage = self.on_cores(self.cores, sentences.first.clone(), sentences.whole.clone());
            return Ok((stage, sentences.lead));
        }
        let voice = self.catalogue.tts(name)?;
        let device = self.gpu_for(name)?;
        self.taken += voice.memory;
        let stage = match &voice.speaking {
            Speaking::Whole { realtime, fixed } => {
                let from = "reported on an RTX 4060 Ti and an H100; see the catalogue".to_owned();
                self.source(Engine::Tts, name, Place::Gpu, Basis::Published, from);
                let whole = Curve::line(*fixed, sentences.character / realtime);
                Stage {
                    place: Place::Gpu,
                    workers: GPU_WORKERS,
                    first: whole.clone(),
                    whole,
                    together: None,
                }
            }
            Speaking::Tokens { tokens } => self.spoken_tokens(name, device, tokens)?,
        };
        Ok((stage, sentences.lead))
    }

    fn spoken_tokens(
        &mut self,
        name: &str,
        device: &Device,
        tokens: &VoiceTokens,
    ) -> Result<Stage, PlanError> {
        let VoiceTokens { llm, weights, per_second, first } = tokens;
        let (model, weights) = self.catalogue.llm(&format!("{llm}-{weights}"))?;
        let from = format!("{per_second} tokens for a second of sound, at the step of {llm}");
        self.estimated(Engine::Tts, name, &from);
        let step = device.step(model, weights);
        let alone = step.at(1.0);
        let together = Curve::through(step.points().iter().map(|(size, at)| (*size, at / alone)));
        let each = per_second * self.machine.tts.character * alone;
        Ok(Stage {
            place: Place::Gpu,
            workers: VOICE_SLOTS,
            first: Curve::flat(first * alone),
            whole: Curve::line(alone, each),
            together,
        })
    }

    fn on_cores(&self, workers: usize, first: Curve, whole: Curve) -> Stage {
        Stage {
            place: Place::Cores,
            workers: workers.min(self.cores),
            first,
            whole,
            together: None,
        }
    }

    fn gpu_for(&self, name: &str) -> Result<&'a Device, PlanError> {
        self.gpu.ok_or_else(|| PlanError::Unknown {
            kind: "model for cores alone",
            name: name.to_owned(),
            known: "moonshine-tiny, flite, and all language models".to_owned(),
        })
    }

    fn measured(&mut self, engine: Engine, model: &str) {
        self.source(engine, model, Place::Cores, Basis::Measured, self.machine.made_by.clone());
    }

    fn estimated(&mut self, engine: Engine, model: &str, from: &str) {
        let is_on_gpu = self.gpu.is_some();
        let place = if is_on_gpu { Place::Gpu } else { Place::Cores };
        self.source(engine, model, place, Basis::Estimated, from.to_owned());
    }

    fn source(&mut self, engine: Engine, model: &str, place: Place, basis: Basis, from: String) {
        self.sources.push(Source { engine, model: model.to_owned(), place, basis, from });
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Vad => "vad",
            Self::Stt => "stt",
            Self::Endpointing => "endpointing",
            Self::Llm => "llm",
            Self::Tts => "tts",
        })
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Measured => "measured",
            Self::Published => "published",
            Self::Estimated => "estimated",
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cores => "cores",
            Self::Gpu => "GPU",
        })
    }
}
