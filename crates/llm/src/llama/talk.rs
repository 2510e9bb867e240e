//! What the engine keeps of one conversation.

use std::time::{Duration, Instant};

use engine::{Cancelled, EngineMetrics};
use llama_cpp_2::{sampling::LlamaSampler, token::LlamaToken};

use super::{prompt::KnownTexts, seats::Need, text::Text};
use crate::{LlmError, Options, Outlet, Standing, step::Want};

/// Room a stream must have before its response takes part in a step: what a last token completes,
/// and an error.
const ROOM: usize = 2;
/// Tokens a response may have before it is certain that anybody will hear it: a first fragment and
/// the sentence after it, which is what a voice can prepare in the meantime.
const SPECULATIVE_TOKENS: u32 = 24;
/// Tokens that can be drawn at all: those that matter, so that sorting them costs nothing.
const TOP_K: i32 = 64;
/// For so many tokens a token counts as seen recently.
const REPEAT_WINDOW: i32 = 64;

/// One conversation: its place in the model's memory, and what is to be computed for it.
pub(super) struct Talk {
    pub(super) id: u64,
    /// llama.cpp's number for it; `None` while it is in line for one.
    pub(super) sequence: Option<i32>,
    /// Whose is lower has asked earlier.
    pub(super) ticket: u64,
    /// Since when it is in line with an answer that somebody waits for.
    pub(super) waits_since: Option<Instant>,
    /// All tokens it has and should have.
    pub(super) tokens: Vec<LlamaToken>,
    /// How many of them, the first ones, are in the model's memory.
    pub(super) held: usize,
    /// How many of them are the system prompt's.
    pub(super) system: usize,
    /// The response under way.
    pub(super) answer: Option<Answer>,
    pub(super) texts: KnownTexts,
    /// The step that last worked for it.
    pub(super) last_step: u64,
    /// Whether its caller has gone.
    pub(super) closed: Cancelled,
    /// Whether its caller has gone and did not say so, as far as is known.
    pub(super) in_doubt: bool,
}

/// A response under way.
pub(super) struct Answer {
    outlet: Outlet,
    sampler: LlamaSampler,
    text: Text,
    /// Tokens it may still have.
    left: usize,
    generated: u32,
    /// How many of them since it was certain to be heard, and when the first of these came.
    generated_live: u32,
    first_live: Option<Instant>,
    /// Tokens it may have while it is speculative.
    speculative_tokens: u32,
    /// When it was asked for, until it first takes part in a step.
    waiting: Option<Instant>,
}

impl Talk {
    pub(super) fn new(id: u64, sequence: Option<i32>, closed: Cancelled) -> Self {
        Self {
            id,
            sequence,
            ticket: 0,
            waits_since: None,
            tokens: Vec::new(),
            held: 0,
            system: 0,
            answer: None,
            texts: KnownTexts::default(),
            last_step: 0,
            closed,
            in_doubt: false,
        }
    }

    /// What should be computed next. Without a sequence nothing can be.
    pub(super) fn wants(&self) -> Want {
        if self.sequence.is_some() { self.would_want() } else { Want::Nothing }
    }

    /// What it needs a sequence for, if it has none.
    pub(super) fn need(&self) -> Option<Need> {
        if self.sequence.is_some() {
            return None;
        }
        match self.would_want() {
            Want::Nothing => None,
            Want::Ahead(_) => Some(Need::ReadAhead),
            Want::Speculative(_) => Some(Need::Speculate),
            Want::Answer(_) | Want::Next => Some(Need::Answer),
        }
    }

    fn would_want(&self) -> Want {
        let missing = self.tokens.len() - self.held;
        match &self.answer {
            _ if missing == 0 => Want::Nothing,
            None => Want::Ahead(missing),
            Some(answer) if answer.is_parked() || !answer.has_room() => Want::Nothing,
            Some(answer) if answer.is_speculative() => Want::Speculative(missing),
            Some(answer) if answer.generated > 0 && missing == 1 => Want::Next,
            // its prompt, or all of it that was forgotten while it was parked
            Some(_) => Want::Answer(missing),
        }
    }

    /// Whether an answer has been in line for longer than this.
    pub(super) fn has_waited_for(&self, patience: Duration, now: Instant) -> bool {
        let waited = |since| now.saturating_duration_since(since) > patience;
        self.answer.is_some() && self.waits_since.is_some_and(waited)
    }

    /// Waits until the next token of its response, if there is one, can be computed, or nobody
    /// wants it any more.
    pub(super) async fn ready(&self) {
        let Some(answer) = &self.answer else { return };
        // who has no sequence gets none for a guess while nothing else happens
        if answer.is_resting() || self.sequence.is_none() {
            answer.outlet.settled().await;
        }
        answer.outlet.room().await;
    }

