//! How alike two texts end.

use crate::words;

/// How many words from the end are compared: what was said last decides whether two transcripts
/// of one turn mean the same.
const WORDS: usize = 5;
/// How many characters from the end are compared at most. Five words are shorter; scripts without
/// spaces, and nonsense, are not, and the time needed grows with the cube.
const MAX_CHARS: usize = 128;

/// How alike the last five words of two texts are, from 0 to 1: Ratcliff and Obershelp's measure,
/// twice the characters in common runs over all characters. Case, punctuation and spacing do not
/// count; two texts without words are alike.
pub fn similarity(a: &str, b: &str) -> f64 {
    let (a, b) = (tail(a), tail(b));
    if a.is_empty() && b.is_empty() {
        return 1.0;
    }
    2.0 * count(common(&a, &b)) / count(a.len() + b.len())
}

fn tail(text: &str) -> Vec<char> {
    let words = words::normalised(text);
    let last = &words[words.len().saturating_sub(WORDS)..];
    let mut chars: Vec<char> = last.join(" ").chars().collect();
    chars.drain(..chars.len().saturating_sub(MAX_CHARS));
    chars
}

fn count(chars: usize) -> f64 {
    f64::from(u32::try_from(chars).unwrap_or(u32::MAX))
}

/// Characters in common: those of the longest run that is in both, and the same again for what
/// stands before it and what stands after it.
fn common(a: &[char], b: &[char]) -> usize {
    let Run { in_a, in_b, len } = longest_run(a, b);
    if len == 0 {
        return 0;
    }
    let before = common(&a[..in_a], &b[..in_b]);
    let after = common(&a[in_a + len..], &b[in_b + len..]);
    before + len + after
}

/// Characters that two texts share, and where they begin in each.
#[derive(Default)]
struct Run {
    in_a: usize,
    in_b: usize,
    len: usize,
}

/// The longest run in both; of several, the first in `a`, then the first in `b`.
fn longest_run(a: &[char], b: &[char]) -> Run {
    let mut longest = Run::default();
    // For each place in `b`, how long the run is that ends there and at the place in `a`.
    let mut ending_here = vec![0; b.len()];
    for (i, x) in a.iter().enumerate() {
        let mut ending_before = 0;
        for (j, y) in b.iter().enumerate() {
            let len = if x == y { ending_before + 1 } else { 0 };
            ending_before = std::mem::replace(&mut ending_here[j], len);
            if len > longest.len {
                longest = Run { in_a: i + 1 - len, in_b: j + 1 - len, len };
            }
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(a: &str, b: &str, wanted: f64) {
        let similarity = similarity(a, b);
        assert!((similarity - wanted).abs() < 1e-6, "{a:?} and {b:?}: {similarity}, not {wanted}");
    }

    #[test]
    fn the_measure_is_that_of_the_original() {
        check("What is the weather today", "What is the weather", 0.863_636);
        check("Tell me a story", "Tell me a story about dogs", 0.555_556);
        check("Hello there", "Hello, there!", 1.0);
        check("one two three four five six", "two three four five six", 1.0);
        check("I think so", "I think", 0.823_529);
        check("How are you doing today?", "How are you doing to day?", 0.883_721);
        check("", "hello", 0.0);
        check("!!!", "", 1.0);
        check("ich möchte das", "Ich mochte das", 0.928_571);
        check("the capital of France", "the capital of france is", 0.933_333);
    }

    #[test]
    fn letters_of_every_script_count() {
        check("Привет, мир", "привет мир!", 1.0);
        check("你好吗？", "你好", 0.8);
        check("你好", "再见", 0.0);
        check("mo\u{308}chte", "möchte", 1.0);
        check("ｈｅｌｌｏ", "hello", 1.0);
    }

    proptest! {
        #[test]
        fn it_is_one_for_a_text_and_itself_and_within_bounds(a in "\\PC{0,300}", b in "\\PC{0,300}") {
            prop_assert!((similarity(&a, &a) - 1.0).abs() < f64::EPSILON);
            prop_assert!((0.0..=1.0).contains(&similarity(&a, &b)));
        }
    }
}
