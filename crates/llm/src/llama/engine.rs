//! The model, its memory and all conversations in it, a step at a time. One thread owns it.

use std::{rc::Rc, sync::Arc, time::Instant};

use engine::{CancelOnDrop, Cancelled, EngineMetrics, cancellation};
use llama_cpp_2::{DecodeError, context::LlamaContext, llama_batch::LlamaBatch, model::LlamaModel};

use super::{
    Config,
    missed::{Rank, SHARED, least_missed},
    prompt::{Prompt, Prompter, Room},
    stats::{Counters, count, set},
    talk::{Answer, Talk, check, sampler},
    text::Text,
    weights,
};
use crate::{
    LlmError, Message, Options, Outlet,
    step::{Share, plan},
};

/// What conversations ask of the engine.
pub(super) enum Command {
    /// Continue these messages.
    Respond(Request),
    /// Read the beginning of a prompt that will come.
    ReadAhead { talk: TalkId, messages: Vec<Message> },
    /// Read a system prompt that conversations will begin with.
    Share { messages: Vec<Message> },
    /// Look for conversations that have gone.
    Sweep,
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
    free: Vec<i32>,
    config: Config,
    /// Whether the model can forget the end of what it has read and keep the beginning; models
    /// with a recurrent state cannot.
    rewinds: bool,
    step: u64,
    metrics: Rc<EngineMetrics>,
    counters: Arc<Counters>,
    _shared_stays: CancelOnDrop,
}

