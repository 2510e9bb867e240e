//! What the server says in text frames.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ErrorCode;

/// A message from the server. Encoding borrows its texts; decoding owns them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage<'a> {
    /// The answer to `hello`.
    Welcome {
        /// The version of the protocol that the server speaks.
        version: u32,
        /// The connection's name in the server's log.
        connection: Cow<'a, str>,
        /// The rates in use.
        audio: AudioRates,
        /// What hears, thinks and speaks.
        engines: EngineNames<'a>,
        /// Takes this session up again after the connection was lost; see
        /// [`resume_token`](crate::resume_token). `None`: the server keeps no lost sessions.
        #[serde(default)]
        resume: Option<Cow<'a, str>>,
        /// How long the server keeps it, in milliseconds; 0 without a token.
        #[serde(default)]
        resume_within_ms: u64,
        /// Whether this is a session taken up again.
        #[serde(default)]
        resumed: bool,
        /// The voice of the next answer, if the server's voices have names.
        #[serde(default)]
        voice: Option<Cow<'a, str>>,
        /// The voices that the caller may choose.
        #[serde(default)]
        voices: Vec<Cow<'a, str>>,
        /// Whether the caller may set the instructions.
        #[serde(default)]
        instructions_allowed: bool,
    },
    /// The server is full, and the caller waits in line; `welcome` comes when it is their turn.
    Queue {
        /// Their place in line, 1 for the next one to be let in.
        position: u32,
        /// How long it may take, in milliseconds. `None`: nobody can tell.
        #[serde(default)]
        estimated_wait_ms: Option<u64>,
    },
    /// The conversation so far, after a session was taken up again.
    History {
        /// What was said, the oldest first.
        turns: Vec<HistoryTurn<'a>>,
    },
    /// What the caller has said of this turn so far; empty if it was nothing.
    PartialUserRequest {
        /// All of it, not what was added.
        content: Cow<'a, str>,
        /// The beginning of `content` that will hardly change any more.
        #[serde(default)]
        settled: Cow<'a, str>,
    },
    /// What the caller said; exactly once a turn.
    FinalUserRequest {
        /// All of it.
        content: Cow<'a, str>,
    },
    /// The answer so far.
    PartialAssistantAnswer {
        /// All of it, not what was added.
        content: Cow<'a, str>,
        /// Which response.
        response: u32,
    },
    /// The answer; exactly once a response.
    FinalAssistantAnswer {
        /// All of it; after an interruption, what was heard.
        content: Cow<'a, str>,
        /// Which response.
        response: u32,
        /// Whether the caller cut it short.
        #[serde(default)]
        interrupted: bool,
    },
    /// Sound for a plain client. To send some, use [`tts_chunk`]; to read it, [`decode_tts_chunk`].
    TtsChunk {
        /// Samples in base64.
        content: Cow<'a, str>,
    },
    /// The last sound of a response has been sent.
    AudioEnd {
        /// Which response.
        response: u32,
        /// How many samples it had.
        samples: u64,
    },
    /// The caller may be interrupting: hold this response, and keep what is queued.
    Pause {
        /// Which response.
        response: u32,
    },
    /// The caller was not interrupting: go on where it was held.
    Resume {
        /// Which response.
        response: u32,
    },
    /// Drop all queued sound.
    StopTts {
        /// The original's page reads a `content` in every message.
        #[serde(default)]
        content: Empty,
        /// Which response.
        response: u32,
    },
    /// The interruption is complete; sound of later responses may follow.
    TtsInterruption {
        /// The original's page reads a `content` in every message.
        #[serde(default)]
        content: Empty,
        /// Which response.
        response: u32,
    },
    /// What the session is doing now.
    State {
        /// That.
        state: SessionState,
    },
    /// How long the parts of a turn took.
    TurnMetrics(TurnMetrics),
    /// The conversation is forgotten.
    Cleared,
    /// A request was carried out.
    Ack {
        /// The type of the message that asked for it.
        of: Cow<'a, str>,
        /// What is in force now.
        value: InForce<'a>,
    },
    /// This server records conversations.
    Recording {
        /// For people to read.
        content: Cow<'a, str>,
    },
    /// Something failed; the session goes on.
    Error {
        /// What.
        code: ErrorCode,
        /// For people to read.
        message: Cow<'a, str>,
    },
    /// A type that this version does not know. Only ever decoded, never sent.
    #[serde(other)]
    Unknown,
}

