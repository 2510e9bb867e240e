//! What the monitor reads of one engine: its threads, the steps that run, and how late jobs begin.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// What all threads of an engine tell.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Threads whose time is the engine's limit.
    workers: AtomicUsize,
    /// Threads that carry more in the same time: how busy they are says little.
    batchers: AtomicUsize,
    /// Threads that ended although the engine had not stopped.
    lost: AtomicUsize,
    steps: Mutex<Steps>,
}

#[derive(Debug, Default)]
struct Steps {
    /// When the steps under way began.
    running: BTreeMap<u64, Instant>,
    begun: u64,
    /// Time of the steps that are over.
    finished: Duration,
    lateness: Lateness,
}

/// How long jobs waited, each over how long it could.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lateness {
    pub(crate) sum: f64,
    pub(crate) jobs: u32,
}

/// What there is to read at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) workers: usize,
    pub(crate) batchers: usize,
    pub(crate) lost: usize,
    /// Time of all steps so far.
    pub(crate) worked: Duration,
    /// How long the eldest step under way runs.
    pub(crate) eldest: Option<Duration>,
    /// Of jobs since the last reading.
    pub(crate) lateness: Lateness,
}

impl Meter {
    pub(crate) fn begin(&self, now: Instant) -> u64 {
        let mut steps = self.steps();
        let number = steps.begun;
        steps.begun += 1;
        steps.running.insert(number, now);
        number
    }

    /// Gives how long the step took.
    pub(crate) fn end(&self, number: u64, now: Instant) -> Duration {
        let mut steps = self.steps();
        let began = steps.running.remove(&number).unwrap_or(now);
        let took = now.saturating_duration_since(began);
        steps.finished += took;
        took
    }

    /// A job that could wait for `patience` waited for so long.
    pub(crate) fn waited(&self, waited: Duration, patience: Duration) {
        if patience.is_zero() {
            return;
        }
        let lateness = &mut self.steps().lateness;
        lateness.sum += waited.as_secs_f64() / patience.as_secs_f64();
        lateness.jobs += 1;
    }

    pub(crate) fn read(&self, now: Instant) -> Reading {
        let mut steps = self.steps();
        let running = || steps.running.values().map(|began| now.saturating_duration_since(*began));
        let (worked, eldest) = (steps.finished + running().sum::<Duration>(), running().max());
        Reading {
            workers: self.workers.load(Ordering::Relaxed),
            batchers: self.batchers.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            worked,
            eldest,
            lateness: std::mem::take(&mut steps.lateness),
        }
    }

    fn steps(&self) -> MutexGuard<'_, Steps> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What limits what a thread carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Its time: one job after the other, or batches that take longer the larger they are.
    Time,
    /// The size of its batches: more of them take hardly longer.
    Batch,
}

/// Held by an engine's thread as long as it serves. If it goes without
/// [`finish`](Self::finish) the thread is counted as lost.
#[derive(Debug)]
pub struct Serving {
    meter: Arc<Meter>,
    limit: Limit,
    finished: bool,
}

impl Serving {
    pub(crate) fn new(meter: Arc<Meter>, limit: Limit) -> Self {
        let serving = Self { meter, limit, finished: false };
        serving.count().fetch_add(1, Ordering::Relaxed);
        serving
    }

    /// The engine has stopped, and the thread ends as it should.
    pub fn finish(mut self) {
        self.finished = true;
    }

    fn count(&self) -> &AtomicUsize {
        match self.limit {
            Limit::Time => &self.meter.workers,
            Limit::Batch => &self.meter.batchers,
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.count().fetch_sub(1, Ordering::Relaxed);
        if !self.finished {
            self.meter.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn steps_under_way_count_as_work_and_are_not_counted_twice() {
        let meter = Meter::default();
        let start = Instant::now();
        let (first, second) = (meter.begin(start), meter.begin(start + 10 * MS));
        let reading = meter.read(start + 30 * MS);
        assert_eq!((reading.worked, reading.eldest), (50 * MS, Some(30 * MS)));
        assert_eq!(meter.end(first, start + 40 * MS), 40 * MS);
        let reading = meter.read(start + 40 * MS);
        assert_eq!((reading.worked, reading.eldest), (70 * MS, Some(30 * MS)));
        meter.end(second, start + 40 * MS);
        assert_eq!(meter.read(start + 90 * MS).worked, 70 * MS);
    }

    #[test]
    fn lateness_is_told_once() {
        let meter = Meter::default();
        meter.waited(30 * MS, 60 * MS);
        meter.waited(60 * MS, 40 * MS);
        meter.waited(MS, Duration::ZERO);
        let now = Instant::now();
        let Lateness { sum, jobs } = meter.read(now).lateness;
        assert!((sum - 2.0).abs() < 1e-9 && jobs == 2);
        assert_eq!(meter.read(now).lateness.jobs, 0);
    }

    #[test]
    fn a_thread_that_ends_by_itself_is_lost() {
        let meter = Arc::new(Meter::default());
        let now = Instant::now();
        let serving = Serving::new(Arc::clone(&meter), Limit::Time);
        let orderly = Serving::new(Arc::clone(&meter), Limit::Batch);
        assert_eq!((meter.read(now).workers, meter.read(now).batchers), (1, 1));
        orderly.finish();
        drop(serving);
        let reading = meter.read(now);
        assert_eq!((reading.workers, reading.batchers, reading.lost), (0, 0, 1));
    }
}
