//! Binary frames: a header, then mono 16-bit little-endian PCM.

use bytes::BufMut;

use crate::{ErrorCode, MAX_BINARY};

/// A frame from a plain client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainAudio<'a> {
    /// The client's clock when the frame was full, in milliseconds; the low 32 bits, so it wraps.
    pub timestamp_ms: u32,
    /// The client says that the assistant's voice sounds.
    pub client_playing: bool,
    /// Samples; a whole number of them, perhaps none.
    pub pcm: &'a [u8],
}

impl<'a> PlainAudio<'a> {
    /// Bytes before the samples.
    pub const HEADER_LEN: usize = 8;
    const PLAYING: u32 = 1;

    /// Reads a frame. Unknown flags are ignored.
    pub fn decode(frame: &'a [u8]) -> Result<Self, BadAudio> {
        let (header, pcm) = split::<{ PlainAudio::HEADER_LEN }>(frame)?;
        let [t0, t1, t2, t3, f0, f1, f2, f3] = *header;
        let flags = u32::from_be_bytes([f0, f1, f2, f3]);
        Ok(Self {
            timestamp_ms: u32::from_be_bytes([t0, t1, t2, t3]),
            client_playing: flags & Self::PLAYING != 0,
            pcm,
        })
    }

    /// Appends the frame to `out`.
    pub fn encode_into(&self, out: &mut impl BufMut) {
        out.put_u32(self.timestamp_ms);
        out.put_u32(if self.client_playing { Self::PLAYING } else { 0 });
        out.put_slice(self.pcm);
    }
}

/// Which way a frame of the extended form goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum AudioKind {
    /// Client to server.
    Microphone = 1,
    /// Server to client.
    Speech = 2,
}

/// What stands before the samples in the extended form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioHeader {
    /// Which way it goes.
    pub kind: AudioKind,
    /// The response that is spoken; 0 for the microphone.
    pub response: u32,
    /// Samples of this stream (for speech: of this response) before this frame.
    pub position: u64,
}

impl AudioHeader {
    /// Bytes before the samples.
    pub const LEN: usize = 16;

    /// The header as bytes.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        self.encode_into(&mut bytes.as_mut_slice());
        bytes
    }

    /// Appends the header to `out`; the samples follow it.
    pub fn encode_into(&self, out: &mut impl BufMut) {
        out.put_u8(self.kind as u8);
        out.put_u8(0); // flags
        out.put_u16_le(0); // reserved
        out.put_u32_le(self.response);
        out.put_u64_le(self.position);
    }
}

/// Reads a frame of the extended form: its header and its samples, a whole number of them. Flags and
/// reserved bytes are ignored, so that a later version can use them.
pub fn decode_audio(frame: &[u8]) -> Result<(AudioHeader, &[u8]), BadAudio> {
    let (header, pcm) = split::<{ AudioHeader::LEN }>(frame)?;
    let [kind, _, _, _, r0, r1, r2, r3, position @ ..] = *header;
    let kind = match kind {
        1 => AudioKind::Microphone,
        2 => AudioKind::Speech,
        other => return Err(BadAudio::UnknownKind(other)),
    };
    let response = u32::from_le_bytes([r0, r1, r2, r3]);
    Ok((AudioHeader { kind, response, position: u64::from_le_bytes(position) }, pcm))
}

fn split<const HEADER: usize>(frame: &[u8]) -> Result<(&[u8; HEADER], &[u8]), BadAudio> {
    if frame.len() > MAX_BINARY {
        return Err(BadAudio::TooLarge(frame.len()));
    }
    let Some((header, pcm)) = frame.split_first_chunk() else {
        return Err(BadAudio::TooShort { len: frame.len(), header: HEADER });
    };
    if !pcm.len().is_multiple_of(2) {
        return Err(BadAudio::HalfSample(pcm.len()));
    }
    Ok((header, pcm))
}

/// Why a binary frame was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAudio {
    /// It ends before its header does.
    #[error("an audio frame of {len} bytes is too short for its header of {header}")]
    TooShort {
        /// Bytes that came.
        len: usize,
        /// Bytes of the header alone.
        header: usize,
    },
    /// The samples have two bytes each, and one is missing.
    #[error("an audio frame holds {0} bytes of 16-bit samples, an odd number")]
    HalfSample(usize),
    /// Neither microphone nor speech.
    #[error("audio of unknown kind {0}")]
    UnknownKind(u8),
    /// Over [`MAX_BINARY`].
    #[error("an audio frame of {0} bytes, more than {MAX_BINARY}")]
    TooLarge(usize),
}

