//! The figures of a run. They are of the turns in its warm window, of everybody who called, and
//! of what the server told of itself in the window.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{Part, ServerFigures, turns::PARTS};
use crate::{Act, CallerOutcome, Outcome, Percentiles, TurnOutcome};

/// The figures of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The scenario's name.
    pub name: String,
    /// Version of the program and the machine it ran on.
    pub made_by: String,
    /// How long the run took, in seconds.
    pub duration: f64,
    /// From when to when turns count, in seconds since the run began.
    pub window: (f64, f64),
    /// Everybody who called.
    pub calls: CallFigures,
    /// The turns in the window.
    pub turns: TurnFigures,
    /// What the server told of itself in the window; `None` if it told nothing.
    pub server: Option<ServerFigures>,
}

/// What became of those who called, over the whole run.
#[derive(Clone, Debug, Serialize)]
pub struct CallFigures {
    /// Everybody who called.
    pub callers: usize,
    /// The most who were connected at once.
    pub at_once: usize,
    /// They were told that the server is at capacity.
    pub refused: usize,
    /// They waited in line and were let in.
    pub waited: usize,
    /// How long those waited.
    pub wait: Option<Percentiles>,
    /// From the call to the welcome.
    pub ready: Option<Percentiles>,
    /// Connections that failed, by reason.
    pub failures: BTreeMap<String, usize>,
}

/// What the turns in the window amount to.
#[derive(Clone, Debug, Serialize)]
pub struct TurnFigures {
    /// Turns in the window.
    pub count: usize,
    /// Turns before and after it, which count nowhere else.
    pub outside: usize,
    /// Turns that were answered, too early or not.
    pub answered: usize,
    /// Those over all turns; `None` of none.
    pub ok: Option<f64>,
    /// Reverse barge-ins: answers that began before the caller had finished. They have no latency.
    pub answered_early: usize,
    /// From the true end of speech to the first audible sample.
    pub voice_to_voice: Option<Percentiles>,
    /// The parts of it, each from the end of speech, in order: first as the server measured them,
    /// then when they arrived.
    pub parts: Vec<Part>,
    /// The silence that answers begin with.
    pub leading_silence: Option<Percentiles>,
    /// Turns whose answer had been begun before the turn was decided.
    pub speculative: usize,
    /// How much sooner the first sound of those was made for it.
    pub saved: Option<Percentiles>,
    /// Times that an answer fell silent for lack of sound.
    pub underruns: usize,
    /// Minutes of sound that the answers had.
    pub answer_minutes: f64,
    /// Underruns per minute of that sound; `None` without any.
    pub underruns_per_minute: Option<f64>,
    /// Turns that were spoken over the answer before.
    pub interruptions: usize,
    /// Those that stopped it; the others came when it was over, or did not.
    pub stopped: usize,
    /// How soon it fell silent.
    pub stop: Option<Percentiles>,
    /// How well callers were understood; `None` if their words are not known.
    pub understood: Option<WordErrors>,
    /// How well the answers' text was heard in their sound; `None` if nobody listened.
    pub heard: Option<WordErrors>,
    /// Answers in which another caller's sound was heard, over the whole run.
    pub crossed: usize,
    /// Answers in which that was looked for.
    pub crossings_checked: usize,
    /// The 95th percentile of voice to voice of the caller who waited longest, over that of the
    /// caller in the middle: 1.0 is fair. `None` of fewer than two callers.
    pub fairness: Option<f64>,
    /// Turns without an answer, by reason.
    pub failures: BTreeMap<String, usize>,
}

/// Words that went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WordErrors {
    /// How many.
    pub wrong: usize,
    /// Of how many.
    pub words: usize,
    /// The former over the latter.
    pub rate: f64,
}

/// The figures of this run.
pub fn summary(outcome: &Outcome) -> Summary {
    Summary {
        name: outcome.name.clone(),
        made_by: outcome.made_by.clone(),
        duration: outcome.duration,
        window: outcome.window,
        calls: calls(outcome),
        turns: turns(outcome),
        server: ServerFigures::of(outcome),
    }
}

/// The turns that count.
pub(super) fn in_window(outcome: &Outcome) -> impl Iterator<Item = &TurnOutcome> + Clone {
    let (from, to) = outcome.window;
    outcome.turns.iter().filter(move |turn| (from..=to).contains(&turn.at))
}

/// Whether anything was answered, be it too early.
pub(super) fn is_answered(turn: &TurnOutcome) -> bool {
    turn.failure.is_none() && (turn.voice_to_voice_ms.is_some() || turn.answered_early)
}

/// Percentiles of milliseconds; what is no time is left out.
pub(super) fn percentiles(millis: impl IntoIterator<Item = f64>) -> Option<Percentiles> {
    let durations = millis.into_iter().map(|millis| Duration::try_from_secs_f64(millis / 1e3));
    Percentiles::of(durations.filter_map(Result::ok))
}

