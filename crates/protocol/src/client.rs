//! What a client says in text frames.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use crate::{ErrorCode, MAX_TEXT_CHARS, MAX_TEXT_FRAME};

/// The rates that a client may name, in samples per second.
pub const RATES: RangeInclusive<u32> = 8_000..=96_000;
/// How much of a client's name is kept, in characters: it is there for the log only.
pub const MAX_CLIENT_NAME_CHARS: usize = 64;
/// How much of an unknown type's name is kept, in characters: it goes into an answer.
const MAX_TYPE_CHARS: usize = 64;
/// Above this a number of JavaScript is no longer exact.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// A message from a client. Unknown fields are ignored; of duplicated ones, the last counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// The client speaks the extended form.
    Hello {
        /// The version of the protocol it speaks.
        version: u32,
        /// Samples per second of its microphone, within [`RATES`].
        input_rate: u32,
        /// Samples per second it wants to play, within [`RATES`].
        output_rate: u32,
        /// What it calls itself: no control characters, at most [`MAX_CLIENT_NAME_CHARS`], perhaps
        /// empty.
        client: String,
    },
    /// A typed turn: not blank, at most [`MAX_TEXT_CHARS`] characters.
    Text(String),
    /// How far the client has played a response.
    Playback {
        /// Which response.
        response: u32,
        /// Samples of it heard, at the output rate.
        position: u64,
        /// Whether it sounds now.
        playing: bool,
    },
    /// Stop speaking.
    Cancel,
    /// Stop speaking and forget the conversation.
    ClearHistory,
    /// How soon the assistant takes its turn: 0 (fast) to 100 (slow).
    SetSpeed(u8),
    /// The voice of the next answer, by a name from `welcome`; whether there is one of this name is
    /// not looked up here.
    SetVoice(String),
    /// What the assistant is told to be, in this conversation: not blank, at most
    /// [`MAX_TEXT_CHARS`] characters.
    SetInstructions(String),
    /// A plain client's playback began to sound.
    TtsStart,
    /// A plain client's playback fell silent.
    TtsStop,
}

impl ClientMessage {
    /// Reads a text frame.
    pub fn decode(text: &str) -> Result<Self, BadMessage> {
        if text.len() > MAX_TEXT_FRAME {
            return Err(BadMessage::TooLarge { what: "frame", limit: MAX_TEXT_FRAME });
        }
        let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
            return Err(BadMessage::InvalidJson);
        };
        let Some(name) = fields.get("type").and_then(Value::as_str) else {
            return Err(invalid("type", "must be a string"));
        };
        match name {
            "hello" => hello(&fields),
            "text" => typed_turn(fields),
            "playback" => playback(&fields),
            "cancel" => Ok(Self::Cancel),
            "clear_history" | "clear" => Ok(Self::ClearHistory),
            "set_speed" => speed(&fields),
            "set_voice" => voice(fields),
            "set_instructions" => instructions(fields),
            "tts_start" => Ok(Self::TtsStart),
            "tts_stop" => Ok(Self::TtsStop),
            other => {
                Err(BadMessage::UnknownType { name: other.chars().take(MAX_TYPE_CHARS).collect() })
            }
        }
    }

    /// The text frame that says this.
    pub fn encode(&self) -> String {
        let message = match self {
            Self::Hello { version, input_rate, output_rate, client } => json!({
                "type": "hello",
                "version": version,
                "audio": { "input_rate": input_rate, "output_rate": output_rate },
                "client": client,
            }),
            Self::Text(text) => json!({ "type": "text", "text": text }),
            Self::Playback { response, position, playing } => json!({
                "type": "playback", "response": response, "position": position, "playing": playing,
            }),
            Self::Cancel => json!({ "type": "cancel" }),
            Self::ClearHistory => json!({ "type": "clear_history" }),
            Self::SetSpeed(speed) => json!({ "type": "set_speed", "speed": speed }),
            Self::SetVoice(voice) => json!({ "type": "set_voice", "voice": voice }),
            Self::SetInstructions(instructions) => {
                json!({ "type": "set_instructions", "instructions": instructions })
            }
            Self::TtsStart => json!({ "type": "tts_start" }),
            Self::TtsStop => json!({ "type": "tts_stop" }),
        };
        message.to_string()
    }
}

fn hello(fields: &Map<String, Value>) -> Result<ClientMessage, BadMessage> {
    let Some(version) = fields.get("version").and_then(whole_u32).filter(|version| *version > 0)
    else {
        return Err(invalid("version", "must be a whole number from 1"));
    };
    let audio = fields.get("audio");
    let rate = |name: &str, field| {
        let rate = audio.and_then(|audio| audio.get(name)).and_then(whole_u32);
        rate.filter(|rate| RATES.contains(rate))
            .ok_or_else(|| invalid(field, "must be a number of Hz from 8000 to 96000"))
    };
    let name = fields.get("client").and_then(Value::as_str).unwrap_or_default();
    Ok(ClientMessage::Hello {
        version,
        input_rate: rate("input_rate", "audio.input_rate")?,
        output_rate: rate("output_rate", "audio.output_rate")?,
        // Without control characters it cannot forge a line of the log.
        client: name.chars().filter(|c| !c.is_control()).take(MAX_CLIENT_NAME_CHARS).collect(),
    })
}

