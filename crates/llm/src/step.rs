//! What goes into the next step of a model that all conversations share: a decision without a
//! model. The engine makes it before every step, and whoever wants to know how callers would fare
//! on other hardware can make it as well.

/// What a conversation would have computed next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Nothing, or its reader is slow.
    Nothing,
    /// The next token of a response that has begun.
    Next,
    /// So many tokens of a prompt that somebody waits to be answered.
    Answer(usize),
    /// So many tokens, of a prompt or the next, of a response that may never be heard.
    Speculative(usize),
    /// So many tokens nobody waits for yet.
    Ahead(usize),
}

/// A part of a step: the conversation at this place computes so many tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The place of its [`Want`].
    pub talk: usize,
    /// At least one.
    pub tokens: usize,
}

/// Every response that has begun gets its next token; what remains of the step, at most `chunk`
/// tokens, goes to prompts that are waited for, the shortest first, then to reading ahead. So a
/// long prompt delays the others by one chunk, and a short one hardly waits for a long one.
///
/// Speculative responses take the place of prompts that are waited for, in steps without any live
/// response. Reading ahead comes after them: they are the likelier to be heard soon. A step is
/// empty only if nobody wants anything, so they are kept waiting only by who keeps the engine
/// awake.
pub fn plan(wants: &[Want], chunk: usize) -> Vec<Share> {
    let is_live = |want: &Want| matches!(want, Want::Next | Want::Answer(_));
    let any_live = wants.iter().any(is_live);
    let mut shares = Vec::new();
    let mut prompts = Vec::new();
    for (talk, want) in wants.iter().enumerate() {
        match *want {
            Want::Nothing => {}
            Want::Next => shares.push(Share { talk, tokens: 1 }),
            Want::Speculative(_) if any_live => {}
            Want::Answer(tokens) | Want::Speculative(tokens) => {
                prompts.push((false, tokens, talk));
            }
            Want::Ahead(tokens) => prompts.push((true, tokens, talk)),
        }
    }
    prompts.sort_unstable();
    let mut left = chunk;
    for (_, wanted, talk) in prompts {
        let tokens = wanted.min(left);
        if tokens > 0 {
            shares.push(Share { talk, tokens });
        }
        left -= tokens;
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(wants: &[Want], chunk: usize, expected: &[(usize, usize)]) {
        let shares: Vec<_> =
            plan(wants, chunk).iter().map(|share| (share.talk, share.tokens)).collect();
        assert_eq!(shares, expected, "{wants:?}");
    }

    #[test]
    fn responses_go_on_while_a_long_prompt_is_read() {
        check(
            &[Want::Answer(500), Want::Next, Want::Nothing, Want::Next],
            32,
            &[(1, 1), (3, 1), (0, 32)],
        );
    }

    #[test]
    fn the_shortest_prompt_goes_first_and_reading_ahead_last() {
        check(&[Want::Ahead(3), Want::Answer(50), Want::Answer(20)], 32, &[(2, 20), (1, 12)]);
        check(&[Want::Ahead(3), Want::Answer(20)], 32, &[(1, 20), (0, 3)]);
    }

    #[test]
    fn what_may_never_be_heard_waits_for_all_that_will_be() {
        use Want::{Ahead, Answer, Next, Nothing, Speculative};
        check(&[Speculative(1), Next, Speculative(50)], 32, &[(1, 1)]);
        check(&[Speculative(1), Answer(5), Ahead(40)], 32, &[(1, 5), (2, 27)]);
        check(&[Ahead(3), Speculative(20), Nothing], 32, &[(1, 20), (0, 3)]);
        check(&[Speculative(50), Speculative(1), Speculative(1)], 8, &[(1, 1), (2, 1), (0, 6)]);
    }

    #[test]
    fn nothing_to_do_is_an_empty_step() {
        check(&[Want::Nothing, Want::Nothing], 32, &[]);
    }

    fn wants() -> impl Strategy<Value = Vec<Want>> {
        let want = (0_u8..5, 1_usize..100).prop_map(|(kind, tokens)| match kind {
            0 => Want::Nothing,
            1 => Want::Next,
            2 => Want::Answer(tokens),
            3 => Want::Speculative(tokens),
            _ => Want::Ahead(tokens),
        });
        prop::collection::vec(want, 0..20)
    }

    proptest! {
        #[test]
        fn no_step_is_longer_than_its_responses_and_a_chunk(
            wants in wants(),
            chunk in 1_usize..64,
        ) {
            let shares = plan(&wants, chunk);
            let next = wants.iter().filter(|want| **want == Want::Next).count();
            let total: usize = shares.iter().map(|share| share.tokens).sum();
            prop_assert!(total <= next + chunk);
            for Share { talk, tokens } in shares {
                let allowed = match wants[talk] {
                    Want::Nothing => 0..=0,
                    Want::Next => 1..=1,
                    Want::Answer(wanted) | Want::Speculative(wanted) | Want::Ahead(wanted) => {
                        1..=wanted
                    }
                };
                prop_assert!(tokens > 0 && allowed.contains(&tokens));
            }
        }

        #[test]
        fn a_long_prompt_delays_the_next_token_of_others_by_one_chunk(
            others in wants(),
            chunk in 1_usize..64,
        ) {
            let mut wants = [vec![Want::Next, Want::Answer(2000)], others].concat();
            let mut steps = 0;
            while let Want::Answer(left) = wants[1] {
                let shares = plan(&wants, chunk);
                let next = wants.iter().filter(|want| **want == Want::Next).count();
                let prompts: usize = shares[next..].iter().map(|share| share.tokens).sum();
                let goes_on = shares.contains(&Share { talk: 0, tokens: 1 });
                prop_assert!(goes_on);
                prop_assert!(prompts <= chunk);
                let read = shares.iter().find(|share| share.talk == 1).map_or(0, |it| it.tokens);
                wants[1] = if left > read { Want::Answer(left - read) } else { Want::Nothing };
                // what was shorter has had its turn
                for share in shares.iter().filter(|share| share.talk > 1) {
                    wants[share.talk] = Want::Next;
                }
                steps += 1;
            }
            let before = wants.len() - 2;
            prop_assert!(steps <= 2000_usize.div_ceil(chunk) + 100 * before, "{steps}");
        }

        #[test]
        fn the_engine_rests_only_if_nobody_wants_anything(
            wants in wants(),
            chunk in 1_usize..64,
        ) {
            let nothing = wants.iter().all(|want| *want == Want::Nothing);
            prop_assert_eq!(plan(&wants, chunk).is_empty(), nothing);
        }

        #[test]
        fn a_step_with_live_responses_is_as_without_speculative_ones(
            wants in wants(),
            chunk in 1_usize..64,
        ) {
            let without: Vec<Want> = wants
                .iter()
                .map(|want| match want {
                    Want::Speculative(_) => Want::Nothing,
                    other => *other,
                })
                .collect();
            if wants.iter().any(|want| matches!(want, Want::Next | Want::Answer(_))) {
                prop_assert_eq!(plan(&wants, chunk), plan(&without, chunk));
            }
        }
    }
}
