//! The plain form as its page understands it: responses have no numbers there, so they are counted.

use anyhow::{Context, Result};
use audio::pcm16;
use protocol::{ClientMessage, ServerMessage, SessionState, decode_tts_chunk};
use serde_json::Value;

use super::Heard;

/// Makes of the plain form what the extended form would say.
#[derive(Debug, Default)]
pub(crate) struct PlainEar {
    /// Answers so far: one for each turn that was understood.
    response: u32,
    /// Samples of the newest one so far.
    position: u64,
    /// After `stop_tts`, until `tts_interruption`: sound that was on its way.
    ignoring: bool,
    /// The server was told that the playback sounds.
    told_sounding: bool,
}

impl PlainEar {
    pub(crate) fn text(&mut self, text: &str) -> Result<Vec<Heard>> {
        let message: Value = serde_json::from_str(text).context("not the protocol")?;
        let content = message.get("content").and_then(Value::as_str).unwrap_or_default();
        let heard = match message.get("type").and_then(Value::as_str).unwrap_or_default() {
            "tts_chunk" => return self.chunk(content),
            "partial_user_request" => vec![state(if content.is_empty() {
                SessionState::Listening
            } else {
                SessionState::Hearing
            })],
            "final_user_request" => {
                self.response += 1;
                self.position = 0;
                let content = content.to_owned().into();
                vec![
                    Heard::Message(ServerMessage::FinalUserRequest { content }),
                    state(SessionState::Thinking),
                ]
            }
            "partial_assistant_answer" => {
                let content = content.to_owned().into();
                let response = self.response;
                let answer = ServerMessage::PartialAssistantAnswer { content, response };
                vec![Heard::Message(answer)]
            }
            "final_assistant_answer" => self.answered(content, &message),
            "stop_tts" => {
                self.ignoring = true;
                vec![Heard::Message(ServerMessage::stop_tts(self.response))]
            }
            "tts_interruption" => {
                self.ignoring = false;
                vec![Heard::Message(ServerMessage::tts_interruption(self.response))]
            }
            "error" => ServerMessage::decode(text).ok().map(Heard::Message).into_iter().collect(),
            _ => Vec::new(),
        };
        Ok(heard)
    }

    pub(crate) fn report(&mut self, sounding: bool) -> Option<ClientMessage> {
        if sounding == self.told_sounding {
            return None;
        }
        self.told_sounding = sounding;
        Some(if sounding { ClientMessage::TtsStart } else { ClientMessage::TtsStop })
    }

    fn chunk(&mut self, content: &str) -> Result<Vec<Heard>> {
        if self.ignoring {
            return Ok(Vec::new());
        }
        let pcm = decode_tts_chunk(content).context("a chunk of sound is not base64")?;
        let mut samples = Vec::with_capacity(pcm.len() / 2);
        pcm16::decode_le(&pcm, &mut samples).context("a chunk of sound has half a sample")?;
        let (response, position) = (self.response, self.position);
        self.position += samples.len() as u64;
        Ok(vec![Heard::Sound { response, position, samples }])
    }

    /// The final answer is sent when its last sound has been.
    fn answered(&self, content: &str, message: &Value) -> Vec<Heard> {
        let (response, samples) = (self.response, self.position);
        let interrupted = message.get("interrupted").and_then(Value::as_bool).unwrap_or(false);
        let content = content.to_owned().into();
        vec![
            Heard::Message(ServerMessage::FinalAssistantAnswer { content, response, interrupted }),
            Heard::Message(ServerMessage::AudioEnd { response, samples }),
        ]
    }
}

fn state(state: SessionState) -> Heard {
    Heard::Message(ServerMessage::State { state })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ear: &mut PlainEar, kind: &str, content: &str) -> Vec<Heard> {
        let message = serde_json::json!({ "type": kind, "content": content });
        ear.text(&message.to_string()).expect("a message")
    }

    fn chunk(ear: &mut PlainEar) -> Vec<Heard> {
        let chunk = protocol::tts_chunk(&[0, 64, 0, 64]).expect("two samples");
        ear.text(&chunk).expect("a chunk")
    }

    #[test]
    fn answers_are_counted_by_the_turns_that_were_understood() {
        let mut ear = PlainEar::default();
        text(&mut ear, "final_user_request", "one");
        let sound = |response, position| Heard::Sound { response, position, samples: vec![0.5; 2] };
        assert_eq!(chunk(&mut ear), [sound(1, 0)]);
        assert_eq!(chunk(&mut ear), [sound(1, 2)]);
        let end = Heard::Message(ServerMessage::AudioEnd { response: 1, samples: 4 });
        assert_eq!(text(&mut ear, "final_assistant_answer", "so").last(), Some(&end));
        text(&mut ear, "final_user_request", "two");
        assert_eq!(chunk(&mut ear), [sound(2, 0)]);
    }

    #[test]
    fn sound_on_its_way_at_an_interruption_is_not_heard() {
        let mut ear = PlainEar::default();
        text(&mut ear, "final_user_request", "one");
        let stop = Heard::Message(ServerMessage::stop_tts(1));
        assert_eq!(text(&mut ear, "stop_tts", ""), [stop]);
        assert_eq!(chunk(&mut ear), []);
        text(&mut ear, "tts_interruption", "");
        assert_eq!(chunk(&mut ear).len(), 1);
    }

    #[test]
    fn the_playback_is_told_at_its_edges() {
        let mut ear = PlainEar::default();
        let told: Vec<_> = [false, true, true, false].map(|it| ear.report(it)).into();
        let (start, stop) = (Some(ClientMessage::TtsStart), Some(ClientMessage::TtsStop));
        assert_eq!(told, [None, start, None, stop]);
    }

    #[test]
    fn what_is_not_known_says_nothing_and_what_is_broken_is_an_error() {
        let mut ear = PlainEar::default();
        assert_eq!(text(&mut ear, "weather", "fine"), []);
        assert!(ear.text("}").is_err());
        assert!(ear.text(r#"{"type":"tts_chunk","content":"AA=="}"#).is_err());
    }
}