/// `content` is taken as well, the field that carries text in every message of the plain form.
fn typed_turn(mut fields: Map<String, Value>) -> Result<ClientMessage, BadMessage> {
    let field = fields.remove("text").or_else(|| fields.remove("content"));
    prose("text", field).map(ClientMessage::Text)
}

fn instructions(mut fields: Map<String, Value>) -> Result<ClientMessage, BadMessage> {
    prose("instructions", fields.remove("instructions")).map(ClientMessage::SetInstructions)
}

fn voice(mut fields: Map<String, Value>) -> Result<ClientMessage, BadMessage> {
    match fields.remove("voice") {
        Some(Value::String(voice)) => Ok(ClientMessage::SetVoice(voice)),
        _ => Err(invalid("voice", "must be a string")),
    }
}

/// Text for the language model: not blank, and no longer than it can take.
fn prose(field: &'static str, value: Option<Value>) -> Result<String, BadMessage> {
    let Some(Value::String(text)) = value else {
        return Err(invalid(field, "must be a string"));
    };
    if text.trim().is_empty() {
        return Err(invalid(field, "must not be blank"));
    }
    if text.chars().nth(MAX_TEXT_CHARS).is_some() {
        return Err(BadMessage::TooLarge { what: field, limit: MAX_TEXT_CHARS });
    }
    Ok(text)
}

fn playback(fields: &Map<String, Value>) -> Result<ClientMessage, BadMessage> {
    let Some(response) = fields.get("response").and_then(whole_u32) else {
        return Err(invalid("response", "must be the number of a response"));
    };
    let Some(position) = fields.get("position").and_then(whole) else {
        return Err(invalid("position", "must be a number of samples"));
    };
    let Some(playing) = fields.get("playing").and_then(Value::as_bool) else {
        return Err(invalid("playing", "must be true or false"));
    };
    Ok(ClientMessage::Playback { response, position, playing })
}

fn speed(fields: &Map<String, Value>) -> Result<ClientMessage, BadMessage> {
    let Some(speed) = fields.get("speed").and_then(Value::as_f64) else {
        return Err(invalid("speed", "must be a number"));
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 to 100")]
    let speed = speed.clamp(0.0, 100.0).round() as u8;
    Ok(ClientMessage::SetSpeed(speed))
}

/// A number that is not negative. Fractions are rounded: clients compute positions from times.
fn whole(value: &Value) -> Option<u64> {
    if let Some(whole) = value.as_u64() {
        return Some(whole);
    }
    let number = value.as_f64().filter(|number| (0.0..=MAX_SAFE_INTEGER).contains(number))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "just checked")]
    Some(number.round() as u64)
}

fn whole_u32(value: &Value) -> Option<u32> {
    u32::try_from(whole(value)?).ok()
}

fn invalid(field: &'static str, why: &'static str) -> BadMessage {
    BadMessage::InvalidMessage { field, why }
}

/// Why a text frame was not understood. The text of the error may be sent to the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// Not JSON, or not an object.
    #[error("a text frame must be a JSON object")]
    InvalidJson,
    /// A type that is not known here.
    #[error("unknown message type `{name}`")]
    UnknownType {
        /// The name it has, cut to 64 characters.
        name: String,
    },
    /// A field is missing or wrong.
    #[error("`{field}` {why}")]
    InvalidMessage {
        /// Which field.
        field: &'static str,
        /// What it must be.
        why: &'static str,
    },
    /// More than is taken.
    #[error("the {what} is too large, the limit is {limit}")]
    TooLarge {
        /// `frame` (counted in bytes), `text` or `instructions` (in characters).
        what: &'static str,
        /// How much is taken.
        limit: usize,
    },
}

impl BadMessage {
    /// What the client is told.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidJson => ErrorCode::InvalidJson,
            Self::UnknownType { .. } => ErrorCode::UnknownType,
            Self::InvalidMessage { .. } => ErrorCode::InvalidMessage,
            Self::TooLarge { .. } => ErrorCode::MessageTooLarge,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> ClientMessage {
        ClientMessage::Text(text.to_owned())
    }

    fn hello(version: u32, client: &str) -> ClientMessage {
        let client = client.to_owned();
        ClientMessage::Hello { version, input_rate: 44_100, output_rate: 8_000, client }
    }

