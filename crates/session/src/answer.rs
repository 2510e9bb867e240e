//! The response that is being made or heard.

use std::{sync::Arc, time::Duration};

use crate::{
    Failure, Ledger, ResponseId, TurnTimings,
    playout::{Hold, Playout},
    timings::TurnTimes,
};

/// The response that is being made or heard. Times count from the beginning of the session.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) id: ResponseId,
    /// The words that it answers.
    pub(crate) to: Arc<str>,
    pub(crate) text: String,
    pub(crate) ledger: Ledger,
    pub(crate) playout: Playout,
    pub(crate) stage: Stage,
    /// How it ended, once no more of it will come.
    pub(crate) complete: Option<Result<(), Failure>>,
    /// Its first sound has left, and how long that took is told. A caller who comes back may hear
    /// it once more.
    pub(crate) measured: bool,
    /// The caller knows its final words.
    pub(crate) final_told: bool,
    /// The client knows that all its sound has left.
    pub(crate) end_told: bool,
    begun: Duration,
    first_token: Option<Duration>,
    first_sentence: Option<Duration>,
    first_audio: Option<Duration>,
}

/// Whether it is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    /// The turn may not have ended: nobody knows of it.
    Guess,
    /// It answers a turn.
    Meant(TurnTimes),
}

impl Answer {
    pub(crate) fn begin(id: ResponseId, to: Arc<str>, now: Duration, playout: Playout) -> Self {
        Self {
            id,
            to,
            text: String::new(),
            ledger: Ledger::default(),
            playout,
            stage: Stage::Guess,
            complete: None,
            measured: false,
            final_told: false,
            end_told: false,
            begun: now,
            first_token: None,
            first_sentence: None,
            first_audio: None,
        }
    }

    pub(crate) fn is_guess(&self) -> bool {
        matches!(self.stage, Stage::Guess)
    }

    /// The turn has ended as it was guessed: its sound may leave.
    pub(crate) fn confirm(&mut self, now: Duration, times: TurnTimes) {
        self.stage = Stage::Meant(times);
        self.playout.release(now, Hold::Unconfirmed);
    }

    /// Whether some of its sound has left.
    pub(crate) fn has_sounded(&self) -> bool {
        !self.playout.sent().is_zero()
    }

    pub(crate) fn written(&mut self, now: Duration, text: String) {
        self.first_token.get_or_insert(now);
        self.text = text;
    }

    pub(crate) fn sentence(&mut self, now: Duration, text: &str) {
        self.first_sentence.get_or_insert(now);
        self.ledger.begin(text);
    }

    pub(crate) fn sound(&mut self, now: Duration, duration: Duration) {
        self.first_audio.get_or_insert(now);
        self.ledger.sounded(duration);
        self.playout.push(duration);
    }

    /// Whether all that there is of it has left.
    pub(crate) fn is_handed_out(&self) -> bool {
        self.complete.is_some() && self.playout.is_drained()
    }

    /// Whether its end is told and less than so much of it is still to be heard.
    pub(crate) fn is_nearly_heard(&self, now: Duration, rest: Duration) -> bool {
        self.end_told && self.playout.heard(now) + rest > self.ledger.duration()
    }

    /// The words that somebody knows who has heard so much of the sound: all of them, or those up
    /// to a cut.
    pub(crate) fn words(&self, heard: Duration) -> String {
        let whole = matches!(self.complete, Some(Ok(())));
        if whole && self.is_handed_out() && heard >= self.ledger.duration() {
            self.ledger.text()
        } else {
            self.ledger.heard(heard)
        }
    }

    /// The words that the caller is told when all of it has left.
    pub(crate) fn final_words(&self) -> String {
        match self.complete {
            Some(Ok(())) => self.text.trim().to_owned(),
            _ => self.words(self.ledger.duration()),
        }
    }

    /// How long the parts took, now that the first sound leaves.
    pub(crate) fn timings(&self, now: Duration) -> TurnTimings {
        let Stage::Meant(times) = self.stage else { return TurnTimings::default() };
        let since = |at: Duration| at.saturating_sub(times.speech_end);
        TurnTimings {
            turn_end: Some(since(times.turn_end)),
            transcript: times.transcript.map(since),
            first_token: self.first_token.map(since),
            first_sentence: self.first_sentence.map(since),
            first_audio: self.first_audio.map(since),
            first_audio_sent: Some(since(now)),
            saved: self.saved(times.turn_end),
        }
    }

    /// How much sooner the first sound was there, or could leave, than if all had begun at the end
    /// of the turn.
    fn saved(&self, turn_end: Duration) -> Option<Duration> {
        let first_audio = self.first_audio?;
        (self.begun < turn_end).then(|| first_audio.min(turn_end).saturating_sub(self.begun))
    }
}
