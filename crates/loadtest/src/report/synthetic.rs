//! Runs that never were, for tests: drawn from a seed, and named as what they are.

use std::collections::BTreeMap;

use crate::{Act, CallerOutcome, Outcome, Sample, TurnMetrics, TurnOutcome, random::Random};

/// A run in which so many callers talk for so many seconds.
pub(super) fn synthetic(callers: usize, seconds: f64, seed: u64) -> Outcome {
    let mut random = Random::new(seed);
    let mut outcome = Outcome {
        name: "synthetic".to_owned(),
        scenario: "# made up for a test\ncallers = 8\n".to_owned(),
        made_by: "made up by a test, on no machine".to_owned(),
        duration: seconds,
        window: (seconds * 0.1, seconds * 0.9),
        crossings_checked: 40,
        ..Outcome::default()
    };
    for caller in 0..callers {
        outcome.callers.push(called(&mut random, caller));
        let mut at = number(caller) + 6.0;
        while at < seconds * 0.95 {
            outcome.turns.push(turn(&mut random, caller, at, callers));
            at += 8.0 + random.fraction() * 6.0;
        }
    }
    outcome.callers.push(CallerOutcome {
        caller: callers,
        called_at: seconds / 2.0,
        refused: true,
        ..CallerOutcome::default()
    });
    outcome.turns.sort_by(|one, other| one.at.total_cmp(&other.at));
    let mut at = 0.0;
    while at < seconds {
        outcome.samples.push(sample(&mut random, at, callers));
        at += seconds / 90.0;
    }
    outcome
}

fn called(random: &mut Random, caller: usize) -> CallerOutcome {
    CallerOutcome {
        caller,
        dialect: "repartee".to_owned(),
        called_at: number(caller),
        ready_ms: Some(20.0 + random.fraction() * 30.0),
        ..CallerOutcome::default()
    }
}

fn turn(random: &mut Random, caller: usize, at: f64, callers: usize) -> TurnOutcome {
    let chance = random.fraction();
    let slow = if random.fraction() < 0.1 { 2.0 } else { 1.0 };
    let load = (60.0 + 12.0 * number(callers)) * slow;
    let mut after =
        |before: u64, factor: f64| before + whole(load * factor * (0.6 + random.fraction()));
    let transcript = after(90, 0.3);
    let token = after(transcript, 0.9);
    let sentence = after(token, 1.2);
    let sound = after(sentence, 0.3);
    let turn_end = after(220, 0.4);
    let heard = f64::from(u32::try_from(sound.max(turn_end)).unwrap_or(0)) + 70.0;
    let answered = chance > 0.03;
    let interrupting = random.fraction() < 0.15;
    TurnOutcome {
        caller,
        act: if interrupting { Act::Interrupted } else { Act::Asked },
        at,
        clip: "what-is-this.wav".to_owned(),
        speech_ms: 1_800.0,
        voice_to_voice_ms: (answered && chance > 0.05).then_some(heard),
        answered_early: (0.03..=0.05).contains(&chance),
        leading_silence_ms: Some(20.0),
        parts: TurnMetrics {
            speech_end_to_turn_end_ms: Some(turn_end),
            speech_end_to_transcript_ms: Some(transcript),
            speech_end_to_first_token_ms: Some(token),
            speech_end_to_first_sentence_ms: Some(sentence),
            speech_end_to_first_audio_ms: Some(sound),
            speech_end_to_first_audio_sent_ms: Some(sound.max(turn_end)),
            speculative: true,
            saved_ms: Some(100),
            ..TurnMetrics::default()
        },
        first_sound_arrived_ms: Some(heard - 20.0),
        last_sound_arrived_ms: Some(heard + 2_000.0),
        answer_ms: 3_500.0,
        underruns: usize::from(random.fraction() < 0.02),
        stop_ms: interrupting.then_some(90.0),
        word_errors: Some((usize::from(random.fraction() < 0.1), 6)),
        failure: (!answered).then(|| "no answer within 20 s".to_owned()),
        ..TurnOutcome::default()
    }
}

fn sample(random: &mut Random, at: f64, callers: usize) -> Sample {
    let sessions = callers.min(usize::try_from(whole(at)).unwrap_or(0) + 1);
    let share = number(sessions) / 10.0;
    let of = |factor: f64| {
        BTreeMap::from([("llm".to_owned(), share * factor), ("stt".to_owned(), share / 3.0)])
    };
    Sample {
        at,
        sessions,
        cpu: share + random.fraction() * 0.3,
        resident_bytes: 680 << 20 | whole(random.fraction() * 4e6),
        threads: 14,
        descriptors: 20 + sessions,
        busy: of(0.8),
        queue_ms: of(12.0),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn number(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
fn whole(value: f64) -> u64 {
    value as u64
}
