//! How long to wait after a pause, from how the words end, the slider, and (where there is such a
//! model) the probability that the turn is complete. The constants are those of
//! `KoljaB/RealtimeVoiceChat`, whose users know how they feel.

use std::time::Duration;

/// The slider between taking turns fast and slow, 0.0 to 1.0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed(f32);

impl Speed {
    /// From the slider's position: 0 (fast) to 100 (slow), more is 100.
    pub fn from_slider(position: u8) -> Self {
        Self(f32::from(position.min(100)) / 100.0)
    }

    fn between(self, fast: f32, slow: f32) -> f32 {
        fast + (slow - fast) * self.0
    }
}

/// How words end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The speaker trails off.
    Ellipsis,
    /// A statement.
    Period,
    /// An exclamation.
    Exclamation,
    /// A question.
    Question,
    /// In the middle of something, for all that can be seen.
    None,
}

impl Ending {
    /// The ending of this text; closing quotes and brackets after it do not count.
    pub fn of(text: &str) -> Self {
        let closing = |character: char| character.is_whitespace() || "\"'”’»)]".contains(character);
        let text = text.trim_end_matches(closing);
        if text.ends_with("...") || text.ends_with('…') {
            return Self::Ellipsis;
        }
        match text.chars().next_back() {
            Some('.' | '。') => Self::Period,
            Some('!' | '！') => Self::Exclamation,
            Some('?' | '？') => Self::Question,
            _ => Self::None,
        }
    }

    fn seconds(self, speed: Speed) -> f32 {
        match self {
            Self::Ellipsis => speed.between(2.3, 3.0),
            Self::Period => speed.between(0.39, 0.9),
            Self::Exclamation => speed.between(0.35, 0.8),
            Self::Question => speed.between(0.33, 0.8),
            Self::None => speed.between(1.25, 1.9),
        }
    }
}

/// The share of the punctuation in the wait; the rest is the model's.
const PUNCTUATION_SHARE: f32 = 0.65;
/// Added where the speaker trails off.
const ELLIPSIS_EXTRA: f32 = 0.2;

/// How long the silence after these words is to last. `complete` is a model's probability that
/// the turn is over; without one the punctuation decides alone.
pub fn wait(ending: Ending, speed: Speed, complete: Option<f32>) -> Duration {
    let punctuation = ending.seconds(speed);
    let mixed = complete.map_or(punctuation, |complete| {
        let model = 1.0 - complete.clamp(0.0, 1.0);
        PUNCTUATION_SHARE * punctuation + (1.0 - PUNCTUATION_SHARE) * model
    });
    let extra = if ending == Ending::Ellipsis { ELLIPSIS_EXTRA } else { 0.0 };
    Duration::from_secs_f32(mixed * speed.between(0.5, 1.7) + extra)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, slider: u8, complete: f32, seconds: f32) {
        let wait = wait(Ending::of(text), Speed::from_slider(slider), Some(complete));
        assert!((wait.as_secs_f32() - seconds).abs() < 0.0011, "{text}: {wait:?}, not {seconds}");
    }

    #[test]
    fn the_waits_are_the_measured_ones() {
        let table = [
            (0, ".", [0.127, 0.214, 0.302]),
            (0, "!", [0.114, 0.201, 0.289]),
            (0, "?", [0.107, 0.195, 0.282]),
            (0, "", [0.406, 0.494, 0.581]),
            (0, "...", [0.948, 1.035, 1.122]),
            (50, ".", [0.461, 0.654, 0.846]),
            (50, "?", [0.404, 0.596, 0.789]),
            (50, "", [1.126, 1.319, 1.511]),
            (50, "...", [2.095, 2.287, 2.480]),
            (100, ".", [0.995, 1.292, 1.590]),
            (100, "?", [0.884, 1.181, 1.479]),
            (100, "", [2.099, 2.397, 2.694]),
            (100, "...", [3.515, 3.812, 4.110]),
        ];
        for (slider, ending, waits) in table {
            for (complete, seconds) in [1.0, 0.5, 0.0].into_iter().zip(waits) {
                check(&format!("so it is{ending}"), slider, complete, seconds);
            }
        }
    }

    #[test]
    fn without_a_model_the_punctuation_decides() {
        let wait = wait(Ending::of("Yes."), Speed::from_slider(0), None);
        assert_eq!(wait.as_millis(), 195);
    }

    #[test]
    fn endings_are_found_behind_quotes_and_in_other_scripts() {
        assert_eq!(Ending::of("He said \"no.\" "), Ending::Period);
        assert_eq!(Ending::of("本当に？"), Ending::Question);
        assert_eq!(Ending::of("well…"), Ending::Ellipsis);
        assert_eq!(Ending::of(""), Ending::None);
    }
}
