//! Callers who say nothing: there may be thousands, so they do nothing else either.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    call::{Call, Rejected, Socket, greet, open},
    caller::{PATIENCE, reason},
    microphone::Microphone,
    wire::{Dialect, Wire},
};

pub(crate) struct Silent {
    socket: Socket,
    microphone: Microphone,
    call: Call,
    pub(crate) waited: Option<Duration>,
    pub(crate) ready: Duration,
}

impl Silent {
    pub(crate) async fn call(call: &Call) -> Result<Self, Rejected> {
        let called = Instant::now();
        let mut socket = open(call).await?;
        let waited = match call.dialect {
            Dialect::Repartee => greet(&mut socket, call.rates).await?,
            Dialect::Plain => None,
        };
        let microphone = Microphone::new(call.rates.input, Instant::now());
        let (call, ready) = (call.clone(), called.elapsed());
        Ok(Self { socket, microphone, call, waited, ready })
    }

    /// Stays until then, and hangs up; with an open microphone it sends the sound of silence.
    pub(crate) async fn stay(mut self, open_microphone: bool, until: Instant) -> Result<()> {
        let wire = Wire::new(self.call.dialect);
        while Instant::now() < until {
            let due = if open_microphone { self.microphone.due().min(until) } else { until };
            tokio::select! {
                () = sleep_until(due) => {
                    if open_microphone {
                        let (position, samples) = self.microphone.next_frame();
                        let rate = self.call.rates.input;
                        let frame = wire.microphone(rate, position, &samples, false);
                        let sent = timeout(PATIENCE, self.socket.send(Message::binary(frame)));
                        sent.await.context("the server takes no sound")?.context("could not send")?;
                    }
                }
                incoming = self.socket.next() => {
                    let incoming = incoming.context("the server hung up")?;
                    if let Message::Close(frame) = incoming.context("the connection broke")? {
                        bail!("the server hung up: {}", reason(frame.as_ref()));
                    }
                }
            }
        }
        self.socket.close(None).await.context("could not hang up")?;
        let gone = async { while let Some(Ok(_)) = self.socket.next().await {} };
        timeout(PATIENCE, gone).await.context("the server did not hang up")
    }
}
