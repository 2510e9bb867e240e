//! Callers that do not let the assistant finish.

use std::time::Duration;

use anyhow::{Result, ensure};
use audio::Frame;
use protocol::SessionState;
use tokio::time::Instant;

use crate::{
    Caller, Turn,
    caller::{Asking, PATIENCE},
    playback::Silenced,
};

/// Who has spoken over an answer and is not answered within this was not understood: longer than
/// any end of a turn is waited for.
const UNHEARD_AFTER: Duration = Duration::from_secs(8);

/// What came of speaking over an answer.
#[derive(Clone, Debug)]
pub struct Interruption {
    /// The turn whose answer was interrupted, as far as it was heard.
    pub question: Turn,
    /// How soon the answer fell silent; `None` where it had ended before, or did not stop.
    pub stop: Option<Stop>,
    /// What the words were understood as, and their answer; `None` where there was none.
    pub answer: Option<Turn>,
}

/// How soon an answer stops that is interrupted, each from the first sound of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Until the last sample of it sounded. If it was held before it was stopped, until then.
    pub heard: Duration,
    /// Until the last samples of it arrived; zero if all of it had arrived before.
    pub arrived: Duration,
}

/// What came of a cough over an answer.
#[derive(Clone, Debug)]
pub struct Cough {
    /// The turn whose answer was coughed over, as far as it was heard before.
    pub question: Turn,
    /// What became of the answer.
    pub outcome: Coughed,
}

/// What becomes of an answer that is coughed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coughed {
    /// It was heard to its end, after a gap; without one, if that is zero.
    WentOn {
        /// How long it was held.
        gap: Duration,
    },
    /// It was dropped.
    Lost,
    /// It was over before the cough.
    TooLate,
}

impl Caller {
    /// Asks something, and speaks over the answer once so much of it has been heard. Gives what
    /// came of it when all of the answer to the second clip has arrived.
    pub async fn interrupt(
        &mut self,
        question: &Frame,
        after: Duration,
        over: &Frame,
    ) -> Result<Interruption> {
        let question = self.ask_and_hear(question, after).await?;
        let interrupted = self.playback.response();
        let mut asking = self.begin(over)?;
        let onset = asking.onset;
        while !asking.is_answered() && !self.was_not_understood(&asking) {
            self.follow(&mut asking).await?;
        }
        let silenced = self.playback.silenced().filter(|it| it.response == interrupted);
        let understood = asking.record.is_understood();
        let answer = understood.then(|| asking.finish(&self.playback));
        self.come_to_rest().await?;
        Ok(Interruption { question, stop: silenced.and_then(|it| Stop::of(it, onset)), answer })
    }

    /// Asks something, and makes a noise that is no word over the answer once so much of it has
    /// been heard. Gives what came of it when the server listens again.
    pub async fn cough(
        &mut self,
        question: &Frame,
        after: Duration,
        noise: &Frame,
    ) -> Result<Cough> {
        let question = self.ask_and_hear(question, after).await?;
        let coughed_over = self.playback.response();
        if self.playback.is_over(Instant::now()) {
            return Ok(Cough { question, outcome: Coughed::TooLate });
        }
        self.speak(noise).await?;
        self.hear_out().await?;
        let lost = self.playback.response() != coughed_over
            || self.playback.silenced().is_some_and(|it| it.response == coughed_over);
        let gap = self.playback.held();
        self.come_to_rest().await?;
        let outcome = if lost { Coughed::Lost } else { Coughed::WentOn { gap } };
        Ok(Cough { question, outcome })
    }

    /// Asks something, and listens to the answer for so long, or to its end if that is sooner.
    async fn ask_and_hear(&mut self, question: &Frame, duration: Duration) -> Result<Turn> {
        let mut asking = self.begin(question)?;
        loop {
            self.follow(&mut asking).await?;
            let now = Instant::now();
            let heard = asking.record.is_heard() && self.playback.sounded(now) >= duration;
            let over = asking.is_answered() && self.playback.is_over(now);
            if over || heard && now >= asking.speech_end {
                return Ok(asking.finish(&self.playback));
            }
        }
    }

    fn was_not_understood(&self, asking: &Asking) -> bool {
        let now = Instant::now();
        let waited = now >= asking.speech_end + UNHEARD_AFTER;
        waited && !asking.record.is_understood() && self.playback.is_over(now)
    }

    /// Says nothing until the server has nothing to say, so that the next turn finds it at rest.
    async fn come_to_rest(&mut self) -> Result<()> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            self.hear_out().await?;
            let listening = self.state == SessionState::Listening;
            if listening && self.playback.is_over(Instant::now()) {
                return Ok(());
            }
            ensure!(Instant::now() < give_up, "the server did not come to rest");
        }
    }
}

impl Stop {
    fn of(silenced: Silenced, onset: Instant) -> Option<Self> {
        Some(Self {
            heard: silenced.at?.checked_duration_since(onset)?,
            arrived: silenced.last_arrival?.saturating_duration_since(onset),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silenced(at: Option<Instant>, last_arrival: Instant) -> Silenced {
        Silenced { response: 1, at, last_arrival: Some(last_arrival) }
    }

    #[test]
    fn a_stop_is_measured_from_the_onset_of_the_words_to_the_last_sample() {
        let ms = Duration::from_millis;
        let onset = Instant::now() + ms(1_000);
        let stop = Stop::of(silenced(Some(onset + ms(170)), onset + ms(180)), onset);
        assert_eq!(stop, Some(Stop { heard: ms(170), arrived: ms(180) }));
        let all_there = Stop::of(silenced(Some(onset + ms(170)), onset - ms(400)), onset);
        assert_eq!(all_there, Some(Stop { heard: ms(170), arrived: ms(0) }));
    }

    #[test]
    fn an_answer_that_had_ended_or_stopped_before_the_words_was_not_stopped_by_them() {
        let onset = Instant::now() + Duration::from_secs(1);
        assert_eq!(Stop::of(silenced(None, onset), onset), None);
        let before = onset - Duration::from_millis(1);
        assert_eq!(Stop::of(silenced(Some(before), before), onset), None);
    }
}
