//! Ends what a model repeats for ever.

/// As many times as tokens must follow one another to be a loop.
const TIMES: usize = 3;
/// Tokens that the repetitions must have together: people do say "no, no, no".
const TOKENS: usize = 12;

/// How many tokens to keep where `tokens` ends in a loop: the first round of it and what was
/// before. `None` if it does not. Looked at after each token, so that the first loop ends it.
pub(super) fn cut(tokens: &[i64]) -> Option<usize> {
    (1..=tokens.len() / TIMES).find_map(|round| {
        let repeated = round * TIMES.max(TOKENS.div_ceil(round));
        let start = tokens.len().checked_sub(repeated)?;
        let tail = &tokens[start..];
        let loops = tail[round..] == tail[..repeated - round];
        loops.then_some(start + round)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letters for tokens; what is left when the first loop is cut.
    fn check(tokens: &str, expected: &str) {
        let all: Vec<i64> = tokens.bytes().map(i64::from).collect();
        let kept = (1..=all.len()).find_map(|end| cut(&all[..end]));
        assert_eq!(&tokens[..kept.unwrap_or(tokens.len())], expected);
    }

    #[test]
    fn a_loop_is_cut_after_its_first_round() {
        check("and the pond. the pond. the pond. the pond.", "and the pond.");
        check("aaaaaaaaaaaaaaaa", "a");
        check("well: n,n,n,n,n,n,n,", "well: n,");
    }

    #[test]
    fn what_people_repeat_stays() {
        check("n,n,n,n,n,", "n,n,n,n,n,");
        check("0000000", "0000000");
        check("ask not what ask not what", "ask not what ask not what");
        check("", "");
    }
}
