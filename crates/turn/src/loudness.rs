//! How loud the caller speaks, and since when they have been much quieter.

use audio::MediaTime;

/// How fast the memory of loud speech fades, in decibels a frame: a shout at the beginning does
/// not make what follows quiet.
const FADE: f32 = 0.2;

/// The loudness of one turn. A voice that much quieter than the turn's loudest is not speech any
/// more, whatever it sounds like: the room repeats the last word, the breath runs out, somebody
/// else talks in the background.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loudness {
    /// In dBFS; what fades is a turn's loudest.
    loudest: f32,
    hushed_since: Option<MediaTime>,
}

impl Loudness {
    pub(crate) fn new() -> Self {
        Self { loudest: f32::NEG_INFINITY, hushed_since: None }
    }

    /// Takes a frame that begins at `at` and is this loud, in dBFS; what is not a number is not
    /// known. It is hushed if it is `drop` decibels quieter than the loudest.
    pub(crate) fn take(&mut self, at: MediaTime, level: f32, is_speech: bool, drop: f32) {
        if is_speech {
            self.loudest = level.max(self.loudest - FADE);
        }
        if level < self.loudest - drop {
            self.hushed_since.get_or_insert(at);
        } else {
            self.hushed_since = None;
        }
    }

    /// Where the newest frames begin that are hushed without a gap.
    pub(crate) fn hushed_since(&self) -> Option<MediaTime> {
        self.hushed_since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(levels: &[f32], wanted: Option<u64>) {
        let mut loudness = Loudness::new();
        for (at, level) in (0..).step_by(32).zip(levels) {
            loudness.take(MediaTime::from_millis(at), *level, true, 18.0);
        }
        assert_eq!(loudness.hushed_since(), wanted.map(MediaTime::from_millis), "{levels:?}");
    }

    #[test]
    fn much_quieter_than_the_loudest_is_hushed() {
        check(&[-20.0, -30.0, -37.0], None);
        check(&[-20.0, -40.0, -50.0], Some(32));
        check(&[-20.0, -40.0, -25.0, -45.0], Some(96));
    }

    #[test]
    fn a_level_that_is_not_known_says_nothing() {
        check(&[f32::NAN, f32::NAN], None);
        check(&[-20.0, f32::NAN], None);
        check(&[-20.0, f32::NEG_INFINITY], Some(32));
    }

    #[test]
    fn a_shout_is_forgotten() {
        let mut levels = vec![-25.0; 70];
        levels[0] = 0.0;
        check(&levels, None);
    }
}
