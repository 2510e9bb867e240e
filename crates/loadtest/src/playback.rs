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
    /// Since when it is held. The pieces know nothing of it until it goes on.
    paused: Option<Instant>,
    /// How long it was held before.
    held: Duration,
    underruns: usize,
    last_arrival: Option<Instant>,
    last_report: Option<Report>,
    silenced: Option<Silenced>,
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

/// A response that was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Silenced {
    pub(crate) response: u32,
    /// When its last sample sounded; `None` if it had come to its end by itself before.
    pub(crate) at: Option<Instant>,
    /// When its last samples arrived, those that came too late to sound included.
    pub(crate) last_arrival: Option<Instant>,
}

impl Playback {
    pub(crate) fn new(rate: SampleRate) -> Self {
        Self {
            rate,
            response: 0,
            samples: Vec::new(),
            pieces: Vec::new(),
            complete: false,
            paused: None,
            held: Duration::ZERO,
            underruns: 0,
            last_arrival: None,
            last_report: None,
            silenced: None,
        }
    }

    /// Sound of a response, from this position of it on. That of another one takes the place of
    /// what was there; that of one which was stopped is not heard any more.
    pub(crate) fn arrived(&mut self, response: u32, position: u64, samples: &[f32], now: Instant) {
        if let Some(silenced) = self.silenced.as_mut().filter(|it| it.response == response) {
            silenced.last_arrival = Some(now);
            return;
        }
        if response != self.response {
            self.turn_to(response);
        }
        if samples.is_empty() {
            return;
        }
        let now_playing = self.clock(now);
        let silent_from = self.silent_from();
        let end = self.pieces.last().map_or(0, |piece| piece.position + piece.samples);
        self.pieces.push(Piece {
            position: position.max(end),
            samples: samples.len() as u64,
            sounds_at: silent_from.map_or(now_playing, |silent| silent.max(now_playing)),
        });
        self.underruns += usize::from(silent_from.is_some_and(|silent| silent < now_playing));
        self.samples.extend_from_slice(samples);
        self.last_arrival = Some(now);
    }

    /// All sound of this response has arrived.
    pub(crate) fn complete(&mut self, response: u32) {
        self.complete |= response == self.response;
    }

    /// Holds this response where it is.
    pub(crate) fn pause(&mut self, response: u32, now: Instant) {
        if response > self.response {
            self.turn_to(response);
        }
        if response == self.response {
            self.paused.get_or_insert(now);
        }
    }

    /// Goes on with the sample at which this response is held.
    pub(crate) fn resume(&mut self, response: u32, now: Instant) {
        if response != self.response {
            return;
        }
        let Some(paused) = self.paused.take() else { return };
        let held = now.saturating_duration_since(paused);
        self.held += held;
        let Some(first) = self.pieces.iter().position(|piece| self.end_of(piece) > paused) else {
            return;
        };
        self.split(first, paused);
        for piece in &mut self.pieces {
            if piece.sounds_at >= paused {
                piece.sounds_at += held;
            }
        }
    }

    /// Falls silent in the midst of this response.
    pub(crate) fn stop(&mut self, response: u32, now: Instant) {
        if response < self.response {
            return;
        }
        let of_this = response == self.response;
        let silent = self.silent_from().filter(|_| of_this).and_then(|silent_from| {
            let at = self.clock(now);
            (at < silent_from || !self.complete).then_some(at.min(silent_from))
        });
        let last_arrival = self.last_arrival.filter(|_| of_this);
        self.turn_to(response);
        self.silenced = Some(Silenced { response, at: silent, last_arrival });
    }

    /// The newest response that was stopped.
    pub(crate) fn silenced(&self) -> Option<Silenced> {
        self.silenced
    }

    /// The response that sounds, or the last that did.
    pub(crate) fn response(&self) -> u32 {
        self.response
    }

    /// When this response began to sound.
    pub(crate) fn began(&self) -> Option<Instant> {
        self.pieces.first().map(|piece| piece.sounds_at)
    }