/// The 95th percentile of voice to voice of each caller who has one, in milliseconds.
pub(super) fn slowness(outcome: &Outcome) -> BTreeMap<usize, Percentiles> {
    let mut latencies: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for turn in in_window(outcome) {
        latencies.entry(turn.caller).or_default().extend(turn.voice_to_voice_ms);
    }
    let each = latencies.into_iter();
    each.filter_map(|(caller, its)| Some((caller, percentiles(its)?))).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
pub(super) fn ratio(part: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

fn calls(outcome: &Outcome) -> CallFigures {
    let callers = || outcome.callers.iter();
    let waits = callers().filter(|caller| caller.ready_ms.is_some());
    let waits: Vec<f64> = waits.filter_map(|caller| caller.waited_ms).collect();
    CallFigures {
        callers: outcome.callers.len(),
        at_once: at_once(outcome),
        refused: callers().filter(|caller| caller.refused).count(),
        waited: waits.len(),
        wait: percentiles(waits),
        ready: percentiles(callers().filter_map(|caller| caller.ready_ms)),
        failures: counted(callers().filter_map(|caller| caller.failure.as_deref())),
    }
}

fn turns(outcome: &Outcome) -> TurnFigures {
    let turns = in_window(outcome);
    let count = turns.clone().count();
    let answered = turns.clone().filter(|turn| is_answered(turn)).count();
    let underruns = turns.clone().map(|turn| turn.underruns).sum();
    let answer_ms: f64 =
        turns.clone().map(|turn| turn.answer_ms).filter(|its| its.is_finite()).sum();
    let answer_minutes = answer_ms / 60_000.0;
    let measured = |it: fn(&TurnOutcome) -> Option<f64>| percentiles(turns.clone().filter_map(it));
    let has = |it: fn(&TurnOutcome) -> bool| turns.clone().filter(|turn| it(turn)).count();
    TurnFigures {
        count,
        outside: outcome.turns.len() - count,
        answered,
        ok: ratio(answered, count),
        answered_early: has(|turn| turn.answered_early),
        voice_to_voice: measured(|turn| turn.voice_to_voice_ms),
        parts: parts(&turns),
        leading_silence: measured(|turn| turn.leading_silence_ms),
        speculative: has(|turn| turn.parts.speculative),
        saved: measured(|turn| turn.parts.saved_ms.map(millis)),
        underruns,
        answer_minutes,
        underruns_per_minute: per_minute(underruns, answer_minutes),
        interruptions: has(|turn| turn.act == Act::Interrupted),
        stopped: has(|turn| turn.act == Act::Interrupted && turn.stop_ms.is_some()),
        stop: measured(|turn| turn.stop_ms),
        understood: word_errors(turns.clone().filter_map(|turn| turn.word_errors)),
        heard: word_errors(turns.clone().filter_map(|turn| turn.answer_errors)),
        crossed: outcome.crossed,
        crossings_checked: outcome.crossings_checked,
        fairness: fairness(outcome),
        failures: counted(turns.clone().filter_map(|turn| turn.failure.as_deref())),
    }
}

fn parts<'a>(turns: &(impl Iterator<Item = &'a TurnOutcome> + Clone)) -> Vec<Part> {
    type Arrived = fn(&TurnOutcome) -> Option<f64>;
    const ARRIVED: [(&str, Arrived); 3] = [
        ("transcript arrived", |turn| turn.transcript_arrived_ms),
        ("first words arrived", |turn| turn.first_words_arrived_ms),
        ("first sound arrived", |turn| turn.first_sound_arrived_ms),
    ];
    let part = |name, all| Some(Part { name, percentiles: all? });
    let measured = PARTS.into_iter().map(|(name, it)| {
        part(name, percentiles(turns.clone().filter_map(|turn| it(&turn.parts).map(millis))))
    });
    let arrived =
        ARRIVED.into_iter().map(|(name, it)| part(name, percentiles(turns.clone().filter_map(it))));
    measured.chain(arrived).flatten().collect()
}

/// Milliseconds as they are calculated with here.
#[expect(clippy::cast_precision_loss, reason = "no turn takes 285,000 years")]
pub(super) fn millis(whole: u64) -> f64 {
    whole as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn per_minute(underruns: usize, minutes: f64) -> Option<f64> {
    (minutes > 0.0).then(|| underruns as f64 / minutes)
}

fn word_errors(turns: impl Iterator<Item = (usize, usize)>) -> Option<WordErrors> {
    let (wrong, words) = turns.fold((0, 0), |all, its| (all.0 + its.0, all.1 + its.1));
    Some(WordErrors { wrong, words, rate: ratio(wrong, words)? })
}

fn fairness(outcome: &Outcome) -> Option<f64> {
    let each = slowness(outcome).into_values().map(|its| its.p95);
    let all = Percentiles::of(each).filter(|all| all.count > 1)?;
    let ratio = all.max.as_secs_f64() / all.p50.as_secs_f64();
    ratio.is_finite().then_some(ratio)
}

fn counted<'a>(reasons: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for reason in reasons {
        *counts.entry(reason.to_owned()).or_default() += 1;
    }
    counts
}

/// The most callers who were connected at once: who leaves in the moment in which another comes
/// makes room for them.
fn at_once(outcome: &Outcome) -> usize {
    let stay = |caller: &CallerOutcome| {
        let from = caller.called_at + caller.ready_ms? / 1e3;
        Some((from, caller.left_at.unwrap_or(outcome.duration).max(from)))
    };
    let stays = outcome.callers.iter().filter_map(stay);
    let mut changes: Vec<(f64, isize)> =
        stays.flat_map(|(from, to)| [(from, 1), (to, -1)]).collect();
    changes.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    let mut now = 0;
    let most = changes.into_iter().map(|(_, change)| {
        now += change;
        now
    });
    most.max().and_then(|most| usize::try_from(most).ok()).unwrap_or(0)
}
