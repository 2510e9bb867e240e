//! Clients that stop reading: they cost little, are given up, and nobody else notices.

use std::time::Duration;

use futures_util::SinkExt;
use protocol::ClientMessage;
use tokio::{task::JoinSet, time::timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    client::{Client, is_final_answer},
    harness::{DEADLINE, Setup, echo},
    resume::ACTIVE,
};

/// What is sent to a client that takes nothing fits here: what the kernel holds of both ends, and
/// one message of the server's.
const HELD: f64 = 32.0 * 1_048_576.0;

/// Asks without end for something that is answered, and never reads; until the server has given
/// it up.
async fn ask_and_never_listen(mut caller: Client) {
    let hello = ClientMessage::Hello {
        version: 1,
        input_rate: 24_000,
        output_rate: 24_000,
        client: "slow".to_owned(),
    };
    let hello = Message::text(hello.encode());
    let asking = async { while caller.socket.send(hello.clone()).await.is_ok() {} };
    timeout(DEADLINE, asking).await.expect("the server gives it up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_takes_nothing_is_given_up_and_others_notice_nothing() {
    let mut setup = Setup::answering(echo);
    setup.settings.send_timeout = Duration::from_millis(300);
    let server = setup.start().await;
    let mut other = Client::extended(&server).await;
    let stuck = Client::extended(&server).await;
    let before = server.metric("repartee_wire_bytes_total{direction=\"out\"}").await;
    let mut asking = JoinSet::new();
    asking.spawn(ask_and_never_listen(stuck));
    while asking.try_join_next().is_none() {
        other.say(&ClientMessage::Text("hello".to_owned())).await;
        other.until(is_final_answer).await;
    }
    server.until(ACTIVE, 1.0).await;
    let sent = server.metric("repartee_wire_bytes_total{direction=\"out\"}").await - before;
    assert!(sent < HELD, "{sent} bytes were made for it");
}
