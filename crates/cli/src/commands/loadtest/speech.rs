//! What callers say who have no recordings: questions, in the voices that come with the program.

use std::sync::Arc;

use anyhow::{Context, Result};
use audio::Frame;
use engine::Caller;
use loadtest::Recording;
use tts::{Request, SpokenText, TextToSpeech, Urgency};

const VOICES: [&str; 3] = ["slt", "rms", "awb"];

/// Short, each said in one breath, and as people ask an assistant.
const QUESTIONS: [&str; 12] = [
    "What is the capital of France?",
    "Do you like dogs or cats?",
    "How is the weather today?",
    "Can you tell me a joke?",
    "What should I cook for dinner?",
    "Who wrote this song?",
    "Where do penguins live?",
    "Why is the sky blue?",
    "What is your favorite color?",
    "How far away is the moon?",
    "Can you help me with my homework?",
    "What did you do this morning?",
];

/// Every question, each in one of the voices.
pub(super) async fn bundled() -> Result<Arc<[Recording]>> {
    let engine = crate::engines::voices(&VOICES)?;
    let mut recordings = Vec::new();
    for (number, (question, voice)) in QUESTIONS.iter().zip(VOICES.iter().cycle()).enumerate() {
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
