//! Whether what a microphone hears is what was played.

mod fit;
mod search;
mod track;

use std::time::Duration;

use crate::{Frame, SampleRate, level};

use fit::Fit;
use search::Search;
use track::Track;

/// From this share on, a frame is echo and nobody speaks over it. Some 98 % of the loud frames of an
/// echo are above it, 0.5 % of those of another voice, and 30 % of those of a voice over an echo as
/// loud as itself.
pub const ECHO_SHARE: f32 = 0.65;

/// Speech has little above 4 kHz, and nothing there that tells two voices apart.
const RATE: SampleRate = SampleRate::HZ_8000;
/// How much sound is looked for at once, 128 ms: two voices of one pitch are too alike in less.
const WINDOW: usize = 1_024;
/// Quieter frames, -70 dB of full scale, are silence, which nothing has to explain.
const SILENCE: f32 = 0.000_3;
/// Windows as alike as this are no accident, wherever among the sound sent they lie. A likeness is
/// a squared correlation; an echo's is lower than its share because a room repeats it.
const FOUND: f32 = 0.4;

/// Knows what was sent to a client, and tells it from other sound when it comes back through the
/// client's microphone: a client without echo cancellation, and a loudspeaker.
///
/// The delay is not known and changes with each gap in the playing, so all of what may come back
/// is searched for the newest 128 ms heard. Where they are found, the room's reflections are
/// fitted, and the newest 64 ms compared with what the room should make of the sound sent. It
/// takes up to 100 ms of echo to be sure, and as many of a voice that begins over an echo. Where the
/// reverberation is as loud as the direct sound, only half of the echo is explained.
///
/// A call takes a fifth of a millisecond. Memory, a quarter of a megabyte, is taken with the first
/// sound sent and given back once nothing of it can come back any more; in between a call allocates
/// nothing once it has run.
pub struct EchoGuard {
    rate: SampleRate,
    longest_delay: usize,
    memory: Option<Box<Memory>>,
}

/// What is known while there may be an echo.
struct Memory {
    longest_delay: usize,
    sent: Track,
    heard: Track,
    search: Search,
    fit: Fit,
    /// Where the echo was found: so many samples were sent after the one heard last.
    behind: Option<usize>,
    /// Samples heard since sound was sent last.
    since: usize,
}

impl EchoGuard {
    /// A guard of a microphone of this rate, where sound comes back no later than `longest_delay`
    /// after it was handed out: the client's buffer, the network and the room together.
    pub fn new(rate: SampleRate, longest_delay: Duration) -> Self {
        let longest_delay = usize::try_from(RATE.samples_in(longest_delay)).unwrap_or(usize::MAX);
        Self { rate, longest_delay, memory: None }
    }

    /// Takes sound that was handed out to the client, in order and without gaps.
    pub fn sent(&mut self, frame: &Frame) {
        let memory = || Box::new(Memory::new(self.longest_delay));
        self.memory.get_or_insert_with(memory).sent(frame);
    }

    /// Takes the next frame of the microphone and tells how much of it is explained by what was
    /// sent, from 0 for nothing to 1 for all of it. It must be given every frame from the first
    /// sound sent on: without those that are silent, a delay seems to change.
    pub fn heard(&mut self, samples: &[f32]) -> f32 {
        let Some(memory) = &mut self.memory else { return 0.0 };
        let share = memory.heard(self.rate, samples);
        if memory.is_over() {
            self.memory = None;
        }
        share
    }

    /// Forgets everything, as if nothing had been sent or heard: for when what was sent is not
    /// going to be played.
    pub fn reset(&mut self) {
        self.memory = None;
    }

    /// Whether sound was sent that may still come back. Until then it takes next to no memory.
    pub fn is_listening(&self) -> bool {
        self.memory.is_some()
    }
}

impl Memory {
    fn new(longest_delay: usize) -> Self {
        Self {
            longest_delay,
            sent: Track::new(longest_delay.saturating_add(WINDOW)),
            heard: Track::new(WINDOW),
            search: Search::new(),
            fit: Fit::new(),
            behind: None,
            since: 0,
        }
    }

    fn sent(&mut self, frame: &Frame) {
        let count = self.sent.push(frame.rate, &frame.samples);
        self.behind = self.behind.map(|behind| behind + count);
        self.since = 0;
    }

    fn heard(&mut self, rate: SampleRate, samples: &[f32]) -> f32 {
        let count = self.heard.push(rate, samples);
        self.since += count;
        // what has not been sent cannot be heard: the delay has changed
        self.behind = self
            .behind
            .and_then(|behind| behind.checked_sub(count))
            .filter(|behind| *behind <= self.longest_delay);
        // neither of NaN nor of silence
        if level::rms(samples) >= SILENCE { self.share().clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Whether the last of what was sent would have come back by now, and left the window.
    fn is_over(&self) -> bool {
        self.since > self.longest_delay.saturating_add(WINDOW)
    }

    fn share(&mut self) -> f32 {
        let sent = self.sent.newest();
        let heard = self.heard.newest().last_chunk().expect("a window is kept of what was heard");
        let known = self.behind.map_or(0.0, |behind| self.fit.share(heard, sent, behind));
        if known >= ECHO_SHARE {
            return known;
        }
        let place = self.search.best(heard, sent);
        if place.likeness < FOUND {
            return known;
        }
        self.behind = Some(place.behind);
        known.max(self.fit.share(heard, sent, place.behind))
    }
}

/// The sum of the products. Eight sums at once, because the order of additions is part of the
/// result and the compiler keeps to it.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
