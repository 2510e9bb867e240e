//! How many callers a server carries: a search, and what a trial must show.

use std::time::Duration;

use crate::{Outcome, Percentiles, TurnOutcome};

/// Answers may fall silent for lack of sound in no larger share of the turns.
const UNDERRUNS: f64 = 0.01;

/// Searches the largest number of callers with which all is well, if it is with any fewer: doubles
/// until it is not, then halves what lies between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// The largest that is known to be well.
    well: usize,
    /// The smallest that is known not to be.
    ill: Option<usize>,
    /// Nobody wants to know more.
    limit: usize,
}

impl Search {
    /// Of at most so many callers.
    pub fn new(limit: usize) -> Self {
        Self { well: 0, ill: None, limit }
    }

    /// How many callers to try next; `None` when the search is over.
    pub fn next_trial(&self) -> Option<usize> {
        let next = match self.ill {
            Some(ill) => self.well + (ill - self.well) / 2,
            None => (2 * self.well).max(1).min(self.limit),
        };
        (next > self.well).then_some(next)
    }

    /// Takes note of a trial.
    pub fn note(&mut self, callers: usize, is_well: bool) {
        if is_well {
            self.well = self.well.max(callers);
        } else {
            self.ill = Some(self.ill.map_or(callers, |ill| ill.min(callers)));
        }
    }

    /// The largest number with which all was well; 0 if there is none.
    pub fn found(&self) -> usize {
        self.well
    }
}

/// What a trial must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The 95th percentile of voice to voice is no longer.
    pub p95: Duration,
}

/// Why a trial did not show it.
#[derive(Clone, Debug, PartialEq)]
pub enum Shortfall {
    /// Nothing was measured.
    NoTurns,
    /// The 95th percentile is this.
    Slow(Duration),
    /// So many turns or connections failed.
    Failures(usize),
    /// So many callers were refused, or had to wait in line.
    TurnedAway(usize),
    /// So often an answer fell silent for lack of sound.
    Underruns(usize),
}

impl Target {
    /// Why this run does not meet it; `None` if it does.
    pub fn missed_by(&self, outcome: &Outcome) -> Option<Shortfall> {
        let refused = outcome.callers.iter().filter(|it| it.refused || it.waited_ms.is_some());
        let refused = refused.count();
        if refused > 0 {
            return Some(Shortfall::TurnedAway(refused));
        }
        let failures = outcome.callers.iter().filter(|it| it.failure.is_some()).count()
            + outcome.turns.iter().filter(|it| it.failure.is_some()).count();
        if failures > 0 {
            return Some(Shortfall::Failures(failures));
        }
        let turns: Vec<&TurnOutcome> = counted(outcome).collect();
        let underruns: usize = turns.iter().map(|turn| turn.underruns).sum();
        #[expect(clippy::cast_precision_loss, reason = "turns are few")]
        let too_many = underruns as f64 > UNDERRUNS * turns.len() as f64;
        if too_many && underruns > 0 {
            return Some(Shortfall::Underruns(underruns));
        }
        let latencies = turns.iter().filter_map(|turn| turn.voice_to_voice_ms);
        let latencies = latencies.map(|ms| Duration::from_secs_f64(ms / 1_000.0));
        let Some(percentiles) = Percentiles::of(latencies) else {
            return Some(Shortfall::NoTurns);
        };
        (percentiles.p95 > self.p95).then_some(Shortfall::Slow(percentiles.p95))
    }
}

/// The turns within the window.
pub(crate) fn counted(outcome: &Outcome) -> impl Iterator<Item = &TurnOutcome> {
    let (from, to) = outcome.window;
    outcome.turns.iter().filter(move |turn| (from..=to).contains(&turn.at))
}

impl std::fmt::Display for Shortfall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoTurns => write!(f, "no turn was measured"),
            Self::Slow(p95) => write!(f, "the 95th percentile is {} ms", p95.as_millis()),
            Self::Failures(count) => write!(f, "{count} failures"),
            Self::TurnedAway(count) => write!(f, "{count} callers were refused or had to wait"),
            Self::Underruns(count) => write!(f, "answers fell silent {count} times"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CallerOutcome;

    /// The trials of a search at a server that carries so many.
    fn trials(capacity: usize, limit: usize) -> (Vec<usize>, usize) {
        let (mut search, mut trials) = (Search::new(limit), Vec::new());
        while let Some(callers) = search.next_trial() {
            trials.push(callers);
            search.note(callers, callers <= capacity);
        }
        (trials, search.found())
    }

    #[test]
    fn the_search_doubles_and_then_halves() {
        assert_eq!(trials(11, 100), (vec![1, 2, 4, 8, 16, 12, 10, 11], 11));
        assert_eq!(trials(8, 100), (vec![1, 2, 4, 8, 16, 12, 10, 9], 8));
    }

    #[test]
    fn every_capacity_up_to_the_limit_is_found() {
        for limit in 1..40 {
            for capacity in 0..50 {
                let (trials, found) = trials(capacity, limit);
                assert_eq!(found, capacity.min(limit), "{capacity} of {limit}");
                assert!(trials.iter().all(|it| *it <= limit) && trials.len() <= 12);
            }
        }
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn outcome(latencies: &[f64]) -> Outcome {
        let turn = |ms: &f64| TurnOutcome {
            at: 10.0,
            voice_to_voice_ms: Some(*ms),
            ..TurnOutcome::default()
        };
        Outcome {
            window: (5.0, 60.0),
            callers: vec![CallerOutcome::default()],
            turns: latencies.iter().map(turn).collect(),
            ..Outcome::default()
        }
    }

    #[test]
    fn a_trial_is_slow_by_its_95th_percentile_within_the_window() {
        let target = Target { p95: ms(1_500) };
        let mut run = outcome(&[400.0; 19]);
        run.turns.push(TurnOutcome { at: 1.0, voice_to_voice_ms: Some(9e3), ..Default::default() });
        assert_eq!(target.missed_by(&run), None);
        let run = outcome(&[400.0, 1_600.0]);
        assert_eq!(target.missed_by(&run), Some(Shortfall::Slow(ms(1_600))));
        assert_eq!(target.missed_by(&outcome(&[])), Some(Shortfall::NoTurns));
    }

    #[test]
    fn failures_refusals_and_underruns_fail_a_trial() {
        let target = Target { p95: ms(1_500) };
        let mut run = outcome(&[400.0; 20]);
        run.turns[0].underruns = 1;
        assert_eq!(target.missed_by(&run), Some(Shortfall::Underruns(1)));
        let mut run = outcome(&[400.0; 200]);
        run.turns[0].underruns = 1;
        assert_eq!(target.missed_by(&run), None, "a small share is forgiven");
        run.turns[3].failure = Some("so it is".to_owned());
        assert_eq!(target.missed_by(&run), Some(Shortfall::Failures(1)));
        run.callers[0].refused = true;
        assert_eq!(target.missed_by(&run), Some(Shortfall::TurnedAway(1)));
        let mut run = outcome(&[400.0; 20]);
        run.callers[0].waited_ms = Some(10.0);
        assert_eq!(target.missed_by(&run), Some(Shortfall::TurnedAway(1)));
    }
}
