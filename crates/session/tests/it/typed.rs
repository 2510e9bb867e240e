//! Typed turns, whose answers are paced, heard, and cut by time alone.

use std::time::Duration;

use llm::Role;
use session::{Command, Config, Event, Output};
use tokio::time::Instant;

use crate::call::{CHARACTER, call};

const LONG: &str = "This is the first of them all. This is the second of them all. \
                    This is the third of them all. This is the fourth of them all.";

#[tokio::test(start_paused = true)]
async fn sound_is_handed_out_no_further_ahead_than_the_lead() {
    let mut call = call(&[LONG]);
    call.say("go").await;
    let mut sent = call.until_sound().await;
    let started = Instant::now();
    let lead = Config::default().lead;
    loop {
        match call.outputs.next().await.expect("it runs") {
            Output::Audio { frame, .. } => sent += frame.duration(),
            Output::Event(Event::AudioEnd { duration, .. }) => {
                assert_eq!(duration, sent);
                break;
            }
            Output::Event(_) => continue,
        }
        let ahead = sent.saturating_sub(started.elapsed());
        assert!(ahead <= lead + Duration::from_millis(40), "{ahead:?} ahead");
    }
    assert!(sent >= CHARACTER * 110, "all of it: {sent:?}");
}

#[tokio::test(start_paused = true)]
async fn without_reports_what_was_heard_is_what_there_was_time_for() {
    let mut call = call(&[LONG]);
    call.say("go").await;
    call.until_sound().await;
    // the first sentence is 30 characters long and the second is half over
    call.listen(CHARACTER * 47).await;
    call.commands.send(Command::StopSpeaking).await.unwrap();
    let event = call.until(|event| matches!(event, Event::FinalAnswer { .. })).await;
    let Event::FinalAnswer { text, interrupted, .. } = event else { unreachable!() };
    assert!(interrupted);
    assert_eq!(text, "This is the first of them all. This is the…");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_heard_is_remembered_whole() {
    let mut call = call(&["This is all there is.", "And this."]);
    call.say("one").await;
    call.until(|event| matches!(event, Event::AudioEnd { .. })).await;
    call.until(|event| matches!(event, Event::State(session::State::Listening))).await;
    call.say("two").await;
    call.until(|event| matches!(event, Event::AudioEnd { .. })).await;
    let expected = [
        (Role::User, "one".to_owned()),
        (Role::Assistant, "This is all there is.".to_owned()),
        (Role::User, "two".to_owned()),
    ];
    assert_eq!(call.told(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_falls_silent_half_way_has_not_heard_it_all() {
    let mut call = call(&[LONG, "Yes."]);
    call.say("go").await;
    call.until_sound().await;
    call.commands.send(Command::PlaybackStarted).await.unwrap();
    call.listen(CHARACTER * 10).await;
    call.commands.send(Command::PlaybackStopped).await.unwrap();
    call.listen(CHARACTER * 10).await;
    call.say("what?").await;
    call.until(|event| matches!(event, Event::AudioEnd { .. })).await;
    let told = call.told();
    assert_eq!(told[1].0, Role::Assistant);
    assert!(told[1].1.starts_with("This is the") && told[1].1.ends_with('…'), "{told:?}");
    assert!(!told[1].1.contains("second"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reported_position_decides_over_time() {
    let mut call = call(&[LONG, "Yes."]);
    call.say("go").await;
    call.until_sound().await;
    call.listen(CHARACTER * 60).await;
    let heard =
        Command::Heard { response: session::ResponseId(1), until: CHARACTER * 30, playing: false };
    call.commands.send(heard).await.unwrap();
    call.say("what?").await;
    call.until(|event| matches!(event, Event::AudioEnd { .. })).await;
    assert_eq!(call.told()[1].1, "This is the first of them all.…");
}

#[tokio::test(start_paused = true)]
async fn the_session_ends_with_its_inputs_whatever_it_was_doing() {
    let mut call = call(&["Well, this will take !hang"]);
    call.say("go").await;
    call.until(|event| matches!(event, Event::PartialAnswer { .. })).await;
    drop(call.commands);
    let summary = call.session.join_next().await.expect("it ends").expect("it ends well");
    assert_eq!(summary.turns, 1);
    assert_eq!(summary.answers, 0);
}
