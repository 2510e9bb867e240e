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
use engine::{Cancelled, Claim, EngineMetrics, Job, Pool, Rejected, onnx::Runtime};

use self::model::Model;
use crate::{
    Info, MAX_SEGMENT, MIN_SPEECH, Reply, Request, SpeechToText, SttError, Transcript,
    Transcription, reply,
};

/// The rate at which the model hears.
const RATE: SampleRate = SampleRate::HZ_16000;

/// Fewer characters for each second of sound than this are less than the slowest speaker says.
const FEWEST_PER_SECOND: f32 = 3.0;
/// Sound shorter than this may hold as little.
const LONG_ENOUGH: Duration = Duration::from_secs(1);
/// What is left out at the end of sound that is heard a second time. The model now and then loses
/// a clear sentence whole, and does not lose it in sound that is only a little different.
const LEFT_OUT: Duration = Duration::from_millis(40);

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
        let (reply, transcription) = reply(&request);
        if duration < MIN_SPEECH {
            // the receiver is `transcription`, alive here
            let _ = reply.result.send(Ok(Transcript::default()));
            return Ok(transcription);
        }
        let waiting = Waiting { samples: request.samples, reply };
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
    samples: Box<[f32]>,
    reply: Reply,
}

impl Job for Waiting {
    fn claim(&self) -> Claim {
        self.reply.claim()
    }

    fn is_cancelled(&self) -> bool {
        self.reply.cancelled.is_cancelled()
    }

    /// The model looks between its steps.
    fn way(&self) -> Option<Cancelled> {
        Some(self.reply.cancelled.clone())
    }
}

fn worker(mut model: Model, metrics: EngineMetrics) -> impl FnMut(Waiting) + Send + 'static {
    move |Waiting { samples, reply }| {
        let started = Instant::now();
        let result = match transcribe(&mut model, &samples, &reply.cancelled) {
            Ok(Some(text)) => {
                metrics.audio(started.elapsed(), duration_of(&samples));
                Ok(Transcript { text })
            }
            Ok(None) => return,
            Err(error) => Err(SttError::Model(error.to_string())),
        };
        // nobody may wait any more
        let _ = reply.result.send(result);
    }
}

/// The words of the sound; if they are far too few for it, those of a second hearing where it has
/// more.
fn transcribe(
    model: &mut Model,
    samples: &[f32],
    cancelled: &Cancelled,
) -> ort::Result<Option<String>> {
    let Some(text) = model.transcribe(samples, cancelled)? else { return Ok(None) };
    if !is_too_little(&text, duration_of(samples)) {
        return Ok(Some(text));
    }
    let rest = samples.len().saturating_sub(samples_in(LEFT_OUT));
    let second = model.transcribe(&samples[..rest], cancelled)?;
    Ok(second.map(|second| if second.len() > text.len() { second } else { text }))
}

#[expect(clippy::cast_precision_loss, reason = "a segment has some hundred characters")]
fn is_too_little(text: &str, duration: Duration) -> bool {
    duration >= LONG_ENOUGH
        && (text.chars().count() as f32) < FEWEST_PER_SECOND * duration.as_secs_f32()
}

fn samples_in(duration: Duration) -> usize {
    usize::try_from(RATE.samples_in(duration)).unwrap_or(usize::MAX)
}

fn duration_of(samples: &[f32]) -> Duration {
    RATE.duration_of(samples.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_words_of_much_sound_are_heard_again() {
        for (text, millis, wanted) in [
            ("", 1_500, true),
            ("You", 2_000, true),
            ("Hey guys.", 1_980, false),
            ("Hi.", 600, false),
            ("", 900, false),
        ] {
            let duration = Duration::from_millis(millis);
            assert_eq!(is_too_little(text, duration), wanted, "{text:?} in {millis} ms");
        }
    }
}
