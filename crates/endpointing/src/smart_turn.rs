//! Smart Turn through ONNX Runtime: hears in the melody of the last seconds whether a turn is
//! complete, on the CPU.
//!
//! Each worker has its own copy of the model and one thread: two threads are no faster, and a
//! batch costs as much as its turns one by one. The model is one step, the same for all turns,
//! however short. Where it is unsure, how a machine rounds moves the probability by a tenth.

mod bands;
mod mel;
mod model;
mod window;

use std::{
    num::NonZeroUsize,
    path::Path,
    time::{Duration, Instant},
};

use audio::SampleRate;
use engine::{Cancelled, Claim, Class, EngineMetrics, Job, Pool, Rejected, onnx::Runtime};
use tokio::sync::oneshot;

use self::model::Model;
use crate::{Assessment, Endpointing, EndpointingError, Info, LONGEST, reply};

/// The rate at which the model hears.
const RATE: SampleRate = SampleRate::HZ_16000;
/// How long a turn can wait to be heard without being noticed: the pause has lasted longer already.
const PATIENCE: Duration = Duration::from_millis(100);

/// How the engine runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Turns heard at once: one thread and one copy of the model each.
    pub workers: NonZeroUsize,
    /// Turns that wait beyond those. Further ones are refused with
    /// [`EndpointingError::Overloaded`].
    pub queue: usize,
}

impl Default for Config {
    /// One worker, enough for 30 pauses a second, and 16 waiting turns: about half a second of
    /// work. By then the pause itself tells as much.
    fn default() -> Self {
        Self { workers: NonZeroUsize::MIN, queue: 16 }
    }
}

/// A Smart Turn model and the workers that run it.
#[derive(Debug)]
pub struct SmartTurn {
    pool: Pool<Waiting>,
    metrics: EngineMetrics,
    workers: usize,
}

impl SmartTurn {
    /// Loads the model, for instance `smart-turn-v3.2-cpu.onnx`, once for each worker, tries each,
    /// and starts their threads. Takes a tenth of a second for each worker.
    pub fn start(
        runtime: &Runtime,
        model: &Path,
        config: &Config,
        metrics: &EngineMetrics,
    ) -> Result<Self, EndpointingError> {
        let workers = config.workers.get();
        let models = (0..workers)
            .map(|_| Model::load(runtime, model).map(|model| worker(model, metrics.clone())))
            .collect::<Result<Vec<_>, _>>()?;
        let pool = Pool::start("endpointing", config.queue, models, metrics)
            .map_err(|error| EndpointingError::Load(error.to_string()))?;
        Ok(Self { pool, metrics: metrics.clone(), workers })
    }
}

impl Endpointing for SmartTurn {
    fn assess(&self, samples: Box<[f32]>) -> Result<Assessment, EndpointingError> {
        let (result, cancelled, assessment) = reply();
        let due = Instant::now() + PATIENCE;
        match self.pool.submit(Waiting { samples, result, cancelled, due }) {
            Ok(()) => Ok(assessment),
            Err(Rejected::Full(_)) => {
                self.metrics.count_refused();
                Err(EndpointingError::Overloaded)
            }
            Err(Rejected::Closed(_)) => Err(EndpointingError::Stopped),
        }
    }

    fn info(&self) -> Info {
        Info { name: "smart-turn".to_owned(), workers: self.workers }
    }

    fn waiting(&self) -> usize {
        self.pool.waiting()
    }
}

/// A turn on its way to a worker.
#[derive(Debug)]
struct Waiting {
    samples: Box<[f32]>,
    result: oneshot::Sender<Result<f32, EndpointingError>>,
    cancelled: Cancelled,
    due: Instant,
}

impl Job for Waiting {
    /// All turns alike: a caller has one at a time.
    fn claim(&self) -> Claim {
        Claim { caller: None, class: Class::Now, due: self.due }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.is_cancelled()
    }
}

fn worker(mut model: Model, metrics: EngineMetrics) -> impl FnMut(Waiting) + Send + 'static {
    move |waiting| {
        let started = Instant::now();
        let result = model.probability(&waiting.samples);
        metrics.audio(started.elapsed(), heard(&waiting.samples));
        // nobody may wait any more
        let _ =
            waiting.result.send(result.map_err(|error| EndpointingError::Model(error.to_string())));
    }
}

/// How much of these samples the model hears.
fn heard(samples: &[f32]) -> Duration {
    RATE.duration_of(samples.len() as u64).min(LONGEST)
}
