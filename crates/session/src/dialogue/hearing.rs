//! Hearing the caller: frames, pauses, transcripts, and when the turn is over.

use std::time::Duration;

use audio::MediaTime;
use turn::Ending;

use super::Dialogue;
use crate::{Action, Event, Failure, Pressure, agreement::Agreement, timings::TurnTimes};

/// Less speech than this (cough, click, breath) is not asked about: models invent words for it.
const MIN_SPEECH: Duration = Duration::from_millis(192);
/// While the caller speaks over an answer, words are asked for this often: soon enough to tell
/// before patience ends, and no sooner than a word is long.
const OVER_ANSWER_PERIOD: Duration = Duration::from_millis(320);
/// What nobody could hear from a short silence they may hear from a longer one: whether the turn is
/// complete is asked again this often, and no more after the second.
const ASSESS_AGAIN: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(1));
/// With so many requests waiting for the recogniser it is busy at this moment.
const BUSY: usize = 1;
/// With so many, finals would wait for anything else.
const VERY_BUSY: usize = 4;

/// Words at the end of a transcript made in the middle of speech that are often others a moment
/// later.
const UNSURE_WORDS: usize = 2;

/// What is known of the turn under way.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    /// Where its speech began.
    pub(super) onset: Option<MediaTime>,
    /// Its words as they were understood last.
    pub(super) text: String,
    agreement: Agreement,
    /// Those that the caller sees.
    shown: String,
    /// What the model has been let read of it.
    read: String,
    /// When its last transcript for a pause was there.
    transcript_at: Option<Duration>,
    /// Speech since a transcript was asked for last.
    unseen: Duration,
    pub(super) others: Others,
    pause: Option<Pause>,
}

/// What the other callers want of the engines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Others {
    /// Requests that wait for the recogniser.
    pub(super) backlog: usize,
    /// How near the engines are to their limits, over some seconds.
    pub(super) pressure: Pressure,
}

impl Others {
    /// Partial transcripts are rarer, and words are not asked for in vain.
    fn are_waiting(self) -> bool {
        self.backlog >= BUSY || self.pressure >= Pressure::Busy
    }

    /// There are no partial transcripts, and no answer is begun in vain.
    fn need_all(self) -> bool {
        self.backlog >= VERY_BUSY || self.pressure >= Pressure::Strained
    }
}

/// The silence that the caller keeps at the moment.
#[derive(Debug)]
struct Pause {
    number: u32,
    /// Whether it is more than a micro-pause.
    is_long: bool,
    asked: bool,
    /// Its transcript, once it is there.
    text: Option<String>,
    /// Where it began.
    since: MediaTime,
    /// Where it was asked last how complete the turn sounds.
    assessed: MediaTime,
}

impl Dialogue {
    pub(super) fn frame(&mut self, probability: f32, level: f32) {
        self.heard_until = self.heard_until + self.config.turn.frame;
        if let Some(event) = self.turn.on_frame(self.heard_until, probability, level) {
            self.on_turn_event(event);
        }
        if self.turn.is_speaking() {
            self.hearing.unseen += self.config.turn.frame;
            self.ask_for_partial();
        } else {
            self.assess_again();
        }
    }

    fn on_turn_event(&mut self, event: turn::Event) {
        match event {
            turn::Event::SpeechStarted { at } => {
                self.act(Action::BeginTurn);
                self.hearing.onset = Some(at);
                self.contest();
                self.hearing.unseen = self.turn.spoken();
                if self.meant().is_none() {
                    // the first words are shown, and read, in half the time
                    self.hearing.unseen += self.config.partial_period / 2;
                }
            }
            turn::Event::MicroPause { number, since } => {
                let (is_long, asked, text, assessed) = (false, false, None, since);
                self.hearing.pause = Some(Pause { number, is_long, asked, text, since, assessed });
                if !self.hearing.others.are_waiting() {
                    self.transcribe();
                }
            }
            turn::Event::Pause { number, .. } => self.paused(number),
            turn::Event::SpeechResumed { .. } => {
                self.hearing.pause = None;
                self.hearing.transcript_at = None;
                self.act(Action::ResumeTurn);
                self.drop_guess();
            }
            turn::Event::TurnEnded { speech_end } => self.turn_ended(speech_end),
            turn::Event::TurnDiscarded => self.turn_discarded(),
        }
    }

    /// The silence has become a pause: what was asked for it counts.
    fn paused(&mut self, number: u32) {
        self.act(Action::Pause(number));
        let Some(pause) = &mut self.hearing.pause else { return };
        pause.is_long = true;
        pause.assessed = self.heard_until;
        let known = pause.text.clone();
        self.act(Action::Assess(number));
        match known {
            None => self.transcribe(),
            Some(text) => {
                self.weigh(&text);
                self.prepare();
            }
        }
    }

    /// Asks again whether the turn sounds complete, as the silence grows.
    fn assess_again(&mut self) {
        let now = self.heard_until;
        let Some(pause) = self.hearing.pause.as_mut().filter(|pause| pause.is_long) else { return };
        let is_due = now.since(pause.assessed) >= ASSESS_AGAIN.0;
        if is_due && now.since(pause.since) <= ASSESS_AGAIN.1 {
            pause.assessed = now;
            let number = pause.number;
            self.act(Action::Assess(number));
        }
    }

    /// Asks for the transcript of the present pause, unless it has been.
    fn transcribe(&mut self) {
        let Some(pause) = self.hearing.pause.as_mut().filter(|pause| !pause.asked) else { return };
        pause.asked = true;
        let number = pause.number;
        if self.turn.spoken() < MIN_SPEECH {
            self.understood(number, "");
        } else {
            self.act(Action::Transcribe(number));
        }
    }

