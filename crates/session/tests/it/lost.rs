//! Callers who lose their connection and come back.

use std::time::Duration;

use session::Command;

use crate::call::spoken_call;

const LONG: &str = "This is the first of them all. This is the second of them all. \
                    This is the third of them all.";

#[tokio::test(start_paused = true)]
async fn a_lost_connection_holds_the_answer_where_the_caller_stopped_hearing() {
    let mut call = spoken_call(&[], &[LONG]);
    call.say("Go on.").await;
    call.pause(50).await;
    call.log.take();
    call.command(Command::Away).await;
    call.listen(Duration::from_secs(10)).await;
    assert_eq!(call.log.take(), "", "nobody is there");
    call.command(Command::Back).await;
    call.listen(Duration::from_secs(10)).await;
    assert_eq!(
        call.log.take(),
        "11601:History(1) 11601:Sound1(1600-4560) 13041:Said1(This is the first of them all. \
         This is the second of them all. This is the third of them all.) 13041:End1(4560)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_turn_under_way_ends_by_itself_and_its_answer_waits() {
    let mut call = spoken_call(&["Hello there."], &["Hi!"]);
    call.speak(10).await;
    call.command(Command::Away).await;
    call.until_heard(9).await;
    call.listen(Duration::from_secs(1)).await;
    assert_eq!(call.told().len(), 1, "it is being answered");
    assert_eq!(call.log.take(), "", "nobody is there");
    call.command(Command::Back).await;
    call.listen(Duration::from_secs(1)).await;
    assert_eq!(
        call.log.take(),
        "1620:History(1) 1620:Sound1(0-160) 1620:Said1(Hi!) 1620:End1(160)"
    );
}
