//! What goes over the wire, in the dialect that a caller speaks.

mod plain;

use anyhow::{Context, Result, ensure};
use audio::{SampleRate, pcm16};
use protocol::{AudioHeader, AudioKind, ClientMessage, PlainAudio, ServerMessage, decode_audio};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use self::plain::PlainEar;
use crate::playback::Playback;

/// What a caller speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// The extended form of the protocol, as our page does.
    #[default]
    Repartee,
    /// The plain form, as the page of `RealtimeVoiceChat` does: no hello, and sound in base64.
    Plain,
}

impl Dialect {
    /// Its name in scenarios and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repartee => "repartee",
            Self::Plain => "plain",
        }
    }
}

/// What a frame of the server amounts to.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Message(ServerMessage<'static>),
    /// Samples of a response, from this position of it on.
    Sound {
        response: u32,
        position: u64,
        samples: Vec<f32>,
    },
}

/// A caller's half of the wire.
#[derive(Debug)]
pub(crate) enum Wire {
    Extended,
    Plain(PlainEar),
}

impl Wire {
    pub(crate) fn new(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Repartee => Self::Extended,
            Dialect::Plain => Self::Plain(PlainEar::default()),
        }
    }

    /// Reads a text frame.
    pub(crate) fn text(&mut self, text: &str) -> Result<Vec<Heard>> {
        match self {
            Self::Extended => {
                let message = ServerMessage::decode(text).context("not the protocol")?;
                Ok(vec![Heard::Message(message)])
            }
            Self::Plain(ear) => ear.text(text),
        }
    }

    /// Reads a binary frame.
    pub(crate) fn binary(&self, frame: &[u8]) -> Result<Heard> {
        ensure!(matches!(self, Self::Extended), "a plain client was sent a binary frame");
        let (header, pcm) = decode_audio(frame).context("not the protocol")?;
        ensure!(header.kind == AudioKind::Speech, "the server sent a microphone's sound");
        let mut samples = Vec::with_capacity(pcm.len() / 2);
        pcm16::decode_le(pcm, &mut samples).context("not the protocol")?;
        Ok(Heard::Sound { response: header.response, position: header.position, samples })
    }

    /// Samples of the microphone as a frame; `position` counts those before them.
    pub(crate) fn microphone(
        &self,
        rate: SampleRate,
        position: u64,
        samples: &[f32],
        sounding: bool,
    ) -> Vec<u8> {
        let mut pcm = Vec::with_capacity(2 * samples.len());
        pcm16::encode_le(samples, &mut pcm);
        match self {
            Self::Extended => {
                let header = AudioHeader { kind: AudioKind::Microphone, response: 0, position };
                [header.encode().as_slice(), &pcm].concat()
            }
            Self::Plain(_) => {
                let recorded = rate.duration_of(position + samples.len() as u64);
                // the clock has 32 bits, and wraps
                #[expect(clippy::cast_possible_truncation, reason = "it wraps")]
                let timestamp_ms = recorded.as_millis() as u32;
                let mut frame = Vec::with_capacity(PlainAudio::HEADER_LEN + pcm.len());
                PlainAudio { timestamp_ms, client_playing: sounding, pcm: &pcm }
                    .encode_into(&mut frame);
                frame
            }
        }
    }

    /// What is to be told of the playback at this moment, if anything.
    pub(crate) fn report(
        &mut self,
        playback: &mut Playback,
        now: Instant,
    ) -> Option<ClientMessage> {
        match self {
            Self::Extended => playback.report(now),
            Self::Plain(ear) => ear.report(playback.is_sounding(now)),
        }
    }
}