impl ServerMessage<'_> {
    /// The message that drops all queued sound of this and earlier responses.
    pub const fn stop_tts(response: u32) -> Self {
        Self::StopTts { content: Empty, response }
    }

    /// The message that says that this response's interruption is complete.
    pub const fn tts_interruption(response: u32) -> Self {
        Self::TtsInterruption { content: Empty, response }
    }

    /// The text frame that says this.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always have a JSON form")
    }
}

impl ServerMessage<'static> {
    /// Reads a text frame, as a client does. Unknown fields are ignored, and a type of a later
    /// version is [`ServerMessage::Unknown`].
    pub fn decode(text: &str) -> Result<Self, BadServerMessage> {
        // By way of a value, so that duplicated fields do no harm.
        Ok(serde_json::from_value(serde_json::from_str::<Value>(text)?)?)
    }
}

/// Why a client could not read a server's message.
#[derive(Debug, thiserror::Error)]
#[error("not a message of this protocol")]
pub struct BadServerMessage(#[from] serde_json::Error);

/// The rates of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioRates {
    /// Of the microphone, in Hz.
    pub input_rate: u32,
    /// Of the assistant's voice, in Hz.
    pub output_rate: u32,
}

/// The engines of a session, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineNames<'a> {
    /// Speech to text.
    pub stt: Cow<'a, str>,
    /// The language model.
    pub llm: Cow<'a, str>,
    /// Text to speech.
    pub tts: Cow<'a, str>,
}

/// What somebody said, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryTurn<'a> {
    /// Who.
    pub role: Role,
    /// What; of an answer that was cut short, what was heard.
    pub content: Cow<'a, str>,
    /// Whether the caller cut it short.
    #[serde(default)]
    pub interrupted: bool,
}

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The caller.
    User,
    /// The assistant.
    Assistant,
    /// A role of a later version. Only ever decoded, never sent.
    #[serde(other)]
    Unknown,
}

/// The value that a request left in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum InForce<'a> {
    /// The request sets no value.
    Nothing,
    /// Of `set_speed`.
    Speed(u8),
    /// Of `set_voice`.
    Voice(Cow<'a, str>),
}

/// The empty string, as a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "serde::de::IgnoredAny", into = "&'static str")]
pub struct Empty;

impl From<Empty> for &'static str {
    fn from(_: Empty) -> Self {
        ""
    }
}

impl From<serde::de::IgnoredAny> for Empty {
    fn from(_: serde::de::IgnoredAny) -> Self {
        Self
    }
}

/// What a session is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Waiting for speech.
    Listening,
    /// The caller speaks.
    Hearing,
    /// The turn has ended; no sound yet.
    Thinking,
    /// The assistant speaks.
    Speaking,
    /// The answer is held, because the caller may be interrupting.
    Paused,
    /// A state of a later version. Only ever decoded, never sent.
    #[serde(other)]
    Unknown,
}

