//! A caller.

use std::{ops::Range, time::Duration};

use audio::{SampleRate, pcm16};
use futures_util::{SinkExt, StreamExt};
use protocol::{
    AudioHeader, AudioKind, ClientMessage, PlainAudio, ServerMessage, decode_audio,
    decode_tts_chunk,
};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::CloseFrame},
};

use crate::harness::{DEADLINE, TestServer, tone};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connection to the server, plain or extended.
pub(crate) struct Client {
    pub(crate) socket: Socket,
    /// What an extended client has said of its sound.
    rates: Option<Rates>,
    sent: u64,
    /// Every message so far, sound left out.
    pub(crate) log: Vec<ServerMessage<'static>>,
    /// How much sound there had been when each message came.
    pub(crate) heard_by: Vec<usize>,
    /// All sound so far.
    pub(crate) heard: Vec<f32>,
    /// The response that each frame of sound belonged to, for extended clients.
    pub(crate) heard_of: Vec<u32>,
    /// Where each of these frames belongs.
    pub(crate) places: Vec<Place>,
}

/// Where a frame belongs in its response, and which of the samples heard are its own.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) position: usize,
    pub(crate) samples: Range<usize>,
}

#[derive(Clone, Copy)]
struct Rates {
    input: SampleRate,
    output: SampleRate,
}

/// Rates of the extended client: another one each way, so that mixing them up is heard.
pub(crate) const INPUT_RATE: SampleRate = SampleRate::HZ_24000;
pub(crate) const OUTPUT_RATE: SampleRate = SampleRate::HZ_48000;
const PLAIN_RATE: SampleRate = SampleRate::HZ_48000;
const MICROPHONE_FRAME: Duration = Duration::from_millis(20);

impl Client {
    pub(crate) async fn plain(server: &TestServer) -> Self {
        let (socket, _) = connect_async(url(server)).await.expect("there is room");
        Self::over(socket)
    }

    fn over(socket: Socket) -> Self {
        Self {
            socket,
            rates: None,
            sent: 0,
            log: vec![],
            heard_by: vec![],
            heard: vec![],
            heard_of: vec![],
            places: vec![],
        }
    }

    pub(crate) async fn extended(server: &TestServer) -> Self {
        Self::at_rates(server, Rates { input: INPUT_RATE, output: OUTPUT_RATE }).await
    }

    /// A client whose sound has this rate both ways. At the voice's own rate nothing is resampled.
    pub(crate) async fn at_rate(server: &TestServer, rate: SampleRate) -> Self {
        Self::at_rates(server, Rates { input: rate, output: rate }).await
    }

    async fn at_rates(server: &TestServer, rates: Rates) -> Self {
        let mut client = Self::plain(server).await;
        client.rates = Some(rates);
        client.greet(rates).await;
        client
    }

    async fn greet(&mut self, rates: Rates) {
        self.say_hello(rates).await;
        self.until(|message| matches!(message, ServerMessage::Welcome { .. })).await;
    }

    /// A client that understands what it is told in line, and says hello.
    pub(crate) async fn hello(server: &TestServer) -> Self {
        let mut client = Self::over(Self::with_subprotocol(server).await.expect("it is accepted"));
        let rates = Rates { input: INPUT_RATE, output: OUTPUT_RATE };
        client.rates = Some(rates);
        client.say_hello(rates).await;
        client
    }

    async fn say_hello(&mut self, rates: Rates) {
        self.say(&ClientMessage::Hello {
            version: 1,
            input_rate: rates.input.hz(),
            output_rate: rates.output.hz(),
            client: "test".to_owned(),
        })
        .await;
    }

    /// Connects with the sub-protocol, whatever comes of it.
    pub(crate) async fn with_subprotocol(server: &TestServer) -> Result<Socket, Error> {
        connect(server, protocol::SUB_PROTOCOL).await
    }

    /// Loses the connection: no more comes from this client, not even a word of farewell.
    pub(crate) async fn lose(&mut self) {
        self.socket.get_mut().shutdown().await.expect("it is open");
    }

    /// Says farewell with this code.
    pub(crate) async fn leave(&mut self, code: u16) {
        let close = CloseFrame { code: code.into(), reason: "".into() };
        self.socket.close(Some(close)).await.expect("it is open");
    }