    fn ask_for_partial(&mut self) {
        let is_over_answer = self.meant().is_some();
        let period = match self.hearing.others {
            _ if is_over_answer => OVER_ANSWER_PERIOD,
            others if others.need_all() => return,
            others if others.are_waiting() => 2 * self.config.partial_period,
            _ => self.config.partial_period,
        };
        if self.hearing.unseen >= period && self.turn.spoken() >= MIN_SPEECH {
            self.hearing.unseen = Duration::ZERO;
            self.act(Action::TranscribePartly);
        }
    }

    pub(super) fn partly_understood(&mut self, text: &str) {
        // one that comes after the pause's own transcript is older
        if !self.turn.is_speaking() {
            return;
        }
        text.clone_into(&mut self.hearing.text);
        self.weigh(text);
        if self.meant().is_some() || !self.turn.is_speaking() {
            return;
        }
        let settled = self.show_words(text);
        let likely = without_last_words(text);
        self.read_ahead(if likely.len() > settled.len() { likely } else { &settled });
    }

    pub(super) fn understood(&mut self, number: u32, text: &str) {
        let now = self.now;
        let Some(pause) = self.hearing.pause.as_mut().filter(|pause| pause.number == number) else {
            return;
        };
        pause.text = Some(text.to_owned());
        self.hearing.transcript_at = Some(now);
        text.clone_into(&mut self.hearing.text);
        self.weigh(text);
        if self.hearing.pause.is_none() {
            return; // it was only a sign of listening
        }
        if self.meant().is_none() {
            self.show_words(text);
        }
        match self.turn.on_transcript(number, text) {
            Some(event) => self.on_turn_event(event),
            None => self.prepare(),
        }
    }

    pub(super) fn assessed(&mut self, pause: u32, probability: f32) {
        tracing::debug!(pause, probability, "how complete the turn sounds");
        if let Some(event) = self.turn.on_completeness(pause, probability) {
            self.on_turn_event(event);
        }
    }

    /// While it is not certain that the caller has finished: begins the answer, or at least lets
    /// the model read the words. A micro-pause after half a sentence is not worth an answer.
    fn prepare(&mut self) {
        let text = self.hearing.text.clone();
        if self.meant().is_some() || text.trim().is_empty() {
            return;
        }
        let reads_finished = !matches!(Ending::of(&text), Ending::Ellipsis | Ending::Unknown);
        let is_likely = reads_finished || self.pause_is_long();
        if is_likely && self.config.speculation && !self.hearing.others.need_all() {
            self.guess(text.trim());
        } else {
            self.read_ahead(&text);
        }
    }

    /// Lets the model read what was said; it reads on from where the words are the same as what it
    /// has read.
    fn read_ahead(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() || self.answer.is_some() || self.hearing.read == text {
            return;
        }
        text.clone_into(&mut self.hearing.read);
        self.act(Action::ReadAhead(self.history.prompt_with(text)));
    }

    /// Shows the words of the turn; gives the settled beginning of them.
    pub(super) fn show_words(&mut self, text: &str) -> String {
        let settled = self.hearing.agreement.settle(text).to_owned();
        if self.hearing.shown != text {
            text.clone_into(&mut self.hearing.shown);
            let (text, settled) = (text.to_owned(), settled.len());
            self.tell(Event::PartialTranscript { text, settled });
        }
        settled
    }

    fn turn_ended(&mut self, speech_end: MediaTime) {
        let text = std::mem::take(&mut self.hearing.text);
        let silence = self.heard_until.since(speech_end);
        let times = TurnTimes {
            speech_end: self.arrived.saturating_sub(silence),
            turn_end: self.now,
            transcript: self.hearing.transcript_at,
        };
        self.forget_turn();
        if text.trim().is_empty() {
            self.drop_guess();
            self.yield_floor_back();
        } else {
            self.answer_turn(text.trim(), times);
        }
    }

    fn turn_discarded(&mut self) {
        self.metrics.turn_discarded();
        tracing::debug!("there were no words");
        self.discard_turn();
    }

    /// The turn was none after all.
    pub(super) fn discard_turn(&mut self) {
        self.hide_words();
        self.forget_turn();
        self.drop_guess();
        self.yield_floor_back();
    }

    pub(super) fn unheard(&mut self, failure: Failure) {
        self.discard_turn();
        self.fail(failure);
    }

    pub(super) fn forget_turn(&mut self) {
        self.turn.reset();
        self.hearing = Hearing { others: self.hearing.others, ..Hearing::default() };
        self.act(Action::ForgetTurn);
    }

    /// Takes back words that have been shown.
    pub(super) fn hide_words(&mut self) {
        if !self.hearing.shown.is_empty() {
            self.hearing.shown.clear();
            self.tell(Event::PartialTranscript { text: String::new(), settled: 0 });
        }
    }

    /// Whether the pause under way is long enough to decide by.
    pub(super) fn pause_is_long(&self) -> bool {
        self.hearing.pause.as_ref().is_some_and(|pause| pause.is_long)
    }
}

/// The text but for the words at its end that may still change.
fn without_last_words(text: &str) -> &str {
    let mut text = text.trim_end();
    for _ in 0..UNSURE_WORDS {
        text = text.rfind(char::is_whitespace).map_or("", |end| text[..end].trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_left_out() {
        assert_eq!(without_last_words("What is the weather in "), "What is the");
        assert_eq!(without_last_words("What  is"), "");
        assert_eq!(without_last_words(""), "");
        assert_eq!(without_last_words("ça va  très bien"), "ça va");
    }
}
