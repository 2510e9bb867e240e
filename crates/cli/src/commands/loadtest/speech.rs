//! What callers say who have no recordings: questions, in the voices that come with the program.

use std::sync::Arc;

use anyhow::{Context, Result};
use audio::Frame;
use engine::Caller;
use loadtest::Recording;
use tts::{Request, SpokenText, TextToSpeech, Urgency};

const VOICES: [&str; 3] = ["slt", "rms", "awb"];

/// Short, each said in one breath, as people ask an assistant, and in a voice in which its words are
/// clear: a caller who is misunderstood measures little.
const QUESTIONS: [(&str, &str); 13] = [
    ("slt", "What is the capital of France?"),
    ("rms", "How is the weather today?"),
    ("awb", "Can you tell me a joke?"),
    ("slt", "What should I cook for dinner?"),
    ("rms", "Why is the sky blue?"),
    ("awb", "Do you like dogs or cats?"),
    ("slt", "Where do penguins live?"),
    ("rms", "How far away is the moon?"),
    ("awb", "What did you do this morning?"),
    ("slt", "How old are you?"),
    ("rms", "Should I learn to play the piano?"),
    ("awb", "How do I make a cup of tea?"),
    ("slt", "What time is it?"),
];

/// All questions.
pub(super) async fn bundled() -> Result<Arc<[Recording]>> {
    let engine = crate::engines::voices(&VOICES)?;
    let mut recordings = Vec::new();
    for (number, (voice, question)) in QUESTIONS.iter().enumerate() {
        let sound = spoken(&*engine, question, voice).await?;
        let name = format!("{voice}-{number:02}");
        recordings.push(Recording { name, sound, transcript: Some((*question).to_owned()) });
    }
    Ok(recordings.into())
}

async fn spoken(engine: &dyn TextToSpeech, text: &str, voice: &str) -> Result<Frame> {
    let request = Request {
        text: SpokenText::new(text).context("a question without words")?,
        voice: Some(voice.into()),
        speed: 1.0,
        urgency: Urgency::First,
        caller: Caller::new(),
    };
    let mut speech = engine.speak(request)?;
    let mut samples = Vec::new();
    while let Some(frame) = speech.next().await {
        samples.extend_from_slice(&frame?.samples);
    }
    Ok(Frame::new(engine.info().rate, samples))
}

#[cfg(test)]
mod tests {
    use audio::level;

    use super::*;

    #[tokio::test]
    async fn each_question_is_spoken_and_its_words_are_known() {
        // where the library is missing the voices have a test of their own that says so
        let Ok(recordings) = bundled().await else { return };
        assert_eq!(recordings.len(), QUESTIONS.len());
        for recording in recordings.iter() {
            assert!(level::trimmed_end(&recording.sound).is_some(), "{}", recording.name);
            assert!(recording.transcript.is_some());
        }
    }
}
