//! The caller's speech on its way to words: buffering, cutting, transcribing each stretch once.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesOrdered};
use stt::{MAX_SEGMENT, Purpose, Request, SpeechToText, SttError, Transcript, Transcription};

/// A segment of this length is settled at its next pause instead of being transcribed again and
/// again with all that follows it.
const SETTLE_AFTER: Duration = Duration::from_secs(8);
/// Speech without any pause is cut somewhere in its last part before it reaches what an engine
/// takes, where it is quietest.
const CUT_WITHIN: Duration = Duration::from_secs(4);
/// Less speech than this (cough, click, breath) is not asked about: models invent words for it.
const MIN_SPEECH: Duration = Duration::from_millis(192);
/// The grain of the search for the quietest place.
const GRAIN: usize = vad::FRAME_SAMPLES;

/// What was understood.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The whole turn up to the pause of this number.
    Turn {
        /// The pause.
        pause: u32,
        /// The words, blank if there were none.
        text: String,
    },
    /// The turn so far, while it goes on.
    Partial(String),
    /// The engine failed on a part of the turn that cannot be asked again.
    Failed(SttError),
}

/// The current turn's sound and what is known of its words.
pub(crate) struct Listening {
    stt: Arc<dyn SpeechToText>,
    pre_roll: VecDeque<f32>,
    pre_roll_samples: usize,
    partial_samples: usize,
    in_turn: bool,
    /// Sound of the turn that is not settled yet.
    segment: Vec<f32>,
    /// Samples of speech, not pauses, in the turn.
    voiced: usize,
    settled: Vec<String>,
    settling: FuturesOrdered<Transcription>,
    tail: Option<Tail>,
    partial: Option<Transcription>,
    /// Samples since the last partial transcript was asked for.
    unseen: usize,
}

/// The transcript of the segment up to a pause.
struct Tail {
    pause: u32,
    samples: usize,
    words: Words,
}

enum Words {
    Awaited(Transcription),
    Known(String),
    Told(String),
}

impl Listening {
    pub(crate) fn new(
        stt: Arc<dyn SpeechToText>,
        pre_roll: Duration,
        partial_period: Duration,
    ) -> Self {
        Self {
            stt,
            pre_roll: VecDeque::new(),
            pre_roll_samples: samples_in(pre_roll),
            partial_samples: samples_in(partial_period),
            in_turn: false,
            segment: Vec::new(),
            voiced: 0,
            settled: Vec::new(),
            settling: FuturesOrdered::new(),
            tail: None,
            partial: None,
            unseen: 0,
        }
    }

    /// Takes the next frame.
    pub(crate) fn take(&mut self, samples: &[f32]) -> Result<(), SttError> {
        if !self.in_turn {
            self.keep_pre_roll(samples);
            return Ok(());
        }
        self.segment.extend_from_slice(samples);
        if self.segment.len() + samples.len() > samples_in(MAX_SEGMENT) {
            self.cut_at_quietest()?;
        }
        Ok(())
    }

    /// The frame taken last was speech. Now and then the words so far are asked for.
    pub(crate) fn was_speech(&mut self) {
        if !self.in_turn {
            return;
        }
        self.voiced += vad::FRAME_SAMPLES;
        self.unseen += vad::FRAME_SAMPLES;
        if self.unseen >= self.partial_samples && self.partial.is_none() && self.tail.is_none() {
            self.ask_for_partial();
        }
    }

    /// The turn has begun: the pre-roll and what follows belong to it.
    pub(crate) fn begin(&mut self) {
        self.in_turn = true;
        self.segment.extend(self.pre_roll.drain(..));
        self.voiced = self.segment.len().saturating_sub(self.pre_roll_samples);
    }

    /// The caller has paused: asks for the words up to here, which are final if no speech follows.
    pub(crate) fn pause(&mut self, pause: u32) -> Result<(), SttError> {
        self.partial = None;
        let words = if self.voiced < samples_in(MIN_SPEECH) {
            Words::Known(String::new())
        } else {
            Words::Awaited(self.transcribe(self.segment.clone(), Purpose::Final)?)
        };
        self.tail = Some(Tail { pause, samples: self.segment.len(), words });
        Ok(())
    }

