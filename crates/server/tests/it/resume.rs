//! Callers who lose the connection and come back to their conversation.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use audio::{Frame, SampleRate};
use protocol::{ClientMessage, HistoryTurn, Role, ServerMessage, SessionState};
use tokio_tungstenite::tungstenite::Message;
use tts::{Speech, TextToSpeech, TtsError};

use crate::{
    client::{
        Client, OUTPUT_RATE, Socket, is_audio_end, is_final_answer, is_final_request, undisturbed,
    },
    harness::{DEADLINE, Setup, TestServer, VOICE_RATE, echo, long},
    voice::BabblingVoice,
};

/// A frame of the voice, at its own rate.
const FRAME: usize = 320;
pub(crate) const AWAY: &str = "repartee_sessions_away";
pub(crate) const ACTIVE: &str = "repartee_sessions_active";
const RESUMED: &str = "repartee_sessions_resumed_total";

/// A server that gives a long answer first and waits for callers who lose the connection.
pub(crate) fn setup() -> Setup {
    let mut setup = Setup::answering(long).waiting();
    setup.tts = Arc::new(BabblingVoice::default());
    setup
}

/// A caller who has heard so many samples of the long answer at this rate, and says so.
pub(crate) async fn listening(server: &TestServer, rate: SampleRate, position: usize) -> Client {
    let mut caller = Client::at_rate(server, rate).await;
    caller.say(&ClientMessage::Text("go on".to_owned())).await;
    caller.until_heard(position + FRAME).await;
    report(&mut caller, position, true).await;
    caller
}

/// Tells how much of the first answer has been played.
async fn report(caller: &mut Client, position: usize, playing: bool) {
    let position = position as u64;
    caller.say(&ClientMessage::Playback { response: 1, position, playing }).await;
    caller.settle().await;
}

/// Loses the connection, waits until the server has noticed, and comes back.
pub(crate) async fn lose_and_come_back(caller: &mut Client, server: &TestServer) {
    caller.lose().await;
    server.until(AWAY, 1.0).await;
    caller.come_back(server).await;
    assert!(caller.is_resumed());
}

fn listening_again(message: &ServerMessage<'_>) -> bool {
    matches!(message, ServerMessage::State { state: SessionState::Listening })
}

/// The newest history that the caller was told.
fn told(caller: &Client) -> Vec<HistoryTurn<'static>> {
    let history = caller.log.iter().rev().find_map(|message| match message {
        ServerMessage::History { turns } => Some(turns.clone()),
        _ => None,
    });
    history.expect("it is told")
}

