//! flite, a small synthesiser from the 2000s: robust, a hundred times faster than speech on one
//! core, and in every Debian. Its libraries are opened when the server starts.

mod sys;
mod trim;

use std::{
    ffi::CString,
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use audio::{Frame, Rechunker, SampleRate, pcm16};
use engine::{EngineMetrics, Job, Pool, Priority, Rejected};
use tokio::sync::mpsc::error::TrySendError;

use self::{
    sys::{Synthesiser, Voice},
    trim::Trimmer,
};
use crate::{Info, Outlet, Request, Speech, TextToSpeech, TtsError, speech};

/// What all voices here speak.
const RATE: SampleRate = SampleRate::HZ_16000;

/// The voices that come with flite and speak at 16 kHz: female; male; male, Scottish; robotic.
pub const VOICES: [&str; 4] = ["slt", "rms", "awb", "kal16"];

/// Frames of 20 ms.
const FRAMES_PER_SECOND: u32 = 50;

/// A sign like `%`, which is two words, sounds for 0.8 s; no character sounds longer.
const FRAMES_PER_CHARACTER: f32 = 40.0;

/// How flite is run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Some of [`VOICES`]; the first is the default.
    pub voices: Vec<String>,
    /// Sentences spoken at once, one thread each; at least one.
    pub workers: usize,
    /// Sentences that may wait for a worker. The next one is refused: at a hundred times the speed
    /// of speech a long queue means that something is wrong.
    pub queue: usize,
}

impl Default for Config {
    /// The clearest voice, and a worker for each of two cores.
    fn default() -> Self {
        Self { voices: vec!["slt".to_owned()], workers: 2, queue: 64 }
    }
}

/// The flite engine. Dropping it forgets the sentences that wait and joins its threads.
#[derive(Debug)]
pub struct Flite {
    pool: Pool<Sentence>,
    voices: Vec<(String, Voice)>,
    workers: usize,
    metrics: EngineMetrics,
}

/// A sentence on its way to a worker.
#[derive(Debug)]
struct Sentence {
    text: CString,
    voice: Voice,
    stretch: f32,
    priority: Priority,
    outlet: Outlet,
}

impl Job for Sentence {
    fn priority(&self) -> Priority {
        self.priority
    }
    fn is_cancelled(&self) -> bool {
        self.outlet.cancelled.is_cancelled()
    }
}

impl Flite {
    /// Opens the libraries and the voices, and starts the workers.
    pub fn start(config: &Config, metrics: &EngineMetrics) -> Result<Self, TtsError> {
        let synthesiser = Synthesiser::load().map_err(|error| missing(&error))?;
        let voices = config
            .voices
            .iter()
            .map(|name| Ok((name.clone(), open_voice(synthesiser, name)?)))
            .collect::<Result<Vec<_>, TtsError>>()?;
        if voices.is_empty() {
            return Err(TtsError::Load("no voice is configured".to_owned()));
        }
        let workers = config.workers.max(1);
        let worker = || {
            let metrics = metrics.clone();
            move |sentence| speak(synthesiser, sentence, &metrics)
        };
        let workers_of_pool = std::iter::repeat_with(worker).take(workers).collect();
        let pool = Pool::start("flite", config.queue, workers_of_pool, metrics)
            .map_err(|error| TtsError::Load(error.to_string()))?;
        Ok(Self { pool, voices, workers, metrics: metrics.clone() })
    }

    fn voice(&self, name: Option<&Arc<str>>) -> Result<Voice, TtsError> {
        let Some(name) = name else { return Ok(self.voices[0].1) };
        let voice = self.voices.iter().find(|(known, _)| **known == **name);
        voice.map(|(_, voice)| *voice).ok_or_else(|| TtsError::UnknownVoice(name.to_string()))
    }
}

impl TextToSpeech for Flite {
    fn speak(&self, request: Request) -> Result<Speech, TtsError> {
        let voice = self.voice(request.voice.as_ref())?;
        let text = request.text.as_str();
        let stretch = stretch(request.speed);
        let (outlet, speech) = speech(capacity(text, stretch));
        let text = CString::new(text).map_err(|error| TtsError::Model(error.to_string()))?;
        let priority = request.urgency.priority();
        let sentence = Sentence { text, voice, stretch, priority, outlet };
        match self.pool.submit(sentence) {
            Ok(()) => Ok(speech),
            Err(Rejected::Full(_)) => {
                self.metrics.count_refused();
                Err(TtsError::Overloaded)
            }
            Err(Rejected::Closed(_)) => Err(TtsError::Stopped),
        }
    }

    fn info(&self) -> Info {
        Info {
            name: "flite".to_owned(),
            rate: RATE,
            voices: self.voices.iter().map(|(name, _)| name.clone()).collect(),
            workers: self.workers,
        }
    }
}

fn open_voice(synthesiser: Synthesiser, name: &str) -> Result<Voice, TtsError> {
    // a name that came from elsewhere must not choose the library
    if !VOICES.contains(&name) {
        return Err(TtsError::UnknownVoice(name.to_owned()));
    }
    let voice = Voice::open(synthesiser, name).map_err(|error| missing(&error))?;
    voice.ok_or_else(|| TtsError::Load(format!("flite could not register the voice `{name}`")))
}

