//! How decisions are written: as much as it takes to tell that two are the same. Prompts and
//! answers grow with each of them, so only their ends are kept.

use std::time::Duration;

use llm::Message;
use serde_json::{Value, json};
use session::{Action, Done, Event, Failure, FailureCode, Said, State, TurnTimings};

use crate::forms::as_nanos;

/// So much of the end of an answer tells it from others, together with its length.
const END_CHARACTERS: usize = 16;

/// The decision in short.
pub(crate) fn form(action: &Action) -> Value {
    match action {
        Action::BeginTurn => json!("begin_turn"),
        Action::Transcribe(pause) => json!({ "transcribe": pause }),
        Action::Pause(pause) => json!({ "pause": pause }),
        Action::Assess(pause) => json!({ "assess": pause }),
        Action::TranscribePartly => json!("transcribe_partly"),
        Action::ResumeTurn => json!("resume_turn"),
        Action::ForgetTurn => json!("forget_turn"),
        Action::ReadAhead(prompt) => json!({ "read_ahead": end_of_prompt(prompt) }),
        Action::Respond { response, prompt, voice, speculative } => json!({ "respond": {
            "response": response.0,
            "prompt": end_of_prompt(prompt),
            "voice": voice.as_deref(),
            "speculative": speculative,
        } }),
        Action::Confirm => json!("confirm"),
        Action::Drop(response) => json!({ "drop": response.0 }),
        Action::Finish => json!("finish"),
        Action::Play => json!("play"),
        Action::Forget(frames) => json!({ "forget": frames }),
        Action::Rewind(frames) => json!({ "rewind": frames }),
        Action::Tell(event) => json!({ "tell": told(event) }),
    }
}

fn told(event: &Event) -> Value {
    match event {
        Event::PartialTranscript { text, settled } => {
            json!({ "partial_transcript": { "text": text, "settled": settled } })
        }
        Event::FinalTranscript(text) => json!({ "final_transcript": &**text }),
        Event::PartialAnswer { response, text } => json!({ "partial_answer": {
            "response": response.0, "bytes": text.len(), "end": end_of(text),
        } }),
        Event::FinalAnswer { response, text, interrupted } => json!({ "final_answer": {
            "response": response.0, "text": text, "interrupted": interrupted,
        } }),
        Event::AudioEnd { response, duration } => {
            json!({ "audio_end": { "response": response.0, "duration": as_nanos(*duration) } })
        }
        Event::Paused(response) => json!({ "paused": response.0 }),
        Event::Resumed(response) => json!({ "resumed": response.0 }),
        Event::Stop(response) => json!({ "stop": response.0 }),
        Event::Interrupted(response) => json!({ "interrupted": response.0 }),
        Event::State(state) => json!({ "state": state_name(*state) }),
        Event::Timings { response, timings } => {
            json!({ "timings": { "response": response.0, "parts": parts(timings) } })
        }
        Event::Cleared => json!("cleared"),
        Event::Done(done) => json!({ "done": carried_out(done) }),
        Event::History(said) => json!({ "history": end_of_history(said) }),
        Event::Failed(failure) => json!({ "failed": what_failed(failure) }),
    }
}

/// How many messages there are, and the last.
fn end_of_prompt(prompt: &[Message]) -> Value {
    let last = prompt.last();
    json!({
        "messages": prompt.len(),
        "role": last.map(|message| message.role.name()),
        "last": last.map(|message| &*message.text),
    })
}

fn end_of_history(said: &[Said]) -> Value {
    let last = said.last().map(|said| {
        json!({
            "by_caller": said.by_caller,
            "text": &*said.text,
            "interrupted": said.interrupted,
        })
    });
    json!({ "turns": said.len(), "last": last })
}

fn end_of(text: &str) -> &str {
    let start = text.char_indices().rev().nth(END_CHARACTERS - 1).map_or(0, |(start, _)| start);
    &text[start..]
}

fn parts(timings: &TurnTimings) -> Value {
    let TurnTimings {
        turn_end,
        transcript,
        first_token,
        first_sentence,
        first_audio,
        first_audio_sent,
        saved,
    } = timings;
    let nanos = |part: &Option<Duration>| part.map(as_nanos);
    json!({
        "turn_end": nanos(turn_end),
        "transcript": nanos(transcript),
        "first_token": nanos(first_token),
        "first_sentence": nanos(first_sentence),
        "first_audio": nanos(first_audio),
        "first_audio_sent": nanos(first_audio_sent),
        "saved": nanos(saved),
    })
}

fn carried_out(done: &Done) -> Value {
    match done {
        Done::StopSpeaking => json!("stop_speaking"),
        Done::Clear => json!("clear"),
        Done::SetSpeed(slider) => json!({ "set_speed": slider }),
        Done::SetVoice(voice) => json!({ "set_voice": &**voice }),
        Done::SetInstructions => json!("set_instructions"),
    }
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Listening => "listening",
        State::Hearing => "hearing",
        State::Thinking => "thinking",
        State::Speaking => "speaking",
        State::Paused => "paused",
    }
}

fn what_failed(failure: &Failure) -> Value {
    let Failure { code, message } = failure;
    let code = match code {
        FailureCode::Stt => "stt",
        FailureCode::Llm => "llm",
        FailureCode::Tts => "tts",
        FailureCode::Overloaded => "overloaded",
        FailureCode::NotAllowed => "not_allowed",
    };
    json!({ "code": code, "message": message })
}
