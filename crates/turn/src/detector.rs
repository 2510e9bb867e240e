//! The turn detector.

use std::time::Duration;

use audio::MediaTime;

use crate::{Config, Ending, Speed, punctuation, words};

/// What happened in the caller's audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A turn begins.
    SpeechStarted {
        /// The onset: where its first frame of speech begins, some frames before this event.
        at: MediaTime,
    },
    /// Once per pause: the time to ask for a transcript of the turn so far, and to give it to
    /// [`TurnDetector::on_transcript`] with this number.
    Pause {
        /// The pause's number. It never returns, so a transcript that comes late is told apart.
        number: u32,
        /// The end of speech.
        since: MediaTime,
    },
    /// The caller goes on after a pause: a transcript of that pause is void.
    SpeechResumed {
        /// The onset: where the first frame of speech begins, some frames before this event.
        at: MediaTime,
    },
    /// The caller has finished and awaits an answer.
    TurnEnded {
        /// The true end of speech.
        speech_end: MediaTime,
    },
    /// What began as a turn had no words in it.
    TurnDiscarded,
}

/// Finds the turns of one caller.
///
/// A turn begins with [`Event::SpeechStarted`] and ends with [`Event::TurnEnded`] or
/// [`Event::TurnDiscarded`]; in between, [`Event::Pause`] and [`Event::SpeechResumed`] alternate.
#[derive(Clone, Debug)]
pub struct TurnDetector {
    config: Config,
    speed: Speed,
    /// The end of the newest frame.
    now: MediaTime,
    /// The newest frames, if they are speech without a gap.
    run: Option<Run>,
    turn: Option<Turn>,
    /// Pauses so far, of all turns.
    pauses: u32,
}

/// Frames of speech without a gap.
#[derive(Clone, Copy, Debug)]
struct Run {
    at: MediaTime,
    lasted: Duration,
}

#[derive(Clone, Debug)]
struct Turn {
    /// How much speech there was.
    spoken: Duration,
    /// There while the caller is silent.
    silence: Option<Silence>,
}

#[derive(Clone, Debug)]
struct Silence {
    since: MediaTime,
    /// There once the silence was long enough to ask for a transcript.
    pause: Option<Pause>,
}

/// What is known about a pause.
#[derive(Clone, Debug)]
struct Pause {
    number: u32,
    /// How the transcript ends, once it is there.
    ending: Option<Ending>,
    /// The probability that the turn is complete, once somebody says it.
    p_complete: Option<f32>,
}

/// What a frame holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sound {
    Speech,
    /// What was goes on.
    Unclear,
    Silence,
}

impl TurnDetector {
    /// A detector that has heard nothing yet.
    pub fn new(config: Config, speed: Speed) -> Self {
        Self { config, speed, now: MediaTime::ZERO, run: None, turn: None, pauses: 0 }
    }

    /// Changes how soon turns end, the present one included.
    pub fn set_speed(&mut self, speed: Speed) {
        self.speed = speed;
    }

    /// Takes the probability of speech in the frame that ends at `now`.
    pub fn on_frame(&mut self, now: MediaTime, probability: f32) -> Option<Event> {
        self.now = now;
        let sound = self.sound(probability);
        if sound == Sound::Speech {
            let onset = Run { at: now - self.config.frame, lasted: Duration::ZERO };
            self.run.get_or_insert(onset).lasted += self.config.frame;
        } else {
            self.run = None;
        }
        match &self.turn {
            None => self.begin(),
            Some(Turn { silence: None, .. }) => self.while_speaking(sound),
            Some(Turn { silence: Some(_), .. }) => self.while_silent(sound),
        }
    }

    /// Takes the transcript that [`Event::Pause`] of this number asked for: of the whole turn so
    /// far. It decides how long to wait. Transcripts of pauses that are over are ignored.
    pub fn on_transcript(&mut self, pause: u32, text: &str) -> Option<Event> {
        let asked = self.pause_mut(pause)?;
        if !words::any(text) {
            return self.discard();
        }
        asked.ending = Some(Ending::of(text));
        self.end_if_over()
    }

