//! The terms of pipecat's metrics and of its observer of latency.

use super::{Figure, seconds, steps};
use crate::Outcome;

pub(super) fn figures(outcome: &Outcome) -> Vec<Figure> {
    vec![
        Figure::exact(
            "user-bot latency",
            "from the end of speech, as the server knows it and not when it was sure, to the \
             first sound sent",
            seconds(outcome, steps::first_sound_sent),
        ),
        Figure::exact(
            "user_turn_secs",
            "from the end of speech to the decision that the turn is over",
            seconds(outcome, steps::turn_end),
        ),
        Figure::exact(
            "STT TTFS",
            "from the end of speech to the final transcript",
            seconds(outcome, steps::transcript),
        ),
        Figure::near(
            "LLM TTFB",
            "from the request to the model to its first token",
            "the request is taken to be made when the transcript is there, and without speculation \
             not before the turn is decided",
            seconds(outcome, steps::first_token),
        ),
        Figure::exact(
            "text aggregation",
            "from the first token to the first sentence",
            seconds(outcome, steps::sentence),
        ),
        Figure::near(
            "TTS TTFB",
            "from the request to the voice to its first sound",
            "the request is taken to be made when the first sentence is there",
            seconds(outcome, steps::synthesis),
        ),
        Figure::near(
            "TTS TTFA",
            "the same and the silence that the sound begins with: until 10 ms above -40 dBFS, in a \
             sound of at least 50 ms",
            "as for TTS TTFB; the silence is that which the caller heard",
            seconds(outcome, |turn| Some(steps::synthesis(turn)? + turn.leading_silence_ms?)),
        ),
    ]
}
