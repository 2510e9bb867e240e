//! How callers fared.

use crate::{
    Resource,
    number::{count, real},
};

/// Answers that may fall silent for lack of sound, as in the load test's search.
const UNDERRUNS: f64 = 0.01;

/// How callers fared.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// Turns that count: those that were answered, and those that were waited for too long.
    pub turns: usize,
    /// Voice to voice of the turn in the middle, in seconds: from the end of speech to the first
    /// sound that is heard.
    pub p50: f64,
    /// That of 19 of 20.
    pub p95: f64,
    /// The 95th percentile of the caller who waited longest, over that of the one in the middle.
    pub fairness: f64,
    /// Callers of whom no turn was answered.
    pub starved: usize,
    /// Times that an answer fell silent for lack of sound.
    pub underruns: usize,
    /// Answers that began to sound.
    pub answers: usize,
    /// How much of its time everything was busy, the busiest first.
    pub busy: Vec<(Resource, f64)>,
}

impl Outlook {
    /// From the latencies of each caller, the answers and their underruns, and how busy what was.
    pub(super) fn of(
        mut callers: Vec<Vec<f64>>,
        (answers, underruns): (usize, usize),
        mut busy: Vec<(Resource, f64)>,
    ) -> Self {
        let mut all: Vec<f64> = callers.iter().flatten().copied().collect();
        let slowest = callers.iter_mut().filter(|turns| !turns.is_empty());
        let mut slowest: Vec<f64> = slowest.map(|turns| percentile(turns, 0.95)).collect();
        busy.sort_by(|one, other| other.1.total_cmp(&one.1));
        Self {
            turns: all.len(),
            p50: percentile(&mut all, 0.5),
            p95: percentile(&mut all, 0.95),
            fairness: percentile(&mut slowest, 1.0) / percentile(&mut slowest, 0.5),
            starved: callers.iter().filter(|turns| turns.is_empty()).count(),
            underruns,
            answers,
            busy,
        }
    }

    /// Whether 19 of 20 wait for at most so many seconds, and answers hardly ever fall silent.
    pub fn is_good(&self, p95: f64) -> bool {
        let silences = real(self.underruns) <= UNDERRUNS * real(self.answers);
        self.turns > 0 && self.starved == 0 && self.p95 <= p95 && silences
    }

    /// What is the busiest.
    pub fn binding(&self) -> Option<Resource> {
        self.busy.first().map(|(resource, _)| *resource)
    }
}

/// The nearest rank; 0 of nothing.
fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = count((share * real(values.len())).ceil()).max(1);
    values.get(rank - 1).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks_and_the_slowest_caller_is_compared_with_the_middle() {
        let callers = vec![vec![0.4, 0.2], vec![0.3], vec![0.8], vec![]];
        let busy = vec![(Resource::Gpu, 0.1), (Resource::Cores, 0.7)];
        let outlook = Outlook::of(callers, (4, 0), busy);
        assert_eq!((outlook.turns, outlook.starved), (4, 1));
        assert!((outlook.p50 - 0.3).abs() < 1e-9 && (outlook.p95 - 0.8).abs() < 1e-9);
        assert!((outlook.fairness - 2.0).abs() < 1e-9);
        assert_eq!(outlook.binding(), Some(Resource::Cores));
        assert!(!outlook.is_good(1.0), "somebody was never answered");
    }

    #[test]
    fn a_single_silence_in_a_hundred_answers_is_borne() {
        let outlook = |underruns| Outlook::of(vec![vec![0.5]], (100, underruns), Vec::new());
        assert!(outlook(1).is_good(0.5) && !outlook(2).is_good(0.5) && !outlook(0).is_good(0.4));
    }
}
