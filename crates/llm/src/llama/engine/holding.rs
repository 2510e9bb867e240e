//! What conversations hold in the model's memory.

use super::{
    super::{
        missed::{Rank, SHARED, least_missed},
        prompt::Prompt,
        talk::Talk,
    },
    Engine,
};
use crate::{LlmError, step::Share};

impl Engine<'_> {
    /// Lets the conversation compute `prompt`, but for what is known of its beginning, at most
    /// `known` tokens: from its own last turn, or from the shared system prompt.
    pub(super) fn aim(&mut self, place: usize, prompt: Prompt, known: usize) {
        let own = common(&self.talks[place], &prompt, known);
        self.rewind(place, own);
        let talk = &mut self.talks[place];
        talk.tokens = prompt.tokens;
        talk.system = prompt.system;
        talk.last_step = self.step;
        self.begin_with_shared(place, known);
        self.counters.reused.inc_by(self.talks[place].held as u64);
    }

    /// Lets the conversation begin with the shared system prompt if it knows less than that, at
    /// most with `known` tokens. The memory is shared, not copied.
    pub(super) fn begin_with_shared(&mut self, place: usize, known: usize) {
        if place == SHARED || self.talks[place].sequence.is_none() {
            return;
        }
        let (shared, talk) = (&self.talks[SHARED], &self.talks[place]);
        let held = shared.tokens[..shared.held].iter();
        let common =
            held.zip(&talk.tokens).take_while(|(held, new)| held == new).count().min(known);
        let copies = self.rewinds || common == shared.held;
        if common > talk.held && copies {
            self.copy(SHARED, place, common);
        }
    }

    /// Keeps the system prompt of this conversation for those that will come.
    pub(super) fn share_system_prompt(&mut self, place: usize) {
        let (shared, talk) = (&self.talks[SHARED], &self.talks[place]);
        let prompt = &talk.tokens[..talk.system.min(talk.held)];
        let known = shared.tokens.starts_with(prompt) && shared.held >= prompt.len();
        if self.rewinds && !prompt.is_empty() && !known {
            let prompt = prompt.to_vec();
            let length = prompt.len();
            self.talks[SHARED].tokens = prompt;
            self.copy(place, SHARED, length);
        }
    }

    /// Lets one talk hold the first `length` tokens of another, which are its own as well.
    fn copy(&mut self, from: usize, to: usize, length: usize) {
        self.free_memory(to);
        let (Some(source), Some(target)) = (self.talks[from].sequence, self.talks[to].sequence)
        else {
            return;
        };
        let end = self.rewinds.then(|| position(length).unsigned_abs());
        if self.context.copy_kv_cache_seq(source, target, Some(0), end).is_ok() {
            self.talks[to].held = length;
        }
    }

    /// Keeps the first `length` tokens in memory, or none if the model cannot.
    fn rewind(&mut self, place: usize, length: usize) {
        let talk = &mut self.talks[place];
        let Some(sequence) = talk.sequence.filter(|_| length < talk.held) else { return };
        let from = position(length).unsigned_abs();
        let removed =
            self.context.clear_kv_cache_seq(Some(sequence.unsigned_abs()), Some(from), None);
        if removed == Ok(true) {
            talk.held = length;
        } else {
            self.free_memory(place);
        }
    }

    pub(super) fn forget(&mut self, place: usize) {
        self.talks[place].tokens.clear();
        self.free_memory(place);
    }

    /// Lets the conversation compute all its tokens again.
    pub(super) fn free_memory(&mut self, place: usize) {
        let talk = &mut self.talks[place];
        talk.held = 0;
        if let Some(sequence) = talk.sequence {
            // removing a whole sequence always succeeds
            let _ = self.context.clear_kv_cache_seq(Some(sequence.unsigned_abs()), None, None);
        }
    }

    /// Gives up what is [`least_missed`] when the memory is full. A response that somebody takes
    /// fails, any other one only has everything to compute again once it goes on.
    pub(super) fn make_room(&mut self, shares: &[Share]) {
        // llama.cpp has undone the step; this also covers one that it did in part
        for share in shares {
            let talk = &self.talks[share.talk];
            let Some(sequence) = talk.sequence else { continue };
            let from = Some(position(talk.held).unsigned_abs());
            let _ = self.context.clear_kv_cache_seq(Some(sequence.unsigned_abs()), from, None);
        }
        let Some((place, rank)) = least_missed(&self.talks) else { return };
        self.counters.evicted.inc();
        let talk = &mut self.talks[place];
        match (rank, &mut talk.answer) {
            (Rank::Speculates, Some(answer)) => {
                answer.park();
                self.free_memory(place);
            }
            (Rank::Stalls, _) => self.free_memory(place),
            _ => {
                talk.fail(LlmError::Overloaded, &self.metrics);
                self.forget(place);
            }
        }
    }
}

/// How many tokens, at most `known`, the talk holds that the prompt begins with.
fn common(talk: &Talk, prompt: &Prompt, known: usize) -> usize {
    let held = talk.tokens[..talk.held].iter();
    held.zip(&prompt.tokens).take_while(|(held, new)| held == new).count().min(known)
}

/// A place in a sequence as llama.cpp counts it.
pub(super) fn position(place: usize) -> i32 {
    i32::try_from(place).expect("a context has fewer tokens than i32 counts")
}
