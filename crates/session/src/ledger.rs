//! The heard ledger: which words of a response lie where in its sound.

use std::time::Duration;

/// A sentence and its place in the response's sound.
#[derive(Debug)]
struct Sentence {
    text: String,
    start: Duration,
    end: Duration,
    /// Where each of its words ends, counted from its start, if the synthesiser knows.
    words: Vec<Duration>,
}

/// The sentences of one response in the order they are spoken. Concatenated, their texts are the
/// spoken part of the answer.
#[derive(Debug, Default)]
pub struct Ledger {
    sentences: Vec<Sentence>,
}

/// Appended where an answer was cut off.
pub(crate) const CUT: &str = "…";
/// What a microphone may hear of an answer: what sounded so long ago, a recogniser's window, and
/// what will sound so soon, since estimates of what was heard may lag.
const AROUND: (Duration, Duration) = (Duration::from_secs(6), Duration::from_secs(2));

impl Ledger {
    /// A sentence begins to sound where the one before ended.
    pub fn begin(&mut self, text: &str) {
        let start = self.duration();
        let (text, words) = (text.to_owned(), Vec::new());
        self.sentences.push(Sentence { text, start, end: start, words });
    }

    /// Where each word of the current sentence ends, counted from the sentence's first sample.
    pub fn words(&mut self, ends: Vec<Duration>) {
        if let Some(sentence) = self.sentences.last_mut() {
            sentence.words = ends;
        }
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
    /// within a sentence by the synthesiser's timing, or without one in proportion to its
    /// duration.
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

    /// The sentences that sound about when so much has been heard.
    pub(crate) fn around(&self, heard: Duration) -> String {
        let (from, to) = (heard.saturating_sub(AROUND.0), heard + AROUND.1);
        let sounding = self.sentences.iter().filter(|it| it.end >= from && it.start <= to);
        sounding.map(|sentence| sentence.text.as_str()).collect()
    }
}

impl Sentence {
    fn first_words(&self, heard: Duration) -> String {
        let words: Vec<&str> =
            self.text.trim_start().split_inclusive(char::is_whitespace).collect();
        let heard = heard.saturating_sub(self.start);
        let leading = &self.text[..self.text.len() - self.text.trim_start().len()];
        let count = self.words_timed(words.len(), heard);
        let count = count.unwrap_or_else(|| self.words_in_proportion(words.len(), heard));
        format!("{leading}{}", words[..count].concat())
    }

    /// How many of so many words are over, where the timing is known. The synthesiser may say a
    /// word as several, or leave one out: then the timing counts in proportion.
    fn words_timed(&self, words: usize, heard: Duration) -> Option<usize> {
        let over = self.words.iter().filter(|end| **end <= heard).count();
        (over * words).checked_div(self.words.len())
    }

    fn words_in_proportion(&self, words: usize, heard: Duration) -> usize {
        let share = heard.as_secs_f64() / self.end.saturating_sub(self.start).as_secs_f64();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a sentence's words"
        )]
        let count = (words as f64 * share) as usize;
        count.min(words)
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
    fn the_synthesisers_timing_counts_more_than_proportion() {
        let mut ledger = ledger();
        let millis = |it: &[u64]| it.iter().copied().map(Duration::from_millis).collect();
        ledger.words(millis(&[100, 200, 300, 1_900]));
        let heard = |millis| ledger.heard(Duration::from_millis(millis));
        assert_eq!(heard(1_250), "Hello there. One two…");
        assert_eq!(heard(2_800), "Hello there. One two three…");
    }

    #[test]
    fn what_a_microphone_may_hear_of_it_are_the_sentences_around() {
        let ledger = ledger();
        assert_eq!(ledger.around(Duration::ZERO), "Hello there. One two three four.");
        assert_eq!(ledger.around(Duration::from_secs(8)), "One two three four.");
    }

    #[test]
    fn a_sentence_that_has_not_sounded_was_not_heard() {
        let mut ledger = ledger();
        ledger.begin(" And this.");
        assert_eq!(ledger.heard(Duration::from_secs(9)), "Hello there. One two three four.…");
    }
}
