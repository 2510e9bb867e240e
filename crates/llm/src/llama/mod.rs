//! llama.cpp in this process, for any GGUF file it can load.
//!
//! One thread owns the model. In each step it computes the next token of every response and a
//! chunk of the prompts that wait, for all conversations in one batch. What a conversation has
//! read stays in the model's memory from turn to turn; the system prompt is read once for all.
//!
//! There may be any number of conversations. One that asks for something gets one of the model's
//! sequences, if need be that of the conversation that has rested longest; what was taken is read
//! again when it is needed.

#[doc(hidden)]
pub mod bare;
mod config;
mod engine;
mod missed;
mod prompt;
mod requantise;
mod seats;
mod stats;
mod talk;
mod text;
mod weights;
mod worker;

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::sync_channel,
    },
    time::Instant,
};

use ::engine::{CancelOnDrop, EngineMetrics, Thread, cancellation};
use tokio::sync::mpsc::{self, Sender, WeakSender, error::TrySendError};

use self::{
    engine::{Command, Request, TalkId},
    worker::Worker,
};
use crate::{
    Conversation, Info, LanguageModel, LlmError, Message, Options, Outlet, Role, TokenStream,
    token_stream,
};

pub use self::{
    config::Config,
    requantise::{Weights, requantise},
    stats::{Metrics, Stats},
};
pub use crate::memory::KvType;

/// Pieces a stream holds; a reader that is further behind is left out of the engine's steps until
/// it has caught up. Some seconds of speech.
const STREAM_CAPACITY: usize = 64;
/// Commands that may wait while a step runs: some of each caller of a large server. When it is full
/// further ones are refused: the engine is far behind.
const COMMANDS: usize = 4096;

/// A model that llama.cpp runs. Dropping it ends all responses and frees the model.
#[derive(Debug)]
pub struct Llama {
    // dropped before the thread, which so ends
    commands: Sender<Command>,
    opened: AtomicU64,
    info: Info,
    metrics: EngineMetrics,
    counters: Metrics,
    _thread: Thread,
}

impl Llama {
    /// Loads the model and starts its thread; returns when it can respond.
    pub fn start(
        config: Config,
        metrics: &EngineMetrics,
        counters: &Metrics,
    ) -> Result<Self, LlmError> {
        config.check()?;
        let (commands, received) = mpsc::channel(COMMANDS);
        let (ready, loaded) = sync_channel(1);
        let worker = Worker {
            config,
            metrics: metrics.clone(),
            counters: counters.clone(),
            commands: received,
            ready,
        };
        let thread = Thread::start("llm", move || worker.run())
            .map_err(|error| LlmError::Load(error.to_string()))?;
        let info = loaded.recv().unwrap_or(Err(LlmError::Stopped))?;
        tracing::info!(
            model = info.name,
            memory_bytes = info.memory_bytes,
            "loaded a language model"
        );
        Ok(Self {
            commands,
            opened: AtomicU64::new(0),
            info,
            metrics: metrics.clone(),
            counters: counters.clone(),
            _thread: thread,
        })
    }

    /// Reads a system prompt ahead, so that not even the first conversation waits for it.
    pub fn share(&self, system: &str) -> Result<(), LlmError> {
        let messages = vec![Message::new(Role::System, system)];
        send(&self.commands, Command::Share { messages }, &self.metrics)
    }

    /// What the engine has done so far.
    pub fn stats(&self) -> Stats {
        self.counters.read()
    }
}

impl LanguageModel for Llama {
    fn open(&self) -> Result<Box<dyn Conversation>, LlmError> {
        Ok(Box::new(self.conversation()))
    }

    fn info(&self) -> Info {
        self.info.clone()
    }
}

impl Llama {
    /// A conversation that the engine learns of when it asks for something.
    fn conversation(&self) -> LlamaConversation {
        let (gone, closed) = cancellation();
        let id = 1 + self.opened.fetch_add(1, Ordering::Relaxed);
        LlamaConversation {
            talk: TalkId { id, closed },
            commands: self.commands.downgrade(),
            metrics: self.metrics.clone(),
            has_asked: false,
            _gone: gone,
        }
    }
}

struct LlamaConversation {
    talk: TalkId,
    commands: WeakSender<Command>,
    metrics: EngineMetrics,
    /// Whether the engine may know of it.
    has_asked: bool,
    // dropped after the engine was told
    _gone: CancelOnDrop,
}

impl Drop for LlamaConversation {
    fn drop(&mut self) {
        let commands = self.commands.upgrade().filter(|_| self.has_asked);
        if let Some(commands) = commands {
            // if there is no room the engine is awake, and finds out by itself
            let _ = commands.try_send(Command::Gone(self.talk.id));
        }
    }
}

impl LlamaConversation {
    fn ask(
        &mut self,
        messages: &[Message],
        options: &Options,
        outlet: Outlet,
    ) -> Result<(), LlmError> {
        self.send(Command::Respond(Request {
            talk: self.talk.clone(),
            messages: messages.to_vec(),
            options: options.clone(),
            outlet,
            asked: Instant::now(),
        }))
    }

    fn send(&mut self, command: Command) -> Result<(), LlmError> {
        let commands = self.commands.upgrade().ok_or(LlmError::Stopped)?;
        self.has_asked = true;
        send(&commands, command, &self.metrics)
    }
}

