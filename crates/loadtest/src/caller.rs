//! One caller.

mod hearing;

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use audio::{Frame, Resampler, SampleRate, level};
use futures_util::{SinkExt, StreamExt};
use protocol::{ServerMessage, SessionState};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::{
    Turn,
    call::{Call, Socket},
    microphone::Microphone,
    playback::Playback,
    turn::Record,
    wire::{Dialect, Wire},
};

/// A server that says nothing for so long is not going to.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How much earlier than [`level::onset`] the first loud window begins, which has 10 ms.
const LOUD_WINDOW: Duration = Duration::from_millis(9);

/// Both rates of a caller who speaks the plain form: what its page assumes.
const PLAIN_RATE: SampleRate = SampleRate::HZ_48000;

/// The rates of a caller's devices.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Of the microphone.
    pub input: SampleRate,
    /// Of the playback.
    pub output: SampleRate,
}

impl Default for Rates {
    /// What the page uses where the device does not say otherwise.
    fn default() -> Self {
        Self { input: SampleRate::HZ_48000, output: SampleRate::HZ_24000 }
    }
}

/// A connection that speaks the protocol as a page does: sound goes out every 20 ms, silence if
/// there is nothing to say, and playback positions come back. (In the plain form, every 2,048
/// samples, and when the playback begins and ends.)
///
/// It lives while one of its methods is awaited. Between two of them nothing is sent, so they
/// should follow each other closely; after a long gap it goes on without making up for it.
#[derive(Debug)]
pub struct Caller {
    socket: Socket,
    rates: Rates,
    wire: Wire,
    /// Messages that came with one before them.
    arrived: VecDeque<ServerMessage<'static>>,
    microphone: Microphone,
    pub(crate) playback: Playback,
    /// What the server says that it is doing.
    pub(crate) state: SessionState,
    /// The connection is gone.
    lost: bool,
    /// The newest response that a message named.
    named: u32,
    /// Newer ones whose sound has come all the same.
    nameless: BTreeSet<u32>,
}

/// Words that are being said, and what comes of them.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) record: Record,
    /// When the first sound of the words is recorded.
    pub(crate) onset: Instant,
    /// When the last one is.
    pub(crate) speech_end: Instant,
    /// When the server last showed that it is there.
    last_word: Instant,
}

/// What happened.
enum Step {
    /// What was due was sent.
    Sent,
    /// Sound arrived, or nothing of note.
    Arrived,
    Message(ServerMessage<'static>),
}

impl Caller {
    /// Connects to a server's `/ws` and waits until it has said welcome.
    pub async fn connect(url: &str, rates: Rates) -> Result<Self> {
        let call = Call { url: url.to_owned(), dialect: Dialect::Repartee, rates, in_line: false };
        let admitted = call.make().await.map_err(|rejected| rejected.into_error(url))?;
        Ok(admitted.caller)
    }

    /// Who has been let in.
    pub(crate) fn on(socket: Socket, rates: Rates, dialect: Dialect) -> Self {
        let now = Instant::now();
        // the plain form has one rate for both ways
        let (rates, microphone) = match dialect {
            Dialect::Repartee => (rates, Microphone::new(rates.input, now)),
            Dialect::Plain => (
                Rates { input: PLAIN_RATE, output: PLAIN_RATE },
                Microphone::plain(PLAIN_RATE, now),
            ),
        };
        Self {
            socket,
            rates,
            wire: Wire::new(dialect),
            arrived: VecDeque::new(),
            microphone,
            playback: Playback::new(rates.output),
            state: SessionState::Listening,
            lost: false,
            named: 0,
            nameless: BTreeSet::new(),
        }
    }

    /// Whether the connection is gone.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// Responses that sounded here although no message of this conversation ever named them. Asked
    /// when a turn is over: the name may come after the sound.
    pub fn strange_responses(&self) -> usize {
        self.nameless.len()
    }

    /// Speaks a clip, and gives what came of it when all of the answer has been heard.
    pub async fn turn(&mut self, clip: &Frame) -> Result<Turn> {
        let turn = self.ask(clip).await?;
        self.hear_out().await?;
        Ok(turn)
    }

    /// Speaks a clip, and gives what came of it when all of the answer has arrived. Its last second
    /// or so has not been heard by then: who speaks now interrupts it.
    pub async fn ask(&mut self, clip: &Frame) -> Result<Turn> {
        let mut asking = self.begin(clip)?;
        while !asking.is_answered() {
            self.follow(&mut asking).await?;
        }
        Ok(asking.finish(&self.playback))
    }

    /// Speaks a clip to its end, whatever the server says to it.
    pub async fn speak(&mut self, clip: &Frame) -> Result<()> {
        let clip = resampled(clip, self.rates.input);
        let samples = clip.samples.len() as u64;
        self.microphone.resume(Instant::now());
        let begin = self.microphone.speak(clip.samples);
        let end = self.microphone.recorded_at(begin + samples);
        self.listen_until(end).await
    }

