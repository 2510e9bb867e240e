//! What a listener says to show that they listen.

use crate::words;

/// More words than this are meant to be heard, whatever they are.
const MAX_WORDS: usize = 3;

/// Sounds and words that mean "go on", each letter written once however long it is drawn. Not
/// "yes" and "no", which answer questions, nor "wait" and "stop", which ask for silence.
const BACKCHANNELS: [&str; 29] = [
    "m", "hm", "mh", "mhm", "mhum", "hmhm", "uh", "um", "uhuh", "uhum", "umhum", "eh", "er", "erm",
    "ah", "aha", "ahuh", "oh", "ok", "okay", "yeah", "yea", "yep", "yup", "ya", "right", "äh",
    "ähm", "mkay",
];

/// Whether `text` is only a sign of listening ("mm-hm", "uh", "yeah"), so that it should not
/// interrupt whoever speaks. Text without any word is not: it is nothing.
pub fn is_backchannel(text: &str) -> bool {
    let words = words::normalised(text);
    (1..=MAX_WORDS).contains(&words.len())
        && words.iter().all(|word| BACKCHANNELS.contains(&drawn_together(word).as_str()))
}

/// The word with each run of one letter written once: "hmmm" as "hm".
fn drawn_together(word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    letters.dedup();
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_listening_are_backchannels() {
        for text in [
            "Mm-hm.",
            "mm hmm",
            "Mhm",
            "Hmmmm...",
            "Uh-huh!",
            "uh",
            "Ummm,",
            "Yeah.",
            "yeah, yeah",
            "Oh, okay.",
            "Okay. Right.",
            "Ah!",
            "ÄHM",
        ] {
            assert!(is_backchannel(text), "{text}");
        }
    }

    #[test]
    fn words_that_want_something_are_not() {
        for text in [
            "",
            "...",
            "stop",
            "Wait.",
            "No.",
            "Yes.",
            "Yeah, but why?",
            "Okay, stop.",
            "right now",
            "what",
            "yeah yeah yeah yeah",
            "もしもし",
        ] {
            assert!(!is_backchannel(text), "{text}");
        }
    }
}
