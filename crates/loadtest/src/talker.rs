//! One call of a caller who talks: turns, thoughts and interruptions.

use std::time::Duration;

use anyhow::{Result, ensure};
use audio::{Frame, level};
use tokio::time::{Instant, timeout_at};

use crate::{
    Act, Caller, Recording, Run, Stop, Turn, TurnOutcome,
    log::{Log, millis},
    random::Random,
};

/// So much of an answer is heard before somebody speaks over it, at least and at most: it is well
/// under way by then, and not over.
const HEARD: (Duration, Duration) = (Duration::from_millis(500), Duration::from_millis(1_500));

pub(crate) struct Talker<'a> {
    run: &'a Run,
    number: usize,
    caller: Caller,
    random: &'a mut Random,
    /// Responses that were heard in turns that are over, and were not theirs.
    strange: usize,
}

impl<'a> Talker<'a> {
    pub(crate) fn new(run: &'a Run, number: usize, caller: Caller, random: &'a mut Random) -> Self {
        Self { run, number, caller, random, strange: 0 }
    }

    /// Talks; no turn is begun after `until`, and who still talks at `cut` hangs up. Gives whether
    /// all went well.
    pub(crate) async fn talk(mut self, until: Instant, cut: Instant) -> bool {
        let ended = timeout_at(cut, self.take_turns(until)).await;
        let strange = self.strange;
        let (number, log, lost) = (self.number, &self.run.log, self.caller.is_lost());
        let failed = match ended {
            Ok(Err(why)) => {
                if lost {
                    log.failed(number, format!("{why:#}"));
                }
                true
            }
            // who hangs up in the midst of a turn had no failure
            Ok(Ok(())) | Err(_) => false,
        };
        let closed = self.caller.close().await;
        if let (Err(why), false) = (closed, failed) {
            log.failed(number, format!("{why:#}"));
        }
        log.left(number, strange);
        !failed
    }

    async fn take_turns(&mut self, until: Instant) -> Result<()> {
        let first = self.run.scenario.thought(self.random);
        self.caller.silence(first).await?;
        while Instant::now() < until {
            let began = Instant::now();
            let taken = self.take_turn().await;
            if !self.caller.is_lost() {
                self.strange = self.caller.strange_responses();
            }
            if let Err(why) = taken {
                let failure = Some(format!("{why:#}"));
                let at = self.run.log.seconds(began);
                let failed = TurnOutcome { caller: self.number, at, failure, ..Default::default() };
                self.run.log.turn(failed, None);
                return Err(why);
            }
            let thought = self.run.scenario.thought(self.random);
            self.caller.silence(thought).await?;
        }
        Ok(())
    }

    async fn take_turn(&mut self) -> Result<()> {
        let recordings = &self.run.recordings;
        let clip = &recordings[self.random.below(recordings.len())];
        if self.random.fraction() < self.run.scenario.interruption {
            let over = &recordings[self.random.below(recordings.len())];
            let heard = self.random.between(HEARD.0, HEARD.1);
            return self.interrupt(clip, heard, over).await;
        }
        let turn = self.caller.turn(&clip.sound).await?;
        let audible = turn.voice_to_voice.is_some() || turn.answered_early;
        ensure!(audible, "nothing of the answer was audible");
        self.note(Act::Asked, clip, turn, None);
        Ok(())
    }

    async fn interrupt(
        &mut self,
        clip: &Recording,
        heard: Duration,
        over: &Recording,
    ) -> Result<()> {
        let done = self.caller.interrupt(&clip.sound, heard, &over.sound).await?;
        self.note(Act::Asked, clip, done.question, None);
        let Some(answer) = done.answer else {
            let failure = Some("words over an answer were not understood".to_owned());
            let (caller, at) = (self.number, self.run.log.seconds(Instant::now()));
            let (act, clip) = (Act::Interrupted, over.name.clone());
            let failed = TurnOutcome { caller, act, at, clip, failure, ..Default::default() };
            self.run.log.turn(failed, None);
            return Ok(());
        };
        self.note(Act::Interrupted, over, answer, done.stop);
        Ok(())
    }

    fn note(&self, act: Act, clip: &Recording, turn: Turn, stop: Option<Stop>) {
        let (outcome, sound) = outcome(&self.run.log, turn);
        let outcome = TurnOutcome {
            caller: self.number,
            act,
            clip: clip.name.clone(),
            stop_ms: stop.map(|stop| millis(stop.heard)),
            ..outcome
        };
        self.run.log.turn(outcome, sound);
    }
}

/// What is kept of a turn, and its sound if all of it has come.
fn outcome(log: &Log, turn: Turn) -> (TurnOutcome, Option<Frame>) {
    let end = turn.speech.end;
    let after = |at: Option<Instant>| at.map(|at| signed_millis(end, at));
    let arrivals = turn.arrivals;
    let complete = arrivals.last_sound.is_some() && !turn.answer.is_empty() && turn.turns == 1;
    let outcome = TurnOutcome {
        at: log.seconds(end),
        speech_ms: millis(end.saturating_duration_since(turn.speech.start)),
        voice_to_voice_ms: turn.voice_to_voice.map(millis),
        answered_early: turn.answered_early,
        leading_silence_ms: turn.leading_silence.map(millis),
        parts: turn.metrics,
        transcript_arrived_ms: after(arrivals.transcript),
        first_words_arrived_ms: after(arrivals.first_words),
        first_sound_arrived_ms: after(arrivals.first_sound),
        last_sound_arrived_ms: after(arrivals.last_sound),
        answer_ms: millis(turn.sound.duration()),
        underruns: turn.underruns,
        understood: turn.said,
        answer: turn.answer,
        ..TurnOutcome::default()
    };
    let audible = level::peak(&turn.sound.samples) > 0.0;
    (outcome, Some(turn.sound).filter(|_| complete && audible))
}

/// Negative before the end of speech.
fn signed_millis(end: Instant, at: Instant) -> f64 {
    match at.checked_duration_since(end) {
        Some(after) => millis(after),
        None => -millis(end.duration_since(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_before_the_end_of_speech_arrives_at_a_negative_time() {
        let end = Instant::now();
        let ms = Duration::from_millis;
        assert!((signed_millis(end, end + ms(300)) - 300.0).abs() < 1e-9);
        assert!((signed_millis(end + ms(200), end) + 200.0).abs() < 1e-9);
    }
}
