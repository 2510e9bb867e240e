//! What goes into the dialogue and what it decides: all that a conversation can be replayed from.

use std::{sync::Arc, time::Duration};

use llm::Message;

use crate::{Command, Event, Failure, Pressure, ResponseId};

/// Something that the dialogue learns.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The next 32 ms of the caller's sound.
    Frame {
        /// When its last sample arrived, as time since the session began.
        arrived: Duration,
        /// The probability that it is speech.
        probability: f32,
        /// How loud it is: the root of its mean square, in dBFS.
        level: f32,
        /// How much of it is the answer's own sound, from 0.0 to 1.0.
        echo: f32,
        /// How many requests wait for the recogniser.
        backlog: usize,
        /// How near the engines are to their limits.
        pressure: Pressure,
    },
    /// A transcript of the turn so far, made while the caller speaks.
    Partial(String),
    /// The transcript of the turn up to the pause of this number.
    Transcript {
        /// The pause.
        pause: u32,
        /// The words; blank if there were none.
        text: String,
    },
    /// How complete the turn sounds at the pause of this number.
    Completeness {
        /// The pause.
        pause: u32,
        /// The probability that it is complete.
        probability: f32,
    },
    /// The words of the turn are lost.
    Unheard(Failure),
    /// The response under way: the whole of its words so far.
    Answer(String),
    /// A sentence of it goes to the voice; the sound that follows is this sentence's.
    Sentence(String),
    /// Where each word of that sentence ends, from its first sample.
    Words(Vec<Duration>),
    /// So much sound of it was made.
    Sound(Duration),
    /// No more words or sound of it will come.
    Complete(Result<(), Failure>),
    /// The caller asks for something.
    Command(Command),
    /// Time has passed.
    Time,
}

/// Something that the dialogue decides.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The sound from now on, and a little before, is a turn's.
    BeginTurn,
    /// Ask for the transcript of the turn so far, for the pause of this number.
    Transcribe(u32),
    /// The pause is long enough to be one.
    Pause(u32),
    /// Ask how complete the turn sounds, for the pause of this number.
    Assess(u32),
    /// Ask for a transcript of the turn so far, for the caller to see.
    TranscribePartly,
    /// The caller goes on after a pause: what was asked for it is void.
    ResumeTurn,
    /// The turn's sound is not needed any more.
    ForgetTurn,
    /// Let the model read what it will be asked, as far as it is known.
    ReadAhead(Vec<Message>),
    /// Begin a response. There is never more than one.
    Respond {
        /// Its number.
        response: ResponseId,
        /// What it continues.
        prompt: Vec<Message>,
        /// Its voice.
        voice: Option<Arc<str>>,
        /// It may be in vain: whatever it takes must cost no other caller anything, and only its
        /// first fragment is spoken before it is [confirmed](Self::Confirm).
        speculative: bool,
    },
    /// The speculative response is meant after all.
    Confirm,
    /// Let go of the response, and of all its sound that has not reached the caller.
    Drop(ResponseId),
    /// The response has been heard to its end.
    Finish,
    /// Send the next frame of the response's sound.
    Play,
    /// So many frames, the oldest, will not be asked for again.
    Forget(usize),
    /// The next frame to be sent is the one so many before.
    Rewind(usize),
    /// Tell the caller.
    Tell(Event),
}

/// Keeps what a conversation can be replayed from. Both are called in the order in which things
/// happened; `at` is the time since the session began.
pub trait Tape: Send {
    /// The dialogue was given this.
    fn input(&mut self, at: Duration, input: &Input);
    /// It decided this.
    fn action(&mut self, at: Duration, action: &Action);
}