#[tokio::test]
async fn an_answer_goes_on_where_the_caller_stopped_hearing_it() {
    let setup = setup();
    let model = setup.llm.clone();
    let server = setup.start().await;
    let heard = 16_000 + 100;
    let whole = undisturbed(&server, VOICE_RATE).await;
    let mut caller = listening(&server, VOICE_RATE, heard).await;
    let token = caller.token().expect("there is one");
    assert!(token.len() == 32 && token.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f')));
    assert!(!caller.is_resumed());
    let (frames, messages) = (caller.places.len(), caller.log.len());

    lose_and_come_back(&mut caller, &server).await;
    assert_ne!(caller.token(), Some(token));
    let end = caller.until(is_audio_end).await;

    let kinds = caller.kinds(messages);
    let start = kinds.iter().position(|kind| kind == "welcome").expect("it is welcomed");
    assert_eq!(kinds[start + 1], "history", "{kinds:?}");
    let said = HistoryTurn { role: Role::User, content: "go on".into(), interrupted: false };
    assert_eq!(told(&caller), [said], "the answer is not over");
    let again = caller.places[frames].position;
    assert!((heard - FRAME + 1..=heard).contains(&again), "{again} after {heard}");
    assert!(caller.heard_of.iter().all(|response| *response == 1));
    assert_eq!(caller.joined(1), whole);
    assert_eq!(end, ServerMessage::AudioEnd { response: 1, samples: whole.len() as u64 });
    let finals: Vec<_> = caller.log.iter().filter(|message| is_final_answer(message)).collect();
    assert!(
        matches!(finals[..], [ServerMessage::FinalAssistantAnswer { interrupted: false, content, .. }]
            if content.ends_with("the fourth of them all.")),
        "{finals:?}"
    );

    report(&mut caller, whole.len(), false).await;
    caller.say(&ClientMessage::Text("more".to_owned())).await;
    caller.until(is_final_answer).await;
    let asked = model.asked();
    let words: Vec<&str> = asked[asked.len() - 1][1..].iter().map(|it| &*it.text).collect();
    assert_eq!(words.len(), 3);
    assert!(words[1].starts_with("This is the first"), "{words:?}");
    assert!(words[1].ends_with("the fourth of them all."), "{words:?}");
    assert!((server.metric(RESUMED).await - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn it_goes_on_at_the_rate_of_the_client_without_a_gap() {
    let server = setup().start().await;
    let heard = 48_000;
    let whole = undisturbed(&server, OUTPUT_RATE).await;
    let mut caller = listening(&server, OUTPUT_RATE, heard).await;
    let frames = caller.places.len();
    lose_and_come_back(&mut caller, &server).await;
    let end = caller.until(is_audio_end).await;
    let again = caller.places[frames].position;
    assert!((heard - 3 * FRAME..=heard).contains(&again), "{again}");
    let joined = caller.joined(1);
    assert!(joined.len().abs_diff(whole.len()) <= 8, "{} of {}", joined.len(), whole.len());
    assert_eq!(end, ServerMessage::AudioEnd { response: 1, samples: joined.len() as u64 });
    // the filter begins anew, and rings for some milliseconds
    let settled = again + 10 * 48;
    for (name, range) in [("before", 0..again), ("after", settled..whole.len() - 480)] {
        let difference = whole[range.clone()].iter().zip(&joined[range]).map(|(a, b)| a - b);
        let worst = difference.fold(0.0, |worst: f32, it| worst.max(it.abs()));
        assert!(worst < 0.002, "{name} the seam it is off by {worst}");
    }
}

#[tokio::test]
async fn without_reports_it_goes_on_where_there_was_time_to_hear() {
    let server = setup().start().await;
    let mut caller = Client::at_rate(&server, VOICE_RATE).await;
    caller.say(&ClientMessage::Text("go on".to_owned())).await;
    caller.until_sound().await;
    let began = tokio::time::Instant::now();
    caller.listen(Duration::from_millis(700)).await;
    let frames = caller.places.len();
    caller.lose().await;
    server.until(AWAY, 1.0).await;
    let latest = VOICE_RATE.samples_in(began.elapsed());
    caller.come_back(&server).await;
    caller.until_heard(caller.heard.len() + 1).await;
    let again = caller.places[frames].position as u64;
    assert!((10_000..=latest + 320).contains(&again), "{again}, not at most {latest}");
}

#[tokio::test]
async fn an_answer_that_has_been_heard_as_a_whole_still_ends() {
    let mut setup = setup();
    let voice = Arc::new(SlowEnd::default());
    setup.tts = voice.clone();
    let server = setup.start().await;
    let mut caller = Client::at_rate(&server, VOICE_RATE).await;
    caller.say(&ClientMessage::Text("go on".to_owned())).await;
    caller.until_heard(ALL).await;
    report(&mut caller, ALL, false).await;
    caller.lose().await;
    server.until(AWAY, 1.0).await;
    voice.let_go();
    caller.come_back(&server).await;
    // the voice of the next sentence is as slow
    let mut end = None;
    while end.is_none() {
        voice.let_go();
        caller.listen(Duration::from_millis(20)).await;
        end = caller.log.iter().find(|message| is_audio_end(message)).cloned();
    }
    let samples = caller.joined(1).len() as u64;
    assert_eq!(end, Some(ServerMessage::AudioEnd { response: 1, samples }));
}

/// How much [`SlowEnd`] says.
const ALL: usize = 16_000;

/// Says a second of sound once, then nothing; no sentence ends before it is let go.
#[derive(Default)]
struct SlowEnd {
    unfinished: Mutex<Vec<tts::Outlet>>,
    has_spoken: AtomicBool,
}

impl SlowEnd {
    /// Ends the sentences that were asked for so far.
    fn let_go(&self) {
        self.unfinished.lock().expect("no test fails in it").clear();
    }
}

impl TextToSpeech for SlowEnd {
    fn speak(&self, request: tts::Request) -> Result<Speech, TtsError> {
        let (outlet, speech) = tts::speech(&request, ALL / FRAME);
        let has_spoken = self.has_spoken.swap(true, Ordering::Relaxed);
        for _ in (0..ALL / FRAME).filter(|_| !has_spoken) {
            let frame = Frame::new(VOICE_RATE, vec![0.1; FRAME]);
            outlet.frames.try_send(Ok(frame)).expect("there is room");
        }
        self.unfinished.lock().expect("no test fails in it").push(outlet);
        Ok(speech)
    }

    fn info(&self) -> tts::Info {
        tts::Info { name: "slow".to_owned(), rate: VOICE_RATE, voices: Vec::new(), workers: 1 }
    }
}

#[tokio::test]
async fn who_changes_networks_takes_over_from_the_old_connection() {
    let server = setup().start().await;
    let whole = undisturbed(&server, VOICE_RATE).await;
    let mut caller = listening(&server, VOICE_RATE, 16_000).await;
    let before = caller.come_back(&server).await;
    assert!(caller.is_resumed());
    assert_eq!(closed(before).await, (1008, "Resumed on another connection".to_owned()));
    caller.until(is_audio_end).await;
    assert_eq!(caller.joined(1), whole);
    assert!((server.metric(RESUMED).await - 1.0).abs() < f64::EPSILON);
}

/// How the server closes this connection.
async fn closed(mut socket: Socket) -> (u16, String) {
    let close = async {
        loop {
            match futures_util::StreamExt::next(&mut socket).await {
                Some(Ok(Message::Close(Some(close)))) => break close,
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    let close = tokio::time::timeout(DEADLINE, close).await.expect("it is closed");
    (close.code.into(), close.reason.to_string())
}

#[tokio::test]
async fn what_waited_for_a_stuck_connection_is_not_said_on_the_next() {
    let mut setup = setup();
    // more sound at once than the sockets hold of a client that does not read
    setup.session.lead = Duration::from_mins(2);
    setup.session.interruption.echo_guard = false;
    setup.llm = llm::scripted::Scripted::new(|_| "And then there is this to be said. ".repeat(50));
    let server = setup.start().await;
    let mut caller = Client::at_rate(&server, SampleRate::new(96_000).expect("a rate")).await;
    caller.say(&ClientMessage::Text("go on".to_owned())).await;
    let unheard = ClientMessage::Playback { response: 1, position: 0, playing: false };
    caller.say(&unheard).await;
    stuck(&server).await;
    let messages = caller.log.len();
    let _before = caller.come_back(&server).await;
    caller.until_sound().await;
    let kinds = caller.kinds(messages);
    assert_eq!(kinds.get(..2), Some(&["welcome".to_owned(), "history".to_owned()][..]));
    assert_eq!(caller.heard_by[messages + 1], 0, "sound before the history");
    assert_eq!(caller.places[0].position, 0, "none of it has been heard");
}

/// Waits until the server cannot send any more.
async fn stuck(server: &TestServer) {
    let sent = async || server.metric("repartee_wire_bytes_total{direction=\"out\"}").await;
    let mut before = 0.0;
    let mut now = sent().await;
    while now < 500_000.0 || now > before {
        tokio::time::sleep(Duration::from_millis(200)).await;
        (before, now) = (now, sent().await);
    }
}

#[tokio::test]
async fn a_typed_turn_is_answered_to_who_comes_back() {
    let server = Setup::answering(echo).waiting().start().await;
    let mut caller = Client::at_rate(&server, VOICE_RATE).await;
    caller.say(&ClientMessage::Text("number 500".to_owned())).await;
    caller.lose().await;
    server.until("repartee_turns_total", 1.0).await;
    server.until(AWAY, 1.0).await;
    caller.come_back(&server).await;
    assert!(caller.is_resumed());
    let end = caller.until(is_audio_end).await;
    let samples = "I heard number 500".len() as u64 * 800;
    assert_eq!(end, ServerMessage::AudioEnd { response: 1, samples });
    assert_eq!(caller.joined(1).len() as u64, samples, "all of it");
}

#[tokio::test]
async fn speech_under_way_when_the_connection_broke_is_a_turn() {
    let server = Setup::answering(echo).waiting().start().await;
    let mut caller = Client::at_rate(&server, VOICE_RATE).await;
    caller.sound(440.0, Duration::from_millis(512)).await;
    caller.lose().await;
    server.until(AWAY, 1.0).await;
    server.until("repartee_turns_total", 1.0).await;
    caller.come_back(&server).await;
    let said = HistoryTurn { role: Role::User, content: "tone 440.".into(), interrupted: false };
    let answer = caller.until(is_final_answer).await;
    assert!(matches!(&answer, ServerMessage::FinalAssistantAnswer { content, .. }
        if content == "I heard tone 440."));
    assert_eq!(told(&caller), [said]);
    let end = caller.until(is_audio_end).await;
    let samples = caller.joined(1).len() as u64;
    assert_eq!(end, ServerMessage::AudioEnd { response: 1, samples });
    assert_eq!(samples, 17 * 800);
}

#[tokio::test]
async fn an_answer_that_was_heard_is_in_the_history() {
    let server = Setup::answering(echo).waiting().start().await;
    let mut caller = Client::at_rate(&server, VOICE_RATE).await;
    caller.say(&ClientMessage::Text("one".to_owned())).await;
    let end = caller.until(is_audio_end).await;
    let ServerMessage::AudioEnd { samples, .. } = end else { unreachable!() };
    let heard = ClientMessage::Playback { response: 1, position: samples, playing: false };
    caller.say(&heard).await;
    caller.until(listening_again).await;
    lose_and_come_back(&mut caller, &server).await;
    caller.until(listening_again).await;
    let (user, assistant) = (Role::User, Role::Assistant);
    let said = [(user, "one"), (assistant, "I heard one")].map(|(role, content)| HistoryTurn {
        role,
        content: content.into(),
        interrupted: false,
    });
    assert_eq!(told(&caller), said);
    caller.say(&ClientMessage::Text("two".to_owned())).await;
    let end = caller.until(is_audio_end).await;
    assert!(matches!(end, ServerMessage::AudioEnd { response: 2, .. }), "{end:?}");
}

#[tokio::test]
async fn speed_voice_and_instructions_are_kept() {
    let mut setup = Setup::answering(echo).waiting();
    let voice = Arc::new(BabblingVoice::default());
    setup.tts = voice.clone();
    setup.session.voices = vec![Arc::from("one"), Arc::from("two")];
    setup.session.voice = Some(Arc::from("one"));
    setup.session.instructions_allowed = true;
    setup.session.speculation = false;
    let model = setup.llm.clone();
    let server = setup.start().await;
    let mut caller = Client::at_rate(&server, VOICE_RATE).await;
    let fast = turn_end(&mut caller).await;
    caller.say(&ClientMessage::SetVoice("two".to_owned())).await;
    caller.say(&ClientMessage::SetInstructions("Be a pirate.".to_owned())).await;
    caller.say(&ClientMessage::SetSpeed(100)).await;
    let done = |message: &ServerMessage<'_>| matches!(message, ServerMessage::Ack { of, .. } if of == "set_speed");
    caller.until(done).await;
    lose_and_come_back(&mut caller, &server).await;
    assert!(
        matches!(caller.welcome(), ServerMessage::Welcome { voice: Some(voice), .. } if voice == "two"),
        "{:?}",
        caller.welcome()
    );
    let slow = turn_end(&mut caller).await;
    assert!(slow > fast + 100, "{slow} ms after {fast} ms");
    assert_eq!(&*model.asked()[1][0].text, "Be a pirate.");
    let voices = voice.voices.lock().unwrap().clone();
    assert_eq!(voices.last(), Some(&Some(Arc::from("two"))));
}

/// How long after the caller's speech the turn ended, in milliseconds.
async fn turn_end(caller: &mut Client) -> u64 {
    caller.record(&caller.tone(440.0, Duration::from_millis(512))).await;
    caller.record_silence(Duration::from_millis(1_600)).await;
    let from = caller.log.len();
    let metrics = |message: &ServerMessage<'_>| match message {
        ServerMessage::TurnMetrics(metrics) => metrics.speech_end_to_turn_end_ms,
        _ => None,
    };
    if !caller.log.iter().rev().take_while(|it| !is_final_request(it)).any(is_audio_end) {
        caller.until(is_audio_end).await;
    }
    let told = caller.log.iter().rev().find_map(metrics);
    told.unwrap_or_else(|| panic!("{:?}", &caller.log[from..]))
}
