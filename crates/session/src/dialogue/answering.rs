//! Answering: guessed or meant, made, handed out, heard.

use std::{sync::Arc, time::Duration};

use super::{
    Dialogue,
    floor::{ECHOES_LAST, Floor},
};
use crate::{
    Action, Event, Failure, ResponseId,
    answer::Answer,
    playout::{Hold, Playout},
    timings::{TurnTimes, millis},
};

/// How alike the last words must be for an answer to the one text to answer the other; the
/// original's.
const SAME_MEANING: f64 = 0.95;

impl Dialogue {
    /// Begins the answer to what may be the whole turn. Nobody learns of it before it is certain.
    pub(super) fn guess(&mut self, text: &str) {
        if let Some(guess) = &self.answer {
            if turn::similarity(&guess.to, text) >= SAME_MEANING {
                return;
            }
            self.drop_guess();
        }
        let text: Arc<str> = Arc::from(text);
        let prompt = self.history.prompt_with(&text);
        self.respond(text, prompt, None);
    }

    /// Answers a turn of the caller, which is over.
    pub(super) fn answer_turn(&mut self, text: &str, times: TurnTimes) {
        let is_guessed = self.answer.as_ref().is_some_and(|answer| {
            answer.is_guess() && turn::similarity(&answer.to, text) >= SAME_MEANING
        });
        if !is_guessed {
            self.drop_guess();
            self.drop_answer("a new turn");
        }
        let text: Arc<str> = Arc::from(text);
        self.summary.turns += 1;
        self.metrics.turn();
        self.asked = false;
        tracing::debug!(%text, "the caller said");
        self.tell(Event::FinalTranscript(Arc::clone(&text)));
        self.history.caller_said(Arc::clone(&text));
        if is_guessed {
            self.confirm(times);
        } else {
            let prompt = self.history.prompt();
            self.respond(text, prompt, Some(times));
        }
    }

    fn confirm(&mut self, times: TurnTimes) {
        let now = self.now;
        let Some(answer) = &mut self.answer else { return };
        answer.confirm(now, times);
        let (response, text) = (answer.id, answer.text.clone());
        self.last_response = response;
        self.metrics.guessed_right();
        self.act(Action::Confirm);
        self.show_answer(response, text);
    }

    fn respond(&mut self, to: Arc<str>, prompt: Vec<llm::Message>, times: Option<TurnTimes>) {
        let response = ResponseId(self.last_response.0 + 1);
        let lead = if self.client_pauses { self.config.lead } else { self.config.plain_lead };
        let playout = Playout::new(lead, self.client_pauses);
        let mut answer = Answer::begin(response, to, self.now, playout);
        if let Some(times) = times {
            // a guess that comes to nothing leaves no number behind
            self.last_response = response;
            answer.confirm(self.now, times);
        }
        if self.away {
            answer.playout.hold(self.now, Hold::Away);
        }
        self.answer = Some(answer);
        let (voice, speculative) = (self.voice.clone(), times.is_none());
        self.act(Action::Respond { response, prompt, voice, speculative });
    }

    /// Lets go of an answer that nobody knows of.
    pub(super) fn drop_guess(&mut self) {
        if let Some(guess) = self.answer.take_if(|answer| answer.is_guess()) {
            self.metrics.guessed_wrong();
            self.act(Action::Drop(guess.id));
        }
    }

    pub(super) fn written(&mut self, text: String) {
        let now = self.now;
        let Some(answer) = &mut self.answer else { return };
        answer.written(now, text.clone());
        let response = answer.id;
        if !answer.is_guess() {
            self.show_answer(response, text);
        }
    }

    fn show_answer(&mut self, response: ResponseId, text: String) {
        if !text.is_empty() {
            self.tell(Event::PartialAnswer { response, text });
        }
    }

    pub(super) fn complete(&mut self, result: Result<(), Failure>) {
        let Some(answer) = &mut self.answer else { return };
        if answer.is_guess() && result.is_err() {
            // it is tried again if the turn ends as guessed
            self.drop_guess();
        } else {
            answer.complete.get_or_insert(result);
        }
    }

