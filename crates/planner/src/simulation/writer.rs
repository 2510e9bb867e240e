//! The engine of the language model: a step at a time for all conversations, as
//! [`llm::step::plan`] has it.

use llm::step::{Share, Want, plan};

use super::sharing::{Owner, Sharing};
use crate::{Model, number::real};

/// Tokens of a response that may never be heard; the product's limit.
const SPECULATIVE_TOKENS: usize = 24;

/// What the model does for one caller.
#[derive(Clone, Debug, Default)]
struct Conversation {
    /// Tokens of the turn's prompt that are to be read, and that have been.
    aim: usize,
    read: usize,
    response: Option<Response>,
    /// Changes with each response, so that what a step computed for one that was dropped is not
    /// taken for the next one's.
    number: u32,
}

#[derive(Clone, Copy, Debug)]
struct Response {
    certain: bool,
    made: usize,
    total: usize,
}

/// A language model at work.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    model: &'a Model,
    /// Tokens of each conversation before its present turn.
    history: usize,
    conversations: Vec<Conversation>,
    step: Option<(u64, Vec<(Share, u32)>)>,
    /// Seconds of steps.
    pub(super) busy: f64,
}

impl<'a> Writer<'a> {
    pub(super) fn new(model: &'a Model, callers: usize, history: usize) -> Self {
        let conversations = vec![Conversation::default(); callers];
        Self { model, history, conversations, step: None, busy: 0.0 }
    }

    /// The caller's next turn begins: nothing of it has been read.
    pub(super) fn begin_turn(&mut self, who: usize) {
        let it = &mut self.conversations[who];
        (it.aim, it.read, it.response) = (0, 0, None);
        it.number += 1;
    }

    /// Reads a prompt as far as it is known.
    pub(super) fn read_ahead(&mut self, who: usize, tokens: usize) {
        let it = &mut self.conversations[who];
        if it.response.is_none() {
            it.aim = it.aim.max(tokens);
        }
    }

    /// Reads what is left of a prompt of so many tokens, and answers with so many.
    pub(super) fn respond(&mut self, who: usize, prompt: usize, total: usize, certain: bool) {
        let it = &mut self.conversations[who];
        it.aim = prompt.max(1);
        // the last token is computed again if need be: the response begins with its outcome
        it.read = it.read.min(it.aim - 1);
        it.response = Some(Response { certain, made: 0, total });
        it.number += 1;
    }

    pub(super) fn confirm(&mut self, who: usize) {
        if let Some(response) = &mut self.conversations[who].response {
            response.certain = true;
        }
    }

    pub(super) fn advance(&mut self, seconds: f64) {
        if self.step.is_some() {
            self.busy += seconds;
        }
    }

    /// Begins the next step, if none is under way and anybody wants anything.
    pub(super) fn begin(&mut self, sharing: &mut Sharing) {
        if self.step.is_some() {
            return;
        }
        let wants: Vec<Want> = self.conversations.iter().map(Conversation::wants).collect();
        let shares = plan(&wants, self.model.chunk);
        if shares.is_empty() {
            return;
        }
        let (mut responses, mut looked_at, mut prompt) = (0, 0, 0);
        for share in &shares {
            let it = &self.conversations[share.talk];
            if it.read == it.aim {
                let made = it.response.map_or(0, |response| response.made);
                responses += 1;
                looked_at += self.history + it.read + made;
            } else {
                prompt += share.tokens;
            }
        }
        let seconds = self.model.step(real(responses), real(looked_at), real(prompt));
        let threads = real(self.model.threads);
        let task = sharing.start(Owner::Step, self.model.place, threads, seconds);
        let number = |share: Share| (share, self.conversations[share.talk].number);
        self.step = Some((task, shares.into_iter().map(number).collect()));
    }

    /// The step is done; says whose next token came of it.
    pub(super) fn done(&mut self, sharing: &mut Sharing) -> Vec<usize> {
        let Some((task, shares)) = self.step.take() else { return Vec::new() };
        sharing.stop(task);
        let commit = |(share, number): &(Share, u32)| {
            let it = &mut self.conversations[share.talk];
            (it.number == *number && it.commit(share.tokens)).then_some(share.talk)
        };
        shares.iter().filter_map(commit).collect()
    }
}

impl Conversation {
    fn wants(&self) -> Want {
        let missing = self.aim.saturating_sub(self.read);
        match self.response {
            None if missing > 0 => Want::Ahead(missing),
            Some(response) if response.made >= response.total => Want::Nothing,
            Some(Response { certain: true, .. }) if missing > 0 => Want::Answer(missing),
            Some(Response { certain: true, .. }) => Want::Next,
            Some(_) if missing > 0 => Want::Speculative(missing),
            Some(response) if response.made < SPECULATIVE_TOKENS => Want::Speculative(1),
            None | Some(_) => Want::Nothing,
        }
    }

    /// So many tokens have been computed; says whether the response's next one came of it.
    fn commit(&mut self, tokens: usize) -> bool {
        self.read = (self.read + tokens).min(self.aim);
        let Some(response) = self.response.as_mut().filter(|_| self.read == self.aim) else {
            return false;
        };
        response.made += 1;
        true
    }
}
