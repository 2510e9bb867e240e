//! The conversation as decisions: what happens is put in, what is to be done comes out. No clock,
//! no models and no sockets, so that a recorded conversation can be replayed exactly.

mod answering;
mod floor;
mod hearing;
mod obeying;

use std::{sync::Arc, time::Duration};

use audio::MediaTime;
use turn::TurnDetector;

use self::{
    floor::Floor,
    hearing::{Hearing, Others},
};
use crate::{
    Action, Config, Event, Failure, History, Input, Metrics, ResponseId, State, Summary,
    answer::Answer,
};

/// One caller's conversation, but for the models and the sound.
#[derive(Debug)]
pub struct Dialogue {
    config: Arc<Config>,
    metrics: Metrics,
    actions: Vec<Action>,
    /// Time since the session began.
    now: Duration,
    /// The end of the newest frame in the caller's audio.
    heard_until: MediaTime,
    /// When that frame arrived.
    arrived: Duration,
    turn: TurnDetector,
    hearing: Hearing,
    history: History,
    answer: Option<Answer>,
    floor: Floor,
    /// Until when sound over the answer is taken for its echo.
    echoes_until: Duration,
    /// How the last answer ended that was heard to its end where echoes are.
    last_words: String,
    last_response: ResponseId,
    voice: Option<Arc<str>>,
    /// Whether the client reports its playback and can pause it.
    client_pauses: bool,
    away: bool,
    /// Since when nothing has happened.
    quiet_since: Duration,
    /// Whether the caller has been asked, since they last said something, if they are there.
    asked: bool,
    shown: State,
    summary: Summary,
}

impl Dialogue {
    /// A conversation in which nothing has been said.
    pub fn new(config: Arc<Config>, metrics: Metrics) -> Self {
        Self {
            metrics,
            actions: Vec::new(),
            now: Duration::ZERO,
            heard_until: MediaTime::ZERO,
            arrived: Duration::ZERO,
            turn: TurnDetector::new(config.turn.clone(), config.speed),
            hearing: Hearing::default(),
            history: History::new(Arc::clone(&config.system_prompt)),
            answer: None,
            floor: Floor::Clear,
            echoes_until: Duration::ZERO,
            last_words: String::new(),
            last_response: ResponseId(0),
            voice: config.voice.clone(),
            client_pauses: false,
            away: false,
            quiet_since: Duration::ZERO,
            asked: false,
            shown: State::Listening,
            summary: Summary::default(),
            config,
        }
    }

    /// Takes what happened at `now`, the time since the session began, and gives what is to be
    /// done about it, in order.
    pub fn step(&mut self, now: Duration, input: Input) -> Vec<Action> {
        self.now = self.now.max(now);
        match input {
            Input::Frame { arrived, probability, level, echo, backlog, pressure } => {
                self.arrived = arrived;
                self.hearing.others = Others { backlog, pressure };
                let probability = self.without_own_voice(probability, echo);
                self.frame(probability, level);
            }
            Input::Partial(text) => self.partly_understood(&text),
            Input::Transcript { pause, text } => self.understood(pause, &text),
            Input::Completeness { pause, probability } => self.assessed(pause, probability),
            Input::Unheard(failure) => self.unheard(failure),
            Input::Answer(text) => self.written(text),
            Input::Sentence(text) => self.with_answer(|answer, now| answer.sentence(now, &text)),
            Input::Words(ends) => self.with_answer(|answer, _| answer.ledger.words(ends)),
            Input::Sound(duration) => self.with_answer(|answer, now| answer.sound(now, duration)),
            Input::Complete(result) => self.complete(result),
            Input::Command(command) => self.obey(command),
            Input::Time => {}
        }
        self.let_time_pass();
        self.show_state();
        std::mem::take(&mut self.actions)
    }

    /// When [`step`](Self::step) must be called again at the latest, with [`Input::Time`] if
    /// nothing else happens.
    pub fn deadline(&self) -> Option<Duration> {
        let sound = self.answer.as_ref().and_then(|answer| answer.playout.due());
        [sound, self.floor.deadline(), self.heard_out_at(), self.ask_at()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether more of the response under way should be made now, or has enough of its sound been
    /// made that has not left.
    pub fn wants_more(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.playout.wants_more())
    }

    /// How much of the answer's sound has been made and not been heard at `now`.
    pub fn supply(&self, now: Duration) -> Duration {
        self.answer.as_ref().map_or(Duration::ZERO, |answer| answer.playout.unheard(now))
    }

    /// Whether the answer sounds, or has left to sound.
    pub fn is_speaking(&self) -> bool {
        self.answer.as_ref().is_some_and(Answer::has_sounded)
    }

    /// Whether the answer is held because the caller may be interrupting.
    pub fn is_contested(&self) -> bool {
        self.floor.is_contested()
    }

    /// Whether the caller's turn has begun and not ended.
    pub fn in_turn(&self) -> bool {
        self.turn.in_turn()
    }

    /// What was done so far.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// The conversation so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What it does at the moment.
    pub fn state(&self) -> State {
        match &self.answer {
            Some(answer) if !answer.is_guess() => match answer.has_sounded() {
                true if answer.playout.is_contested() => State::Paused,
                true => State::Speaking,
                false if answer.playout.is_contested() => State::Hearing,
                false => State::Thinking,
            },
            _ if self.turn.in_turn() => State::Hearing,
            _ => State::Listening,
        }
    }

    fn let_time_pass(&mut self) {
        self.contest_ends();
        self.play();
        self.hand_out();
        self.hear_out();
        self.ask();
    }

    fn show_state(&mut self) {
        let state = self.state();
        if state != State::Listening {
            self.quiet_since = self.now;
        }
        if state != self.shown {
            self.shown = state;
            self.tell(Event::State(state));
        }
    }

    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    fn tell(&mut self, event: Event) {
        self.actions.push(Action::Tell(event));
    }

    fn fail(&mut self, failure: Failure) {
        self.summary.failures += 1;
        self.metrics.failed(failure.code);
        self.tell(Event::Failed(failure));
    }

    fn with_answer(&mut self, change: impl FnOnce(&mut Answer, Duration)) {
        if let Some(answer) = &mut self.answer {
            change(answer, self.now);
        }
    }

    /// The response that the caller knows of.
    fn meant(&mut self) -> Option<&mut Answer> {
        self.answer.as_mut().filter(|answer| !answer.is_guess())
    }
}

#[cfg(test)]
mod tests;
