//! A caller.

use std::time::Duration;

use audio::{SampleRate, pcm16};
use futures_util::{SinkExt, StreamExt};
use protocol::{
    AudioHeader, AudioKind, ClientMessage, PlainAudio, ServerMessage, decode_audio,
    decode_tts_chunk,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::CloseFrame},
};

use crate::harness::{DEADLINE, TestServer, tone};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connection to the server, plain or extended.
pub(crate) struct Client {
    pub(crate) socket: Socket,
    extended: bool,
    sent: u64,
    /// Every message so far, sound left out.
    pub(crate) log: Vec<ServerMessage<'static>>,
    /// All sound so far.
    pub(crate) heard: Vec<f32>,
    /// The response that each frame of sound belonged to, for extended clients.
    pub(crate) heard_of: Vec<u32>,
}

/// Rates of the extended client: another one each way, so that mixing them up is heard.
pub(crate) const INPUT_RATE: SampleRate = SampleRate::HZ_24000;
pub(crate) const OUTPUT_RATE: SampleRate = SampleRate::HZ_48000;
const PLAIN_RATE: SampleRate = SampleRate::HZ_48000;

impl Client {
    pub(crate) async fn plain(server: &TestServer) -> Self {
        let (socket, _) = connect_async(url(server)).await.expect("there is room");
        Self { socket, extended: false, sent: 0, log: vec![], heard: vec![], heard_of: vec![] }
    }

    pub(crate) async fn extended(server: &TestServer) -> Self {
        let mut client = Self::plain(server).await;
        client.extended = true;
        client
            .say(&ClientMessage::Hello {
                version: 1,
                input_rate: INPUT_RATE.hz(),
                output_rate: OUTPUT_RATE.hz(),
                client: "test".to_owned(),
            })
            .await;
        client.until(|message| matches!(message, ServerMessage::Welcome { .. })).await;
        client
    }

    /// Connects with the sub-protocol, whatever comes of it.
    pub(crate) async fn with_subprotocol(server: &TestServer) -> Result<Socket, Error> {
        let mut request = url(server).into_client_request().expect("a request");
        let name = "Sec-WebSocket-Protocol";
        request.headers_mut().insert(name, protocol::SUB_PROTOCOL.parse().expect("a value"));
        connect_async(request).await.map(|(socket, _)| socket)
    }

    pub(crate) async fn say(&mut self, message: &ClientMessage) {
        self.send_text(message.encode()).await;
    }

    pub(crate) async fn send_text(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.expect("it listens");
    }

    pub(crate) async fn send_binary(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::binary(bytes)).await.expect("it listens");
    }

    /// Speaks a tone for half a second and falls silent for long enough to end the turn.
    pub(crate) async fn speak(&mut self, pitch: f32) {
        self.sound(pitch, Duration::from_millis(512)).await;
        self.silence(Duration::from_millis(800)).await;
    }

    /// Sends a tone, faster than real time.
    pub(crate) async fn sound(&mut self, pitch: f32, duration: Duration) {
        let rate = if self.extended { INPUT_RATE } else { PLAIN_RATE };
        let samples = usize::try_from(rate.samples_in(duration)).expect("a short sound");
        self.send_samples(&tone(rate, pitch, samples)).await;
    }

    pub(crate) async fn silence(&mut self, duration: Duration) {
        let rate = if self.extended { INPUT_RATE } else { PLAIN_RATE };
        let samples = usize::try_from(rate.samples_in(duration)).expect("a short silence");
        self.send_samples(&vec![0.0; samples]).await;
    }

    async fn send_samples(&mut self, samples: &[f32]) {
        for samples in samples.chunks(2_048) {
            let mut pcm = Vec::new();
            pcm16::encode_le(samples, &mut pcm);
            let mut bytes = Vec::new();
            if self.extended {
                let kind = AudioKind::Microphone;
                let header = AudioHeader { kind, response: 0, position: self.sent };
                header.encode_into(&mut bytes);
                bytes.extend(pcm);
            } else {
                let timestamp_ms = u32::try_from(self.sent * 1_000 / 48_000).expect("short");
                let frame = PlainAudio { timestamp_ms, client_playing: false, pcm: &pcm };
                frame.encode_into(&mut bytes);
            }
            self.sent += samples.len() as u64;
            self.send_binary(bytes).await;
        }
    }

    /// Takes what comes until a message of this kind does, and gives it.
    pub(crate) async fn until(
        &mut self,
        wanted: impl Fn(&ServerMessage<'static>) -> bool,
    ) -> ServerMessage<'static> {
        loop {
            let next = timeout(DEADLINE, self.next()).await;
            let Ok(next) = next else { panic!("it never came; so far: {:#?}", self.log) };
            let Some(message) = next.expect("the connection stays") else { continue };
            if wanted(&message) {
                return message;
            }
        }
    }

    /// Takes what comes until sound does.
    pub(crate) async fn until_sound(&mut self) {
        let before = self.heard.len();
        while self.heard.len() == before {
            timeout(DEADLINE, self.next()).await.expect("sound comes").expect("it stays");
        }
    }

    /// Takes what comes until the server closes, and gives its words.
    pub(crate) async fn until_closed(&mut self) -> Option<CloseFrame> {
        loop {
            match timeout(DEADLINE, self.next()).await.expect("it closes") {
                Ok(_) => {}
                Err(close) => return close,
            }
        }
    }

    /// Takes all that comes for so long.
    pub(crate) async fn listen(&mut self, duration: Duration) {
        let end = tokio::time::Instant::now() + duration;
        while let Ok(next) = tokio::time::timeout_at(end, self.next()).await {
            next.expect("the connection stays");
        }
    }

    /// Takes all that comes until nothing has for this long.
    pub(crate) async fn drain(&mut self, quiet: Duration) {
        while timeout(quiet, self.next()).await.is_ok_and(|next| next.is_ok()) {}
    }

    /// The next message; `None` for sound; the close frame when the server closes.
    async fn next(&mut self) -> Result<Option<ServerMessage<'static>>, Option<CloseFrame>> {
        match self.socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let message = ServerMessage::decode(&text).expect("a message of the protocol");
                if let ServerMessage::TtsChunk { content } = &message {
                    assert!(!self.extended, "an extended client gets binary sound");
                    let pcm = decode_tts_chunk(content).expect("base64");
                    assert!(!pcm.is_empty(), "an empty chunk wedges the original's page");
                    pcm16::decode_le(&pcm, &mut self.heard).expect("whole samples");
                    return Ok(None);
                }
                self.log.push(message.clone());
                Ok(Some(message))
            }
            Some(Ok(Message::Binary(bytes))) => {
                let (header, pcm) = decode_audio(&bytes).expect("a frame of the protocol");
                assert_eq!(header.kind, AudioKind::Speech);
                self.heard_of.push(header.response);
                pcm16::decode_le(pcm, &mut self.heard).expect("whole samples");
                Ok(None)
            }
            Some(Ok(Message::Close(frame))) => Err(frame),
            Some(Ok(_)) => Ok(None),
            Some(Err(_)) | None => Err(None),
        }
    }
}

fn url(server: &TestServer) -> String {
    format!("ws://{}/ws", server.address)
}

pub(crate) fn is_final_answer(message: &ServerMessage<'_>) -> bool {
    matches!(message, ServerMessage::FinalAssistantAnswer { .. })
}

pub(crate) fn is_final_request(message: &ServerMessage<'_>) -> bool {
    matches!(message, ServerMessage::FinalUserRequest { .. })
}
