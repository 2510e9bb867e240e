//! How long the parts of a turn take, from the true end of the caller's speech.

use std::time::Duration;

use tokio::time::Instant;

/// When the parts of one turn were done, each counted from the true end of the caller's speech
/// (for a typed turn from its arrival). `None`: it did not happen, or not yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TurnTimings {
    speech_end: Instant,
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
}

impl TurnTimings {
    pub(crate) fn since(speech_end: Instant) -> Self {
        Self {
            speech_end,
            turn_end: None,
            transcript: None,
            first_token: None,
            first_sentence: None,
            first_audio: None,
            first_audio_sent: None,
        }
    }

    /// From the end of speech to this moment.
    pub(crate) fn until(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.speech_end)
    }

    /// Notes in one of the fields that this part is done, if it was not done before.
    pub(crate) fn mark(&mut self, part: impl FnOnce(&mut Self) -> &mut Option<Duration>) {
        let now = self.until(Instant::now());
        part(self).get_or_insert(now);
    }
}

/// Whole milliseconds, as a number that logs in JSON show as one.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