fn missing(error: &libloading::Error) -> TtsError {
    TtsError::Load(format!("install the Debian package libflite1 ({error})"))
}

/// How much longer than by itself the voice speaks.
fn stretch(speed: f32) -> f32 {
    let speed = if speed.is_nan() { 1.0 } else { speed };
    1.0 / speed.clamp(0.5, 2.0)
}

/// Frames enough for any text of this length, so that no worker ever waits for a listener.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a sentence has at most 400 characters"
)]
fn capacity(text: &str, stretch: f32) -> usize {
    let frames = text.len() as f32 * FRAMES_PER_CHARACTER * stretch;
    frames as usize + FRAMES_PER_SECOND as usize
}

/// What a worker does.
fn speak(synthesiser: Synthesiser, sentence: Sentence, metrics: &EngineMetrics) {
    let started = Instant::now();
    let Sentence { text, voice, stretch, outlet, .. } = sentence;
    let mut mouth = Mouth::new(outlet);
    let spoken =
        synthesiser.speak(voice, &text, stretch, &mut |samples, rate| mouth.take(samples, rate));
    if spoken.is_err() {
        mouth.fail("flite made no sound of a sentence");
    }
    metrics.audio(started.elapsed(), mouth.finish());
}

/// Turns what flite gives into frames, and passes them on.
#[derive(Debug)]
struct Mouth {
    outlet: Outlet,
    trimmer: Trimmer,
    frames: Rechunker,
    synthesised: u64,
    is_closed: bool,
    decoded: Vec<f32>,
    trimmed: Vec<f32>,
}

impl Mouth {
    fn new(outlet: Outlet) -> Self {
        Self {
            outlet,
            trimmer: Trimmer::new(RATE),
            frames: Rechunker::new((RATE.hz() / FRAMES_PER_SECOND) as usize),
            synthesised: 0,
            is_closed: false,
            decoded: Vec::new(),
            trimmed: Vec::new(),
        }
    }

    fn take(&mut self, samples: &[i16], rate: i32) -> ControlFlow<()> {
        if self.outlet.cancelled.is_cancelled() {
            self.is_closed = true;
        } else if u32::try_from(rate) != Ok(RATE.hz()) {
            self.fail(&format!("a voice speaks at {rate} Hz instead of {RATE}"));
        } else {
            self.synthesised += samples.len() as u64;
            self.decoded.clear();
            pcm16::decode(samples, &mut self.decoded);
            self.trimmer.push(&self.decoded, &mut self.trimmed);
            self.pass_on();
        }
        if self.is_closed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Ends the sentence and tells how much sound was made for it.
    fn finish(mut self) -> Duration {
        if !self.is_closed {
            self.trimmer.finish(&mut self.trimmed);
            self.pass_on();
            let rest = self.frames.remainder();
            if !rest.is_empty() {
                self.send(Ok(Frame::new(RATE, rest)));
            }
        }
        RATE.duration_of(self.synthesised)
    }

    fn fail(&mut self, why: &str) {
        if !self.is_closed {
            self.send(Err(TtsError::Model(why.to_owned())));
            self.is_closed = true;
        }
    }

    fn pass_on(&mut self) {
        let frames: Vec<_> = self.frames.push(&self.trimmed).collect();
        self.trimmed.clear();
        for samples in frames {
            self.send(Ok(Frame::new(RATE, samples)));
        }
    }

    fn send(&mut self, frame: Result<Frame, TtsError>) {
        match self.outlet.frames.try_send(frame) {
            Ok(()) => {}
            Err(TrySendError::Closed(_)) => self.is_closed = true,
            Err(TrySendError::Full(_)) => {
                tracing::error!("a sentence sounds longer than its text can");
                self.is_closed = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letting_go_of_a_sentence_stops_it() {
        let (outlet, speech) = speech(10);
        let mut mouth = Mouth::new(outlet);
        assert_eq!(mouth.take(&[20_000; 640], 16_000), ControlFlow::Continue(()));
        drop(speech);
        assert_eq!(mouth.take(&[20_000; 640], 16_000), ControlFlow::Break(()));
        assert_eq!(mouth.finish(), Duration::from_millis(40));
    }

    #[test]
    fn a_sentence_that_nobody_hears_ends_without_waiting() {
        let (outlet, _speech) = speech(1);
        let mut mouth = Mouth::new(outlet);
        assert_eq!(mouth.take(&[20_000; 640], 16_000), ControlFlow::Break(()));
    }

    #[tokio::test]
    async fn a_voice_of_another_rate_is_an_error() {
        let (outlet, mut speech) = speech(1);
        let mut mouth = Mouth::new(outlet);
        assert_eq!(mouth.take(&[0; 8], 8_000), ControlFlow::Break(()));
        drop(mouth);
        let Some(Err(TtsError::Model(why))) = speech.next().await else { panic!("no error") };
        assert_eq!(why, "a voice speaks at 8000 Hz instead of 16000 Hz");
        assert!(speech.next().await.is_none());
    }

    #[test]
    fn speed_is_kept_within_reason() {
        for (speed, expected) in [(1.0, 1.0), (2.0, 0.5), (9.0, 0.5), (0.0, 2.0), (f32::NAN, 1.0)] {
            assert!((stretch(speed) - expected).abs() < 1e-6, "of {speed}");
        }
    }
}
