//! Conversations that are recorded.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use protocol::{ClientMessage, ServerMessage};
use server::Recorder;
use session::{Action, Input, Tape};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    client::{Client, is_final_answer, is_final_request},
    harness::{Setup, echo},
    log::Log,
};

/// What went onto all tapes: the connection, when, and what.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Vec<(String, Duration, Kept)>>>);

#[derive(Clone, Debug)]
enum Kept {
    Input(Input),
    Action(Action),
}

struct Reel {
    shelf: Shelf,
    connection: String,
}

impl Recorder for Shelf {
    fn tape(&self, connection: &str) -> io::Result<Box<dyn Tape>> {
        Ok(Box::new(Reel { shelf: self.clone(), connection: connection.to_owned() }))
    }
}

impl Tape for Reel {
    fn input(&mut self, at: Duration, input: &Input) {
        self.keep(at, Kept::Input(input.clone()));
    }

    fn action(&mut self, at: Duration, action: &Action) {
        self.keep(at, Kept::Action(action.clone()));
    }
}

impl Reel {
    fn keep(&self, at: Duration, kept: Kept) {
        self.shelf.0.lock().expect("no test fails in it").push((self.connection.clone(), at, kept));
    }
}

/// A disk that is full.
struct Full;

impl Recorder for Full {
    fn tape(&self, _: &str) -> io::Result<Box<dyn Tape>> {
        Err(io::Error::other("the disk is full"))
    }
}

#[tokio::test]
async fn every_caller_is_told_first() {
    let mut setup = Setup::answering(echo);
    setup.recorder = Some(Arc::new(Shelf::default()));
    let server = setup.start().await;
    let mut page = Client::plain(&server).await;
    page.say(&ClientMessage::Text("hello".to_owned())).await;
    page.until(is_final_answer).await;
    let caller = Client::extended(&server).await;
    for client in [page, caller] {
        assert!(
            matches!(&client.log[0], ServerMessage::Recording { content } if !content.is_empty()),
            "{:?}",
            client.log
        );
        let told = client.kinds(0).iter().filter(|kind| *kind == "recording").count();
        assert_eq!(told, 1, "once");
    }
}

#[tokio::test]
async fn nobody_is_told_where_nothing_is_recorded() {
    let server = Setup::answering(echo).start().await;
    let mut page = Client::plain(&server).await;
    page.say(&ClientMessage::Text("hello".to_owned())).await;
    page.until(is_final_answer).await;
    assert!(!page.kinds(0).contains(&"recording".to_owned()));
}

#[tokio::test]
async fn what_is_heard_and_decided_is_on_the_tape() {
    let mut setup = Setup::answering(echo);
    let shelf = Shelf::default();
    setup.recorder = Some(Arc::new(shelf.clone()));
    let server = setup.start().await;
    let mut caller = Client::extended(&server).await;
    caller.speak(440.0).await;
    caller.until(is_final_request).await;
    caller.until(is_final_answer).await;
    let kept = shelf.0.lock().unwrap().clone();
    assert!(kept.iter().all(|(connection, ..)| connection == "c1"));
    assert!(kept.is_sorted_by_key(|(_, at, _)| *at), "in order");
    let place = |wanted: fn(&Kept) -> bool| kept.iter().position(|(.., it)| wanted(it));
    let order = [
        place(|it| matches!(it, Kept::Input(Input::Command(session::Command::Hello)))),
        place(
            |it| matches!(it, Kept::Input(Input::Frame { probability, .. }) if *probability > 0.5),
        ),
        place(|it| matches!(it, Kept::Action(Action::BeginTurn))),
        place(|it| matches!(it, Kept::Action(Action::Transcribe(_)))),
        place(
            |it| matches!(it, Kept::Input(Input::Transcript { text, .. }) if text == "tone 440."),
        ),
        place(|it| matches!(it, Kept::Action(Action::Respond { .. }))),
        place(|it| matches!(it, Kept::Input(Input::Sound(_)))),
        place(|it| matches!(it, Kept::Action(Action::Play))),
    ];
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{order:?}");
}

#[tokio::test]
async fn who_cannot_be_recorded_is_sent_away() {
    let log = Log::capture();
    let mut setup = Setup::answering(echo);
    setup.recorder = Some(Arc::new(Full));
    let server = setup.start().await;
    let mut socket = Client::with_subprotocol(&server).await.expect("it is accepted");
    let message = futures_util::StreamExt::next(&mut socket).await;
    let Some(Ok(Message::Close(Some(close)))) = message else { panic!("{message:?}") };
    assert_eq!(u16::from(close.code), 1011);
    server.until("repartee_sessions_active", 0.0).await;
    let log = log.text();
    let line = "no session: the conversation cannot be recorded: the disk is full";
    assert!(log.lines().any(|it| it.contains("ERROR") && it.contains(line)), "{log}");
}