    /// It is to be heard at this moment.
    pub(crate) fn is_sounding(&self, now: Instant) -> bool {
        self.paused.is_none() && self.silent_from().is_some_and(|silent| now < silent)
    }

    /// When the newest samples of this response arrived.
    pub(crate) fn last_arrival(&self) -> Option<Instant> {
        self.last_arrival
    }

    /// All that has arrived has been heard, and nothing more is to come.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.pieces.is_empty()
            || self.complete
                && self.paused.is_none()
                && self.silent_from().is_none_or(|silent| silent <= now)
    }

    /// For how long nothing was heard of a response that is not over.
    pub(crate) fn silent_for(&self, now: Instant) -> Duration {
        let silent_from = self.silent_from().map(|silent| self.clock(silent));
        silent_from.map_or(Duration::ZERO, |silent| now.saturating_duration_since(silent))
    }

    /// When the sample of this index sounds, of those that arrived.
    pub(crate) fn sounds_at(&self, index: u64) -> Option<Instant> {
        let mut before = 0;
        let piece = self.pieces.iter().find(|piece| {
            before += piece.samples;
            index < before
        })?;
        let within = index + piece.samples - before;
        Some(piece.sounds_at + self.rate.duration_of(within))
    }

    /// How much of this response has been heard, of what arrived here.
    pub(crate) fn sounded(&self, now: Instant) -> Duration {
        let begin = self.pieces.first().map_or(0, |piece| piece.position);
        self.rate.duration_of(self.position(now) - begin)
    }

    /// How often it fell silent for lack of sound.
    pub(crate) fn underruns(&self) -> usize {
        self.underruns
    }

    /// How long this response was held altogether.
    pub(crate) fn held(&self) -> Duration {
        self.held
    }

    /// The sound of this response.
    pub(crate) fn sound(&self) -> Frame {
        Frame::new(self.rate, self.samples.as_slice())
    }

    /// What is to be told at this moment, if anything.
    pub(crate) fn report(&mut self, now: Instant) -> Option<ClientMessage> {
        let silent_from = self.silent_from()?;
        let playing = self.paused.is_none() && now < silent_from;
        let report = Report { at: now, playing, complete: self.complete };
        let due = self.last_report.is_none_or(|last| {
            (last.playing, last.complete) != (report.playing, report.complete)
                || report.playing && now >= last.at + REPORT_EVERY
        });
        due.then(|| {
            self.last_report = Some(report);
            let position = self.position(now);
            ClientMessage::Playback { response: self.response, position, playing }
        })
    }

    /// Forgets what was there.
    fn turn_to(&mut self, response: u32) {
        *self = Self { response, silenced: self.silenced, ..Self::new(self.rate) };
    }

    /// The time by which sound is played: it stands while held.
    fn clock(&self, now: Instant) -> Instant {
        self.paused.map_or(now, |paused| paused.min(now))
    }

    /// Parts a piece in what has sounded at this moment and what has not.
    fn split(&mut self, index: usize, at: Instant) {
        let piece = self.pieces[index];
        let sounded = self.rate.samples_in(at.saturating_duration_since(piece.sounds_at));
        if sounded == 0 {
            // it begins to sound just now, or later
            self.pieces[index].sounds_at = piece.sounds_at.max(at);
            return;
        }
        let rest = Piece {
            position: piece.position + sounded,
            samples: piece.samples - sounded,
            sounds_at: at,
        };
        self.pieces[index].samples = sounded;
        self.pieces.insert(index + 1, rest);
    }

    /// How many samples of this response have been heard, those before its resumption included.
    fn position(&self, now: Instant) -> u64 {
        let now = self.clock(now);
        let begun = self.pieces.iter().rev().find(|piece| piece.sounds_at <= now);
        let begin = || self.pieces.first().map_or(0, |piece| piece.position);
        begun.map_or_else(begin, |piece| {
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
mod tests;
