//! The turn detector.

use std::{ops::ControlFlow, time::Duration};

use audio::MediaTime;

use crate::{Config, Ending, Speed, is_filler, loudness::Loudness, punctuation, words};

/// A voice that has been hushed for so long is not the end of the last word: it is somebody else's,
/// and does not keep the turn open.
const MURMUR: Duration = Duration::from_millis(500);
/// A silence is not found to have begun longer ago than this when it is first heard.
const LATEST: Duration = Duration::from_millis(250);

/// What happened in the caller's audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A turn begins.
    SpeechStarted {
        /// The onset: where its first frame of speech begins, some frames before this event.
        at: MediaTime,
    },
    /// A short silence, which may become the pause of this number: whoever can spare it may begin
    /// the work that [`Event::Pause`] will ask for.
    MicroPause {
        /// The pause's number. It never returns, so what comes late is told apart.
        number: u32,
        /// The end of speech.
        since: MediaTime,
    },
    /// Once per pause, after its [`Event::MicroPause`]: the time to ask for a transcript of the
    /// turn so far, unless it is on its way since then, and to give it to
    /// [`TurnDetector::on_transcript`] with this number.
    Pause {
        /// The pause's number.
        number: u32,
        /// The end of speech.
        since: MediaTime,
    },
    /// The caller goes on after a pause or a micro-pause: a transcript of it is void.
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
/// [`Event::TurnDiscarded`]; in between, [`Event::MicroPause`], often followed by [`Event::Pause`],
/// and [`Event::SpeechResumed`] alternate.
#[derive(Clone, Debug)]
pub struct TurnDetector {
    config: Config,
    speed: Speed,
    /// The end of the newest frame.
    now: MediaTime,
    /// The newest frames, if they are speech without a gap.
    run: Option<Run>,
    loudness: Loudness,
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
    /// There once the silence was long enough for a micro-pause.
    pause: Option<Pause>,
}

/// What is known about a pause.
#[derive(Clone, Debug)]
struct Pause {
    number: u32,
    /// Whether it has become more than a micro-pause.
    is_long: bool,
    /// What the transcript is, once it is there.
    words: Option<Words>,
    /// The probability that the turn is complete, once somebody says it.
    p_complete: Option<f32>,
}

/// What a transcript says of its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    /// There are none.
    Missing,
    /// Only sounds like "uh": more may follow, and alone they are no turn.
    Filler(Ending),
    Some(Ending),
}

impl Pause {
    fn new(number: u32) -> Self {
        Self { number, is_long: false, words: None, p_complete: None }
    }
}

impl Words {
    fn of(text: &str) -> Self {
        match Ending::of(text) {
            _ if !words::any(text) => Self::Missing,
            ending if is_filler(text) => Self::Filler(ending),
            ending => Self::Some(ending),
        }
    }
}

/// What a frame holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sound {
    Speech,
    /// A voice, and much quieter than the caller's.
    Hushed,
    /// What was goes on.
    Unclear,
    Silence,
}

impl TurnDetector {
    /// A detector that has heard nothing yet.
    pub fn new(config: Config, speed: Speed) -> Self {
        let loudness = Loudness::new();
        Self { config, speed, now: MediaTime::ZERO, run: None, loudness, turn: None, pauses: 0 }
    }

    /// Changes how soon turns end, the present one included.
    pub fn set_speed(&mut self, speed: Speed) {
        self.speed = speed;
    }

    /// Takes the probability of speech in the frame that ends at `now`, and how loud it is: the
    /// root of its mean square in dBFS, not a number where nobody knows.
    pub fn on_frame(&mut self, now: MediaTime, probability: f32, level: f32) -> Option<Event> {
        self.now = now;
        let Config { start_threshold, hush, frame, .. } = self.config;
        self.loudness.take(now - frame, level, probability >= start_threshold, hush);
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

    /// Takes the transcript that the pause of this number asked for: of the whole turn so far. It
    /// decides how long to wait. Transcripts of pauses that are over are ignored.
    pub fn on_transcript(&mut self, pause: u32, text: &str) -> Option<Event> {
        self.pause_mut(pause)?.words = Some(Words::of(text));
        self.end_if_over()
    }

    /// Takes the probability, from 0 to 1, that the turn is complete, as a model heard or read it at
    /// this pause. It may come before the transcript, after it or never; without it the punctuation
    /// decides alone.
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
        self.forget();
    }

    fn forget(&mut self) {
        self.turn = None;
        self.loudness = Loudness::new();
    }