    #[test]
    fn good_messages_are_understood() {
        let playback = ClientMessage::Playback { response: 3, position: 48_000, playing: true };
        let cases = [
            (r#"{"type":"cancel"}"#, ClientMessage::Cancel),
            (r#" {"why":[1,{}], "type":"cancel"} "#, ClientMessage::Cancel),
            (r#"{"type":"clear_history"}"#, ClientMessage::ClearHistory),
            (r#"{"type":"clear"}"#, ClientMessage::ClearHistory),
            (r#"{"type":"tts_start"}"#, ClientMessage::TtsStart),
            (r#"{"type":"tts_stop"}"#, ClientMessage::TtsStop),
            (r#"{"type":"tts_start","type":"tts_stop"}"#, ClientMessage::TtsStop),
            (r#"{"type":"set_speed","speed":0}"#, ClientMessage::SetSpeed(0)),
            (r#"{"type":"set_speed","speed":49.5}"#, ClientMessage::SetSpeed(50)),
            (r#"{"type":"set_speed","speed":-3}"#, ClientMessage::SetSpeed(0)),
            (r#"{"type":"set_speed","speed":1e300}"#, ClientMessage::SetSpeed(100)),
            (r#"{"type":"set_voice","voice":"rms"}"#, ClientMessage::SetVoice("rms".to_owned())),
            (
                r#"{"type":"set_instructions","instructions":"Rhyme."}"#,
                ClientMessage::SetInstructions("Rhyme.".to_owned()),
            ),
            (r#"{"type":"text","text":"Grüß dich"}"#, text("Grüß dich")),
            (r#"{"type":"text","content":"hi"}"#, text("hi")),
            (
                r#"{"type":"playback","response":3,"position":48000,"playing":true}"#,
                playback.clone(),
            ),
            (r#"{"type":"playback","response":3.0,"position":47999.6,"playing":true}"#, playback),
            (
                r#"{"type":"hello","version":1,"audio":{"input_rate":44100,"output_rate":8000}}"#,
                hello(1, ""),
            ),
            (
                r#"{"type":"hello","version":7,"audio":{"input_rate":44100,"output_rate":8000},"client":"a\nb"}"#,
                hello(7, "ab"),
            ),
        ];
        for (json, wanted) in cases {
            assert_eq!(ClientMessage::decode(json), Ok(wanted), "{json}");
        }
    }

    #[test]
    fn bad_messages_are_named() {
        let cases = [
            ("", "invalid_json: a text frame must be a JSON object"),
            ("{", "invalid_json: a text frame must be a JSON object"),
            ("null", "invalid_json: a text frame must be a JSON object"),
            ("[1]", "invalid_json: a text frame must be a JSON object"),
            ("5", "invalid_json: a text frame must be a JSON object"),
            ("{}", "invalid_message: `type` must be a string"),
            (r#"{"type":5}"#, "invalid_message: `type` must be a string"),
            (r#"{"type":"dance"}"#, "unknown_type: unknown message type `dance`"),
            (r#"{"type":"set_speed"}"#, "invalid_message: `speed` must be a number"),
            (r#"{"type":"set_speed","speed":"9"}"#, "invalid_message: `speed` must be a number"),
            (r#"{"type":"set_voice","voice":7}"#, "invalid_message: `voice` must be a string"),
            (
                r#"{"type":"set_instructions","instructions":["x"]}"#,
                "invalid_message: `instructions` must be a string",
            ),
            (
                r#"{"type":"set_instructions","instructions":" "}"#,
                "invalid_message: `instructions` must not be blank",
            ),
            (r#"{"type":"text"}"#, "invalid_message: `text` must be a string"),
            (r#"{"type":"text","text":7}"#, "invalid_message: `text` must be a string"),
            (r#"{"type":"text","text":" \n"}"#, "invalid_message: `text` must not be blank"),
            (
                r#"{"type":"playback","response":-1,"position":0,"playing":true}"#,
                "invalid_message: `response` must be the number of a response",
            ),
            (
                r#"{"type":"playback","response":1,"position":1e30,"playing":true}"#,
                "invalid_message: `position` must be a number of samples",
            ),
            (
                r#"{"type":"playback","response":1,"position":0}"#,
                "invalid_message: `playing` must be true or false",
            ),
            (r#"{"type":"hello"}"#, "invalid_message: `version` must be a whole number from 1"),
            (
                r#"{"type":"hello","version":1,"audio":{"input_rate":7999,"output_rate":8000}}"#,
                "invalid_message: `audio.input_rate` must be a number of Hz from 8000 to 96000",
            ),
            (
                r#"{"type":"hello","version":1,"audio":{"input_rate":8000}}"#,
                "invalid_message: `audio.output_rate` must be a number of Hz from 8000 to 96000",
            ),
        ];
        for (json, wanted) in cases {
            let error = ClientMessage::decode(json).unwrap_err();
            assert_eq!(format!("{}: {error}", error.code()), wanted, "{json}");
        }
    }

    #[test]
    fn a_text_is_measured_in_characters_and_a_frame_in_bytes() {
        let longest = text(&"ü".repeat(MAX_TEXT_CHARS));
        assert_eq!(ClientMessage::decode(&longest.encode()), Ok(longest));

        let longer = text(&"u".repeat(MAX_TEXT_CHARS + 1));
        let wanted = BadMessage::TooLarge { what: "text", limit: MAX_TEXT_CHARS };
        assert_eq!(ClientMessage::decode(&longer.encode()), Err(wanted));

        let longer = ClientMessage::SetInstructions("u".repeat(MAX_TEXT_CHARS + 1));
        let wanted = BadMessage::TooLarge { what: "instructions", limit: MAX_TEXT_CHARS };
        assert_eq!(ClientMessage::decode(&longer.encode()), Err(wanted));

        let frame = " ".repeat(MAX_TEXT_FRAME) + "{}";
        let wanted = BadMessage::TooLarge { what: "frame", limit: MAX_TEXT_FRAME };
        assert_eq!(ClientMessage::decode(&frame), Err(wanted.clone()));
        assert_eq!(wanted.code(), ErrorCode::MessageTooLarge);
    }

    #[test]
    fn names_from_outside_are_cut() {
        let name = "ß".repeat(65);
        let error = ClientMessage::decode(&json!({ "type": name }).to_string()).unwrap_err();
        assert_eq!(error, BadMessage::UnknownType { name: "ß".repeat(64) });

        let decoded = ClientMessage::decode(&hello(1, &name).encode());
        assert_eq!(decoded, Ok(hello(1, &"ß".repeat(64))));
    }

    #[test]
    fn json_nested_without_end_is_refused() {
        let deep = "[".repeat(MAX_TEXT_FRAME);
        assert_eq!(ClientMessage::decode(&deep), Err(BadMessage::InvalidJson));
    }

    fn any_message() -> impl Strategy<Value = ClientMessage> {
        prop_oneof![
            (1_u32.., RATES, RATES, "[^\\p{Cc}]{0,64}").prop_map(
                |(version, input_rate, output_rate, client)| ClientMessage::Hello {
                    version,
                    input_rate,
                    output_rate,
                    client
                }
            ),
            "\\PC{0,50}[a-z]".prop_map(ClientMessage::Text),
            "\\PC{0,50}[a-z]".prop_map(ClientMessage::SetInstructions),
            "\\PC{0,20}".prop_map(ClientMessage::SetVoice),
            any::<(u32, u64, bool)>().prop_map(|(response, position, playing)| {
                ClientMessage::Playback { response, position, playing }
            }),
            (0..=100_u8).prop_map(ClientMessage::SetSpeed),
            Just(ClientMessage::Cancel),
            Just(ClientMessage::ClearHistory),
            Just(ClientMessage::TtsStart),
            Just(ClientMessage::TtsStop),
        ]
    }

    /// Objects with the right names and anything in them, which random text seldom is.
    fn nearly_a_message() -> impl Strategy<Value = String> {
        let value = prop::sample::select(vec![
            "null",
            "true",
            "-1",
            "0",
            "1.5",
            "1e308",
            "99999999999999999999",
            "\"x\"",
            "[]",
            "{}",
            "{\"input_rate\":48000,\"output_rate\":24000}",
            "18446744073709551615",
        ]);
        let field = prop::sample::select(vec![
            "text",
            "content",
            "speed",
            "response",
            "position",
            "playing",
            "version",
            "audio",
            "client",
            "voice",
            "instructions",
        ]);
        let name = prop::sample::select(vec![
            "hello",
            "text",
            "playback",
            "set_speed",
            "set_voice",
            "set_instructions",
            "",
            "x",
        ]);
        (name, prop::collection::vec((field, value), 0..6)).prop_map(|(name, fields)| {
            let fields = fields.iter().map(|(field, value)| format!(",\"{field}\":{value}"));
            format!("{{\"type\":\"{name}\"{}}}", fields.collect::<String>())
        })
    }

    proptest! {
        #[test]
        fn a_message_arrives_as_it_was_sent(message in any_message()) {
            prop_assert_eq!(ClientMessage::decode(&message.encode()), Ok(message));
        }

        #[test]
        fn no_text_makes_decoding_panic(text in "\\PC*") {
            // Random text is no message; that it is one would be a finding.
            prop_assert!(ClientMessage::decode(&text).is_err());
        }

        #[test]
        fn what_is_accepted_can_be_said_again(text in nearly_a_message()) {
            if let Ok(message) = ClientMessage::decode(&text) {
                prop_assert_eq!(ClientMessage::decode(&message.encode()), Ok(message));
            }
        }
    }
}
