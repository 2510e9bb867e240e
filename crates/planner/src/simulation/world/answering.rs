//! Answering a caller: the model, the voice, and what is heard of it.

use engine::Class;

use super::{
    World,
    hearing::{PATIENCE, RESAMPLING, VERY_BUSY},
};
use crate::{
    simulation::{
        caller::What,
        line::{Job, Purpose},
    },
    talk::INTERRUPTED_AFTER,
};

/// Differences of moments that are none.
const NOTHING: f64 = 1e-6;

impl World<'_> {
    /// The words are there, but the turn may go on: begins the answer, or lets the model read. What
    /// sounds unsure is not answered after a micro-pause.
    pub(super) fn prepare(&mut self, who: usize) {
        let turn = &self.callers[who].turn;
        if !turn.understood || turn.is_decided || turn.answer.is_begun {
            return;
        }
        let is_calm = self.stt.backlog() < VERY_BUSY;
        if self.talk.speculation && is_calm && (turn.is_long || !turn.is_late) {
            self.respond(who);
        } else {
            self.writer.read_ahead(who, self.talk.tokens(turn.speech));
        }
    }

    /// The turn is over, if its words are there and it sounds complete.
    pub(super) fn decide(&mut self, who: usize) {
        let turn = &mut self.callers[who].turn;
        if turn.is_decided || !turn.understood || !turn.is_complete {
            return;
        }
        turn.is_decided = true;
        if turn.answer.is_begun {
            self.writer.confirm(who);
            self.tts.confirm(who);
        } else {
            self.respond(who);
        }
        self.send(who);
        self.speak_next(who);
    }

    fn respond(&mut self, who: usize) {
        let turn = &mut self.callers[who].turn;
        turn.answer.is_begun = true;
        let (prompt, total) = (turn.prompt(self.talk), turn.answer.total());
        self.writer.respond(who, prompt, total, turn.is_decided);
    }

    pub(super) fn token_made(&mut self, who: usize) {
        self.callers[who].turn.answer.made += 1;
        self.speak_next(who);
    }

    /// Gives the voice the next part, if it is there and the one before has been made. Of an answer
    /// that may never be heard only the first is spoken.
    fn speak_next(&mut self, who: usize) {
        let turn = &mut self.callers[who].turn;
        let answer = &mut turn.answer;
        if answer.given != answer.spoken || (answer.given > 0 && !turn.is_decided) {
            return;
        }
        let Some(size) = answer.next_part(self.talk) else { return };
        let soon = self.now + PATIENCE;
        let (class, due) = match (answer.given, turn.is_decided) {
            (0, true) => (Class::Now, soon),
            (0, false) => (Class::Guess, soon),
            _ => (Class::Ahead, answer.sounds_until),
        };
        answer.given += 1;
        let purpose = Purpose::Sentence;
        let job = Job { who, purpose, class, due, size };
        self.tts.push(job, &self.names, self.now, &mut self.sharing);
    }

    /// There is something of a part's sound.
    pub(super) fn sound_begins(&mut self, who: usize) {
        let answer = &mut self.callers[who].turn.answer;
        answer.begun += 1;
        if answer.begun == 1 {
            answer.first_sound = Some(self.now);
            self.send(who);
            return;
        }
        let duration = answer.characters(self.talk) * self.hardware.character;
        self.arrives_by(who);
        self.callers[who].turn.answer.sounds_until += duration;
    }

    /// All of a part's sound is there: the next one may be spoken.
    pub(super) fn part_spoken(&mut self, who: usize) {
        self.callers[who].turn.answer.spoken += 1;
        if self.callers[who].turn.answer.heard.is_some() {
            self.arrives_by(who);
        }
        self.speak_next(who);
        let answer = &self.callers[who].turn.answer;
        if answer.is_spoken() && answer.heard.is_some() {
            let left = answer.sounds_until - self.now;
            self.note(who, left.max(0.0), What::HeardOut);
        }
    }

    /// Sound that arrives now should have been there before the one before it was over.
    fn arrives_by(&mut self, who: usize) {
        let answer = &mut self.callers[who].turn.answer;
        if self.now + RESAMPLING > answer.sounds_until + NOTHING {
            answer.sounds_until = self.now + RESAMPLING;
            self.underruns += usize::from(self.now > self.warm);
        }
    }

    /// The first sound leaves, if it is there and the turn is over.
    fn send(&mut self, who: usize) {
        let caller = &mut self.callers[who];
        let turn = &mut caller.turn;
        let Some(ended) = turn.ended.filter(|_| turn.is_decided) else { return };
        if turn.answer.first_sound.is_none() || turn.answer.heard.is_some() {
            return;
        }
        let heard = self.now + RESAMPLING + self.hardware.lead;
        turn.answer.heard = Some(heard);
        let duration = turn.answer.characters(self.talk) * self.hardware.character;
        turn.answer.sounds_until = heard + duration;
        if ended > self.warm {
            caller.latencies.push(heard - ended);
            self.answers += 1;
        }
        let turn = &self.callers[who].turn;
        if turn.is_interrupted {
            self.note(who, heard - self.now + INTERRUPTED_AFTER, What::Begin);
        } else if turn.answer.is_spoken() {
            let left = turn.answer.sounds_until - self.now;
            self.note(who, left, What::HeardOut);
        }
    }

    /// The caller thinks, and speaks again.
    pub(super) fn heard_out(&mut self, who: usize) {
        let pause = self.random.waiting(self.talk.pause);
        self.note(who, pause, What::Begin);
    }
}
