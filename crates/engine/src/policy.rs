//! Which of the jobs that wait for an engine runs next: decisions without clock, lock or model.
//!
//! - What somebody waits for in silence runs first, and so does sound whose lack would soon be
//!   heard. Of these the one that is due first, so that nobody starves.
//! - Then what is needed at a known later moment, the earliest first.
//! - Then guesses, which may be thrown away, and last what is only worth something while it is new.
//! - Between equals, callers take turns: who has fewer jobs running goes first.
//!
//! Ordering by the time at which things are due is earliest deadline first: C. L. Liu, J. W.
//! Layland, "Scheduling Algorithms for Multiprogramming in a Hard-Real-Time Environment" (1973).

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// What is due within this time is as urgent as what somebody waits for: longer than one job of a
/// usual engine takes.
pub const URGENT: Duration = Duration::from_millis(250);

/// Whose work it is. Only ever compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Caller(u64);

impl Caller {
    /// One that is like no other of this process.
    #[expect(clippy::new_without_default, reason = "two of them are never equal")]
    pub fn new() -> Self {
        static CALLERS: AtomicU64 = AtomicU64::new(0);
        Self(CALLERS.fetch_add(1, Ordering::Relaxed))
    }
}

/// What a job's result is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Somebody waits for it in silence: the words of a turn, the first sound of an answer.
    Now,
    /// It is needed when it is due, and not before: a later sentence.
    Ahead,
    /// It may never be needed: an answer that is begun before the turn is over.
    Guess,
    /// It is worth something while it is new: a partial transcript. A caller's next one takes its
    /// place, it is not begun after it was due, and one that runs gives way.
    Passing,
}

/// What a job says of itself. It may change while the job waits.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Whose it is; `None` where callers do not compete with several jobs each.
    pub caller: Option<Caller>,
    /// What its result is for.
    pub class: Class,
    /// When it should have begun.
    pub due: Instant,
}

/// The order in which jobs run: the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    class: Class,
    running: usize,
    due: Instant,
}

impl Claim {
    /// Where the job stands at `now`, with so many jobs of its caller running already.
    pub fn rank(&self, running: usize, now: Instant) -> Rank {
        let is_urgent = self.class == Class::Ahead && self.due <= now + URGENT;
        Rank { class: if is_urgent { Class::Now } else { self.class }, running, due: self.due }
    }

    /// Whether it is too late to begin.
    pub fn is_stale(&self, now: Instant) -> bool {
        self.class == Class::Passing && self.due < now
    }

    /// Whether this job takes the place of one of the same caller that waits.
    pub fn replaces(&self, waiting: &Self) -> bool {
        let passing = self.class == Class::Passing && waiting.class == Class::Passing;
        passing && self.caller.is_some() && self.caller == waiting.caller
    }
}

/// The index of the job that runs next; of equals the eldest, if jobs are listed by age. `running`
/// has the callers of the jobs at work.
pub fn next(waiting: &[Claim], running: &[Option<Caller>], now: Instant) -> Option<usize> {
    let rank = |claim: &Claim| claim.rank(running_of(claim.caller, running), now);
    let ranks = waiting.iter().enumerate().map(|(index, claim)| (rank(claim), index));
    ranks.min().map(|(_, index)| index)
}

/// The index of the job at work that must give way to `newcomer`, if every worker has one.
pub fn gives_way(running: &[Class], newcomer: &Claim, now: Instant) -> Option<usize> {
    let class = newcomer.rank(0, now).class;
    let passing = running.iter().position(|running| *running == Class::Passing);
    passing.filter(|_| class == Class::Now)
}

/// The index of the job that leaves a full queue for `newcomer`: the last in rank, if the newcomer
/// ranks before it and it is not waited for.
pub fn makes_room(waiting: &[Claim], newcomer: &Claim, now: Instant) -> Option<usize> {
    let ranks = waiting.iter().enumerate().map(|(index, claim)| (claim.rank(0, now), index));
    let (rank, index) = ranks.max()?;
    let may_go = matches!(rank.class, Class::Guess | Class::Passing);
    (may_go && newcomer.rank(0, now).class < rank.class).then_some(index)
}

fn running_of(caller: Option<Caller>, running: &[Option<Caller>]) -> usize {
    let Some(caller) = caller else { return 0 };
    running.iter().filter(|running| **running == Some(caller)).count()
}

#[cfg(test)]
mod tests;
