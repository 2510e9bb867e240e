//! What may be remembered of a conversation.

use std::{sync::Arc, time::Duration};

use crate::Said;

/// What was given of one answer: its sentences with their sound, and how much of that was sent.
#[derive(Debug, Default)]
pub(super) struct Given {
    sentences: Vec<(String, Duration)>,
    sent: Duration,
}

/// What one step adds to the conversation.
#[derive(Debug)]
pub(super) enum Entry {
    Turn(Arc<str>),
    Answer(Given),
}

impl Given {
    pub(super) fn begin(&mut self, sentence: &str) {
        self.sentences.push((sentence.to_owned(), Duration::ZERO));
    }

    pub(super) fn sounds(&mut self, duration: Duration) {
        self.sentences.last_mut().expect("a sentence").1 += duration;
    }

    pub(super) fn sent(&mut self, until: Duration) {
        self.sent = self.sent.max(until);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sentences.is_empty()
    }

    /// The words of sentences of which some sound was sent.
    fn at_most_heard(&self) -> Vec<&str> {
        let mut start = Duration::ZERO;
        let mut words = Vec::new();
        for (text, duration) in &self.sentences {
            if !duration.is_zero() && start < self.sent {
                words.extend(text.split_whitespace());
            }
            start += *duration;
        }
        words
    }

    fn all(&self) -> Vec<&str> {
        self.sentences.iter().flat_map(|(text, _)| text.split_whitespace()).collect()
    }

    fn is_sent(&self) -> bool {
        self.sent == self.sentences.iter().map(|(_, duration)| *duration).sum()
    }

    /// Checks what is remembered of it: the beginning of what was sent, or all.
    fn check(&self, text: &str) {
        if let Some(cut) = text.strip_suffix('…') {
            let (cut, heard): (Vec<&str>, _) =
                (cut.split_whitespace().collect(), self.at_most_heard());
            assert!(!cut.is_empty() && heard.starts_with(&cut), "{text} of {self:?}");
        } else {
            assert!(self.is_sent(), "{text} of {self:?}");
            assert_eq!(text.split_whitespace().collect::<Vec<_>>(), self.all());
        }
    }
}

/// Checks that the conversation has gone on by these entries, and that of answers no more is
/// remembered than was sent; nothing, if nothing was heard.
pub(super) fn check_history(before: &[Said], entries: &[Entry], after: &[Said]) {
    let (old, new) = after.split_at(before.len().min(after.len()));
    assert_eq!(before, old, "what was said has changed");
    let mut new = new.iter().peekable();
    for entry in entries {
        match entry {
            Entry::Turn(text) => {
                let said = new.next().expect("the turn is remembered");
                assert!(said.by_caller && said.text == *text, "{said:?} is not {text}");
            }
            Entry::Answer(given) => {
                if let Some(said) = new.next_if(|said| !said.by_caller) {
                    given.check(&said.text);
                }
            }
        }
    }
    assert_eq!(new.next(), None, "nobody said that");
}
