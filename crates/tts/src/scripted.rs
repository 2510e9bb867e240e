//! Text-to-speech without a voice, for tests: a tone as long as the text.

use std::{f32::consts::TAU, time::Duration};

use audio::{Frame, SampleRate};

use crate::{Info, Request, Speech, SpokenText, TextToSpeech, TtsError, speech};

/// Speaks every character as 50 ms of a tone whose pitch the voice's name gives in Hz (440 without
/// one), in frames of 20 ms; a word ends with its last character. A text that contains `!error`
/// fails.
#[derive(Debug)]
pub struct Scripted {
    rate: SampleRate,
}

/// Frames a second: 20 ms each.
const FRAMES_PER_SECOND: u32 = 50;
const FRAMES_PER_CHARACTER: f32 = 2.5;
const SECONDS_PER_CHARACTER: f64 = 0.05;
const AMPLITUDE: f32 = 0.5;

impl Scripted {
    /// A voice of this rate.
    pub fn new(rate: SampleRate) -> Self {
        Self { rate }
    }
}

impl TextToSpeech for Scripted {
    fn speak(&self, request: Request) -> Result<Speech, TtsError> {
        let text = request.text.as_str();
        let pitch: f32 = match request.voice.as_deref() {
            None => 440.0,
            Some(name) => name.parse().map_err(|_| TtsError::UnknownVoice(name.to_owned()))?,
        };
        if text.contains("!error") {
            return Err(TtsError::Model("as the script says".to_owned()));
        }
        #[expect(clippy::cast_precision_loss, reason = "a test's text is short")]
        let frames = text.chars().count() as f32 * FRAMES_PER_CHARACTER / request.speed;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number"
        )]
        let frames = (frames.ceil() as usize).max(1);
        let (mut outlet, speech) = speech(&request, frames);
        outlet.tell_words(word_ends(&request.text, request.speed));
        let samples_per_frame = (self.rate.hz() / FRAMES_PER_SECOND) as usize;
        for number in 0..frames {
            let samples: Vec<f32> = (0..samples_per_frame)
                .map(|index| tone(self.rate, pitch, number * samples_per_frame + index))
                .collect();
            // there is room for every frame, and the receiver is `speech`
            let _ = outlet.frames.try_send(Ok(Frame::new(self.rate, samples)));
        }
        Ok(speech)
    }

    fn info(&self) -> Info {
        Info {
            name: "scripted".to_owned(),
            rate: self.rate,
            voices: vec!["440".to_owned()],
            workers: 1,
        }
    }
}

fn word_ends(text: &SpokenText, speed: f32) -> Vec<Duration> {
    let mut characters: u32 = 0;
    text.words()
        .map(|word| {
            characters += u32::try_from(word.len()).unwrap_or(u32::MAX);
            let end = SECONDS_PER_CHARACTER * f64::from(characters) / f64::from(speed);
            // the space after it
            characters += 1;
            Duration::from_secs_f64(end)
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "a test's sound is short")]
fn tone(rate: SampleRate, pitch: f32, sample: usize) -> f32 {
    AMPLITUDE * (TAU * pitch * sample as f32 / rate.hz() as f32).sin()
}

#[cfg(test)]
mod tests {
    use engine::Caller;

    use super::*;
    use crate::Urgency;

    fn ask(text: &str, speed: f32) -> Speech {
        let text = SpokenText::new(text).unwrap();
        let caller = Caller::new();
        let request = Request { text, voice: None, speed, urgency: Urgency::First, caller };
        Scripted::new(SampleRate::HZ_16000).speak(request).unwrap()
    }

    #[tokio::test]
    async fn words_end_with_their_last_character() {
        for (speed, expected) in [(1.0, [150, 350, 600]), (2.0, [75, 175, 300])] {
            let mut speech = ask("One two four", speed);
            let ends: Vec<_> = speech.words().unwrap().iter().map(Duration::as_millis).collect();
            assert_eq!(ends, expected);
            let mut length = Duration::ZERO;
            while let Some(frame) = speech.next().await {
                length += frame.unwrap().duration();
            }
            assert_eq!(length.as_millis(), expected[2]);
        }
    }
}
