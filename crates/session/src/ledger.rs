//! The heard ledger: which words of a response lie where in its sound.

use std::time::Duration;

/// A sentence and its place in the response's sound.
#[derive(Debug)]
struct Sentence {
    text: String,
    start: Duration,
    end: Duration,
}

/// The sentences of one response in the order they are spoken. Concatenated, their texts are the
/// spoken part of the answer.
#[derive(Debug, Default)]
pub struct Ledger {
    sentences: Vec<Sentence>,
}

/// Appended where an answer was cut off.
const CUT: &str = "…";

impl Ledger {
    /// A sentence begins to sound where the one before ended.
    pub fn begin(&mut self, text: &str) {
        let start = self.duration();
        self.sentences.push(Sentence { text: text.to_owned(), start, end: start });
    }

    /// So much sound of the current sentence has been handed out.
    pub fn sounded(&mut self, duration: Duration) {
        if let Some(sentence) = self.sentences.last_mut() {
            sentence.end += duration;
        }
    }

    /// How long everything handed out so far sounds.
    pub fn duration(&self) -> Duration {
        self.sentences.last().map_or(Duration::ZERO, |sentence| sentence.end)
    }

    /// All words spoken so far.
    pub fn text(&self) -> String {
        let text: String = self.sentences.iter().map(|sentence| sentence.text.as_str()).collect();
        text.trim().to_owned()
    }

    /// The words heard by someone who heard the first `heard` of the sound, with a mark where the
    /// rest is missing; empty if no word was heard. Whole sentences by their place, the words
    /// within a sentence in proportion to its duration.
    pub fn heard(&self, heard: Duration) -> String {
        let mut text = String::new();
        for sentence in self.sentences.iter().take_while(|sentence| sentence.start < heard) {
            if sentence.end == sentence.start {
                continue; // it made no sound
            }
            if sentence.end <= heard {
                text.push_str(&sentence.text);
            } else {
                text.push_str(&sentence.first_words(heard));
            }
        }
        let text = text.trim();
        if text.is_empty() { String::new() } else { format!("{text}{CUT}") }
    }
}

impl Sentence {
    fn first_words(&self, heard: Duration) -> String {
        let words: Vec<&str> = self.text.split_inclusive(char::is_whitespace).collect();
        let heard = heard.saturating_sub(self.start).as_secs_f64();
        let share = heard / self.end.saturating_sub(self.start).as_secs_f64();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a sentence's words"
        )]
        let count = (words.len() as f64 * share) as usize;
        words[..count].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.begin("Hello there. ");
        ledger.sounded(Duration::from_secs(1));
        ledger.begin("One two three four.");
        ledger.sounded(Duration::from_secs(2));
        ledger
    }

    #[test]
    fn what_was_heard_follows_the_sound() {
        let ledger = ledger();
        let heard = |millis| ledger.heard(Duration::from_millis(millis));
        assert_eq!(heard(0), "");
        assert_eq!(heard(400), "");
        assert_eq!(heard(600), "Hello…");
        assert_eq!(heard(1_000), "Hello there.…");
        assert_eq!(heard(2_000), "Hello there. One two…");
        assert_eq!(ledger.text(), "Hello there. One two three four.");
        assert_eq!(ledger.duration(), Duration::from_secs(3));
    }

    #[test]
    fn a_sentence_that_has_not_sounded_was_not_heard() {
        let mut ledger = ledger();
        ledger.begin(" And this.");
        assert_eq!(ledger.heard(Duration::from_secs(9)), "Hello there. One two three four.…");
    }
}
