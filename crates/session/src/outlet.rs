//! The way out of a session: one bounded queue, and the mark below which sound is stale.

use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{Event, Metrics, Output, ResponseId};

/// Frames of 20 ms and events between a session and the writer of its connection. Small, because
/// what waits here is sound that an interruption must throw away. When it is full the session's
/// response waits: only this caller's.
const CAPACITY: usize = 10;

/// The session's end.
#[derive(Clone, Debug)]
pub struct Outlet {
    queue: mpsc::Sender<Decided>,
    live: watch::Sender<ResponseId>,
}

/// The connection's end.
#[derive(Debug)]
pub struct Outputs {
    queue: mpsc::Receiver<Decided>,
    live: watch::Receiver<ResponseId>,
    metrics: Metrics,
}

/// An output, and when it was decided on.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) at: Instant,
    pub(crate) output: Output,
}

/// The connection has gone.
#[derive(Debug, thiserror::Error)]
#[error("the connection has gone")]
pub(crate) struct Gone;

/// A connected pair. How long outputs take from one end to the other is measured.
pub fn outlet(metrics: &Metrics) -> (Outlet, Outputs) {
    let (queue_tx, queue) = mpsc::channel(CAPACITY);
    let (live_tx, live) = watch::channel(ResponseId(0));
    (Outlet { queue: queue_tx, live: live_tx }, Outputs { queue, live, metrics: metrics.clone() })
}

impl Outlet {
    /// Room for an output. Cancel-safe.
    pub(crate) async fn room(&self) -> Result<mpsc::Permit<'_, Decided>, Gone> {
        self.queue.reserve().await.map_err(|_| Gone)
    }

    /// Whether the output belongs to a response that has been dropped.
    pub(crate) fn is_stale(&self, output: &Output) -> bool {
        is_stale(output, *self.live.borrow())
    }

    /// Makes everything that is queued of `response` and those before it stale, at once.
    pub(crate) fn silence(&self, response: ResponseId) {
        self.live.send_replace(ResponseId(response.0 + 1));
    }
}

impl Outputs {
    /// The next output that is not stale; `None` when the session has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<Output> {
        loop {
            let Decided { at, output } = self.queue.recv().await?;
            if !is_stale(&output, *self.live.borrow()) {
                self.metrics.hop_out(at.elapsed());
                return Some(output);
            }
        }
    }
}

/// Sound, and what is said about it, of responses before `live` is stale.
fn is_stale(output: &Output, live: ResponseId) -> bool {
    match output {
        Output::Audio { response, .. }
        | Output::Event(
            Event::PartialAnswer { response, .. }
            | Event::AudioEnd { response, .. }
            | Event::Timings { response, .. }
            | Event::Paused(response)
            | Event::Resumed(response),
        ) => *response < live,
        Output::Event(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use audio::{Frame, SampleRate};

    use super::*;

    fn sound(response: u32) -> Output {
        let frame = Frame::new(SampleRate::HZ_16000, vec![0.0; 320]);
        let position = std::time::Duration::ZERO;
        Output::Audio { response: ResponseId(response), position, frame }
    }

    async fn send(outlet: &Outlet, output: Output) {
        let decided = Decided { at: Instant::now(), output };
        outlet.room().await.expect("the connection stays").send(decided);
    }

    #[tokio::test]
    async fn sound_queued_before_an_interruption_never_leaves() {
        let (outlet, mut outputs) = outlet(&Metrics::unregistered());
        send(&outlet, sound(1)).await;
        send(&outlet, sound(1)).await;
        outlet.silence(ResponseId(1));
        send(&outlet, Output::Event(Event::Stop(ResponseId(1)))).await;
        send(&outlet, sound(2)).await;
        assert!(matches!(outputs.next().await, Some(Output::Event(Event::Stop(_)))));
        let Some(Output::Audio { response, .. }) = outputs.next().await else { panic!("no sound") };
        assert_eq!(response, ResponseId(2));
    }
}
