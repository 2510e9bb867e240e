//! What clients send.

use std::{borrow::Cow, time::Duration};

use audio::{Rechunker, Resampler, SampleRate, pcm16};
use protocol::{
    AudioKind, AudioRates, BadMessage, ClientMessage, EngineNames, ErrorCode, PlainAudio,
    ServerMessage, VERSION, decode_audio,
};
use session::{Command, ResponseId, Sound};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::Form;
use crate::{
    Metrics,
    cadence::Cadence,
    connection::Connection,
    limits::{Conduct, Pace, Verdict},
};

/// What the speech models hear, in frames of 32 ms.
const HEARING_RATE: SampleRate = SampleRate::HZ_16000;
const HEARING_FRAME: usize = 512;

/// Turns a client's messages into its session's inputs, and answers those that are wrong.
pub(crate) struct Inbound<'a> {
    connection: &'a Connection,
    metrics: &'a Metrics,
    ways: Ways,
    form: watch::Sender<Form>,
    /// The caller has lost a connection and has not said hello on this one.
    is_back: bool,
    ear: Ear,
    cadence: Cadence,
    pace: Pace,
    conduct: Conduct,
}

/// Where what a client sends goes.
pub(crate) struct Ways {
    pub(crate) sound: mpsc::Sender<Sound>,
    pub(crate) commands: mpsc::Sender<Command>,
    /// Answers to the client that its session knows nothing of.
    pub(crate) notices: mpsc::Sender<String>,
}

