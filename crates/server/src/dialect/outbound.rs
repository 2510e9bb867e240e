//! What clients are sent.

use std::time::Duration;

use audio::{Frame, Resampler, SampleRate, pcm16};
use axum::extract::ws::Message;
use protocol::{
    AudioHeader, AudioKind, ErrorCode, HistoryTurn, InForce, Role, ServerMessage, SessionState,
    TurnMetrics, tts_chunk,
};
use session::{Done, Event, FailureCode, Output, ResponseId, Said, State, TurnTimings};
use tokio::sync::watch;

use super::Form;

/// Turns a session's outputs into messages of the form that its client speaks.
pub(crate) struct Outbound {
    form: watch::Receiver<Form>,
    voice: Option<Voice>,
    /// Nothing is said before the history, with which a session is taken up: it was for the
    /// connection that the client has lost.
    until_history: bool,
    /// What the session is doing, as far as it has told.
    state: State,
}

/// The sound of one response on its way to the client's rate. A new one for each response, so
/// that nothing of one is heard in the next.
struct Voice {
    response: ResponseId,
    form: Form,
    resampler: Resampler,
    samples: Vec<f32>,
    position: u64,
}

impl Outbound {
    pub(crate) fn new(form: watch::Receiver<Form>) -> Self {
        Self { form, voice: None, until_history: false, state: State::Listening }
    }

    /// For a client that has come back.
    pub(crate) fn from_history(form: watch::Receiver<Form>) -> Self {
        Self { until_history: true, ..Self::new(form) }
    }

    /// What the session is doing, said again.
    pub(crate) fn state(&self) -> Option<Message> {
        let extended = self.form.borrow().extended;
        extended.then(|| text(&ServerMessage::State { state: wire_state(self.state) }))
    }

    /// The messages that say this; none if this client is not told of such things.
    pub(crate) fn messages(&mut self, output: Output) -> Vec<Message> {
        self.until_history &= !matches!(output, Output::Event(Event::History(_)));
        if self.until_history {
            return Vec::new();
        }
        if let Output::Event(Event::State(state)) = &output {
            self.state = *state;
        }
        match output {
            Output::Audio { response, position, frame } => self.audio(response, position, &frame),
            Output::Event(Event::AudioEnd { response, duration }) => {
                self.audio_end(response, duration)
            }
            Output::Event(event) => self.event(&event).into_iter().collect(),
        }
    }

    fn audio(&mut self, response: ResponseId, position: Duration, frame: &Frame) -> Vec<Message> {
        let form = *self.form.borrow();
        let voice = match &mut self.voice {
            Some(voice) if voice.response == response => voice,
            voice => voice.insert(Voice::new(response, form, frame.rate, position)),
        };
        voice.push(&frame.samples)
    }

    fn audio_end(&mut self, response: ResponseId, duration: Duration) -> Vec<Message> {
        let form = *self.form.borrow();
        let voice = self.voice.take().filter(|voice| voice.response == response);
        // all of it may have left on a connection that is lost
        let before = || (Vec::new(), form.output_rate.samples_in(duration));
        let (mut messages, samples) = voice.map_or_else(before, Voice::finish);
        if form.extended {
            messages.push(text(&ServerMessage::AudioEnd { response: response.0, samples }));
        }
        messages
    }

    fn event(&mut self, event: &Event) -> Option<Message> {
        let extended = self.form.borrow().extended;
        let message = match event {
            Event::PartialTranscript { text, settled } => ServerMessage::PartialUserRequest {
                content: text.into(),
                settled: text.get(..*settled).unwrap_or_default().into(),
            },
            Event::FinalTranscript(content) => {
                ServerMessage::FinalUserRequest { content: (&**content).into() }
            }
            Event::PartialAnswer { response, text } => {
                ServerMessage::PartialAssistantAnswer { content: text.into(), response: response.0 }
            }
            // a plain page would show an empty answer
            Event::FinalAnswer { text, .. } if text.is_empty() && !extended => return None,
            Event::FinalAnswer { response, text, interrupted } => {
                ServerMessage::FinalAssistantAnswer {
                    content: text.into(),
                    response: response.0,
                    interrupted: *interrupted,
                }
            }
            Event::Stop(response) => {
                self.voice = None;
                ServerMessage::stop_tts(response.0)
            }
            Event::Interrupted(response) => ServerMessage::tts_interruption(response.0),
            Event::Failed(failure) => ServerMessage::Error {
                code: code(failure.code),
                message: failure.message.as_str().into(),
            },
            event if extended => return told_after_hello(event).as_ref().map(text),
            _ => return None,
        };
        Some(text(&message))
    }
}

