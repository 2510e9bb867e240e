//! Whether a caller heard what was meant for another one: judged by the words in the sound.

use crate::{Outcome, TurnOutcome};

/// How many of these words (the first text) are not in what was heard (the second), and how many
/// there are.
pub type WordErrors<'a> = &'a dyn Fn(&str, &str) -> (usize, usize);

/// Sound is another's if it fits their words so many times better than one's own.
const TIMES_BETTER: f64 = 2.0;
/// Sound fits words of which no larger share is missing.
const FITS: f64 = 0.5;

impl Outcome {
    /// Compares what was heard in each answer that was listened to with its own words and with
    /// those of all answers that sounded to others at the same time. Fills `crossings_checked`,
    /// and adds to `crossed`.
    pub fn look_for_crossings(&mut self, errors: WordErrors<'_>) {
        let checked = || self.turns.iter().filter(|turn| turn.heard.is_some());
        let crossed = checked().filter(|turn| is_anothers(turn, &self.turns, errors)).count();
        self.crossings_checked = checked().count();
        self.crossed += crossed;
    }
}

fn is_anothers(turn: &TurnOutcome, all: &[TurnOutcome], errors: WordErrors<'_>) -> bool {
    let Some(heard) = &turn.heard else { return false };
    let own = rate(errors(&turn.answer, heard));
    let others = all.iter().filter(|other| {
        other.caller != turn.caller && !other.answer.is_empty() && overlap(turn, other)
    });
    others
        .map(|other| rate(errors(&other.answer, heard)))
        .any(|other| other <= FITS && other * TIMES_BETTER < own)
}

/// Whether two answers sounded at the same time.
fn overlap(one: &TurnOutcome, other: &TurnOutcome) -> bool {
    let span = |turn: &TurnOutcome| {
        let from = turn.at + turn.first_sound_arrived_ms.unwrap_or_default() / 1_000.0;
        (from, from + turn.answer_ms / 1_000.0)
    };
    let ((from, to), (other_from, other_to)) = (span(one), span(other));
    from < other_to && other_from < to
}

#[expect(clippy::cast_precision_loss, reason = "texts have few words")]
fn rate((errors, words): (usize, usize)) -> f64 {
    errors as f64 / words.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(caller: usize, at: f64, answer: &str, heard: Option<&str>) -> TurnOutcome {
        TurnOutcome {
            caller,
            at,
            answer_ms: 2_000.0,
            answer: answer.to_owned(),
            heard: heard.map(str::to_owned),
            ..TurnOutcome::default()
        }
    }

    /// Words of the first text that the second lacks.
    fn missing(said: &str, heard: &str) -> (usize, usize) {
        let lacks = |word: &&str| !heard.split(' ').any(|it| it == *word);
        (said.split(' ').filter(lacks).count(), said.split(' ').count())
    }

    fn crossed(turns: Vec<TurnOutcome>) -> (usize, usize) {
        let mut outcome = Outcome { turns, ..Outcome::default() };
        outcome.look_for_crossings(&missing);
        (outcome.crossed, outcome.crossings_checked)
    }

    #[test]
    fn who_hears_anothers_words_at_the_same_time_is_found() {
        let other = turn(1, 1.0, "bread and butter", None);
        let right = turn(0, 0.0, "it rains today", Some("it rains today"));
        assert_eq!(crossed(vec![right, other.clone()]), (0, 1));
        let wrong = turn(0, 0.0, "it rains today", Some("bread and butter"));
        assert_eq!(crossed(vec![wrong, other]), (1, 1));
    }

    #[test]
    fn what_sounds_at_another_time_or_to_the_same_caller_does_not_count() {
        let wrong = turn(0, 0.0, "it rains today", Some("bread and butter"));
        let later = turn(1, 9.0, "bread and butter", None);
        let own = turn(0, 1.0, "bread and butter", None);
        assert_eq!(crossed(vec![wrong, later, own]), (0, 1));
    }

    #[test]
    fn badly_heard_words_are_nobodys() {
        let unclear = turn(0, 0.0, "it rains today", Some("tin trains to bay"));
        let other = turn(1, 1.0, "bread and butter", None);
        assert_eq!(crossed(vec![unclear, other]), (0, 1));
        let same = turn(0, 0.0, "yes it does", Some("yes it does"));
        let also = turn(1, 0.0, "yes it does", None);
        assert_eq!(crossed(vec![same, also]), (0, 1));
    }
}
