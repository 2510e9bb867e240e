//! How inputs are written. Each form mirrors a type of the session, which knows no JSON: what is
//! added there and missing here does not compile. Durations are whole nanoseconds, since decisions
//! hang on single ones.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use session::{Command, Failure, FailureCode, Input, Pressure, ResponseId};

/// All inputs but those that come often, which [`Line`](crate::lines::Line) writes shorter.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Input", rename_all = "snake_case")]
pub(crate) enum InputForm {
    #[serde(skip)]
    Frame {
        arrived: Duration,
        probability: f32,
        level: f32,
        echo: f32,
        backlog: usize,
    },
    Partial(String),
    Transcript {
        pause: u32,
        text: String,
    },
    Completeness {
        pause: u32,
        #[serde(with = "exact")]
        probability: f32,
    },
    Unheard(#[serde(with = "FailureForm")] Failure),
    #[serde(skip)]
    Answer(String),
    Sentence(String),
    Words(#[serde(with = "each_nanos")] Vec<Duration>),
    Sound(#[serde(with = "nanos")] Duration),
    Complete(#[serde(with = "outcome")] Result<(), Failure>),
    Command(#[serde(with = "CommandForm")] Command),
    Time,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Command", rename_all = "snake_case")]
enum CommandForm {
    Hello,
    Text(String),
    StopSpeaking,
    Clear,
    SetSpeed(u8),
    SetVoice(String),
    SetInstructions(String),
    Heard {
        #[serde(with = "ResponseForm")]
        response: ResponseId,
        #[serde(with = "nanos")]
        until: Duration,
        playing: bool,
    },
    PlaybackStarted,
    PlaybackStopped,
    Away,
    Back,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ResponseId")]
struct ResponseForm(u32);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Failure")]
struct FailureForm {
    #[serde(with = "CodeForm")]
    code: FailureCode,
    message: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "FailureCode", rename_all = "snake_case")]
enum CodeForm {
    Stt,
    Llm,
    Tts,
    Overloaded,
    NotAllowed,
}

/// A frame as `[probability, level, echo, backlog, arrived, pressure]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FrameForm(
    #[serde(with = "exact")] pub(crate) f32,
    #[serde(with = "exact")] pub(crate) f32,
    #[serde(with = "exact")] pub(crate) f32,
    pub(crate) usize,
    #[serde(with = "nanos")] pub(crate) Duration,
    // left out where there was none to speak of, as in all recordings of earlier versions
    #[serde(default, with = "pressure")] pub(crate) Pressure,
);

/// Pressure as a number.
mod pressure {
    use serde::{Deserialize, Deserializer, Serializer};
    use session::Pressure;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(pressure: &Pressure, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u8(*pressure as u8)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Pressure, D::Error> {
        Ok(match u8::deserialize(from)? {
            0 => Pressure::Calm,
            1 => Pressure::Busy,
            2 => Pressure::Strained,
            _ => Pressure::Full,
        })
    }
}

/// Whole nanoseconds: 64 bits of them last 584 years.
pub(crate) fn as_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A duration as whole nanoseconds.
pub(crate) mod nanos {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(super::as_nanos(*duration))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_nanos)
    }
}

/// Durations as whole nanoseconds.
mod each_nanos {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        durations: &[Duration],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(durations.iter().copied().map(super::as_nanos))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Duration>, D::Error> {
        let nanos = Vec::<u64>::deserialize(from)?;
        Ok(nanos.into_iter().map(Duration::from_nanos).collect())
    }
}

/// A number, or the name of what is none: JSON has no word for it, and a model may say it.
mod exact {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Finite(f32),
        Named(String),
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
    pub(super) fn serialize<S: Serializer>(number: &f32, to: S) -> Result<S::Ok, S::Error> {
        if number.is_finite() { to.serialize_f32(*number) } else { to.collect_str(number) }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f32, D::Error> {
        match Number::deserialize(from)? {
            Number::Finite(number) => Ok(number),
            Number::Named(name) => name.parse().map_err(D::Error::custom),
        }
    }
}

/// `null`, or what failed.
mod outcome {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use session::Failure;

    #[derive(Serialize, Deserialize)]
    struct Failed(#[serde(with = "super::FailureForm")] Failure);

    pub(super) fn serialize<S: Serializer>(
        outcome: &Result<(), Failure>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        outcome.clone().err().map(Failed).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Result<(), Failure>, D::Error> {
        let failed = Option::<Failed>::deserialize(from)?;
        Ok(failed.map_or(Ok(()), |Failed(failure)| Err(failure)))
    }
}