fn send(
    commands: &Sender<Command>,
    command: Command,
    metrics: &EngineMetrics,
) -> Result<(), LlmError> {
    commands.try_send(command).map_err(|refused| match refused {
        TrySendError::Full(_) => {
            metrics.count_refused();
            LlmError::Overloaded
        }
        TrySendError::Closed(_) => LlmError::Stopped,
    })
}

impl Conversation for LlamaConversation {
    fn respond(
        &mut self,
        messages: &[Message],
        options: &Options,
    ) -> Result<TokenStream, LlmError> {
        let (outlet, stream) = token_stream(STREAM_CAPACITY);
        self.ask(messages, options, outlet)?;
        Ok(stream)
    }

    fn speculate(
        &mut self,
        messages: &[Message],
        options: &Options,
    ) -> Result<TokenStream, LlmError> {
        let (outlet, stream) = token_stream(STREAM_CAPACITY);
        stream.speculate();
        self.ask(messages, options, outlet)?;
        Ok(stream)
    }

    fn read_ahead(&mut self, messages: &[Message]) -> Result<(), LlmError> {
        self.send(Command::ReadAhead { talk: self.talk.clone(), messages: messages.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use std::{env::var_os, path::PathBuf};

    use ::engine::Metrics as EngineRoom;

    use super::*;

    /// The model that tests run; none if it is not there and need not be.
    pub(super) fn starter_model() -> Option<PathBuf> {
        let folder = var_os("REPARTEE_MODELS_DIR").map(PathBuf::from).or_else(|| {
            Some(PathBuf::from(var_os("HOME")?).join(".local/share/repartee/models"))
        })?;
        let file = "smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf";
        let path = folder.join(file);
        let there = path.is_file();
        assert!(there || var_os("REPARTEE_REQUIRE_MODELS").is_none(), "no {}", path.display());
        if !there {
            eprintln!("skipped: no {}", path.display());
        }
        there.then_some(path)
    }

    #[tokio::test]
    async fn a_panic_fails_the_responses_under_way_and_no_more() {
        let Some(path) = starter_model() else { return };
        let metrics = EngineRoom::unregistered().engine("llm");
        let config = Config { slots: 2, context_tokens: 512, ..Config::new(path) };
        let llama = Llama::start(config, &metrics, &Metrics::default()).unwrap();
        let mut conversation = llama.open().unwrap();
        let messages = [Message::new(Role::User, "Tell me a long story.")];
        let options = Options { max_tokens: 200, temperature: 0.0, ..Options::default() };
        let mut stream = conversation.respond(&messages, &options).unwrap();
        stream.next().await.unwrap().unwrap();
        send(&llama.commands, Command::Panic, &metrics).unwrap();
        let failed = loop {
            if let Err(error) = stream.next().await.unwrap() {
                break error;
            }
        };
        assert!(matches!(failed, LlmError::Model(_)), "{failed:?}");
        assert!(stream.next().await.is_none());
        assert_eq!(metrics.panics(), 1);
        let mut stream = conversation.respond(&messages, &options).unwrap();
        assert!(stream.next().await.unwrap().is_ok());
    }

    /// The engine has gone through all that it was asked before.
    async fn settled(llama: &Llama) {
        let mut conversation = llama.open().unwrap();
        let refused = conversation.respond(&[], &Options::default()).unwrap().next().await;
        assert!(refused.unwrap().is_err());
    }

    #[tokio::test]
    async fn a_conversation_gone_without_a_word_is_found_and_counted() {
        let Some(path) = starter_model() else { return };
        let metrics = EngineRoom::unregistered().engine("llm");
        let config = Config { slots: 2, context_tokens: 512, ..Config::new(path) };
        let llama = Llama::start(config, &metrics, &Metrics::default()).unwrap();
        let messages = [Message::new(Role::User, "Hi")];
        let options = Options { max_tokens: 1, ..Options::default() };
        for (has_word, reclaimed) in [(true, 0), (false, 1)] {
            let mut conversation = llama.conversation();
            let mut stream = conversation.respond(&messages, &options).unwrap();
            while stream.next().await.is_some() {}
            settled(&llama).await;
            assert_eq!(llama.stats().sequences, 1);
            // it says nothing when it has not asked
            conversation.has_asked = has_word;
            drop(conversation);
            // whatever wakes the engine lets it look around
            for _ in 0..1000 {
                settled(&llama).await;
                if llama.stats().sequences == 0 {
                    break;
                }
            }
            let stats = llama.stats();
            assert_eq!((stats.sequences, stats.reclaimed), (0, reclaimed), "{stats:?}");
        }
    }

    #[test]
    fn configurations_that_cannot_work_are_refused() {
        let metrics = EngineRoom::unregistered().engine("llm");
        for config in [
            Config { slots: 0, ..Config::new("x.gguf") },
            Config { slots: 256, ..Config::new("x.gguf") },
            Config { prefill_chunk: 0, ..Config::new("x.gguf") },
            Config { kv_type: KvType::Q8, flash_attention: false, ..Config::new("x.gguf") },
        ] {
            let outcome = Llama::start(config, &metrics, &Metrics::default());
            assert!(matches!(outcome, Err(LlmError::Load(_))), "{outcome:?}");
        }
    }
}
