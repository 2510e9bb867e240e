//! What a listener says to show that they listen, and sounds that are no words.

use crate::words;

/// More words than this are meant to be heard, whatever they are.
const MAX_WORDS: usize = 3;

/// Sounds made while thinking or listening, each letter written once however long it is drawn.
/// "uh huh" and "mm hm" are here, since they are not told from the others by everyone who writes
/// them down.
const FILLERS: [&str; 19] = [
    "m", "hm", "mh", "mhm", "mhum", "hmhm", "uh", "um", "uhuh", "uhum", "umhum", "eh", "er", "erm",
    "ah", "ahuh", "uhm", "äh", "ähm",
];

/// Words that mean "go on" while somebody else speaks, written like the sounds. Not "yes" and "no",
/// which answer questions, nor "wait" and "stop", which ask for silence.
const ASSENTS: [&str; 11] =
    ["aha", "oh", "ok", "okay", "yeah", "yea", "yep", "yup", "ya", "right", "mkay"];

/// Whether `text` is only a sign of listening ("mm-hm", "uh", "yeah"), so that it should not
/// interrupt whoever speaks. Text without any word is not: it is nothing.
pub fn is_backchannel(text: &str) -> bool {
    let words = drawn_together(text);
    (1..=MAX_WORDS).contains(&words.len())
        && words.iter().all(|word| is_one_of(&FILLERS, word) || is_one_of(&ASSENTS, word))
}

/// Whether `text` is only sounds ("uh", "hmm", "mm-hm"), however many, so that it asks and answers
/// nothing even when nobody else speaks. "yeah" and "okay" do: they are
/// [backchannels](is_backchannel) only. Text without any word is no filler: it is nothing.
pub fn is_filler(text: &str) -> bool {
    let words = drawn_together(text);
    !words.is_empty() && words.iter().all(|word| is_one_of(&FILLERS, word))
}

fn is_one_of(table: &[&str], word: &str) -> bool {
    table.contains(&word)
}

/// The words with each run of one letter written once: "hmmm" as "hm". A "huh" that follows an "uh"
/// is part of it; alone it is a question.
fn drawn_together(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in words::normalised(text) {
        let mut letters: Vec<char> = word.chars().collect();
        letters.dedup();
        match words.last_mut() {
            Some(before) if before == "uh" && letters == ['h', 'u', 'h'] => before.push_str("uh"),
            _ => words.push(letters.into_iter().collect()),
        }
    }
    words
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
            "Uh, huh.",
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
            "Huh?",
            "もしもし",
        ] {
            assert!(!is_backchannel(text), "{text}");
        }
    }

    #[test]
    fn sounds_are_fillers_however_they_are_written() {
        for text in [
            "uh",
            "Uh.",
            "Um,",
            "Uhm...",
            "Ummmm",
            "mm",
            "Mm-hm.",
            "Mm-hmm.",
            "Mmm-hmm!",
            "mm hmm",
            "Mhm",
            "M-hm",
            "Hm",
            "Hmm.",
            "Hmmmm...",
            "er",
            "Erm",
            "Ah!",
            "Uh-huh.",
            "uh huh",
            "Uh, um, hmm.",
            "um um um um um",
        ] {
            assert!(is_filler(text), "{text}");
            assert!(is_backchannel(text) || text.len() > 12, "{text}");
        }
    }

    #[test]
    fn what_can_answer_is_no_filler() {
        for text in [
            "",
            "...",
            "♪",
            "Yeah.",
            "Okay.",
            "ok",
            "Right.",
            "Yep.",
            "Yup",
            "Oh, okay.",
            "Yes.",
            "No.",
            "Huh?",
            "Um, yes.",
            "Uh, what?",
            "hum a song",
            "her",
            "arm",
            "I",
            "A",
            "huh uh",
        ] {
            assert!(!is_filler(text), "{text}");
        }
    }
}
