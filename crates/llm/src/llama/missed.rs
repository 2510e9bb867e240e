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
    /// It is answered, but its reader takes nothing for now.
    Stalls,
    Answers,
}

/// The place of the talk that is least missed; of equals what has rested longest, or has most to
/// compute still.
pub(super) fn least_missed(talks: &[Talk]) -> Option<(usize, Rank)> {
    let holders = talks.iter().enumerate().filter(|(_, talk)| has_something(talk));
    let ranked = holders.map(|(place, talk)| {
        let missing = talk.tokens.len() - talk.held;
        ((rank(place, talk), talk.last_step, Reverse(missing)), place)
    });
    ranked.min().map(|((rank, ..), place)| (place, rank))
}

/// How much the talk at this place is missed.
pub(super) fn rank(place: usize, talk: &Talk) -> Rank {
    match &talk.answer {
        None if place == SHARED => Rank::Shared,
        None if talk.is_idle() => Rank::Rests,
        None => Rank::ReadsAhead,
        Some(answer) if answer.is_speculative() => Rank::Speculates,
        Some(answer) if !answer.has_room() => Rank::Stalls,
        Some(_) => Rank::Answers,
    }
}

/// Whether there is something to give up. One that computes has that, be it only its turn.
fn has_something(talk: &Talk) -> bool {
    let computes = match &talk.answer {
        None => !talk.is_idle(),
        Some(answer) => !answer.is_parked() && answer.has_room(),
    };
    talk.sequence.is_some() && (talk.held > 0 || computes)
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

    #[test]
    fn an_answer_that_nobody_takes_goes_before_one_that_is_listened_to() {
        let (mut nothing, _) = asked(0);
        nothing.answer = None;
        let (mut live, _heard) = asked(9);
        live.held = 9;
        let (mut stalled, _unread) = asked(9);
        stalled.held = 9;
        let answer = stalled.answer.as_mut().unwrap();
        while answer.has_room() {
            answer.take(b"word ");
        }
        let mut talks = [nothing, live, stalled];
        assert_eq!(least_missed(&talks), Some((2, Rank::Stalls)));
        talks[2].held = 0;
        assert_eq!(least_missed(&talks), Some((1, Rank::Answers)));
        talks[1].sequence = None;
        assert_eq!(least_missed(&talks), None);
    }
}
