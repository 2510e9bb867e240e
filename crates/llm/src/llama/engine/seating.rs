//! Giving the model's sequences to conversations, and taking them back.

use std::time::Instant;

use super::{
    super::{
        missed::{SHARED, rank},
        seats::{Claim, Holder, Need, Seating, seat},
        talk::Talk,
    },
    Engine,
};

/// Conversations that may wait for a sequence, for each sequence; who asks then is refused. With
/// answers of some seconds they would wait longer than a caller does.
const WAITING_PER_SLOT: usize = 4;

impl Engine<'_> {
    /// Gives sequences to those who have something to compute and none, as [`seat`] decides.
    pub(super) fn seat(&mut self) {
        let claims: Vec<Claim> = self.with_places(|place, talk| {
            Some(Claim { place, need: talk.need()?, ticket: talk.ticket })
        });
        if claims.is_empty() {
            return;
        }
        let holders: Vec<Holder> = self.with_places(|place, talk| {
            let holds = place != SHARED && talk.sequence.is_some();
            holds.then(|| Holder { place, rank: rank(place, talk), last_step: talk.last_step })
        });
        for Seating { to, from } in seat(&claims, &holders, self.free.len()) {
            let sequence = match from {
                Some(place) => self.take_seat(place),
                None => self.free.pop(),
            };
            self.talks[to].sequence = sequence;
            self.talks[to].last_step = self.step;
            self.talks[to].waits_since = None;
            let known = self.talks[to].tokens.len();
            let answers = usize::from(self.talks[to].answer.is_some());
            // the response goes on with the outcome of the last token
            self.begin_with_shared(to, known - answers);
            self.counters.reused.inc_by(self.talks[to].held as u64);
        }
        for claim in claims.iter().filter(|claim| claim.need == Need::Answer) {
            let talk = &mut self.talks[claim.place];
            if talk.sequence.is_none() {
                talk.waits_since.get_or_insert_with(Instant::now);
            }
        }
    }

    /// Whether as many wait for a sequence as may.
    pub(super) fn line_is_full(&self) -> bool {
        self.in_line() >= self.config.slots * WAITING_PER_SLOT
    }

    /// Those who are to be answered and have no sequence.
    pub(super) fn in_line(&self) -> usize {
        self.talks.iter().filter(|talk| talk.sequence.is_none() && talk.answer.is_some()).count()
    }

    /// Frees what conversations hold that have gone without a word; `true` if it is to be asked
    /// again once all commands have been taken up: a word may be on its way.
    pub(super) fn reclaim(&mut self) -> bool {
        while let Some(lost) = self.talks.iter().position(|talk| talk.in_doubt) {
            self.counters.reclaimed.inc();
            self.remove(lost);
        }
        let mut doubt = false;
        for talk in self.talks.iter_mut().filter(|talk| talk.closed.is_cancelled()) {
            talk.end_answer(&self.metrics);
            talk.in_doubt = true;
            doubt = true;
        }
        doubt
    }

    /// Forgets the conversation and frees its sequence.
    pub(super) fn remove(&mut self, place: usize) {
        self.talks[place].end_answer(&self.metrics);
        self.free_memory(place);
        self.free.extend(self.talks.swap_remove(place).sequence);
    }

    fn take_seat(&mut self, place: usize) -> Option<i32> {
        self.counters.evicted.inc();
        self.free_memory(place);
        self.talks[place].sequence.take()
    }

    fn with_places<T>(&self, look: impl Fn(usize, &Talk) -> Option<T>) -> Vec<T> {
        self.talks.iter().enumerate().filter_map(|(place, talk)| look(place, talk)).collect()
    }
}
