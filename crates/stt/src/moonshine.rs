//! Moonshine through ONNX Runtime: small English models for short speech, on the CPU.
//!
//! Each worker has its own copy of the model and one thread. Requests are never batched: the
//! weights are 8 bits wide and scaled over the whole batch, so that a caller's words would depend
//! on who else speaks.

mod model;
mod repetition;
mod silence;
mod tokenizer;

use std::{
    num::NonZeroUsize,
    path::PathBuf,
    time::{Duration, Instant},
};

use audio::SampleRate;
use engine::{Cancelled, EngineMetrics, Job, Pool, Priority, Rejected, onnx::Runtime};
use tokio::sync::oneshot;

use self::model::Model;
use crate::{
    Info, MAX_SEGMENT, MIN_SPEECH, Request, SpeechToText, SttError, Transcript, Transcription,
    reply,
};

/// The rate at which the model hears.
const RATE: SampleRate = SampleRate::HZ_16000;

/// Where a model's files lie.
#[derive(Clone, Debug)]
pub struct Files {
    /// `encoder_model.ort` or `.onnx`.
    pub encoder: PathBuf,
    /// `decoder_model_merged.ort` or `.onnx`.
    pub decoder: PathBuf,
    /// `tokenizer.bin`.
    pub tokenizer: PathBuf,
}

/// How the engine runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Requests worked on at once: one thread and one copy of the model each.
    pub workers: NonZeroUsize,
    /// Requests that wait beyond those. Further ones are refused with [`SttError::Overloaded`].
    pub queue: usize,
}

impl Default for Config {
    /// Two workers, as the smallest machine has cores, and 64 waiting requests: about two seconds
    /// of work for them.
    fn default() -> Self {
        const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);
        Self { workers: TWO, queue: 64 }
    }
}

/// A Moonshine model and the workers that run it.
#[derive(Debug)]
pub struct Moonshine {
    pool: Pool<Waiting>,
    metrics: EngineMetrics,
    workers: usize,
}

impl Moonshine {
    /// Loads the model once for each worker, tries each, and starts their threads. Takes a few
    /// tenths of a second for each worker.
    pub fn start(
        runtime: &Runtime,
        files: &Files,
        config: &Config,
        metrics: &EngineMetrics,
    ) -> Result<Self, SttError> {
        let workers = config.workers.get();
        let models = (0..workers)
            .map(|_| Model::load(runtime, files).map(|model| worker(model, metrics.clone())))
            .collect::<Result<Vec<_>, _>>()?;
        let pool = Pool::start("stt", config.queue, models, metrics)
            .map_err(|error| SttError::Load(error.to_string()))?;
        Ok(Self { pool, metrics: metrics.clone(), workers })
    }
}

impl SpeechToText for Moonshine {
    fn transcribe(&self, request: Request) -> Result<Transcription, SttError> {
        let duration = duration_of(&request.samples);
        if duration > MAX_SEGMENT {
            return Err(SttError::TooLong(duration));
        }
        let (result, cancelled, transcription) = reply();
        if duration < MIN_SPEECH {
            // the receiver is `transcription`, alive here
            let _ = result.send(Ok(Transcript::default()));
            return Ok(transcription);
        }
        let waiting = Waiting { request, result, cancelled };
        match self.pool.submit(waiting) {
            Ok(()) => Ok(transcription),
            Err(Rejected::Full(_)) => {
                self.metrics.count_refused();
                Err(SttError::Overloaded)
            }
            Err(Rejected::Closed(_)) => Err(SttError::Stopped),
        }
    }

    fn info(&self) -> Info {
        Info { name: "moonshine".to_owned(), workers: self.workers }
    }

    fn waiting(&self) -> usize {
        self.pool.waiting()
    }
}

/// A request on its way to a worker.
#[derive(Debug)]
struct Waiting {
    request: Request,
    result: oneshot::Sender<Result<Transcript, SttError>>,
    cancelled: Cancelled,
}

impl Job for Waiting {
    fn priority(&self) -> Priority {
        self.request.purpose.priority()
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.is_cancelled()
    }
}

fn worker(mut model: Model, metrics: EngineMetrics) -> impl FnMut(Waiting) + Send + 'static {
    move |waiting| {
        let started = Instant::now();
        let samples = &waiting.request.samples;
        let result = match model.transcribe(samples, &waiting.cancelled) {
            Ok(Some(text)) => {
                metrics.audio(started.elapsed(), duration_of(samples));
                Ok(Transcript { text })
            }
            Ok(None) => return,
            Err(error) => Err(SttError::Model(error.to_string())),
        };
        // nobody may wait any more
        let _ = waiting.result.send(result);
    }
}

fn duration_of(samples: &[f32]) -> Duration {
    RATE.duration_of(samples.len() as u64)
}
