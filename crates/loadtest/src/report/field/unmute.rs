//! The terms of unmute's load test. A message that its client waits for arrives no earlier than
//! the one that announces the response, hence the limits at that moment.

use std::collections::BTreeSet;

use super::{Figure, Measured, count, seconds, spread, steps};
use crate::{
    Outcome, TurnOutcome,
    report::summary::{in_window, is_answered, millis, ratio},
};

pub(super) fn figures(outcome: &Outcome) -> Vec<Figure> {
    vec![
        Figure::near(
            "stt_latencies",
            "from the start of the user's clip to the first piece of its transcript",
            "to the final transcript's arrival, so it is an upper bound; from the first sound \
             instead of the clip's start",
            seconds(outcome, |turn| Some(turn.speech_ms + turn.transcript_arrived_ms?)),
        ),
        Figure::near(
            "vad_latencies",
            "from the end of the user's clip, silence at its end included, to the response's \
             announcement",
            "from the end of speech as the server knows it to the decision that the turn is over, \
             so it is longer by the silence that a clip ends with",
            seconds(outcome, steps::turn_end),
        ),
        Figure::near(
            "llm_latencies",
            "from the response's announcement to its first text",
            "both as the server measured them; 0 where the text was there before the turn was \
             decided",
            seconds(outcome, |turn| Some((text(turn)? - steps::turn_end(turn)?).max(0.0))),
        ),
        Figure::near(
            "tts_start_latencies",
            "from the response's first text to its first sound",
            "until it was sent, as the server measured it; the text counts from the turn's \
             decision where it was there before",
            seconds(outcome, |turn| {
                let text = text(turn)?.max(steps::turn_end(turn)?);
                Some((steps::first_sound_sent(turn)? - text).max(0.0))
            }),
        ),
        Figure::exact(
            "tts_realtime_factors",
            "seconds of sound received over the seconds in which it arrived; a server that sends \
             at the pace of playback shows little more than 1",
            spread(in_window(outcome).filter_map(pace)),
        )
        .unit("x"),
        Figure::near(
            "OK fraction",
            "conversations without a failure over all conversations",
            "a caller is a conversation, however many turns they take",
            ok(outcome),
        )
        .unit(""),
        Figure::exact("conversations", "callers who began one", count(outcome.callers.len()))
            .unit(""),
    ]
}

fn text(turn: &TurnOutcome) -> Option<f64> {
    turn.parts.speech_end_to_first_token_ms.map(millis)
}

fn pace(turn: &TurnOutcome) -> Option<f64> {
    let took = turn.last_sound_arrived_ms? - turn.first_sound_arrived_ms?;
    (took > 0.0).then(|| turn.answer_ms / took)
}

fn ok(outcome: &Outcome) -> Option<Measured> {
    let failed = outcome.turns.iter().filter(|turn| !is_answered(turn));
    let failed: BTreeSet<usize> = failed.map(|turn| turn.caller).collect();
    let fine = outcome.callers.iter().filter(|caller| {
        !caller.refused && caller.failure.is_none() && !failed.contains(&caller.caller)
    });
    ratio(fine.count(), outcome.callers.len()).map(Measured::Number)
}
