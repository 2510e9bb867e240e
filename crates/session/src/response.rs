//! One response: the model's words, cut into sentences, spoken, and handed out in time.

use std::{sync::Arc, time::Duration};

use llm::TokenStream;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tts::{SpokenText, TextToSpeech, Urgency};

use crate::{Event, Failure, Outlet, Output, ResponseId, Splitter, TurnTimings, outlet::Gone};

/// Sentences between the model and the voice. When it is full the model waits: it is many
/// sentences ahead of what is heard.
const SENTENCES: usize = 16;
/// Steps of a response that its session has not seen yet. When it is full the response waits.
pub(crate) const PROGRESS: usize = 32;

/// What a session learns of its response.
#[derive(Debug)]
pub(crate) enum Progress {
    /// The whole answer so far.
    Answer(String),
    /// A sentence begins to sound.
    Began(String),
    /// So much more sound has been handed out.
    Sounded(Duration),
    /// The first sound has been handed out.
    Sounding(TurnTimings),
    /// It is over; what failed, if something did.
    Ended(Result<(), Failure>),
}

/// Everything a response needs.
pub(crate) struct Plan {
    pub(crate) id: ResponseId,
    pub(crate) tokens: TokenStream,
    pub(crate) tts: Arc<dyn TextToSpeech>,
    pub(crate) voice: Option<Arc<str>>,
    pub(crate) speech_speed: f32,
    pub(crate) lead: Duration,
    pub(crate) timings: TurnTimings,
    pub(crate) outlet: Outlet,
    pub(crate) progress: mpsc::Sender<Progress>,
}

/// Why a response stops before its end.
enum Stop {
    Failed(Failure),
    /// Nobody listens any more.
    Gone,
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// A sentence with the moments its words were there.
struct Sentence {
    text: String,
    first_token: Instant,
    complete: Instant,
}

/// Runs a response to its end. Dropping the future cancels the model and the voice.
pub(crate) async fn respond(plan: Plan) {
    let Plan { id, tokens, outlet, progress, .. } = plan;
    let (sentences_tx, sentences_rx) = mpsc::channel(SENTENCES);
    let writer = Writer { id, outlet: outlet.clone(), progress: progress.clone() };
    let speaker = Speaker {
        id,
        tts: plan.tts,
        voice: plan.voice,
        speed: plan.speech_speed,
        lead: plan.lead,
        timings: plan.timings,
        outlet,
        progress: progress.clone(),
        first_sent: None,
        sent: Duration::ZERO,
    };
    let result =
        tokio::try_join!(writer.write(tokens, sentences_tx), speaker.speak_all(sentences_rx));
    let result = match result {
        Ok(_) => Ok(()),
        Err(Stop::Failed(failure)) => Err(failure),
        Err(Stop::Gone) => return,
    };
    // if the session has gone nobody needs to know
    let _ = progress.send(Progress::Ended(result)).await;
}

/// Reads the model and cuts its words into sentences.
struct Writer {
    id: ResponseId,
    outlet: Outlet,
    progress: mpsc::Sender<Progress>,
}

impl Writer {
    async fn write(
        self,
        mut tokens: TokenStream,
        sentences: mpsc::Sender<Sentence>,
    ) -> Result<(), Stop> {
        let mut splitter = Splitter::default();
        let mut answer = String::new();
        let mut first_token = None;
        while let Some(piece) = tokens.next().await {
            let piece = piece.map_err(|error| failed(&error, Failure::of_llm(&error)))?;
            let first_token = *first_token.get_or_insert_with(Instant::now);
            answer.push_str(&piece);
            for text in splitter.push(&piece) {
                send(&sentences, Sentence { text, first_token, complete: Instant::now() }).await?;
            }
            self.show(&answer).await?;
        }
        let Some(first_token) = first_token.filter(|_| !answer.trim().is_empty()) else {
            return Err(Stop::Failed(Failure::silence()));
        };
        if let Some(text) = splitter.finish() {
            send(&sentences, Sentence { text, first_token, complete: Instant::now() }).await?;
        }
        Ok(())
    }

    async fn show(&self, answer: &str) -> Result<(), Stop> {
        let text = answer.trim();
        if text.is_empty() {
            return Ok(());
        }
        send(&self.progress, Progress::Answer(text.to_owned())).await?;
        let event = Event::PartialAnswer { response: self.id, text: text.to_owned() };
        Ok(self.outlet.event(event).await?)
    }
}

/// Speaks sentences, never further ahead of the listener than the lead.
struct Speaker {
    id: ResponseId,
    tts: Arc<dyn TextToSpeech>,
    voice: Option<Arc<str>>,
    speed: f32,
    lead: Duration,
    timings: TurnTimings,
    outlet: Outlet,
    progress: mpsc::Sender<Progress>,
    first_sent: Option<Instant>,
    sent: Duration,
}

impl Speaker {
    async fn speak_all(mut self, mut sentences: mpsc::Receiver<Sentence>) -> Result<(), Stop> {
        while let Some(sentence) = sentences.recv().await {
            self.note_words(&sentence);
            self.speak(sentence.text).await?;
        }
        Ok(())
    }

    fn note_words(&mut self, sentence: &Sentence) {
        let timings = &mut self.timings;
        let (first_token, complete) =
            (timings.until(sentence.first_token), timings.until(sentence.complete));
        timings.first_token.get_or_insert(first_token);
        timings.first_sentence.get_or_insert(complete);
    }

    async fn speak(&mut self, sentence: String) -> Result<(), Stop> {
        let text = SpokenText::new(&sentence);
        send(&self.progress, Progress::Began(sentence)).await?;
        let Some(text) = text else { return Ok(()) };
        let urgency = if self.first_sent.is_none() { Urgency::First } else { Urgency::Later };
        let voice = self.voice.clone();
        let request = tts::Request { text, voice, speed: self.speed, urgency };
        let unspoken = |error: tts::TtsError| failed(&error, Failure::of_tts(&error));
        let mut speech = self.tts.speak(request).map_err(unspoken)?;
        while let Some(frame) = speech.next().await {
            let frame = frame.map_err(unspoken)?;
            self.timings.mark(|timings| &mut timings.first_audio);
            self.hand_out(frame).await?;
        }
        Ok(())
    }

    async fn hand_out(&mut self, frame: audio::Frame) -> Result<(), Stop> {
        if let Some(first_sent) = self.first_sent
            && let Some(ahead) = self.sent.checked_sub(self.lead)
        {
            sleep_until(first_sent + ahead).await;
        }
        let duration = frame.duration();
        self.outlet.send(Output::Audio { response: self.id, frame }).await?;
        self.sent += duration;
        send(&self.progress, Progress::Sounded(duration)).await?;
        if self.first_sent.is_none() {
            self.first_sent = Some(Instant::now());
            self.timings.mark(|timings| &mut timings.first_audio_sent);
            send(&self.progress, Progress::Sounding(self.timings)).await?;
        }
        Ok(())
    }
}

async fn send<T>(sender: &mpsc::Sender<T>, value: T) -> Result<(), Stop> {
    sender.send(value).await.map_err(|_| Stop::Gone)
}

/// Logged here once; the caller learns the code and a short text.
fn failed(error: &dyn std::error::Error, failure: Failure) -> Stop {
    tracing::error!(%error, code = ?failure.code, "response failed");
    Stop::Failed(failure)
}
