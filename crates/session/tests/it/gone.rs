//! Sessions that are dropped, whatever they were doing.

use std::sync::Arc;

use session::Event;
use tokio::task::yield_now;

use crate::call::{Call, call, spoken_call};

/// Drops the session, and sees that nothing of it stays.
async fn drop_session(mut call: Call) {
    call.session.shutdown().await;
    for _ in 0..100 {
        if Arc::strong_count(&call.tts) == 1 && Arc::strong_count(&call.stt) == 1 {
            // what is on its way, and then nothing
            while call.outputs.next().await.is_some() {}
            return;
        }
        yield_now().await;
    }
    panic!("something of the session still uses the engines");
}

#[tokio::test(start_paused = true)]
async fn in_the_middle_of_an_answer() {
    let mut call = call(&["Well, this will take a while. And then !hang"]);
    call.say("go").await;
    call.until_sound().await;
    assert!(Arc::strong_count(&call.tts) > 2, "the response speaks");
    drop_session(call).await;
}

#[tokio::test(start_paused = true)]
async fn before_the_model_has_said_anything() {
    let mut call = call(&["!hang"]);
    call.say("go").await;
    call.until(|event| matches!(event, Event::FinalTranscript(_))).await;
    drop_session(call).await;
}

#[tokio::test(start_paused = true)]
async fn while_an_answer_is_begun_that_may_be_in_vain() {
    let mut call = spoken_call(&["Hello there."], &["Hi! !hang"]);
    call.speak(10).await;
    call.pause(4).await;
    assert_eq!(call.model.asked().len(), 1);
    drop_session(call).await;
}
