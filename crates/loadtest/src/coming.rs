//! Many who come and go, each leaving in another state: what is left of them.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use audio::Frame;
use futures_util::SinkExt;
use serde::Serialize;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    Caller, Rates, Rejected,
    call::{Call, Socket, greet, open},
    samples::{Reading, ask, metrics_url},
    wire::Dialect,
};

/// Who was refused tries again after so long: a place is kept for a while for who was lost.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Who is refused for so long is not let in any more.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long it takes at most until all sessions have ended.
const QUIET_WITHIN: Duration = Duration::from_mins(2);
/// How long a caller speaks before they are lost.
const SPEAKS: Duration = Duration::from_millis(300);

/// What was left.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ComingAndGoing {
    /// Who came and went.
    pub came: usize,
    /// Attempts that were refused, and made again.
    pub refused: usize,
    /// Why others failed.
    pub failures: Vec<String>,
    /// The server's process when the first hundredth had come and gone: what it takes once for all
    /// is taken by then.
    pub before: Process,
    /// The same when all had gone.
    pub after: Process,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// A process at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Process {
    /// Resident memory.
    pub resident_bytes: u64,
    /// Threads.
    pub threads: usize,
    /// Open file descriptors.
    pub descriptors: usize,
    /// Sessions.
    pub sessions: usize,
}

/// How somebody leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    /// Without a word, as a plain client.
    Unheard,
    /// As soon as they are welcome.
    Welcome,
    /// The connection is lost as soon as they are welcome.
    Lost,
    /// Orderly, in the midst of a sentence.
    Speaking,
    /// Lost in the midst of a sentence.
    LostSpeaking,
}

impl Leaving {
    fn of(number: usize) -> Self {
        match number % 5 {
            0 => Self::Unheard,
            1 => Self::Welcome,
            2 => Self::Lost,
            3 => Self::Speaking,
            _ => Self::LostSpeaking,
        }
    }
}

/// Lets so many come and go, so many at a time, some of whom say the clip.
pub async fn come_and_go(
    url: &str,
    times: usize,
    at_once: usize,
    clip: &Frame,
) -> Result<ComingAndGoing> {
    let metrics =
        metrics_url(url).context("the address of the server is not one of a WebSocket")?;
    let began = Instant::now();
    let mut all = ComingAndGoing::default();
    let clip = Arc::new(clip.clone());
    let first = times.div_ceil(100);
    all.let_come(url, 0..first, at_once, &clip).await?;
    all.before = quiet(&metrics).await?;
    all.let_come(url, first..times, at_once, &clip).await?;
    all.after = quiet(&metrics).await?;
    all.seconds = began.elapsed().as_secs_f64();
    Ok(all)
}

impl ComingAndGoing {
    async fn let_come(
        &mut self,
        url: &str,
        numbers: std::ops::Range<usize>,
        at_once: usize,
        clip: &Arc<Frame>,
    ) -> Result<()> {
        let places = Arc::new(Semaphore::new(at_once));
        let mut coming = JoinSet::new();
        for number in numbers {
            let place = Arc::clone(&places).acquire_owned().await.context("nobody may come")?;
            let (url, clip) = (url.to_owned(), Arc::clone(clip));
            coming.spawn(async move {
                let done = come(&url, Leaving::of(number), &clip).await;
                drop(place);
                done
            });
            while let Some(done) = coming.try_join_next() {
                self.note(done.context("a caller panicked")?);
            }
        }
        while let Some(done) = coming.join_next().await {
            self.note(done.context("a caller panicked")?);
        }
        Ok(())
    }

    fn note(&mut self, done: Result<usize>) {
        match done {
            Ok(refused) => {
                self.came += 1;
                self.refused += refused;
            }
            Err(why) => self.failures.push(format!("{why:#}")),
        }
    }
}

/// Comes and goes; gives how often that was refused before.
async fn come(url: &str, leaving: Leaving, clip: &Frame) -> Result<usize> {
    let plain = leaving == Leaving::Unheard;
    let dialect = if plain { Dialect::Plain } else { Dialect::Repartee };
    let call = Call { url: url.to_owned(), dialect, rates: Rates::default(), in_line: !plain };
    let give_up = Instant::now() + PATIENCE;
    let mut refused = 0;
    loop {
        match let_in(&call).await {
            Ok(socket) => {
                leave(socket, &call, leaving, clip).await?;
                return Ok(refused);
            }
            Err(Rejected::Refused) if Instant::now() < give_up => refused += 1,
            Err(rejected) => return Err(rejected.into_error(url)),
        }
        sleep(AGAIN_AFTER).await;
    }
}

async fn let_in(call: &Call) -> Result<Socket, Rejected> {
    let mut socket = open(call).await?;
    if call.dialect == Dialect::Repartee {
        greet(&mut socket, call.rates).await?;
    }
    Ok(socket)
}

async fn leave(mut socket: Socket, call: &Call, leaving: Leaving, clip: &Frame) -> Result<()> {
    match leaving {
        Leaving::Unheard => socket.send(Message::binary(vec![0; 8])).await?,
        Leaving::Lost => return Ok(()),
        Leaving::Welcome => {}
        Leaving::Speaking | Leaving::LostSpeaking => {
            let mut caller = Caller::on(socket, call.rates, call.dialect);
            let speaking = caller.speak(clip);
            // who leaves does not finish
            if let Ok(spoken) = tokio::time::timeout(SPEAKS, speaking).await {
                spoken?;
            }
            return if leaving == Leaving::Speaking { caller.close().await } else { Ok(()) };
        }
    }
    Caller::on(socket, call.rates, call.dialect).close().await
}

/// The server's process once there are no sessions any more.
async fn quiet(metrics: &str) -> Result<Process> {
    let give_up = Instant::now() + QUIET_WITHIN;
    loop {
        let reading = ask(metrics.to_owned()).await.context("the server tells no figures")?;
        let process = Reading::process(&reading);
        if process.sessions == 0 || Instant::now() >= give_up {
            return Ok(process);
        }
        sleep(AGAIN_AFTER).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_leave_in_each_way() {
        let ways: Vec<Leaving> = (0..10).map(Leaving::of).collect();
        assert_eq!(ways[..5], ways[5..]);
        assert_eq!(ways.iter().filter(|way| **way == Leaving::Lost).count(), 2);
    }
}
