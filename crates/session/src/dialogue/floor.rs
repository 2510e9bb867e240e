//! Whose turn it is to speak while the answer sounds: speech over it pauses it, words end it, and
//! anything else lets it go on.

use std::time::Duration;

use super::Dialogue;
use crate::{Action, Event, playout::Hold, timings::millis};

/// Who begins to speak with less than this of the answer to come has understood how it ends, and
/// replies to it: people often begin some tenths of a second before or after the other's end.
const NEARLY_OVER: Duration = Duration::from_millis(300);

/// Where the answer's own words have been heard, sound alone does not pause it for so long: the
/// microphone hears a loudspeaker, and would pause it again and again. Words still end it.
pub(super) const ECHOES_LAST: Duration = Duration::from_secs(3);

/// Who speaks over the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Floor {
    /// Nobody, or somebody without words so far, or there is no answer.
    #[default]
    Clear,
    /// The caller makes a sound, and the answer is held until this time for words to show.
    Contested { until: Duration },
}

/// What words over the answer mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The caller wants to speak.
    Interruption,
    /// A sign of listening, or too little to be meant.
    Backchannel,
    /// The answer itself, come back through the caller's microphone.
    Echo,
    /// There are no words.
    Nothing,
}

impl Floor {
    pub(super) fn is_contested(self) -> bool {
        matches!(self, Self::Contested { .. })
    }

    pub(super) fn deadline(self) -> Option<Duration> {
        match self {
            Self::Contested { until } => Some(until),
            Self::Clear => None,
        }
    }
}

impl Dialogue {
    /// The probability of speech in a frame, as far as it is the caller's.
    pub(super) fn without_own_voice(&self, probability: f32, echo: f32) -> f32 {
        let settings = &self.config.interruption;
        if settings.echo_guard && echo >= audio::ECHO_SHARE && probability > 0.0 {
            if probability >= self.config.turn.start_threshold {
                self.metrics.echo();
            }
            return 0.0;
        }
        let over_answer = self.is_speaking() && !self.turn.in_turn();
        let is_heard = settings.enabled && probability >= 1.0 - settings.sensitivity;
        match over_answer {
            true if is_heard => probability.max(self.config.turn.start_threshold),
            true => 0.0,
            false => probability,
        }
    }

    /// The caller begins to speak: whatever of an answer there is waits, unless it is over.
    pub(super) fn contest(&mut self) {
        let now = self.now;
        let sounds = self.meant().is_some_and(|answer| answer.has_sounded());
        if sounds && self.now < self.echoes_until {
            return;
        }
        if self.meant().is_some_and(|answer| answer.is_nearly_heard(now, NEARLY_OVER)) {
            self.answer_heard();
            return;
        }
        let until = self.now + self.config.interruption.patience;
        let (now, onset) = (self.now, self.since_onset());
        let Some(answer) = self.meant() else { return };
        answer.playout.hold(now, Hold::Contested);
        let (id, has_sounded) = (answer.id, answer.has_sounded());
        self.floor = Floor::Contested { until };
        if has_sounded {
            self.metrics.paused(onset);
            self.tell(Event::Paused(id));
        }
    }

    /// Weighs words that were spoken over the answer: with an interruption it is dropped, and the
    /// words are the beginning of the next turn; a sign of listening is no turn.
    pub(super) fn weigh(&mut self, text: &str) {
        if self.meant().is_none() {
            return self.weigh_after_answer(text);
        }
        match self.verdict(text) {
            Verdict::Interruption => {
                self.metrics.interrupted(self.since_onset());
                self.drop_answer("the caller spoke");
            }
            Verdict::Echo => {
                self.metrics.echo();
                self.echoes_until = self.now + ECHOES_LAST;
                self.discard_turn();
            }
            // more may follow until the caller falls silent
            Verdict::Backchannel if self.pause_is_long() => {
                tracing::debug!("a sign of listening");
                self.discard_turn();
            }
            Verdict::Backchannel | Verdict::Nothing => {}
        }
    }

    /// The end of an answer comes back when it is over. Only where echoes have been heard are words
    /// like it taken for one: a caller may well repeat them.
    fn weigh_after_answer(&mut self, text: &str) {
        if self.now < self.echoes_until && turn::is_echo(text, &self.last_words) {
            self.metrics.echo();
            self.discard_turn();
        }
    }

    fn verdict(&self, text: &str) -> Verdict {
        let settings = &self.config.interruption;
        let words = text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric));
        let count = words.count();
        if count == 0 {
            return Verdict::Nothing;
        }
        if settings.echo_guard && turn::is_echo(text, &self.sounding_words()) {
            return Verdict::Echo;
        }
        let is_long = self.turn.spoken() >= settings.min_duration;
        let is_meant = is_long && count >= settings.min_words && !turn::is_backchannel(text);
        if is_meant { Verdict::Interruption } else { Verdict::Backchannel }
    }

    /// The words of the answer that the caller's microphone may hear now.
    fn sounding_words(&self) -> String {
        let answer = self.answer.as_ref().filter(|answer| answer.has_sounded());
        answer
            .map_or_else(String::new, |answer| answer.ledger.around(answer.playout.heard(self.now)))
    }

    /// Patience is over: whatever the sound was, it had no words so far.
    pub(super) fn contest_ends(&mut self) {
        if self.floor.deadline().is_some_and(|until| until <= self.now) {
            self.yield_floor_back();
        }
    }

    /// The answer goes on from where it stopped.
    pub(super) fn yield_floor_back(&mut self) {
        let now = self.now;
        let was_contested = std::mem::take(&mut self.floor).is_contested();
        let Some(answer) = self.meant().filter(|_| was_contested) else { return };
        answer.playout.release(now, Hold::Contested);
        let (id, has_sounded) = (answer.id, answer.has_sounded());
        if has_sounded {
            self.metrics.went_on();
            tracing::info!(response = %id, "no interruption: the answer goes on");
            self.tell(Event::Resumed(id));
        }
    }

    /// How long ago the caller began to speak.
    fn since_onset(&self) -> Option<Duration> {
        let since = self.heard_until.since(self.hearing.onset?);
        Some(since + self.now.saturating_sub(self.arrived))
    }

    /// Drops the response, if the caller knows of one, and remembers what was heard of it.
    pub(super) fn drop_answer(&mut self, reason: &'static str) {
        self.floor = Floor::Clear;
        let now = self.now;
        let Some(answer) = self.answer.take_if(|answer| !answer.is_guess()) else { return };
        self.act(Action::Drop(answer.id));
        let heard = answer.playout.heard(now);
        let words = answer.words(heard);
        tracing::info!(response = %answer.id, reason, heard_ms = millis(heard), "interrupted");
        self.summary.interruptions += 1;
        self.history.answer_heard(&words);
        if !answer.has_sounded() && answer.text.is_empty() {
            return;
        }
        if !answer.final_told {
            let (response, interrupted) = (answer.id, true);
            self.tell(Event::FinalAnswer { response, text: words, interrupted });
        }
        self.tell(Event::Stop(answer.id));
        self.tell(Event::Interrupted(answer.id));
    }
}
