//! What the caller asks for other than by speaking.

use std::{sync::Arc, time::Duration};

use super::Dialogue;
use crate::{Action, Command, Done, Event, Failure, ResponseId, playout::Hold, timings::TurnTimes};

impl Dialogue {
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Hello => self.client_pauses = true,
            Command::Text(text) => self.typed(&text),
            Command::StopSpeaking => {
                self.drop_answer("the caller asked for it");
                self.done(Done::StopSpeaking);
            }
            Command::Clear => self.clear(),
            Command::SetSpeed(slider) => {
                self.turn.set_speed(turn::Speed::from_slider(slider));
                self.done(Done::SetSpeed(slider));
            }
            Command::SetVoice(voice) => self.set_voice(&voice),
            Command::SetInstructions(text) => self.set_instructions(&text),
            Command::Heard { response, until, playing } => self.reported(response, until, playing),
            Command::PlaybackStarted => self.with_answer(|answer, now| answer.playout.started(now)),
            Command::PlaybackStopped => self.playback_stopped(),
            Command::Away => self.lost(),
            Command::Back => self.found(),
        }
    }

    fn done(&mut self, done: Done) {
        self.tell(Event::Done(done));
    }

    fn typed(&mut self, text: &str) {
        if !text.trim().is_empty() {
            let now = self.now;
            let times = TurnTimes { speech_end: now, turn_end: now, transcript: None };
            self.answer_turn(text.trim(), times);
        }
    }

    fn clear(&mut self) {
        self.drop_answer("the conversation was cleared");
        self.drop_guess();
        self.hide_words();
        self.forget_turn();
        self.history.clear();
        self.tell(Event::Cleared);
        self.done(Done::Clear);
    }

    fn set_voice(&mut self, name: &str) {
        let voice = self.config.voices.iter().find(|voice| &***voice == name);
        match voice.cloned() {
            Some(voice) => {
                self.voice = Some(Arc::clone(&voice));
                self.done(Done::SetVoice(voice));
            }
            None => self.refuse(format!("The voice `{name}` cannot be chosen.")),
        }
    }

    fn set_instructions(&mut self, text: &str) {
        if self.config.instructions_allowed {
            self.history.instruct(Arc::from(text.trim()));
            self.done(Done::SetInstructions);
        } else {
            self.refuse("The instructions cannot be changed.");
        }
    }

    /// What was asked for is not allowed; no turn has failed.
    fn refuse(&mut self, message: impl Into<String>) {
        self.tell(Event::Failed(Failure::not_allowed(message)));
    }

    fn reported(&mut self, response: ResponseId, until: Duration, playing: bool) {
        let now = self.now;
        if let Some(answer) = self.answer.as_mut().filter(|answer| answer.id == response) {
            answer.playout.reported(now, until, playing);
        }
    }

    /// Silence after everything has left is the end; before that it is an underrun.
    fn playback_stopped(&mut self) {
        let is_end = self
            .answer
            .as_ref()
            .is_some_and(|answer| answer.end_told && !answer.playout.is_reported());
        if is_end {
            self.answer_heard();
        }
    }

    /// The connection is lost. What the caller was saying ends by itself; what they were hearing
    /// waits for them.
    fn lost(&mut self) {
        self.away = true;
        self.yield_floor_back();
        self.with_answer(|answer, now| answer.playout.hold(now, Hold::Away));
    }

    fn found(&mut self) {
        self.away = false;
        self.quiet_since = self.now;
        self.tell(Event::History(self.history.turns()));
        self.tell(Event::State(self.state()));
        let now = self.now;
        let Some(answer) = &mut self.answer else { return };
        let again = answer.playout.rewind(now);
        answer.playout.release(now, Hold::Away);
        answer.end_told &= again == 0;
        let (response, is_meant) = (answer.id, !answer.is_guess());
        let interrupted = false;
        let event = if answer.final_told {
            // for a page that was reloaded; others know it already
            Event::FinalAnswer { response, text: answer.final_words(), interrupted }
        } else {
            Event::PartialAnswer { response, text: answer.text.clone() }
        };
        let is_shown = is_meant && !answer.text.is_empty();
        if again > 0 {
            self.act(Action::Rewind(again));
        }
        if is_shown {
            self.tell(event);
        }
    }
}
