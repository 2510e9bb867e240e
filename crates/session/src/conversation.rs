//! The conversation itself: what a session does about what it hears, is told, and has said.

use std::{future::pending, sync::Arc, time::Duration};

use audio::MediaTime;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use turn::TurnDetector;

use crate::{
    Command, Config, Engines, Event, Failure, History, Metrics, Outlet, ResponseId, Sound, State,
    TurnTimings,
    listening::{Heard, Listening},
    live::{Live, Noted, Report},
    outlet::Gone,
    response::{Plan, Progress},
    timings::millis,
};

/// Without any sound for so long in the middle of a turn, silence is heard instead.
const QUIET: Duration = Duration::from_millis(300);
/// Frames of silence heard at once after a stall; more of it changes nothing.
const MAX_FILL: u128 = 100;

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
    engines: Engines,
    config: Arc<Config>,
    metrics: Metrics,
    outlet: Outlet,
    vad: vad::Stream,
    turn: TurnDetector,
    listening: Listening,
    model: Box<dyn llm::Conversation>,
    history: History,
    live: Option<Live>,
    last_response: ResponseId,
    now: MediaTime,
    arrived: Instant,
    speaking_since: Option<MediaTime>,
    transcript_at: Option<Instant>,
    shown: State,
    partial: String,
    summary: Summary,
}

enum Step {
    Command(Option<Command>),
    Progress(Option<Progress>),
    Heard(Heard),
    HeardToTheEnd,
    /// The client has stopped sending sound in the middle of a turn.
    Quiet,
    Sound(Option<Sound>),
}

impl Session {
    /// A new conversation. It takes a place in the language model's engine.
    pub fn open(
        engines: Engines,
        config: Arc<Config>,
        metrics: Metrics,
        outlet: Outlet,
    ) -> Result<Self, llm::LlmError> {
        let stt = Arc::clone(&engines.stt);
        Ok(Self {
            vad: engines.vad.open(),
            turn: TurnDetector::new(config.turn.clone(), config.speed),
            listening: Listening::new(stt, config.pre_roll, config.partial_period),
            model: engines.llm.open()?,
            history: History::new(Arc::clone(&config.system_prompt)),
            live: None,
            last_response: ResponseId(0),
            now: MediaTime::ZERO,
            arrived: Instant::now(),
            speaking_since: None,
            transcript_at: None,
            shown: State::Listening,
            partial: String::new(),
            summary: Summary::default(),
            engines,
            config,
            metrics,
            outlet,
        })
    }

    /// Converses until an input or the way out closes. Dropping the future ends the session as
    /// well; either way nothing of it stays.
    pub async fn run(mut self, mut inputs: Inputs) -> Summary {
        while let Some(step) = self.next_step(&mut inputs).await {
            if self.act(step).await.is_err() {
                break;
            }
        }
        if let Some(live) = &self.live {
            tracing::info!(response = %live.id, reason = "connection closed", "response aborted");
        }
        self.summary
    }

    /// Waits for whatever comes next; `None` when the inputs have closed.
    async fn next_step(&mut self, inputs: &mut Inputs) -> Option<Step> {
        let end = self.live.as_ref().and_then(Live::ends_at);
        let quiet = self.turn.in_turn().then(|| self.arrived + QUIET);
        // every branch is cancel-safe: channel receives, a poll of what `self` owns, and a timer
        let step = tokio::select! {
            biased;
            command = inputs.commands.recv() => Step::Command(command),
            progress = next_progress(&mut self.live) => Step::Progress(progress),
            heard = self.listening.next() => Step::Heard(heard),
            () = until(end) => Step::HeardToTheEnd,
            sound = inputs.sound.recv() => Step::Sound(sound),
            () = until(quiet) => Step::Quiet,
        };
        (!matches!(step, Step::Command(None) | Step::Sound(None))).then_some(step)
    }

    async fn act(&mut self, step: Step) -> Result<(), Gone> {
        match step {
            Step::Command(Some(command)) => self.obey(command).await?,
            Step::Progress(Some(progress)) => self.follow(progress).await?,
            Step::Progress(None) => self.response_lost().await?,
            Step::Heard(heard) => self.understand(heard).await?,
            Step::HeardToTheEnd => self.answer_heard(),
            Step::Sound(Some(sound)) => self.listen(sound).await?,
            Step::Quiet => self.listen_to_silence().await?,
            Step::Command(None) | Step::Sound(None) => {}
        }
        self.show_state().await
    }

