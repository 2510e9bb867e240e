//! Spoken turns, and answers that are begun before it is certain that they have ended.

use std::{sync::Arc, time::Duration};

use llm::{Role, Standing};
use session::Event;
use tokio::time::Instant;
use tts::Urgency;

use crate::call::spoken_call;

#[tokio::test(start_paused = true)]
async fn a_turn_is_answered_with_what_was_begun_in_its_pause() {
    let mut call = spoken_call(&["Hello there."], &["Hi! How are you? !hang"]);
    call.speak(10).await;
    call.pause(5).await;
    assert_eq!(call.model.standings(), [Standing::Speculative], "it may be in vain");
    assert_eq!(call.log.take(), "", "nobody knows of it");
    call.pause(32).await;
    assert_eq!(call.log.take(), "544:Heard(Hello there.) 544:Sound1(0-800)");
    assert_eq!(call.model.standings(), [Standing::Confirmed]);
    assert_eq!(call.told(), [(Role::User, "Hello there.".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn speech_that_goes_on_drops_what_was_begun_and_the_whole_is_answered() {
    let understood = ["Hello there.", "Hello there, I am new."];
    let mut call = spoken_call(&understood, &["Hi! !hang", "Welcome!"]);
    let idle = Arc::strong_count(&call.tts);
    call.speak(10).await;
    call.pause(5).await;
    assert!(Arc::strong_count(&call.tts) > idle, "the answer is spoken");
    call.speak(8).await;
    assert_eq!(Arc::strong_count(&call.tts), idle, "nothing of it stays");
    call.pause(20).await;
    assert_eq!(
        call.log.take(),
        "960:Heard(Hello there, I am new.) 960:Sound1(0-400) 960:Said1(Welcome!) \
         960:End1(400)"
    );
    assert_eq!(call.told(), [(Role::User, "Hello there, I am new.".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_microphone_that_falls_mute_ends_the_turn() {
    let mut call = spoken_call(&["Hello there."], &["Hi!"]);
    call.speak(10).await;
    call.until(|event| matches!(event, Event::AudioEnd { .. })).await;
    assert_eq!(
        call.log.take(),
        "620:Heard(Hello there.) 620:Sound1(0-160) 620:Said1(Hi!) 620:End1(160)"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_and_fails_is_tried_again() {
    let mut call = spoken_call(&["Hello there."], &["!error", "Hi!"]);
    call.speak(10).await;
    call.pause(12).await;
    call.listen(Duration::from_secs(1)).await;
    assert_eq!(
        call.log.take(),
        "544:Heard(Hello there.) 544:Sound1(0-160) 544:Said1(Hi!) 544:End1(160)"
    );
}

#[tokio::test(start_paused = true)]
async fn only_the_first_words_are_spoken_before_it_is_certain() {
    let mut call = spoken_call(&["Hello there."], &["Hi there! How are you? I am fine."]);
    let first = ("Hi there! How are you?".to_owned(), Urgency::Speculative);
    call.speak(10).await;
    call.pause(6).await;
    assert_eq!(call.tts.asked(), std::slice::from_ref(&first));
    call.pause(2).await;
    let [before, (rest, Urgency::Later { due })] = &call.tts.asked()[..] else {
        panic!("{:?}", call.tts.asked())
    };
    assert_eq!((before, &**rest), (&first, "I am fine."));
    assert!(*due > Instant::now().into_std(), "the first sentence sounds");
}
