//! One response: the model's words, cut into sentences, and spoken.

use std::{collections::VecDeque, future::pending, sync::Arc, time::Duration};

use audio::Frame;
use engine::Caller;
use llm::TokenStream;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};
use tracing::Instrument;
use tts::{Speech, SpokenText, TextToSpeech, Urgency};

use crate::{Failure, ResponseId, Splitter};

/// Sentences between the model and the voice. When it is full the model waits: it is many
/// sentences ahead of what is heard.
const SENTENCES: usize = 16;
/// Words and frames of a response that its session has not seen yet. When it is full the response
/// waits: the session wants no more at the moment.
const PROGRESS: usize = 32;

/// What a session learns of its response.
#[derive(Debug)]
pub(crate) enum Progress {
    /// The whole answer so far.
    Answer(String),
    /// A sentence goes to the voice.
    Sentence(String),
    /// Where its words end.
    Words(Vec<Duration>),
    /// A frame of its sound.
    Sound(Frame),
    /// It is over; what failed, if something did.
    Complete(Result<(), Failure>),
}

/// Everything a response needs.
pub(crate) struct Plan {
    pub(crate) tokens: TokenStream,
    pub(crate) tts: Arc<dyn TextToSpeech>,
    pub(crate) voice: Option<Arc<str>>,
    /// How fast the voice speaks.
    pub(crate) speed: f32,
    pub(crate) caller: Caller,
}

/// The response under way and its sound. Dropping it cancels model and voice.
pub(crate) struct Response {
    pub(crate) id: ResponseId,
    _task: JoinSet<()>,
    progress: mpsc::Receiver<Progress>,
    is_meant: watch::Sender<bool>,
    lasts_until: watch::Sender<Instant>,
    is_complete: bool,
    /// The sound from the first frame on that may still have to be sent.
    frames: VecDeque<Frame>,
    /// How many of these have been sent.
    sent: usize,
    /// How much sound comes before the next to be sent.
    position: Duration,
}

impl Response {
    /// Starts a response. If it is not meant yet, only its first fragment is spoken before it is
    /// [confirmed](Self::confirm).
    pub(crate) fn start(id: ResponseId, is_meant: bool, plan: Plan) -> Self {
        let (progress_tx, progress) = mpsc::channel(PROGRESS);
        let (is_meant, meant) = watch::channel(is_meant);
        let (lasts_until, supply) = watch::channel(Instant::now());
        let mut task = JoinSet::new();
        let span = tracing::debug_span!("response", response = %id);
        let told = Told { meant, supply };
        task.spawn(respond(plan, progress_tx, told).instrument(span));
        Self {
            id,
            _task: task,
            progress,
            is_meant,
            lasts_until,
            is_complete: false,
            frames: VecDeque::new(),
            sent: 0,
            position: Duration::ZERO,
        }
    }

    pub(crate) fn confirm(&mut self) {
        self.is_meant.send_replace(true);
    }

    /// The caller has sound until then, as far as it is known.
    pub(crate) fn lasts_until(&self, moment: Instant) {
        self.lasts_until.send_replace(moment);
    }

    pub(crate) fn is_meant(&self) -> bool {
        *self.is_meant.borrow()
    }

    /// The next thing it did; `None` if it is lost. Never resolves once it is complete. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Progress> {
        if self.is_complete {
            return pending().await;
        }
        let progress = self.progress.recv().await;
        self.is_complete = matches!(progress, None | Some(Progress::Complete(_)));
        progress
    }

    pub(crate) fn push(&mut self, frame: Frame) {
        self.frames.push_back(frame);
    }

    /// The next frame to be sent, and how much sound comes before it. A copy: it is sent again if
    /// the caller loses the connection before they hear it.
    pub(crate) fn next_frame(&mut self) -> Option<(Duration, Frame)> {
        let frame = self.frames.get(self.sent)?.clone();
        let position = self.position;
        self.sent += 1;
        self.position += frame.duration();
        Some((position, frame))
    }

    /// So many frames, the first, will not be sent again.
    pub(crate) fn forget(&mut self, frames: usize) {
        let count = frames.min(self.sent);
        self.frames.drain(..count);
        self.sent -= count;
    }

    /// So many frames, the last sent, have to be sent again.
    pub(crate) fn rewind(&mut self, frames: usize) {
        for _ in 0..frames.min(self.sent) {
            self.sent -= 1;
            self.position = self.position.saturating_sub(self.frames[self.sent].duration());
        }
    }
}

