//! The queue of an engine and its workers.

use std::time::{Duration, Instant};

use engine::{
    Claim, Class,
    policy::{gives_way, next},
};

use super::sharing::{Owner, Sharing};
use crate::{Engine, Stage, number::real};

/// What a job is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The words so far, of a caller who still speaks, with so many tokens.
    Partial(usize),
    /// The words of a turn, at the silence of this number.
    Words(u32),
    /// Whether a turn is complete, at the silence of this number.
    Completeness(u32),
    /// A part of an answer.
    Sentence,
}

/// A job.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) who: usize,
    pub(super) purpose: Purpose,
    pub(super) class: Class,
    /// When it should have begun.
    pub(super) due: f64,
    /// Seconds of sound, or characters.
    pub(super) size: f64,
}

/// What has come of a job.
#[derive(Clone, Debug)]
pub(super) enum Done {
    /// There is something of its result.
    First(Job),
    /// All of it is there.
    Whole(Job),
}

/// An engine's jobs.
#[derive(Debug)]
pub(super) struct Line<'a> {
    engine: Engine,
    stage: &'a Stage,
    waiting: Vec<Job>,
    running: Vec<Running>,
    /// Seconds that its workers were busy, all together.
    pub(super) busy: f64,
}

#[derive(Debug)]
struct Running {
    task: u64,
    job: Job,
    /// What of it is left after the step under way; `None` if nothing is.
    rest: Option<f64>,
}

/// What the policy compares: identities and moments.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) callers: Vec<engine::Caller>,
    /// The moment that is zero here.
    pub(super) origin: Instant,
}

impl Names {
    fn claim(&self, job: &Job) -> Claim {
        let due = self.at(job.due);
        Claim { caller: self.callers.get(job.who).copied(), class: job.class, due }
    }

    fn at(&self, moment: f64) -> Instant {
        self.origin + Duration::from_secs_f64(moment.max(0.0))
    }
}

impl<'a> Line<'a> {
    pub(super) fn new(engine: Engine, stage: &'a Stage) -> Self {
        Self { engine, stage, waiting: Vec::new(), running: Vec::new(), busy: 0.0 }
    }

    /// How many jobs wait for a worker.
    pub(super) fn backlog(&self) -> usize {
        self.waiting.len()
    }

    /// How much of its workers' time it was busy.
    pub(super) fn busy_share(&self, seconds: f64) -> f64 {
        self.busy / seconds / real(self.stage.workers)
    }

    pub(super) fn advance(&mut self, seconds: f64) {
        self.busy += seconds * real(self.running.len());
    }

    /// Adds a job. A newer one of its kind takes its place, and one that is only worth something
    /// while it is new gives way to it, as in the product.
    pub(super) fn push(&mut self, job: Job, names: &Names, now: f64, sharing: &mut Sharing) {
        let claim = names.claim(&job);
        self.waiting.retain(|waiting| !claim.replaces(&names.claim(waiting)));
        if self.running.len() == self.stage.workers {
            let classes: Vec<Class> =
                self.running.iter().map(|at_work| at_work.job.class).collect();
            if let Some(index) = gives_way(&classes, &claim, names.at(now)) {
                sharing.stop(self.running.swap_remove(index).task);
            }
        }
        self.waiting.push(job);
    }

    /// Forgets what this caller wanted, as far as it is wanted no more.
    pub(super) fn forget(&mut self, unwanted: impl Fn(&Job) -> bool, sharing: &mut Sharing) {
        self.waiting.retain(|job| !unwanted(job));
        self.running.retain(|running| {
            let stays = !unwanted(&running.job);
            if !stays {
                sharing.stop(running.task);
            }
            stays
        });
        self.share(sharing);
    }

    /// What was a guess of this caller is certain now.
    pub(super) fn confirm(&mut self, who: usize) {
        let running = self.running.iter_mut().map(|running| &mut running.job);
        for job in self.waiting.iter_mut().chain(running) {
            if job.who == who && job.class == Class::Guess {
                job.class = Class::Now;
            }
        }
    }

    /// Gives idle workers the jobs that are next.
    pub(super) fn begin(&mut self, names: &Names, now: f64, sharing: &mut Sharing) {
        while self.running.len() < self.stage.workers {
            let instant = names.at(now);
            self.waiting.retain(|job| !names.claim(job).is_stale(instant));
            let claims: Vec<Claim> = self.waiting.iter().map(|job| names.claim(job)).collect();
            let at_work: Vec<_> =
                self.running.iter().map(|running| names.claim(&running.job).caller).collect();
            let Some(index) = next(&claims, &at_work, instant) else { break };
            let job = self.waiting.remove(index);
            let whole = self.stage.whole.at(job.size);
            let first = self.stage.first.at(job.size).min(whole);
            let owner = Owner::Job(self.engine);
            let task = sharing.start(owner, self.stage.place, 1.0, first);
            self.running.push(Running { task, job, rest: Some(whole - first) });
            self.share(sharing);
        }
    }

    /// A step is done: of the job's first part, or of all of it.
    pub(super) fn done(&mut self, task: u64, sharing: &mut Sharing) -> Option<Done> {
        sharing.stop(task);
        let index = self.running.iter().position(|running| running.task == task)?;
        let running = &mut self.running[index];
        if let Some(rest) = running.rest.take() {
            let owner = Owner::Job(self.engine);
            running.task = sharing.start(owner, self.stage.place, 1.0, rest);
            let job = running.job.clone();
            self.share(sharing);
            return Some(Done::First(job));
        }
        let Running { job, .. } = self.running.remove(index);
        self.share(sharing);
        Some(Done::Whole(job))
    }

    /// Where all jobs share each step, more of them make each slower.
    fn share(&self, sharing: &mut Sharing) {
        if let Some(together) = &self.stage.together {
            let slower = together.at(real(self.running.len())).max(1.0);
            sharing.share(Owner::Job(self.engine), slower);
        }
    }
}
