//! The model, its memory and all conversations in it, a step at a time. One thread owns it.

mod holding;
mod seating;

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{CancelOnDrop, Cancelled, EngineMetrics, cancellation};
use llama_cpp_2::{DecodeError, context::LlamaContext, llama_batch::LlamaBatch, model::LlamaModel};

use super::{
    Config,
    missed::SHARED,
    prompt::{Prompter, Room},
    stats::{Metrics, set},
    talk::{Answer, Talk, check, sampler},
    text::Text,
    weights,
};
use crate::{
    LlmError, Message, Options, Outlet,
    step::{Share, plan},
};

/// How long a response can wait for its first step without being noticed.
const PATIENCE: Duration = Duration::from_millis(250);

/// What conversations ask of the engine.
pub(super) enum Command {
    /// Continue these messages.
    Respond(Request),
    /// Read the beginning of a prompt that will come.
    ReadAhead { talk: TalkId, messages: Vec<Message> },
    /// Read a system prompt that conversations will begin with.
    Share { messages: Vec<Message> },
    /// The conversation of this number has gone.
    Gone(u64),
    /// Panics, as a fault in a backend would.
    #[cfg(test)]
    Panic,
}

/// Which conversation asks, and whether it is still there.
#[derive(Clone)]
pub(super) struct TalkId {
    pub(super) id: u64,
    pub(super) closed: Cancelled,
}

/// A response to be made.
pub(super) struct Request {
    pub(super) talk: TalkId,
    pub(super) messages: Vec<Message>,
    pub(super) options: Options,
    pub(super) outlet: Outlet,
    pub(super) asked: Instant,
}

pub(super) struct Engine<'m> {
    model: &'m LlamaModel,
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    prompter: Prompter,
    /// The first is nobody's: it holds the system prompt that new conversations copy.
    talks: Vec<Talk>,
    /// Sequences that are nobody's.
    free: Vec<i32>,
    /// How many have asked so far.
    tickets: u64,
    config: Config,
    /// Whether the model can forget the end of what it has read and keep the beginning; models
    /// with a recurrent state cannot.
    rewinds: bool,
    step: u64,
    metrics: Rc<EngineMetrics>,
    counters: Metrics,
    _shared_stays: CancelOnDrop,
}

impl<'m> Engine<'m> {
    /// An engine for this model, with a sequence for each slot and one for the system prompt.
    pub(super) fn new(
        model: &'m LlamaModel,
        config: Config,
        metrics: EngineMetrics,
        counters: Metrics,
    ) -> Result<Self, LlmError> {
        let context = weights::open(model, &config)?;
        let (stays, closed) = cancellation();
        Ok(Self {
            model,
            context,
            batch: LlamaBatch::new(config.longest_step(), 1),
            prompter: Prompter::new(model)?,
            talks: vec![Talk::new(0, Some(0), closed)],
            free: (1..).take(config.slots).collect(),
            tickets: 0,
            config,
            rewinds: !model.is_recurrent() && !model.is_hybrid(),
            step: 0,
            metrics: Rc::new(metrics),
            counters,
            _shared_stays: stays,
        })
    }

    /// Takes up a command. Errors go to the stream of the response.
    pub(super) fn accept(&mut self, command: Command) {
        self.sweep();
        match command {
            Command::Respond(request) => self.respond(request),
            Command::ReadAhead { talk, messages } => self.read_ahead(&talk, &messages),
            Command::Share { messages } => {
                // what cannot be shared is read by each conversation
                let _ = self.aim_ahead(SHARED, &messages);
            }
            Command::Gone(id) => {
                if let Some(place) = self.known(id) {
                    self.remove(place);
                }
            }
            #[cfg(test)]
            Command::Panic => panic!("as the test wants it"),
        }
        self.seat();
        self.note_held();
    }

