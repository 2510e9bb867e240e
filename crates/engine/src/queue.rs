//! The bounded queue in front of an engine.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    Caller, Cancelled, Claim, Class,
    policy::{gives_way, makes_room, next},
};

/// A piece of work that can wait in a [`Queue`].
pub trait Job: Send + 'static {
    /// When it runs, compared with others. Asked each time something is chosen, so that a guess
    /// that has come true counts as such from then on.
    fn claim(&self) -> Claim;
    /// Whether nobody waits for it any more: then it is never started.
    fn is_cancelled(&self) -> bool;
    /// How it is told, while it runs, that it must give way; `None` if it cannot be.
    fn way(&self) -> Option<Cancelled> {
        None
    }
}

/// Why a job was not taken; gives the job back.
#[derive(Debug, thiserror::Error)]
pub enum Rejected<J> {
    /// As many jobs wait as may wait.
    #[error("the queue is full")]
    Full(J),
    /// The engine has stopped.
    #[error("the engine has stopped")]
    Closed(J),
}

/// A job taken from the queue.
#[derive(Debug)]
pub struct Taken<J> {
    /// The job.
    pub job: J,
    /// Time between push and pop.
    pub waited: Duration,
    /// Time between push and when it should have been popped.
    pub patience: Duration,
}

/// A job that a worker has begun; it counts as running until this is dropped.
#[derive(Debug)]
pub(crate) struct Begun<J> {
    pub(crate) taken: Taken<J>,
    pub(crate) running: Running<J>,
}

/// A bounded queue between async callers and engine threads, in the order of
/// [`policy`](crate::policy). When full it first forgets what is cancelled or stale, then what may
/// never be heard if the newcomer is more urgent, and then refuses: work that cannot start soon is
/// better refused than late. Clones are handles to the same queue.
#[derive(Debug)]
pub struct Queue<J>(Arc<Shared<J>>);

/// Says that a job is at work; ends when dropped.
#[derive(Debug)]
pub(crate) struct Running<J> {
    queue: Queue<J>,
    number: u64,
    way: Option<Cancelled>,
}

#[derive(Debug)]
struct Shared<J> {
    capacity: usize,
    state: Mutex<State<J>>,
    filled: Condvar,
}

#[derive(Debug)]
struct State<J> {
    /// By age.
    waiting: Vec<Waiting<J>>,
    running: Vec<AtWork>,
    /// Workers that wait for a job.
    idle: usize,
    begun: u64,
    closed: bool,
}

#[derive(Debug)]
struct Waiting<J> {
    since: Instant,
    job: J,
}

#[derive(Debug)]
struct AtWork {
    number: u64,
    caller: Option<Caller>,
    class: Class,
    way: Option<Cancelled>,
}

impl<J> Clone for Queue<J> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<J: Job> Queue<J> {
    /// An empty queue in which at most `capacity` jobs wait.
    pub fn new(capacity: usize) -> Self {
        let state =
            State { waiting: Vec::new(), running: Vec::new(), idle: 0, begun: 0, closed: false };
        Self(Arc::new(Shared { capacity, state: Mutex::new(state), filled: Condvar::new() }))
    }

    /// Adds a job, without waiting.
    pub fn push(&self, job: J) -> Result<(), Rejected<J>> {
        let mut state = self.lock();
        if state.closed {
            return Err(Rejected::Closed(job));
        }
        let (now, claim) = (Instant::now(), job.claim());
        state.waiting.retain(|waiting| !claim.replaces(&waiting.job.claim()));
        if state.waiting.len() >= self.0.capacity && !state.make_room(&claim, now) {
            return Err(Rejected::Full(job));
        }
        state.waiting.push(Waiting { since: now, job });
        if state.idle == 0 {
            state.clear_the_way(&claim, now);
        }
        drop(state);
        self.0.filled.notify_one();
        Ok(())
    }

    /// Waits for the next job that is still wanted; `None` once the queue is closed.
    pub fn pop(&self) -> Option<Taken<J>> {
        self.wait().map(|(_, taken)| taken)
    }

    /// As [`pop`](Self::pop), and the job counts as running.
    pub(crate) fn begin(&self) -> Option<Begun<J>> {
        let (mut state, taken) = self.wait()?;
        let number = state.begun;
        state.begun += 1;
        let Claim { caller, class, .. } = taken.job.claim();
        let way = taken.job.way();
        state.running.push(AtWork { number, caller, class, way: way.clone() });
        drop(state);
        Some(Begun { taken, running: Running { queue: self.clone(), number, way } })
    }