    /// Whether the response under way has a token.
    pub(super) fn has_begun(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.generated > 0)
    }

    /// Nothing is computed for it now.
    pub(super) fn is_idle(&self) -> bool {
        self.answer.is_none() && self.tokens.len() == self.held
    }

    /// Ends the response, if there is one; what it has written stays known.
    pub(super) fn end_answer(&mut self, metrics: &EngineMetrics) {
        if let Some(answer) = self.answer.take() {
            answer.note(metrics);
        }
        self.tokens.truncate(self.held);
    }

    /// Ends the response, if there is one, with an error.
    pub(super) fn fail(&mut self, error: LlmError, metrics: &EngineMetrics) {
        if let Some(answer) = &self.answer {
            answer.outlet.fail(error);
        }
        self.end_answer(metrics);
    }
}

impl Answer {
    /// A response of at most `left` tokens.
    pub(super) fn new(
        outlet: Outlet,
        sampler: LlamaSampler,
        text: Text,
        left: usize,
        asked: Instant,
    ) -> Self {
        let waiting = Some(asked);
        Self {
            outlet,
            sampler,
            text,
            left,
            generated: 0,
            generated_live: 0,
            first_live: None,
            speculative_tokens: SPECULATIVE_TOKENS,
            waiting,
        }
    }

    /// Whether nobody listens any more.
    pub(super) fn is_unwanted(&self) -> bool {
        self.outlet.is_unwanted()
    }

    /// Whether it may never be heard.
    pub(super) fn is_speculative(&self) -> bool {
        self.outlet.standing() == Standing::Speculative
    }

    /// Whether it goes on only once it is confirmed.
    pub(super) fn is_parked(&self) -> bool {
        self.is_speculative() && self.is_resting()
    }

    /// Lets it have no more tokens, not even of its prompt, while it is speculative.
    pub(super) fn park(&mut self) {
        self.speculative_tokens = 0;
    }

    /// Whether it has as many tokens as it may have while it is speculative.
    fn is_resting(&self) -> bool {
        self.generated >= self.speculative_tokens
    }

    /// It takes part in a step. Tells how long it has waited for that if it is the first, and
    /// somebody waits with it.
    pub(super) fn begin(&mut self) -> Option<Duration> {
        let asked = self.waiting.take()?;
        (self.outlet.standing() == Standing::Live).then(|| asked.elapsed())
    }

    /// Whether its reader would take another token.
    pub(super) fn has_room(&self) -> bool {
        self.outlet.pieces.capacity() >= ROOM
    }

    pub(super) fn sampler(&mut self) -> &mut LlamaSampler {
        &mut self.sampler
    }

    /// Takes the bytes of the next token; `false` if it was the last one.
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
        self.generated += 1;
        if !self.is_speculative() {
            self.first_live.get_or_insert_with(Instant::now);
            self.generated_live += 1;
        }
        self.left = self.left.saturating_sub(1);
        let piece = self.text.push(bytes);
        self.say(piece.text);
        !piece.ended && self.left > 0
    }

    /// Gives out what was held back.
    pub(super) fn flush(&mut self) {
        let rest = self.text.finish();
        self.say(rest);
    }

    fn say(&self, text: String) {
        if !text.is_empty() {
            // there is room, or else nobody listens, and the next step ends the response
            let _ = self.outlet.pieces.try_send(Ok(text));
        }
    }

    fn note(&self, metrics: &EngineMetrics) {
        // what nobody waited for counts, but says nothing of how fast the engine is
        metrics.generated(self.generated - self.generated_live, Duration::ZERO);
        if let Some(first) = self.first_live {
            metrics.generated(self.generated_live, first.elapsed());
        }
    }
}

impl Outlet {
    /// Whether nobody listens any more.
    pub(super) fn is_unwanted(&self) -> bool {
        self.cancelled.is_cancelled() || self.pieces.is_closed()
    }

    /// Waits until there is room for the next token, or nobody to take it.
    pub(super) async fn room(&self) {
        let _ = self.pieces.reserve_many(ROOM).await;
    }

    /// Says why there will be no more, if there is room to say it.
    pub(super) fn fail(&self, error: LlmError) {
        let _ = self.pieces.try_send(Err(error));
    }
}

/// Refuses options that make no sense before llama.cpp, which would abort, sees them.
pub(super) fn check(options: &Options) -> Result<(), LlmError> {
    let wrong = |what: &str, value: f32| Err(LlmError::Model(format!("{what} cannot be {value}")));
    let Options { temperature, top_p, repeat_penalty, .. } = *options;
    if !temperature.is_finite() || temperature < 0.0 {
        return wrong("the temperature", temperature);
    }
    if !(0.0..=1.0).contains(&top_p) {
        return wrong("top_p", top_p);
    }
    if !repeat_penalty.is_finite() || repeat_penalty <= 0.0 {
        return wrong("the repeat penalty", repeat_penalty);
    }
    Ok(())
}