    /// Computes one batch for all who want something; `false` if there is nothing to do. All
    /// commands that were sent before must have been taken up.
    pub(super) fn step(&mut self) -> bool {
        self.sweep();
        let in_doubt = self.reclaim();
        self.seat();
        let wants: Vec<_> = self.talks.iter().map(Talk::wants).collect();
        let shares = plan(&wants, self.config.prefill_chunk);
        if shares.is_empty() {
            self.note_held();
            return in_doubt;
        }
        self.step += 1;
        self.counters.steps.inc();
        let outputs = self.fill(&shares);
        let metrics = Rc::clone(&self.metrics);
        let running = metrics.batch_of(shares.len());
        let decoded = self.context.decode(&mut self.batch);
        match decoded {
            Ok(()) => {
                for share in &shares {
                    self.commit(*share);
                }
                for (talk, row) in outputs {
                    self.next_token(talk, row);
                }
            }
            Err(DecodeError::NoKvCacheSlot) => self.make_room(&shares),
            Err(error) => {
                for share in &shares {
                    let reason = LlmError::Model(error.to_string());
                    self.talks[share.talk].fail(reason, &metrics);
                    self.forget(share.talk);
                }
            }
        }
        drop(running);
        self.note_held();
        true
    }

    /// The conversations that have a response under way.
    pub(super) fn answered(&self) -> Vec<&Talk> {
        self.talks.iter().filter(|talk| talk.answer.is_some()).collect()
    }

    /// After a panic nothing is known of the model's memory: all responses fail, all is forgotten.
    pub(super) fn recover(&mut self) {
        self.metrics.count_panic();
        for talk in &mut self.talks {
            talk.fail(LlmError::Model("a fault in the engine".to_owned()), &self.metrics);
            talk.tokens.clear();
            talk.held = 0;
        }
        self.context.clear_kv_cache();
        self.note_held();
    }

    /// The engine ends: so do all responses.
    pub(super) fn stop(&mut self) {
        for talk in &mut self.talks {
            talk.fail(LlmError::Stopped, &self.metrics);
        }
    }

    /// Ends responses that nobody wants and those that were in line for too long, and forgets
    /// conversations that neither have a sequence nor wait for one.
    fn sweep(&mut self) {
        let now = Instant::now();
        for talk in &mut self.talks {
            if talk.answer.as_ref().is_some_and(Answer::is_unwanted) {
                talk.end_answer(&self.metrics);
            }
            if talk.has_waited_for(self.config.patience, now) {
                self.metrics.count_refused();
                talk.fail(LlmError::Overloaded, &self.metrics);
            }
        }
        self.talks.retain(|talk| talk.sequence.is_some() || talk.answer.is_some());
    }

    fn respond(&mut self, request: Request) {
        let Request { talk, messages, options, outlet, asked } = request;
        if outlet.is_unwanted() || talk.closed.is_cancelled() {
            return;
        }
        if self.line_is_full() && self.known(talk.id).is_none() {
            self.metrics.count_refused();
            return outlet.fail(LlmError::Overloaded);
        }
        match self.prepare(&talk, &messages, &options) {
            Ok((place, left)) => {
                let chosen = sampler(&options, self.config.seed, self.model.n_vocab());
                let text = Text::new(self.endings());
                let mut answer = Answer::new(outlet, chosen, text, left, asked);
                if !self.rewinds {
                    // all that was ever said would be read again if it is not heard
                    answer.park();
                }
                self.talks[place].answer = Some(answer);
            }
            Err(error) => outlet.fail(error),
        }
    }

    /// What a response ends with.
    fn endings(&self) -> Arc<[String]> {
        if self.config.endless { Arc::default() } else { self.prompter.markers() }
    }

    /// Aims the conversation at its prompt; returns its place and how long the response may get.
    fn prepare(
        &mut self,
        talk: &TalkId,
        messages: &[Message],
        options: &Options,
    ) -> Result<(usize, usize), LlmError> {
        check(options)?;
        let place = self.place_of(talk);
        self.talks[place].end_answer(&self.metrics);
        let context = self.config.context_tokens as usize;
        let longest = usize::try_from(options.max_tokens).unwrap_or(usize::MAX);
        // however long a response may get, half of the context stays for the prompt
        let room = Room { context, response: longest.min(context / 2) };
        let texts = &mut self.talks[place].texts;
        let prompt = self.prompter.response(self.model, messages, texts, room)?;
        let left = longest.min(context - prompt.tokens.len()).max(1);
        // the last token is computed again if need be: the response begins with its outcome
        let known = prompt.tokens.len() - 1;
        self.aim(place, prompt, known);
        Ok((place, left))
    }

