//! How long the voice takes.

use std::time::Instant;

use anyhow::{Context, Result};
use audio::{Frame, Resampler, SampleRate, level};
use engine::Caller;
use planner::Sentences;
use tts::{Request, SpokenText, TextToSpeech, Urgency};

use super::{RUNS, curve, real};

/// Sentences of growing length.
const SENTENCES: [&str; 3] = [
    "Of course.",
    "The keeper climbed the stairs each evening.",
    "The keeper climbed the stairs each evening with a lamp and a small can of oil, and did not come \
     down again before the morning.",
];

/// A sentence's times, and its sound.
struct Spoken {
    first: f64,
    whole: f64,
    sound: Frame,
}

/// Measures; gives the sound of the longest sentence as the engines hear it, too.
pub(super) async fn measure(tts: &dyn TextToSpeech) -> Result<(Sentences, Vec<f32>)> {
    let (mut first, mut whole, mut last) = (Vec::new(), Vec::new(), None);
    for sentence in SENTENCES {
        let spoken = shortest(tts, sentence).await?;
        first.push((real(sentence.len()), spoken.first));
        whole.push((real(sentence.len()), spoken.whole));
        last = Some((sentence, spoken.sound));
    }
    let (sentence, sound) = last.context("nothing was said")?;
    let sentences = Sentences {
        first: curve(first)?,
        whole: curve(whole)?,
        character: sound.duration().as_secs_f64() / real(sentence.len()),
        lead: level::onset(&sound).context("the voice is silent")?.as_secs_f64(),
    };
    let mut samples = Vec::new();
    let mut resampler = Resampler::new(sound.rate, SampleRate::HZ_16000);
    resampler.push(&sound.samples, &mut samples);
    resampler.flush(&mut samples);
    Ok((sentences, samples))
}

async fn shortest(tts: &dyn TextToSpeech, sentence: &str) -> Result<Spoken> {
    let mut best = speak(tts, sentence).await?;
    for _ in 1..RUNS {
        let spoken = speak(tts, sentence).await?;
        best.first = best.first.min(spoken.first);
        best.whole = best.whole.min(spoken.whole);
    }
    Ok(best)
}

async fn speak(tts: &dyn TextToSpeech, sentence: &str) -> Result<Spoken> {
    let text = SpokenText::new(sentence).context("a sentence without words")?;
    let (urgency, caller) = (Urgency::First, Caller::new());
    let started = Instant::now();
    let mut speech = tts.speak(Request { text, voice: None, speed: 1.0, urgency, caller })?;
    let (mut first, mut samples) = (None, Vec::new());
    while let Some(frame) = speech.next().await {
        first.get_or_insert_with(|| started.elapsed().as_secs_f64());
        samples.extend_from_slice(&frame?.samples);
    }
    let whole = started.elapsed().as_secs_f64();
    let sound = Frame::new(tts.info().rate, samples);
    Ok(Spoken { first: first.unwrap_or(whole), whole, sound })
}
