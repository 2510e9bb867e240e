//! All turns as comma-separated values, for spreadsheets and scripts.

use std::fmt::Display;

use crate::{Act, Outcome, TurnOutcome};

/// A field's name, and what it holds in a turn.
type Column = (&'static str, fn(&TurnOutcome) -> String);

const COLUMNS: [Column; 30] = [
    ("at", |turn| number(Some(turn.at))),
    ("caller", |turn| turn.caller.to_string()),
    ("act", |turn| act(turn.act).to_owned()),
    ("clip", |turn| turn.clip.clone()),
    ("speech_ms", |turn| number(Some(turn.speech_ms))),
    ("voice_to_voice_ms", |turn| number(turn.voice_to_voice_ms)),
    ("answered_early", |turn| turn.answered_early.to_string()),
    ("leading_silence_ms", |turn| number(turn.leading_silence_ms)),
    ("speech_end_to_turn_end_ms", |turn| field(turn.parts.speech_end_to_turn_end_ms)),
    ("speech_end_to_transcript_ms", |turn| field(turn.parts.speech_end_to_transcript_ms)),
    ("speech_end_to_first_token_ms", |turn| field(turn.parts.speech_end_to_first_token_ms)),
    ("speech_end_to_first_sentence_ms", |turn| field(turn.parts.speech_end_to_first_sentence_ms)),
    ("speech_end_to_first_audio_ms", |turn| field(turn.parts.speech_end_to_first_audio_ms)),
    ("speech_end_to_first_audio_sent_ms", |turn| {
        field(turn.parts.speech_end_to_first_audio_sent_ms)
    }),
    ("speculative", |turn| turn.parts.speculative.to_string()),
    ("saved_ms", |turn| field(turn.parts.saved_ms)),
    ("transcript_arrived_ms", |turn| number(turn.transcript_arrived_ms)),
    ("first_words_arrived_ms", |turn| number(turn.first_words_arrived_ms)),
    ("first_sound_arrived_ms", |turn| number(turn.first_sound_arrived_ms)),
    ("last_sound_arrived_ms", |turn| number(turn.last_sound_arrived_ms)),
    ("answer_ms", |turn| number(Some(turn.answer_ms))),
    ("underruns", |turn| turn.underruns.to_string()),
    ("stop_ms", |turn| number(turn.stop_ms)),
    ("understood", |turn| turn.understood.clone()),
    ("word_errors", |turn| field(turn.word_errors.map(|errors| errors.0))),
    ("words", |turn| field(turn.word_errors.map(|errors| errors.1))),
    ("answer", |turn| turn.answer.clone()),
    ("heard", |turn| field(turn.heard.as_ref())),
    ("answer_errors", |turn| field(turn.answer_errors.map(|errors| errors.0))),
    ("answer_words", |turn| field(turn.answer_errors.map(|errors| errors.1))),
];

/// A line for each turn, those outside the warm window as well, after one with the names. What is
/// not known is empty.
pub fn csv(outcome: &Outcome) -> String {
    let (from, to) = outcome.window;
    let mut lines = String::new();
    let names = COLUMNS.map(|(name, _)| name.to_owned());
    line(&mut lines, names.into_iter().chain(["failure", "in_window"].map(str::to_owned)));
    for turn in &outcome.turns {
        let in_window = (from..=to).contains(&turn.at).to_string();
        let fields = COLUMNS.map(|(_, column)| column(turn));
        line(&mut lines, fields.into_iter().chain([field(turn.failure.as_ref()), in_window]));
    }
    lines
}

/// As RFC 4180 has it.
fn line(lines: &mut String, fields: impl Iterator<Item = String>) {
    let quoted: Vec<String> = fields.map(quoted).collect();
    lines.push_str(&quoted.join(","));
    lines.push_str("\r\n");
}

fn quoted(field: String) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field
}

fn field(value: Option<impl Display>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// To the microsecond.
fn number(value: Option<f64>) -> String {
    let value = value.filter(|value| value.is_finite());
    value.map_or_else(String::new, |value| format!("{:.3}", value + 0.0))
}

fn act(act: Act) -> &'static str {
    match act {
        Act::Asked => "asked",
        Act::Interrupted => "interrupted",
    }
}