    /// The caller goes on after a pause. A long segment stays settled as of that pause.
    pub(crate) fn resume(&mut self) {
        let Some(tail) = self.tail.take() else { return };
        if tail.samples < samples_in(SETTLE_AFTER) {
            return;
        }
        match tail.words {
            Words::Awaited(transcription) => self.settling.push_back(transcription),
            Words::Known(text) | Words::Told(text) => self.settled.push(text),
        }
        self.segment.drain(..tail.samples);
    }

    /// Forgets the turn; the last moments stay as pre-roll of the next one.
    pub(crate) fn reset(&mut self) {
        let recent = self.segment.len().saturating_sub(self.pre_roll_samples);
        let segment = std::mem::take(&mut self.segment);
        self.pre_roll.clear();
        self.pre_roll.extend(&segment[recent..]);
        self.in_turn = false;
        self.voiced = 0;
        self.unseen = 0;
        self.settled.clear();
        self.settling = FuturesOrdered::new();
        self.tail = None;
        self.partial = None;
    }

    /// The next thing understood. Never resolves while nothing is asked. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Heard {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        while let Poll::Ready(Some(result)) = self.settling.poll_next_unpin(context) {
            match result {
                Ok(Transcript { text }) => self.settled.push(text),
                Err(error) => return Poll::Ready(Heard::Failed(error)),
            }
        }
        if let Poll::Ready(Err(error)) = self.poll_tail(context) {
            return Poll::Ready(Heard::Failed(error));
        }
        if self.settling.is_empty()
            && let Some(heard) = self.tell_turn()
        {
            return Poll::Ready(heard);
        }
        self.poll_partial(context)
    }

    fn poll_tail(&mut self, context: &mut Context<'_>) -> Poll<Result<(), SttError>> {
        if let Some(Tail { words, .. }) = &mut self.tail
            && let Words::Awaited(transcription) = words
            && let Poll::Ready(result) = Pin::new(transcription).poll(context)
        {
            return Poll::Ready(result.map(|Transcript { text }| *words = Words::Known(text)));
        }
        Poll::Pending
    }

    fn tell_turn(&mut self) -> Option<Heard> {
        let tail = self.tail.as_mut()?;
        let Words::Known(text) = &mut tail.words else { return None };
        let text = std::mem::take(text);
        tail.words = Words::Told(text.clone());
        let pause = tail.pause;
        Some(Heard::Turn { pause, text: self.with_settled(&text) })
    }

    fn poll_partial(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        let Some(partial) = &mut self.partial else { return Poll::Pending };
        let Poll::Ready(result) = Pin::new(partial).poll(context) else { return Poll::Pending };
        self.partial = None;
        match result {
            Ok(Transcript { text }) => Poll::Ready(Heard::Partial(self.with_settled(&text))),
            // the next partial or the final will tell; a failure that matters will come again
            Err(error) => {
                tracing::debug!(%error, "no partial transcript");
                Poll::Pending
            }
        }
    }

    fn ask_for_partial(&mut self) {
        self.unseen = 0;
        self.partial = self.transcribe(self.segment.clone(), Purpose::Partial).ok();
    }

    /// Settles what lies before the quietest place of the last seconds.
    fn cut_at_quietest(&mut self) -> Result<(), SttError> {
        let from = self.segment.len().saturating_sub(samples_in(CUT_WITHIN));
        let energy = |start: usize| -> f32 {
            self.segment[start..start + GRAIN].iter().map(|sample| sample * sample).sum()
        };
        let starts = (from..self.segment.len().saturating_sub(GRAIN)).step_by(GRAIN);
        let quietest = starts.min_by(|a, b| energy(*a).total_cmp(&energy(*b))).unwrap_or(from);
        let rest = self.segment.split_off(quietest + GRAIN / 2);
        let before = std::mem::replace(&mut self.segment, rest);
        self.partial = None;
        let transcription = self.transcribe(before, Purpose::Final)?;
        self.settling.push_back(transcription);
        Ok(())
    }

    fn transcribe(&self, samples: Vec<f32>, purpose: Purpose) -> Result<Transcription, SttError> {
        self.stt.transcribe(Request { samples: samples.into(), purpose })
    }

    fn with_settled(&self, text: &str) -> String {
        let parts = self.settled.iter().map(String::as_str).chain([text]);
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }

    fn keep_pre_roll(&mut self, samples: &[f32]) {
        self.pre_roll.extend(samples);
        // detection takes two frames of speech, which belong to the turn as well
        let keep = self.pre_roll_samples + 2 * vad::FRAME_SAMPLES;
        let surplus = self.pre_roll.len().saturating_sub(keep);
        self.pre_roll.drain(..surplus);
    }
}

