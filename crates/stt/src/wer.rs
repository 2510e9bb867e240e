//! The word error rate: how far what was heard is from what was said.

use std::ops::AddAssign;

/// The errors over one or several texts. Sums by `+=`, since a rate over many texts is that of
/// all their words, not the mean of the texts' rates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WordErrors {
    /// Words to substitute, insert and delete to turn what was heard into what was said.
    pub errors: usize,
    /// Words that were said.
    pub words: usize,
}

impl WordErrors {
    /// Compares two texts by the Levenshtein distance of their [`words`].
    pub fn between(said: &str, heard: &str) -> Self {
        let (said, heard) = (words(said), words(heard));
        Self { errors: distance(&said, &heard), words: said.len() }
    }

    /// Errors for each word said; 0.0 where nothing was said or heard, and above 1.0 where much
    /// was invented.
    #[expect(clippy::cast_precision_loss, reason = "texts have few words")]
    pub fn rate(self) -> f64 {
        if self.errors == 0 { 0.0 } else { self.errors as f64 / self.words as f64 }
    }
}

impl AddAssign for WordErrors {
    fn add_assign(&mut self, other: Self) {
        self.errors += other.errors;
        self.words += other.words;
    }
}

/// The words of a text as they are compared: in lower case, without punctuation, and parted at
/// hyphens and dashes.
pub fn words(text: &str) -> Vec<String> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '-' | '‐' | '‑' | '–' | '—'))
        .map(|word| {
            let letters = word.chars().filter(|c| c.is_alphanumeric());
            letters.flat_map(char::to_lowercase).collect::<String>()
        })
        .filter(|word| !word.is_empty())
        .collect()
}

/// The Levenshtein distance, row by row.
fn distance(said: &[String], heard: &[String]) -> usize {
    let mut above: Vec<usize> = (0..=heard.len()).collect();
    for (index, said) in said.iter().enumerate() {
        let mut row = Vec::with_capacity(above.len());
        row.push(index + 1);
        for (column, heard) in heard.iter().enumerate() {
            let substituted = above[column] + usize::from(said != heard);
            row.push(substituted.min(above[column + 1] + 1).min(row[column] + 1));
        }
        above = row;
    }
    above[heard.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &str, heard: &str, errors: usize, words: usize) {
        assert_eq!(WordErrors::between(said, heard), WordErrors { errors, words });
    }

    #[test]
    fn case_punctuation_and_hyphens_are_no_errors() {
        check("A real-time “Demo”, isn't it?", "a real time demo isnt it", 0, 6);
    }

    #[test]
    fn substituted_deleted_and_inserted_words_count_one_each() {
        check("a bear or a shark", "a bear or the shark", 1, 5);
        check("a bear or a shark", "bear or a", 2, 5);
        check("hello", "oh hello there", 2, 1);
        check("ask not what", "", 3, 3);
        check("", "you", 1, 0);
    }

    #[test]
    fn the_rate_is_that_of_all_words_together() {
        let mut all = WordErrors::default();
        assert!(all.rate().abs() < f64::EPSILON);
        all += WordErrors::between("one", "two");
        all += WordErrors::between("one two three", "one two three");
        assert!((all.rate() - 0.25).abs() < f64::EPSILON);
    }
}
