//! What the caller hears: sound that arrives is played in order, from when it arrives.

use std::time::Duration;

use audio::{Frame, SampleRate};
use protocol::ClientMessage;
use tokio::time::Instant;

/// How often a page tells what was heard.
const REPORT_EVERY: Duration = Duration::from_millis(250);

/// The playback of one response at a time.
#[derive(Debug)]
pub(crate) struct Playback {
    rate: SampleRate,
    response: u32,
    samples: Vec<f32>,
    /// In order, without overlap.
    pieces: Vec<Piece>,
    /// The server has sent all of it.
    complete: bool,
    last_report: Option<Report>,
}

/// A run of samples, and when it begins to sound.
#[derive(Clone, Copy, Debug)]
struct Piece {
    position: u64,
    samples: u64,
    sounds_at: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Report {
    at: Instant,
    playing: bool,
    complete: bool,
}

impl Playback {
    pub(crate) fn new(rate: SampleRate) -> Self {
        Self {
            rate,
            response: 0,
            samples: Vec::new(),
            pieces: Vec::new(),
            complete: false,
            last_report: None,
        }
    }

    /// Sound of a response. That of another one takes the place of what was there.
    pub(crate) fn arrived(&mut self, response: u32, samples: &[f32], now: Instant) {
        if response != self.response {
            *self = Self { response, ..Self::new(self.rate) };
        }
        if samples.is_empty() {
            return;
        }
        let piece = Piece {
            position: self.samples.len() as u64,
            samples: samples.len() as u64,
            sounds_at: self.silent_from().map_or(now, |silent| silent.max(now)),
        };
        self.pieces.push(piece);
        self.samples.extend_from_slice(samples);
    }

    /// All sound of this response has arrived.
    pub(crate) fn complete(&mut self, response: u32) {
        self.complete |= response == self.response;
    }

    /// Falls silent in the midst of this response.
    pub(crate) fn stop(&mut self, response: u32) {
        if response == self.response {
            *self = Self { response, ..Self::new(self.rate) };
        }
    }

    /// All that has arrived has been heard, and nothing more is to come.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.pieces.is_empty()
            || self.complete && self.silent_from().is_none_or(|silent| silent <= now)
    }

    /// When the sample at this position sounds.
    pub(crate) fn sounds_at(&self, position: u64) -> Option<Instant> {
        let piece = self.pieces.iter().find(|it| position < it.position + it.samples)?;
        Some(piece.sounds_at + self.rate.duration_of(position.checked_sub(piece.position)?))
    }

    /// How often it fell silent for lack of sound.
    pub(crate) fn underruns(&self) -> usize {
        let pairs = self.pieces.windows(2);
        pairs.filter(|pair| self.end_of(&pair[0]) < pair[1].sounds_at).count()
    }

    /// The sound of this response.
    pub(crate) fn sound(&self) -> Frame {
        Frame::new(self.rate, self.samples.as_slice())
    }

    /// What is to be told at this moment, if anything.
    pub(crate) fn report(&mut self, now: Instant) -> Option<ClientMessage> {
        let silent_from = self.silent_from()?;
        let report = Report { at: now, playing: now < silent_from, complete: self.complete };
        let due = self.last_report.is_none_or(|last| {
            (last.playing, last.complete) != (report.playing, report.complete)
                || report.playing && now >= last.at + REPORT_EVERY
        });
        due.then(|| {
            self.last_report = Some(report);
            let position = self.position(now);
            ClientMessage::Playback { response: self.response, position, playing: report.playing }
        })
    }

    /// How many samples have been heard.
    fn position(&self, now: Instant) -> u64 {
        let begun = self.pieces.iter().rev().find(|piece| piece.sounds_at <= now);
        begun.map_or(0, |piece| {
            let heard = self.rate.samples_in(now - piece.sounds_at);
            piece.position + heard.min(piece.samples)
        })
    }

    fn silent_from(&self) -> Option<Instant> {
        self.pieces.last().map(|piece| self.end_of(piece))
    }

    fn end_of(&self, piece: &Piece) -> Instant {
        piece.sounds_at + self.rate.duration_of(piece.samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: SampleRate = SampleRate::HZ_16000;

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    fn told(position: u64, playing: bool) -> ClientMessage {
        ClientMessage::Playback { response: 1, position, playing }
    }

    #[test]
    fn what_arrives_early_sounds_in_its_turn_and_what_arrives_late_when_it_is_there() {
        let start = Instant::now();
        let mut playback = Playback::new(RATE);
        for arrival in [0, 10, 300] {
            playback.arrived(1, &[0.1; 1_600], after(start, arrival));
        }
        assert_eq!(playback.sounds_at(800), Some(after(start, 50)));
        assert_eq!(playback.sounds_at(2_400), Some(after(start, 150)));
        assert_eq!(playback.sounds_at(3_200), Some(after(start, 300)));
        assert_eq!(playback.sounds_at(4_800), None);
        assert_eq!(playback.underruns(), 1);
        assert_eq!(playback.position(after(start, 250)), 3_200);
        assert_eq!(playback.position(after(start, 350)), 4_000);
    }

    #[test]
    fn it_tells_the_start_each_quarter_second_and_the_end_and_nothing_else() {
        let start = Instant::now();
        let mut playback = Playback::new(RATE);
        assert_eq!(playback.report(start), None);
        playback.arrived(1, &vec![0.1; 4_800], start);
        assert_eq!(playback.report(start), Some(told(0, true)));
        assert_eq!(playback.report(after(start, 200)), None);
        assert_eq!(playback.report(after(start, 250)), Some(told(4_000, true)));
        assert_eq!(playback.report(after(start, 300)), Some(told(4_800, false)));
        playback.complete(1);
        assert_eq!(playback.report(after(start, 310)), Some(told(4_800, false)), "the last sound");
        assert_eq!(playback.report(after(start, 900)), None);
    }

    #[test]
    fn it_is_over_when_all_has_come_and_been_heard() {
        let start = Instant::now();
        let mut playback = Playback::new(RATE);
        assert!(playback.is_over(start), "nothing to hear");
        playback.arrived(1, &[0.1; 1_600], start);
        assert!(!playback.is_over(after(start, 100)), "more may come");
        playback.complete(1);
        assert!(!playback.is_over(after(start, 99)));
        assert!(playback.is_over(after(start, 100)));
    }

    #[test]
    fn a_stopped_response_and_an_earlier_one_are_not_heard() {
        let start = Instant::now();
        let mut playback = Playback::new(RATE);
        playback.arrived(1, &[0.1; 100], start);
        playback.arrived(2, &[0.2; 100], start);
        assert_eq!(*playback.sound().samples, [0.2; 100]);
        playback.stop(1);
        assert_eq!(playback.sound().samples.len(), 100);
        playback.stop(2);
        assert_eq!(playback.sound().samples.len(), 0);
        assert_eq!(playback.report(start), None);
    }
}
