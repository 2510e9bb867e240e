//! One turn as the caller saw and heard it.

use std::{ops::Range, time::Duration};

use anyhow::{Result, bail};
use audio::{Frame, level};
use protocol::{ErrorCode, ServerMessage, SessionState, TurnMetrics};
use tokio::time::Instant;

use crate::playback::Playback;

/// A turn that was answered.
#[derive(Clone, Debug)]
pub struct Turn {
    /// What the server understood.
    pub said: String,
    /// How many turns the server made of it: more than one where it took a pause for the end.
    pub turns: usize,
    /// What it answered.
    pub answer: String,
    /// How it sounded.
    pub sound: Frame,
    /// From the true end of the caller's speech to the first audible sample that they hear. `None`
    /// where nothing was audible, or where an answer came [too early](Self::answered_early).
    pub voice_to_voice: Option<Duration>,
    /// How much silence the answer begins with; part of the latency.
    pub leading_silence: Option<Duration>,
    /// An answer began before the caller had finished: this one, or one to a part of what was said.
    pub answered_early: bool,
    /// How often the answer fell silent for lack of sound.
    pub underruns: usize,
    /// The parts of the latency, as the server measured them.
    pub metrics: TurnMetrics,
    /// The caller's speech, from its first sound to its true end.
    pub speech: Range<Instant>,
    /// When the answer came over the wire.
    pub arrivals: Arrivals,
}

/// When the parts of an answer arrived at the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrivals {
    /// The final transcript.
    pub transcript: Option<Instant>,
    /// The first words of the answer.
    pub first_words: Option<Instant>,
    /// Its first sound.
    pub first_sound: Option<Instant>,
    /// The last of its sound; `None` if more was to come.
    pub last_sound: Option<Instant>,
}

/// A turn so far.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// The last response before this turn. What is still told about it counts for nothing.
    before: u32,
    said: Vec<String>,
    answer: String,
    metrics: TurnMetrics,
    /// The first response that was heard, and from when.
    heard: Option<(u32, Instant)>,
    /// The response whose last sound has come.
    ended: Option<u32>,
    hearing: bool,
    arrivals: Arrivals,
}

impl Record {
    /// A turn after this response.
    pub(crate) fn after(response: u32) -> Self {
        Self { before: response, ..Self::default() }
    }

