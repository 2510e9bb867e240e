//! Callers for whom there is no place, and who wait for one.

use std::time::Duration;

use futures_util::StreamExt;
use protocol::{ClientMessage, ServerMessage};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::{
    client::{Client, Socket, is_final_answer, is_final_request},
    harness::{Setup, TestServer, echo, long},
    resume::{ACTIVE, AWAY},
};

pub(crate) const WAITING: &str = "repartee_waiting_callers";

/// A server with so many places, and so many in its waiting room.
async fn server(places: usize, waiting_room: usize) -> TestServer {
    setup(places, waiting_room).start().await
}

fn setup(places: usize, waiting_room: usize) -> Setup {
    let mut setup = Setup::answering(echo);
    setup.settings.max_connections = places;
    setup.settings.waiting_room = waiting_room;
    setup
}

fn is_welcome(message: &ServerMessage<'_>) -> bool {
    matches!(message, ServerMessage::Welcome { .. })
}

/// The places in line that this caller was told of.
fn positions(caller: &Client) -> Vec<u32> {
    let position = |message: &ServerMessage<'_>| match message {
        ServerMessage::Queue { position, .. } => Some(*position),
        _ => None,
    };
    caller.log.iter().filter_map(position).collect()
}

async fn told_of_place(caller: &mut Client, wanted: u32) {
    let is_it = |message: &ServerMessage<'_>| matches!(message, ServerMessage::Queue { position, .. } if *position == wanted);
    caller.until(is_it).await;
}

/// Whether this socket was closed for lack of a place.
async fn is_turned_away(mut socket: Socket) -> bool {
    loop {
        match socket.next().await {
            Some(Ok(Message::Close(Some(close)))) => {
                return u16::from(close.code) == 1008 && close.reason == "Server at capacity";
            }
            Some(Ok(_)) => {}
            _ => return false,
        }
    }
}

#[tokio::test]
async fn who_finds_no_place_waits_and_comes_in_when_one_is_free() {
    let setup = setup(1, 3);
    let model = setup.llm.clone();
    let server = setup.start().await;
    let mut inside = Client::extended(&server).await;
    let mut caller = Client::hello(&server).await;
    told_of_place(&mut caller, 1).await;
    assert!((server.metric(ACTIVE).await - 1.0).abs() < f64::EPSILON, "there is no session yet");
    let (_, health) = server.get("/health").await;
    let health: serde_json::Value = serde_json::from_str(&health).expect("JSON");
    assert_eq!(health["waiting"], serde_json::json!({ "now": 1, "max": 3 }));
    // what is said in line is lost
    caller.speak(440.0).await;
    caller.say(&ClientMessage::Text("too early".to_owned())).await;
    caller.until_all_is_read().await;
    inside.leave(1000).await;
    caller.until(is_welcome).await;
    caller.say(&ClientMessage::Text("hello".to_owned())).await;
    let request = caller.until(is_final_request).await;
    assert_eq!(request, ServerMessage::FinalUserRequest { content: "hello".into() });
    caller.until(is_final_answer).await;
    assert_eq!(model.asked().len(), 1);
    assert_eq!(positions(&caller), [1]);
    server.until(WAITING, 0.0).await;
    assert!(
        (server.metric("repartee_waiting_time_seconds_count").await - 1.0).abs() < f64::EPSILON
    );
}

#[tokio::test]
async fn all_come_in_in_the_order_in_which_they_came() {
    let server = server(1, 3).await;
    let mut inside = Client::extended(&server).await;
    let mut line = Vec::new();
    for place in 1..=3 {
        let mut caller = Client::hello(&server).await;
        told_of_place(&mut caller, place).await;
        line.push(caller);
    }
    for next in 0..line.len() {
        inside.leave(1000).await;
        line[next].until(is_welcome).await;
        for (place, caller) in (1..).zip(&mut line[next + 1..]) {
            told_of_place(caller, place).await;
            assert!(!caller.log.iter().any(is_welcome));
        }
        std::mem::swap(&mut inside, &mut line[next]);
    }
}

#[tokio::test]
async fn who_leaves_the_line_lets_those_behind_move_up() {
    let server = server(1, 3).await;
    let _inside = Client::extended(&server).await;
    let (mut first, mut second) = (Client::hello(&server).await, Client::hello(&server).await);
    told_of_place(&mut first, 1).await;
    told_of_place(&mut second, 2).await;
    first.leave(1000).await;
    told_of_place(&mut second, 1).await;
    assert_eq!(positions(&second), [2, 1]);
    server.until(WAITING, 1.0).await;
    server.until("repartee_waiting_left_total{reason=\"gone\"}", 1.0).await;
}

#[tokio::test]
async fn past_the_waiting_room_callers_are_refused_as_without_one() {
    let server = server(1, 1).await;
    let _inside = Client::extended(&server).await;
    let mut waiting = Client::hello(&server).await;
    told_of_place(&mut waiting, 1).await;
    assert!(is_turned_away(Client::with_subprotocol(&server).await.expect("accepted")).await);
    let plain = tokio_tungstenite::connect_async(format!("ws://{}/ws", server.address)).await;
    assert!(matches!(plain, Err(Error::Http(response)) if response.status() == 503));
    assert_eq!(server.get("/readyz").await.0, 503);
    let refused = server.metric("repartee_sessions_refused_total{reason=\"places\"}").await;
    assert!((refused - 2.0).abs() < f64::EPSILON, "{refused}");
}

