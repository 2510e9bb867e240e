//! What one caller hears holds nothing of another's sound or words.

use std::f64::consts::TAU;

use llm::Message;
use protocol::{ClientMessage, ServerMessage};

use crate::{
    client::{Client, OUTPUT_RATE},
    harness::{Setup, echo},
};

/// The energy at this pitch, relative to all energy, in decibels (Goertzel, Hann window).
fn energy_at(pitch: f64, samples: &[f32]) -> f64 {
    let (mut re, mut im, mut total) = (0.0, 0.0, 0.0);
    #[expect(clippy::cast_precision_loss, reason = "a test's sound is short")]
    let length = samples.len() as f64;
    for (index, sample) in samples.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a test's sound is short")]
        let index = index as f64;
        let window = 0.5 - 0.5 * (TAU * index / length).cos();
        let value = f64::from(*sample) * window;
        let phase = TAU * pitch * index / f64::from(OUTPUT_RATE.hz());
        re += value * phase.cos();
        im += value * phase.sin();
        total += value * value;
    }
    // a pure tone of this pitch gives 0 dB
    10.0 * (3.0 * (re * re + im * im) / (length * total)).log10()
}

fn is_audio_end(message: &ServerMessage<'_>) -> bool {
    matches!(message, ServerMessage::AudioEnd { .. })
}

#[tokio::test]
async fn one_callers_tone_is_not_in_anothers_sound() {
    let server = Setup::answering(echo).start().await;
    let (mut low, mut high) = (Client::extended(&server).await, Client::extended(&server).await);
    let mut last = (0, 0);
    for _ in 0..3 {
        last = (low.heard.len(), high.heard.len());
        low.say(&ClientMessage::Text("now say 500 to me".to_owned())).await;
        high.say(&ClientMessage::Text("now say 1300 to me".to_owned())).await;
        tokio::join!(low.until(is_audio_end), high.until(is_audio_end));
    }
    let (low, high) = (&low.heard[last.0..], &high.heard[last.1..]);
    for (heard, own, foreign) in [(low, 500.0, 1_300.0), (high, 1_300.0, 500.0)] {
        let (own, foreign) = (energy_at(own, heard), energy_at(foreign, heard));
        assert!(own > -6.0, "the own tone is at {own:.1} dB");
        assert!(foreign < own - 60.0, "the other's tone is at {foreign:.1} dB");
    }
}

#[tokio::test]
async fn one_callers_words_are_never_in_anothers_conversation() {
    let everything = |messages: &[Message]| {
        let words: Vec<&str> = messages[1..].iter().map(|message| &*message.text).collect();
        words.join(" and ")
    };
    let server = Setup::answering(everything).start().await;
    let mut callers = Vec::new();
    for number in 0..4 {
        callers.push((Client::extended(&server).await, format!("secret{number}")));
    }
    for round in 0..3 {
        for (caller, secret) in &mut callers {
            caller.say(&ClientMessage::Text(format!("{secret} in round {round}"))).await;
        }
        for (caller, _) in &mut callers {
            caller.until(is_audio_end).await;
        }
    }
    for (caller, secret) in &callers {
        let seen = format!("{:?}", caller.log);
        assert!(seen.contains(secret));
        for foreign in (0..4).map(|number| format!("secret{number}")).filter(|it| it != secret) {
            assert!(!seen.contains(&foreign), "{secret} sees {foreign}");
        }
    }
}
