//! The names of what can fail.

use serde::{Deserialize, Serialize};

/// What an `error` message is about. The names on the wire never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A text frame is not JSON, or not an object.
    InvalidJson,
    /// A message of a type that is not known here.
    UnknownType,
    /// A known message with a wrong or missing field.
    InvalidMessage,
    /// A frame or a text over its limit.
    MessageTooLarge,
    /// A binary frame that is not audio of this protocol.
    InvalidAudio,
    /// Audio arrives faster than it can have been recorded.
    AudioTooFast,
    /// The server could not keep up with this caller's audio.
    AudioQueueFull,
    /// Speech-to-text failed.
    SttFailed,
    /// The language model failed.
    LlmFailed,
    /// Text-to-speech failed.
    TtsFailed,
    /// An engine had no room for this turn.
    Overloaded,
    /// An engine does not answer at all; answers go on when it does again.
    EngineUnavailable,
    /// This server's settings do not let callers choose that.
    NotAllowed,
    /// The server takes no more callers (in the body of the refused upgrade).
    AtCapacity,
    /// A code that this version does not know. Only ever decoded, never sent.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// Every code that may be sent.
    pub const ALL: [Self; 14] = [
        Self::InvalidJson,
        Self::UnknownType,
        Self::InvalidMessage,
        Self::MessageTooLarge,
        Self::InvalidAudio,
        Self::AudioTooFast,
        Self::AudioQueueFull,
        Self::SttFailed,
        Self::LlmFailed,
        Self::TtsFailed,
        Self::Overloaded,
        Self::EngineUnavailable,
        Self::NotAllowed,
        Self::AtCapacity,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::UnknownType => "unknown_type",
            Self::InvalidMessage => "invalid_message",
            Self::MessageTooLarge => "message_too_large",
            Self::InvalidAudio => "invalid_audio",
            Self::AudioTooFast => "audio_too_fast",
            Self::AudioQueueFull => "audio_queue_full",
            Self::SttFailed => "stt_failed",
            Self::LlmFailed => "llm_failed",
            Self::TtsFailed => "tts_failed",
            Self::Overloaded => "overloaded",
            Self::EngineUnavailable => "engine_unavailable",
            Self::NotAllowed => "not_allowed",
            Self::AtCapacity => "at_capacity",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_same_in_json_and_in_the_log() {
        for code in ErrorCode::ALL {
            let json = serde_json::to_string(&code).unwrap();
            assert_eq!(json, format!("\"{code}\""));
            assert_eq!(serde_json::from_str::<ErrorCode>(&json).unwrap(), code);
        }
    }

    #[test]
    fn a_code_of_a_later_version_is_no_failure() {
        assert_eq!(
            serde_json::from_str::<ErrorCode>("\"moon_eclipse\"").unwrap(),
            ErrorCode::Unknown
        );
    }
}
