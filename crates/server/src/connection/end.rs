//! Why a connection ended, and what its client is told of that.

use axum::extract::ws::{CloseFrame, Message, close_code};
use futures_util::{Sink, SinkExt};
use tokio::time::timeout;

use crate::{comeback::Comeback, serve::CLOSE_TIMEOUT};

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The client said that it wants no more.
    Client,
    /// The client vanished.
    Lost,
    /// The client has come back on another socket.
    Moved(Box<Comeback>),
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

impl End {
    /// Whether the caller may not have meant it.
    pub(super) fn may_be_undone(&self) -> bool {
        matches!(self, Self::Lost | Self::Silent | Self::Stuck)
    }

    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Client => "connection closed",
            Self::Lost => "connection lost",
            Self::Moved(_) => "the caller has moved to another connection",
            Self::Silent => "no sign of life",
            Self::Stuck => "the client takes nothing",
            Self::Abuse(reason) => reason,
            Self::Shutdown => "server is shutting down",
            Self::Failed => "the session failed",
        }
    }

    pub(super) fn close_frame(&self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Client | Self::Lost | Self::Stuck => return None,
            Self::Moved(_) => (close_code::POLICY, "Resumed on another connection"),
            Self::Silent => (close_code::POLICY, "No sign of life"),
            Self::Abuse(reason) => (close_code::POLICY, *reason),
            Self::Shutdown => (close_code::AWAY, "Server is shutting down"),
            Self::Failed => (close_code::ERROR, "The session failed"),
        };
        Some(CloseFrame { code, reason: reason.into() })
    }
}

/// Says farewell, with the words that this end has.
pub(super) async fn close(sink: &mut (impl Sink<Message> + Unpin), frame: Option<CloseFrame>) {
    let Some(frame) = frame else { return };
    // the client may be gone already
    let _ = timeout(CLOSE_TIMEOUT, sink.send(Message::Close(Some(frame)))).await;
}
