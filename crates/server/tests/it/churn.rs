//! Callers who leave, in every state, leave nothing behind.

use std::time::Duration;

use protocol::ClientMessage;

use crate::{
    client::{Client, is_final_request},
    harness::{Setup, TestServer, echo},
};

/// What this process holds: threads, open descriptors, and memory in MiB.
fn held() -> (usize, usize, u64) {
    let count = |path| std::fs::read_dir(path).expect("Linux").count();
    let process = procfs::process::Process::myself().and_then(|process| process.stat());
    let memory = process.expect("Linux").rss * procfs::page_size();
    (count("/proc/self/task"), count("/proc/self/fd"), memory >> 20)
}

async fn leave_in_state(server: &TestServer, state: usize) {
    let mut caller = Client::extended(server).await;
    match state % 5 {
        0 => {}
        1 => caller.sound(440.0, Duration::from_millis(300)).await,
        2 => {
            caller.say(&ClientMessage::Text("hang".to_owned())).await;
            caller.until(is_final_request).await;
        }
        3 => {
            caller.say(&ClientMessage::Text("speak for a while, would you".to_owned())).await;
            caller.until_sound().await;
        }
        _ => {
            caller.speak(440.0).await;
            caller.until(is_final_request).await;
        }
    }
}

#[tokio::test]
async fn two_hundred_callers_come_and_go_and_nothing_stays() {
    let reply = |messages: &[llm::Message]| match &*messages[messages.len() - 1].text {
        "hang" => "!hang".to_owned(),
        _ => echo(messages),
    };
    let server = Setup::answering(reply).start().await;
    // what is made once is made before counting
    for state in 0..5 {
        leave_in_state(&server, state).await;
    }
    server.until("repartee_sessions_active", 0.0).await;
    let (threads, descriptors, memory) = held();
    for state in 0..200 {
        leave_in_state(&server, state).await;
    }
    server.until("repartee_sessions_active", 0.0).await;
    let (threads_after, descriptors_after, memory_after) = held();
    // other tests of this binary come and go meanwhile, with a handful of sockets each
    assert!(threads_after <= threads + 20, "{threads} threads became {threads_after}");
    assert!(
        descriptors_after <= descriptors + 60,
        "{descriptors} descriptors became {descriptors_after}"
    );
    assert!(memory_after <= memory + 64, "{memory} MiB became {memory_after}");
    assert!((server.metric("repartee_sessions_started_total").await - 205.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn nothing_stays_of_two_hundred_callers_who_lose_the_connection() {
    let mut setup = Setup::answering(echo).waiting();
    setup.settings.resume = Duration::from_millis(100);
    // those who are away keep their places
    setup.settings.max_connections = 300;
    let server = setup.start().await;
    for number in 0..5 {
        lose_connection(&server, number).await;
    }
    server.until("repartee_sessions_active", 0.0).await;
    let (threads, descriptors, memory) = held();
    for number in 0..200 {
        lose_connection(&server, number).await;
    }
    server.until("repartee_sessions_active", 0.0).await;
    assert!(server.metric("repartee_sessions_away").await.abs() < f64::EPSILON);
    let (threads_after, descriptors_after, memory_after) = held();
    // other tests of this binary come and go meanwhile, with a handful of sockets each
    assert!(threads_after <= threads + 20, "{threads} threads became {threads_after}");
    assert!(
        descriptors_after <= descriptors + 60,
        "{descriptors} descriptors became {descriptors_after}"
    );
    assert!(memory_after <= memory + 64, "{memory} MiB became {memory_after}");
}

/// Leaves without a word in the middle of an answer; every fourth caller comes back first.
async fn lose_connection(server: &TestServer, number: usize) {
    let mut caller = Client::extended(server).await;
    caller.say(&ClientMessage::Text("speak for a while, would you".to_owned())).await;
    caller.until_sound().await;
    if number.is_multiple_of(4) {
        caller.come_back(server).await;
        assert!(caller.is_resumed());
    }
    caller.lose().await;
}
