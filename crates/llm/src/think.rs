//! Models that think aloud before they speak.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// How a thought begins and ends.
#[cfg(feature = "llama")]
pub(crate) const TAGS: [&str; 2] = [OPEN, CLOSE];

/// Takes what a model thinks, `<think>…</think>`, out of its words as they stream, wherever the
/// pieces happen to be cut. A thought that is never closed hides all that follows.
#[derive(Debug, Default)]
pub struct ThinkFilter {
    /// What may be the beginning of a tag.
    held: String,
    thinking: bool,
}

impl ThinkFilter {
    /// What of the text so far can be said, and was not given before.
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let mut spoken = String::new();
        loop {
            let tag = if self.thinking { CLOSE } else { OPEN };
            let found = self.held.find(tag);
            let end = found.unwrap_or_else(|| self.held.len() - overlap(&self.held, tag));
            if !self.thinking {
                spoken.push_str(&self.held[..end]);
            }
            let used = if found.is_some() { end + tag.len() } else { end };
            self.held.drain(..used);
            if found.is_none() {
                return spoken;
            }
            self.thinking = !self.thinking;
        }
    }

    /// At the end of the text: what was held back but was no tag.
    pub fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.held);
        if self.thinking { String::new() } else { rest }
    }
}

/// How many bytes at the end of `text` may be the beginning of `tag`.
pub(crate) fn overlap(text: &str, tag: &str) -> usize {
    let longest = text.len().min(tag.len() - 1);
    (1..=longest)
        .rev()
        .find(|&n| tag.is_char_boundary(n) && text.as_bytes().ends_with(&tag.as_bytes()[..n]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter<'a>(pieces: impl IntoIterator<Item = &'a str>) -> String {
        let mut filter = ThinkFilter::default();
        let mut spoken: String = pieces.into_iter().map(|piece| filter.push(piece)).collect();
        spoken.push_str(&filter.finish());
        spoken
    }

    #[test]
    fn thoughts_are_not_spoken() {
        assert_eq!(filter(["Well. <thi", "nk>secret</th", "ink> Yes."]), "Well.  Yes.");
        assert_eq!(filter(["<think>a</think>b<think>c</think>d"]), "bd");
    }

    #[test]
    fn an_unclosed_thought_hides_the_rest() {
        assert_eq!(filter(["Hm. <think>this", " never", " ends</thin"]), "Hm. ");
    }

    #[test]
    fn what_only_looks_like_a_tag_is_spoken() {
        assert_eq!(filter(["a <", "b> <thin"]), "a <b> <thin");
        assert_eq!(filter(["1 < 2"]), "1 < 2");
    }

    #[test]
    fn nothing_is_held_longer_than_needed() {
        let mut filter = ThinkFilter::default();
        assert_eq!(filter.push("Yes <t"), "Yes ");
        assert_eq!(filter.push("o"), "<to");
    }

    proptest! {
        #[test]
        fn the_cuts_between_pieces_do_not_matter(
            words in prop::collection::vec("(<think>|</think>|<|think|ä|>|[a-z ]{0,3})", 0..12),
            size in 1_usize..6,
        ) {
            let text = words.concat();
            let characters: Vec<String> = text.chars().map(String::from).collect();
            let pieces: Vec<String> = characters.chunks(size).map(<[String]>::concat).collect();
            prop_assert_eq!(
                filter(pieces.iter().map(String::as_str)),
                filter([text.as_str()])
            );
        }
    }
}