impl BadAudio {
    /// What the client is told.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::TooLarge(_) => ErrorCode::MessageTooLarge,
            Self::TooShort { .. } | Self::HalfSample(_) | Self::UnknownKind(_) => {
                ErrorCode::InvalidAudio
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_of_the_original_page_is_read_big_endian_with_little_endian_samples() {
        let frame = [0x12, 0x34, 0x56, 0x78, 0, 0, 0, 1, 0xFF, 0x7F];
        let audio = PlainAudio::decode(&frame).unwrap();
        let wanted =
            PlainAudio { timestamp_ms: 0x1234_5678, client_playing: true, pcm: &[0xFF, 0x7F] };
        assert_eq!(audio, wanted);
    }

    #[test]
    fn only_the_lowest_flag_means_playing() {
        let frame = [0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFE];
        assert!(!PlainAudio::decode(&frame).unwrap().client_playing);
    }

    #[test]
    fn an_extended_header_has_the_bytes_that_the_contract_names() {
        let header =
            AudioHeader { kind: AudioKind::Speech, response: 0x0102_0304, position: 0x0506 };
        assert_eq!(header.encode(), [2, 0, 0, 0, 4, 3, 2, 1, 6, 5, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn flags_and_reserved_bytes_of_a_later_version_are_ignored() {
        let mut frame = [0; 18];
        (frame[0], frame[1], frame[2], frame[3]) = (1, 0xFF, 0xFF, 0xFF);
        assert_eq!(decode_audio(&frame).unwrap().0.kind, AudioKind::Microphone);
    }

    #[test]
    fn bad_frames_are_named() {
        let too_large = vec![1; MAX_BINARY + 2];
        let cases: [(&[u8], BadAudio, ErrorCode); 5] = [
            (&[], BadAudio::TooShort { len: 0, header: 16 }, ErrorCode::InvalidAudio),
            (&[1; 15], BadAudio::TooShort { len: 15, header: 16 }, ErrorCode::InvalidAudio),
            (&[1; 17], BadAudio::HalfSample(1), ErrorCode::InvalidAudio),
            (&[9; 18], BadAudio::UnknownKind(9), ErrorCode::InvalidAudio),
            (&too_large, BadAudio::TooLarge(MAX_BINARY + 2), ErrorCode::MessageTooLarge),
        ];
        for (frame, wanted, code) in cases {
            assert_eq!(decode_audio(frame), Err(wanted));
            assert_eq!(wanted.code(), code);
        }
        let wanted = BadAudio::TooShort { len: 7, header: 8 };
        assert_eq!(PlainAudio::decode(&[0; 7]), Err(wanted));
        assert_eq!(PlainAudio::decode(&[0; 9]), Err(BadAudio::HalfSample(1)));
    }

    #[test]
    fn a_frame_without_samples_is_fine() {
        assert!(PlainAudio::decode(&[0; 8]).unwrap().pcm.is_empty());
        assert!(decode_audio(&[1; 16]).unwrap().1.is_empty());
    }

    fn pcm() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<[u8; 2]>(), 0..100).prop_map(|samples| samples.concat())
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(frame in prop::collection::vec(any::<u8>(), 0..64)) {
            let plain = PlainAudio::decode(&frame);
            prop_assert_eq!(plain.is_ok(), frame.len() >= 8 && frame.len() % 2 == 0);
            let known = frame.first().is_some_and(|kind| matches!(kind, 1 | 2));
            let extended = decode_audio(&frame);
            prop_assert_eq!(extended.is_ok(), frame.len() >= 16 && frame.len() % 2 == 0 && known);
        }

        #[test]
        fn plain_audio_arrives_as_it_was_sent(
            timestamp_ms: u32,
            client_playing: bool,
            pcm in pcm(),
        ) {
            let sent = PlainAudio { timestamp_ms, client_playing, pcm: &pcm };
            let mut wire = Vec::new();
            sent.encode_into(&mut wire);
            prop_assert_eq!(PlainAudio::decode(&wire), Ok(sent));
        }

        #[test]
        fn extended_audio_arrives_as_it_was_sent(
            speech: bool,
            response: u32,
            position: u64,
            pcm in pcm(),
        ) {
            let kind = if speech { AudioKind::Speech } else { AudioKind::Microphone };
            let sent = AudioHeader { kind, response, position };
            let mut wire = Vec::new();
            sent.encode_into(&mut wire);
            wire.extend_from_slice(&pcm);
            prop_assert_eq!(decode_audio(&wire), Ok((sent, pcm.as_slice())));
        }
    }
}
