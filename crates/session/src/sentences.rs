//! Cuts a growing text into what is handed to the voice: a short first fragment, then sentences.

/// The first fragment ends at the first of these after enough letters, wherever it is within
/// [`FIRST_WITHIN`]: the sooner the voice has something to say, the sooner the caller hears it.
const CLAUSE_MARKS: &str = ".!?…,;:\n。！？、，-–—";
/// Sentences end at one of these.
const SENTENCE_MARKS: &str = ".!?…\n。！？";
/// Marks after which a script without spaces goes on at once.
const WIDE_MARKS: &str = "\n。！？、，";
/// A first fragment is looked for in so many characters.
const FIRST_WITHIN: usize = 120;
/// A fragment with fewer letters and digits sounds chopped off.
const FIRST_ALPHANUMERICS: usize = 10;
/// Shorter sentences are spoken together with the next one.
const MIN_SENTENCE: usize = 10;
/// Longer sentences are cut at a clause or a word: synthesisers grow slow and breathless.
const MAX_SENTENCE: usize = 220;
/// After these words a period does not end a sentence.
const ABBREVIATIONS: &[&str] = &[
    "dr", "mr", "mrs", "ms", "prof", "st", "jr", "sr", "vs", "etc", "e.g", "i.e", "no", "approx",
    "a.m", "p.m", "u.s",
];

/// Cuts a text that arrives in pieces. The parts, concatenated, are the text.
#[derive(Debug, Default)]
pub struct Splitter {
    buffer: String,
    first_taken: bool,
}

impl Splitter {
    /// Adds a piece of text and takes out what is complete.
    pub fn push(&mut self, piece: &str) -> Vec<String> {
        self.buffer.push_str(piece);
        std::iter::from_fn(|| self.take()).collect()
    }

    /// The rest of the text; `None` if there is nothing to say in it.
    pub fn finish(mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.buffer);
        rest.chars().any(char::is_alphanumeric).then_some(rest)
    }

    fn take(&mut self) -> Option<String> {
        let end = if self.first_taken {
            sentence_end(&self.buffer)
        } else {
            first_end(&self.buffer).or_else(|| sentence_end(&self.buffer))
        }?;
        self.first_taken = true;
        let rest = self.buffer.split_off(end);
        Some(std::mem::replace(&mut self.buffer, rest))
    }
}

/// Where the first fragment ends, after its mark.
fn first_end(text: &str) -> Option<usize> {
    let mut alphanumerics = 0;
    for (index, character) in text.char_indices().take(FIRST_WITHIN) {
        if character.is_alphanumeric() {
            alphanumerics += 1;
        }
        if alphanumerics >= FIRST_ALPHANUMERICS
            && CLAUSE_MARKS.contains(character)
            && is_boundary(text, index, character)
        {
            return Some(index + character.len_utf8());
        }
    }
    None
}

/// Where the first long enough sentence ends, or where an endless one is to be cut.
fn sentence_end(text: &str) -> Option<usize> {
    for (count, (index, character)) in text.char_indices().enumerate() {
        if count >= MIN_SENTENCE
            && SENTENCE_MARKS.contains(character)
            && is_boundary(text, index, character)
        {
            return Some(index + character.len_utf8());
        }
        if count >= MAX_SENTENCE {
            return Some(cut_long(&text[..index]));
        }
    }
    None
}

/// Whether the mark at `index` stands between clauses rather than inside a word or number. At the
/// end of the text so far that is not known yet.
fn is_boundary(text: &str, index: usize, mark: char) -> bool {
    if WIDE_MARKS.contains(mark) {
        return true;
    }
    let after = text[index + mark.len_utf8()..].chars().next();
    after.is_some_and(char::is_whitespace) && !(mark == '.' && is_abbreviation(&text[..index]))
}

fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    let word = word.trim_start_matches(|character: char| !character.is_alphanumeric());
    let is_initial =
        word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    is_initial || ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

/// The best place to cut a text that is too long: after its last clause, else its last word.
fn cut_long(text: &str) -> usize {
    let clause = text.rfind([',', ';', ':']).map(|index| index + 1);
    let word = text.rfind(char::is_whitespace).map(|index| index + 1);
    let early = text.len() / 3;
    clause
        .filter(|index| *index > early)
        .or(word.filter(|index| *index > early))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut parts = splitter.push(text);
        parts.extend(splitter.finish());
        parts
    }

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(split(text), expected, "of {text:?}");
    }

    #[test]
    fn the_first_fragment_is_short() {
        check("Sure thing, buddy. Let's go", &["Sure thing, buddy.", " Let's go"]);
        check(
            "Well, that is a long answer, you know.",
            &["Well, that is a long answer,", " you know."],
        );
        check("1234567890,", &["1234567890,"]);
    }

    #[test]
    fn too_few_letters_make_no_fragment() {
        check("Hi, I am fine.", &["Hi, I am fine."]);
    }

    #[test]
    fn sentences_follow_whole() {
        check(
            "Yes, of course I can. The sea is deep, and blue. Go over there! Now you know it.",
            &[
                "Yes, of course I can.",
                " The sea is deep, and blue.",
                " Go over there!",
                " Now you know it.",
            ],
        );
    }

    #[test]
    fn numbers_words_and_abbreviations_stay_whole() {
        check(
            "It is about 3.14159 or well-known facts by Dr. Smith and J. Doe. So it is.",
            &["It is about 3.14159 or well-known facts by Dr. Smith and J. Doe.", " So it is."],
        );
    }

    #[test]
    fn a_mark_at_the_end_waits_for_what_follows() {
        let mut splitter = Splitter::default();
        assert!(splitter.push("The value is about 3.").is_empty());
        assert!(splitter.push("5 metres").is_empty());
        assert_eq!(splitter.push(". And").len(), 1);
    }

    #[test]
    fn an_endless_sentence_is_cut_between_words() {
        let parts = split(&"word ".repeat(200));
        assert!(parts.len() > 3);
        assert!(parts.iter().all(|part| part.chars().count() <= MAX_SENTENCE));
        assert!(parts.iter().all(|part| part.starts_with("word") && part.ends_with("word ")));
    }

    #[test]
    fn scripts_without_spaces_are_cut_too() {
        check(
            "今日はとても良い天気ですね。散歩に行きましょう。",
            &["今日はとても良い天気ですね。", "散歩に行きましょう。"],
        );
    }

    #[test]
    fn nothing_to_say_is_nothing() {
        assert!(split(" \n ").is_empty());
        assert!(split("...").is_empty());
    }

    proptest! {
        #[test]
        fn the_parts_are_the_text(text in "[a-zA-Z0-9é。 .,!?;:\\n-]{0,400}", at in 0usize..400) {
            let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            let mut splitter = Splitter::default();
            let mut parts = splitter.push(&text[..at]);
            parts.extend(splitter.push(&text[at..]));
            let rest = splitter.finish();
            let lost = rest.is_none();
            parts.extend(rest);
            let joined = parts.concat();
            if lost {
                prop_assert!(text.starts_with(&joined));
                prop_assert!(!text[joined.len()..].chars().any(char::is_alphanumeric));
            } else {
                prop_assert_eq!(joined, text);
            }
        }
    }
}
