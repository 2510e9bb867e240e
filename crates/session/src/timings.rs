//! How long the parts of a turn take, from the true end of the caller's speech.

use std::time::Duration;

/// When the parts of one turn were done, each counted from the true end of the caller's speech
/// (for a typed turn from its arrival). `None`: it did not happen, or not yet. An answer that was
/// begun before the turn was decided may have parts that are earlier than `turn_end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnTimings {
    /// The turn detector decided that the turn is over.
    pub turn_end: Option<Duration>,
    /// The final transcript was there.
    pub transcript: Option<Duration>,
    /// The model's first token was there.
    pub first_token: Option<Duration>,
    /// The first sentence was complete.
    pub first_sentence: Option<Duration>,
    /// The first sound was synthesised.
    pub first_audio: Option<Duration>,
    /// The first sound was handed to the connection.
    pub first_audio_sent: Option<Duration>,
    /// If the answer was begun before the turn was decided: how much earlier, as far as that made
    /// its first sound earlier.
    pub saved: Option<Duration>,
}

/// When the caller finished and when that was known, as times since the session began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TurnTimes {
    pub(crate) speech_end: Duration,
    pub(crate) turn_end: Duration,
    pub(crate) transcript: Option<Duration>,
}

/// Whole milliseconds, as a number that logs in JSON show as one.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
