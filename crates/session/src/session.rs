//! A session as a future: feeds what happens to the dialogue, and does what it decides.

use std::{collections::VecDeque, future::pending, sync::Arc, time::Duration};

use audio::{EchoGuard, level};
use engine::Caller;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    Action, Command, Config, Dialogue, Engines, Failure, Input, Metrics, Outlet, Output, Sound,
    Tape,
    listening::{Heard, Listening},
    outlet::{Decided, Gone},
    response::{Plan, Progress, Response},
};

/// Without any sound for so long in the middle of a turn, silence is heard instead.
const QUIET: Duration = Duration::from_millis(300);
/// Frames of silence heard at once after a stall; more of it changes nothing.
const MAX_FILL: u128 = 100;
/// With so many outputs waiting for a slow connection no more sound is made and no command is
/// taken: whoever asks for more waits. What time alone makes leave (sound, at its own pace) comes on
/// top, until the connection is given up.
const MANY_WAITING: usize = 256;
/// How long after it has left sound may come back through the caller's microphone, beyond what the
/// client may hold: network, devices and room.
const ECHO_DELAY: Duration = Duration::from_secs(1);

/// Where a session's inputs come from. When either closes, the session ends.
#[derive(Debug)]
pub struct Inputs {
    /// The caller's speech. Bounded by whoever feeds it, who drops and counts what does not fit.
    pub sound: mpsc::Receiver<Sound>,
    /// What the caller asks for.
    pub commands: mpsc::Receiver<Command>,
}

/// What a session did, for the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Turns of the caller.
    pub turns: u64,
    /// Answers that were given to their end.
    pub answers: u64,
    /// Answers that were cut off.
    pub interruptions: u64,
    /// Turns that failed.
    pub failures: u64,
}

/// One caller's conversation.
pub struct Session {
    /// Who they are to the engines.
    caller: Caller,
    engines: Engines,
    config: Arc<Config>,
    metrics: Metrics,
    dialogue: Dialogue,
    outlet: Outlet,
    /// What the connection has no room for yet.
    waiting: VecDeque<Decided>,
    vad: vad::Stream,
    guard: Option<EchoGuard>,
    listening: Listening,
    model: Box<dyn llm::Conversation>,
    response: Option<Response>,
    tape: Option<Box<dyn Tape>>,
    began: Instant,
    arrived: Instant,
    away: bool,
}

enum Step {
    Command(Command),
    Room(Result<(), Gone>),
    Progress(Option<Progress>),
    Heard(Heard),
    Time,
    Sound(Sound),
    /// The client has stopped sending sound in the middle of a turn.
    Quiet,
    Closed,
}

impl Session {
    /// A new conversation. It takes a place in the language model's engine.
    pub fn open(
        engines: Engines,
        config: Arc<Config>,
        metrics: Metrics,
        outlet: Outlet,
    ) -> Result<Self, llm::LlmError> {
        let guard = config.interruption.echo_guard.then(|| {
            let longest_delay = config.lead.max(config.plain_lead) + ECHO_DELAY;
            EchoGuard::new(vad::FRAME_RATE, longest_delay)
        });
        let (stt, endpointing) = (Arc::clone(&engines.stt), engines.endpointing.clone());
        let caller = Caller::new();
        Ok(Self {
            vad: engines.vad.open(),
            guard,
            listening: Listening::new(stt, caller, endpointing, config.pre_roll),
            caller,
            model: engines.llm.open()?,
            dialogue: Dialogue::new(Arc::clone(&config), metrics.clone()),
            metrics,
            response: None,
            waiting: VecDeque::new(),
            tape: None,
            began: Instant::now(),
            arrived: Instant::now(),
            away: false,
            engines,
            config,
            outlet,
        })
    }

    /// Keeps on this tape all that happens.
    #[must_use]
    pub fn taped(self, tape: Box<dyn Tape>) -> Self {
        Self { tape: Some(tape), ..self }
    }

    /// Converses until an input or the way out closes. Dropping the future ends the session as
    /// well; either way nothing of it stays.
    pub async fn run(mut self, mut inputs: Inputs) -> Summary {
        loop {
            match self.next_step(&mut inputs).await {
                Step::Command(command) => self.obey(command),
                Step::Room(Ok(())) => {}
                Step::Room(Err(Gone)) | Step::Closed => break,
                Step::Progress(progress) => self.follow(progress),
                Step::Heard(heard) => self.understand(heard),
                Step::Time => self.take(Input::Time),
                Step::Sound(sound) => self.listen(sound).await,
                Step::Quiet => self.listen_to_silence().await,
            }
        }
        if let Some(response) = &self.response {
            tracing::info!(response = %response.id, reason = "connection closed", "response aborted");
        }
        self.dialogue.summary()
    }