    fn wait(&self) -> Option<(MutexGuard<'_, State<J>>, Taken<J>)> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(taken) = state.take(Instant::now()) {
                return Some((state, taken));
            }
            state.idle += 1;
            state = self.0.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Waits for a job that is still wanted, and gives the next ones, at most so many, in order;
    /// `None` once the queue is closed.
    pub fn pop_batch(&self, most: usize) -> Option<Vec<Taken<J>>> {
        let (mut state, first) = self.wait()?;
        let mut batch = vec![first];
        batch.extend(state.take_all(most.saturating_sub(1), Instant::now()));
        Some(batch)
    }

    /// The next jobs that are still wanted, at most so many, of those there are now, in order.
    pub fn try_pop_batch(&self, most: usize) -> Vec<Taken<J>> {
        let mut state = self.lock();
        if state.closed { Vec::new() } else { state.take_all(most, Instant::now()) }
    }

    /// The next job that is still wanted, if there is one now.
    pub fn try_pop(&self) -> Option<Taken<J>> {
        let mut state = self.lock();
        if state.closed { None } else { state.take(Instant::now()) }
    }

    /// How many jobs wait.
    pub fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Whether no job waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Refuses further jobs, forgets the waiting ones and wakes the threads, so that they end.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
        drop(state);
        self.0.filled.notify_all();
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }
}

impl<J> Queue<J> {
    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J> Running<J> {
    /// Whether it was told to give way.
    pub(crate) fn gave_way(&self) -> bool {
        self.way.as_ref().is_some_and(Cancelled::gave_way)
    }
}

impl<J> Drop for Running<J> {
    fn drop(&mut self) {
        self.queue.lock().running.retain(|at_work| at_work.number != self.number);
    }
}

impl<J: Job> State<J> {
    fn take(&mut self, now: Instant) -> Option<Taken<J>> {
        self.forget_unwanted(now);
        let running: Vec<_> = self.running.iter().map(|at_work| at_work.caller).collect();
        let claims = self.claims();
        let index = next(&claims, &running, now)?;
        Some(self.waiting.remove(index).taken(now))
    }

    /// The first jobs in order, where callers do not compete.
    fn take_all(&mut self, most: usize, now: Instant) -> Vec<Taken<J>> {
        if most == 0 {
            return Vec::new();
        }
        self.forget_unwanted(now);
        self.waiting.sort_by_cached_key(|waiting| waiting.job.claim().rank(0, now));
        let count = most.min(self.waiting.len());
        let first = self.waiting.drain(..count).map(|waiting| waiting.taken(now)).collect();
        self.waiting.sort_by_key(|waiting| waiting.since);
        first
    }

    fn claims(&self) -> Vec<Claim> {
        self.waiting.iter().map(|waiting| waiting.job.claim()).collect()
    }

    fn forget_unwanted(&mut self, now: Instant) {
        self.waiting.retain(|it| !it.job.is_cancelled() && !it.job.claim().is_stale(now));
    }

    /// Makes room for the newcomer; `false` if there is none to be made.
    fn make_room(&mut self, newcomer: &Claim, now: Instant) -> bool {
        let before = self.waiting.len();
        self.forget_unwanted(now);
        if self.waiting.len() < before {
            return true;
        }
        let least = makes_room(&self.claims(), newcomer, now);
        if let Some(index) = least {
            self.waiting.remove(index);
        }
        least.is_some()
    }

    /// Tells a job at work to give way to the newcomer, if one must.
    fn clear_the_way(&mut self, newcomer: &Claim, now: Instant) {
        let can_yield =
            |at_work: &&mut AtWork| at_work.way.as_ref().is_some_and(|way| !way.is_cancelled());
        let mut running: Vec<_> = self.running.iter_mut().filter(can_yield).collect();
        let classes: Vec<Class> = running.iter().map(|at_work| at_work.class).collect();
        if let Some(index) = gives_way(&classes, newcomer, now)
            && let Some(way) = &running.swap_remove(index).way
        {
            way.give_way();
        }
    }
}

impl<J: Job> Waiting<J> {
    fn taken(self, now: Instant) -> Taken<J> {
        let Self { job, since } = self;
        let patience = job.claim().due.saturating_duration_since(since);
        Taken { job, waited: now.saturating_duration_since(since), patience }
    }
}

#[cfg(test)]
mod tests;