    fn read_ahead(&mut self, talk: &TalkId, messages: &[Message]) {
        if talk.closed.is_cancelled() {
            return;
        }
        // whatever goes wrong here is said when the response is asked for
        let place = self.place_of(talk);
        if self.talks[place].answer.is_none() {
            let _ = self.aim_ahead(place, messages);
        }
    }

    fn aim_ahead(&mut self, place: usize, messages: &[Message]) -> Result<(), LlmError> {
        let context = self.config.context_tokens as usize;
        let room = Room { context, response: context / 4 };
        let texts = &mut self.talks[place].texts;
        let prompt = self.prompter.beginning(self.model, messages, texts, room)?;
        let known = prompt.tokens.len();
        self.aim(place, prompt, known);
        Ok(())
    }

    /// The place of the conversation of this number, if anything is known of it.
    fn known(&self, id: u64) -> Option<usize> {
        self.talks.iter().position(|known| known.id == id)
    }

    /// The place of this conversation, which asks for something. If it is new it is in line for a
    /// sequence.
    fn place_of(&mut self, talk: &TalkId) -> usize {
        let place = self.known(talk.id).unwrap_or_else(|| {
            self.talks.push(Talk::new(talk.id, None, talk.closed.clone()));
            self.talks.len() - 1
        });
        self.tickets += 1;
        self.talks[place].ticket = self.tickets;
        place
    }

    /// Lays the shares into the batch; returns whose next token comes out at which row.
    fn fill(&mut self, shares: &[Share]) -> Vec<(usize, i32)> {
        self.batch.clear();
        let mut outputs = Vec::new();
        for share in shares {
            let talk = &mut self.talks[share.talk];
            let sequence = talk.sequence.expect("who has none wants nothing");
            if let Some(answer) = &mut talk.answer {
                if let Some(waited) = answer.begin() {
                    self.metrics.waited(waited, PATIENCE);
                }
                if answer.is_speculative() {
                    self.counters.speculated.inc_by(share.tokens as u64);
                }
            }
            let end = talk.held + share.tokens;
            for place in talk.held..end {
                let last = place + 1 == talk.tokens.len() && talk.answer.is_some();
                if last {
                    outputs.push((share.talk, self.batch.n_tokens()));
                }
                self.batch
                    .add(talk.tokens[place], position(place), &[sequence], last)
                    .expect("a plan fits the batch: a chunk, and a token for each slot");
            }
        }
        outputs
    }

    fn commit(&mut self, share: Share) {
        let talk = &mut self.talks[share.talk];
        talk.held += share.tokens;
        talk.last_step = self.step;
        let prefilled = share.tokens - usize::from(talk.has_begun());
        self.counters.prefilled.inc_by(prefilled as u64);
    }

    /// Draws the token that follows; the response ends or goes on with it.
    fn next_token(&mut self, place: usize, row: i32) {
        if !self.talks[place].has_begun() {
            self.share_system_prompt(place);
        }
        let talk = &mut self.talks[place];
        let Some(answer) = &mut talk.answer else { return };
        let token = answer.sampler().sample(&self.context, row);
        self.counters.generated.inc();
        let vocabulary = self.model.vocab();
        let ended = vocabulary.is_eog(token) && !self.config.endless;
        let goes_on = !ended && answer.take(&self.prompter.spoken(self.model, token));
        if goes_on {
            talk.tokens.push(token);
            return;
        }
        answer.flush();
        talk.end_answer(&self.metrics);
    }

    fn note_held(&self) {
        let own = &self.talks[SHARED + 1..];
        set(&self.counters.conversations, own.iter().filter(|talk| talk.held > 0).count());
        set(&self.counters.held, self.talks.iter().map(|talk| talk.held).sum());
        set(&self.counters.sequences, self.config.slots - self.free.len());
        set(&self.counters.waiting, self.in_line());
    }
}

/// A place in a sequence as llama.cpp counts it.
fn position(place: usize) -> i32 {
    i32::try_from(place).expect("a context has fewer tokens than i32 counts")
}
