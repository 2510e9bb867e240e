//! Callers that speak or cough over an answer.

use std::time::Duration;

use audio::SampleRate;
use loadtest::{Caller, Coughed, cough};
use protocol::ServerMessage;
use tokio_tungstenite::tungstenite::Message;

use crate::server::{RATES, follow_script, sound, text, tone, with_server};

/// So much of the answer is heard before the caller makes a sound.
const HEARD: Duration = Duration::from_millis(200);
/// Beyond what is measured, on a busy machine.
const SLACK: Duration = Duration::from_millis(400);

fn understood(content: &'static str) -> Message {
    text(&ServerMessage::FinalUserRequest { content: content.into() })
}

/// An answer that sounds for so long, all at once.
fn answer(response: u32, content: &'static str, duration: Duration) -> Vec<Message> {
    let samples = RATES.output.samples_in(duration);
    let content = content.into();
    vec![
        sound(response, duration),
        text(&ServerMessage::FinalAssistantAnswer { content, response, interrupted: false }),
        text(&ServerMessage::AudioEnd { response, samples }),
    ]
}

/// A short question, an answer of two seconds, and what the server says when something is heard
/// over it and when that is over.
fn script(on_sound: Vec<Message>, on_silence: Vec<Message>) -> Vec<Vec<Message>> {
    let mut first = vec![understood("one")];
    first.extend(answer(1, "first", Duration::from_secs(2)));
    vec![vec![], first, on_sound, on_silence]
}

#[tokio::test]
async fn an_interruption_is_measured_from_the_first_word_to_the_last_sample_heard() {
    let clip = tone(SampleRate::HZ_16000, Duration::from_millis(200));
    let held = text(&ServerMessage::Pause { response: 1 });
    let mut second = vec![text(&ServerMessage::stop_tts(1)), understood("two")];
    second.extend(answer(2, "second", Duration::from_millis(100)));
    let call = async |url: String| {
        let mut caller = Caller::connect(&url, RATES).await.expect("it is welcome");
        let done = caller.interrupt(&clip, HEARD, &clip).await.expect("it is answered");
        caller.close().await.expect("it hangs up");
        done
    };
    let script = script(vec![held], second);
    let serve = async |socket| follow_script(socket, script).await;
    let (done, told) = with_server(serve, call).await;
    assert_eq!((done.question.said.as_str(), done.question.answer.as_str()), ("one", "first"));
    let answer = done.answer.expect("it was understood");
    assert_eq!((answer.said.as_str(), answer.answer.as_str()), ("two", "second"));
    let stop = done.stop.expect("it stopped");
    assert!(stop.heard < SLACK, "the pause counts: {:?}", stop.heard);
    assert_eq!(stop.arrived, Duration::ZERO);
    let held = told.iter().find(|(response, _, playing)| *response == 1 && !playing);
    let (_, position, _) = held.expect("where it was held is told");
    let heard = RATES.output.duration_of(*position);
    assert!(heard >= HEARD && heard < HEARD + SLACK, "{heard:?}");
}

#[tokio::test]
async fn an_answer_that_goes_on_after_a_cough_is_heard_to_its_end() {
    let clip = tone(SampleRate::HZ_16000, Duration::from_millis(200));
    let noise = cough(RATES.input, 1);
    let call = async |url: String| {
        let mut caller = Caller::connect(&url, RATES).await.expect("it is welcome");
        let done = caller.cough(&clip, HEARD, &noise).await.expect("it is answered");
        caller.close().await.expect("it hangs up");
        done
    };
    let held = text(&ServerMessage::Pause { response: 1 });
    let on = text(&ServerMessage::Resume { response: 1 });
    let script = script(vec![held], vec![on]);
    let serve = async |socket| follow_script(socket, script).await;
    let (done, told) = with_server(serve, call).await;
    let Coughed::WentOn { gap } = done.outcome else { panic!("{:?}", done.outcome) };
    let bounds = noise.duration() / 2..noise.duration() + SLACK;
    assert!(bounds.contains(&gap), "{gap:?}");
    assert_eq!(told.last(), Some(&(1, RATES.output.samples_in(Duration::from_secs(2)), false)));
}

#[tokio::test]
async fn an_answer_that_a_cough_stops_is_lost() {
    let clip = tone(SampleRate::HZ_16000, Duration::from_millis(200));
    let noise = cough(RATES.input, 1);
    let call = async |url: String| {
        let mut caller = Caller::connect(&url, RATES).await.expect("it is welcome");
        let done = caller.cough(&clip, HEARD, &noise).await.expect("it is answered");
        caller.close().await.expect("it hangs up");
        done.outcome
    };
    let script = script(vec![text(&ServerMessage::stop_tts(1))], vec![]);
    let serve = async |socket| follow_script(socket, script).await;
    let (outcome, _) = with_server(serve, call).await;
    assert_eq!(outcome, Coughed::Lost);
}
