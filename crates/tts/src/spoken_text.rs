//! The sanitiser in front of every voice.
//!
//! Language models write for the eye: marks, links, emoji, tables. And they write anything at
//! all, which synthesisers do not expect: flite ends the whole process on a few hundred full stops
//! in a row. So there is one gate, and a backend takes only what has passed it.

mod characters;
mod limits;
mod markup;
mod signs;

/// Text that is safe and sensible to synthesise: printable ASCII on one line, with single spaces
/// between words, at most 3 marks in a row, at most 80 characters in a word and at most 400 in
/// all, of which at least one is a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpokenText(String);

impl SpokenText {
    /// Makes text speakable; `None` if nothing speakable is left of it.
    ///
    /// What a reader would see but not say goes: thoughts in `<think>`, code blocks, Markdown's
    /// marks, HTML tags, emoji, invisible characters, addresses (which become "link"). Letters with
    /// accents lose them; other scripts than Latin are left out, since no voice here speaks them.
    ///
    /// What exceeds 400 characters is cut off at the last whole word: who has more to say splits it
    /// into sentences first.
    pub fn new(text: &str) -> Option<Self> {
        let ascii = characters::folded(text);
        let plain = markup::removed(&ascii);
        let spoken = markup::addresses_replaced(&signs::spoken(&plain));
        let text = limits::limited(&spoken);
        text.contains(|c: char| c.is_ascii_alphanumeric()).then_some(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its words: what stands between spaces.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let spoken = SpokenText::new(text);
        assert_eq!(spoken.as_ref().map_or("", SpokenText::as_str), expected, "of {text:?}");
    }

    #[test]
    fn plain_sentences_pass_unchanged() {
        for text in [
            "Hello, world!",
            "Dr. Smith's well-known (and dear) friend paid $45.50, i.e. 3/4 of it, at 10:30.",
            "Is it -5 or +5? \"Both\"; really...",
            "Write to me@example.com about C++ = 2% of it.",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn thoughts_are_not_spoken() {
        check("<think>Let me see.\n</think>Yes.", "Yes.");
        check("Yes. <THINK>but", "Yes.");
        check("and so on</think> Yes.", "Yes.");
        check("<thinking>a</thinking>b<think>c</think>d", "bd");
    }

    #[test]
    fn marks_are_not_spoken() {
        check("**Very** *good*, `really` __so__ ~~not~~ good.", "Very good, really so not good.");
        check("# Title\n\nText goes\non here.", "Title, Text goes on here.");
        check("- Milk\n- *Eggs*\n\n* Bread.\n---\n> Quoted", "Milk, Eggs, Bread. Quoted");
        check("• Milk\n• Eggs", "Milk, Eggs");
        check("Run:\n```sh\nrm -rf /\n```\nDone.", "Run: Done.");
        check("Run ```rm -rf", "Run");
        check("| a | b |\n|---|---|\n| c | d |", "a b c d");
        check("<b>Bold</b> and<br/>broken", "Bold and broken");
    }

    #[test]
    fn addresses_are_named_not_spelled() {
        check("See [the page](https://example.com/a_b?c=d) now.", "See the page now.");
        check("![A cat](cat.png) sits.", "A cat sits.");
        check("See https://example.com/a_b?c=d, or (www.example.com).", "See link, or (link).");
        check("<https://example.com>", "link");
        check("Go to example.com.", "Go to example.com.");
    }

    #[test]
    fn typography_becomes_ascii() {
        check("“It’s” – well—fine…", "\"It's\" - well -- fine...");
        check("Café naïve Straße Łódź Ærø œuvre", "Cafe naive Strasse Lodz AEro oeuvre");
        check("ﬁne ｆｕｌｌ 𝐛𝐨𝐥𝐝", "fine full bold");
        check("10\u{a0}km", "10 km");
    }

    #[test]
    fn what_has_no_sound_is_left_out() {
        check("Sure 😀! 👨‍👩‍👧 Ok 1\u{fe0f}\u{20e3}", "Sure! Ok 1");
        check("in\u{ad}vi\u{200b}sib\u{202e}le\0", "invisible");
        check("hello日本語there, Привет!", "hello there,!");
        for nothing in ["", " \n", "😀😀", "日本語", "...", "**", "<think>x", "```\nx\n```", "---"]
        {
            assert_eq!(SpokenText::new(nothing), None, "of {nothing:?}");
        }
    }

    #[test]
    fn signs_are_spoken() {
        check("R&D: salt & pepper", "R and D: salt and pepper");
        check("5 * 3 × 2 ÷ 4", "5 times 3 times 2 divided by 4");
        check(
            "a < 5, 7 > b, x <= y -> z",
            "a less than 5, 7 greater than b, x less than or equal to y to z",
        );
        check("20°C, 70 ℉, 90°", "20 degrees Celsius, 70 degrees Fahrenheit, 90 degrees");
        check("€5.50. £1,000 3 € ¢", "5.50 euros. 1,000 pounds 3 euros cents");
        check("#1 in C# ~5 snake_case a^2 1½", "number 1 in C sharp about 5 snake case a 2 1 1/2");
    }

    #[test]
    fn floods_of_marks_are_dammed() {
        check(&format!("hello{}", ".".repeat(320)), "hello...");
        check(&format!("{}x", "!?".repeat(250)), "!?!x");
        assert_eq!(SpokenText::new(&".".repeat(500)), None);
    }

    #[test]
    fn long_words_and_texts_are_cut() {
        check(&"a".repeat(5_000), &"a".repeat(80));
        let long = "four ".repeat(200);
        let spoken = SpokenText::new(&long).expect("there are words");
        assert_eq!(spoken.as_str(), "four ".repeat(80).trim_end());
    }

    /// What has a meaning somewhere, apart by spaces.
    const SIGNS: &str = "<think> </think> ``` ~~~ ` ** * _ # - [a](b) [ ]( ) ![ http://x.y/z?q=1 \
        https:// www. :// < > -> <= != <b> & | ^ \\ { } ~ ... !? , . - $ €5 ° °C ½ ’ — – … • é ß 日本 \
        😀 \u{200b} \u{202e} \0 5 1,000 C# Dr. hello x";

    fn fragment() -> impl Strategy<Value = String> {
        let space = prop::sample::select(vec![" ", "\t", "\n", "\n\n", "\n# ", "\n- ", "\n+ "]);
        let flood = prop::sample::select(vec!["a", ".", "9", "x ", "<", "*", "- "]);
        prop_oneof![
            3 => prop::sample::select(SIGNS.split(' ').collect::<Vec<_>>()).prop_map(str::to_owned),
            1 => space.prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from),
            1 => "[ -~]{0,12}",
            1 => (flood, 1_usize..500).prop_map(|(part, times)| part.repeat(times)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn whatever_is_written_what_is_spoken_keeps_its_promises(
            text in prop::collection::vec(fragment(), 0..24),
        ) {
            let Some(spoken) = SpokenText::new(&text.concat()) else { return Ok(()) };
            let text = spoken.as_str();
            prop_assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text:?}");
            prop_assert!(text.len() <= 400 && text.split(' ').all(|word| (1..=80).contains(&word.len())));
            let is_mark = |c: char| !c.is_ascii_alphanumeric() && c != ' ';
            let mut runs = text.split(|c| !is_mark(c));
            prop_assert!(runs.all(|run| run.len() <= 3), "{text:?}");
            prop_assert_eq!(SpokenText::new(text), Some(spoken.clone()));
        }
    }
}
