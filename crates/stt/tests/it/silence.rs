//! Silence and noise on the way a session takes: transcribed is what is speech.

use engine::Metrics;
use stt::{Purpose, Request, SpeechToText, moonshine::Moonshine};
use vad::{Engine, FRAME_SAMPLES, Stream};

use crate::models;

/// Above this a frame counts as speech, as in the turn detector.
const SPEECH: f32 = 0.5;

/// What is heard in the speech among these samples; all of it is taken for one stretch.
async fn heard(stream: &mut Stream, moonshine: &Moonshine, samples: &[f32]) -> String {
    let mut spoken: Vec<f32> = vec![];
    for frame in samples.chunks_exact(FRAME_SAMPLES) {
        if stream.probability(frame.into()).await.expect("the model runs") > SPEECH {
            spoken.extend_from_slice(frame);
        }
    }
    let samples = spoken.into();
    let purpose = Purpose::Final;
    let transcription =
        moonshine.transcribe(Request { samples, purpose, caller: engine::Caller::new() });
    let transcription = transcription.expect("there is room in the queue");
    transcription.await.expect("the model runs").text
}

/// White noise of this peak, the same in each run.
fn noise(seconds: usize, peak: f32) -> Vec<f32> {
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(seed >> 16).expect("half of a number")) / 32_767.5 - 1.0
    };
    (0..seconds * 16_000).map(|_| next() * peak).collect()
}

#[tokio::test]
async fn silence_and_noise_have_no_words() {
    let (Some(silero), Some(moonshine)) = (models::silero(), models::moonshine(1, 1)) else {
        return;
    };
    let metrics = Metrics::unregistered().engine("vad");
    let vad = Engine::start(Box::new(silero), 1, &metrics).unwrap();
    for peak in [0.0, 0.000_5, 0.01, 0.1, 0.5] {
        let heard = heard(&mut vad.open(), &moonshine, &noise(5, peak)).await;
        assert_eq!(heard, "", "noise of {peak}");
    }
}

#[tokio::test]
async fn speech_has_words() {
    let (Some(silero), Some(moonshine)) = (models::silero(), models::moonshine(1, 1)) else {
        return;
    };
    let Some(speech) = models::speech() else {
        return;
    };
    let metrics = Metrics::unregistered().engine("vad");
    let vad = Engine::start(Box::new(silero), 1, &metrics).unwrap();
    for recording in speech {
        let heard = heard(&mut vad.open(), &moonshine, &recording.samples).await;
        assert_ne!(heard, "", "{}", recording.name);
    }
}
