//! How much a client may ask of the server.

use std::{collections::HashMap, time::Duration};

use protocol::ErrorCode;
use tokio::time::Instant;

/// Sound may arrive up to twice as fast as it sounds, with some seconds at once: a client that
/// catches up after a stall is welcome, one that pumps is not.
const RATE: f64 = 2.0;
const BURST: Duration = Duration::from_secs(3);
/// More bad messages than this within [`ABUSE_WINDOW`] are meant.
const ABUSE: u32 = 200;
const ABUSE_WINDOW: Duration = Duration::from_secs(10);
/// The same error is told and logged at most once in this time.
const QUIET: Duration = Duration::from_secs(1);

/// A bucket of sound that fills with time.
#[derive(Debug)]
pub(crate) struct Pace {
    allowed: f64,
    since: Instant,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self { allowed: BURST.as_secs_f64(), since: now }
    }

    /// Whether so much more sound may come in now.
    pub(crate) fn admit(&mut self, now: Instant, sound: Duration) -> bool {
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        self.since = now;
        self.allowed = (self.allowed + passed * RATE).min(BURST.as_secs_f64());
        let fits = self.allowed >= sound.as_secs_f64();
        if fits {
            self.allowed -= sound.as_secs_f64();
        }
        fits
    }
}

/// Counts what is wrong with a client's messages.
#[derive(Debug, Default)]
pub(crate) struct Conduct {
    told: HashMap<ErrorCode, Told>,
    window: Option<Instant>,
    bad: u32,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    unsaid: u32,
}

/// What to do about a bad message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Say so; so many like it went unsaid since the last time.
    Tell {
        /// Messages of the same kind that were not told.
        unsaid: u32,
    },
    /// It was said a moment ago.
    Ignore,
    /// It is abuse: close.
    Close,
}

impl Conduct {
    /// Notes a bad message; `faulty` ones, which a sound client never sends, can add up to abuse.
    pub(crate) fn bad(&mut self, now: Instant, code: ErrorCode, faulty: bool) -> Verdict {
        if faulty && self.is_abuse(now) {
            return Verdict::Close;
        }
        match self.told.get_mut(&code) {
            Some(told) if now.saturating_duration_since(told.at) < QUIET => {
                told.unsaid += 1;
                Verdict::Ignore
            }
            told => {
                let unsaid = told.map_or(0, |told| told.unsaid);
                self.told.insert(code, Told { at: now, unsaid: 0 });
                Verdict::Tell { unsaid }
            }
        }
    }

    fn is_abuse(&mut self, now: Instant) -> bool {
        let window = *self.window.get_or_insert(now);
        if now.saturating_duration_since(window) > ABUSE_WINDOW {
            self.window = Some(now);
            self.bad = 0;
        }
        self.bad += 1;
        self.bad > ABUSE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(40);

    fn admitted(pace: &mut Pace, from: Instant, frames: u32, every: Duration) -> usize {
        (0..frames).filter(|frame| pace.admit(from + every * *frame, FRAME)).count()
    }

    #[test]
    fn real_time_and_catching_up_are_welcome() {
        let now = Instant::now();
        assert_eq!(admitted(&mut Pace::new(now), now, 5_000, FRAME), 5_000);
        assert_eq!(admitted(&mut Pace::new(now), now, 70, Duration::ZERO), 70);
    }

    #[test]
    fn pumping_is_held_to_twice_real_time() {
        let now = Instant::now();
        let frames = 10_000;
        let admitted = admitted(&mut Pace::new(now), now, frames, FRAME / 10);
        let burst = 75;
        assert!(admitted <= frames as usize / 5 + burst + 1, "{admitted}");
    }

    #[test]
    fn an_error_is_said_once_a_second() {
        let mut conduct = Conduct::default();
        let now = Instant::now();
        let bad = |conduct: &mut Conduct, at| conduct.bad(at, ErrorCode::InvalidJson, true);
        assert_eq!(bad(&mut conduct, now), Verdict::Tell { unsaid: 0 });
        assert_eq!(bad(&mut conduct, now), Verdict::Ignore);
        assert_eq!(bad(&mut conduct, now + QUIET), Verdict::Tell { unsaid: 1 });
    }

    #[test]
    fn sustained_abuse_is_told_from_a_bug_now_and_then() {
        let now = Instant::now();
        let mut abuser = Conduct::default();
        let verdicts = (0..=ABUSE).map(|_| abuser.bad(now, ErrorCode::InvalidJson, true));
        assert_eq!(verdicts.last(), Some(Verdict::Close));
        let mut clumsy = Conduct::default();
        let slowly = |number: u32| now + Duration::from_millis(100) * number;
        assert!((0..5_000).all(|number| {
            clumsy.bad(slowly(number), ErrorCode::InvalidJson, true) != Verdict::Close
        }));
    }
}
