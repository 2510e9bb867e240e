//! flite, a small synthesiser from the 2000s: robust, a hundred times faster than speech on one
//! core, and in every Debian. Its libraries are opened when the server starts.

mod sys;
mod trim;
mod words;

use std::{
    ffi::CString,
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use audio::{Frame, Rechunker, SampleRate, pcm16};
use engine::{Claim, EngineMetrics, Job, Pool, Rejected};
use tokio::sync::mpsc::error::TrySendError;

use self::{
    sys::{Listen, Synthesiser, Voice},
    trim::Trimmer,
    words::Token,
};
use crate::{Info, Outlet, Request, Speech, SpokenText, TextToSpeech, TtsError, speech};

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
    text: SpokenText,
    voice: Voice,
    stretch: f32,
    outlet: Outlet,
}

impl Job for Sentence {
    fn claim(&self) -> Claim {
        self.outlet.claim()
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
        let stretch = stretch(request.speed);
        let (outlet, speech) = speech(&request, capacity(request.text.as_str(), stretch));
        let text = request.text;
        let sentence = Sentence { text, voice, stretch, outlet };
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
    let c_text = CString::new(text.as_str()).expect("spoken text is printable");
    let mut mouth = Mouth::new(text, outlet);
    if synthesiser.speak(voice, &c_text, stretch, &mut mouth).is_err() {
        mouth.fail("flite made no sound of a sentence");
    }
    metrics.audio(started.elapsed(), mouth.finish());
}

/// Turns what flite gives into frames, and passes them on.
#[derive(Debug)]
struct Mouth {
    text: SpokenText,
    /// When each word ends in what flite gives, until the sound begins.
    word_ends: Option<Vec<Duration>>,
    outlet: Outlet,
    trimmer: Trimmer,
    frames: Rechunker,
    synthesised: u64,
    is_closed: bool,
    decoded: Vec<f32>,
    trimmed: Vec<f32>,
}

impl Mouth {
    fn new(text: SpokenText, outlet: Outlet) -> Self {
        Self {
            text,
            word_ends: None,
            outlet,
            trimmer: Trimmer::new(RATE),
            frames: Rechunker::new((RATE.hz() / FRAMES_PER_SECOND) as usize),
            synthesised: 0,
            is_closed: false,
            decoded: Vec::new(),
            trimmed: Vec::new(),
        }
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

    /// The words end earlier by the silence that is left out before them.
    fn tell_words(&mut self) {
        if self.trimmed.is_empty() {
            return;
        }
        if let Some(mut ends) = self.word_ends.take() {
            let cut = RATE.duration_of(self.trimmer.cut() as u64);
            for end in &mut ends {
                *end = end.saturating_sub(cut);
            }
            self.outlet.tell_words(ends);
        }
    }

    fn pass_on(&mut self) {
        self.tell_words();
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

impl Listen for Mouth {
    fn tokens(&mut self, tokens: Vec<Token>) {
        self.word_ends = words::ends(self.text.words(), &tokens);
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
}

#[cfg(test)]
mod tests {
    use engine::Caller;

    use super::*;
    use crate::Urgency;

    fn mouth(outlet: Outlet) -> Mouth {
        Mouth::new(SpokenText::new("Well, hello.").unwrap(), outlet)
    }

    fn pair(capacity: usize) -> (Outlet, Speech) {
        let text = SpokenText::new("Hello.").unwrap();
        let (urgency, caller) = (Urgency::First, Caller::new());
        speech(&Request { text, voice: None, speed: 1.0, urgency, caller }, capacity)
    }

    #[test]
    fn words_end_earlier_by_the_silence_before_them() {
        let (outlet, mut speech) = pair(10);
        let mut mouth = mouth(outlet);
        let token = |name: &str, end| Token {
            name: name.to_owned(),
            end: Some(Duration::from_millis(end)),
        };
        mouth.tokens(vec![token("Well", 300), token("hello", 500)]);
        assert_eq!(mouth.take(&[0; 3_200], 16_000), ControlFlow::Continue(()));
        assert_eq!(speech.words(), None);
        assert_eq!(mouth.take(&[20_000; 640], 16_000), ControlFlow::Continue(()));
        // of 200 ms of silence 15 ms are kept
        assert_eq!(speech.words(), Some([115, 315].map(Duration::from_millis).to_vec()));
    }

    #[test]
    fn letting_go_of_a_sentence_stops_it() {
        let (outlet, speech) = pair(10);
        let mut mouth = mouth(outlet);
        assert_eq!(mouth.take(&[20_000; 640], 16_000), ControlFlow::Continue(()));
        drop(speech);
        assert_eq!(mouth.take(&[20_000; 640], 16_000), ControlFlow::Break(()));
        assert_eq!(mouth.finish(), Duration::from_millis(40));
    }

    #[test]
    fn a_sentence_that_nobody_hears_ends_without_waiting() {
        let (outlet, _speech) = pair(1);
        let mut mouth = mouth(outlet);
        assert_eq!(mouth.take(&[20_000; 640], 16_000), ControlFlow::Break(()));
    }

    #[tokio::test]
    async fn a_voice_of_another_rate_is_an_error() {
        let (outlet, mut speech) = pair(1);
        let mut mouth = mouth(outlet);
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
