//! Silence in which the model may rest.

use audio::level;

/// The model goes on for so many frames of silence, 30 s, before it rests. It remembers the speech
/// before for about as long: if it rested after a second, what it finds likely at the next onset
/// would differ by up to 0.9, and after 20 s an onset may still be found half a second later.
const STILL: u32 = 940;
/// A frame that the model finds likelier than this to be speech is no silence, however quiet.
const UNLIKELY: f32 = 0.1;
/// What lies so many decibels below the setting is silence in any room.
const SURE: f32 = 10.0;
/// What lies between that and the setting is silence while it is no more than so many decibels
/// above the room's own noise.
const MARGIN: f32 = 6.0;
/// The room's own noise is the quietest frame of the last one to two such spans, of four seconds.
const SPAN: u32 = 125;
/// A frame is as loud as its loudest 4 ms, so that an onset at its end counts.
const GRAIN: usize = 64;
/// Digital silence is not quieter than this.
const QUIETEST: f32 = -100.0;

/// Which sound may go unheard by the model: that of a caller who has said nothing for a while and
/// whose microphone is open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rest {
    /// Louder frames, in decibels of full scale, are always heard by the model; so are all where
    /// this is negative infinity.
    pub below: f32,
}

impl Rest {
    /// The model hears every frame.
    pub const NEVER: Self = Self { below: f32::NEG_INFINITY };
}

/// Follows one stream's loudness.
#[derive(Clone, Debug)]
pub(crate) struct Stillness {
    rest: Rest,
    /// Consecutive frames of silence that the model has heard.
    still: u32,
    /// The quietest frame of the last full span, and of the one under way.
    quietest: (f32, f32),
    /// Frames of the span under way.
    frames: u32,
}

impl Stillness {
    pub(crate) fn new(rest: Rest) -> Self {
        let quietest = (f32::INFINITY, f32::INFINITY);
        Self { rest, still: 0, quietest, frames: 0 }
    }

    /// Takes the next frame and tells whether the model may rest over it.
    pub(crate) fn takes(&mut self, samples: &[f32]) -> bool {
        if self.rest == Rest::NEVER {
            return false;
        }
        let level = loudest(samples);
        self.follow(level);
        if !self.is_silent(level) {
            self.still = 0;
            return false;
        }
        let rests = self.still >= STILL;
        self.still = STILL.min(self.still + 1);
        rests
    }

    /// Takes what the model found in a frame.
    pub(crate) fn found(&mut self, probability: f32) {
        if probability >= UNLIKELY {
            self.still = 0;
        }
    }

    /// The model has forgotten the stream, and has to get used to it again.
    pub(crate) fn restart(&mut self) {
        self.still = 0;
    }

    fn is_silent(&self, level: f32) -> bool {
        let noise = self.quietest.0.min(self.quietest.1);
        let near_noise = level <= self.rest.below && level <= noise + MARGIN;
        near_noise || level <= self.rest.below - SURE
    }

    fn follow(&mut self, level: f32) {
        self.quietest.1 = self.quietest.1.min(level);
        self.frames += 1;
        if self.frames == SPAN {
            self.quietest = (self.quietest.1, f32::INFINITY);
            self.frames = 0;
        }
    }
}

/// The level of the loudest part of a frame, in decibels of full scale; infinity where it is not
/// made of numbers.
fn loudest(samples: &[f32]) -> f32 {
    let energy = |grain: &[f32]| grain.iter().map(|sample| sample * sample).sum::<f32>();
    let (loudest, all) = samples
        .chunks(GRAIN)
        .map(energy)
        .fold((0.0_f32, 0.0), |(loudest, all), energy| (loudest.max(energy), all + energy));
    if !all.is_finite() {
        return f32::INFINITY;
    }
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let mean = loudest / GRAIN as f32;
    level::decibels(mean.sqrt()).max(QUIETEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FRAME_SAMPLES;

    const REST: Rest = Rest { below: -50.0 };

    fn frame(decibels: f32) -> Vec<f32> {
        vec![10_f32.powf(decibels / 20.0); FRAME_SAMPLES]
    }

    /// How many of so many frames the model hears.
    fn heard(stillness: &mut Stillness, decibels: f32, frames: usize) -> usize {
        (0..frames).filter(|_| !stillness.takes(&frame(decibels))).count()
    }

    #[test]
    fn the_model_rests_after_lasting_silence_and_hears_what_is_louder() {
        let mut stillness = Stillness::new(REST);
        assert_eq!(heard(&mut stillness, -65.0, 1_000), STILL as usize);
        assert_eq!(heard(&mut stillness, -45.0, 1), 1);
        assert_eq!(heard(&mut stillness, -65.0, 1_000), STILL as usize);
    }

    #[test]
    fn an_onset_at_the_end_of_a_frame_counts() {
        let mut stillness = Stillness::new(REST);
        heard(&mut stillness, -65.0, 1_000);
        let mut onset = frame(-65.0);
        onset[FRAME_SAMPLES - 30..].fill(0.01);
        assert!(!stillness.takes(&onset));
    }

    #[test]
    fn a_rooms_own_noise_is_silence_and_what_rises_from_it_is_not() {
        let mut stillness = Stillness::new(REST);
        heard(&mut stillness, -58.0, 1_000);
        assert_eq!(heard(&mut stillness, -56.0, 20), 0);
        assert_eq!(heard(&mut stillness, -51.0, 20), 20);
        assert_eq!(heard(&mut stillness, -49.0, 1_000), 1_000, "louder than the setting");
    }

    #[test]
    fn the_room_may_have_become_louder() {
        let mut stillness = Stillness::new(REST);
        heard(&mut stillness, -90.0, 1_000);
        let heard = heard(&mut stillness, -55.0, 2_000);
        let until_known = heard - STILL as usize;
        assert!((SPAN as usize - 1..=2 * SPAN as usize).contains(&until_known), "{until_known}");
    }

    #[test]
    fn what_the_model_found_in_a_quiet_frame_is_believed() {
        let mut stillness = Stillness::new(REST);
        for _ in 0..1_000 {
            assert!(!stillness.takes(&frame(-70.0)));
            stillness.found(0.2);
        }
        assert_eq!(heard(&mut stillness, -70.0, 1_000), STILL as usize);
    }

    #[test]
    fn the_model_hears_all_where_it_never_rests_and_what_is_no_number() {
        assert_eq!(heard(&mut Stillness::new(Rest::NEVER), -100.0, 1_000), 1_000);
        let mut stillness = Stillness::new(REST);
        heard(&mut stillness, -70.0, 1_000);
        let mut poison = frame(-70.0);
        poison[3] = f32::NAN;
        assert!(!stillness.takes(&poison));
    }
}
