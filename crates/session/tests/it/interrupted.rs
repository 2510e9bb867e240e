//! Speech over the answer.

use std::time::Duration;

use crate::call::spoken_call;
use llm::Role;

const LONG: &str = "This is the first of them all. This is the second of them all. \
                    This is the third of them all.";

#[tokio::test(start_paused = true)]
async fn words_stop_the_answer_and_are_answered() {
    let mut call = spoken_call(&["No, wait, stop."], &[LONG, "Yes?"]);
    call.say("Go on.").await;
    call.pause(50).await;
    assert_eq!(call.log.take(), "0:Heard(Go on.) 0:Sound1(0-3120)");
    call.speak(20).await;
    call.pause(20).await;
    assert_eq!(
        call.log.take(),
        "1620:Sound1(3120-3180) 1664:Pause1 1888:Cut1(This is the first of them all.…) \
         1888:Stop1 2464:Heard(No, wait, stop.) 2464:Sound2(0-200) 2464:Said2(Yes?) \
         2464:End2(200)"
    );
    let told = [
        (Role::User, "Go on.".to_owned()),
        (Role::Assistant, "This is the first of them all.…".to_owned()),
        (Role::User, "No, wait, stop.".to_owned()),
    ];
    assert_eq!(call.told(), told);
}

#[tokio::test(start_paused = true)]
async fn a_cough_pauses_the_answer_and_all_of_it_is_heard() {
    let mut call = spoken_call(&[], &[LONG]);
    call.say("Go on.").await;
    call.pause(50).await;
    call.speak(3).await;
    call.pause(300).await;
    assert_eq!(
        call.log.take(),
        "0:Heard(Go on.) 0:Sound1(0-3180) 1664:Pause1 1920:Resume1 1936:Sound1(3180-4560) \
         3296:Said1(This is the first of them all. This is the second of them all. This is \
         the third of them all.) 3296:End1(4560)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_takes_nothing_does_not_stop_hearing() {
    let mut call = spoken_call(&["No, wait, stop."], &[LONG, "Yes?"]);
    call.say("Go on.").await;
    call.pause(10).await;
    call.log.take();
    call.is_slow = true;
    call.pause(40).await;
    call.speak(20).await;
    call.pause(20).await;
    assert_eq!(call.told().last().map(|it| &*it.1), Some("No, wait, stop."), "it was heard");
    call.is_slow = false;
    call.listen(Duration::from_secs(1)).await;
    assert_eq!(
        call.log.take(),
        "2881:Cut1(This is the first of them all.…) 2881:Stop1 2881:Heard(No, wait, stop.) \
         2881:Sound2(0-200) 2881:Said2(Yes?) 2881:End2(200)"
    );
}
