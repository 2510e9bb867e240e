//! What clients are sent.

use std::time::Duration;

use audio::{Frame, Resampler, SampleRate, pcm16};
use axum::extract::ws::Message;
use protocol::{
    AudioHeader, AudioKind, ErrorCode, ServerMessage, SessionState, TurnMetrics, tts_chunk,
};
use session::{Event, FailureCode, Output, ResponseId, State, TurnTimings};
use tokio::sync::watch;

use super::Form;

/// Turns a session's outputs into messages of the form that its client speaks.
pub(crate) struct Outbound {
    form: watch::Receiver<Form>,
    voice: Option<Voice>,
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
        Self { form, voice: None }
    }

    /// The messages that say this; none if this client is not told of such things.
    pub(crate) fn messages(&mut self, output: Output) -> Vec<Message> {
        match output {
            Output::Audio { response, frame } => self.audio(response, &frame),
            Output::Event(Event::AudioEnd { response, .. }) => self.audio_end(response),
            Output::Event(event) => self.event(&event).map(|text| vec![text]).unwrap_or_default(),
        }
    }

    fn audio(&mut self, response: ResponseId, frame: &Frame) -> Vec<Message> {
        let form = *self.form.borrow();
        let voice = match &mut self.voice {
            Some(voice) if voice.response == response => voice,
            voice => voice.insert(Voice::new(response, form, frame.rate)),
        };
        voice.push(&frame.samples)
    }

    fn audio_end(&mut self, response: ResponseId) -> Vec<Message> {
        let voice = self.voice.take().filter(|voice| voice.response == response);
        let (mut messages, samples) = voice.map_or((Vec::new(), 0), Voice::finish);
        if self.form.borrow().extended {
            messages.push(text(&ServerMessage::AudioEnd { response: response.0, samples }));
        }
        messages
    }

    fn event(&mut self, event: &Event) -> Option<Message> {
        let extended = self.form.borrow().extended;
        let message = match event {
            Event::PartialTranscript(content) => {
                ServerMessage::PartialUserRequest { content: content.into(), settled: "".into() }
            }
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
            Event::State(state) if extended => ServerMessage::State { state: wire_state(*state) },
            Event::Timings { response, timings } if extended => {
                ServerMessage::TurnMetrics(turn_metrics(*response, timings))
            }
            Event::Cleared if extended => ServerMessage::Cleared,
            Event::State(_) | Event::Timings { .. } | Event::Cleared | Event::AudioEnd { .. } => {
                return None;
            }
        };
        Some(text(&message))
    }
}

impl Voice {
    fn new(response: ResponseId, form: Form, rate: SampleRate) -> Self {
        let resampler = Resampler::new(rate, form.output_rate);
        Self { response, form, resampler, samples: Vec::new(), position: 0 }
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
    }
}

fn wire_state(state: State) -> SessionState {
    match state {
        State::Listening => SessionState::Listening,
        State::Hearing => SessionState::Hearing,
        State::Thinking => SessionState::Thinking,
        State::Speaking => SessionState::Speaking,
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
        speculative: false,
        saved_ms: None,
    }
}
