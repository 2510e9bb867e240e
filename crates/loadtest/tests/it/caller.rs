//! A caller and a server that answers each clip with a tone.

use std::time::Duration;

use audio::{Frame, SampleRate, level, pcm16};
use futures_util::{SinkExt, StreamExt};
use loadtest::Caller;
use protocol::{ClientMessage, ServerMessage, decode_audio};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use crate::server::{RATES, say, sound, tone, welcome, with_server};

const ANSWER_SAMPLES: usize = 4_800;

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
    let sound = sound(1, RATES.output.duration_of(ANSWER_SAMPLES as u64));
    socket.send(sound).await.expect("it listens");
    let content = "a tone".into();
    say(socket, &ServerMessage::FinalAssistantAnswer { content, response: 1, interrupted: false })
        .await;
    say(socket, &ServerMessage::AudioEnd { response: 1, samples: ANSWER_SAMPLES as u64 }).await;
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
