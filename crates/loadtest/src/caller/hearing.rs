//! What a caller does with what arrives.

use anyhow::{Result, bail};
use protocol::ServerMessage;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::{Caller, reason};
use crate::wire::Heard;

impl Caller {
    /// Takes in a frame; its messages wait in `arrived`.
    pub(super) fn take(&mut self, incoming: Message) -> Result<()> {
        let heard = match incoming {
            Message::Binary(frame) => vec![self.wire.binary(&frame)?],
            Message::Text(text) => self.wire.text(&text)?,
            Message::Close(frame) => {
                self.lost = true;
                bail!("the server hung up: {}", reason(frame.as_ref()))
            }
            // pings are answered by the library
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Vec::new(),
        };
        for heard in heard {
            match heard {
                Heard::Message(message) => {
                    self.heed(&message);
                    self.arrived.push_back(message);
                }
                Heard::Sound { response, position, samples } => {
                    self.play(response, position, &samples);
                }
            }
        }
        Ok(())
    }

    /// Does as a page does.
    fn heed(&mut self, message: &ServerMessage<'_>) {
        let now = Instant::now();
        if let Some(response) = response_of(message) {
            self.named = self.named.max(response);
            self.nameless.remove(&response);
        }
        match *message {
            ServerMessage::AudioEnd { response, .. } => self.playback.complete(response),
            ServerMessage::Pause { response } => self.playback.pause(response, now),
            ServerMessage::Resume { response } => self.playback.resume(response, now),
            ServerMessage::StopTts { response, .. } => self.playback.stop(response, now),
            ServerMessage::State { state } => self.state = state,
            _ => {}
        }
    }

    fn play(&mut self, response: u32, position: u64, samples: &[f32]) {
        if response > self.named {
            self.nameless.insert(response);
        }
        self.playback.arrived(response, position, samples, Instant::now());
    }
}

/// The response that a message is about.
fn response_of(message: &ServerMessage<'_>) -> Option<u32> {
    match *message {
        ServerMessage::PartialAssistantAnswer { response, .. }
        | ServerMessage::FinalAssistantAnswer { response, .. }
        | ServerMessage::AudioEnd { response, .. }
        | ServerMessage::Pause { response }
        | ServerMessage::Resume { response }
        | ServerMessage::StopTts { response, .. }
        | ServerMessage::TtsInterruption { response, .. } => Some(response),
        ServerMessage::TurnMetrics(metrics) => Some(metrics.response),
        _ => None,
    }
}
