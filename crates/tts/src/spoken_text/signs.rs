//! What is left of marks goes; signs that have a name in speech get it.
//!
//! Not all: `%`, `@`, `+`, `=`, `/` and `$` voices say by themselves, and better, as they see the
//! numbers beside them.

/// Longest first.
const NAMES: [(&str, &str); 8] = [
    ("<=", " less than or equal to "),
    (">=", " greater than or equal to "),
    ("!=", " not equal to "),
    ("==", " equals "),
    ("->", " to "),
    ("=>", " to "),
    ("&", " and "),
    ("|", " "),
];

/// The text without `* _ # ~ ^ | & < > [ ] { }`, backslash and backtick.
pub(super) fn spoken(text: &str) -> String {
    // marks first: what they leave behind may join to a sign that has a name
    let mut text = without_marks(text);
    for (sign, name) in NAMES {
        text = text.replace(sign, name);
    }
    with_comparisons(&text)
}

fn without_marks(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let (before, after) = (&text[..at], &text[at + 1..]);
        let before_number = after.starts_with(|c: char| c.is_ascii_digit());
        match c {
            '*' if is_factor(before, after) => plain.push_str("times"),
            '_' if ends_word(before) && starts_word(after) => plain.push(' '),
            '~' if before_number => plain.push_str(" about "),
            '#' if before_number => plain.push_str(" number "),
            '#' if is_note(before) && !starts_word(after) => plain.push_str(" sharp"),
            '*' | '_' | '~' | '`' | '\\' => {}
            '#' | '^' | '[' | ']' | '{' | '}' => plain.push(' '),
            _ => plain.push(c),
        }
    }
    plain
}

/// Between two numbers, with spaces, a star means to multiply.
fn is_factor(before: &str, after: &str) -> bool {
    let left = before
        .strip_suffix(' ')
        .is_some_and(|before| before.ends_with(|c: char| c.is_ascii_digit()));
    let right = after
        .strip_prefix(' ')
        .is_some_and(|after| after.starts_with(|c: char| c.is_ascii_digit()));
    left && right
}

/// As in C# and F#: a single capital letter.
fn is_note(before: &str) -> bool {
    let mut last = before.chars().rev();
    last.next().is_some_and(|c| ('A'..='G').contains(&c))
        && last.next().is_none_or(|c| !c.is_ascii_alphanumeric())
}

fn with_comparisons(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let is_compared =
            text[at + 1..].trim_start().starts_with(|c: char| c.is_ascii_alphanumeric())
                && ends_word(text[..at].trim_end());
        match c {
            '<' if is_compared => plain.push_str(" less than "),
            '>' if is_compared => plain.push_str(" greater than "),
            '<' | '>' => plain.push(' '),
            _ => plain.push(c),
        }
    }
    plain
}

fn ends_word(text: &str) -> bool {
    text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

fn starts_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
}
