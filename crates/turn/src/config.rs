//! What can be set.

use std::time::Duration;

/// When speech counts as speech, and how long a silence may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// A frame at least this probable is speech. The models are trained for 0.5; the original's
    /// 0.95 misses quiet callers.
    pub start_threshold: f32,
    /// A frame less probable than this is silence. Below `start_threshold`, so that a
    /// probability that trembles around one value neither starts nor ends anything: between the
    /// two, what was goes on.
    pub stop_threshold: f32,
    /// A frame so many decibels quieter than the turn's loudest is not its speech any more, whatever
    /// it sounds like. The models go on for a tenth or two of a second while the last word fades;
    /// weak sounds within words are not so quiet.
    pub hush: f32,
    /// Speech this long begins a turn, or takes it up again after a pause: two frames, so that a
    /// click or a smack of the lips, which fill one, do not.
    pub min_speech: Duration,
    /// A turn of less speech than this is dropped at its first pause: a cough, no word. Nobody
    /// need be asked for a transcript of it.
    pub min_turn: Duration,
    /// After a silence this long work may begin that is worth something if no more speech comes:
    /// a transcript, the first words of an answer. Shorter than `pause`, so that its result is
    /// there by then; longer than the gaps within words (before a "p" or a "t"), or most of it is
    /// in vain.
    pub micro_pause: Duration,
    /// A silence this long is a pause: the transcript of the turn so far is asked for, and whether
    /// the turn sounds complete. Gaps between words are mostly shorter; waiting longer would delay
    /// every answer. No turn ends sooner.
    pub pause: Duration,
    /// A turn of which nobody says whether it is complete never ends sooner than this after the
    /// end of speech. Half of all gaps within turns are shorter, and an answer within it feels
    /// like being cut short.
    pub min_wait: Duration,
    /// A turn at least this probably complete ends at once. The models are trained for 0.5; but cut
    /// at any pause they hear much as complete that is not, and what is complete nearly always
    /// with more than 0.9.
    pub complete_threshold: f32,
    /// Words that do not read finished (they end in a comma, an ellipsis, or nothing) make it so
    /// many times less likely, as odds, that the turn is complete: what sounds complete and reads
    /// open mostly goes on.
    pub open_odds: f32,
    /// How much longer than by its punctuation a turn is waited for that is certainly incomplete;
    /// in proportion for those in between. Speakers pause for a breath or a thought up to a second
    /// and a half.
    pub incomplete_wait: Duration,
    /// A turn whose transcript is known ends this long after the end of speech at the latest,
    /// however unfinished it reads: whoever is silent for so long waits for an answer.
    pub max_wait: Duration,
    /// How much longer than `max_wait` a transcript is waited for, before the turn ends without
    /// it: longer than an engine under load needs, and short enough to hear that something
    /// failed.
    pub patience: Duration,
    /// How long each frame is.
    pub frame: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            start_threshold: 0.5,
            stop_threshold: 0.35,
            hush: 18.0,
            min_speech: Duration::from_millis(64),
            min_turn: Duration::from_millis(96),
            micro_pause: Duration::from_millis(96),
            pause: Duration::from_millis(200),
            min_wait: Duration::from_millis(350),
            complete_threshold: 0.9,
            open_odds: 15.0,
            incomplete_wait: Duration::from_millis(1_500),
            max_wait: Duration::from_secs(3),
            patience: Duration::from_secs(2),
            frame: Duration::from_millis(32),
        }
    }
}

/// How soon the assistant takes its turn, from 0 (fast) to 1 (slow).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Speed(f32);

impl Speed {
    /// The speed of a slider from 0 (fast) to 100 (slow); more counts as 100.
    pub fn from_slider(position: u8) -> Self {
        Self(f32::from(position.min(100)) / 100.0)
    }

    /// The part of `wait` that a caller who wants to be left time is left where nothing else asks
    /// for it: nothing of it at the fast end, all at the slow one.
    pub(crate) fn patience(self, wait: Duration) -> Duration {
        wait.mul_f32(self.0)
    }

    /// The value between `fast` and `slow` that belongs to this speed.
    pub(crate) fn between(self, fast: f64, slow: f64) -> f64 {
        fast + (slow - fast) * f64::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slider_ends_at_its_ends() {
        assert_eq!(Speed::from_slider(0), Speed(0.0));
        assert_eq!(Speed::from_slider(50), Speed(0.5));
        assert_eq!(Speed::from_slider(100), Speed(1.0));
        assert_eq!(Speed::from_slider(255), Speed(1.0));
    }
}
