//! Worker threads that share one queue.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{EngineMetrics, Job, Limit, Queue, Rejected, StartError, Taken, Thread, queue::Begun};

/// Workers of one engine, one thread each, fed from one bounded queue. Dropping the pool refuses
/// new jobs, lets each worker finish the one it has, and joins the threads.
#[derive(Debug)]
pub struct Pool<J: Job> {
    queue: Queue<J>,
    // joined after `Drop for Pool` has closed the queue
    _threads: Vec<Thread>,
}

impl<J: Job> Pool<J> {
    /// Starts one thread for each worker. `capacity` jobs may wait beyond those being worked on.
    ///
    /// A worker that panics loses its job only: whoever waits for it sees its reply channel close.
    pub fn start<W>(
        name: &str,
        capacity: usize,
        workers: Vec<W>,
        metrics: &EngineMetrics,
    ) -> Result<Self, StartError>
    where
        W: FnMut(J) + Send + 'static,
    {
        let queue = Queue::new(capacity);
        let threads = workers
            .into_iter()
            .enumerate()
            .map(|(number, worker)| {
                let (queue, metrics) = (queue.clone(), metrics.clone());
                Thread::start(&format!("{name}-{number}"), move || work(&queue, worker, &metrics))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { queue, _threads: threads })
    }

    /// Adds a job, without waiting.
    pub fn submit(&self, job: J) -> Result<(), Rejected<J>> {
        self.queue.push(job)
    }

    /// How many jobs wait for a worker.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }
}

impl<J: Job> Drop for Pool<J> {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn work<J: Job>(queue: &Queue<J>, mut worker: impl FnMut(J), metrics: &EngineMetrics) {
    let serving = metrics.serving(Limit::Time);
    while let Some(Begun { taken, running }) = queue.begin() {
        let Taken { job, waited, patience } = taken;
        let step = metrics.step(waited, patience, 1);
        if catch_unwind(AssertUnwindSafe(|| worker(job))).is_err() {
            metrics.count_panic();
        }
        drop(step);
        if running.gave_way() {
            metrics.count_gave_way();
        }
    }
    serving.finish();
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::sync_channel, time::Instant};

    use super::*;
    use crate::{Claim, Class, Metrics};

    struct Number(u32);

    impl Job for Number {
        fn claim(&self) -> Claim {
            Claim { caller: None, class: Class::Now, due: Instant::now() }
        }
        fn is_cancelled(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_panic_costs_one_job_and_the_worker_goes_on() {
        let (done_tx, done_rx) = sync_channel(4);
        let worker = move |Number(number): Number| {
            assert_ne!(number, 1, "this job is meant to fail");
            done_tx.send(number).expect("the test listens");
        };
        let metrics = Metrics::unregistered().engine("test");
        let pool = Pool::start("test", 4, vec![worker], &metrics).expect("threads are to be had");
        for number in 0..3 {
            assert!(pool.submit(Number(number)).is_ok());
        }
        let done: Vec<_> = (0..2).map(|_| done_rx.recv().expect("the worker lives")).collect();
        assert_eq!(done, [0, 2]);
        assert_eq!(metrics.panics(), 1);
    }
}
