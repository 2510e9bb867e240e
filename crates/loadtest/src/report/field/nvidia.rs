//! The terms of the scaling test of NVIDIA's voice agent.

use super::{Figure, count, seconds, steps};
use crate::{Outcome, TurnOutcome, report::summary::in_window};

/// An answer sooner than this counts as a reverse barge-in there.
const REVERSE_BARGE_IN_MS: f64 = 400.0;

pub(super) fn figures(outcome: &Outcome) -> Vec<Figure> {
    let turns = in_window(outcome);
    let underruns = turns.clone().map(|turn| turn.underruns).sum();
    vec![
        Figure::exact(
            "E2E",
            "from the true end of speech to the first sound received, silent or not; reverse \
             barge-ins are left out",
            seconds(outcome, |turn| {
                (!is_reverse_barge_in(turn)).then_some(turn.first_sound_arrived_ms?)
            }),
        ),
        Figure::exact(
            "reverse barge-ins",
            "answers before the end of speech or within 0.4 s of it; for a server that answers \
             within that by design, see the next line",
            count(turns.filter(|turn| is_reverse_barge_in(turn)).count()),
        )
        .unit(""),
        Figure::exact(
            "E2E, all but early answers",
            "the same, where only answers that began before the end of speech are left out",
            seconds(outcome, |turn| (!turn.answered_early).then_some(turn.first_sound_arrived_ms?)),
        ),
        Figure::exact("glitches", "times that the client ran out of sound", count(underruns))
            .unit(""),
        Figure::near(
            "asr_ttfb",
            "from the end of speech, as the server knows it, to the transcript",
            "to the final transcript",
            seconds(outcome, steps::transcript),
        ),
        Figure::near(
            "llm_ttft",
            "from the request to the model to its first token",
            "the request is taken to be made when the transcript is there, and without speculation \
             not before the turn is decided",
            seconds(outcome, steps::first_token),
        ),
        Figure::near(
            "tts_ttfb",
            "from the request to the voice to its first sound",
            "the request is taken to be made when the first sentence is there",
            seconds(outcome, steps::synthesis),
        ),
        Figure::near(
            "server_e2e",
            "from the end of speech to the first sound, within the server",
            "until it was sent",
            seconds(outcome, steps::first_sound_sent),
        ),
    ]
}

fn is_reverse_barge_in(turn: &TurnOutcome) -> bool {
    turn.answered_early
        || turn.first_sound_arrived_ms.is_some_and(|millis| millis < REVERSE_BARGE_IN_MS)
}
