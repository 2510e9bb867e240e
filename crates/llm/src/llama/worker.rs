//! The engine's thread: takes commands, steps, and rests when there is nothing to do.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::mpsc::SyncSender,
    task::Poll,
};

use engine::{EngineMetrics, Limit};
use llama_cpp_2::model::LlamaModel;
use tokio::{
    runtime::Runtime,
    sync::mpsc::{Receiver, error::TryRecvError},
};

use super::{
    Config,
    engine::{Command, Engine},
    stats::Metrics,
    talk::Talk,
    weights::{self, Loaded},
};
use crate::{Info, LlmError};

/// What a thread is made with.
pub(super) struct Worker {
    pub(super) config: Config,
    pub(super) metrics: EngineMetrics,
    pub(super) counters: Metrics,
    pub(super) commands: Receiver<Command>,
    /// Told once whether the model could be loaded. Room for one.
    pub(super) ready: SyncSender<Result<Info, LlmError>>,
}

/// Why a resting engine goes on.
enum News {
    Command(Command),
    /// A response can go on: its reader has made room, has confirmed it, or has gone.
    Ready,
    Stopped,
}

impl Worker {
    /// Loads the model, says so, and serves until nobody can send commands any more.
    pub(super) fn run(self) {
        let Self { config, metrics, counters, mut commands, ready } = self;
        let loaded = weights::load(&config).and_then(|loaded| {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let runtime = runtime.map_err(|error| LlmError::Load(error.to_string()))?;
            Ok((loaded, runtime))
        });
        let (Loaded { model, memory_bytes }, runtime) = match loaded {
            Ok(loaded) => loaded,
            Err(error) => return tell(&ready, Err(error)),
        };
        let info = info(&model, &config, memory_bytes);
        let serving = metrics.clone();
        match Engine::new(&model, config, metrics, counters) {
            Ok(mut engine) => {
                tell(&ready, Ok(info));
                let serving = serving.serving(Limit::Batch);
                serve(&mut engine, &mut commands, &runtime);
                serving.finish();
            }
            Err(error) => tell(&ready, Err(error)),
        }
    }
}

/// Nobody waits for it if the start was given up.
fn tell(ready: &SyncSender<Result<Info, LlmError>>, outcome: Result<Info, LlmError>) {
    let _ = ready.send(outcome);
}

fn info(model: &LlamaModel, config: &Config, memory_bytes: u64) -> Info {
    let name = model.meta_val_str("general.name").ok().filter(|name| !name.is_empty());
    let file = || config.model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Info {
        name: format!("llama.cpp {}", name.unwrap_or_else(file)),
        context_tokens: config.context_tokens,
        slots: Some(config.slots),
        memory_bytes,
    }
}

fn serve(engine: &mut Engine<'_>, commands: &mut Receiver<Command>, runtime: &Runtime) {
    loop {
        match commands.try_recv() {
            Ok(command) => {
                guarded(engine, |engine| engine.accept(command));
                continue;
            }
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {}
        }
        // after a panic there is nothing to do until the next command
        if guarded(engine, Engine::step).unwrap_or(false) {
            continue;
        }
        match runtime.block_on(news(commands, &engine.answered())) {
            News::Command(command) => {
                guarded(engine, |engine| engine.accept(command));
            }
            News::Ready => {}
            News::Stopped => break,
        }
    }
    engine.stop();
}

/// A panic fails the responses under way, and no more.
fn guarded<'m, T>(engine: &mut Engine<'m>, work: impl FnOnce(&mut Engine<'m>) -> T) -> Option<T> {
    // whatever state it leaves is thrown away by `recover`
    let outcome = catch_unwind(AssertUnwindSafe(|| work(engine)));
    if outcome.is_err() {
        tracing::error!("the language model's engine had a fault; its responses are lost");
        engine.recover();
    }
    outcome.ok()
}

/// Waits on every response under way: each of them lacked something in the step that was empty,
/// and may have it by now.
async fn news(commands: &mut Receiver<Command>, answered: &[&Talk]) -> News {
    let mut command = pin!(commands.recv());
    let mut waiting: Vec<_> = answered.iter().map(|talk| Box::pin(talk.ready())).collect();
    poll_fn(|context| {
        if let Poll::Ready(command) = command.as_mut().poll(context) {
            return Poll::Ready(command.map_or(News::Stopped, News::Command));
        }
        if waiting.iter_mut().any(|ready| ready.as_mut().poll(context).is_ready()) {
            return Poll::Ready(News::Ready);
        }
        Poll::Pending
    })
    .await
}
