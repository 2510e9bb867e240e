//! What came out of a session, written down.

use std::time::Duration;

use session::{Event, Output};

/// What a caller hears and sees of a conversation, with the times in milliseconds. Sound without a
/// gap is one entry, with where in its response it begins and ends. Words that may still change,
/// states and measurements are left out.
#[derive(Debug, Default)]
pub(crate) struct Log {
    lines: Vec<String>,
    /// Of the newest entry, if it is sound: the response, and where it began and ended.
    sound: Option<(u32, Duration, Duration)>,
}

impl Log {
    pub(crate) fn write(&mut self, at: Duration, output: &Output) {
        if let Output::Audio { response, position, frame } = output {
            let end = *position + frame.duration();
            let before =
                self.sound.filter(|(id, _, until)| (*id, *until) == (response.0, *position));
            let start = before.map_or(*position, |(_, start, _)| start);
            if before.is_some() {
                self.rewrite(start, end);
            } else {
                self.push(at, &format!("Sound{response}({}-{})", millis(start), millis(end)));
            }
            self.sound = Some((response.0, start, end));
        } else if let Output::Event(event) = output
            && let Some(word) = word(event)
        {
            self.push(at, &word);
            self.sound = None;
        }
    }

    /// What came since the last time this was asked.
    pub(crate) fn take(&mut self) -> String {
        self.sound = None;
        std::mem::take(&mut self.lines).join(" ")
    }

    fn push(&mut self, at: Duration, word: &str) {
        self.lines.push(format!("{}:{word}", millis(at)));
    }

    fn rewrite(&mut self, start: Duration, end: Duration) {
        let line = self.lines.last_mut().expect("it was sound");
        let (beginning, _) = line.split_once('(').expect("it was sound");
        *line = format!("{beginning}({}-{})", millis(start), millis(end));
    }
}

fn word(event: &Event) -> Option<String> {
    Some(match event {
        Event::FinalTranscript(text) => format!("Heard({text})"),
        Event::FinalAnswer { response, text, interrupted: false } => {
            format!("Said{response}({text})")
        }
        Event::FinalAnswer { response, text, interrupted: true } => {
            format!("Cut{response}({text})")
        }
        Event::AudioEnd { response, duration } => format!("End{response}({})", millis(*duration)),
        Event::Paused(response) => format!("Pause{response}"),
        Event::Resumed(response) => format!("Resume{response}"),
        Event::Stop(response) => format!("Stop{response}"),
        Event::History(turns) => format!("History({})", turns.len()),
        Event::Failed(failure) => format!("Failed({:?})", failure.code),
        _ => return None,
    })
}

fn millis(duration: Duration) -> u128 {
    duration.as_millis()
}
