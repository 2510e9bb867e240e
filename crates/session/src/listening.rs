//! The caller's speech on its way to words: buffering, cutting, transcribing each stretch once.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use endpointing::{Assessment, Endpointing};
use engine::Caller;
use futures_util::{StreamExt, stream::FuturesOrdered};
use stt::{MAX_SEGMENT, Purpose, Request, SpeechToText, SttError, Transcript, Transcription};

/// A segment of this length is settled at its next pause instead of being transcribed again and
/// again with all that follows it.
const SETTLE_AFTER: Duration = Duration::from_secs(8);
/// Speech without any pause is cut somewhere in its last part before it reaches what an engine
/// takes, where it is quietest.
const CUT_WITHIN: Duration = Duration::from_secs(4);
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
    /// How complete the turn sounds at the pause of this number.
    Complete {
        /// The pause.
        pause: u32,
        /// The probability that it is complete.
        probability: f32,
    },
    /// The turn so far, while it goes on.
    Partial(String),
    /// The engine failed on a part of the turn that cannot be asked again.
    Failed(SttError),
}

/// The current turn's sound and what is known of its words.
pub(crate) struct Listening {
    stt: Arc<dyn SpeechToText>,
    caller: Caller,
    endpointing: Option<Arc<dyn Endpointing>>,
    pre_roll: VecDeque<f32>,
    pre_roll_samples: usize,
    in_turn: bool,
    /// The last of the turn's sound, as much as is listened to for its end.
    recent: VecDeque<f32>,
    assessment: Option<(u32, Assessment)>,
    /// Sound of the turn that is not settled yet.
    segment: Vec<f32>,
    settled: Vec<String>,
    settling: FuturesOrdered<Transcription>,
    tail: Option<Tail>,
    /// The newest pause that is long enough for words to end there.
    long_pause: Option<u32>,
    partial: Option<Transcription>,
}