impl<'m> Engine<'m> {
    /// An engine for this model, with a sequence for each slot and one for the system prompt.
    pub(super) fn new(
        model: &'m LlamaModel,
        config: Config,
        metrics: EngineMetrics,
        counters: Arc<Counters>,
    ) -> Result<Self, LlmError> {
        let sequences = u32::try_from(config.slots + 1).unwrap_or(u32::MAX);
        let longest_step = config.prefill_chunk + config.slots;
        let batch = u32::try_from(longest_step).unwrap_or(u32::MAX);
        let context = weights::open(model, &config, sequences, batch)?;
        let (stays, closed) = cancellation();
        Ok(Self {
            model,
            context,
            batch: LlamaBatch::new(longest_step, 1),
            prompter: Prompter::new(model)?,
            talks: vec![Talk::new(0, 0, closed)],
            free: (1..).take(config.slots).collect(),
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
            Command::Sweep => {}
            #[cfg(test)]
            Command::Panic => panic!("as the test wants it"),
        }
    }

    /// Computes one batch for all who want something; `false` if there is nothing to do.
    pub(super) fn step(&mut self) -> bool {
        self.sweep();
        let wants: Vec<_> = self.talks.iter().map(Talk::wants).collect();
        let shares = plan(&wants, self.config.prefill_chunk);
        if shares.is_empty() {
            return false;
        }
        self.step += 1;
        count(&self.counters.steps, 1);
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

    /// The responses under way.
    pub(super) fn answers(&self) -> Vec<&Answer> {
        self.talks.iter().filter_map(|talk| talk.answer.as_ref()).collect()
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

    /// Ends responses that nobody wants, and frees what conversations that have gone held.
    fn sweep(&mut self) {
        for talk in &mut self.talks {
            if talk.answer.as_ref().is_some_and(Answer::is_unwanted) {
                talk.end_answer(&self.metrics);
            }
        }
        while let Some(gone) = self.talks.iter().position(|talk| talk.closed.is_cancelled()) {
            self.talks[gone].end_answer(&self.metrics);
            self.forget(gone);
            let talk = self.talks.swap_remove(gone);
            self.free.push(talk.sequence);
        }
        self.note_held();
    }

    fn respond(&mut self, request: Request) {
        let Request { talk, messages, options, outlet, asked } = request;
        if outlet.is_unwanted() || talk.closed.is_cancelled() {
            return;
        }
        match self.prepare(&talk, &messages, &options) {
            Ok((place, left)) => {
                let chosen = sampler(&options, self.config.seed, self.model.n_vocab());
                let text = Text::new(self.prompter.markers());
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

    /// Aims the conversation at its prompt; returns its place and how long the response may get.
    fn prepare(
        &mut self,
        talk: &TalkId,
        messages: &[Message],
        options: &Options,
    ) -> Result<(usize, usize), LlmError> {
        check(options)?;
        let place = self.place_of(talk)?;
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
        let Ok(place) = self.place_of(talk) else { return };
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

    /// The place of this conversation, which gets a sequence with its first request.
    fn place_of(&mut self, talk: &TalkId) -> Result<usize, LlmError> {
        if let Some(place) = self.talks.iter().position(|known| known.id == talk.id) {
            return Ok(place);
        }
        let sequence = self.free.pop().ok_or(LlmError::Overloaded)?;
        self.talks.push(Talk::new(talk.id, sequence, talk.closed.clone()));
        Ok(self.talks.len() - 1)
    }

    /// Lets the conversation compute `prompt`, but for what is known of its beginning, at most
    /// `known` tokens: from its own last turn, or from the shared system prompt.
    fn aim(&mut self, place: usize, prompt: Prompt, known: usize) {
        let common = |talk: &Talk| {
            let held = talk.tokens[..talk.held].iter();
            held.zip(&prompt.tokens).take_while(|(held, new)| held == new).count().min(known)
        };
        let own = common(&self.talks[place]);
        let shared = common(&self.talks[SHARED]);
        let copies = self.rewinds || shared == self.talks[SHARED].held;
        if place != SHARED && shared > own && copies {
            self.copy(SHARED, place, shared);
        } else {
            self.rewind(place, own);
        }
        let talk = &mut self.talks[place];
        talk.tokens = prompt.tokens;
        talk.system = prompt.system;
        talk.last_step = self.step;
        count(&self.counters.reused, talk.held);
    }

    /// Makes the first `length` tokens of one talk those of another. The memory is shared, not
    /// copied.
    fn copy(&mut self, from: usize, to: usize, length: usize) {
        self.forget(to);
        let (source, target) = (self.talks[from].sequence, self.talks[to].sequence);
        let end = self.rewinds.then(|| position(length).unsigned_abs());
        if self.context.copy_kv_cache_seq(source, target, Some(0), end).is_ok() {
            self.talks[to].tokens = self.talks[from].tokens[..length].to_vec();
            self.talks[to].held = length;
        }
    }

    /// Keeps the first `length` tokens in memory, or none if the model cannot.
    fn rewind(&mut self, place: usize, length: usize) {
        let talk = &mut self.talks[place];
        if length >= talk.held {
            return;
        }
        let sequence = talk.sequence.unsigned_abs();
        let from = position(length).unsigned_abs();
        let removed = self.context.clear_kv_cache_seq(Some(sequence), Some(from), None);
        if removed == Ok(true) {
            talk.held = length;
        } else {
            self.forget(place);
        }
    }

    fn forget(&mut self, place: usize) {
        self.talks[place].tokens.clear();
        self.free_memory(place);
    }

    /// Lets the conversation compute all its tokens again.
    fn free_memory(&mut self, place: usize) {
        let talk = &mut self.talks[place];
        talk.held = 0;
        // removing a whole sequence always succeeds
        let _ = self.context.clear_kv_cache_seq(Some(talk.sequence.unsigned_abs()), None, None);
    }

    /// Lays the shares into the batch; returns whose next token comes out at which row.
    fn fill(&mut self, shares: &[Share]) -> Vec<(usize, i32)> {
        self.batch.clear();
        let mut outputs = Vec::new();
        for share in shares {
            let talk = &mut self.talks[share.talk];
            if let Some(answer) = &mut talk.answer {
                if let Some(waited) = answer.begin() {
                    self.metrics.waited(waited);
                }
                if answer.is_speculative() {
                    count(&self.counters.speculated, share.tokens);
                }
            }
            let end = talk.held + share.tokens;
            for place in talk.held..end {
                let last = place + 1 == talk.tokens.len() && talk.answer.is_some();
                if last {
                    outputs.push((share.talk, self.batch.n_tokens()));
                }
                self.batch
                    .add(talk.tokens[place], position(place), &[talk.sequence], last)
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
        count(&self.counters.prefilled, prefilled);
    }

    /// Draws the token that follows; the response ends or goes on with it.
    fn next_token(&mut self, place: usize, row: i32) {
        if !self.talks[place].has_begun() {
            self.share_system_prompt(place);
        }
        let talk = &mut self.talks[place];
        let Some(answer) = &mut talk.answer else { return };
        let token = answer.sampler().sample(&self.context, row);
        count(&self.counters.generated, 1);
        let vocabulary = self.model.vocab();
        let ended = vocabulary.is_eog(token);
        let goes_on = !ended && answer.take(&self.prompter.spoken(self.model, token));
        if goes_on {
            talk.tokens.push(token);
            return;
        }
        answer.flush();
        talk.end_answer(&self.metrics);
    }

    /// Keeps the system prompt of this conversation for those that will come.
    fn share_system_prompt(&mut self, place: usize) {
        let (shared, talk) = (&self.talks[SHARED], &self.talks[place]);
        let prompt = &talk.tokens[..talk.system.min(talk.held)];
        let known = shared.tokens.starts_with(prompt) && shared.held >= prompt.len();
        if self.rewinds && !prompt.is_empty() && !known {
            let length = prompt.len();
            self.copy(place, SHARED, length);
        }
    }

    /// Gives up what is [`least_missed`] when the memory is full. A live response fails, a
    /// speculative one only has everything to compute again once it is confirmed.
    fn make_room(&mut self, shares: &[Share]) {
        // llama.cpp has undone the step; this also covers one that it did in part
        for share in shares {
            let talk = &self.talks[share.talk];
            let (sequence, from) = (talk.sequence.unsigned_abs(), position(talk.held));
            let from = Some(from.unsigned_abs());
            let _ = self.context.clear_kv_cache_seq(Some(sequence), from, None);
        }
        let Some((place, rank)) = least_missed(&self.talks) else { return };
        count(&self.counters.evicted, 1);
        let talk = &mut self.talks[place];
        if let (Rank::Speculates, Some(answer)) = (rank, &mut talk.answer) {
            answer.park();
            self.free_memory(place);
        } else {
            talk.fail(LlmError::Overloaded, &self.metrics);
            self.forget(place);
        }
    }

    fn note_held(&self) {
        let own = &self.talks[SHARED + 1..];
        set(&self.counters.conversations, own.iter().filter(|talk| talk.held > 0).count());
        set(&self.counters.held, self.talks.iter().map(|talk| talk.held).sum());
    }
}

/// A place in a sequence as llama.cpp counts it.
fn position(place: usize) -> i32 {
    i32::try_from(place).expect("a context has fewer tokens than i32 counts")
}
