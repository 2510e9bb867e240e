//! One caller's socket: reader, writer and session as futures of one task.

mod end;

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::extract::ws::{Message, Utf8Bytes, WebSocket, close_code};
use futures_util::{
    FutureExt, SinkExt, Stream, StreamExt,
    stream::{SplitSink, SplitStream},
};
use protocol::{ErrorCode, ServerMessage};
use session::{Command, Inputs, Outputs, Session, Sound, Summary};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

use crate::{
    Ready,
    admission::Permit,
    comeback::{Comeback, Pass, way_back},
    dialect::{Form, Inbound, Outbound, Ways},
    serve::{CLOSE_TIMEOUT, Shared},
};
use end::{End, close};

/// Commands between the reader and the session. When it is full the reader waits: the caller's
/// own socket slows down.
const COMMANDS: usize = 16;
/// Answers of the reader to bad messages and hellos. When it is full they are dropped: the client
/// is told enough.
const NOTICES: usize = 16;

/// What a caller is told where conversations are recorded.
const RECORDED: &str = "This conversation is recorded.";
/// What a caller is told while an engine does not answer.
const OUTAGE: &str = "an engine does not answer; the conversation goes on when it does";

/// A caller who has been let in, over as many sockets as it takes.
pub(crate) struct Connection {
    pub(crate) number: u64,
    pub(crate) shared: Arc<Shared>,
    pub(crate) ready: Ready,
    /// What the client may come back with. A new one at each hello.
    pass: Mutex<Option<Pass>>,
    /// The voice in use, if it has a name.
    voice: Mutex<Option<Arc<str>>>,
    way_back: mpsc::Sender<Comeback>,
    _permit: Permit,
}

/// A caller's first socket.
pub(crate) struct Arrival {
    pub(crate) socket: WebSocket,
    pub(crate) address: SocketAddr,
    /// What they said before they came in.
    pub(crate) hello: Option<Utf8Bytes>,
}

/// What outlives a socket: the ends of the session's queues, and where the next socket comes from.
struct Ends {
    sound: mpsc::Sender<Sound>,
    commands: mpsc::Sender<Command>,
    outputs: Outputs,
    comebacks: mpsc::Receiver<Comeback>,
}

/// What is known of the client on one of its sockets before it says anything there.
#[derive(Default)]
struct Before {
    /// They have lost another connection.
    is_back: bool,
    /// What they said before they came in.
    hello: Option<Utf8Bytes>,
}

impl Connection {
    /// A caller, and where the sockets arrive on which they come back.
    pub(crate) fn new(
        number: u64,
        shared: Arc<Shared>,
        ready: Ready,
        permit: Permit,
    ) -> (Self, mpsc::Receiver<Comeback>) {
        let (way_back, comebacks) = way_back();
        let (pass, voice) = (Mutex::default(), Mutex::new(ready.session.voice.clone()));
        (Self { number, shared, ready, pass, voice, way_back, _permit: permit }, comebacks)
    }

    /// The connection's name in the log.
    pub(crate) fn name(&self) -> String {
        format!("c{}", self.number)
    }

    /// A new token for the client to come back with, in place of the last; `None` if there is no
    /// coming back.
    pub(crate) fn issue_token(&self) -> Option<String> {
        if self.shared.settings.resume.is_zero() {
            return None;
        }
        let pass = self.shared.comebacks.issue(&self.way_back)?;
        let token = pass.token();
        *self.pass.lock().unwrap_or_else(PoisonError::into_inner) = Some(pass);
        Some(token)
    }

