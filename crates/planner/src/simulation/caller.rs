//! A caller, and the turn they are in.

use super::random::Random;
use crate::{
    Talk,
    number::{count, real},
};

/// What happens to a caller at a known moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// They begin to speak: the next turn.
    Begin,
    /// They have spoken for long enough that the words so far are worth knowing.
    Partial,
    /// A pause within speech looks like its end for a moment.
    Hesitation,
    /// They go on after it.
    Resumed,
    /// They have finished.
    Ended,
    /// The silence has lasted for a micro-pause.
    MicroPause,
    /// It has lasted for a pause.
    Pause,
    /// A turn that sounds unsure has been waited for long enough.
    WaitedFor,
    /// The answer has been heard out.
    HeardOut,
}

/// What happens to whom, in which of their turns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) who: usize,
    pub(super) turn: u32,
    pub(super) what: What,
}

/// A caller.
#[derive(Clone, Debug, Default)]
pub(super) struct Caller {
    /// The number of the turn they are in.
    pub(super) number: u32,
    pub(super) turn: Turn,
    /// From the end of speech to the first sound of each answer, in seconds.
    pub(super) latencies: Vec<f64>,
}

/// A turn and its answer.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is something that is known or not")]
pub(super) struct Turn {
    /// Seconds of speech, and when it began.
    pub(super) speech: f64,
    pub(super) began: f64,
    /// Its end, once it has come.
    pub(super) ended: Option<f64>,
    /// It is decided late, for it sounds unsure.
    pub(super) is_late: bool,
    /// Its answer is interrupted.
    pub(super) is_interrupted: bool,
    /// The transcript has been asked for; it is there.
    pub(super) asked: bool,
    pub(super) understood: bool,
    /// The silence is more than a micro-pause.
    pub(super) is_long: bool,
    /// It is over, as far as its sound tells; as is certain.
    pub(super) is_complete: bool,
    pub(super) is_decided: bool,
    pub(super) answer: Answer,
}

/// An answer as it is made.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    /// Tokens of its parts.
    pub(super) parts: Vec<usize>,
    pub(super) is_begun: bool,
    /// Tokens there are.
    pub(super) made: usize,
    /// Parts that the voice was given, has begun and has made.
    pub(super) given: usize,
    pub(super) begun: usize,
    pub(super) spoken: usize,
    /// When its first sound was there.
    pub(super) first_sound: Option<f64>,
    /// When it was heard, and until when there is sound.
    pub(super) heard: Option<f64>,
    pub(super) sounds_until: f64,
}

impl Turn {
    /// What a caller says next.
    pub(super) fn draw(talk: &Talk, random: &mut Random, began: f64) -> Self {
        let speech = random.one_of(&talk.speech).copied().unwrap_or(1.0);
        let parts = random.one_of(&talk.answers).cloned().unwrap_or_default();
        let is_late = random.happens(talk.late_share);
        let is_interrupted = random.happens(talk.interruptions);
        let answer = Answer { parts, ..Answer::default() };
        Self { speech, began, is_late, is_interrupted, answer, ..Self::default() }
    }

    /// Tokens of what the caller said and of what follows it.
    pub(super) fn prompt(&self, talk: &Talk) -> usize {
        talk.tokens(self.speech) + talk.template
    }
}

impl Answer {
    /// Tokens, with the one that ends it.
    pub(super) fn total(&self) -> usize {
        self.parts.iter().sum::<usize>() + 1
    }

    /// The size of the next part for the voice in characters, if all of it is there: the token
    /// after it tells.
    pub(super) fn next_part(&self, talk: &Talk) -> Option<f64> {
        let end: usize = self.parts.iter().take(self.given + 1).sum();
        let tokens = self.parts.get(self.given)?;
        (self.made > end).then_some(real(*tokens) * talk.characters_per_token)
    }

    /// Whether nothing is to be made of it any more.
    pub(super) fn is_spoken(&self) -> bool {
        self.spoken == self.parts.len()
    }

    /// Characters of the part that is being spoken, or was last.
    pub(super) fn characters(&self, talk: &Talk) -> f64 {
        let part = self.given.checked_sub(1).and_then(|index| self.parts.get(index));
        real(part.copied().unwrap_or(0)) * talk.characters_per_token
    }
}

/// Words of the last second or so that are often others a moment later, and are not read yet.
pub(super) fn sure_tokens(talk: &Talk, heard: f64) -> usize {
    let unsure = count((2.0 * talk.tokens_per_word).ceil());
    talk.tokens(heard).saturating_sub(unsure)
}
