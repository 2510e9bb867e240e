//! What all callers of a run have seen so far.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use audio::Frame;
use tokio::time::Instant;

use crate::{CallerOutcome, Outcome, Percentiles, Sample, Scenario, TurnOutcome, random::Random};

/// The newest turns, over which progress is told.
const NEWEST: usize = 100;

/// How a run goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// Time since it began.
    pub elapsed: Duration,
    /// Callers who are connected.
    pub connected: usize,
    /// Turns that were answered.
    pub turns: usize,
    /// Turns that were not, calls that failed, and calls that were refused.
    pub failures: usize,
    /// Of voice to voice, over the newest turns.
    pub p95: Option<Duration>,
}

/// The sound of an answer that is to be listened to.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The index of its turn in the outcome.
    pub turn: usize,
    /// The sound.
    pub sound: Frame,
}

/// Shared by all callers of a run.
#[derive(Debug)]
pub(crate) struct Log {
    started: Instant,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    callers: Vec<CallerOutcome>,
    turns: Vec<TurnOutcome>,
    samples: Vec<Sample>,
    connected: usize,
    failures: usize,
    crossed: usize,
    /// Answers kept to be listened to, each as likely as any other.
    kept: Vec<Kept>,
    /// At most so many.
    keep: usize,
    /// Answers that could have been kept so far.
    keepable: usize,
    random: Random,
}

impl Log {
    pub(crate) fn new(seed: u64, keep: usize) -> Self {
        let seen = Seen {
            callers: Vec::new(),
            turns: Vec::new(),
            samples: Vec::new(),
            connected: 0,
            failures: 0,
            crossed: 0,
            kept: Vec::new(),
            keep,
            keepable: 0,
            random: Random::new(seed),
        };
        Self { started: Instant::now(), seen: Mutex::new(seen) }
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Seconds since the run began.
    pub(crate) fn seconds(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.started).as_secs_f64()
    }

    /// Somebody calls; gives their number.
    pub(crate) fn called(&self, dialect: &str) -> usize {
        let called_at = self.seconds(Instant::now());
        let mut seen = self.seen();
        let caller = seen.callers.len();
        let dialect = dialect.to_owned();
        seen.callers.push(CallerOutcome { caller, dialect, called_at, ..Default::default() });
        caller
    }

    pub(crate) fn refused(&self, caller: usize) {
        let mut seen = self.seen();
        seen.callers[caller].refused = true;
        seen.failures += 1;
    }

    pub(crate) fn failed(&self, caller: usize, why: String) {
        let mut seen = self.seen();
        seen.callers[caller].failure = Some(why);
        seen.failures += 1;
    }

    pub(crate) fn admitted(&self, caller: usize, waited: Option<Duration>, ready: Duration) {
        let mut seen = self.seen();
        let outcome = &mut seen.callers[caller];
        outcome.waited_ms = waited.map(millis);
        outcome.ready_ms = Some(millis(ready));
        seen.connected += 1;
    }

    /// An admitted caller has gone, and has heard so many responses that were not theirs.
    pub(crate) fn left(&self, caller: usize, strange_responses: usize) {
        let left_at = self.seconds(Instant::now());
        let mut seen = self.seen();
        seen.callers[caller].left_at = Some(left_at);
        seen.connected -= 1;
        seen.crossed += strange_responses;
    }

    /// A turn is over; its sound is given if it is complete.
    pub(crate) fn turn(&self, turn: TurnOutcome, sound: Option<Frame>) {
        let mut seen = self.seen();
        seen.failures += usize::from(turn.failure.is_some());
        let index = seen.turns.len();
        seen.turns.push(turn);
        if let Some(sound) = sound {
            seen.offer(Kept { turn: index, sound });
        }
    }

    pub(crate) fn sample(&self, sample: Sample) {
        self.seen().samples.push(sample);
    }

    pub(crate) fn now(&self) -> Now {
        let seen = self.seen();
        let newest = seen.turns.iter().rev().take(NEWEST);
        let latencies = newest.filter_map(|turn| turn.voice_to_voice_ms);
        let latencies = latencies.map(|ms| Duration::from_secs_f64(ms / 1_000.0));
        Now {
            elapsed: self.started.elapsed(),
            connected: seen.connected,
            turns: seen.turns.iter().filter(|turn| turn.failure.is_none()).count(),
            failures: seen.failures,
            p95: Percentiles::of(latencies).map(|percentiles| percentiles.p95),
        }
    }

    /// All of it, and the sound to be listened to.
    pub(crate) fn take(&self, scenario: &Scenario, made_by: &str) -> (Outcome, Vec<Kept>) {
        let mut seen = self.seen();
        let (from, to) = scenario.window();
        let outcome = Outcome {
            name: scenario.name.clone(),
            scenario: scenario.to_toml().unwrap_or_default(),
            made_by: made_by.to_owned(),
            duration: self.seconds(Instant::now()),
            window: (from.as_secs_f64(), to.as_secs_f64()),
            callers: std::mem::take(&mut seen.callers),
            turns: std::mem::take(&mut seen.turns),
            samples: std::mem::take(&mut seen.samples),
            crossed: seen.crossed,
            crossings_checked: 0,
        };
        (outcome, std::mem::take(&mut seen.kept))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Keeps an answer, or drops it or another one by chance if there are enough.
    fn offer(&mut self, kept: Kept) {
        self.keepable += 1;
        if self.kept.len() < self.keep {
            self.kept.push(kept);
            return;
        }
        let place = self.random.below(self.keepable);
        if let Some(former) = self.kept.get_mut(place) {
            *former = kept;
        }
    }
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use audio::SampleRate;

    use super::*;

    #[test]
    fn no_more_answers_are_kept_than_asked_for_and_late_ones_too() {
        let log = Log::new(1, 10);
        for _ in 0..100 {
            let sound = Frame::new(SampleRate::HZ_16000, [0.5]);
            log.turn(TurnOutcome::default(), Some(sound));
        }
        let (outcome, kept) = log.take(&Scenario::default(), "");
        assert_eq!((outcome.turns.len(), kept.len()), (100, 10));
        assert!(kept.iter().any(|kept| kept.turn >= 50) && kept.iter().any(|it| it.turn < 50));
    }

    #[test]
    fn who_calls_is_followed_until_they_leave() {
        let log = Log::new(1, 0);
        let (first, second) = (log.called("repartee"), log.called("plain"));
        log.admitted(first, Some(Duration::from_secs(2)), Duration::from_secs(3));
        log.refused(second);
        assert_eq!((log.now().connected, log.now().failures), (1, 1));
        log.left(first, 1);
        assert_eq!(log.now().connected, 0);
        let (outcome, _) = log.take(&Scenario::default(), "");
        assert_eq!(outcome.callers[0].waited_ms, Some(2_000.0));
        assert!(outcome.callers[0].left_at.is_some() && outcome.callers[1].refused);
        assert_eq!(outcome.crossed, 1);
    }
}
