//! How finished a transcript reads, and how long to wait for more.

use std::time::Duration;

use crate::Speed;

/// How much the punctuation counts, where a probability that the turn is complete is known too.
const PUNCTUATION_WEIGHT: f64 = 0.65;
/// How much that probability counts.
const COMPLETENESS_WEIGHT: f64 = 0.35;
/// Seconds that an ellipsis adds: the recogniser heard that the sentence goes on.
const ELLIPSIS_EXTRA: f64 = 0.2;

/// Ellipses: one character each. Three full stops of any script are one as well.
const ELLIPSES: [char; 2] = ['…', '⋯'];
const PERIODS: [char; 5] = ['.', '。', '．', '｡', '।'];
const EXCLAMATIONS: [char; 2] = ['!', '！'];
const QUESTIONS: [char; 3] = ['?', '？', '؟'];
/// What may stand after the last punctuation mark.
const CLOSERS: [char; 13] = ['"', '\'', '”', '’', '»', '«', '“', ')', ']', '」', '』', '）', '*'];

/// How a transcript ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In "...": unfinished.
    Ellipsis,
    /// In a full stop.
    Period,
    /// In an exclamation mark.
    Exclamation,
    /// In a question mark.
    Question,
    /// In anything else.
    Unknown,
}

impl Ending {
    /// How this text ends, closing quotes and brackets aside.
    pub fn of(text: &str) -> Self {
        let text = text.trim_end_matches(|c: char| c.is_whitespace() || CLOSERS.contains(&c));
        let mut from_the_end = text.chars().rev();
        let Some(last) = from_the_end.next() else { return Self::Unknown };
        let dots = PERIODS.contains(&last)
            && from_the_end.next() == Some(last)
            && from_the_end.next() == Some(last);
        match last {
            _ if dots || ELLIPSES.contains(&last) => Self::Ellipsis,
            _ if PERIODS.contains(&last) => Self::Period,
            _ if EXCLAMATIONS.contains(&last) => Self::Exclamation,
            _ if QUESTIONS.contains(&last) => Self::Question,
            _ => Self::Unknown,
        }
    }

    /// Whether the words read as if more followed.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Ellipsis | Self::Unknown)
    }

    /// Seconds of silence that end a turn with this ending, before the speed's factor.
    fn pause(self, speed: Speed) -> f64 {
        match self {
            Self::Ellipsis => speed.between(2.3, 3.0),
            Self::Period => speed.between(0.39, 0.9),
            Self::Exclamation => speed.between(0.35, 0.8),
            Self::Question => speed.between(0.33, 0.8),
            Self::Unknown => speed.between(1.25, 1.9),
        }
    }
}

/// How much silence after the end of speech ends a turn whose transcript ends like this. The
/// constants are the original's. `p_complete` is the probability, from 0 to 1, that the turn is
/// complete, where some model knows it; without it the punctuation decides alone. Neither lower nor
/// upper bound is applied.
pub fn wait(text_end: Ending, speed: Speed, p_complete: Option<f32>) -> Duration {
    let punctuation = text_end.pause(speed);
    // What is not a number says nothing, and would make no duration.
    let pause = match p_complete.filter(|p| !p.is_nan()) {
        None => punctuation,
        Some(p) => {
            let incomplete = 1.0 - f64::from(p.clamp(0.0, 1.0));
            PUNCTUATION_WEIGHT * punctuation + COMPLETENESS_WEIGHT * incomplete
        }
    };
    let extra = if text_end == Ending::Ellipsis { ELLIPSIS_EXTRA } else { 0.0 };
    Duration::from_secs_f64(pause * speed.between(0.5, 1.7) + extra)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_of_all_scripts_are_seen() {
        let cases = [
            ("Well...", Ending::Ellipsis),
            ("Well…", Ending::Ellipsis),
            ("それで。。。", Ending::Ellipsis),
            ("I said \"well...\" ", Ending::Ellipsis),
            ("Done.", Ending::Period),
            ("Done..", Ending::Period),
            ("He said \"done.\"", Ending::Period),
            ("終わり。", Ending::Period),
            ("「終わり。」", Ending::Period),
            ("Go!", Ending::Exclamation),
            ("走れ！\n", Ending::Exclamation),
            ("Why?", Ending::Question),
            ("What?!", Ending::Exclamation),
            ("どうして？", Ending::Question),
            ("لماذا؟", Ending::Question),
            ("and then", Ending::Unknown),
            ("first,", Ending::Unknown),
            ("", Ending::Unknown),
            ("\"", Ending::Unknown),
        ];
        for (text, wanted) in cases {
            assert_eq!(Ending::of(text), wanted, "{text}");
        }
    }

    /// Checks a wait in milliseconds.
    fn check_one(slider: u8, ending: Ending, p: Option<f32>, wanted: f64) {
        let wait = wait(ending, Speed::from_slider(slider), p).as_secs_f64() * 1000.0;
        assert!((wait - wanted).abs() < 1.0, "{ending:?} at {slider}, {p:?}: {wait}, not {wanted}");
    }

    /// Checks the waits for P = 1, 0.5 and 0.
    fn check(slider: u8, ending: Ending, wanted: [f64; 3]) {
        for (p, wanted) in [1.0, 0.5, 0.0].into_iter().zip(wanted) {
            check_one(slider, ending, Some(p), wanted);
        }
    }

    #[test]
    fn with_a_probability_the_waits_are_those_of_the_original() {
        check(0, Ending::Period, [127.0, 214.0, 302.0]);
        check(0, Ending::Exclamation, [114.0, 201.0, 289.0]);
        check(0, Ending::Question, [107.0, 195.0, 282.0]);
        check(0, Ending::Unknown, [406.0, 494.0, 581.0]);
        check(0, Ending::Ellipsis, [948.0, 1035.0, 1122.0]);
        check(50, Ending::Period, [461.0, 654.0, 846.0]);
        check(50, Ending::Question, [404.0, 596.0, 789.0]);
        check(50, Ending::Unknown, [1126.0, 1319.0, 1511.0]);
        check(50, Ending::Ellipsis, [2095.0, 2287.0, 2480.0]);
        check(100, Ending::Period, [995.0, 1292.0, 1590.0]);
        check(100, Ending::Question, [884.0, 1181.0, 1479.0]);
        check(100, Ending::Unknown, [2099.0, 2397.0, 2694.0]);
        check(100, Ending::Ellipsis, [3515.0, 3812.0, 4110.0]);
    }

    #[test]
    fn without_a_probability_the_punctuation_decides_alone() {
        check_one(0, Ending::Period, None, 195.0);
        check_one(0, Ending::Unknown, None, 625.0);
        check_one(0, Ending::Ellipsis, None, 1350.0);
        check_one(100, Ending::Question, None, 1360.0);
    }

    #[test]
    fn what_is_no_probability_does_no_harm() {
        let speed = Speed::from_slider(0);
        let unknown = wait(Ending::Period, speed, None);
        assert_eq!(wait(Ending::Period, speed, Some(f32::NAN)), unknown);
        let incomplete = wait(Ending::Period, speed, Some(0.0));
        assert_eq!(wait(Ending::Period, speed, Some(-1.0)), incomplete);
        let complete = wait(Ending::Period, speed, Some(1.0));
        assert_eq!(wait(Ending::Period, speed, Some(f32::INFINITY)), complete);
    }
}