    /// Takes the probability, from 0 to 1, that the turn is complete, as a model heard or read it at
    /// this pause. It may come before the transcript, after it or never.
    pub fn on_completeness(&mut self, pause: u32, p_complete: f32) -> Option<Event> {
        self.pause_mut(pause)?.p_complete = Some(p_complete);
        self.end_if_over()
    }

    /// Whether the caller speaks now.
    pub fn is_speaking(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.silence.is_none())
    }

    /// Whether a turn has begun and not yet ended.
    pub fn in_turn(&self) -> bool {
        self.turn.is_some()
    }

    /// How much speech, silences not counted, this turn had so far; zero between turns.
    pub fn spoken(&self) -> Duration {
        self.turn.as_ref().map_or(Duration::ZERO, |turn| turn.spoken)
    }

    /// Forgets the turn without an event. Transcripts that were asked for are void.
    pub fn reset(&mut self) {
        self.run = None;
        self.turn = None;
    }

    fn sound(&self, probability: f32) -> Sound {
        if probability >= self.config.start_threshold {
            Sound::Speech
        } else if probability >= self.config.stop_threshold {
            Sound::Unclear
        } else {
            // What is not a number comes here, so that a broken model cannot hold a turn open.
            Sound::Silence
        }
    }

    /// The newest frames, if they are enough to be speech.
    fn established(&self) -> Option<Run> {
        self.run.filter(|run| run.lasted >= self.config.min_speech)
    }

    fn begin(&mut self) -> Option<Event> {
        let run = self.established()?;
        self.turn = Some(Turn { spoken: run.lasted, silence: None });
        Some(Event::SpeechStarted { at: run.at })
    }

    fn while_speaking(&mut self, sound: Sound) -> Option<Event> {
        let turn = self.turn.as_mut()?;
        if sound != Sound::Silence {
            turn.spoken += self.config.frame;
            return None;
        }
        turn.silence = Some(Silence { since: self.now - self.config.frame, pause: None });
        self.while_silent(sound)
    }

    fn while_silent(&mut self, sound: Sound) -> Option<Event> {
        let established = self.established();
        let turn = self.turn.as_mut()?;
        let silence = turn.silence.as_mut()?;
        if sound == Sound::Speech && silence.pause.is_none() {
            // Nothing has been asked yet, so a single frame is enough to go on and costs nothing.
            turn.spoken += self.config.frame;
            turn.silence = None;
            return None;
        }
        if let Some(run) = established {
            turn.spoken += run.lasted;
            turn.silence = None;
            return Some(Event::SpeechResumed { at: run.at });
        }
        if silence.pause.is_some() {
            return self.end_if_over();
        }
        if self.now.since(silence.since) < self.config.pause {
            return None;
        }
        if turn.spoken < self.config.min_turn {
            return self.discard();
        }
        self.pauses = self.pauses.wrapping_add(1);
        silence.pause = Some(Pause { number: self.pauses, ending: None, p_complete: None });
        Some(Event::Pause { number: self.pauses, since: silence.since })
    }

    fn end_if_over(&mut self) -> Option<Event> {
        let silence = self.turn.as_ref()?.silence.as_ref()?;
        let wait = self.wait(silence.pause.as_ref()?);
        // A frame of speech may be the first of many: the next one tells.
        if self.run.is_some() || self.now.since(silence.since) < wait {
            return None;
        }
        let speech_end = silence.since;
        self.turn = None;
        Some(Event::TurnEnded { speech_end })
    }

    /// How much silence ends the turn, as far as is known.
    fn wait(&self, pause: &Pause) -> Duration {
        let Config { min_wait, max_wait, patience, .. } = self.config;
        match pause.ending {
            None => max_wait + patience,
            // Not `clamp`, which panics if a configuration has the two the wrong way round.
            Some(ending) => {
                punctuation::wait(ending, self.speed, pause.p_complete).max(min_wait).min(max_wait)
            }
        }
    }

    fn pause_mut(&mut self, number: u32) -> Option<&mut Pause> {
        let pause = self.turn.as_mut()?.silence.as_mut()?.pause.as_mut()?;
        (pause.number == number).then_some(pause)
    }

    #[expect(clippy::unnecessary_wraps, reason = "its callers hand the event on")]
    fn discard(&mut self) -> Option<Event> {
        self.turn = None;
        Some(Event::TurnDiscarded)
    }
}

#[cfg(test)]
mod tests;
