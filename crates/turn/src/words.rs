//! Words without what does not count: case, punctuation, spacing, and how a character is written.

use unicode_normalization::UnicodeNormalization;

/// Whether anything in `text` can be said aloud; "..." and "♪" cannot.
pub(crate) fn any(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// The words of `text` in lower case and in Unicode's composed compatibility form, without anything but letters (of all scripts), digits and
/// underscores. A hyphen or an apostrophe joins: "mm-hm" is one word.
pub(crate) fn normalised(text: &str) -> Vec<String> {
    let kept: String = text
        .nfkc()
        .flat_map(char::to_lowercase)
        .filter(|c| c.is_alphanumeric() || *c == '_' || c.is_whitespace())
        .collect();
    kept.split_whitespace().map(str::to_owned).collect()
}
