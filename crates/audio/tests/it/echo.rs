#![expect(clippy::cast_precision_loss, reason = "counts of frames")]

use std::time::Duration;

use audio::{ECHO_SHARE, EchoGuard, Frame, Resampler, SampleRate};
use proptest::prelude::*;

use crate::{
    scene::{self, Heard, Noise, RATE, delayed, listen, louder, mixed, through_room},
    voice::Voice,
};

const OURS: Voice = Voice { pitch: 190.0, size: 1.0, words: 1 };
const THEIRS: Voice = Voice { pitch: 120.0, size: 0.9, words: 2 };
/// Loud frames before an echo counts as there: 96 ms.
const ONSET: usize = 3;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Which share of the frames are explained.
fn explained<'a>(frames: impl Iterator<Item = &'a Heard>) -> f32 {
    let explained: Vec<bool> = frames.map(|frame| frame.share >= ECHO_SHARE).collect();
    assert!(explained.len() > 20, "{} frames", explained.len());
    explained.iter().filter(|explained| **explained).count() as f32 / explained.len() as f32
}

fn loud(heard: &[Heard], for_more_than: usize) -> impl Iterator<Item = &Heard> {
    heard.iter().filter(move |frame| frame.loud_for > for_more_than)
}

#[test]
fn an_echo_is_explained_whatever_its_delay_and_strength() {
    let ours = OURS.speak(12);
    let arriving = through_room(&ours);
    let delays = [0, 20, 80, 250, 700, 1_500, 2_300].map(|delay| (0, delay, 0.0));
    let strengths = [-6.0, -12.0, -20.0, -30.0].map(|strength| (1_500, 250, strength));
    for (lead, delay, strength) in delays.into_iter().chain(strengths) {
        let microphone = louder(&delayed(&arriving, millis(delay)), strength);
        let heard = listen(&ours, &microphone, millis(lead));
        let share = explained(loud(&heard, ONSET));
        let limit = if strength < -20.0 { 0.85 } else { 0.95 };
        assert!(share >= limit, "{lead} ms ahead, {delay} ms, {strength} dB: {share}");
    }
}

#[test]
fn another_voice_is_not_explained() {
    let ours = OURS.speak(24);
    let mut all = Vec::new();
    for pitch in [95.0, 120.0, 150.0, 185.0, 190.0, 195.0, 230.0] {
        let theirs = Voice { pitch, ..THEIRS }.speak(20);
        let heard = listen(&ours, &delayed(&theirs, millis(300)), millis(1_500));
        for onset in heard.windows(3).filter(|onset| onset[0].loud_for == 1) {
            let explained = onset.iter().all(|frame| frame.share >= ECHO_SHARE);
            assert!(!explained, "{pitch} Hz");
        }
        all.extend(heard);
    }
    let share = explained(loud(&all, 0));
    assert!(share <= 0.02, "{share}");
}

#[test]
fn a_voice_over_an_echo_is_mostly_not_explained() {
    let (ours, theirs) = (OURS.speak(20), THEIRS.speak(10));
    let echo = delayed(&through_room(&ours), millis(250));
    for (strength, limit) in [(0.0, 0.45), (6.0, 0.3), (12.0, 0.15)] {
        let theirs = louder(&delayed(&theirs, millis(1_000)), strength);
        let heard = listen(&ours, &mixed(&echo, &theirs), millis(1_500));
        let both = heard.iter().zip(scene::loud(&theirs));
        let share = explained(both.filter(|(_, loud)| *loud).map(|(heard, _)| heard));
        assert!(share <= limit, "{strength} dB: {share}");
    }
}

#[test]
fn an_echo_is_found_again_after_the_delay_has_changed() {
    let (first, second) = (OURS.speak(16), Voice { words: 3, ..OURS }.speak(16));
    let ours = [first.as_slice(), &second].concat();
    let pause = vec![0.0; 5_003];
    let played = [first.as_slice(), &pause, &second].concat();
    let heard = listen(&ours, &delayed(&through_room(&played), millis(80)), millis(1_500));
    let (before, after) = heard.split_at((first.len() + pause.len()) / 512);
    for part in [before, after] {
        assert!(explained(loud(part, ONSET)) >= 0.95);
    }
}