/// The client means harm; the reason is fit for it.
#[derive(Debug)]
pub(crate) struct Abuse(pub(crate) &'static str);

/// One caller's sound on its way to what the models hear.
struct Ear {
    rate: SampleRate,
    resampler: Resampler,
    frames: Rechunker,
    decoded: Vec<f32>,
    resampled: Vec<f32>,
}

impl<'a> Inbound<'a> {
    pub(crate) fn new(
        connection: &'a Connection,
        ways: Ways,
        form: watch::Sender<Form>,
        is_back: bool,
    ) -> Self {
        Self {
            connection,
            metrics: &connection.shared.metrics,
            ways,
            form,
            is_back,
            ear: Ear::new(SampleRate::HZ_48000),
            cadence: Cadence::default(),
            pace: Pace::new(Instant::now()),
            conduct: Conduct::default(),
        }
    }

    /// Takes a text frame.
    pub(crate) async fn text(&mut self, text: &str) -> Result<(), Abuse> {
        self.metrics.received(text.len());
        match ClientMessage::decode(text) {
            Ok(ClientMessage::Hello { version, input_rate, output_rate, client }) => {
                self.hello(version, input_rate, output_rate, &client).await
            }
            Ok(message) => {
                if let Some(command) = self.command(message) {
                    self.tell_session(command).await;
                }
                Ok(())
            }
            Err(BadMessage::UnknownType { name }) => {
                let message = format!("unknown message type `{name}`");
                self.complain(ErrorCode::UnknownType, &message)
            }
            Err(bad) => self.complain(bad.code(), &bad.to_string()),
        }
    }

    /// Takes a binary frame.
    pub(crate) fn binary(&mut self, bytes: &[u8]) -> Result<(), Abuse> {
        self.metrics.received(bytes.len());
        let extended = self.form.borrow().extended;
        let decoded = if extended {
            decode_audio(bytes).map(|(header, pcm)| (header.kind, None, pcm))
        } else {
            PlainAudio::decode(bytes)
                .map(|frame| (AudioKind::Microphone, Some(frame.timestamp_ms), frame.pcm))
        };
        match decoded {
            Ok((AudioKind::Speech, ..)) => {
                self.complain(ErrorCode::InvalidAudio, "sound of kind 2 comes from the server only")
            }
            Ok((AudioKind::Microphone, timestamp_ms, pcm)) => self.audio(timestamp_ms, pcm),
            Err(bad) => self.complain(bad.code(), &bad.to_string()),
        }
    }

    fn audio(&mut self, timestamp_ms: Option<u32>, pcm: &[u8]) -> Result<(), Abuse> {
        let samples = pcm.len() / 2;
        if let Some(rate) = timestamp_ms.and_then(|at| self.cadence.note(at, samples)) {
            self.plays_at(rate);
        }
        let now = Instant::now();
        if !self.pace.admit(now, self.ear.rate.duration_of(samples as u64)) {
            self.metrics.dropped_frame();
            return self.note(ErrorCode::AudioTooFast, "audio arrives faster than real time");
        }
        let mut dropped = 0;
        self.ear.hear(pcm, |samples| {
            // the newest frame goes: what is queued is older speech, which comes first
            if self.ways.sound.try_send(Sound { samples, arrived: now }).is_err() {
                dropped += 1;
            }
        });
        for _ in 0..dropped {
            self.metrics.dropped_frame();
            self.note(ErrorCode::AudioQueueFull, "audio queue full: a frame was dropped")?;
        }
        Ok(())
    }

    /// A plain client's device turned out to run at another rate than was thought.
    fn plays_at(&mut self, rate: SampleRate) {
        if self.ear.rate == rate {
            return;
        }
        tracing::info!(%rate, "the client's device rate");
        self.ear = Ear::new(rate);
        self.form.send_modify(|form| form.output_rate = rate);
    }

    async fn hello(
        &mut self,
        version: u32,
        input: u32,
        output: u32,
        client: &str,
    ) -> Result<(), Abuse> {
        let rates = SampleRate::new(input).zip(SampleRate::new(output));
        let Some((input_rate, output_rate)) = rates else {
            return self.complain(ErrorCode::InvalidMessage, "a sample rate is out of range");
        };
        tracing::info!(version, client, input_rate = input, output_rate = output, "hello");
        self.ear = Ear::new(input_rate);
        self.form.send_replace(Form { extended: true, output_rate });
        let resumed = std::mem::take(&mut self.is_back);
        let rates = AudioRates { input_rate: input, output_rate: output };
        self.tell(&self.welcome(rates, resumed));
        self.tell_session(if resumed { Command::Back } else { Command::Hello }).await;
        Ok(())
    }

    fn welcome(&self, audio: AudioRates, resumed: bool) -> ServerMessage<'a> {
        let connection = self.connection;
        let engines = &connection.ready.engines;
        let session = &connection.ready.session;
        let resume = connection.issue_token();
        let resume_within = connection.shared.settings.resume.as_millis();
        ServerMessage::Welcome {
            version: VERSION,
            connection: connection.name().into(),
            audio,
            engines: EngineNames {
                stt: engines.stt.info().name.into(),
                llm: engines.llm.info().name.into(),
                tts: engines.tts.info().name.into(),
            },
            resume_within_ms: match resume {
                Some(_) => u64::try_from(resume_within).unwrap_or(u64::MAX),
                None => 0,
            },
            resume: resume.map(Cow::Owned),
            resumed,
            voice: connection.voice().map(|voice| Cow::Owned(String::from(&*voice))),
            voices: session.voices.iter().map(|voice| Cow::Borrowed(&**voice)).collect(),
            instructions_allowed: session.instructions_allowed,
        }
    }

    async fn tell_session(&mut self, command: Command) {
        // the session has gone only if the connection is ending
        let _ = self.ways.commands.send(command).await;
    }

    fn command(&self, message: ClientMessage) -> Option<Command> {
        Some(match message {
            ClientMessage::Hello { .. } => return None,
            ClientMessage::SetVoice(voice) => {
                self.connection.choose_voice(&voice);
                Command::SetVoice(voice)
            }
            ClientMessage::SetInstructions(text) => Command::SetInstructions(text),
            ClientMessage::Text(text) => Command::Text(text),
            ClientMessage::Playback { response, position, playing } => Command::Heard {
                response: ResponseId(response),
                until: self.position(position),
                playing,
            },
            ClientMessage::Cancel => Command::StopSpeaking,
            ClientMessage::ClearHistory => Command::Clear,
            ClientMessage::SetSpeed(slider) => Command::SetSpeed(slider),
            ClientMessage::TtsStart => Command::PlaybackStarted,
            ClientMessage::TtsStop => Command::PlaybackStopped,
        })
    }

    fn position(&self, samples: u64) -> Duration {
        self.form.borrow().output_rate.duration_of(samples)
    }

    /// Answers a message that a sound client never sends.
    fn complain(&mut self, code: ErrorCode, message: &str) -> Result<(), Abuse> {
        self.answer(code, message, true)
    }

    /// Answers something that can happen to a sound client.
    fn note(&mut self, code: ErrorCode, message: &str) -> Result<(), Abuse> {
        self.answer(code, message, false)
    }

    fn answer(&mut self, code: ErrorCode, message: &str, faulty: bool) -> Result<(), Abuse> {
        self.metrics.bad_message(code);
        match self.conduct.bad(Instant::now(), code, faulty) {
            Verdict::Close => return Err(Abuse("Too many bad messages")),
            Verdict::Ignore => {}
            Verdict::Tell { unsaid } => {
                let kind = code.as_str();
                tracing::warn!(kind, unsaid, "{message}");
                self.tell(&ServerMessage::Error { code, message: message.into() });
            }
        }
        Ok(())
    }

    fn tell(&self, message: &ServerMessage<'_>) {
        // full: the client is not reading, and will learn enough from what is queued
        let _ = self.ways.notices.try_send(message.encode());
    }
}

impl Ear {
    fn new(rate: SampleRate) -> Self {
        Self {
            rate,
            resampler: Resampler::new(rate, HEARING_RATE),
            frames: Rechunker::new(HEARING_FRAME),
            decoded: Vec::new(),
            resampled: Vec::new(),
        }
    }

    fn hear(&mut self, pcm: &[u8], mut frame: impl FnMut(Box<[f32]>)) {
        self.decoded.clear();
        self.resampled.clear();
        if let Err(error) = pcm16::decode_le(pcm, &mut self.decoded) {
            // the frame's length was checked when it was decoded
            tracing::error!(%error, "an unchecked frame");
            return;
        }
        self.resampler.push(&self.decoded, &mut self.resampled);
        self.frames.push(&self.resampled).for_each(&mut frame);
    }
}
