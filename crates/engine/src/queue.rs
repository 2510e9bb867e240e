//! The bounded queue in front of an engine.

use std::{
    collections::BinaryHeap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// What runs first: a lower number before a higher one, the elder of equals before the younger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Priority(pub u8);

/// A piece of work that can wait in a [`Queue`].
pub trait Job: Send + 'static {
    /// When it runs, compared with others.
    fn priority(&self) -> Priority;
    /// Whether nobody waits for it any more: then it is never started.
    fn is_cancelled(&self) -> bool;
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

/// A job taken from the queue, with how long it waited there.
#[derive(Debug)]
pub struct Taken<J> {
    /// The job.
    pub job: J,
    /// Time between push and pop.
    pub waited: Duration,
}

/// A bounded priority queue between async callers and engine threads. When full it first forgets
/// cancelled jobs, then refuses: work that cannot start soon is better refused than late.
/// Clones are handles to the same queue.
#[derive(Debug)]
pub struct Queue<J>(Arc<Shared<J>>);

#[derive(Debug)]
struct Shared<J> {
    capacity: usize,
    state: Mutex<State<J>>,
    filled: Condvar,
}

#[derive(Debug)]
struct State<J> {
    waiting: BinaryHeap<Waiting<J>>,
    pushed: u64,
    closed: bool,
}

#[derive(Debug)]
struct Waiting<J> {
    priority: Priority,
    number: u64,
    since: Instant,
    job: J,
}

impl<J> Clone for Queue<J> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<J: Job> Queue<J> {
    /// An empty queue in which at most `capacity` jobs wait.
    pub fn new(capacity: usize) -> Self {
        let state = State { waiting: BinaryHeap::new(), pushed: 0, closed: false };
        Self(Arc::new(Shared { capacity, state: Mutex::new(state), filled: Condvar::new() }))
    }

    /// Adds a job, without waiting.
    pub fn push(&self, job: J) -> Result<(), Rejected<J>> {
        let mut state = self.lock();
        if state.closed {
            return Err(Rejected::Closed(job));
        }
        if state.waiting.len() >= self.0.capacity {
            state.waiting.retain(|waiting| !waiting.job.is_cancelled());
        }
        if state.waiting.len() >= self.0.capacity {
            return Err(Rejected::Full(job));
        }
        let number = state.pushed;
        state.pushed += 1;
        let (priority, since) = (job.priority(), Instant::now());
        state.waiting.push(Waiting { priority, number, since, job });
        drop(state);
        self.0.filled.notify_one();
        Ok(())
    }

    /// Waits for the next job that is still wanted; `None` once the queue is closed.
    pub fn pop(&self) -> Option<Taken<J>> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(taken) = state.take() {
                return Some(taken);
            }
            state = self.0.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next job that is still wanted, if there is one now.
    pub fn try_pop(&self) -> Option<Taken<J>> {
        let mut state = self.lock();
        if state.closed { None } else { state.take() }
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

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J: Job> State<J> {
    fn take(&mut self) -> Option<Taken<J>> {
        while let Some(Waiting { job, since, .. }) = self.waiting.pop() {
            if !job.is_cancelled() {
                return Some(Taken { job, waited: since.elapsed() });
            }
        }
        None
    }
}

impl<J> Ord for Waiting<J> {
    /// The greatest is taken first: lowest priority number, then lowest sequence number.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.priority, other.number).cmp(&(self.priority, self.number))
    }
}

impl<J> PartialOrd for Waiting<J> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<J> PartialEq for Waiting<J> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<J> Eq for Waiting<J> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CancelOnDrop, Cancelled, cancellation};

    struct Named(&'static str, u8, Cancelled);

    impl Job for Named {
        fn priority(&self) -> Priority {
            Priority(self.1)
        }
        fn is_cancelled(&self) -> bool {
            self.2.is_cancelled()
        }
    }

    fn job(name: &'static str, priority: u8) -> (CancelOnDrop, Named) {
        let (handle, cancelled) = cancellation();
        (handle, Named(name, priority, cancelled))
    }

    fn drain(queue: &Queue<Named>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.try_pop()).map(|taken| taken.job.0).collect()
    }

    #[test]
    fn the_urgent_goes_first_and_equals_keep_their_order() {
        let queue = Queue::new(8);
        let jobs = [job("partial", 2), job("final a", 0), job("final b", 0), job("guess", 1)];
        let handles: Vec<_> = jobs
            .into_iter()
            .map(|(handle, job)| {
                assert!(queue.push(job).is_ok());
                handle
            })
            .collect();
        assert_eq!(drain(&queue), ["final a", "final b", "guess", "partial"]);
        drop(handles);
    }

    #[test]
    fn what_nobody_waits_for_is_never_started_and_makes_room() {
        let queue = Queue::new(1);
        let (handle, first) = job("first", 0);
        assert!(queue.push(first).is_ok());
        let (_second_handle, second) = job("second", 0);
        let Err(Rejected::Full(second)) = queue.push(second) else { panic!("took too many") };
        drop(handle);
        assert!(queue.push(second).is_ok());
        assert_eq!(drain(&queue), ["second"]);
    }

    #[test]
    fn a_closed_queue_refuses_and_lets_its_threads_end() {
        let queue = Queue::new(1);
        queue.close();
        let (_handle, job) = job("late", 0);
        assert!(matches!(queue.push(job), Err(Rejected::Closed(_))));
        assert!(queue.pop().is_none());
    }
}
