//! What the caller sends: a clip, and silence before and after it.

use std::time::Duration;

use audio::SampleRate;
use tokio::time::Instant;

/// What a page sends at once, in good time for a server that works on 32 ms.
pub(crate) const FRAME: Duration = Duration::from_millis(20);
/// Samples that the page of the original sends at once, whatever the rate.
const PLAIN_FRAME: u64 = 2048;
/// A microphone that was not looked after for longer goes on from now, as after a machine's sleep:
/// making up for it would be sound faster than real time.
const LONGEST_LAG: Duration = Duration::from_millis(500);

/// A microphone that never stops. Each sample is recorded at its moment, and a frame leaves when
/// its last sample is recorded.
#[derive(Debug)]
pub(crate) struct Microphone {
    rate: SampleRate,
    /// Samples of a frame.
    frame: u64,
    /// When the sample at position 0 was recorded.
    started: Instant,
    sent: u64,
    clip: Box<[f32]>,
    /// The position of the clip's first sample.
    clip_begin: u64,
}

impl Microphone {
    pub(crate) fn new(rate: SampleRate, started: Instant) -> Self {
        let frame = rate.samples_in(FRAME);
        Self { rate, frame, started, sent: 0, clip: Box::default(), clip_begin: 0 }
    }

    /// One that sends as much at once as the page of the original.
    pub(crate) fn plain(rate: SampleRate, started: Instant) -> Self {
        Self { frame: PLAIN_FRAME, ..Self::new(rate, started) }
    }

    /// When the next frame is complete.
    pub(crate) fn due(&self) -> Instant {
        self.recorded_at(self.sent + self.frame)
    }

    /// When the sample at this position is recorded.
    pub(crate) fn recorded_at(&self, position: u64) -> Instant {
        self.started + self.rate.duration_of(position)
    }

    /// Goes on from `now` if that is long past.
    pub(crate) fn resume(&mut self, now: Instant) {
        let lag = now.saturating_duration_since(self.due());
        if lag > LONGEST_LAG {
            self.started += lag;
        }
    }

    /// Speaks these samples from the next frame on, in place of a clip that was not over. Gives
    /// the position of the first.
    pub(crate) fn speak(&mut self, clip: Box<[f32]>) -> u64 {
        self.clip = clip;
        self.clip_begin = self.sent;
        self.clip_begin
    }

    /// The samples of the next frame, and the position of the first.
    pub(crate) fn next_frame(&mut self) -> (u64, Vec<f32>) {
        let count = usize::try_from(self.frame).unwrap_or_default();
        let spoken = usize::try_from(self.sent - self.clip_begin).unwrap_or(usize::MAX);
        let rest = self.clip.get(spoken..).unwrap_or_default();
        let mut samples = rest[..rest.len().min(count)].to_vec();
        samples.resize(count, 0.0);
        let position = self.sent;
        self.sent += self.frame;
        (position, samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: SampleRate = SampleRate::HZ_16000;

    #[test]
    fn a_clip_is_sent_once_with_silence_around_it() {
        let mut microphone = Microphone::new(RATE, Instant::now());
        assert_eq!(microphone.next_frame(), (0, vec![0.0; 320]));
        assert_eq!(microphone.speak(vec![0.5; 330].into()), 320);
        assert_eq!(microphone.next_frame(), (320, vec![0.5; 320]));
        let last = [vec![0.5; 10], vec![0.0; 310]].concat();
        assert_eq!(microphone.next_frame(), (640, last));
        assert_eq!(microphone.next_frame(), (960, vec![0.0; 320]));
    }

    #[test]
    fn a_frame_leaves_when_its_last_sample_is_recorded() {
        let start = Instant::now();
        let mut microphone = Microphone::new(RATE, start);
        microphone.next_frame();
        assert_eq!(microphone.due(), start + 2 * FRAME);
        assert_eq!(microphone.recorded_at(160), start + FRAME / 2);
    }

    #[test]
    fn a_plain_one_sends_larger_frames() {
        let start = Instant::now();
        let mut microphone = Microphone::plain(RATE, start);
        assert_eq!(microphone.due(), start + Duration::from_millis(128));
        assert_eq!(microphone.next_frame().1.len(), 2048);
    }

    #[test]
    fn a_microphone_left_alone_does_not_send_faster_than_real_time() {
        let start = Instant::now();
        let mut microphone = Microphone::new(RATE, start);
        microphone.resume(start + Duration::from_millis(100));
        assert_eq!(microphone.due(), start + FRAME, "a little late is made up for");
        let later = start + Duration::from_secs(9);
        microphone.resume(later);
        assert_eq!(microphone.due(), later);
    }
}