/// What only clients are told that have said hello.
fn told_after_hello(event: &Event) -> Option<ServerMessage<'_>> {
    Some(match event {
        Event::Paused(response) => ServerMessage::Pause { response: response.0 },
        Event::Resumed(response) => ServerMessage::Resume { response: response.0 },
        Event::State(state) => ServerMessage::State { state: wire_state(*state) },
        Event::Timings { response, timings } => {
            ServerMessage::TurnMetrics(turn_metrics(*response, timings))
        }
        Event::Cleared => ServerMessage::Cleared,
        Event::Done(done) => ack(done),
        Event::History(turns) => {
            ServerMessage::History { turns: turns.iter().map(history_turn).collect() }
        }
        _ => return None,
    })
}

fn ack(done: &Done) -> ServerMessage<'_> {
    let (of, value) = match done {
        Done::StopSpeaking => ("cancel", InForce::Nothing),
        Done::Clear => ("clear_history", InForce::Nothing),
        Done::SetSpeed(slider) => ("set_speed", InForce::Speed(*slider)),
        Done::SetVoice(voice) => ("set_voice", InForce::Voice((&**voice).into())),
        Done::SetInstructions => ("set_instructions", InForce::Nothing),
    };
    ServerMessage::Ack { of: of.into(), value }
}

fn history_turn(said: &Said) -> HistoryTurn<'_> {
    HistoryTurn {
        role: if said.by_caller { Role::User } else { Role::Assistant },
        content: (&*said.text).into(),
        interrupted: said.interrupted,
    }
}

impl Voice {
    /// The sound of a response from `from` on, where a client begins that has come back.
    fn new(response: ResponseId, form: Form, rate: SampleRate, from: Duration) -> Self {
        let resampler = Resampler::new(rate, form.output_rate);
        let position = form.output_rate.samples_in(from);
        Self { response, form, resampler, samples: Vec::new(), position }
    }

    fn push(&mut self, samples: &[f32]) -> Vec<Message> {
        self.samples.clear();
        self.resampler.push(samples, &mut self.samples);
        self.message().into_iter().collect()
    }

    /// The tail of the sound, and how many samples there were in all.
    fn finish(mut self) -> (Vec<Message>, u64) {
        self.samples.clear();
        self.resampler.flush(&mut self.samples);
        let tail = self.message().into_iter().collect();
        (tail, self.position)
    }

    /// The samples as a message; `None` if there are none, since an empty chunk would wedge the
    /// original's page.
    fn message(&mut self) -> Option<Message> {
        if self.samples.is_empty() {
            return None;
        }
        let header = AudioHeader {
            kind: AudioKind::Speech,
            response: self.response.0,
            position: self.position,
        };
        self.position += self.samples.len() as u64;
        if !self.form.extended {
            let mut pcm = Vec::with_capacity(2 * self.samples.len());
            pcm16::encode_le(&self.samples, &mut pcm);
            return tts_chunk(&pcm).map(|chunk| Message::Text(chunk.into()));
        }
        let mut frame = Vec::with_capacity(AudioHeader::LEN + 2 * self.samples.len());
        header.encode_into(&mut frame);
        pcm16::encode_le(&self.samples, &mut frame);
        Some(Message::Binary(frame.into()))
    }
}

fn text(message: &ServerMessage<'_>) -> Message {
    Message::Text(message.encode().into())
}

fn code(code: FailureCode) -> ErrorCode {
    match code {
        FailureCode::Stt => ErrorCode::SttFailed,
        FailureCode::Llm => ErrorCode::LlmFailed,
        FailureCode::Tts => ErrorCode::TtsFailed,
        FailureCode::Overloaded => ErrorCode::Overloaded,
        FailureCode::NotAllowed => ErrorCode::NotAllowed,
    }
}

fn wire_state(state: State) -> SessionState {
    match state {
        State::Listening => SessionState::Listening,
        State::Hearing => SessionState::Hearing,
        State::Thinking => SessionState::Thinking,
        State::Speaking => SessionState::Speaking,
        State::Paused => SessionState::Paused,
    }
}

fn turn_metrics(response: ResponseId, timings: &TurnTimings) -> TurnMetrics {
    let millis = |part: Option<Duration>| {
        part.map(|part| u64::try_from(part.as_millis()).unwrap_or(u64::MAX))
    };
    TurnMetrics {
        response: response.0,
        speech_end_to_turn_end_ms: millis(timings.turn_end),
        speech_end_to_transcript_ms: millis(timings.transcript),
        speech_end_to_first_token_ms: millis(timings.first_token),
        speech_end_to_first_sentence_ms: millis(timings.first_sentence),
        speech_end_to_first_audio_ms: millis(timings.first_audio),
        speech_end_to_first_audio_sent_ms: millis(timings.first_audio_sent),
        speculative: timings.saved.is_some(),
        saved_ms: millis(timings.saved),
    }
}
