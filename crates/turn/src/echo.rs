//! Whether words come from the answer itself, out of the caller's loudspeaker.

use crate::{similarity, words};

/// How many of the words heard are found in what was spoken: transcripts of an echo have errors.
const FOUND: f64 = 0.75;
/// From so many words found on, in one place and in order, even the commonest are no accident.
const NO_ACCIDENT: usize = 4;
/// A word of so many letters shows that it was copied, if it stands among others,
const TELLING: usize = 5;
/// or if it stands alone. Who repeats one long word of the answer is not heard; shorter ones are
/// said by chance.
const TELLING_ALONE: usize = 7;
/// Shorter words are the same only if they are equal: "no" is not "now".
const FUZZY: usize = 4;
/// How alike longer words are that are taken for the same.
const ALIKE: f64 = 0.75;

/// Words by which callers interrupt, ask and answer. They are an echo only among others of one, and
/// show nothing.
const MEANT: &str = "\
    stop wait no nope not dont never nevermind yes yeah yep yup ok okay right sure true wrong \
    correct exactly absolutely definitely certainly probably perfect great good fine maybe \
    really actually seriously what why who how when where which huh pardon sorry excuse please \
    thanks hello hey goodbye hold pause quiet silence enough cancel continue again repeat \
    listen nothing anything";

/// Whether the transcript `heard` holds nothing but words of `spoken`, the part of the answer that
/// may have sounded meanwhile: then the answer was heard, and not the caller.
///
/// Three quarters of the words have to be found close together and in order, errors of recognition
/// within a word aside. Few words are an echo only if one is long; a single word only if it is very
/// long and nothing that a caller interrupts or answers with. In doubt it is the caller.
pub fn is_echo(heard: &str, spoken: &str) -> bool {
    let (heard, spoken) = (words::normalised(heard), words::normalised(spoken));
    // the transcript may leave words out
    let stretch = (heard.len() + heard.len() / 2).clamp(1, spoken.len().max(1));
    let matches = Matches::of(&heard, &spoken);
    let found = (0..=spoken.len().saturating_sub(stretch))
        .map(|start| matches.within(start..(start + stretch).min(spoken.len())))
        .max_by_key(|found| found.iter().filter(|found| **found).count());
    found.is_some_and(|found| is_copy(&heard, &found))
}

/// Whether the words are an echo, if those are found that `found` says.
fn is_copy(heard: &[String], found: &[bool]) -> bool {
    let count = found.iter().filter(|found| **found).count();
    let mut words = heard.iter().zip(found);
    if ratio(count, heard.len()) < FOUND || words.any(|(word, found)| !found && is_meant(word)) {
        return false;
    }
    let letters = if heard.len() == 1 { TELLING_ALONE } else { TELLING };
    let tells = |(word, found): (&String, &bool)| {
        *found && !is_meant(word) && word.chars().count() >= letters
    };
    count >= NO_ACCIDENT || heard.iter().zip(found).any(tells)
}

/// Which word heard is which word spoken.
struct Matches {
    /// For each word heard and each word spoken whether they are the same.
    same: Vec<Vec<bool>>,
}

impl Matches {
    fn of(heard: &[String], spoken: &[String]) -> Self {
        let row = |heard: &String| spoken.iter().map(|spoken| is_same(heard, spoken)).collect();
        Self { same: heard.iter().map(row).collect() }
    }

    /// Which words heard belong to the longest sequence in common with a stretch of those spoken.
    fn within(&self, stretch: std::ops::Range<usize>) -> Vec<bool> {
        let (rows, columns) = (self.same.len(), stretch.len());
        let same = |row: usize, column: usize| self.same[row][stretch.start + column];
        // how long the sequence is in what begins at this word heard and that word spoken
        let mut longest = vec![vec![0; columns + 1]; rows + 1];
        for row in (0..rows).rev() {
            for column in (0..columns).rev() {
                longest[row][column] = if same(row, column) {
                    longest[row + 1][column + 1] + 1
                } else {
                    longest[row + 1][column].max(longest[row][column + 1])
                };
            }
        }
        let mut column = 0;
        let mut find = |row: usize| {
            let taken = (column..columns).find(|column| {
                same(row, *column) && longest[row + 1][column + 1] + 1 == longest[row][*column]
            });
            // a word that the sequence does without must not use up words spoken
            let taken = taken.filter(|taken| longest[row][*taken] == longest[row][column]);
            column = taken.map_or(column, |taken| taken + 1);
            taken.is_some()
        };
        (0..rows).map(&mut find).collect()
    }
}