#[tokio::test]
async fn a_free_place_is_not_for_who_comes_later() {
    let server = server(1, 2).await;
    let mut inside = Client::extended(&server).await;
    let mut waiting = Client::hello(&server).await;
    told_of_place(&mut waiting, 1).await;
    inside.leave(1000).await;
    // whether the place is free by now or not
    let late = tokio_tungstenite::connect_async(format!("ws://{}/ws", server.address)).await;
    assert!(matches!(late, Err(Error::Http(response)) if response.status() == 503));
    waiting.until(is_welcome).await;
}

#[tokio::test]
async fn nobody_waits_longer_than_the_server_lets_them() {
    let mut setup = setup(1, 2);
    setup.settings.max_wait = Duration::from_millis(100);
    let server = setup.start().await;
    let _inside = Client::extended(&server).await;
    let mut waiting = Client::hello(&server).await;
    let close = waiting.until_closed().await.expect("it says why");
    assert_eq!((u16::from(close.code), &*close.reason), (1008, "Server at capacity"));
    server.until(WAITING, 0.0).await;
    server.until("repartee_waiting_left_total{reason=\"too_long\"}", 1.0).await;
}

#[tokio::test]
async fn who_says_no_hello_does_not_keep_a_place_in_line() {
    let server = server(1, 1).await;
    let _inside = Client::extended(&server).await;
    let silent = Client::with_subprotocol(&server).await.expect("accepted");
    server.until(WAITING, 1.0).await;
    tokio::time::pause();
    assert!(is_turned_away(silent).await);
}

#[tokio::test]
async fn a_server_that_stops_tells_those_in_line() {
    let mut server = server(1, 1).await;
    let mut inside = Client::extended(&server).await;
    let mut waiting = Client::hello(&server).await;
    told_of_place(&mut waiting, 1).await;
    server.stop.take().expect("it runs").send(()).expect("it runs");
    let close = waiting.until_closed().await.expect("it says why");
    assert_eq!((u16::from(close.code), &*close.reason), (1001, "Server is shutting down"));
    // who has a place may go on
    inside.say(&ClientMessage::Text("hello".to_owned())).await;
    inside.until(is_final_answer).await;
}

#[tokio::test]
async fn who_comes_back_does_not_wait_in_line() {
    let mut setup = Setup::answering(long).waiting();
    setup.settings.max_connections = 1;
    setup.settings.waiting_room = 2;
    let server = setup.start().await;
    let mut inside = Client::extended(&server).await;
    let mut waiting = Client::hello(&server).await;
    told_of_place(&mut waiting, 1).await;
    inside.lose().await;
    server.until(AWAY, 1.0).await;
    inside.come_back(&server).await;
    assert!(inside.is_resumed());
    assert_eq!(positions(&waiting), [1]);
    assert!((server.metric(WAITING).await - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn the_estimate_is_told_once_it_can_be() {
    let server = server(1, 2).await;
    let mut inside = Client::extended(&server).await;
    let mut line = [Client::hello(&server).await, Client::hello(&server).await];
    told_of_place(&mut line[0], 1).await;
    told_of_place(&mut line[1], 2).await;
    inside.leave(1000).await;
    line[0].until(is_welcome).await;
    told_of_place(&mut line[1], 1).await;
    let estimates = line[1].log.iter().filter_map(|message| match message {
        ServerMessage::Queue { estimated_wait_ms, .. } => Some(*estimated_wait_ms),
        _ => None,
    });
    let estimates: Vec<Option<u64>> = estimates.collect();
    assert_eq!(estimates[0], None, "nobody had left");
    // in whole seconds, so that it does not change all the time
    assert!(estimates[1].is_some_and(|wait| wait > 0 && wait % 1_000 == 0), "{estimates:?}");
}

#[tokio::test]
async fn many_come_wait_and_go_and_nothing_stays() {
    let server = server(2, 10).await;
    let mut callers = Vec::new();
    for number in 0..60 {
        if callers.len() == 12 {
            // from the front, the middle and the back, with a word or without one
            let mut gone: Client = callers.remove(number * 5 % 12);
            if number % 2 == 0 {
                gone.leave(1000).await;
            }
            drop(gone);
            server.until_sum(&[ACTIVE, WAITING], 11.0).await;
        }
        callers.push(Client::hello(&server).await);
        let here = f64::from(u32::try_from(callers.len()).expect("few"));
        server.until_sum(&[ACTIVE, WAITING], here).await;
    }
    // who is left comes in, in order
    while !callers.is_empty() {
        let mut next = callers.remove(0);
        if !next.log.iter().any(is_welcome) {
            next.until(is_welcome).await;
        }
    }
    server.until(ACTIVE, 0.0).await;
    server.until(WAITING, 0.0).await;
}