    /// Takes note of a message. Fails where the server says that there will be no answer.
    pub(crate) fn note(&mut self, message: ServerMessage<'static>) -> Result<()> {
        match message {
            // a clip with a long pause is several turns; the answer to the last of them counts
            ServerMessage::FinalUserRequest { content } => {
                self.said.push(content.into_owned());
                self.ended = None;
                self.arrivals =
                    Arrivals { transcript: Some(Instant::now()), ..Arrivals::default() };
            }
            ServerMessage::PartialAssistantAnswer { response, .. } if response > self.before => {
                self.arrivals.first_words.get_or_insert_with(Instant::now);
            }
            ServerMessage::FinalAssistantAnswer { content, response, .. }
                if response > self.before =>
            {
                self.arrivals.first_words.get_or_insert_with(Instant::now);
                self.answer = content.into_owned();
            }
            ServerMessage::TurnMetrics(metrics) if metrics.response > self.before => {
                self.metrics = metrics;
            }
            ServerMessage::AudioEnd { response, .. } if response > self.before => {
                self.ended = Some(response);
            }
            ServerMessage::State { state } => self.hearing = state == SessionState::Hearing,
            ServerMessage::Error { code, message } if ends_the_turn(code) => {
                bail!("the server could not answer: {code}: {message}")
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes note of what sounds.
    pub(crate) fn listen(&mut self, playback: &Playback) {
        if self.heard.is_none() && playback.response() > self.before {
            self.heard = playback.began().map(|at| (playback.response(), at));
        }
    }

    /// The answer is complete, unless the caller is still speaking.
    pub(crate) fn is_answered(&self) -> bool {
        self.ended.is_some() && !self.hearing
    }

    /// The server has understood something.
    pub(crate) fn is_understood(&self) -> bool {
        !self.said.is_empty()
    }

    /// An answer has begun to sound.
    pub(crate) fn is_heard(&self) -> bool {
        self.heard.is_some()
    }

    /// The turn as it is now; `speech` is from the caller's first sound to the end of the last.
    pub(crate) fn finish(self, playback: &Playback, speech: Range<Instant>) -> Turn {
        let (sound, speech_end) = (playback.sound(), speech.end);
        let ended = self.ended == Some(playback.response());
        let arrivals = Arrivals {
            // the first piece sounds when it arrives, unless it arrives while held
            first_sound: playback.began(),
            last_sound: playback.last_arrival().filter(|_| ended),
            ..self.arrivals
        };
        let leading_silence = level::onset(&sound);
        let onset = leading_silence.map(|silence| sound.rate.samples_in(silence));
        let heard_at = onset.and_then(|onset| playback.sounds_at(onset));
        // of an answer that was dropped again nobody knows what would have been audible
        let dropped = self.heard.filter(|(response, _)| *response != playback.response());
        let first = dropped.map(|(_, at)| at).or(heard_at);
        let answered_early = first.is_some_and(|at| at < speech_end);
        let latency = heard_at.and_then(|at| at.checked_duration_since(speech_end));
        Turn {
            said: self.said.join(" "),
            turns: self.said.len(),
            answer: self.answer,
            voice_to_voice: latency.filter(|_| !answered_early),
            leading_silence,
            answered_early,
            underruns: playback.underruns(),
            metrics: self.metrics,
            sound,
            speech,
            arrivals,
        }
    }
}

fn ends_the_turn(code: ErrorCode) -> bool {
    use ErrorCode::{LlmFailed, Overloaded, SttFailed, TtsFailed};
    matches!(code, SttFailed | LlmFailed | TtsFailed | Overloaded)
}

#[cfg(test)]
mod tests {
    use audio::SampleRate;

    use super::*;

    const RATE: SampleRate = SampleRate::HZ_16000;

    fn heard(content: &'static str) -> ServerMessage<'static> {
        ServerMessage::FinalUserRequest { content: content.into() }
    }

    #[test]
    fn latency_counts_to_the_first_audible_sample_and_not_to_silence_before_it() {
        let start = Instant::now();
        let mut playback = Playback::new(RATE);
        let sound = [vec![0.0; 1_600], vec![0.5; 1_600]].concat();
        playback.arrived(1, 0, &sound, start + Duration::from_millis(400));
        let turn = Record::default().finish(&playback, start..start);
        // 400 ms until it arrives, 100 ms of silence; a window of 10 ms may begin before the sound
        let latency = turn.voice_to_voice.expect("it is audible");
        let bounds = Duration::from_millis(500)..=Duration::from_millis(510);
        assert!(bounds.contains(&latency), "{latency:?}");
        assert!(!turn.answered_early);
    }

    #[test]
    fn an_answer_before_the_end_of_speech_is_no_latency() {
        let start = Instant::now();
        let mut playback = Playback::new(RATE);
        playback.arrived(1, 0, &[0.5; 1_600], start);
        let turn = Record::default().finish(&playback, start..start + Duration::from_secs(1));
        assert_eq!((turn.voice_to_voice, turn.answered_early), (None, true));
    }

    #[test]
    fn an_answer_to_the_first_half_of_a_clip_is_not_the_end() {
        let mut record = Record::default();
        record.note(heard("so my fellow")).unwrap();
        record.note(ServerMessage::AudioEnd { response: 1, samples: 9 }).unwrap();
        assert!(record.is_answered());
        record.note(ServerMessage::State { state: SessionState::Hearing }).unwrap();
        assert!(!record.is_answered());
        record.note(heard("Americans")).unwrap();
        record.note(ServerMessage::State { state: SessionState::Thinking }).unwrap();
        assert!(!record.is_answered());
        record.note(ServerMessage::AudioEnd { response: 2, samples: 9 }).unwrap();
        assert!(record.is_answered());
        assert_eq!(record.said.join(" "), "so my fellow Americans");
    }

    #[test]
    fn a_failed_engine_ends_the_turn_and_a_warning_does_not() {
        let error = |code| ServerMessage::Error { code, message: "so it is".into() };
        let mut record = Record::default();
        record.note(error(ErrorCode::AudioQueueFull)).unwrap();
        let failure = record.note(error(ErrorCode::LlmFailed)).expect_err("no answer will come");
        assert_eq!(failure.to_string(), "the server could not answer: llm_failed: so it is");
    }

    #[test]
    fn an_early_answer_counts_although_it_was_dropped_for_another_one() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let mut playback = Playback::new(RATE);
        let mut record = Record::after(3);
        playback.arrived(3, 0, &[0.5; 1_600], start);
        record.listen(&playback);
        assert!(!record.is_heard(), "that was the turn before");
        playback.arrived(4, 0, &[0.5; 1_600], after(500));
        record.listen(&playback);
        playback.stop(4, after(550));
        playback.arrived(5, 0, &[0.5; 1_600], after(1_400));
        record.listen(&playback);
        let turn = record.finish(&playback, start..after(1_000));
        assert_eq!((turn.answered_early, turn.voice_to_voice), (true, None));
    }

    #[test]
    fn what_is_told_of_the_response_before_is_no_answer() {
        let mut record = Record::after(1);
        record.note(ServerMessage::AudioEnd { response: 1, samples: 9 }).unwrap();
        assert!(!record.is_answered());
        let cut = ServerMessage::FinalAssistantAnswer {
            content: "I was about to".into(),
            response: 1,
            interrupted: true,
        };
        record.note(cut).unwrap();
        record.note(ServerMessage::AudioEnd { response: 2, samples: 9 }).unwrap();
        assert!(record.is_answered() && record.answer.is_empty());
    }
}
