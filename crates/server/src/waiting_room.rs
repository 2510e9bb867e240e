//! The waiting room: callers for whom there is no place, on the sockets on which they will be served.
//! All that there is of them is the socket, a place in line, and the hello with which they will
//! begin.

use std::{pin::pin, time::Duration};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use protocol::{ClientMessage, ServerMessage};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};

use crate::{
    Settings,
    admission::{News, Permit, Standing, Waiting},
    serve::{CLOSE_TIMEOUT, Shared},
};

/// What a caller is told for whom there is no place.
pub(crate) const AT_CAPACITY: &str = "Server at capacity";
/// A client that has not said hello by then will not, and would not understand what it is told.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// A caller is told where they stand at most once in this time.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// A caller who has a place.
pub(crate) struct Guest {
    pub(crate) socket: WebSocket,
    /// What they said while they waited.
    pub(crate) hello: Option<Utf8Bytes>,
    pub(crate) permit: Permit,
}

/// One who waits.
struct Waiter<'a> {
    socket: WebSocket,
    settings: &'a Settings,
    hello: Option<Utf8Bytes>,
    told: Option<Standing>,
    /// When to tell them where they stand; `None` while nothing has changed.
    tell_at: Option<Instant>,
    told_at: Option<Instant>,
}

/// Why somebody leaves the line before their turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// They are gone, or take nothing.
    Gone,
    /// They have waited as long as they may.
    TooLong,
    /// They never said hello.
    Silent,
    /// The server stops.
    Stopping,
}

/// Resolves when it is this caller's turn; `None` if they left the line.
pub(crate) async fn wait(
    socket: WebSocket,
    shared: &Shared,
    mut waiting: Waiting,
) -> Option<Guest> {
    let settings = &shared.settings;
    let mut waiter =
        Waiter { socket, settings, hello: None, told: None, tell_at: None, told_at: None };
    let left = tokio::select! {
        biased;
        () = shared.draining.cancelled() => Left::Stopping,
        permit = waiter.until_called(&mut waiting) => match permit {
            Ok(permit) => {
                tracing::info!("a place is free");
                return Some(Guest { socket: waiter.socket, hello: waiter.hello, permit });
            }
            Err(left) => left,
        },
    };
    drop(waiting);
    tracing::info!(reason = left.reason(), "left the line");
    shared.metrics.left_line(left.reason());
    match left {
        Left::Gone => {}
        Left::TooLong | Left::Silent => close_full(waiter.socket).await,
        Left::Stopping => close(waiter.socket, close_code::AWAY, "Server is shutting down").await,
    }
    None
}

/// Tells a client that asked for the sub-protocol that there is no place.
pub(crate) async fn close_full(socket: WebSocket) {
    close(socket, close_code::POLICY, AT_CAPACITY).await;
}

async fn close(mut socket: WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    let close = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            // the client's own close ends the stream
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    // a client that does not answer is dropped
    let _ = timeout(CLOSE_TIMEOUT, close).await;
}

impl Waiter<'_> {
    async fn until_called(&mut self, waiting: &mut Waiting) -> Result<Permit, Left> {
        let ping = self.settings.ping;
        let mut pings = interval_at(Instant::now() + ping, ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut too_long = pin!(sleep(self.settings.max_wait));
        let mut hello_by = pin!(sleep(HELLO_WITHIN));
        let mut alive_until = pin!(sleep(3 * ping));
        loop {
            let tell_at = self.tell_at.unwrap_or_else(Instant::now);
            // cancel-safe: a call, a watch, timers, and the socket's next message
            tokio::select! {
                biased;
                news = waiting.news() => match news {
                    News::Called(permit) => return Ok(permit),
                    News::Moved => self.tell_soon(),
                },
                () = &mut too_long => return Err(Left::TooLong),
                () = &mut hello_by, if self.hello.is_none() => return Err(Left::Silent),
                () = &mut alive_until => return Err(Left::Gone),
                () = sleep_until(tell_at), if self.tell_at.is_some() => self.tell(waiting).await?,
                _ = pings.tick() => self.send(Message::Ping(Vec::new().into())).await?,
                message = self.socket.recv() => {
                    self.hear(message)?;
                    alive_until.as_mut().reset(Instant::now() + 3 * ping);
                }
            }
        }
    }

    /// Keeps the newest hello, and drops all else.
    fn hear(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), Left> {
        match message {
            None | Some(Err(_) | Ok(Message::Close(_))) => Err(Left::Gone),
            Some(Ok(Message::Text(text))) => {
                if matches!(ClientMessage::decode(&text), Ok(ClientMessage::Hello { .. })) {
                    self.hello = Some(text);
                    self.tell_soon();
                }
                Ok(())
            }
            Some(Ok(_)) => Ok(()),
        }
    }

    /// A client that has not said hello does not know the message.
    fn tell_soon(&mut self) {
        if self.hello.is_some() {
            let now = Instant::now();
            self.tell_at = Some(self.told_at.map_or(now, |told| now.max(told + TELL_EVERY)));
        }
    }

    /// Tells where they stand, if that is another place than they know of.
    async fn tell(&mut self, waiting: &Waiting) -> Result<(), Left> {
        self.tell_at = None;
        let standing = waiting.standing();
        let Some(Standing { position, wait }) = standing.filter(|_| standing != self.told) else {
            return Ok(());
        };
        (self.told, self.told_at) = (standing, Some(Instant::now()));
        let message = ServerMessage::Queue {
            position: u32::try_from(position).unwrap_or(u32::MAX),
            estimated_wait_ms: wait.and_then(|wait| u64::try_from(wait.as_millis()).ok()),
        };
        self.send(Message::Text(message.encode().into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Left> {
        match timeout(self.settings.send_timeout, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Left::Gone),
        }
    }
}

impl Left {
    const fn reason(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::TooLong => "too_long",
            Self::Silent => "no_hello",
            Self::Stopping => "stopping",
        }
    }
}