    fn sound(&self, probability: f32) -> Sound {
        let hushed = self.loudness.hushed_since().map(|since| self.now.since(since));
        let is_voice = probability >= self.config.stop_threshold;
        if is_voice && self.in_turn() && hushed.is_some() {
            if hushed < Some(MURMUR) { Sound::Hushed } else { Sound::Silence }
        } else if probability >= self.config.start_threshold {
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
        let begins = self.now - self.config.frame;
        let earliest = self.now - LATEST;
        let since = self.loudness.hushed_since().map_or(begins, |since| since.max(earliest));
        let turn = self.turn.as_mut()?;
        // the models are still sure of a voice that has faded: work may begin all the same
        let has_faded = sound == Sound::Hushed && self.now.since(since) >= self.config.micro_pause;
        if sound != Sound::Silence && !has_faded {
            turn.spoken += self.config.frame;
            return None;
        }
        turn.silence = Some(Silence { since, pause: None });
        self.while_silent(sound)
    }

    fn while_silent(&mut self, sound: Sound) -> Option<Event> {
        if let ControlFlow::Break(resumed) = self.resume(sound) {
            return resumed;
        }
        let Config { micro_pause, pause: long, min_turn, .. } = self.config;
        let turn = self.turn.as_mut()?;
        let silence = turn.silence.as_mut()?;
        let (since, silent) = (silence.since, self.now.since(silence.since));
        let is_over = silent >= long && sound != Sound::Hushed;
        match &mut silence.pause {
            Some(pause) if pause.is_long => self.end_if_over(),
            Some(_) if is_over && turn.spoken < min_turn => self.discard(),
            Some(pause) if is_over => {
                pause.is_long = true;
                Some(Event::Pause { number: pause.number, since })
            }
            pause @ None if silent >= micro_pause => {
                self.pauses = self.pauses.wrapping_add(1);
                *pause = Some(Pause::new(self.pauses));
                Some(Event::MicroPause { number: self.pauses, since })
            }
            _ => None,
        }
    }

    /// Takes up speech after a silence, if this is speech: then there is no more to it.
    fn resume(&mut self, sound: Sound) -> ControlFlow<Option<Event>> {
        use ControlFlow::{Break, Continue};
        let Some(run) = self.run.filter(|_| sound == Sound::Speech) else { return Continue(()) };
        let Some(turn) = &mut self.turn else { return Continue(()) };
        let pause = turn.silence.as_ref().and_then(|silence| silence.pause.as_ref());
        // a single frame in a pause may be a click; before it is long, work is cheaply done again
        if pause.is_some_and(|pause| pause.is_long) && run.lasted < self.config.min_speech {
            return Continue(());
        }
        // where nothing has been asked nobody needs to know
        let event = pause.map(|_| Event::SpeechResumed { at: run.at });
        turn.spoken += run.lasted;
        turn.silence = None;
        Break(event)
    }

    fn end_if_over(&mut self) -> Option<Event> {
        let silence = self.turn.as_ref()?.silence.as_ref()?;
        let pause = silence.pause.as_ref().filter(|pause| pause.is_long)?;
        if pause.words == Some(Words::Missing) {
            return self.discard();
        }
        // A frame of speech may be the first of many: the next one tells.
        if self.run.is_some() || self.now.since(silence.since) < self.wait(pause) {
            return None;
        }
        if let Some(Words::Filler(_)) = pause.words {
            return self.discard();
        }
        let speech_end = silence.since;
        self.forget();
        Some(Event::TurnEnded { speech_end })
    }

    /// How much silence ends the turn, as far as is known.
    fn wait(&self, pause: &Pause) -> Duration {
        let Config { pause: long, min_wait, max_wait, patience, .. } = self.config;
        let ending = match pause.words {
            None | Some(Words::Missing) => return max_wait + patience,
            Some(Words::Filler(ending) | Words::Some(ending)) => ending,
        };
        let by_punctuation = punctuation::wait(ending, self.speed, pause.p_complete);
        // what is not a number says nothing
        let p_complete = pause.p_complete.filter(|p| !p.is_nan());
        let wait = match p_complete.map(|p| self.as_it_reads(p, ending)) {
            None => by_punctuation.max(min_wait),
            Some(p) if p >= self.config.complete_threshold => self.speed.patience(by_punctuation),
            Some(p) => by_punctuation.max(min_wait) + self.more_for_incomplete(p),
        };
        // not `clamp`, which panics if a configuration has the two the wrong way round
        wait.max(long).min(max_wait)
    }

    /// The probability that a turn is complete which sounds this probably complete and ends so.
    fn as_it_reads(&self, p_complete: f32, ending: Ending) -> f32 {
        if !ending.is_open() {
            return p_complete;
        }
        // Bayes' rule in odds, the two taken to be independent
        p_complete / (p_complete + (1.0 - p_complete) * self.config.open_odds)
    }

    /// What is waited beyond the punctuation for a turn that is this probably complete, which is
    /// less than the threshold.
    fn more_for_incomplete(&self, p_complete: f32) -> Duration {
        let Config { complete_threshold, incomplete_wait, .. } = self.config;
        incomplete_wait.mul_f32((1.0 - p_complete / complete_threshold).clamp(0.0, 1.0))
    }

    fn pause_mut(&mut self, number: u32) -> Option<&mut Pause> {
        let pause = self.turn.as_mut()?.silence.as_mut()?.pause.as_mut()?;
        (pause.number == number).then_some(pause)
    }

    #[expect(clippy::unnecessary_wraps, reason = "its callers hand the event on")]
    fn discard(&mut self) -> Option<Event> {
        self.forget();
        Some(Event::TurnDiscarded)
    }
}

#[cfg(test)]
mod tests;