    /// Waits for whatever comes next.
    async fn next_step(&mut self, inputs: &mut Inputs) -> Step {
        let deadline = self.dialogue.deadline().map(|deadline| self.began + deadline);
        let quiet = self.dialogue.in_turn().then(|| self.arrived + QUIET);
        let keeps_up = self.waiting.len() < MANY_WAITING;
        let wants_more = self.dialogue.wants_more() && keeps_up;
        // every branch is cancel-safe: channels, a poll of what `self` owns, and timers
        tokio::select! {
            biased;
            command = inputs.commands.recv(), if keeps_up => {
                command.map_or(Step::Closed, Step::Command)
            }
            room = send_next(&self.outlet, &mut self.waiting) => Step::Room(room),
            progress = next_progress(&mut self.response), if wants_more => Step::Progress(progress),
            heard = self.listening.next() => Step::Heard(heard),
            () = until(deadline) => Step::Time,
            sound = inputs.sound.recv() => sound.map_or(Step::Closed, Step::Sound),
            () = until(quiet) => Step::Quiet,
        }
    }

    /// Tells the dialogue, and does what it decides.
    fn take(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let at = self.began.elapsed();
            if let Some(tape) = &mut self.tape {
                tape.input(at, &input);
            }
            for action in self.dialogue.step(at, input) {
                if let Some(tape) = &mut self.tape {
                    tape.action(at, &action);
                }
                inputs.extend(self.act(action));
            }
        }
    }

    /// Does what was decided; gives what came of it at once.
    fn act(&mut self, action: Action) -> Option<Input> {
        match action {
            Action::BeginTurn => self.listening.begin(),
            Action::Transcribe(pause) => return self.heard_or_not(|it| it.transcribe(pause)),
            Action::Pause(pause) => self.listening.pause(pause),
            Action::Assess(pause) => self.listening.assess(pause),
            Action::TranscribePartly => self.listening.transcribe_partly(),
            Action::ResumeTurn => self.listening.resume(),
            Action::ForgetTurn => self.listening.reset(),
            Action::ReadAhead(prompt) => self.read_ahead(&prompt),
            Action::Respond { response, prompt, voice, speculative } => {
                return self.respond(response, &prompt, voice, speculative);
            }
            Action::Confirm => self.with_response(Response::confirm),
            Action::Drop(response) => self.drop_response(response),
            Action::Finish => self.response = None,
            Action::Play => self.play(),
            Action::Forget(frames) => self.with_response(|response| response.forget(frames)),
            Action::Rewind(frames) => self.with_response(|response| response.rewind(frames)),
            Action::Tell(event) => self.send(Output::Event(event)),
        }
        None
    }

    fn send(&mut self, output: Output) {
        if !self.away {
            self.waiting.push_back(Decided { at: Instant::now(), output });
        }
    }

    fn with_response(&mut self, change: impl FnOnce(&mut Response)) {
        if let Some(response) = &mut self.response {
            change(response);
        }
    }

    // --- hearing

    async fn listen(&mut self, sound: Sound) {
        let Sound { samples, arrived } = sound;
        self.arrived = arrived;
        self.metrics.hop_in(arrived.elapsed());
        if let Some(unheard) = self.heard_or_not(|it| it.take(&samples)) {
            self.take(unheard);
        }
        let level = level::decibels(level::rms(&samples));
        let echo = self.echo(&samples);
        let probability = self.vad.probability(samples).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a frame went unheard");
            0.0
        });
        let arrived = arrived.saturating_duration_since(self.began);
        let (backlog, pressure) = (self.engines.stt.waiting(), self.engines.watch.pressure());
        self.take(Input::Frame { arrived, probability, level, echo, backlog, pressure });
    }

    /// How much of a frame is the answer's own sound. While the answer is held there is none; not
    /// to listen then leaves the delay as it was.
    fn echo(&mut self, samples: &[f32]) -> f32 {
        match &mut self.guard {
            Some(guard) if !self.dialogue.is_contested() => guard.heard(samples),
            _ => 0.0,
        }
    }

    /// A muted or stalled client sends nothing, and the caller's turn ends all the same.
    async fn listen_to_silence(&mut self) {
        let frame = vad::FRAME_RATE.duration_of(vad::FRAME_SAMPLES as u64);
        let missing = self.arrived.elapsed().as_millis() / frame.as_millis();
        let now = Instant::now();
        for _ in 0..missing.min(MAX_FILL) {
            let samples = vec![0.0; vad::FRAME_SAMPLES].into();
            self.listen(Sound { samples, arrived: now }).await;
        }
    }

    fn understand(&mut self, heard: Heard) {
        self.take(match heard {
            Heard::Partial(text) => Input::Partial(text),
            Heard::Turn { pause, text } => Input::Transcript { pause, text },
            Heard::Complete { pause, probability } => Input::Completeness { pause, probability },
            Heard::Failed(error) => unheard(&error),
        });
    }

    fn heard_or_not(
        &mut self,
        hear: impl FnOnce(&mut Listening) -> Result<(), stt::SttError>,
    ) -> Option<Input> {
        hear(&mut self.listening).err().map(|error| unheard(&error))
    }

    // --- answering

    fn read_ahead(&mut self, prompt: &[llm::Message]) {
        if let Err(error) = self.model.read_ahead(prompt) {
            tracing::debug!(%error, "not read ahead");
        }
    }

    fn respond(
        &mut self,
        id: crate::ResponseId,
        prompt: &[llm::Message],
        voice: Option<Arc<str>>,
        speculative: bool,
    ) -> Option<Input> {
        let options = &self.config.generation;
        let tokens = if speculative {
            self.model.speculate(prompt, options)
        } else {
            self.model.respond(prompt, options)
        };
        let tokens = match tokens {
            Ok(tokens) => tokens,
            Err(error) => {
                if speculative {
                    // it is tried again if the turn ends as guessed
                    tracing::debug!(%error, "no guess");
                } else {
                    tracing::error!(%error, "no answer");
                }
                return Some(Input::Complete(Err(Failure::of_llm(&error))));
            }
        };
        let tts = Arc::clone(&self.engines.tts);
        let speed = self.config.speech_speed;
        let plan = Plan { tokens, tts, voice, speed, caller: self.caller };
        self.response = Some(Response::start(id, !speculative, plan));
        None
    }

    fn drop_response(&mut self, id: crate::ResponseId) {
        // of one that was not meant nothing has been sent, and the next one has its number
        if self.response.take().is_some_and(|response| response.is_meant()) {
            self.outlet.silence(id);
            let outlet = &self.outlet;
            self.waiting.retain(|decided| !outlet.is_stale(&decided.output));
        }
    }

    fn follow(&mut self, progress: Option<Progress>) {
        let input = match progress {
            Some(Progress::Answer(text)) => Input::Answer(text),
            Some(Progress::Sentence(text)) => Input::Sentence(text),
            Some(Progress::Words(ends)) => Input::Words(ends),
            Some(Progress::Sound(frame)) => {
                let duration = frame.duration();
                self.with_response(|response| response.push(frame));
                Input::Sound(duration)
            }
            Some(Progress::Complete(result)) => Input::Complete(result),
            // its task ended without saying how: it panicked
            None => {
                tracing::error!("the response's task was lost");
                Input::Complete(Err(Failure::lost()))
            }
        };
        self.take(input);
        self.tell_supply();
    }

    /// The response should know until when the caller has sound: what comes later is made before.
    fn tell_supply(&mut self) {
        let now = Instant::now();
        let supply = self.dialogue.supply(now.saturating_duration_since(self.began));
        self.with_response(|response| response.lasts_until(now + supply));
    }

    fn play(&mut self) {
        let Some(response) = &mut self.response else { return };
        let Some((position, frame)) = response.next_frame() else { return };
        if let Some(guard) = &mut self.guard {
            guard.sent(&frame);
        }
        let response = response.id;
        self.send(Output::Audio { response, position, frame });
    }

    // --- being told

    fn obey(&mut self, command: Command) {
        match command {
            Command::Away => {
                self.away = true;
                self.waiting.clear();
            }
            Command::Back => self.away = false,
            _ => {}
        }
        self.take(Input::Command(command));
    }
}

/// Logged here once; the caller learns the code and a short text.
fn unheard(error: &stt::SttError) -> Input {
    tracing::error!(%error, "the caller's words are lost");
    Input::Unheard(Failure::of_stt(error))
}

/// Hands the next output to the connection as soon as there is room.
async fn send_next(outlet: &Outlet, waiting: &mut VecDeque<Decided>) -> Result<(), Gone> {
    if waiting.is_empty() {
        return pending().await;
    }
    let room = outlet.room().await?;
    if let Some(output) = waiting.pop_front() {
        room.send(output);
    }
    Ok(())
}

async fn next_progress(response: &mut Option<Response>) -> Option<Progress> {
    match response {
        Some(response) => response.next().await,
        None => pending().await,
    }
}

/// Waits for a moment that may never come.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