/// How long the parts of one turn took, in milliseconds, each counted from the true end of the
/// caller's speech (for a typed turn, from its arrival). `None`: that part did not happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnMetrics {
    /// The response that answers the turn.
    pub response: u32,
    /// Until the turn was decided.
    pub speech_end_to_turn_end_ms: Option<u64>,
    /// Until its final transcript.
    pub speech_end_to_transcript_ms: Option<u64>,
    /// Until the first token of the answer.
    pub speech_end_to_first_token_ms: Option<u64>,
    /// Until its first sentence.
    pub speech_end_to_first_sentence_ms: Option<u64>,
    /// Until its first sound was made.
    pub speech_end_to_first_audio_ms: Option<u64>,
    /// Until its first sound was sent.
    pub speech_end_to_first_audio_sent_ms: Option<u64>,
    /// Whether the answer had been begun before the turn was decided.
    #[serde(default)]
    pub speculative: bool,
    /// How much earlier that made its first sound, in milliseconds. `None` if not speculative.
    #[serde(default)]
    pub saved_ms: Option<u64>,
}

/// A `tts_chunk` with these samples. `None` if there are none or half a one: the original's page
/// never recovers from an empty chunk and loses an odd one.
pub fn tts_chunk(pcm: &[u8]) -> Option<String> {
    const HEAD: &str = r#"{"type":"tts_chunk","content":""#;
    const TAIL: &str = r#""}"#;
    if pcm.is_empty() || !pcm.len().is_multiple_of(2) {
        return None;
    }
    // Put together by hand: base64 needs no escaping, and this is most of what a plain client is sent.
    let mut message = String::with_capacity(HEAD.len() + pcm.len().div_ceil(3) * 4 + TAIL.len());
    message.push_str(HEAD);
    BASE64_STANDARD.encode_string(pcm, &mut message);
    message.push_str(TAIL);
    Some(message)
}

