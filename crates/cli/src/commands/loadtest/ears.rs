//! Whether callers heard what they should have: their answers' sound is made words again, and
//! compared.

use std::{collections::HashMap, sync::Arc};

use anyhow::Result;
use audio::{Frame, Resampler, SampleRate};
use engine::Caller;
use loadtest::{Finished, Recording, TurnOutcome};
use models::Store;
use stt::{Purpose, Request, SpeechToText, wer::WordErrors};

use crate::{config::Config, engines};

/// What the recogniser hears.
const RATE: SampleRate = SampleRate::HZ_16000;
/// Pieces that are heard at once: longer ones make it skip words. In samples.
const PIECE: usize = 8 * 16_000;
/// The quietest place of the end of a piece is where it ends. In samples.
const SEARCHED: usize = 3 * 16_000;
/// How long a quiet place is. In samples.
const QUIET: usize = 16_000 / 20;

/// A recogniser of our own: the server's has other things to do.
pub(super) struct Ears(Arc<dyn SpeechToText>);

impl Ears {
    pub(super) fn open(config: &Config, store: &Store) -> Result<Self> {
        engines::recogniser(config, store).map(Self)
    }

    /// Listens to the answers that were kept, compares them with their words and those of others,
    /// and what was understood with what was said.
    pub(super) async fn listen(&self, run: &mut Finished, recordings: &[Recording]) -> Result<()> {
        compare_understood(&mut run.outcome.turns, recordings);
        for kept in &run.kept {
            let heard = self.words(&kept.sound).await?;
            let Some(turn) = run.outcome.turns.get_mut(kept.turn) else { continue };
            turn.answer_errors = Some(errors(&turn.answer, &heard));
            turn.heard = Some(heard);
        }
        run.outcome.look_for_crossings(&errors);
        Ok(())
    }

    async fn words(&self, sound: &Frame) -> Result<String> {
        let mut samples = Vec::new();
        let mut resampler = Resampler::new(sound.rate, RATE);
        resampler.push(&sound.samples, &mut samples);
        resampler.flush(&mut samples);
        let mut words = Vec::new();
        for piece in pieces(&samples) {
            let samples = piece.into();
            let request = Request { samples, purpose: Purpose::Final, caller: Caller::new() };
            words.push(self.0.transcribe(request)?.await?.text);
        }
        Ok(words.join(" ").trim().to_owned())
    }
}

/// Fills how well the words of recordings were understood.
fn compare_understood(turns: &mut [TurnOutcome], recordings: &[Recording]) {
    let transcripts: HashMap<&str, &str> = recordings
        .iter()
        .filter_map(|it| Some((it.name.as_str(), it.transcript.as_deref()?)))
        .collect();
    for turn in turns.iter_mut().filter(|turn| turn.failure.is_none()) {
        let said = transcripts.get(turn.clip.as_str());
        turn.word_errors = said.map(|said| errors(said, &turn.understood));
    }
}

fn errors(said: &str, heard: &str) -> (usize, usize) {
    let WordErrors { errors, words } = WordErrors::between(said, heard);
    (errors, words)
}

/// Parts sound at its quietest places.
fn pieces(mut samples: &[f32]) -> Vec<&[f32]> {
    let mut pieces = Vec::new();
    while samples.len() > PIECE {
        let (piece, rest) = samples.split_at(quietest(samples));
        pieces.push(piece);
        samples = rest;
    }
    if !samples.is_empty() {
        pieces.push(samples);
    }
    pieces
}

/// The middle of the quietest stretch near the end of the first piece.
fn quietest(samples: &[f32]) -> usize {
    let energy = |begin: usize| -> f32 {
        samples[begin..begin + QUIET].iter().map(|sample| sample * sample).sum()
    };
    let places = (PIECE - SEARCHED..PIECE - QUIET).step_by(QUIET / 2);
    let quietest = places.min_by(|a, b| energy(*a).total_cmp(&energy(*b)));
    quietest.unwrap_or(PIECE) + QUIET / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sound_is_parted_where_it_is_quiet() {
        let mut samples = vec![0.5; 2 * PIECE];
        let gap = PIECE - SEARCHED / 2;
        samples[gap..gap + 2 * QUIET].fill(0.0);
        let parted = pieces(&samples);
        assert!((gap..gap + 2 * QUIET).contains(&parted[0].len()), "{}", parted[0].len());
        assert!(parted.iter().all(|piece| piece.len() <= PIECE));
        assert_eq!(parted.concat(), samples);
        assert!(pieces(&[]).is_empty());
    }

    #[test]
    fn what_was_understood_is_compared_with_what_was_said() {
        let recording = |name: &str, transcript: Option<&str>| Recording {
            name: name.to_owned(),
            sound: Frame::new(RATE, []),
            transcript: transcript.map(str::to_owned),
        };
        let turn = |clip: &str| TurnOutcome {
            clip: clip.to_owned(),
            understood: "Why is the sky new".to_owned(),
            ..TurnOutcome::default()
        };
        let mut turns = [turn("known"), turn("unknown")];
        let known = [recording("known", Some("Why is the sky blue?")), recording("unknown", None)];
        compare_understood(&mut turns, &known);
        assert_eq!((turns[0].word_errors, turns[1].word_errors), (Some((1, 5)), None));
    }
}
