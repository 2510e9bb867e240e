//! One caller.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use audio::{Frame, Resampler, SampleRate, level, pcm16};
use futures_util::{SinkExt, StreamExt};
use protocol::{AudioKind, ClientMessage, ServerMessage, decode_audio};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{self, Message},
};

use crate::{Turn, microphone::Microphone, playback::Playback, turn::Record};

/// A server that says nothing for so long is not going to.
const PATIENCE: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

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

/// A connection that speaks the extended form of the protocol as a page does: sound goes out every
/// 20 ms, silence if there is nothing to say, and playback positions come back.
///
/// It lives while one of its methods is awaited. Between two of them nothing is sent, so they
/// should follow each other closely; after a long gap it goes on without making up for it.
#[derive(Debug)]
pub struct Caller {
    socket: Socket,
    rates: Rates,
    microphone: Microphone,
    playback: Playback,
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
        let connecting = connect_async_with_config(url, None, true);
        let connected = timeout(PATIENCE, connecting).await;
        let connected = connected.with_context(|| format!("`{url}` did not answer"))?;
        let (socket, _) = connected.with_context(|| format!("could not connect to `{url}`"))?;
        let mut caller = Self {
            socket,
            rates,
            microphone: Microphone::new(rates.input, Instant::now()),
            playback: Playback::new(rates.output),
        };
        let hello = ClientMessage::Hello {
            version: protocol::VERSION,
            input_rate: rates.input.hz(),
            output_rate: rates.output.hz(),
            client: "loadtest".to_owned(),
        };
        caller.send(Message::text(hello.encode())).await?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Step::Message(ServerMessage::Welcome { .. }) = caller.step().await? {
                return Ok(caller);
            }
        }
        bail!("the server did not say welcome")
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
        let clip = resampled(clip, self.rates.input);
        let speech = level::trimmed_end(&clip).context("the clip has no sound")?;
        let speech = self.rates.input.samples_in(speech);
        self.microphone.resume(Instant::now());
        let begin = self.microphone.speak(clip.samples);
        let speech_end = self.microphone.recorded_at(begin + speech);
        let mut record = Record::default();
        let mut last_word = speech_end;
        while !record.is_answered() || Instant::now() < speech_end {
            match self.step().await? {
                Step::Sent => {}
                Step::Arrived => last_word = last_word.max(Instant::now()),
                Step::Message(message) => {
                    last_word = last_word.max(Instant::now());
                    record.note(message)?;
                }
            }
            ensure!(Instant::now() < last_word + PATIENCE, "no whole answer came: {record:?}");
        }
        Ok(record.finish(&self.playback, speech_end))
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

    async fn listen_until(&mut self, end: Instant) -> Result<()> {
        while Instant::now() < end {
            self.step().await?;
        }
        Ok(())
    }

    /// Sends what is due or takes what has come; returns after 20 ms at the latest.
    async fn step(&mut self) -> Result<Step> {
        tokio::select! {
            biased;
            () = sleep_until(self.microphone.due()) => {
                let frame = self.microphone.next_frame();
                self.send(Message::binary(frame)).await?;
                if let Some(report) = self.playback.report(Instant::now()) {
                    self.send(Message::text(report.encode())).await?;
                }
                Ok(Step::Sent)
            }
            incoming = self.socket.next() => {
                let incoming = incoming.context("the server hung up")?;
                self.take(incoming.context("the connection broke")?)
            }
        }
    }

    fn take(&mut self, incoming: Message) -> Result<Step> {
        match incoming {
            Message::Binary(frame) => self.play(&frame)?,
            Message::Text(text) => {
                let message = ServerMessage::decode(&text).context("not the protocol")?;
                match message {
                    ServerMessage::AudioEnd { response, .. } => self.playback.complete(response),
                    ServerMessage::StopTts { response, .. } => self.playback.stop(response),
                    _ => {}
                }
                return Ok(Step::Message(message));
            }
            Message::Close(frame) => bail!("the server hung up: {}", reason(frame.as_ref())),
            // pings are answered by the library
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
        Ok(Step::Arrived)
    }

    fn play(&mut self, frame: &[u8]) -> Result<()> {
        let (header, pcm) = decode_audio(frame).context("not the protocol")?;
        ensure!(header.kind == AudioKind::Speech, "the server sent a microphone's sound");
        let mut samples = Vec::with_capacity(pcm.len() / 2);
        pcm16::decode_le(pcm, &mut samples).context("not the protocol")?;
        self.playback.arrived(header.response, &samples, Instant::now());
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<()> {
        let sent = timeout(PATIENCE, self.socket.send(message)).await;
        sent.context("the server takes no sound")?.context("the connection broke")
    }
}

fn resampled(clip: &Frame, rate: SampleRate) -> Frame {
    let mut samples = Vec::new();
    let mut resampler = Resampler::new(clip.rate, rate);
    resampler.push(&clip.samples, &mut samples);
    resampler.flush(&mut samples);
    Frame::new(rate, samples)
}

fn reason(frame: Option<&tungstenite::protocol::CloseFrame>) -> &str {
    frame.map_or("it does not say why", |frame| frame.reason.as_str())
}