#[test]
fn sound_may_be_sent_at_any_rate_and_in_any_pieces() {
    let ours = OURS.speak(8);
    for (rate, piece) in [(SampleRate::HZ_24000, 1_920), (SampleRate::HZ_44100, 441)] {
        let (mut resampler, mut sent) = (Resampler::new(RATE, rate), Vec::new());
        resampler.push(&ours, &mut sent);
        let mut guard = EchoGuard::new(RATE, millis(2_500));
        for piece in sent[..rate.hz() as usize].chunks(piece) {
            guard.sent(&Frame::new(rate, piece));
        }
        let shares = ours[..15_360].chunks_exact(512).map(|frame| guard.heard(frame));
        let explained = shares.skip(4).filter(|share| *share >= ECHO_SHARE).count();
        assert!(explained >= 24, "{rate}: {explained} of 26");
    }
}

#[test]
fn what_was_forgotten_explains_nothing() {
    let ours = OURS.speak(6);
    let mut guard = EchoGuard::new(RATE, millis(2_500));
    guard.sent(&Frame::new(RATE, &ours[..8_192]));
    let share = |guard: &mut EchoGuard| {
        let shares = ours[..8_192].chunks_exact(512).map(|frame| guard.heard(frame));
        shares.fold(0.0, f32::max)
    };
    assert!(share(&mut guard) > 0.9);
    guard.reset();
    assert!(share(&mut guard) <= 0.0);
    guard.sent(&Frame::new(RATE, &ours[..8_192]));
    assert!(share(&mut guard) > 0.9);
}

#[test]
fn silence_needs_no_explanation_and_nothing_sent_explains_nothing() {
    let mut guard = EchoGuard::new(RATE, millis(2_500));
    let mut noise = Noise(5);
    let noise: Vec<f32> = (0..8_192).map(|_| 0.1 * noise.next()).collect();
    for frame in noise.chunks_exact(512) {
        assert!(guard.heard(frame) <= 0.0);
    }
    guard.sent(&Frame::new(RATE, noise));
    for _ in 0..40 {
        assert!(guard.heard(&[0.0; 512]) <= 0.0);
    }
}

#[test]
fn what_can_come_back_no_more_is_forgotten_and_the_next_answer_is_known_again() {
    let ours = OURS.speak(6);
    let mut guard = EchoGuard::new(RATE, millis(2_500));
    assert!(!guard.is_listening());
    for _ in 0..2 {
        guard.sent(&Frame::new(RATE, &ours[..8_192]));
        assert!(guard.is_listening());
        for _ in 0..78 {
            assert!(guard.heard(&[0.0; 512]) <= 0.0);
        }
        let latest = ours[..8_192].chunks_exact(512).map(|frame| guard.heard(frame));
        assert!(latest.take(2).count() == 2 && guard.is_listening(), "2.56 s");
        guard.sent(&Frame::new(RATE, &ours[..8_192]));
        let shares = ours[..8_192].chunks_exact(512).map(|frame| guard.heard(frame));
        assert!(shares.fold(0.0, f32::max) > 0.9);
        for _ in 0..90 {
            guard.heard(&[0.0; 512]);
        }
        assert!(!guard.is_listening());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_share_is_from_0_to_1_whatever_is_sent_and_heard(
        pieces in prop::collection::vec((any::<bool>(), any::<u32>(), -40_i32..40, 0_usize..9_000), 1..12),
    ) {
        let mut guard = EchoGuard::new(RATE, millis(600));
        for (sent, seed, exponent, length) in pieces {
            let mut noise = Noise(seed);
            let mut sound: Vec<f32> =
                (0..length).map(|_| noise.next() * 10_f32.powi(exponent)).collect();
            if seed % 7 == 0 && let Some(sample) = sound.last_mut() {
                *sample = f32::NAN;
            }
            if sent {
                guard.sent(&Frame::new(RATE, sound));
            } else {
                for frame in sound.chunks(512) {
                    let share = guard.heard(frame);
                    prop_assert!((0.0..=1.0).contains(&share), "{}", share);
                }
            }
        }
    }
}
