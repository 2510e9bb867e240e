//! One caller's socket: reader, writer and session as futures of one task.

use std::{net::SocketAddr, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::{
    FutureExt, Sink, SinkExt, Stream, StreamExt,
    stream::{SplitSink, SplitStream},
};
use session::{Inputs, Outputs, Session, Summary};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

use crate::{
    Ready,
    admission::Permit,
    dialect::{Form, Inbound, Outbound},
    serve::{CLOSE_TIMEOUT, Shared},
};

/// What a caller is told when all places are taken.
pub(crate) const AT_CAPACITY: &str = "Server at capacity";
/// Commands between the reader and the session. When it is full the reader waits: the caller's
/// own socket slows down.
const COMMANDS: usize = 16;
/// Answers of the reader to bad messages and hellos. When it is full they are dropped: the client
/// is told enough.
const NOTICES: usize = 16;

/// A caller who has been let in.
pub(crate) struct Connection {
    pub(crate) number: u64,
    pub(crate) address: SocketAddr,
    pub(crate) shared: Arc<Shared>,
    pub(crate) ready: Ready,
    pub(crate) _permit: Permit,
}

/// Why a connection ended.
#[derive(Debug)]
enum End {
    /// The client closed it or vanished.
    Client,
    /// Nothing came for too long, not even the answer to a ping.
    Silent,
    /// The client takes nothing.
    Stuck,
    /// The client sends rubbish.
    Abuse(&'static str),
    /// The server stops.
    Shutdown,
    /// The session failed as a whole.
    Failed,
}

/// Tells a client that asked for the sub-protocol why it is refused.
pub(crate) async fn refuse(mut socket: WebSocket) {
    let frame = CloseFrame { code: close_code::POLICY, reason: AT_CAPACITY.into() };
    let close = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            // the client's own close ends the stream
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    // a client that does not answer is dropped
    let _ = timeout(CLOSE_TIMEOUT, close).await;
}

impl Connection {
    /// Serves the caller until they leave, are sent away, or the server stops.
    pub(crate) async fn run(self, socket: WebSocket) {
        let connected = Instant::now();
        let admission = &self.shared.admission;
        tracing::info!(
            address = %self.address,
            "connected ({}/{})",
            admission.active(),
            admission.max()
        );
        let (mut sink, stream) = socket.split();
        let (end, summary) = Box::pin(self.converse(&mut sink, stream, connected)).await;
        tracing::info!(reason = end.reason(), "cleaning up");
        close(&mut sink, &end).await;
        tracing::info!(
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
        sink: &mut SplitSink<WebSocket, Message>,
        stream: SplitStream<WebSocket>,
        connected: Instant,
    ) -> (End, Summary) {
        let settings = &self.shared.settings;
        let (outlet, outputs) = session::outlet();
        let Ready { engines, session, .. } = self.ready.clone();
        let metrics = self.shared.session_metrics.clone();
        let session = match Session::open(engines, session, metrics, outlet) {
            Ok(session) => session,
            Err(error) => {
                tracing::error!(%error, "no session");
                return (End::Failed, Summary::default());
            }
        };
        let (sound_tx, sound) = mpsc::channel(settings.audio_queue);
        let (commands_tx, commands) = mpsc::channel(COMMANDS);
        let (notices_tx, notices) = mpsc::channel(NOTICES);
        let (form_tx, form) = watch::channel(Form::default());
        let inbound = Inbound::new(self, sound_tx, commands_tx, notices_tx, form_tx);
        let mut session = pin!(lost_is_failed(session.run(Inputs { sound, commands })));
        tracing::info!(took_ms = millis_since(connected), "pipeline ready");
        let end = {
            let mut reader = pin!(read(inbound, stream, 3 * settings.ping));
            let mut writer = pin!(self.write(sink, outputs, notices, form));
            tokio::select! {
                biased;
                () = self.shared.closing.cancelled() => End::Shutdown,
                end = &mut reader => end,
                end = &mut writer => end,
                summary = &mut session => return (End::Failed, summary.unwrap_or_default()),
            }
        };
        // reader and writer are gone, so the session's inputs and its way out are closed
        let summary = timeout(Duration::from_secs(1), session).await.ok().flatten();
        (end, summary.unwrap_or_default())
    }

    async fn write(
        &self,
        sink: &mut SplitSink<WebSocket, Message>,
        mut outputs: Outputs,
        mut notices: mpsc::Receiver<String>,
        form: watch::Receiver<Form>,
    ) -> End {
        let settings = &self.shared.settings;
        let mut outbound = Outbound::new(form);
        let mut pings = interval_at(Instant::now() + settings.ping, settings.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // cancel-safe: channel receives and a timer
            let messages = tokio::select! {
                biased;
                Some(notice) = notices.recv() => vec![Message::Text(notice.into())],
                output = outputs.next() => match output {
                    Some(output) => outbound.messages(output),
                    None => return End::Failed,
                },
                _ = pings.tick() => vec![Message::Ping(Vec::new().into())],
            };
            for message in messages {
                self.shared.metrics.sent(length(&message));
                match timeout(settings.send_timeout, sink.send(message)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return End::Client,
                    Err(_) => return End::Stuck,
                }
            }
        }
    }
}

async fn read(
    mut inbound: Inbound<'_>,
    mut stream: impl Stream<Item = Result<Message, axum::Error>> + Unpin,
    patience: Duration,
) -> End {
    loop {
        let message = match timeout(patience, stream.next()).await {
            Err(_) => return End::Silent,
            Ok(None) => return End::Client,
            Ok(Some(Err(error))) => {
                tracing::debug!(%error, "the socket failed");
                return End::Client;
            }
            Ok(Some(Ok(message))) => message,
        };
        let taken = match message {
            Message::Text(text) => inbound.text(&text).await,
            Message::Binary(bytes) => inbound.binary(&bytes),
            Message::Ping(_) | Message::Pong(_) => Ok(()),
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

async fn close(sink: &mut (impl Sink<Message> + Unpin), end: &End) {
    let Some(frame) = end.close_frame() else { return };
    // the client may be gone already
    let _ = timeout(CLOSE_TIMEOUT, sink.send(Message::Close(Some(frame)))).await;
}

/// Whole milliseconds, as a number that logs in JSON show as one.
fn millis_since(moment: Instant) -> u64 {
    u64::try_from(moment.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn length(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}

impl End {
    fn reason(&self) -> &'static str {
        match self {
            Self::Client => "connection closed",
            Self::Silent => "no sign of life",
            Self::Stuck => "the client takes nothing",
            Self::Abuse(reason) => reason,
            Self::Shutdown => "server is shutting down",
            Self::Failed => "the session failed",
        }
    }

    fn close_frame(&self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Client | Self::Stuck => return None,
            Self::Silent => (close_code::POLICY, "No sign of life"),
            Self::Abuse(reason) => (close_code::POLICY, *reason),
            Self::Shutdown => (close_code::AWAY, "Server is shutting down"),
            Self::Failed => (close_code::ERROR, "The session failed"),
        };
        Some(CloseFrame { code, reason: reason.into() })
    }
}
