//! A caller and a server that answers each clip with a tone.

use std::{future::Future, time::Duration};

use audio::{Frame, SampleRate, level, pcm16};
use futures_util::{SinkExt, StreamExt};
use loadtest::{Caller, Rates};
use protocol::{
    AudioHeader, AudioKind, AudioRates, ClientMessage, EngineNames, ServerMessage, decode_audio,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

const RATES: Rates = Rates { input: SampleRate::HZ_24000, output: SampleRate::HZ_16000 };
const ANSWER_SAMPLES: usize = 4_800;

fn tone(rate: SampleRate, duration: Duration) -> Frame {
    let samples = (0..rate.samples_in(duration)).map(|n| if n % 80 < 40 { 0.3 } else { -0.3 });
    Frame::new(rate, samples.collect::<Vec<f32>>())
}

fn welcome() -> ServerMessage<'static> {
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

/// Answers the first clip as soon as it falls silent; gives what was heard and which positions
/// were told.
async fn answer_once(mut socket: WebSocketStream<TcpStream>) -> (Vec<f32>, Vec<(u64, bool)>) {
    let (mut heard, mut told, mut answered) = (Vec::new(), Vec::new(), false);
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Text(text) => match ClientMessage::decode(&text).expect("a message") {
                ClientMessage::Hello { .. } => say(&mut socket, &welcome()).await,
                ClientMessage::Playback { position, playing, .. } => told.push((position, playing)),
                other => panic!("not expected: {other:?}"),
            },
            Message::Binary(frame) => {
                let (header, pcm) = decode_audio(&frame).expect("a frame");
                assert_eq!(header.position, heard.len() as u64, "nothing is left out");
                let before = heard.len();
                pcm16::decode_le(pcm, &mut heard).expect("whole samples");
                let silent = level::peak(&heard[before..]) == 0.0;
                if silent && level::peak(&heard) > 0.1 && !answered {
                    answered = true;
                    answer(&mut socket).await;
                }
            }
            _ => {}
        }
    }
    (heard, told)
}

async fn answer(socket: &mut WebSocketStream<TcpStream>) {
    say(socket, &ServerMessage::FinalUserRequest { content: "a clip".into() }).await;
    let header = AudioHeader { kind: AudioKind::Speech, response: 1, position: 0 };
    let mut frame = header.encode().to_vec();
    let sound = tone(RATES.output, RATES.output.duration_of(ANSWER_SAMPLES as u64));
    pcm16::encode_le(&sound.samples, &mut frame);
    socket.send(Message::binary(frame)).await.expect("it listens");
    let content = "a tone".into();
    say(socket, &ServerMessage::FinalAssistantAnswer { content, response: 1, interrupted: false })
        .await;
    say(socket, &ServerMessage::AudioEnd { response: 1, samples: ANSWER_SAMPLES as u64 }).await;
}

async fn say(socket: &mut WebSocketStream<TcpStream>, message: &ServerMessage<'_>) {
    socket.send(Message::text(message.encode())).await.expect("it listens");
}

/// Runs a caller and the server side by side.
async fn with_server<T, S>(
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

#[tokio::test]
async fn a_clip_is_spoken_and_the_answer_heard_measured_and_told() {
    let clip = tone(SampleRate::HZ_16000, Duration::from_millis(300));
    let call = async |url: String| {
        let mut caller = Caller::connect(&url, RATES).await.expect("it is welcome");
        let turn = caller.turn(&clip).await.expect("an answer");
        caller.close().await.expect("it hangs up");
        turn
    };
    let (turn, (heard, told)) = with_server(answer_once, call).await;
    assert_eq!((turn.said.as_str(), turn.answer.as_str()), ("a clip", "a tone"));
    assert_eq!((turn.sound.rate, turn.sound.samples.len()), (RATES.output, ANSWER_SAMPLES));
    assert!(turn.voice_to_voice.is_some() && !turn.answered_early, "{:?}", turn.voice_to_voice);
    let spoken = heard.iter().filter(|sample| sample.abs() > 0.1).count();
    assert!(spoken.abs_diff(7_200) < 300, "300 ms at 24 kHz, not {spoken} samples");
    assert_eq!(told.first().map(|(_, playing)| *playing), Some(true));
    assert_eq!(told.last(), Some(&(ANSWER_SAMPLES as u64, false)));
}

#[tokio::test]
async fn a_server_that_hangs_up_is_an_error_that_says_so() {
    let hang_up = async |mut socket: WebSocketStream<TcpStream>| {
        say(&mut socket, &welcome()).await;
        socket.close(None).await.expect("it listens");
    };
    let call = async |url: String| {
        let mut caller = Caller::connect(&url, RATES).await.expect("it is welcome");
        caller.silence(Duration::from_mins(1)).await
    };
    let (result, ()) = with_server(hang_up, call).await;
    let error = result.expect_err("it hung up").to_string();
    assert!(error.starts_with("the server hung up"), "{error}");
}

#[tokio::test]
async fn a_clip_without_sound_is_refused() {
    let clip = Frame::new(SampleRate::HZ_16000, vec![0.0; 16_000]);
    let call = async |url: String| {
        let mut caller = Caller::connect(&url, RATES).await.expect("it is welcome");
        let result = caller.ask(&clip).await.map(|turn| turn.said);
        caller.close().await.expect("it hangs up");
        result
    };
    let (result, _) = with_server(answer_once, call).await;
    assert_eq!(result.expect_err("nothing to say").to_string(), "the clip has no sound");
}