/// The transcript of the segment up to a pause.
struct Tail {
    pause: u32,
    /// Whether the pause is long enough for words to end there.
    is_long: bool,
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
        caller: Caller,
        endpointing: Option<Arc<dyn Endpointing>>,
        pre_roll: Duration,
    ) -> Self {
        Self {
            stt,
            caller,
            endpointing,
            pre_roll: VecDeque::new(),
            pre_roll_samples: samples_in(pre_roll),
            in_turn: false,
            recent: VecDeque::new(),
            assessment: None,
            segment: Vec::new(),
            settled: Vec::new(),
            settling: FuturesOrdered::new(),
            tail: None,
            long_pause: None,
            partial: None,
        }
    }

    /// Takes the next frame.
    pub(crate) fn take(&mut self, samples: &[f32]) -> Result<(), SttError> {
        if !self.in_turn {
            self.keep_pre_roll(samples);
            return Ok(());
        }
        self.segment.extend_from_slice(samples);
        self.keep_recent(samples);
        if self.segment.len() + samples.len() > samples_in(MAX_SEGMENT) {
            self.cut_at_quietest()?;
        }
        Ok(())
    }

    /// The turn has begun: the pre-roll and what follows belong to it.
    pub(crate) fn begin(&mut self) {
        self.in_turn = true;
        self.segment.extend(self.pre_roll.drain(..));
        let segment = std::mem::take(&mut self.segment);
        self.keep_recent(&segment);
        self.segment = segment;
    }

    /// The caller has paused: asks for the words up to here, which are final if no speech follows.
    /// In a pause that is not long yet they may be in vain, and others go first.
    pub(crate) fn transcribe(&mut self, pause: u32) -> Result<(), SttError> {
        self.partial = None;
        let is_long = self.long_pause == Some(pause);
        let purpose = if is_long { Purpose::Final } else { Purpose::Guess };
        let words = Words::Awaited(self.request(self.segment.clone(), purpose)?);
        self.tail = Some(Tail { pause, is_long, samples: self.segment.len(), words });
        Ok(())
    }

    /// The pause of this number is long enough for words to end there.
    pub(crate) fn pause(&mut self, pause: u32) {
        self.long_pause = Some(pause);
        if let Some(tail) = self.tail.as_mut().filter(|tail| tail.pause == pause) {
            tail.is_long = true;
            if let Words::Awaited(transcription) = &tail.words {
                transcription.confirm();
            }
        }
    }

    /// Asks how complete the turn sounds. Where nobody can tell, nothing comes of it.
    pub(crate) fn assess(&mut self, pause: u32) {
        let Some(endpointing) = &self.endpointing else { return };
        match endpointing.assess(self.recent.iter().copied().collect()) {
            Ok(assessment) => self.assessment = Some((pause, assessment)),
            Err(error) => tracing::debug!(%error, "nobody says whether the turn is complete"),
        }
    }

    /// Asks for the words so far, while the caller speaks.
    pub(crate) fn transcribe_partly(&mut self) {
        if self.in_turn && self.partial.is_none() && self.tail.is_none() {
            self.partial = self.request(self.segment.clone(), Purpose::Partial).ok();
        }
    }

    /// The caller goes on after a pause. A long segment stays settled as of that pause.
    pub(crate) fn resume(&mut self) {
        self.assessment = None;
        let Some(tail) = self.tail.take() else { return };
        if !tail.is_long || tail.samples < samples_in(SETTLE_AFTER) {
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
        // half a megabyte, which a caller who says nothing more does not need
        self.recent = VecDeque::new();
        self.assessment = None;
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
        if let Some(heard) = self.poll_assessment(context) {
            return Poll::Ready(heard);
        }
        self.poll_partial(context)
    }

    fn poll_assessment(&mut self, context: &mut Context<'_>) -> Option<Heard> {
        let (pause, assessment) = self.assessment.as_mut()?;
        let Poll::Ready(result) = Pin::new(assessment).poll(context) else { return None };
        let pause = *pause;
        self.assessment = None;
        match result {
            Ok(probability) => Some(Heard::Complete { pause, probability }),
            // the punctuation decides alone
            Err(error) => {
                tracing::debug!(%error, "nobody says whether the turn is complete");
                None
            }
        }
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
        let transcription = self.request(before, Purpose::Final)?;
        self.settling.push_back(transcription);
        Ok(())
    }

    fn request(&self, samples: Vec<f32>, purpose: Purpose) -> Result<Transcription, SttError> {
        let caller = self.caller;
        self.stt.transcribe(Request { samples: samples.into(), purpose, caller })
    }

    fn with_settled(&self, text: &str) -> String {
        let parts = self.settled.iter().map(String::as_str).chain([text]);
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }

    fn keep_recent(&mut self, samples: &[f32]) {
        if self.endpointing.is_some() {
            self.recent.extend(samples);
            let surplus = self.recent.len().saturating_sub(samples_in(endpointing::LONGEST));
            self.recent.drain(..surplus);
        }
    }

    fn keep_pre_roll(&mut self, samples: &[f32]) {
        // detection takes two frames of speech, which belong to the turn as well
        let keep = self.pre_roll_samples + 2 * vad::FRAME_SAMPLES;
        let length = self.pre_roll.len();
        let surplus = (length + samples.len()).saturating_sub(keep);
        self.pre_roll.drain(..surplus.min(length));
        self.pre_roll.reserve_exact(keep.saturating_sub(self.pre_roll.len()));
        self.pre_roll.extend(samples);
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
            let (reply, transcription) = stt::reply(&request);
            assert!(request.samples.len() <= samples_in(MAX_SEGMENT), "longer than engines take");
            if request.purpose != Purpose::Partial {
                self.0.lock().unwrap().push(request.samples.len());
            }
            let text = format!("{}s", (request.samples.len() + 8_000) / 16_000);
            reply.result.send(Ok(Transcript { text })).unwrap();
            Ok(transcription)
        }

        fn info(&self) -> stt::Info {
            stt::Info { name: "ruler".to_owned(), workers: 1 }
        }
    }

    fn listening(stt: &Arc<Ruler>) -> Listening {
        let stt: Arc<dyn SpeechToText> = Arc::clone(stt) as _;
        Listening::new(stt, Caller::new(), None, Duration::from_millis(200))
    }

    fn speak(listening: &mut Listening, seconds: usize) {
        for _ in 0..seconds * 16_000 / vad::FRAME_SAMPLES {
            listening.take(&[0.1; vad::FRAME_SAMPLES]).expect("the ruler takes all");
        }
    }

    async fn turn(listening: &mut Listening) -> String {
        loop {
            match listening.next().await {
                Heard::Turn { text, .. } => return text,
                Heard::Partial(_) | Heard::Complete { .. } => {}
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
        listening.transcribe(1).unwrap();
        listening.pause(1);
        turn(&mut listening).await;
        let asked = stt.0.lock().unwrap()[0];
        assert_eq!(asked, 3_200 + 2 * 512 + 31 * 512);
    }

    #[tokio::test]
    async fn ten_minutes_without_a_pause_are_cut_and_nothing_is_lost() {
        let stt = Arc::new(Ruler::default());
        let mut listening = listening(&stt);
        listening.begin();
        speak(&mut listening, 600);
        listening.transcribe(1).unwrap();
        listening.pause(1);
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
        listening.transcribe(1).unwrap();
        listening.pause(1);
        assert_eq!(turn(&mut listening).await, "10s");
        listening.resume();
        speak(&mut listening, 2);
        listening.transcribe(2).unwrap();
        listening.pause(2);
        assert_eq!(turn(&mut listening).await, "10s 2s");
    }

    #[tokio::test]
    async fn words_asked_for_in_a_long_pause_are_settled_as_well() {
        let stt = Arc::new(Ruler::default());
        let mut listening = listening(&stt);
        listening.begin();
        speak(&mut listening, 10);
        listening.pause(1);
        listening.transcribe(1).unwrap();
        assert_eq!(turn(&mut listening).await, "10s");
        listening.resume();
        speak(&mut listening, 2);
        listening.transcribe(2).unwrap();
        assert_eq!(turn(&mut listening).await, "10s 2s");
    }

    #[tokio::test]
    async fn a_short_segment_is_heard_again_with_what_follows() {
        let stt = Arc::new(Ruler::default());
        let mut listening = listening(&stt);
        listening.begin();
        speak(&mut listening, 2);
        listening.transcribe(1).unwrap();
        listening.pause(1);
        assert_eq!(turn(&mut listening).await, "2s");
        listening.resume();
        speak(&mut listening, 1);
        listening.transcribe(2).unwrap();
        listening.pause(2);
        assert_eq!(turn(&mut listening).await, "3s");
    }
}