fn samples_in(duration: Duration) -> usize {
    usize::try_from(vad::FRAME_RATE.samples_in(duration)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Hears the length of the audio in whole seconds, so that a test sees what was asked.
    #[derive(Default)]
    struct Ruler(Mutex<Vec<usize>>);

    impl SpeechToText for Ruler {
        fn transcribe(&self, request: Request) -> Result<Transcription, SttError> {
            let (result_tx, _, transcription) = stt::reply();
            assert!(request.samples.len() <= samples_in(MAX_SEGMENT), "longer than engines take");
            if request.purpose == Purpose::Final {
                self.0.lock().unwrap().push(request.samples.len());
            }
            let text = format!("{}s", (request.samples.len() + 8_000) / 16_000);
            result_tx.send(Ok(Transcript { text })).unwrap();
            Ok(transcription)
        }

        fn info(&self) -> stt::Info {
            stt::Info { name: "ruler".to_owned(), workers: 1 }
        }
    }

    fn listening(stt: &Arc<Ruler>) -> Listening {
        let stt: Arc<dyn SpeechToText> = Arc::clone(stt) as _;
        Listening::new(stt, Duration::from_millis(200), Duration::from_secs(1))
    }

    fn speak(listening: &mut Listening, seconds: usize) {
        for _ in 0..seconds * 16_000 / vad::FRAME_SAMPLES {
            listening.take(&[0.1; vad::FRAME_SAMPLES]).expect("the ruler takes all");
            listening.was_speech();
        }
    }

    async fn turn(listening: &mut Listening) -> String {
        loop {
            match listening.next().await {
                Heard::Turn { text, .. } => return text,
                Heard::Partial(_) => {}
                Heard::Failed(error) => panic!("{error}"),
            }
        }
    }

    #[tokio::test]
    async fn the_pre_roll_belongs_to_the_turn() {
        let stt = Arc::new(Ruler::default());
        let mut listening = listening(&stt);
        speak(&mut listening, 5);
        listening.begin();
        speak(&mut listening, 1);
        listening.pause(1).unwrap();
        turn(&mut listening).await;
        let asked = stt.0.lock().unwrap()[0];
        assert_eq!(asked, 3_200 + 2 * 512 + 31 * 512);
    }

    #[tokio::test]
    async fn a_cough_is_never_asked_about() {
        let stt = Arc::new(Ruler::default());
        let mut listening = listening(&stt);
        listening.take(&[0.1; 512]).unwrap();
        listening.begin();
        listening.take(&[0.1; 512]).unwrap();
        listening.was_speech();
        listening.pause(1).unwrap();
        assert_eq!(turn(&mut listening).await, "");
        assert!(stt.0.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn ten_minutes_without_a_pause_are_cut_and_nothing_is_lost() {
        let stt = Arc::new(Ruler::default());
        let mut listening = listening(&stt);
        listening.begin();
        speak(&mut listening, 600);
        listening.pause(1).unwrap();
        let words = turn(&mut listening).await;
        let asked: usize = stt.0.lock().unwrap().iter().sum();
        assert_eq!(asked, 600 * 16_000 / 512 * 512);
        assert!(words.split(' ').count() >= 30, "{words}");
    }

    #[tokio::test]
    async fn a_long_segment_is_settled_at_a_pause_and_not_asked_again() {
        let stt = Arc::new(Ruler::default());
        let mut listening = listening(&stt);
        listening.begin();
        speak(&mut listening, 10);
        listening.pause(1).unwrap();
        assert_eq!(turn(&mut listening).await, "10s");
        listening.resume();
        speak(&mut listening, 2);
        listening.pause(2).unwrap();
        assert_eq!(turn(&mut listening).await, "10s 2s");
    }

    #[tokio::test]
    async fn a_short_segment_is_heard_again_with_what_follows() {
        let stt = Arc::new(Ruler::default());
        let mut listening = listening(&stt);
        listening.begin();
        speak(&mut listening, 2);
        listening.pause(1).unwrap();
        assert_eq!(turn(&mut listening).await, "2s");
        listening.resume();
        speak(&mut listening, 1);
        listening.pause(2).unwrap();
        assert_eq!(turn(&mut listening).await, "3s");
    }
}
