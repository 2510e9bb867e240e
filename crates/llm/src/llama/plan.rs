//! What goes into the next step: a decision without a model.

/// What a conversation would have computed next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// Nothing, or its reader is slow.
    Nothing,
    /// The next token of a response that has begun.
    Next,
    /// So many tokens of a prompt that somebody waits to be answered.
    Answer(usize),
    /// So many tokens nobody waits for yet.
    Ahead(usize),
}

/// A part of a step: the conversation at this place computes so many tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) talk: usize,
    pub(super) tokens: usize,
}

/// Every response that has begun gets its next token; what remains of the step, at most `chunk`
/// tokens, goes to prompts that are waited for, the shortest first, then to reading ahead. So a
/// long prompt delays the others by one chunk, and a short one hardly waits for a long one.
pub(super) fn plan(wants: &[Want], chunk: usize) -> Vec<Share> {
    let mut shares = Vec::new();
    let mut prompts = Vec::new();
    for (talk, want) in wants.iter().enumerate() {
        match *want {
            Want::Nothing => {}
            Want::Next => shares.push(Share { talk, tokens: 1 }),
            Want::Answer(tokens) => prompts.push((false, tokens, talk)),
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
    fn nothing_to_do_is_an_empty_step() {
        check(&[Want::Nothing, Want::Nothing], 32, &[]);
    }

    proptest! {
        #[test]
        fn no_step_is_longer_than_its_responses_and_a_chunk(
            prompts in prop::collection::vec((0_u8..4, 1_usize..100), 0..20),
            chunk in 1_usize..64,
        ) {
            let wants: Vec<Want> = prompts
                .iter()
                .map(|&(kind, tokens)| match kind {
                    0 => Want::Nothing,
                    1 => Want::Next,
                    2 => Want::Answer(tokens),
                    _ => Want::Ahead(tokens),
                })
                .collect();
            let shares = plan(&wants, chunk);
            let next = wants.iter().filter(|want| **want == Want::Next).count();
            let total: usize = shares.iter().map(|share| share.tokens).sum();
            prop_assert!(total <= next + chunk);
            for Share { talk, tokens } in shares {
                let allowed = match wants[talk] {
                    Want::Nothing => 0..=0,
                    Want::Next => 1..=1,
                    Want::Answer(wanted) | Want::Ahead(wanted) => 1..=wanted,
                };
                prop_assert!(tokens > 0 && allowed.contains(&tokens));
            }
        }
    }
}
