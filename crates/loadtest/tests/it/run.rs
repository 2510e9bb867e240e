//! Runs of the load test against a server that answers everything with a tone.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use audio::{SampleRate, level, pcm16};
use futures_util::{SinkExt, StreamExt};
use loadtest::{Act, Dialects, Finished, Outcome, Recording, Run, Scenario, Thinking};
use protocol::{
    AudioHeader, AudioKind, ClientMessage, PlainAudio, SUB_PROTOCOL, ServerMessage, decode_audio,
    tts_chunk,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderValue, StatusCode, header::SEC_WEBSOCKET_PROTOCOL},
    },
};

use crate::server::{say, tone, welcome};

/// An answer is a tone of this length at 24 kHz, or 48 kHz for a plain client.
const ANSWER: Duration = Duration::from_millis(600);

/// How the server treats callers.
#[derive(Clone, Copy, Default)]
struct Manners {
    /// No more callers at once than this are let in.
    places: Option<usize>,
    /// The first caller is told to wait.
    queues: bool,
    /// Hangs up when somebody has spoken for the second time.
    hangs_up: bool,
    /// Numbers answers wrongly.
    mixes_up: bool,
}

/// Runs the scenario against such a server.
async fn run(scenario: Scenario, manners: Manners) -> Finished {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/ws", listener.local_addr().expect("an address"));
    let serving = serve(listener, manners);
    let recordings: Vec<Recording> = vec![Recording {
        name: "tone".to_owned(),
        sound: tone(SampleRate::HZ_16000, Duration::from_millis(400)),
        transcript: Some("a tone".to_owned()),
    }];
    let run = Run::new(scenario, url, recordings.into(), 100).expect("it can be run");
    tokio::select! {
        finished = run.complete("the tests") => finished.expect("it comes to its end"),
        () = serving => unreachable!("it serves without end"),
        () = metronome() => unreachable!("it ticks without end"),
    }
}

/// Paused time goes on when nobody has anything to do, also when something is under way on a
/// socket: in small steps, so that it arrives in time.
async fn metronome() {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    loop {
        ticks.tick().await;
    }
}

async fn serve(listener: TcpListener, manners: Manners) {
    let (mut callers, inside) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
    loop {
        let (stream, _) = listener.accept().await.expect("a caller");
        // the system waits in real time for an acknowledgement otherwise
        stream.set_nodelay(true).expect("it is a socket");
        callers.spawn(attend(stream, manners, Arc::clone(&inside)));
    }
}

async fn attend(stream: TcpStream, manners: Manners, inside: Arc<AtomicUsize>) {
    let full = manners.places.is_some_and(|places| inside.load(Ordering::SeqCst) >= places);
    #[expect(clippy::result_large_err, reason = "so the library wants it")]
    let greet = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        if full {
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return Err(refusal);
        }
        if request.headers().contains_key(SEC_WEBSOCKET_PROTOCOL) {
            let chosen = HeaderValue::from_static(SUB_PROTOCOL);
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, chosen);
        }
        Ok(response)
    };
    // who asks for the figures finds that there are none
    let Ok(socket) = accept_hdr_async(stream, greet).await else { return };
    inside.fetch_add(1, Ordering::SeqCst);
    let mut call = Answering { socket, manners, extended: false, response: 0, loud: false };
    call.until_hung_up().await;
    inside.fetch_sub(1, Ordering::SeqCst);
}

struct Answering {
    socket: WebSocketStream<TcpStream>,
    manners: Manners,
    extended: bool,
    response: u32,
    loud: bool,
}

impl Answering {
    async fn until_hung_up(&mut self) {
        while let Some(Ok(message)) = self.socket.next().await {
            match message {
                Message::Text(text) => self.obey(&text).await,
                Message::Binary(frame) if self.hear(&frame).await.is_break() => return,
                _ => {}
            }
        }
    }

