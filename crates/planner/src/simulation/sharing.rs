//! Steps that run at once and share the cores, or the GPU: each goes on at the rate that its share
//! gives it (processor sharing).
//!
//! On cores every step is a thread. Up to as many threads as cores run at the speed that was
//! measured for so many; more than that get equal shares. A GPU divides its time evenly between the
//! steps that were given to it.

use crate::{
    Engine, Hardware, Place,
    number::{count, real},
};

/// Whose a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A job of this engine.
    Job(Engine),
    /// A step of the language model.
    Step,
}

/// A step at work.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) id: u64,
    pub(super) owner: Owner,
    pub(super) place: Place,
    /// Threads, or its part of the GPU.
    pub(super) width: f64,
    /// How many times as long it takes as alone, for a reason other than sharing.
    pub(super) slower: f64,
    /// Seconds that it would take from now on, alone.
    pub(super) left: f64,
}

/// All steps at work.
#[derive(Debug)]
pub(super) struct Sharing {
    cores: f64,
    speed: Vec<f64>,
    /// Threads that are always busy, on average: frames of all callers.
    background: f64,
    tasks: Vec<Task>,
    started: u64,
    /// Seconds that cores and GPU were busy.
    pub(super) cores_busy: f64,
    pub(super) gpu_busy: f64,
}

impl Sharing {
    pub(super) fn new(hardware: &Hardware, background: f64) -> Self {
        Self {
            cores: real(hardware.cores),
            speed: hardware.speed.clone(),
            background,
            tasks: Vec::new(),
            started: 0,
            cores_busy: 0.0,
            gpu_busy: 0.0,
        }
    }

    /// Begins a step that takes so long alone; gives its number.
    pub(super) fn start(&mut self, owner: Owner, place: Place, width: f64, seconds: f64) -> u64 {
        let id = self.started;
        self.started += 1;
        self.tasks.push(Task { id, owner, place, width, slower: 1.0, left: seconds });
        id
    }

    pub(super) fn stop(&mut self, id: u64) {
        self.tasks.retain(|task| task.id != id);
    }

    /// Lets the steps of this owner share one place between them, each so many times slower.
    pub(super) fn share(&mut self, owner: Owner, slower: f64) {
        let of = |task: &&mut Task| task.owner == owner;
        let together = real(self.tasks.iter().filter(|task| task.owner == owner).count());
        for task in self.tasks.iter_mut().filter(of) {
            (task.width, task.slower) = (1.0 / together, slower);
        }
    }

    /// In how long the next step is done, if nothing else happens, and which it is.
    pub(super) fn next(&self) -> Option<(f64, u64, Owner)> {
        let rates = self.rates();
        let after = |task: &Task| (task.left / rates.of(task), task.id, task.owner);
        self.tasks.iter().map(after).min_by(|one, other| one.0.total_cmp(&other.0))
    }

    pub(super) fn advance(&mut self, seconds: f64) {
        let rates = self.rates();
        for task in &mut self.tasks {
            task.left = (task.left - seconds * rates.of(task)).max(0.0);
        }
        self.cores_busy += seconds * self.threads().min(self.cores);
        self.gpu_busy += seconds * self.on_gpu().min(1.0);
    }

    fn rates(&self) -> Rates {
        let threads = self.threads();
        let cores = self.speed_of(threads.min(self.cores)) * (self.cores / threads).min(1.0);
        Rates { cores, gpu: (1.0 / self.on_gpu()).min(1.0) }
    }

    fn threads(&self) -> f64 {
        self.background + self.width_on(Place::Cores)
    }

    fn on_gpu(&self) -> f64 {
        self.width_on(Place::Gpu)
    }

    fn width_on(&self, place: Place) -> f64 {
        self.tasks.iter().filter(|task| task.place == place).map(|task| task.width).sum()
    }

    /// The speed of each of so many threads, between whole numbers in proportion.
    fn speed_of(&self, threads: f64) -> f64 {
        let at = |index: usize| self.speed.get(index).or(self.speed.last()).copied().unwrap_or(1.0);
        let beyond_one = (threads - 1.0).max(0.0);
        let below = count(beyond_one);
        at(below) + (at(below + 1) - at(below)) * (beyond_one - real(below))
    }
}

/// Seconds of work done in a second.
struct Rates {
    cores: f64,
    gpu: f64,
}

impl Rates {
    fn of(&self, task: &Task) -> f64 {
        let rate = match task.place {
            Place::Cores => self.cores,
            Place::Gpu => self.gpu,
        };
        rate / task.slower
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sharing(speed: &[f64]) -> Sharing {
        let (cores, speed) = (2.0, speed.to_vec());
        let tasks = Vec::new();
        Sharing { cores, speed, background: 0.0, tasks, started: 0, cores_busy: 0.0, gpu_busy: 0.0 }
    }

    fn start(sharing: &mut Sharing, seconds: f64) -> u64 {
        sharing.start(Owner::Job(Engine::Stt), Place::Cores, 1.0, seconds)
    }

    fn next(sharing: &Sharing) -> (f64, u64) {
        sharing.next().map(|(after, id, _)| (after, id)).expect("a step is at work")
    }

    #[test]
    fn as_many_steps_as_cores_hinder_each_other_only_as_was_measured() {
        let mut sharing = sharing(&[1.0, 0.8]);
        let first = start(&mut sharing, 0.4);
        assert_eq!(next(&sharing), (0.4, first));
        start(&mut sharing, 0.8);
        assert_eq!(next(&sharing), (0.5, first));
    }

    #[test]
    fn more_steps_than_cores_get_equal_shares() {
        let mut sharing = sharing(&[1.0]);
        let ids: Vec<_> = [0.3, 0.6, 0.6, 0.6].map(|seconds| start(&mut sharing, seconds)).into();
        assert_eq!(next(&sharing), (0.6, ids[0]));
        sharing.advance(0.6);
        sharing.stop(ids[0]);
        // 0.3 s are left of each of three, two thirds of a core each
        let (after, _) = next(&sharing);
        assert!((after - 0.45).abs() < 1e-9, "{after}");
        assert!((sharing.cores_busy - 1.2).abs() < 1e-9);
    }

    #[test]
    fn a_gpu_divides_its_time_and_does_not_slow_the_cores() {
        let mut sharing = sharing(&[1.0]);
        for _ in 0..2 {
            sharing.start(Owner::Step, Place::Gpu, 1.0, 0.1);
        }
        assert_eq!(next(&sharing), (0.2, 0));
        start(&mut sharing, 0.15);
        assert_eq!(next(&sharing), (0.15, 2));
    }
}
