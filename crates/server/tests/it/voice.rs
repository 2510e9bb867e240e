//! Sound that is like speech: no two words of it are alike.

use std::{
    f32::consts::TAU,
    sync::{Arc, Mutex, PoisonError},
};

use audio::{Frame, SampleRate};
use tts::{Speech, TextToSpeech, TtsError};

use crate::harness::VOICE_RATE;

/// How long a sound of the mouth is, on average.
const SOUND_SECONDS: f32 = 0.08;
const SAMPLES_PER_CHARACTER: usize = 800;

/// Speaks a text as vowels, hisses and short gaps that depend on all of it, 50 ms for each
/// character.
#[derive(Default)]
pub(crate) struct BabblingVoice {
    /// The voices that it was asked for.
    pub(crate) voices: Mutex<Vec<Option<Arc<str>>>>,
}

impl TextToSpeech for BabblingVoice {
    fn speak(&self, request: tts::Request) -> Result<Speech, TtsError> {
        let voice = request.voice.clone();
        self.voices.lock().unwrap_or_else(PoisonError::into_inner).push(voice);
        let text = request.text.as_str();
        let samples = babble(VOICE_RATE, text, text.chars().count() * SAMPLES_PER_CHARACTER);
        let (outlet, speech) = tts::speech(&request, samples.len() / 320 + 1);
        for frame in samples.chunks(320) {
            outlet.frames.try_send(Ok(Frame::new(VOICE_RATE, frame))).expect("there is room");
        }
        Ok(speech)
    }

    fn info(&self) -> tts::Info {
        let voices = vec!["one".to_owned(), "two".to_owned()];
        tts::Info { name: "babble".to_owned(), rate: VOICE_RATE, voices, workers: 1 }
    }
}

/// What one sound of the mouth is made of.
struct Mouth {
    pitch: f32,
    formants: [f32; 3],
    breath: f32,
    voiced: f32,
}

/// So many samples of speech that nobody understands, the same ones for the same text.
pub(crate) fn babble(rate: SampleRate, text: &str, samples: usize) -> Vec<f32> {
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let hz = rate.hz() as f32;
    let mut dice = Dice::new(text);
    let mut filters = [Resonance::default(); 3];
    let (mut phase, mut left, mut mouth) = (0.0, 0.0, Mouth::any(&mut dice));
    let mut sound: Vec<f32> = (0..samples)
        .map(|_| {
            left -= 1.0 / hz;
            if left <= 0.0 {
                (left, mouth) = (SOUND_SECONDS * (0.5 + dice.roll()), Mouth::any(&mut dice));
            }
            phase += mouth.pitch / hz;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase %= 1.0;
            let source = mouth.voiced * pulse * 8.0 + mouth.breath * (dice.roll() - 0.5);
            let formants = filters.iter_mut().zip(mouth.formants);
            formants.map(|(filter, formant)| filter.next(source, formant / hz)).sum()
        })
        .collect();
    let peak = audio::level::peak(&sound).max(f32::EPSILON);
    for sample in &mut sound {
        *sample *= 0.5 / peak;
    }
    sound
}

impl Mouth {
    fn any(dice: &mut Dice) -> Self {
        let pitch = 90.0 + 90.0 * dice.roll();
        let formants = [
            300.0 + 500.0 * dice.roll(),
            900.0 + 1_300.0 * dice.roll(),
            2_300.0 + 1_000.0 * dice.roll(),
        ];
        let (breath, voiced) = match dice.roll() {
            kind if kind < 0.7 => (0.1, 1.0),
            kind if kind < 0.95 => (1.0, 0.0),
            _ => (0.0, 0.0),
        };
        Self { pitch, formants, breath, voiced }
    }
}

/// A filter that rings at one frequency.
#[derive(Clone, Copy, Default)]
struct Resonance {
    before: [f32; 2],
}

impl Resonance {
    /// `frequency` is a share of the rate.
    fn next(&mut self, input: f32, frequency: f32) -> f32 {
        const DECAY: f32 = 0.975;
        let [last, older] = self.before;
        let output = input + 2.0 * DECAY * (TAU * frequency).cos() * last - DECAY * DECAY * older;
        self.before = [output, last];
        output
    }
}

/// Chance that is the same each time.
struct Dice(u64);

impl Dice {
    fn new(text: &str) -> Self {
        let seed = text.bytes().fold(0xcbf2_9ce4_8422_2325, |seed: u64, byte| {
            (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(seed | 1)
    }

    /// From 0 to 1.
    fn roll(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
        let share = (self.0 >> 40) as f32 / (1u32 << 24) as f32;
        share
    }
}