/// Why a response stops before its end.
enum Stop {
    Failed(Failure),
    /// Nobody listens any more.
    Gone,
}

/// What a response learns of its session.
struct Told {
    /// Whether it is meant.
    meant: watch::Receiver<bool>,
    /// Until when the caller has sound.
    supply: watch::Receiver<Instant>,
}

/// Runs a response to its end. Dropping the future cancels the model and the voice.
async fn respond(plan: Plan, progress: mpsc::Sender<Progress>, told: Told) {
    let Plan { tokens, tts, voice, speed, caller } = plan;
    let Told { meant, supply } = told;
    let (sentences_tx, sentences_rx) = mpsc::channel(SENTENCES);
    let writer = Writer { progress: progress.clone(), meant: meant.clone(), is_confirmed: false };
    let speaker = Speaker { tts, voice, speed, caller, progress: progress.clone(), meant, supply };
    let result =
        tokio::try_join!(writer.write(tokens, sentences_tx), speaker.speak_all(sentences_rx));
    let result = match result {
        Ok(_) => Ok(()),
        Err(Stop::Failed(failure)) => Err(failure),
        Err(Stop::Gone) => return,
    };
    // if the session has gone nobody needs to know
    let _ = progress.send(Progress::Complete(result)).await;
}

/// Reads the model and cuts its words into sentences.
struct Writer {
    progress: mpsc::Sender<Progress>,
    meant: watch::Receiver<bool>,
    /// The model knows that its words are meant.
    is_confirmed: bool,
}

impl Writer {
    async fn write(
        mut self,
        mut tokens: TokenStream,
        sentences: mpsc::Sender<String>,
    ) -> Result<(), Stop> {
        let mut splitter = Splitter::default();
        let mut answer = String::new();
        while let Some(piece) = self.next_piece(&mut tokens).await? {
            answer.push_str(&piece);
            for sentence in splitter.push(&piece) {
                send(&sentences, sentence).await?;
            }
            let shown = answer.trim();
            if !shown.is_empty() {
                send(&self.progress, Progress::Answer(shown.to_owned())).await?;
            }
        }
        if answer.trim().is_empty() {
            return Err(Stop::Failed(Failure::silence()));
        }
        if let Some(sentence) = splitter.finish() {
            send(&sentences, sentence).await?;
        }
        Ok(())
    }

    /// The model's next words; it is told as soon as they are meant.
    async fn next_piece(&mut self, tokens: &mut TokenStream) -> Result<Option<String>, Stop> {
        if !self.is_confirmed {
            tokio::select! {
                biased;
                meant = until_meant(&mut self.meant) => meant?,
                piece = tokens.next() => return read(piece),
            }
            tokens.confirm();
            self.is_confirmed = true;
        }
        read(tokens.next().await)
    }
}

fn read(piece: Option<Result<String, llm::LlmError>>) -> Result<Option<String>, Stop> {
    piece.transpose().map_err(|error| failed(&error, Failure::of_llm(&error)))
}

/// Speaks sentences. While the response is not meant it speaks the first only.
struct Speaker {
    tts: Arc<dyn TextToSpeech>,
    voice: Option<Arc<str>>,
    speed: f32,
    caller: Caller,
    progress: mpsc::Sender<Progress>,
    meant: watch::Receiver<bool>,
    supply: watch::Receiver<Instant>,
}

impl Speaker {
    async fn speak_all(mut self, mut sentences: mpsc::Receiver<String>) -> Result<(), Stop> {
        let mut is_first = true;
        while let Some(sentence) = sentences.recv().await {
            if !is_first {
                until_meant(&mut self.meant).await?;
            }
            is_first &= !self.speak(sentence, is_first).await?;
        }
        Ok(())
    }

