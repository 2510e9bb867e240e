//! From the bytes of tokens to words a caller may hear.

use std::sync::Arc;

use crate::think::{ThinkFilter, overlap};

/// Turns the bytes of tokens into whole characters, ends at the template's markers and leaves out
/// what the model thinks.
#[derive(Debug)]
pub(super) struct Text {
    bytes: Vec<u8>,
    markers: Arc<[String]>,
    /// What may be the beginning of a marker.
    held: String,
    thoughts: ThinkFilter,
}

/// What came of a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Words to give out; may be empty.
    pub(super) text: String,
    /// Whether the response has ended by itself.
    pub(super) ended: bool,
}

impl Text {
    /// Ends at any of these markers.
    pub(super) fn new(markers: Arc<[String]>) -> Self {
        Self { bytes: Vec::new(), markers, held: String::new(), thoughts: ThinkFilter::default() }
    }

    /// Takes the bytes of the next token.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Piece {
        self.bytes.extend_from_slice(bytes);
        let whole = take_characters(&mut self.bytes);
        self.held.push_str(&whole);
        let first = self.markers.iter().filter_map(|marker| self.held.find(marker.as_str())).min();
        if let Some(first) = first {
            self.held.truncate(first);
            let text = self.finish();
            return Piece { text, ended: true };
        }
        let kept = self.markers.iter().map(|marker| overlap(&self.held, marker)).max();
        let ready: String = self.held.drain(..self.held.len() - kept.unwrap_or(0)).collect();
        Piece { text: self.thoughts.push(&ready), ended: false }
    }

    /// What is left at the end of the response. A cut character is left out.
    pub(super) fn finish(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        let mut text = self.thoughts.push(&held);
        text.push_str(&self.thoughts.finish());
        text
    }
}

/// Takes all whole characters; a character whose last bytes have not come stays. Bytes that can
/// never become one are replaced.
fn take_characters(bytes: &mut Vec<u8>) -> String {
    let mut text = String::new();
    let mut used = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        used += chunk.valid().len();
        let invalid = chunk.invalid();
        if invalid.is_empty() || used + invalid.len() == bytes.len() && may_continue(invalid) {
            break;
        }
        text.push(char::REPLACEMENT_CHARACTER);
        used += invalid.len();
    }
    bytes.drain(..used);
    text
}

/// Whether these bytes, no character, can become one with more bytes.
fn may_continue(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(markers: &[&str]) -> Text {
        Text::new(markers.iter().map(|&marker| marker.to_owned()).collect())
    }

    fn said(mut text: Text, pieces: &[&[u8]]) -> (String, bool) {
        let mut words = String::new();
        for bytes in pieces {
            let piece = text.push(bytes);
            words.push_str(&piece.text);
            if piece.ended {
                return (words, true);
            }
        }
        words.push_str(&text.finish());
        (words, false)
    }

    #[test]
    fn a_character_waits_for_its_last_byte() {
        let mut text = text(&[]);
        assert_eq!(text.push(&[0xf0, 0x9f]).text, "");
        assert_eq!(text.push(&[0x99]).text, "");
        assert_eq!(text.push(&[0x82, b'!']).text, "🙂!");
    }

    #[test]
    fn what_is_no_character_is_replaced_and_a_cut_one_left_out() {
        assert_eq!(said(text(&[]), &[&[b'a', 0xff, b'b'], &[0xc3]]), ("a\u{fffd}b".into(), false));
    }

    #[test]
    fn a_marker_ends_the_response_wherever_it_is_cut() {
        let pieces: &[&[u8]] = &[b"Hi <|im", b"_end", b"|>\n<|im_start|>user"];
        assert_eq!(said(text(&["<|im_end|>", "<|im_start|>"]), pieces), ("Hi ".into(), true));
        let pieces: &[&[u8]] = &[b"Hi <|im", b"possible"];
        assert_eq!(said(text(&["<|im_end|>"]), pieces), ("Hi <|impossible".into(), false));
    }

    #[test]
    fn thoughts_are_left_out() {
        let pieces: &[&[u8]] = &[b"<think>Shall I?<", b"/think>Yes."];
        assert_eq!(said(text(&["<|im_end|>"]), pieces), ("Yes.".into(), false));
    }

    proptest! {
        #[test]
        fn any_text_comes_out_as_it_went_in(words in "[a-zäß€🙂 <|]{0,40}", size in 1_usize..7) {
            let pieces: Vec<&[u8]> = words.as_bytes().chunks(size).collect();
            prop_assert_eq!(said(text(&["<|end|>"]), &pieces), (words, false));
        }
    }
}
