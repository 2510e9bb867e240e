//! Whose memory is given up when there is not enough: a decision without a model.

use std::cmp::Reverse;

use super::talk::Talk;

/// The place of the system prompt's own sequence among the talks.
pub(super) const SHARED: usize = 0;

/// How much a conversation is missed when its memory is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Rests,
    Shared,
    ReadsAhead,
    Speculates,
    Answers,
    /// There is nothing to take.
    HasNothing,
}

/// The place of the talk that is least missed; of equals what has rested longest, or has most to
/// compute still.
pub(super) fn least_missed(talks: &[Talk]) -> Option<(usize, Rank)> {
    let ranked = talks.iter().enumerate().map(|(place, talk)| {
        let missing = talk.tokens.len() - talk.held;
        ((rank(place, talk), talk.last_step, Reverse(missing)), place)
    });
    ranked.min().map(|((rank, ..), place)| (place, rank))
}

fn rank(place: usize, talk: &Talk) -> Rank {
    match &talk.answer {
        _ if talk.is_idle() && talk.held == 0 => Rank::HasNothing,
        _ if talk.is_idle() && place == SHARED => Rank::Shared,
        _ if talk.is_idle() => Rank::Rests,
        None => Rank::ReadsAhead,
        // one that computes has something to give up, be it only its turn
        Some(answer) if answer.is_parked() && talk.held == 0 => Rank::HasNothing,
        Some(answer) if answer.is_speculative() => Rank::Speculates,
        Some(_) => Rank::Answers,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::talk::tests::asked, *};

    #[test]
    fn speculative_responses_go_after_what_rests_and_before_live_ones() {
        let (live, _heard) = asked(9);
        let (mut unsure, guess) = asked(5);
        guess.speculate();
        let (mut rests, _over) = asked(5);
        rests.answer = None;
        rests.held = 5;
        let (mut nothing, _) = asked(0);
        nothing.answer = None;
        // the first place is the shared one's
        let talks = [nothing, live, unsure, rests];
        assert_eq!(least_missed(&talks), Some((3, Rank::Rests)));
        let [nothing, live, taken, mut rests] = talks;
        unsure = taken;
        rests.tokens.clear();
        rests.held = 0;
        let talks = [nothing, live, unsure, rests];
        assert_eq!(least_missed(&talks), Some((2, Rank::Speculates)));
        let [nothing, live, mut unsure, rests] = talks;
        unsure.answer.as_mut().unwrap().park();
        assert_eq!(least_missed(&[nothing, live, unsure, rests]), Some((1, Rank::Answers)));
    }
}
