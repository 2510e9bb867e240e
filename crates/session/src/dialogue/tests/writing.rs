//! Actions as words, for scripts.

use llm::Message;

use crate::{Action, Done, Event, Said};

/// What the dialogue has done, a word or two. Small letters: work; capitals: what the caller is
/// told, with the number of the response.
pub(super) fn word(action: &Action) -> String {
    match action {
        Action::BeginTurn => "begin".to_owned(),
        Action::Transcribe(pause) => format!("transcribe{pause}"),
        Action::Pause(pause) => format!("pause{pause}"),
        Action::Assess(pause) => format!("assess{pause}"),
        Action::TranscribePartly => "transcribe".to_owned(),
        Action::ResumeTurn => "go-on".to_owned(),
        Action::ForgetTurn => "forget".to_owned(),
        Action::ReadAhead(prompt) => format!("read({})", last(prompt)),
        Action::Respond { response, prompt, speculative, .. } => {
            format!("{}{response}({})", if *speculative { "guess" } else { "answer" }, last(prompt))
        }
        Action::Confirm => "confirm".to_owned(),
        Action::Drop(response) => format!("drop{response}"),
        Action::Finish => "finish".to_owned(),
        Action::Rewind(frames) => format!("rewind({frames})"),
        Action::Play | Action::Forget(_) => String::new(),
        Action::Tell(event) => told(event),
    }
}

fn told(event: &Event) -> String {
    match event {
        Event::PartialTranscript { text, settled } => {
            format!("Hears({}|{})", &text[..*settled], &text[*settled..])
        }
        Event::FinalTranscript(text) => format!("Heard({text})"),
        Event::PartialAnswer { response, text } => format!("Says{response}({text})"),
        Event::FinalAnswer { response, text, interrupted } => {
            format!("{}{response}({text})", if *interrupted { "Cut" } else { "Said" })
        }
        Event::AudioEnd { response, duration } => {
            format!("End{response}({})", duration.as_millis())
        }
        Event::Paused(response) => format!("Pause{response}"),
        Event::Resumed(response) => format!("Resume{response}"),
        Event::Stop(response) => format!("Stop{response}"),
        Event::Interrupted(response) => format!("Interrupted{response}"),
        Event::State(state) => format!("{state:?}"),
        Event::Timings { response, .. } => format!("Timings{response}"),
        Event::Cleared => "Cleared".to_owned(),
        Event::Done(done) => format!("Done({})", carried_out(done)),
        Event::History(turns) => format!("History({})", conversation(turns)),
        Event::Failed(failure) => format!("Failed({:?})", failure.code),
    }
}

fn carried_out(done: &Done) -> String {
    match done {
        Done::StopSpeaking => "stop".to_owned(),
        Done::Clear => "clear".to_owned(),
        Done::SetSpeed(slider) => format!("speed {slider}"),
        Done::SetVoice(voice) => format!("voice {voice}"),
        Done::SetInstructions => "instructions".to_owned(),
    }
}

/// Who said what.
pub(super) fn conversation(turns: &[Said]) -> String {
    let line = |said: &Said| {
        assert_eq!(said.interrupted, !said.by_caller && said.text.ends_with('…'));
        format!("{}: {}", if said.by_caller { "caller" } else { "assistant" }, said.text)
    };
    turns.iter().map(line).collect::<Vec<_>>().join(" / ")
}

fn last(prompt: &[Message]) -> &str {
    prompt.last().map_or("", |message| &message.text)
}