/// The samples of a `tts_chunk`'s content; `None` if it is not base64.
pub fn decode_tts_chunk(content: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(content).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(message: &ServerMessage<'_>, json: &str) {
        assert_eq!(message.encode(), json);
        assert_eq!(&ServerMessage::decode(json).unwrap(), message);
    }

    #[test]
    fn messages_have_the_form_that_the_contract_names() {
        check(
            &ServerMessage::PartialUserRequest {
                content: "<b> \"hi\"".into(),
                settled: "<b>".into(),
            },
            r#"{"type":"partial_user_request","content":"<b> \"hi\"","settled":"<b>"}"#,
        );
        check(&ServerMessage::stop_tts(3), r#"{"type":"stop_tts","content":"","response":3}"#);
        check(
            &ServerMessage::tts_interruption(3),
            r#"{"type":"tts_interruption","content":"","response":3}"#,
        );
        check(&ServerMessage::Cleared, r#"{"type":"cleared"}"#);
        check(
            &ServerMessage::State { state: SessionState::Hearing },
            r#"{"type":"state","state":"hearing"}"#,
        );
        check(
            &ServerMessage::Error { code: ErrorCode::SttFailed, message: "no words".into() },
            r#"{"type":"error","code":"stt_failed","message":"no words"}"#,
        );
    }

    #[test]
    fn a_place_in_line_may_come_without_an_estimate() {
        check(
            &ServerMessage::Queue { position: 2, estimated_wait_ms: Some(10_000) },
            r#"{"type":"queue","position":2,"estimated_wait_ms":10000}"#,
        );
        check(
            &ServerMessage::Queue { position: 1, estimated_wait_ms: None },
            r#"{"type":"queue","position":1,"estimated_wait_ms":null}"#,
        );
    }

    #[test]
    fn an_acknowledgement_has_the_kind_of_value_that_was_set() {
        let ack = |of: &'static str, value| ServerMessage::Ack { of: of.into(), value };
        check(
            &ack("set_speed", InForce::Speed(50)),
            r#"{"type":"ack","of":"set_speed","value":50}"#,
        );
        check(
            &ack("set_voice", InForce::Voice("rms".into())),
            r#"{"type":"ack","of":"set_voice","value":"rms"}"#,
        );
        check(&ack("cancel", InForce::Nothing), r#"{"type":"ack","of":"cancel","value":null}"#);
    }

    #[test]
    fn a_server_of_before_resuming_and_settled_words_is_understood() {
        let welcome = r#"{"type":"welcome","version":1,"connection":"c1",
            "audio":{"input_rate":48000,"output_rate":24000},
            "engines":{"stt":"a","llm":"b","tts":"c"}}"#;
        let ServerMessage::Welcome { resume, resumed, voice, voices, .. } =
            ServerMessage::decode(welcome).unwrap()
        else {
            panic!("not a welcome");
        };
        assert_eq!((resume, resumed, voice, voices), (None, false, None, Vec::new()));

        let partial = r#"{"type":"partial_user_request","content":"hi"}"#;
        let wanted = ServerMessage::PartialUserRequest { content: "hi".into(), settled: "".into() };
        assert_eq!(ServerMessage::decode(partial).unwrap(), wanted);

        let metrics = r#"{"type":"turn_metrics","response":4}"#;
        let wanted = TurnMetrics { response: 4, ..TurnMetrics::default() };
        assert_eq!(ServerMessage::decode(metrics).unwrap(), ServerMessage::TurnMetrics(wanted));
    }

    #[test]
    fn a_part_that_did_not_happen_is_null() {
        let metrics = TurnMetrics { speech_end_to_turn_end_ms: Some(350), ..Default::default() };
        let json = serde_json::from_str::<Value>(&ServerMessage::TurnMetrics(metrics).encode());
        let json = json.unwrap();
        assert_eq!(json["speech_end_to_turn_end_ms"], 350);
        assert_eq!(json["speech_end_to_first_audio_sent_ms"], Value::Null);
        assert_eq!(json["saved_ms"], Value::Null);
        assert_eq!(json.as_object().unwrap().len(), 10);
    }

    #[test]
    fn what_a_later_server_says_is_no_failure() {
        let later = r#"{"type":"weather","sun":[1]}"#;
        assert_eq!(ServerMessage::decode(later).unwrap(), ServerMessage::Unknown);
        let later = r#"{"type":"state","state":"dreaming","of":"sheep"}"#;
        let unknown = ServerMessage::State { state: SessionState::Unknown };
        assert_eq!(ServerMessage::decode(later).unwrap(), unknown);
        let twice = r#"{"type":"audio_end","response":1,"response":2,"samples":0}"#;
        let last = ServerMessage::AudioEnd { response: 2, samples: 0 };
        assert_eq!(ServerMessage::decode(twice).unwrap(), last);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for text in ["", "null", "[]", "{}", r#"{"type":"audio_end"}"#, r#"{"type":7}"#] {
            assert!(ServerMessage::decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_chunk_is_never_empty_and_never_holds_half_a_sample() {
        assert_eq!(tts_chunk(&[]), None);
        assert_eq!(tts_chunk(&[1, 2, 3]), None);
        let wanted = r#"{"type":"tts_chunk","content":"AAH/fw=="}"#;
        assert_eq!(tts_chunk(&[0, 1, 255, 127]).as_deref(), Some(wanted));
    }

    proptest! {
        #[test]
        fn sound_arrives_as_it_was_sent(
            samples in prop::collection::vec(any::<[u8; 2]>(), 1..200),
        ) {
            let pcm = samples.concat();
            let message = ServerMessage::decode(&tts_chunk(&pcm).unwrap()).unwrap();
            let ServerMessage::TtsChunk { content } = message else {
                return Err(TestCaseError::fail("not a chunk"));
            };
            prop_assert_eq!(decode_tts_chunk(&content), Some(pcm));
        }

        #[test]
        fn an_answer_arrives_as_it_was_sent(
            content: String,
            response: u32,
            interrupted: bool,
        ) {
            let sent = ServerMessage::FinalAssistantAnswer {
                content: Cow::Borrowed(&content),
                response,
                interrupted,
            };
            prop_assert_eq!(ServerMessage::decode(&sent.encode()).unwrap(), sent);
        }

        #[test]
        fn no_text_makes_decoding_panic(text in "\\PC*") {
            prop_assert!(ServerMessage::decode(&text).is_err());
        }
    }
}
