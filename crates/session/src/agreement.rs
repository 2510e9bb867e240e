//! Which part of a growing transcript will hardly change any more.

/// Compares each transcript of a turn with the one before: the beginning on which both agree is
/// settled (local agreement of two hypotheses, Liu et al. 2020).
#[derive(Debug, Default)]
pub(crate) struct Agreement {
    last: Vec<String>,
}

impl Agreement {
    /// Takes the next transcript of the turn, and gives the settled beginning of it.
    pub(crate) fn settle<'a>(&mut self, text: &'a str) -> &'a str {
        let words: Vec<String> = text.split_whitespace().map(plain).collect();
        let agreed = words.iter().zip(&self.last).take_while(|(new, old)| new == old).count();
        self.last = words;
        first_words(text, agreed)
    }
}

/// A word without what a recogniser changes when more words follow: case and punctuation.
fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The beginning of `text` with so many words.
fn first_words(text: &str, count: usize) -> &str {
    let Some(last) = count.checked_sub(1) else { return "" };
    let word = text.split_whitespace().nth(last).unwrap_or_default();
    // both point into the same text
    let end = word.as_ptr() as usize - text.as_ptr() as usize + word.len();
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_two_transcripts_agree_on_is_settled() {
        let mut agreement = Agreement::default();
        assert_eq!(agreement.settle("What is."), "");
        assert_eq!(agreement.settle("What is the whether"), "What is");
        assert_eq!(agreement.settle("what  is the weather in"), "what  is the");
        assert_eq!(agreement.settle("Paris"), "");
    }

    proptest! {
        #[test]
        fn it_is_always_a_beginning(texts in prop::collection::vec("[a-zé ,.]{0,30}", 1..6)) {
            let mut agreement = Agreement::default();
            for text in &texts {
                prop_assert!(text.starts_with(agreement.settle(text)));
            }
        }
    }
}