    /// Speaks a sentence; gives whether there was anything to say in it.
    async fn speak(&mut self, sentence: String, is_first: bool) -> Result<bool, Stop> {
        let text = SpokenText::new(&sentence);
        send(&self.progress, Progress::Sentence(sentence)).await?;
        let Some(text) = text else { return Ok(false) };
        let urgency = match is_first {
            true if *self.meant.borrow() => Urgency::First,
            true => Urgency::Speculative,
            false => Urgency::Later { due: self.supply.borrow().into_std() },
        };
        let (voice, speed, caller) = (self.voice.clone(), self.speed, self.caller);
        let request = tts::Request { text, voice, speed, urgency, caller };
        let unspoken = |error: tts::TtsError| failed(&error, Failure::of_tts(&error));
        let mut speech = self.tts.speak(request).map_err(unspoken)?;
        let mut is_certain = urgency != Urgency::Speculative;
        while let Some(frame) = next_frame(&mut speech, &mut self.meant, &mut is_certain).await? {
            let frame = frame.map_err(unspoken)?;
            if let Some(ends) = speech.words() {
                send(&self.progress, Progress::Words(ends)).await?;
            }
            send(&self.progress, Progress::Sound(frame)).await?;
        }
        Ok(true)
    }
}

/// A sentence's next frame; its engine is told as soon as it is meant.
async fn next_frame(
    speech: &mut Speech,
    meant: &mut watch::Receiver<bool>,
    is_certain: &mut bool,
) -> Result<Option<Result<Frame, tts::TtsError>>, Stop> {
    if !*is_certain {
        tokio::select! {
            biased;
            meant = until_meant(meant) => meant?,
            frame = speech.next() => return Ok(frame),
        }
        speech.confirm();
        *is_certain = true;
    }
    Ok(speech.next().await)
}

async fn until_meant(meant: &mut watch::Receiver<bool>) -> Result<(), Stop> {
    meant.wait_for(|meant| *meant).await.map(|_| ()).map_err(|_| Stop::Gone)
}

async fn send<T>(sender: &mpsc::Sender<T>, value: T) -> Result<(), Stop> {
    sender.send(value).await.map_err(|_| Stop::Gone)
}

/// Logged here once; the caller learns the code and a short text.
fn failed(error: &dyn std::error::Error, failure: Failure) -> Stop {
    tracing::error!(%error, code = ?failure.code, "response failed");
    Stop::Failed(failure)
}

#[cfg(test)]
mod tests {
    use audio::SampleRate;
    use llm::Standing;

    use super::*;

    fn speculative() -> (llm::Outlet, Response) {
        let (outlet, tokens) = llm::token_stream(64);
        tokens.speculate();
        let tts: Arc<dyn TextToSpeech> =
            Arc::new(tts::scripted::Scripted::new(SampleRate::HZ_16000));
        let plan = Plan { tokens, tts, voice: None, speed: 1.0, caller: Caller::new() };
        (outlet, Response::start(ResponseId(1), false, plan))
    }

    async fn until_settled(outlet: &llm::Outlet) {
        tokio::time::timeout(Duration::from_secs(5), outlet.settled()).await.expect("it is told");
        assert_eq!(outlet.standing(), Standing::Confirmed);
    }

    #[tokio::test]
    async fn the_model_is_told_that_its_words_are_meant_before_it_has_any() {
        let (outlet, mut response) = speculative();
        response.confirm();
        until_settled(&outlet).await;
    }

    #[tokio::test]
    async fn the_model_is_told_while_nobody_takes_its_words() {
        let (outlet, mut response) = speculative();
        for _ in 0..2 * PROGRESS {
            outlet.pieces.send(Ok("word ".to_owned())).await.expect("it listens");
        }
        // the response has read what it could pass on, and waits
        while outlet.pieces.capacity() < PROGRESS {
            tokio::task::yield_now().await;
        }
        response.confirm();
        for _ in 0..PROGRESS {
            response.next().await.expect("it goes on");
        }
        until_settled(&outlet).await;
    }
}
