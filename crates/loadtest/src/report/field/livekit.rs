//! The terms of livekit's agents, by the names of their metrics.

use super::{Figure, seconds, steps};
use crate::Outcome;

const REQUEST: &str = "the request is taken to be made when the transcript is there, and without \
                       speculation not before the turn is decided";

pub(super) fn figures(outcome: &Outcome) -> Vec<Figure> {
    vec![
        Figure::near(
            "e2e_latency",
            "from the end of speech to the moment at which the agent begins to speak",
            "until the first sound was sent",
            seconds(outcome, steps::first_sound_sent),
        ),
        Figure::exact(
            "transcription_delay",
            "from the end of speech to the final transcript",
            seconds(outcome, steps::transcript),
        ),
        Figure::exact(
            "end_of_utterance_delay",
            "from the end of speech to the decision that the turn is over",
            seconds(outcome, steps::turn_end),
        ),
        Figure::near(
            "llm_ttft",
            "from the request to the model to its first token",
            REQUEST,
            seconds(outcome, steps::first_token),
        ),
        Figure::near(
            "llm_node_ttfs",
            "from the request to the model to the first sentence for the voice",
            REQUEST,
            seconds(outcome, steps::first_sentence),
        ),
        Figure::near(
            "tts_ttfb",
            "from the first token that the voice is given to its first sound",
            "from the first sentence, which is the first that the voice is given here",
            seconds(outcome, steps::synthesis),
        ),
    ]
}