    /// Comes back with the newest token, and says hello. Gives the connection it had before.
    pub(crate) async fn come_back(&mut self, server: &TestServer) -> Socket {
        let token = self.token().expect("there is one");
        let before = std::mem::replace(&mut self.socket, connect_with(server, &token).await);
        self.sent = 0;
        self.greet(self.rates.expect("an extended client")).await;
        before
    }

    /// Connects with the newest token, and gets no further.
    pub(crate) async fn try_to_come_back(&self, server: &TestServer) -> Socket {
        connect_with(server, &self.token().expect("there is one")).await
    }

    /// A client that has nothing but this token.
    pub(crate) async fn with_token(server: &TestServer, token: &str) -> Self {
        let mut client = Self::over(connect_with(server, token).await);
        let rates = Rates { input: INPUT_RATE, output: OUTPUT_RATE };
        client.rates = Some(rates);
        client.greet(rates).await;
        client
    }

    /// The token to come back with.
    pub(crate) fn token(&self) -> Option<String> {
        match self.welcome() {
            ServerMessage::Welcome { resume, .. } => resume.as_deref().map(str::to_owned),
            _ => unreachable!(),
        }
    }

    /// Whether the server took up the session that there was.
    pub(crate) fn is_resumed(&self) -> bool {
        matches!(self.welcome(), ServerMessage::Welcome { resumed: true, .. })
    }

