//! A server that tests write.

use std::{future::Future, time::Duration};

use audio::{Frame, SampleRate, level, pcm16};
use futures_util::{SinkExt, StreamExt};
use loadtest::Rates;
use protocol::{
    AudioHeader, AudioKind, AudioRates, ClientMessage, EngineNames, ServerMessage, decode_audio,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

pub(crate) const RATES: Rates = Rates { input: SampleRate::HZ_24000, output: SampleRate::HZ_16000 };

pub(crate) fn tone(rate: SampleRate, duration: Duration) -> Frame {
    let samples = (0..rate.samples_in(duration)).map(|n| if n % 80 < 40 { 0.3 } else { -0.3 });
    Frame::new(rate, samples.collect::<Vec<f32>>())
}

pub(crate) fn welcome() -> ServerMessage<'static> {
    ServerMessage::Welcome {
        version: protocol::VERSION,
        connection: "c1".into(),
        audio: AudioRates { input_rate: RATES.input.hz(), output_rate: RATES.output.hz() },
        engines: EngineNames { stt: "".into(), llm: "".into(), tts: "".into() },
        resume: None,
        resume_within_ms: 0,
        resumed: false,
        voice: None,
        voices: Vec::new(),
        instructions_allowed: false,
    }
}

pub(crate) async fn say(socket: &mut WebSocketStream<TcpStream>, message: &ServerMessage<'_>) {
    socket.send(Message::text(message.encode())).await.expect("it listens");
}

/// Runs a caller and the server side by side.
pub(crate) async fn with_server<T, S>(
    serve: impl AsyncFnOnce(WebSocketStream<TcpStream>) -> S,
    call: impl AsyncFnOnce(String) -> T,
) -> (T, S) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/ws", listener.local_addr().expect("an address"));
    let serving: std::pin::Pin<Box<dyn Future<Output = S>>> = Box::pin(async {
        let (stream, _) = listener.accept().await.expect("a caller");
        serve(accept_async(stream).await.expect("a handshake")).await
    });
    tokio::join!(call(url), serving)
}

/// A tone of a response, from its first sample on.
pub(crate) fn sound(response: u32, duration: Duration) -> Message {
    let header = AudioHeader { kind: AudioKind::Speech, response, position: 0 };
    let mut frame = header.encode().to_vec();
    pcm16::encode_le(&tone(RATES.output, duration).samples, &mut frame);
    Message::binary(frame)
}

pub(crate) fn text(message: &ServerMessage<'_>) -> Message {
    Message::text(message.encode())
}

/// Says the first part of a script when the microphone first hears something, the second when it
/// falls silent, and so on. Gives what was told of the playback.
pub(crate) async fn follow_script(
    mut socket: WebSocketStream<TcpStream>,
    script: Vec<Vec<Message>>,
) -> Vec<(u32, u64, bool)> {
    let (mut script, mut told, mut loud) = (script.into_iter(), Vec::new(), false);
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Text(text) => match ClientMessage::decode(&text).expect("a message") {
                ClientMessage::Hello { .. } => say(&mut socket, &welcome()).await,
                ClientMessage::Playback { response, position, playing } => {
                    told.push((response, position, playing));
                }
                other => panic!("not expected: {other:?}"),
            },
            Message::Binary(frame) => {
                let (_, pcm) = decode_audio(&frame).expect("a frame");
                let mut heard = Vec::new();
                pcm16::decode_le(pcm, &mut heard).expect("whole samples");
                let peak = level::peak(&heard);
                if if loud { peak == 0.0 } else { peak > 0.1 } {
                    loud = !loud;
                    for message in script.next().unwrap_or_default() {
                        socket.send(message).await.expect("it listens");
                    }
                }
            }
            _ => {}
        }
    }
    told
}
