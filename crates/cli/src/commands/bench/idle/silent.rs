//! A caller who says nothing, and does as little else as there may be thousands.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use audio::pcm16;
use futures_util::{SinkExt, StreamExt};
use protocol::{AudioHeader, AudioKind, ClientMessage, ServerMessage};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Bytes, Message, protocol::WebSocketConfig},
};

/// A server that says nothing for so long is not going to.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a page sends at once.
const FRAME: Duration = Duration::from_millis(20);
/// The rate of the microphone, and of the playback.
const RATES: (u32, u32) = (48_000, 24_000);
/// What a good microphone hears in a silent room, -70 dB of full scale.
const ROOM: f32 = 0.000_32;
/// What is read of a socket at once: little is sent.
const READ_BUFFER: usize = 4 << 10;

/// One who has been let in.
pub(super) struct Silent {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// A frame of the sound of a silent room, as it is sent. All callers send this one, again and again.
pub(super) fn room_tone() -> Bytes {
    let header = AudioHeader { kind: AudioKind::Microphone, response: 0, position: 0 };
    let mut seed = 1_u32;
    let samples = RATES.0 as usize / 1_000 * FRAME.subsec_millis() as usize;
    let sound: Vec<f32> = (0..samples)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if seed >> 31 == 0 { ROOM } else { -ROOM }
        })
        .collect();
    let mut frame = header.encode().to_vec();
    pcm16::encode_le(&sound, &mut frame);
    frame.into()
}

impl Silent {
    /// Calls, and waits until the server has said welcome.
    pub(super) async fn call(url: &str) -> Result<Self> {
        let buffers = WebSocketConfig::default().read_buffer_size(READ_BUFFER).write_buffer_size(0);
        let connecting = connect_async_with_config(url, Some(buffers), true);
        let (socket, _) = timeout(PATIENCE, connecting).await.context("no answer")??;
        let mut silent = Self { socket };
        let hello = ClientMessage::Hello {
            version: protocol::VERSION,
            input_rate: RATES.0,
            output_rate: RATES.1,
            client: "bench".to_owned(),
        };
        silent.socket.send(Message::text(hello.encode())).await?;
        timeout(PATIENCE, silent.welcome()).await.context("no welcome")??;
        Ok(silent)
    }

    async fn welcome(&mut self) -> Result<()> {
        while let Some(message) = self.socket.next().await {
            if let Message::Text(text) = message?
                && let ServerMessage::Welcome { .. } = ServerMessage::decode(&text)?
            {
                return Ok(());
            }
        }
        bail!("the server hung up")
    }

    /// Stays until it is time to hang up, and fails if the server does so before. With a frame it
    /// has an open microphone; it answers pings either way.
    pub(super) async fn stay(
        mut self,
        frame: Option<Bytes>,
        mut hung_up: watch::Receiver<()>,
    ) -> Result<()> {
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = hung_up.changed() => break,
                _ = frames.tick(), if frame.is_some() => {
                    if let Some(frame) = &frame {
                        self.socket.send(Message::Binary(frame.clone())).await?;
                    }
                }
                message = self.socket.next() => {
                    let message = message.context("the server hung up")??;
                    ensure!(!message.is_close(), "the server hung up");
                }
            }
        }
        // it has stayed long enough, whatever the server says to that
        let _ = timeout(PATIENCE, self.socket.close(None)).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sound_of_a_silent_room_is_quiet_and_of_the_right_length() {
        let frame = room_tone();
        let (header, pcm) = protocol::decode_audio(&frame).unwrap();
        assert_eq!((header.kind, pcm.len()), (AudioKind::Microphone, 2 * 960));
        let mut samples = Vec::new();
        pcm16::decode_le(pcm, &mut samples).unwrap();
        let level = audio::level::decibels(audio::level::rms(&samples));
        assert!((-72.0..-68.0).contains(&level), "{level} dB");
    }
}