    // --- hearing

    async fn listen(&mut self, sound: Sound) -> Result<(), Gone> {
        let Sound { samples, arrived } = sound;
        self.now = self.now + vad::FRAME_RATE.duration_of(samples.len() as u64);
        self.arrived = arrived;
        if let Err(error) = self.listening.take(&samples) {
            self.unheard(&error).await?;
        }
        let probability = self.vad.probability(samples).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a frame went unheard");
            0.0
        });
        if probability >= self.config.turn.stop_threshold {
            self.listening.was_speech();
        }
        if let Some(event) = self.turn.on_frame(self.now, probability) {
            self.on_turn_event(event).await?;
        }
        self.interrupt_if_meant().await
    }

    /// A muted or stalled client sends nothing, and the caller's turn ends all the same.
    async fn listen_to_silence(&mut self) -> Result<(), Gone> {
        let frame = vad::FRAME_RATE.duration_of(vad::FRAME_SAMPLES as u64);
        let missing = self.arrived.elapsed().as_millis() / frame.as_millis();
        let now = Instant::now();
        for _ in 0..missing.min(MAX_FILL) {
            let samples = vec![0.0; vad::FRAME_SAMPLES].into();
            self.listen(Sound { samples, arrived: now }).await?;
        }
        Ok(())
    }

    async fn on_turn_event(&mut self, event: turn::Event) -> Result<(), Gone> {
        match event {
            turn::Event::SpeechStarted { at } => {
                self.listening.begin();
                self.speaking_since = Some(at);
            }
            turn::Event::SpeechResumed { .. } => self.listening.resume(),
            turn::Event::Pause { number, .. } => {
                if let Err(error) = self.listening.pause(number) {
                    self.unheard(&error).await?;
                }
            }
            turn::Event::TurnEnded { speech_end } => self.turn_ended(speech_end).await?,
            turn::Event::TurnDiscarded => self.turn_discarded().await?,
        }
        Ok(())
    }

    /// Speech over the answer drops it, once there is enough of it to be meant.
    async fn interrupt_if_meant(&mut self) -> Result<(), Gone> {
        let Some(since) = self.speaking_since else { return Ok(()) };
        let onset = self.now.since(since);
        if self.live.is_some() && self.turn.is_speaking() && onset >= self.config.interrupt_after {
            self.metrics.interrupted(Some(onset + self.arrived.elapsed()));
            self.drop_response("the caller spoke").await?;
        }
        Ok(())
    }

    async fn understand(&mut self, heard: Heard) -> Result<(), Gone> {
        match heard {
            Heard::Partial(text) => self.show_partial(text).await,
            Heard::Failed(error) => self.unheard(&error).await,
            Heard::Turn { pause, text } => {
                self.transcript_at = Some(Instant::now());
                self.show_partial(text.clone()).await?;
                if let Some(event) = self.turn.on_transcript(pause, &text) {
                    return self.on_turn_event(event).await;
                }
                self.read_ahead(&text);
                Ok(())
            }
        }
    }

    /// While the end of the turn is still waited for, the model reads what was said. If the caller
    /// goes on, it reads on from where the words still are the same.
    fn read_ahead(&mut self, text: &str) {
        if self.turn.in_turn()
            && let Err(error) = self.model.read_ahead(&self.history.prompt_with(text.trim()))
        {
            tracing::debug!(%error, "not read ahead");
        }
    }

    async fn show_partial(&mut self, text: String) -> Result<(), Gone> {
        if text == self.partial {
            return Ok(());
        }
        self.partial.clone_from(&text);
        self.outlet.event(Event::PartialTranscript(text)).await
    }

    async fn turn_ended(&mut self, speech_end: MediaTime) -> Result<(), Gone> {
        let text = std::mem::take(&mut self.partial);
        let spoken = self.arrived.checked_sub(self.now.since(speech_end)).unwrap_or(self.arrived);
        let mut timings = TurnTimings::since(spoken);
        timings.mark(|timings| &mut timings.turn_end);
        timings.transcript = self.transcript_at.take().map(|at| timings.until(at));
        self.forget_turn();
        if text.trim().is_empty() {
            return Ok(());
        }
        self.answer(&text, timings).await
    }

    async fn turn_discarded(&mut self) -> Result<(), Gone> {
        self.metrics.turn_discarded();
        tracing::debug!("there were no words");
        self.forget_turn();
        self.show_partial(String::new()).await
    }

    async fn unheard(&mut self, error: &stt::SttError) -> Result<(), Gone> {
        tracing::error!(%error, "the caller's words are lost");
        self.forget_turn();
        self.show_partial(String::new()).await?;
        self.fail(Failure::of_stt(error)).await
    }

    fn forget_turn(&mut self) {
        self.turn.reset();
        self.listening.reset();
        self.speaking_since = None;
        self.transcript_at = None;
    }

    // --- answering

    async fn answer(&mut self, text: &str, timings: TurnTimings) -> Result<(), Gone> {
        self.drop_response("a new turn").await?;
        let text: Arc<str> = Arc::from(text.trim());
        self.summary.turns += 1;
        self.metrics.turn();
        tracing::debug!(%text, "the caller said");
        self.outlet.event(Event::FinalTranscript(Arc::clone(&text))).await?;
        self.history.caller_said(text);
        let generation = &self.config.generation;
        match self.model.respond(&self.history.prompt(), generation) {
            Ok(tokens) => {
                self.start_response(tokens, timings);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "no answer");
                self.fail(Failure::of_llm(&error)).await
            }
        }
    }

    fn start_response(&mut self, tokens: llm::TokenStream, timings: TurnTimings) {
        let id = ResponseId(self.last_response.0 + 1);
        self.last_response = id;
        self.live = Some(Live::start(id, |progress| Plan {
            id,
            tokens,
            tts: Arc::clone(&self.engines.tts),
            voice: self.config.voice.clone(),
            speech_speed: self.config.speech_speed,
            lead: self.config.lead,
            timings,
            outlet: self.outlet.clone(),
            progress,
        }));
    }

    async fn follow(&mut self, progress: Progress) -> Result<(), Gone> {
        let Some(live) = &mut self.live else { return Ok(()) };
        match live.note(progress) {
            Noted::Nothing => Ok(()),
            Noted::Sounding(timings) => self.sounding(timings).await,
            Noted::Ended(result) => self.handed_out(result).await,
        }
    }

    /// The first sound has left: the latency of this turn is known.
    async fn sounding(&mut self, timings: TurnTimings) -> Result<(), Gone> {
        self.metrics.answered(&timings);
        let millis = |part: Option<Duration>| part.map(millis);
        tracing::info!(
            response = %self.last_response,
            turn_end_ms = millis(timings.turn_end),
            transcript_ms = millis(timings.transcript),
            first_token_ms = millis(timings.first_token),
            first_sentence_ms = millis(timings.first_sentence),
            first_audio_ms = millis(timings.first_audio),
            first_audio_sent_ms = millis(timings.first_audio_sent),
            "turn ended"
        );
        let response = self.last_response;
        self.outlet.event(Event::Timings { response, timings }).await
    }

    /// All that comes of the response has been handed out.
    async fn handed_out(&mut self, result: Result<(), Failure>) -> Result<(), Gone> {
        let Some(live) = &mut self.live else { return Ok(()) };
        live.handed_out = true;
        live.whole = result.is_ok();
        let (response, duration) = (live.id, live.ledger.duration());
        let text = if live.whole { live.answer.clone() } else { live.words(duration) };
        if !text.is_empty() {
            let interrupted = false;
            self.outlet.event(Event::FinalAnswer { response, text, interrupted }).await?;
        }
        self.outlet.event(Event::AudioEnd { response, duration }).await?;
        match result {
            Ok(()) => Ok(()),
            Err(failure) => self.fail(failure).await,
        }
    }

    /// The answer has been heard to its end: now it is part of the conversation.
    fn answer_heard(&mut self) {
        if let Some(live) = self.live.take() {
            self.history.answer_heard(&live.words(live.ledger.duration()));
            self.summary.answers += 1;
        }
    }

    /// Drops the response, if there is one, and remembers what was heard of it.
    async fn drop_response(&mut self, reason: &'static str) -> Result<(), Gone> {
        let Some(mut live) = self.live.take() else { return Ok(()) };
        self.outlet.silence(live.id);
        live.catch_up();
        let heard = live.heard(Instant::now());
        let words = live.words(heard);
        let (id, sounded) = (live.id, live.first_sound.is_some());
        let (told, untold) = (live.handed_out, !live.answer.is_empty());
        drop(live);
        tracing::info!(response = %id, reason, heard_ms = millis(heard), "interrupted");
        self.summary.interruptions += 1;
        self.history.answer_heard(&words);
        if !sounded && !untold {
            return Ok(());
        }
        if !told {
            let event = Event::FinalAnswer { response: id, text: words, interrupted: true };
            self.outlet.event(event).await?;
        }
        self.outlet.event(Event::Stop(id)).await?;
        self.outlet.event(Event::Interrupted(id)).await
    }

    /// The response's task ended without saying how: it panicked.
    async fn response_lost(&mut self) -> Result<(), Gone> {
        if self.live.as_ref().is_some_and(|live| !live.handed_out) {
            tracing::error!(response = %self.last_response, "the response's task was lost");
            self.handed_out(Err(Failure::lost())).await?;
        }
        Ok(())
    }

    async fn fail(&mut self, failure: Failure) -> Result<(), Gone> {
        self.summary.failures += 1;
        self.metrics.failed(failure.code);
        self.outlet.event(Event::Failed(failure)).await
    }

    // --- being told

    async fn obey(&mut self, command: Command) -> Result<(), Gone> {
        match command {
            Command::Text(text) => {
                if !text.trim().is_empty() {
                    let mut timings = TurnTimings::since(Instant::now());
                    timings.mark(|timings| &mut timings.turn_end);
                    self.answer(&text, timings).await?;
                }
            }
            Command::StopSpeaking => self.drop_response("the caller asked for it").await?,
            Command::Clear => {
                self.drop_response("the conversation was cleared").await?;
                self.forget_turn();
                self.show_partial(String::new()).await?;
                self.history.clear();
                self.outlet.event(Event::Cleared).await?;
            }
            Command::SetSpeed(slider) => self.turn.set_speed(turn::Speed::from_slider(slider)),
            Command::Heard { response, until, playing } => self.reported(response, until, playing),
            Command::PlaybackStarted => self.playback_started(),
            Command::PlaybackStopped => self.playback_stopped(),
        }
        Ok(())
    }

    fn reported(&mut self, response: ResponseId, until: Duration, playing: bool) {
        if let Some(live) = self.live.as_mut().filter(|live| live.id == response) {
            live.report = Some(Report { at: Instant::now(), until, playing });
        }
    }

    /// A client that reports no positions begins to play: it has heard nothing before now.
    fn playback_started(&mut self) {
        if let Some(live) = self.live.as_mut().filter(|live| live.report.is_none())
            && live.first_sound.is_some()
        {
            live.first_sound = Some(Instant::now());
        }
    }

    /// Silence after everything was handed out is the end; before that it is an underrun.
    fn playback_stopped(&mut self) {
        if self.live.as_ref().is_some_and(|live| live.handed_out && live.report.is_none()) {
            self.answer_heard();
        }
    }

    // --- showing

    async fn show_state(&mut self) -> Result<(), Gone> {
        let state = self.state();
        if state == self.shown {
            return Ok(());
        }
        self.shown = state;
        self.outlet.event(Event::State(state)).await
    }

    fn state(&self) -> State {
        match &self.live {
            Some(live) if live.first_sound.is_some() => State::Speaking,
            Some(_) => State::Thinking,
            None if self.turn.in_turn() => State::Hearing,
            None => State::Listening,
        }
    }
}

async fn next_progress(live: &mut Option<Live>) -> Option<Progress> {
    match live {
        // after its last word a response says nothing more
        Some(live) if !live.handed_out => live.progress.recv().await,
        _ => pending().await,
    }
}

/// Waits for a moment that may never come.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