    /// The newest welcome.
    pub(crate) fn welcome(&self) -> &ServerMessage<'static> {
        let is_welcome = |message: &&_| matches!(message, ServerMessage::Welcome { .. });
        self.log.iter().rfind(is_welcome).expect("it was welcomed")
    }

    /// Waits until the server has obeyed all that was said so far.
    pub(crate) async fn settle(&mut self) {
        self.say(&ClientMessage::SetSpeed(0)).await;
        self.until(|message| matches!(message, ServerMessage::Ack { of, .. } if of == "set_speed"))
            .await;
    }

    /// Waits until the server has read all that was sent so far.
    pub(crate) async fn until_all_is_read(&mut self) {
        self.socket.send(Message::Ping(Vec::new().into())).await.expect("it listens");
        let answered =
            async { while !matches!(self.socket.next().await, Some(Ok(Message::Pong(_)))) {} };
        timeout(DEADLINE, answered).await.expect("pings are answered");
    }

    /// The connection alone, without what the client keeps beside it.
    pub(crate) fn into_bare_socket(self) -> MaybeTlsStream<TcpStream> {
        self.socket.into_inner()
    }

    /// The sound of a response as its positions join it.
    pub(crate) fn joined(&self, response: u32) -> Vec<f32> {
        let mut whole = Vec::new();
        let frames = self.places.iter().zip(&self.heard_of);
        for (place, _) in frames.filter(|(_, of)| **of == response) {
            assert!(place.position <= whole.len(), "a gap from {} to {place:?}", whole.len());
            whole.truncate(place.position);
            whole.extend(&self.heard[place.samples.clone()]);
        }
        whole
    }

    /// The types of the messages since the first `from`, in order.
    pub(crate) fn kinds(&self, from: usize) -> Vec<String> {
        let kind = |message: &ServerMessage<'_>| {
            let json: serde_json::Value = serde_json::from_str(&message.encode()).expect("JSON");
            json["type"].as_str().expect("a type").to_owned()
        };
        self.log[from..].iter().map(kind).collect()
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
        self.send_samples(&tone(self.input_rate(), pitch, self.samples_in(duration))).await;
    }

    pub(crate) async fn silence(&mut self, duration: Duration) {
        self.send_samples(&vec![0.0; self.samples_in(duration)]).await;
    }

    /// Sends sound as a microphone does, 20 ms at a time, and takes what comes meanwhile.
    pub(crate) async fn record(&mut self, samples: &[f32]) {
        let mut next = Instant::now();
        for frame in samples.chunks(self.samples_in(MICROPHONE_FRAME)) {
            self.send_samples(frame).await;
            // after a stall the rest comes no faster
            next = (next + MICROPHONE_FRAME).max(Instant::now());
            self.listen_until(next).await;
        }
    }

    /// Keeps silent for so long.
    pub(crate) async fn record_silence(&mut self, duration: Duration) {
        self.record(&vec![0.0; self.samples_in(duration)]).await;
    }

    /// A tone for [`record`](Self::record).
    pub(crate) fn tone(&self, pitch: f32, duration: Duration) -> Vec<f32> {
        tone(self.input_rate(), pitch, self.samples_in(duration))
    }

    pub(crate) fn input_rate(&self) -> SampleRate {
        self.rates.map_or(PLAIN_RATE, |rates| rates.input)
    }

    fn samples_in(&self, duration: Duration) -> usize {
        usize::try_from(self.input_rate().samples_in(duration)).expect("a short sound")
    }

    pub(crate) async fn send_samples(&mut self, samples: &[f32]) {
        for samples in samples.chunks(2_048) {
            let mut pcm = Vec::new();
            pcm16::encode_le(samples, &mut pcm);
            let mut bytes = Vec::new();
            if self.rates.is_some() {
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

    /// Takes what comes until there has been so much sound in all.
    pub(crate) async fn until_heard(&mut self, samples: usize) {
        while self.heard.len() < samples {
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
        self.listen_until(Instant::now() + duration).await;
    }

    pub(crate) async fn listen_until(&mut self, end: Instant) {
        while let Ok(next) = timeout_at(end, self.next()).await {
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
                    assert!(self.rates.is_none(), "an extended client gets binary sound");
                    let pcm = decode_tts_chunk(content).expect("base64");
                    assert!(!pcm.is_empty(), "an empty chunk wedges the original's page");
                    pcm16::decode_le(&pcm, &mut self.heard).expect("whole samples");
                    return Ok(None);
                }
                self.log.push(message.clone());
                self.heard_by.push(self.heard.len());
                Ok(Some(message))
            }
            Some(Ok(Message::Binary(bytes))) => {
                let (header, pcm) = decode_audio(&bytes).expect("a frame of the protocol");
                assert_eq!(header.kind, AudioKind::Speech);
                self.heard_of.push(header.response);
                let before = self.heard.len();
                pcm16::decode_le(pcm, &mut self.heard).expect("whole samples");
                let position = usize::try_from(header.position).expect("a short answer");
                self.places.push(Place { position, samples: before..self.heard.len() });
                Ok(None)
            }
            Some(Ok(Message::Close(frame))) => Err(frame),
            Some(Ok(_)) => Ok(None),
            Some(Err(_)) | None => Err(None),
        }
    }
}

/// The whole first answer as a caller hears it whom nothing disturbs.
pub(crate) async fn undisturbed(server: &TestServer, rate: SampleRate) -> Vec<f32> {
    let mut caller = Client::at_rate(server, rate).await;
    caller.say(&ClientMessage::Text("go on".to_owned())).await;
    caller.until(is_audio_end).await;
    caller.leave(1000).await;
    caller.joined(1)
}

async fn connect_with(server: &TestServer, token: &str) -> Socket {
    let offered = format!("{}, {}{token}", protocol::SUB_PROTOCOL, protocol::RESUME_PREFIX);
    connect(server, &offered).await.expect("it is let in")
}

/// Connects and offers these sub-protocols.
async fn connect(server: &TestServer, offered: &str) -> Result<Socket, Error> {
    let mut request = url(server).into_client_request().expect("a request");
    let offered = offered.parse().expect("a value");
    request.headers_mut().insert("Sec-WebSocket-Protocol", offered);
    let (socket, response) = connect_async(request).await?;
    let selected = response.headers().get("Sec-WebSocket-Protocol").expect("one is selected");
    assert_eq!(selected, protocol::SUB_PROTOCOL, "never the one with the token");
    Ok(socket)
}

fn url(server: &TestServer) -> String {
    format!("ws://{}/ws", server.address)
}

pub(crate) fn is_final_answer(message: &ServerMessage<'_>) -> bool {
    matches!(message, ServerMessage::FinalAssistantAnswer { .. })
}

pub(crate) fn is_audio_end(message: &ServerMessage<'_>) -> bool {
    matches!(message, ServerMessage::AudioEnd { .. })
}

pub(crate) fn is_final_request(message: &ServerMessage<'_>) -> bool {
    matches!(message, ServerMessage::FinalUserRequest { .. })
}