    /// The voice of the next answer, if it has a name.
    pub(crate) fn voice(&self) -> Option<Arc<str>> {
        self.voice.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers which voice the caller chose, unless it is one that the session refuses.
    pub(crate) fn choose_voice(&self, name: &str) {
        let voices = &self.ready.session.voices;
        if let Some(voice) = voices.iter().find(|voice| &***voice == name) {
            let mut chosen = self.voice.lock().unwrap_or_else(PoisonError::into_inner);
            *chosen = Some(Arc::clone(voice));
        }
    }

    fn can_come_back(&self) -> bool {
        self.pass.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Serves the caller until they leave, are sent away, or the server stops.
    pub(crate) async fn run(self, arrival: Arrival, comebacks: mpsc::Receiver<Comeback>) {
        let address = arrival.address;
        let connected = Instant::now();
        let admission = &self.shared.admission;
        tracing::info!(%address, "connected ({}/{})", admission.active(), admission.max());
        let (end, summary) = Box::pin(self.converse(arrival, comebacks, connected)).await;
        tracing::info!(
            reason = end.reason(),
            duration_ms = millis_since(connected),
            turns = summary.turns,
            answers = summary.answers,
            interruptions = summary.interruptions,
            failures = summary.failures,
            "session ended"
        );
    }

    async fn converse(
        &self,
        arrival: Arrival,
        comebacks: mpsc::Receiver<Comeback>,
        connected: Instant,
    ) -> (End, Summary) {
        let settings = &self.shared.settings;
        let (session, outputs) = match self.open() {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!("no session: {error}");
                let (mut sink, _) = arrival.socket.split();
                close(&mut sink, End::Failed.close_frame()).await;
                return (End::Failed, Summary::default());
            }
        };
        let (sound_tx, sound) = mpsc::channel(settings.audio_queue);
        let (commands_tx, commands) = mpsc::channel(COMMANDS);
        let mut ends = Ends { sound: sound_tx, commands: commands_tx, outputs, comebacks };
        let mut session = pin!(lost_is_failed(session.run(Inputs { sound, commands })));
        tracing::info!(took_ms = millis_since(connected), "pipeline ready");
        let (end, summary) = {
            let mut serving = pin!(self.serve(arrival, &mut ends));
            tokio::select! {
                biased;
                end = &mut serving => (end, None),
                // its way out is closed, which the socket's side is about to notice
                summary = &mut session => {
                    let end = timeout(2 * CLOSE_TIMEOUT, serving).await.unwrap_or(End::Failed);
                    (end, Some(summary.unwrap_or_default()))
                }
            }
        };
        drop(ends);
        let summary = match summary {
            Some(summary) => summary,
            // its inputs are closed, too
            None => {
                timeout(Duration::from_secs(1), session).await.ok().flatten().unwrap_or_default()
            }
        };
        (end, summary)
    }

    fn open(&self) -> Result<(Session, Outputs), String> {
        let (outlet, outputs) = session::outlet(&self.shared.session_metrics);
        let Ready { engines, session, recorder, .. } = self.ready.clone();
        let metrics = self.shared.session_metrics.clone();
        let session = Session::open(engines, session, metrics, outlet);
        let session = session.map_err(|error| error.to_string())?;
        let Some(recorder) = recorder else { return Ok((session, outputs)) };
        // a caller who is told so must not be recorded only in part
        let tape = recorder.tape(&self.name());
        let tape = tape.map_err(|error| format!("the conversation cannot be recorded: {error}"))?;
        Ok((session.taped(tape), outputs))
    }

    /// Serves on one socket after the other, until the caller is gone for good.
    async fn serve(&self, arrival: Arrival, ends: &mut Ends) -> End {
        let Arrival { mut socket, hello, .. } = arrival;
        let mut before = Before { is_back: false, hello };
        loop {
            let (mut sink, stream) = socket.split();
            let mut end = self.serve_socket(&mut sink, stream, ends, before).await;
            tracing::info!(reason = end.reason(), "cleaning up");
            close(&mut sink, end.close_frame()).await;
            if end.may_be_undone() && self.can_come_back() {
                end = self.wait_for_comeback(ends, end).await;
            }
            let End::Moved(comeback) = end else { return end };
            let (next, address) = *comeback;
            tracing::info!(%address, "the caller is back");
            self.shared.metrics.resumed();
            (socket, before) = (next, Before { is_back: true, hello: None });
        }
    }

    /// The caller is away: their session goes on in silence until they come back or it is time to
    /// give up.
    async fn wait_for_comeback(&self, ends: &mut Ends, end: End) -> End {
        let patience = self.shared.settings.resume;
        tracing::info!(for_ms = millis(patience), "waiting for the caller to come back");
        let _away = self.shared.metrics.away();
        // the session has gone only if the connection is ending
        let _ = ends.commands.send(Command::Away).await;
        let mut patience = pin!(tokio::time::sleep(patience));
        loop {
            tokio::select! {
                biased;
                () = self.shared.draining.cancelled() => return End::Shutdown,
                Some(comeback) = ends.comebacks.recv() => return End::Moved(Box::new(comeback)),
                () = &mut patience => return end,
                // what was for the lost connection makes room
                output = ends.outputs.next() => if output.is_none() { return End::Failed },
            }
        }
    }

    async fn serve_socket(
        &self,
        sink: &mut SplitSink<WebSocket, Message>,
        stream: SplitStream<WebSocket>,
        ends: &mut Ends,
        before: Before,
    ) -> End {
        let Before { is_back, hello } = before;
        let settings = &self.shared.settings;
        let (notices_tx, notices) = mpsc::channel(NOTICES);
        let (form_tx, form) = watch::channel(Form::default());
        let Ends { sound, commands, outputs, comebacks } = ends;
        let ways = Ways { sound: sound.clone(), commands: commands.clone(), notices: notices_tx };
        let inbound = Inbound::new(self, ways, form_tx, is_back);
        let outbound = if is_back { Outbound::from_history(form) } else { Outbound::new(form) };
        let mut reader = pin!(read(inbound, hello, stream, 3 * settings.ping));
        let mut writer = pin!(self.write(sink, outputs, notices, outbound));
        // one of its own: that of all callers is behind a lock, and this is looked at for each frame
        let closing = self.shared.closing.child_token();
        tokio::select! {
            biased;
            () = closing.cancelled() => End::Shutdown,
            // a client that has another network knows before the server does
            Some(comeback) = comebacks.recv() => {
                let _ = commands.send(Command::Away).await;
                End::Moved(Box::new(comeback))
            }
            end = &mut reader => end,
            end = &mut writer => end,
        }
    }

    async fn write(
        &self,
        sink: &mut SplitSink<WebSocket, Message>,
        outputs: &mut Outputs,
        mut notices: mpsc::Receiver<String>,
        mut outbound: Outbound,
    ) -> End {
        let settings = &self.shared.settings;
        let mut pings = interval_at(Instant::now() + settings.ping, settings.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut messages = match &self.ready.recorder {
            Some(_) => vec![Message::Text(recording().into())],
            None => Vec::new(),
        };
        let mut outage = self.shared.outage.subscribe();
        // who comes while it lasts is told as well
        if *outage.borrow_and_update() {
            messages.push(unavailable());
        }
        loop {
            for message in messages {
                self.shared.metrics.sent(length(&message));
                match timeout(settings.send_timeout, sink.send(message)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return End::Lost,
                    Err(_) => return End::Stuck,
                }
            }
            // cancel-safe: channel receives and a timer
            messages = tokio::select! {
                biased;
                Some(notice) = notices.recv() => vec![Message::Text(notice.into())],
                output = outputs.next() => match output {
                    Some(output) => outbound.messages(output),
                    None => return End::Failed,
                },
                Ok(()) = outage.changed() => if *outage.borrow_and_update() {
                    vec![unavailable()]
                } else {
                    outbound.state().into_iter().collect()
                },
                _ = pings.tick() => vec![Message::Ping(Vec::new().into())],
            };
        }
    }
}

fn recording() -> String {
    ServerMessage::Recording { content: RECORDED.into() }.encode()
}

fn unavailable() -> Message {
    let error = ServerMessage::Error { code: ErrorCode::EngineUnavailable, message: OUTAGE.into() };
    Message::Text(error.encode().into())
}

async fn read(
    mut inbound: Inbound<'_>,
    hello: Option<Utf8Bytes>,
    mut stream: impl Stream<Item = Result<Message, axum::Error>> + Unpin,
    patience: Duration,
) -> End {
    if let Some(hello) = hello
        && let Err(abuse) = inbound.text(&hello).await
    {
        return End::Abuse(abuse.0);
    }
    loop {
        let message = match timeout(patience, stream.next()).await {
            Err(_) => return End::Silent,
            Ok(None) => return End::Lost,
            Ok(Some(Err(error))) => {
                tracing::debug!(%error, "the socket failed");
                return End::Lost;
            }
            Ok(Some(Ok(message))) => message,
        };
        let taken = match message {
            Message::Text(text) => inbound.text(&text).await,
            Message::Binary(bytes) => inbound.binary(&bytes),
            Message::Ping(_) | Message::Pong(_) => Ok(()),
            // a page that is reloaded, or a browser that closes, says that it goes away
            Message::Close(Some(frame)) if frame.code == close_code::AWAY => return End::Lost,
            Message::Close(_) => return End::Client,
        };
        if let Err(abuse) = taken {
            return End::Abuse(abuse.0);
        }
    }
}

/// A panic in one caller's conversation ends that conversation only.
async fn lost_is_failed(session: impl Future<Output = Summary>) -> Option<Summary> {
    let result = AssertUnwindSafe(session).catch_unwind().await;
    if result.is_err() {
        tracing::error!("the session was lost to a panic");
    }
    result.ok()
}

fn millis_since(moment: Instant) -> u64 {
    millis(moment.elapsed())
}

/// Whole milliseconds, as a number that logs in JSON show as one.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn length(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}
