//! Nothing is long: no run of marks, no word, no text.

const MARKS_IN_A_ROW: usize = 3;
const LONGEST_WORD: usize = 80;
const LONGEST_TEXT: usize = 400;

/// ASCII text within the limits, with single spaces between words.
pub(super) fn limited(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_ascii_whitespace().map(limited_word) {
        match words.last_mut() {
            // a text begins with a word
            None if word.bytes().all(|byte| b".,!?;:-+".contains(&byte)) => {}
            // what stood between a word and its full stop was left out
            Some(last) if word.bytes().all(|byte| b".,!?;:".contains(&byte)) => {
                *last = limited_word(&(std::mem::take(last) + &word));
            }
            _ => words.push(word),
        }
    }
    let text = words.join(" ");
    if text.len() <= LONGEST_TEXT {
        return text;
    }
    // the longest word is shorter, so there is a border
    text[..=LONGEST_TEXT].rfind(' ').map_or_else(String::new, |end| text[..end].to_owned())
}

fn limited_word(word: &str) -> String {
    let mut marks = 0;
    let is_within_run = |c: &char| {
        marks = if c.is_ascii_alphanumeric() { 0 } else { marks + 1 };
        marks <= MARKS_IN_A_ROW
    };
    word.chars().filter(is_within_run).take(LONGEST_WORD).collect()
}
