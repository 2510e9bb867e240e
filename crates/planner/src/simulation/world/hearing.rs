//! Hearing a caller: partial transcripts, pauses, and when the turn is over.

use engine::Class;

use super::World;
use crate::{
    simulation::{
        caller::{Turn, What, sure_tokens},
        line::{Job, Purpose},
    },
    throughput::{FRAME, PARTIALS, PRE_ROLL},
};

/// Silence after which the words are asked for, and after which the turn may be over, in whole
/// frames: 96 and 200 ms.
const MICRO_PAUSE: f64 = 3.0 * FRAME;
const PAUSE: f64 = 7.0 * FRAME;
/// A frame of the microphone: an end of speech lies anywhere within one.
const MICROPHONE: f64 = 0.020;
/// What resampling holds back, each way.
pub(super) const RESAMPLING: f64 = 0.009;
/// How long transcripts and first sounds may wait, and partial transcripts.
pub(super) const PATIENCE: f64 = 0.150;
const PARTIAL_PATIENCE: f64 = 1.0;
/// Requests of others that make partial transcripts rarer, and end them and guesses.
const BUSY: usize = 1;
pub(super) const VERY_BUSY: usize = 4;
/// Longer speech is transcribed in pieces.
const PIECE: f64 = 8.0;
/// How long speech stops where it looks like the end for a moment: longer than a micro-pause, and
/// shorter than a pause.
const HESITATION: f64 = 0.15;
/// The silence within speech, and the one after it.
const WITHIN: u32 = 0;
const AFTER: u32 = 1;

impl World<'_> {
    pub(super) fn begin_turn(&mut self, who: usize) {
        let caller = &mut self.callers[who];
        caller.number += 1;
        caller.turn = Turn::draw(self.talk, &mut self.random, self.now);
        let speech = caller.turn.speech;
        self.writer.begin_turn(who);
        for line in [&mut self.stt, &mut self.endpointing, &mut self.tts] {
            line.forget(|job| job.who == who, &mut self.sharing);
        }
        self.note(who, PARTIALS.0, What::Partial);
        let mut at = self.until_hesitation();
        while at + HESITATION < speech {
            self.note(who, at, What::Hesitation);
            self.note(who, at + HESITATION, What::Resumed);
            at += HESITATION + self.until_hesitation();
        }
        self.note(who, speech, What::Ended);
    }

    fn until_hesitation(&mut self) -> f64 {
        match self.talk.hesitations {
            none if none <= 0.0 => f64::INFINITY,
            each_second => self.random.waiting(1.0 / each_second),
        }
    }

    pub(super) fn ask_for_partial(&mut self, who: usize) {
        if self.callers[who].turn.ended.is_some() {
            return;
        }
        let backlog = self.stt.backlog();
        if backlog < VERY_BUSY {
            let spoken = self.now - self.callers[who].turn.began;
            let tokens = sure_tokens(self.talk, spoken);
            let due = self.now + PARTIAL_PATIENCE;
            self.transcribe(who, Purpose::Partial(tokens), Class::Passing, due);
        }
        let period = if backlog >= BUSY { 2.0 * PARTIALS.1 } else { PARTIALS.1 };
        self.note(who, period, What::Partial);
    }

    pub(super) fn hesitates(&mut self, who: usize) {
        if self.stt.backlog() < BUSY {
            let due = self.now + PATIENCE;
            self.transcribe(who, Purpose::Words(WITHIN), Class::Guess, due);
        }
    }

    pub(super) fn resumes(&mut self, who: usize) {
        let in_vain = |job: &Job| job.who == who && job.purpose == Purpose::Words(WITHIN);
        self.stt.forget(in_vain, &mut self.sharing);
    }

    pub(super) fn ends(&mut self, who: usize) {
        self.callers[who].turn.ended = Some(self.now);
        // where in the frames of microphone and detector the end lies
        let noticed = self.random.within(MICROPHONE) + self.random.within(FRAME) + RESAMPLING;
        self.note(who, noticed + MICRO_PAUSE, What::MicroPause);
        self.note(who, noticed + PAUSE, What::Pause);
        if self.callers[who].turn.is_late {
            let after = self.random.one_of(&self.talk.late_after).copied().unwrap_or(PAUSE);
            self.note(who, noticed + after.max(PAUSE), What::WaitedFor);
        }
    }

    pub(super) fn micro_pause(&mut self, who: usize) {
        if self.stt.backlog() < BUSY {
            self.transcribe_all(who, Class::Guess);
        }
    }

    pub(super) fn pause(&mut self, who: usize) {
        self.callers[who].turn.is_long = true;
        if self.callers[who].turn.asked {
            self.stt.confirm(who);
        } else {
            self.transcribe_all(who, Class::Now);
        }
        let due = self.now + PATIENCE;
        let purpose = Purpose::Completeness(AFTER);
        let job = Job { who, purpose, class: Class::Now, due, size: 0.0 };
        self.endpointing.push(job, &self.names, self.now, &mut self.sharing);
        self.prepare(who);
    }

    fn transcribe_all(&mut self, who: usize, class: Class) {
        self.callers[who].turn.asked = true;
        self.transcribe(who, Purpose::Words(AFTER), class, self.now + PATIENCE);
    }

    fn transcribe(&mut self, who: usize, purpose: Purpose, class: Class, due: f64) {
        let turn = &self.callers[who].turn;
        let spoken = turn.ended.map_or(self.now - turn.began, |_| turn.speech);
        let size = (spoken + PRE_ROLL).min(PIECE);
        let job = Job { who, purpose, class, due, size };
        self.stt.push(job, &self.names, self.now, &mut self.sharing);
    }

    /// The recogniser, or the endpointing model, has done this job.
    pub(super) fn heard(&mut self, job: &Job) {
        let who = job.who;
        let turn = &mut self.callers[who].turn;
        match job.purpose {
            Purpose::Partial(tokens) if turn.ended.is_none() => self.writer.read_ahead(who, tokens),
            Purpose::Words(AFTER) => {
                turn.understood = true;
                self.prepare(who);
                self.decide(who);
            }
            Purpose::Words(_) => {
                let tokens = sure_tokens(self.talk, self.now - turn.began);
                self.writer.read_ahead(who, tokens);
            }
            Purpose::Completeness(_) if !turn.is_late => self.sounds_complete(who),
            Purpose::Partial(_) | Purpose::Completeness(_) | Purpose::Sentence => {}
        }
    }

    pub(super) fn sounds_complete(&mut self, who: usize) {
        self.callers[who].turn.is_complete = true;
        self.decide(who);
    }
}
