//! How callers talk, and how they are answered: what does not depend on the machine.

use crate::number::{count, real};

/// Silence of a caller whose answers alone take more than their share of listening.
const SHORTEST_PAUSE: f64 = 0.3;
/// From the end of speech to the answer, when a pause is chosen: half a second is the goal.
const ANSWERED_WITHIN: f64 = 0.5;

/// How callers talk. Times are in seconds; what varies is drawn evenly from its list.
#[derive(Clone, Debug)]
pub struct Talk {
    /// Speech of a turn.
    pub speech: Vec<f64>,
    /// Tokens of each part of an answer, as it is handed to the voice: a short one, then sentences.
    pub answers: Vec<Vec<usize>>,
    /// Silence between an answer and the next turn: the mean, spread as waiting times are.
    pub pause: f64,
    /// How many of the turns are not decided at once: they sound unsure, or read open.
    pub late_share: f64,
    /// When those are decided, counted from the end of speech as it is noticed.
    pub late_after: Vec<f64>,
    /// Pauses within speech that look like its end for a moment, for each second of it.
    pub hesitations: f64,
    /// How many of the answers are interrupted, when 0.7 s of them have sounded.
    pub interruptions: f64,
    /// Tokens of a second of speech.
    pub words_per_second: f64,
    /// Tokens of a word.
    pub tokens_per_word: f64,
    /// Characters of a token of an answer.
    pub characters_per_token: f64,
    /// Tokens of the chat template that follow the caller's words.
    pub template: usize,
    /// Tokens that a conversation has read already.
    pub history: usize,
    /// Whether answers are begun before it is certain that a turn is over.
    pub speculation: bool,
}

/// So much of an answer sounds before it is interrupted, in seconds.
pub(crate) const INTERRUPTED_AFTER: f64 = 0.7;

impl Default for Talk {
    /// Turns of two to eight seconds and answers of about seven, one in ten interrupted.
    fn default() -> Self {
        let answers = [&[7, 9][..], &[12, 14], &[10, 14], &[16, 12], &[8, 12, 10], &[14, 18]];
        Self {
            speech: vec![2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
            answers: answers.map(<[usize]>::to_vec).to_vec(),
            pause: 0.5,
            late_share: 0.15,
            late_after: vec![0.58],
            hesitations: 0.1,
            interruptions: 0.1,
            words_per_second: 2.6,
            tokens_per_word: 1.3,
            characters_per_token: 4.4,
            template: 8,
            history: 400,
            speculation: true,
        }
    }
}

impl Talk {
    /// With pauses such that callers speak so much of the time, if answers whose characters sound so
    /// long leave room for it.
    #[must_use]
    pub fn speaking(mut self, share: f64, character: f64) -> Self {
        let turn = self.mean_speech() / share;
        let rest = turn - self.mean_speech() - ANSWERED_WITHIN - self.mean_answer(character);
        self.pause = rest.max(SHORTEST_PAUSE);
        self
    }

    /// Seconds from the beginning of a turn to that of the next.
    pub fn cycle(&self, character: f64) -> f64 {
        self.mean_speech() + ANSWERED_WITHIN + self.mean_answer(character) + self.pause
    }

    /// How much of the time a caller speaks.
    pub fn speaking_share(&self, character: f64) -> f64 {
        self.mean_speech() / self.cycle(character)
    }

    /// Seconds of speech in a turn, on average.
    pub fn mean_speech(&self) -> f64 {
        self.speech.iter().sum::<f64>() / real(self.speech.len())
    }

    /// Seconds that an answer sounds, on average.
    pub fn mean_answer(&self, character: f64) -> f64 {
        self.mean_tokens() * self.characters_per_token * character
    }

    /// Tokens of an answer, on average.
    pub fn mean_tokens(&self) -> f64 {
        let tokens: usize = self.answers.iter().flatten().sum();
        real(tokens) / real(self.answers.len())
    }

    /// Parts of an answer, on average.
    pub(crate) fn mean_parts(&self) -> f64 {
        real(self.answers.iter().map(Vec::len).sum()) / real(self.answers.len())
    }

    /// Tokens of a second of speech.
    pub fn tokens_per_second(&self) -> f64 {
        self.words_per_second * self.tokens_per_word
    }

    /// Tokens of so much speech.
    pub(crate) fn tokens(&self, speech: f64) -> usize {
        count((speech * self.tokens_per_second()).ceil())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_make_up_for_what_callers_do_not_speak() {
        let talk = Talk::default().speaking(0.3, 0.05);
        assert!((talk.speaking_share(0.05) - 0.3).abs() < 1e-9);
        let hasty = Talk::default().speaking(0.9, 0.05);
        assert!(hasty.speaking_share(0.05) < 0.9 && hasty.pause > 0.0);
    }
}