fn is_meant(word: &str) -> bool {
    MEANT.split(' ').any(|meant| meant == word)
}

fn is_same(heard: &str, spoken: &str) -> bool {
    let letters = |word: &str| word.chars().count();
    heard == spoken
        || letters(heard).min(letters(spoken)) >= FUZZY
            && letters(heard).abs_diff(letters(spoken)) <= 2
            && !is_meant(heard)
            && similarity(heard, spoken) >= ALIKE
}

fn ratio(part: usize, whole: usize) -> f64 {
    let count = |words| f64::from(u32::try_from(words).unwrap_or(u32::MAX));
    if whole == 0 { 0.0 } else { count(part) / count(whole) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANSWER: &str = "Sure! The capital of France is Paris, which lies on the river Seine. It has \
        been there for more than two thousand years; what you see today is mostly from the \
        nineteenth century. No city in Europe has more visitors. If you want, I can stop here, or \
        tell you what to do when you wait for the train.";

    #[test]
    fn the_answers_own_words_are_an_echo() {
        for heard in [
            "The capital of France is Paris.",
            "capital of France",
            "France is Paris",
            "is Paris",
            "the capitol of Frans is Paris",
            "the capital France is Paris which lies on the rivers in",
            "thousand years what you see today",
            "from the nineteenth century no city in Europe",
            "nineteenth",
            "Visitors?",
            "no city in Europe",
            "I can stop here or tell you",
            "what to do when you wait for the",
            "it has been there",
        ] {
            assert!(is_echo(heard, ANSWER), "{heard}");
        }
    }

    #[test]
    fn what_a_caller_says_is_not() {
        for heard in [
            "",
            "...",
            "Stop.",
            "stop stop",
            "No!",
            "No, no.",
            "Wait.",
            "Yes.",
            "What?",
            "Sure.",
            "what to",
            "Paris?",
            "and Lyon",
            "No, the capital of France is",
            "Stop, the capital of France is Paris",
            "is the capital of Spain Madrid",
            "what is the river",
            "you can stop",
            "I want to see the train",
            "how many visitors",
            "when was that",
            "tell me more about the city",
            "Can you wait for the train there?",
            "yeah I see",
        ] {
            assert!(!is_echo(heard, ANSWER), "{heard}");
        }
    }

    #[test]
    fn interrupting_words_are_no_echo_by_themselves_however_long() {
        let spoken = "absolutely, exactly, definitely, continue, anything, nothing, never mind";
        for heard in ["Absolutely!", "Exactly.", "definitely", "continue", "Continue, anything"] {
            assert!(!is_echo(heard, spoken), "{heard}");
        }
    }

    #[test]
    fn words_in_another_order_or_far_apart_are_no_echo() {
        let spoken = "seven horses ran past the old windmill while nobody at the harbour was awake";
        assert!(is_echo("horses ran past the windmill", spoken));
        assert!(!is_echo("windmill past horses", spoken));
        assert!(!is_echo("horses nobody awake", spoken));
    }

    #[test]
    fn nothing_spoken_has_no_echo() {
        assert!(!is_echo("the capital of France", ""));
        assert!(!is_echo("", ""));
    }

    proptest! {
        #[test]
        fn a_long_enough_part_of_the_answer_is_always_its_echo(start in 0_usize..50, length in 4_usize..12) {
            let words: Vec<_> = ANSWER.split_whitespace().skip(start).take(length).collect();
            prop_assert!(is_echo(&words.join(" "), ANSWER));
        }

        #[test]
        fn any_two_texts_can_be_compared(heard in "\\PC{0,80}", spoken in "\\PC{0,200}") {
            let is_copied = is_echo(&heard, &spoken);
            prop_assert!(!is_copied || words::any(&heard) && words::any(&spoken));
        }
    }
}