    /// Says nothing for so long.
    pub async fn silence(&mut self, duration: Duration) -> Result<()> {
        self.microphone.resume(Instant::now());
        self.listen_until(Instant::now() + duration).await
    }

    /// Says nothing until all of the answer has been heard.
    pub async fn hear_out(&mut self) -> Result<()> {
        self.microphone.resume(Instant::now());
        while !self.playback.is_over(Instant::now()) {
            self.step().await?;
            let silent = self.playback.silent_for(Instant::now());
            ensure!(silent < PATIENCE, "the rest of the answer did not come");
        }
        // the end is told with the next frame, and the server should know it before the next turn
        self.silence(Duration::from_millis(40)).await
    }

    /// Hangs up, and waits until the server has done so, too.
    pub async fn close(mut self) -> Result<()> {
        self.socket.close(None).await.context("could not hang up")?;
        let gone = async { while let Some(Ok(_)) = self.socket.next().await {} };
        timeout(PATIENCE, gone).await.context("the server did not hang up")
    }

    /// Begins to speak a clip.
    pub(crate) fn begin(&mut self, clip: &Frame) -> Result<Asking> {
        let clip = resampled(clip, self.rates.input);
        let onset = level::onset(&clip).context("the clip has no sound")?;
        let end = level::trimmed_end(&clip).context("the clip has no sound")?;
        self.microphone.resume(Instant::now());
        let begin = self.microphone.speak(clip.samples);
        // `level` gives the end of the first loud window; who measures from there would leave out the
        // rest of it
        let at = |at| self.microphone.recorded_at(begin + self.rates.input.samples_in(at));
        let speech_end = at(end);
        let onset = at(onset.saturating_sub(LOUD_WINDOW));
        Ok(Asking {
            record: Record::after(self.playback.response()),
            onset,
            speech_end,
            last_word: speech_end,
        })
    }

    /// The next step while something is asked.
    pub(crate) async fn follow(&mut self, asking: &mut Asking) -> Result<()> {
        match self.step().await? {
            Step::Sent => {}
            Step::Arrived => asking.last_word = asking.last_word.max(Instant::now()),
            Step::Message(message) => {
                asking.last_word = asking.last_word.max(Instant::now());
                asking.record.note(message)?;
            }
        }
        asking.record.listen(&self.playback);
        let gave_up = Instant::now() >= asking.last_word + PATIENCE;
        ensure!(!gave_up, "no whole answer came: {:?}", asking.record);
        Ok(())
    }

    async fn listen_until(&mut self, end: Instant) -> Result<()> {
        while Instant::now() < end {
            self.step().await?;
        }
        Ok(())
    }

    /// Sends what is due or takes what has come; returns after 20 ms at the latest.
    async fn step(&mut self) -> Result<Step> {
        if let Some(message) = self.arrived.pop_front() {
            return Ok(Step::Message(message));
        }
        tokio::select! {
            biased;
            () = sleep_until(self.microphone.due()) => {
                let (position, samples) = self.microphone.next_frame();
                let sounding = self.playback.is_sounding(Instant::now());
                let frame = self.wire.microphone(self.rates.input, position, &samples, sounding);
                self.send(Message::binary(frame)).await?;
                self.tell_position().await?;
                Ok(Step::Sent)
            }
            incoming = self.socket.next() => {
                self.lost |= !matches!(incoming, Some(Ok(_)));
                let incoming = incoming.context("the server hung up")?;
                self.take(incoming.context("the connection broke")?)?;
                // a server that holds its answer wants to know at once where that is
                self.tell_position().await?;
                Ok(self.arrived.pop_front().map_or(Step::Arrived, Step::Message))
            }
        }
    }

    async fn tell_position(&mut self) -> Result<()> {
        match self.wire.report(&mut self.playback, Instant::now()) {
            Some(report) => self.send(Message::text(report.encode())).await,
            None => Ok(()),
        }
    }

    async fn send(&mut self, message: Message) -> Result<()> {
        let sent = timeout(PATIENCE, self.socket.send(message)).await;
        self.lost |= !matches!(sent, Ok(Ok(())));
        sent.context("the server takes no sound")?.context("the connection broke")
    }
}

impl Asking {
    /// All of the answer has arrived, and all that was to be said has been said.
    pub(crate) fn is_answered(&self) -> bool {
        self.record.is_answered() && Instant::now() >= self.speech_end
    }

    pub(crate) fn finish(self, playback: &Playback) -> Turn {
        self.record.finish(playback, self.onset..self.speech_end)
    }
}

fn resampled(clip: &Frame, rate: SampleRate) -> Frame {
    let mut samples = Vec::new();
    let mut resampler = Resampler::new(clip.rate, rate);
    resampler.push(&clip.samples, &mut samples);
    resampler.flush(&mut samples);
    Frame::new(rate, samples)
}

/// Why the server hung up.
pub(crate) fn reason(frame: Option<&tungstenite::protocol::CloseFrame>) -> &str {
    frame.map_or("it does not say why", |frame| frame.reason.as_str())
}
