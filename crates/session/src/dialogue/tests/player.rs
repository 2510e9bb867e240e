//! A dialogue that is played a script.

use std::{sync::Arc, time::Duration};

use super::{deck::Deck, writing};
use crate::{
    Action, Command, Config, Dialogue, Event, Failure, Input, Metrics, Pressure, ResponseId,
    TurnTimings,
};

/// One frame of the caller's sound.
const FRAME: Duration = Duration::from_millis(32);
/// One frame of the answer's.
const SOUND: Duration = Duration::from_millis(20);

/// A dialogue that is played a script, and what it does about it.
pub(super) struct Player {
    pub(super) dialogue: Dialogue,
    now: Duration,
    pause: u32,
    backlog: usize,
    pressure: Pressure,
    /// The answer's words so far.
    written: String,
    deck: Deck,
    /// The frames of sound sent since anything else was done: when the first was, which it was,
    /// and which the last.
    playing: Option<(Duration, usize, usize)>,
    done: Vec<(Duration, String)>,
    timings: Vec<TurnTimings>,
}

impl Player {
    /// With a client that pauses.
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    /// With other settings.
    pub(super) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut player = Self::plain(change);
        player.step(Input::Command(Command::Hello));
        player
    }

    /// With other settings and a client that does not pause.
    pub(super) fn plain(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        change(&mut config);
        Self {
            dialogue: Dialogue::new(Arc::new(config), Metrics::unregistered()),
            now: Duration::ZERO,
            pause: 0,
            backlog: 0,
            pressure: Pressure::Calm,
            written: String::new(),
            deck: Deck::default(),
            playing: None,
            done: Vec::new(),
            timings: Vec::new(),
        }
    }

    /// Plays a script, in which a number after a symbol repeats it:
    ///
    /// | | |
    /// |---|---|
    /// | `#` `+` `-` `.` | 32 ms of speech, of what may be speech, of less, of silence |
    /// | `e` | 32 ms of the answer's own voice, come back |
    /// | `_` | 32 ms of which nothing arrives |
    /// | `(words)` | a partial transcript |
    /// | `[words]` | the transcript of the newest pause |
    /// | `%` `?` | at the newest pause the turn sounds complete, or incomplete |
    /// | `<words>5` | the answer goes on with these words, which take 5 frames of 20 ms |
    /// | `$` | the answer is complete |
    /// | `{stop}` | something else, see [`Self::other`] |
    pub(super) fn play(&mut self, script: &str) -> &mut Self {
        let mut rest = script;
        while let Some(symbol) = rest.chars().next() {
            rest = &rest[symbol.len_utf8()..];
            let within = match symbol {
                '(' => take_until(&mut rest, ')'),
                '[' => take_until(&mut rest, ']'),
                '<' => take_until(&mut rest, '>'),
                '{' => take_until(&mut rest, '}'),
                _ => "",
            };
            let count = take_number(&mut rest);
            match symbol {
                ' ' | '\n' => {}
                '(' => self.step(Input::Partial(within.to_owned())),
                '[' => self.transcript(self.pause, within),
                '<' => self.answer(within, count.unwrap_or(0)),
                '{' => self.other(within),
                '%' => self.assessed(0.9),
                '?' => self.assessed(0.1),
                '$' => self.step(Input::Complete(Ok(()))),
                sound => (0..count.unwrap_or(1)).for_each(|_| self.frame(sound)),
            }
        }
        self
    }

    /// What the caller was told, and what of the answer's sound was sent, with the times in
    /// milliseconds; since the last time this was asked.
    pub(super) fn told(&mut self) -> String {
        self.written_down(|word| word.starts_with(|c: char| c.is_uppercase()))
    }

    /// What was done besides.
    pub(super) fn work(&mut self) -> String {
        self.written_down(|word| word.starts_with(|c: char| c.is_lowercase()))
    }

    /// Both, in order.
    pub(super) fn all(&mut self) -> String {
        self.written_down(|_| true)
    }

    /// What is remembered.
    pub(super) fn history(&self) -> String {
        writing::conversation(&self.dialogue.history().turns())
    }

    /// How long the parts of the newest turn took.
    pub(super) fn timings(&self) -> TurnTimings {
        *self.timings.last().expect("the answer has sounded")
    }

    fn written_down(&mut self, is_wanted: impl Fn(&str) -> bool) -> String {
        self.write_sound();
        let done = std::mem::take(&mut self.done).into_iter();
        let wanted = done.filter(|(_, word)| is_wanted(word));
        let line = wanted.map(|(at, word)| format!("{}:{word}", at.as_millis()));
        line.collect::<Vec<_>>().join(" ")
    }

    fn frame(&mut self, sound: char) {
        let end = self.now + FRAME;
        while let Some(deadline) = self.dialogue.deadline().filter(|deadline| *deadline <= end) {
            assert!(deadline > self.now, "nothing comes of time");
            self.now = deadline;
            self.step(Input::Time);
        }
        self.now = end;
        let (probability, level, echo) = match sound {
            '#' => (0.9, -20.0, 0.0),
            '+' => (0.6, -20.0, 0.0),
            '-' => (0.3, -20.0, 0.0),
            '.' => (0.1, -60.0, 0.0),
            'e' => (0.9, -30.0, 0.9),
            '_' => return,
            other => panic!("{other} is not of this script"),
        };
        let (arrived, backlog, pressure) = (end, self.backlog, self.pressure);
        self.step(Input::Frame { arrived, probability, level, echo, backlog, pressure });
    }

    fn transcript(&mut self, pause: u32, text: &str) {
        self.step(Input::Transcript { pause, text: text.to_owned() });
    }

    fn assessed(&mut self, probability: f32) {
        self.step(Input::Completeness { pause: self.pause, probability });
    }

    fn answer(&mut self, text: &str, frames: usize) {
        self.written.push_str(text);
        self.step(Input::Answer(self.written.trim().to_owned()));
        self.step(Input::Sentence(text.to_owned()));
        for _ in 0..frames {
            self.deck.push();
            self.step(Input::Sound(SOUND));
        }
    }

    /// What has no symbol: `late words` is a transcript of the pause before; `backlog 2` so many
    /// requests wait for the recogniser; `pressure busy` is that of the engines; `lost` the turn's words are; `fail` the answer does;
    /// `words 100 300` say where those of the newest sentence end; all else is a command.
    fn other(&mut self, what: &str) {
        let (name, rest) = what.split_once(' ').unwrap_or((what, ""));
        let command = match name {
            "late" => return self.transcript(self.pause - 1, rest),
            "backlog" => {
                self.backlog = rest.parse().expect("a number");
                return;
            }
            "pressure" => {
                self.pressure = match rest {
                    "busy" => Pressure::Busy,
                    "strained" => Pressure::Strained,
                    other => panic!("{other} is no pressure of this script"),
                };
                return;
            }
            "lost" => return self.step(Input::Unheard(Failure::lost())),
            "fail" => return self.step(Input::Complete(Err(Failure::lost()))),
            "words" => return self.step(Input::Words(rest.split(' ').map(millis).collect())),
            "say" => Command::Text(rest.to_owned()),
            "stop" => Command::StopSpeaking,
            "clear" => Command::Clear,
            "speed" => Command::SetSpeed(rest.parse().expect("a number")),
            "voice" => Command::SetVoice(rest.to_owned()),
            "instruct" => Command::SetInstructions(rest.to_owned()),
            "played" => played(rest),
            "starts" => Command::PlaybackStarted,
            "silent" => Command::PlaybackStopped,
            "away" => Command::Away,
            "back" => Command::Back,
            other => panic!("{other} is not of this script"),
        };
        self.step(Input::Command(command));
    }

    fn step(&mut self, input: Input) {
        for action in self.dialogue.step(self.now, input) {
            self.take(&action);
        }
        let deadline = self.dialogue.deadline();
        assert!(deadline.is_none_or(|deadline| deadline > self.now), "it is late");
    }

    fn take(&mut self, action: &Action) {
        match action {
            Action::Play => {
                let frame = self.deck.play();
                self.playing.get_or_insert((self.now, frame, frame)).2 = frame;
                return;
            }
            Action::Forget(frames) => return self.deck.forget(*frames),
            Action::Rewind(frames) => self.deck.rewind(*frames),
            Action::Transcribe(pause) | Action::Pause(pause) => self.pause = *pause,
            Action::Respond { .. } => {
                self.deck = Deck::default();
                self.written.clear();
            }
            Action::Tell(Event::Timings { timings, .. }) => self.timings.push(*timings),
            _ => {}
        }
        self.write_sound();
        self.done.push((self.now, writing::word(action)));
    }

    fn write_sound(&mut self) {
        if let Some((at, first, last)) = self.playing.take() {
            self.done.push((at, format!("Sound({first}-{last})")));
        }
    }
}

/// `1 500 playing`: of response 1 so many milliseconds were heard, and it plays on; or `silent`.
fn played(report: &str) -> Command {
    let mut words = report.split(' ');
    let mut word = || words.next().expect("three words");
    let response = ResponseId(word().parse().expect("a number"));
    let until = millis(word());
    Command::Heard { response, until, playing: word() == "playing" }
}

fn millis(text: &str) -> Duration {
    Duration::from_millis(text.parse().expect("a number"))
}

fn take_until<'a>(rest: &mut &'a str, end: char) -> &'a str {
    let (within, after) = rest.split_once(end).expect("it ends");
    *rest = after;
    within
}

fn take_number(rest: &mut &str) -> Option<usize> {
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, after) = rest.split_at(digits);
    *rest = after;
    number.parse().ok()
}