/// How tokens are chosen.
pub(super) fn sampler(options: &Options, seed: Option<u32>, vocabulary: i32) -> LlamaSampler {
    let penalties = (options.repeat_penalty - 1.0).abs() > f32::EPSILON;
    let mut chain = Vec::new();
    if penalties {
        let repeat = options.repeat_penalty;
        chain.push(LlamaSampler::penalties(vocabulary, REPEAT_WINDOW, repeat, 0.0, 0.0));
    }
    if options.temperature > 0.0 {
        // llama.cpp draws a seed of its own for the greatest number
        let seed = options.seed.or(seed).unwrap_or(u32::MAX);
        chain.extend([
            LlamaSampler::top_k(TOP_K),
            LlamaSampler::top_p(options.top_p, 1),
            LlamaSampler::temp(options.temperature),
            LlamaSampler::dist(seed),
        ]);
    } else {
        chain.push(LlamaSampler::greedy());
    }
    LlamaSampler::chain(chain, true)
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        pin::pin,
        task::{Context, Waker},
    };

    use ::engine::cancellation;

    use super::*;
    use crate::{TokenStream, token_stream};

    /// A conversation that has a response to a prompt of so many tokens, none of them read yet.
    pub(in super::super) fn asked(prompt: usize) -> (Talk, TokenStream) {
        let (stays, closed) = cancellation();
        // it stays as long as the process
        std::mem::forget(stays);
        let mut talk = Talk::new(1, Some(1), closed);
        let (outlet, stream) = token_stream(200);
        let text = Text::new(Vec::new().into());
        let answer = Answer::new(outlet, LlamaSampler::greedy(), text, 100, Instant::now());
        talk.tokens = vec![LlamaToken(7); prompt];
        talk.answer = Some(answer);
        (talk, stream)
    }

    /// What a step of the engine does, without a model.
    fn read_all_and_take_one(talk: &mut Talk) {
        talk.held = talk.tokens.len();
        assert!(talk.answer.as_mut().unwrap().take(b"a"));
        talk.tokens.push(LlamaToken(8));
    }

    #[test]
    fn a_response_wants_what_its_standing_allows() {
        let (mut talk, stream) = asked(5);
        assert_eq!(talk.wants(), Want::Answer(5));
        stream.speculate();
        assert_eq!(talk.wants(), Want::Speculative(5));
        read_all_and_take_one(&mut talk);
        assert_eq!(talk.wants(), Want::Speculative(1));
        stream.confirm();
        assert_eq!(talk.wants(), Want::Next);
    }

    #[test]
    fn a_speculative_response_ends_nowhere_but_rests_after_its_first_words() {
        let (mut talk, stream) = asked(5);
        stream.speculate();
        let mut tokens = 0;
        while talk.wants() != Want::Nothing {
            read_all_and_take_one(&mut talk);
            tokens += 1;
        }
        assert_eq!(tokens, SPECULATIVE_TOKENS);
        let mut waiting = pin!(talk.ready());
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        stream.confirm();
        assert!(waiting.as_mut().poll(&mut context).is_ready());
        assert_eq!(talk.wants(), Want::Next);
    }

    #[test]
    fn what_was_forgotten_while_it_was_parked_is_read_again_once_confirmed() {
        let (mut talk, stream) = asked(5);
        stream.speculate();
        read_all_and_take_one(&mut talk);
        talk.answer.as_mut().unwrap().park();
        talk.held = 0;
        assert_eq!(talk.wants(), Want::Nothing);
        stream.confirm();
        assert_eq!(talk.wants(), Want::Answer(6));
    }

    #[test]
    fn who_has_no_sequence_computes_nothing_and_says_what_it_needs() {
        let (mut talk, stream) = asked(5);
        assert_eq!(talk.need(), None);
        talk.sequence = None;
        assert_eq!((talk.wants(), talk.need()), (Want::Nothing, Some(Need::Answer)));
        stream.speculate();
        assert_eq!(talk.need(), Some(Need::Speculate));
        talk.answer.as_mut().unwrap().park();
        assert_eq!(talk.need(), None);
        stream.confirm();
        assert_eq!(talk.need(), Some(Need::Answer));
        talk.answer = None;
        assert_eq!(talk.need(), Some(Need::ReadAhead));
    }

    #[test]
    fn a_guess_without_a_sequence_does_not_keep_the_engine_awake() {
        let (mut talk, stream) = asked(5);
        stream.speculate();
        talk.sequence = None;
        let mut waiting = pin!(talk.ready());
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        stream.confirm();
        assert!(waiting.as_mut().poll(&mut context).is_ready());
    }

    #[test]
    fn nobody_is_in_line_for_ever() {
        let (mut talk, _stream) = asked(5);
        let (began, patience) = (Instant::now(), Duration::from_secs(5));
        assert!(!talk.has_waited_for(patience, began + 2 * patience));
        talk.waits_since = Some(began);
        assert!(!talk.has_waited_for(patience, began + patience));
        assert!(talk.has_waited_for(patience, began + patience + Duration::from_millis(1)));
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        assert!(check(&Options::default()).is_ok());
        for (temperature, top_p, repeat_penalty) in
            [(-1.0, 0.9, 1.0), (f32::NAN, 0.9, 1.0), (0.7, 1.5, 1.0), (0.7, 0.9, 0.0)]
        {
            let options = Options { temperature, top_p, repeat_penalty, ..Options::default() };
            assert!(matches!(check(&options), Err(LlmError::Model(_))), "{options:?}");
        }
    }
}
