//! From flite's tokens to the words of the text.

use std::time::Duration;

/// What flite has made of a run of characters of the text: some words to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// The characters, without marks around them.
    pub(super) name: String,
    /// When its last word ends, from the first sample on; `None` if nothing of it sounds.
    pub(super) end: Option<Duration>,
}

/// When each word of the text ends. A word holds the tokens that are found in it one after the
/// other; one without sound ends where the word before it does. `None` if a token is in no word.
pub(super) fn ends<'a>(
    words: impl Iterator<Item = &'a str>,
    tokens: &[Token],
) -> Option<Vec<Duration>> {
    let mut tokens = tokens.iter().peekable();
    let mut latest = Duration::ZERO;
    let ends = words
        .map(|word| {
            let mut rest = word;
            while let Some(token) = tokens.next_if(|token| rest.contains(token.name.as_str())) {
                let found = rest.find(token.name.as_str()).unwrap_or(0);
                rest = &rest[found + token.name.len()..];
                latest = latest.max(token.end.unwrap_or_default());
            }
            latest
        })
        .collect();
    tokens.peek().is_none().then_some(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each token ends at so many milliseconds; 0 for none.
    fn check(text: &str, tokens: &[(&str, u64)], expected: Option<&[u64]>) {
        let tokens: Vec<Token> = tokens
            .iter()
            .map(|&(name, end)| Token {
                name: name.to_owned(),
                end: (end > 0).then(|| Duration::from_millis(end)),
            })
            .collect();
        let expected =
            expected.map(|ends| ends.iter().map(|&end| Duration::from_millis(end)).collect());
        assert_eq!(ends(text.split(' '), &tokens), expected, "{text}");
    }

    #[test]
    fn each_word_is_a_token() {
        check("Dr. Who (10%),", &[("Dr", 5), ("Who", 7), ("10%", 12)], Some(&[5, 7, 12]));
        check("the the", &[("the", 2), ("the", 4)], Some(&[2, 4]));
    }

    #[test]
    fn words_without_sound_end_with_the_word_before() {
        check("- a -- b", &[("-", 0), ("a", 3), ("--", 0), ("b", 9)], Some(&[0, 3, 3, 9]));
        check("a '' b", &[("a", 3), ("b", 9)], Some(&[3, 3, 9]));
    }

    #[test]
    fn a_word_may_be_many_tokens() {
        check("a-b c", &[("a", 3), ("-", 0), ("b", 5), ("c", 9)], Some(&[5, 9]));
    }

    #[test]
    fn what_cannot_be_mapped_has_no_ends() {
        check("a b", &[("a", 3), ("x", 5), ("b", 9)], None);
        check("a", &[("a", 3), ("a", 5)], None);
    }
}