    /// Sends the sound that is due.
    pub(super) fn play(&mut self) {
        while let Some(answer) = &mut self.answer
            && answer.playout.due().is_some_and(|due| due <= self.now)
        {
            let is_first = !std::mem::replace(&mut answer.measured, true);
            answer.playout.leave(self.now);
            self.actions.push(Action::Play);
            if is_first {
                self.sounding();
            }
        }
        if let Some(answer) = &mut self.answer {
            let heard = answer.playout.forget(self.now);
            if heard > 0 {
                self.actions.push(Action::Forget(heard));
            }
        }
    }

    /// The first sound leaves: the latency of this turn is known.
    fn sounding(&mut self) {
        let Some(answer) = &self.answer else { return };
        let (response, timings) = (answer.id, answer.timings(self.now));
        self.metrics.answered(&timings);
        let millis = |part: Option<Duration>| part.map(millis);
        tracing::info!(
            response = %response,
            turn_end_ms = millis(timings.turn_end),
            transcript_ms = millis(timings.transcript),
            first_token_ms = millis(timings.first_token),
            first_sentence_ms = millis(timings.first_sentence),
            first_audio_ms = millis(timings.first_audio),
            first_audio_sent_ms = millis(timings.first_audio_sent),
            saved_ms = millis(timings.saved),
            "turn ended"
        );
        self.tell(Event::Timings { response, timings });
    }

    /// Says so when all that comes of the response has left.
    pub(super) fn hand_out(&mut self) {
        let Some(answer) = self.answer.as_mut().filter(|answer| !answer.is_guess()) else { return };
        if !answer.is_handed_out() || answer.playout.is_held() || answer.end_told {
            return;
        }
        answer.end_told = true;
        let (response, duration) = (answer.id, answer.ledger.duration());
        let (text, is_unseen) = (answer.final_words(), answer.text.is_empty());
        let is_first = !std::mem::replace(&mut answer.final_told, true);
        let failure = answer.complete.clone().and_then(Result::err);
        if is_first && !is_unseen {
            self.tell(Event::FinalAnswer { response, text, interrupted: false });
        }
        self.tell(Event::AudioEnd { response, duration });
        if let Some(failure) = failure.filter(|_| is_first) {
            self.fail(failure);
        }
    }

    /// When the whole answer will have been heard, if all of it has left.
    pub(super) fn heard_out_at(&self) -> Option<Duration> {
        let answer = self.answer.as_ref()?;
        (answer.end_told && !answer.playout.is_held()).then(|| answer.playout.ends_at())
    }

    /// The answer has been heard to its end: now it is part of the conversation.
    pub(super) fn hear_out(&mut self) {
        if self.heard_out_at().is_some_and(|at| at <= self.now) {
            self.answer_heard();
        }
    }

    pub(super) fn answer_heard(&mut self) {
        if let Some(answer) = self.answer.take() {
            self.act(Action::Finish);
            self.floor = Floor::Clear;
            if self.now < self.echoes_until {
                self.echoes_until = self.now + ECHOES_LAST;
                self.last_words = answer.ledger.around(answer.ledger.duration());
            }
            self.history.answer_heard(&answer.words(answer.ledger.duration()));
            self.summary.answers += 1;
            self.quiet_since = self.now;
        }
    }

    /// When a caller who says nothing is to be asked whether they are there.
    pub(super) fn ask_at(&self) -> Option<Duration> {
        let is_idle = self.answer.is_none() && !self.turn.in_turn() && !self.away && !self.asked;
        Some(self.quiet_since + self.config.ask_after.filter(|_| is_idle)?)
    }

    pub(super) fn ask(&mut self) {
        if self.ask_at().is_none_or(|at| at > self.now) {
            return;
        }
        self.asked = true;
        let text = Arc::clone(&self.config.ask_with);
        let prompt = self.history.prompt_with(&text);
        let now = self.now;
        let times = TurnTimes { speech_end: now, turn_end: now, transcript: None };
        tracing::info!("asking a silent caller");
        self.respond(text, prompt, Some(times));
    }
}