    async fn obey(&mut self, text: &str) {
        let message = ClientMessage::decode(text).expect("a message");
        if matches!(message, ClientMessage::Hello { .. }) {
            self.extended = true;
            if self.manners.queues {
                let queue = ServerMessage::Queue { position: 1, estimated_wait_ms: None };
                say(&mut self.socket, &queue).await;
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            say(&mut self.socket, &welcome()).await;
        }
    }

    /// Answers when the caller falls silent.
    async fn hear(&mut self, frame: &[u8]) -> std::ops::ControlFlow<()> {
        let pcm = if self.extended {
            decode_audio(frame).expect("a frame").1
        } else {
            PlainAudio::decode(frame).expect("a frame").pcm
        };
        let mut samples = Vec::new();
        pcm16::decode_le(pcm, &mut samples).expect("whole samples");
        let silent = level::peak(&samples) == 0.0;
        let was_loud = std::mem::replace(&mut self.loud, !silent);
        if !silent || !was_loud {
            return std::ops::ControlFlow::Continue(());
        }
        self.response += 1;
        if self.manners.hangs_up && self.response == 2 {
            return std::ops::ControlFlow::Break(());
        }
        self.answer().await;
        std::ops::ControlFlow::Continue(())
    }

    async fn answer(&mut self) {
        let response = self.response;
        say(&mut self.socket, &ServerMessage::FinalUserRequest { content: "a tone".into() }).await;
        let rate = if self.extended { SampleRate::HZ_24000 } else { SampleRate::HZ_48000 };
        let (mut pcm, samples) = (Vec::new(), rate.samples_in(ANSWER));
        pcm16::encode_le(&tone(rate, ANSWER).samples, &mut pcm);
        let sound = if self.extended {
            let response = if self.manners.mixes_up { response + 7 } else { response };
            let header = AudioHeader { kind: AudioKind::Speech, response, position: 0 };
            Message::binary([header.encode().as_slice(), &pcm].concat())
        } else {
            Message::text(tts_chunk(&pcm).expect("sound"))
        };
        let stale = self.socket.send(sound).await.is_err();
        let content = "so it is".into();
        let answer = ServerMessage::FinalAssistantAnswer { content, response, interrupted: false };
        let end = ServerMessage::AudioEnd { response, samples };
        for message in [answer, end].iter().filter(|_| !stale) {
            if self.socket.send(Message::text(message.encode())).await.is_err() {
                return;
            }
        }
    }
}

fn scenario() -> Scenario {
    let ms = Duration::from_millis;
    Scenario {
        callers: 2,
        ramp_up: ms(1_000),
        duration: Duration::from_secs(20),
        thinking: Thinking { least: ms(200), most: ms(900) },
        ..Scenario::default()
    }
}

fn failures(outcome: &Outcome) -> Vec<&String> {
    let of_callers = outcome.callers.iter().filter_map(|it| it.failure.as_ref());
    of_callers.chain(outcome.turns.iter().filter_map(|it| it.failure.as_ref())).collect()
}

#[tokio::test(start_paused = true)]
async fn callers_of_both_dialects_talk_until_the_run_is_over() {
    let dialects = Dialects { repartee: 1, plain: 1 };
    let Finished { outcome, kept } =
        run(Scenario { dialects, ..scenario() }, Manners::default()).await;
    assert!(failures(&outcome).is_empty(), "{:?}", failures(&outcome));
    let dialects: Vec<&str> = outcome.callers.iter().map(|it| it.dialect.as_str()).collect();
    assert_eq!(dialects, ["repartee", "plain"]);
    for caller in 0..2 {
        let turns: Vec<_> = outcome.turns.iter().filter(|turn| turn.caller == caller).collect();
        // a turn and a thought take two seconds or a little more
        assert!((6..=14).contains(&turns.len()), "{caller}: {} turns", turns.len());
        for turn in turns {
            let latency = turn.voice_to_voice_ms.expect("it is audible");
            // a frame of the microphone has 20 or 43 ms
            assert!((0.0..120.0).contains(&latency), "{latency}");
            assert_eq!((turn.understood.as_str(), turn.answer.as_str()), ("a tone", "so it is"));
            assert_eq!((turn.clip.as_str(), turn.answer_ms), ("tone", 600.0));
            assert!(turn.last_sound_arrived_ms.is_some() && turn.first_words_arrived_ms.is_some());
        }
    }
    let left = outcome.callers.iter().filter_map(|it| it.left_at);
    assert_eq!((left.count(), outcome.crossed, kept.len()), (2, 0, outcome.turns.len()));
    assert_eq!(outcome.window, (1.0, 21.0));
    assert!((21.0..30.0).contains(&outcome.duration), "{}", outcome.duration);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_makes_room_for_another_and_did_not_fail() {
    let stay = Some(Duration::from_secs(5));
    let outcome = run(Scenario { stay, ..scenario() }, Manners::default()).await.outcome;
    assert!(failures(&outcome).is_empty(), "{:?}", failures(&outcome));
    assert!((8..=11).contains(&outcome.callers.len()), "{}", outcome.callers.len());
    let stays = outcome.callers.iter().map(|it| it.left_at.expect("all left") - it.called_at);
    assert!(stays.into_iter().all(|stay| stay < 5.5));
}

#[tokio::test(start_paused = true)]
async fn a_lost_caller_is_counted_and_goes_on_with_another_connection() {
    let manners = Manners { hangs_up: true, ..Manners::default() };
    let outcome = run(Scenario { callers: 1, ..scenario() }, manners).await.outcome;
    let lost = outcome.callers.iter().filter(|it| it.failure.is_some()).count();
    let failed = outcome.turns.iter().filter(|it| it.failure.is_some()).count();
    assert!(lost >= 2 && lost == failed, "{lost} {failed}");
    let answered = outcome.turns.iter().filter(|it| it.failure.is_none()).count();
    assert!(answered >= lost, "each was answered once before");
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_calls_again_and_who_waits_is_welcome() {
    let manners = Manners { places: Some(1), ..Manners::default() };
    let outcome = run(scenario(), manners).await.outcome;
    let refused = outcome.callers.iter().filter(|it| it.refused).count();
    assert!(refused >= 3, "{refused}");
    let manners = Manners { queues: true, ..Manners::default() };
    let outcome = run(scenario(), manners).await.outcome;
    for caller in &outcome.callers {
        let (waited, ready) = (caller.waited_ms, caller.ready_ms);
        let waited = waited.unwrap_or_else(|| panic!("all wait: {:?}", outcome.callers));
        assert!((1_999.0..2_100.0).contains(&waited) && ready.is_some_and(|it| it >= waited));
    }
}

#[tokio::test(start_paused = true)]
async fn some_speak_over_answers_and_some_say_nothing() {
    let quiet = Scenario { silent: 2, muted: 1, interruption: 1.0, ..scenario() };
    let outcome = run(quiet, Manners::default()).await.outcome;
    let of = |name: &str| outcome.callers.iter().filter(|it| it.dialect == name).count();
    assert_eq!((of("repartee"), of("silent"), of("muted")), (2, 2, 1));
    assert!(outcome.turns.iter().any(|turn| turn.act == Act::Interrupted));
    assert!(outcome.turns.iter().all(|turn| turn.caller < outcome.callers.len()));
}

#[tokio::test(start_paused = true)]
async fn sound_of_a_response_that_was_never_told_of_is_anothers() {
    let manners = Manners { mixes_up: true, ..Manners::default() };
    let short = Scenario { callers: 1, duration: Duration::from_secs(40), ..scenario() };
    let outcome = run(short, manners).await.outcome;
    assert!(outcome.crossed > 0, "{outcome:?}");
}

/// The future of a run can be moved to another thread.
#[test]
fn a_run_can_be_spawned() {
    fn movable<F: Future + Send>(_: impl FnOnce(Run) -> F) {}
    movable(|run: Run| async move { run.complete("").await });
}
